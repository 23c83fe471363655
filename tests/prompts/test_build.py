"""Objects checked against a video of 100 frames, 80x60, 25 frames/s, from 0 to 4 s."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from track_anything.errors import PromptError
from track_anything.prompts import (
    Hints,
    ObjectSpec,
    build_schedule,
    join_objects,
    parse_time,
)
from track_anything.structures import Frame, Prompt, VideoInfo

Frames = Callable[..., Frame]
Png = Callable[..., Path]
BOX = (10.0, 10.0, 30.0, 40.0)
LEFT, RIGHT = (0, 40), (60, 80)


def an_object(name: str = "", track_id: int | None = None, at: str = "0f") -> ObjectSpec:
    return ObjectSpec(name=name, track_id=track_id, hints=(Hints(at=parse_time(at), box=BOX),))


def first_prompts(objects: list[ObjectSpec], info: VideoInfo, frame: Frame) -> list[Prompt]:
    return list(build_schedule(objects, info).at(frame))


def test_ids_count_in_order_of_mention_around_those_that_are_fixed(info: VideoInfo) -> None:
    objects = [an_object("a"), an_object("b", 1), an_object("c"), an_object("d", 3)]
    names = build_schedule(objects, info).names
    assert names == {2: "a", 1: "b", 4: "c", 3: "d"}


def test_two_objects_with_one_id_are_refused(info: VideoInfo) -> None:
    with pytest.raises(PromptError, match="two objects have the id 3"):
        build_schedule([an_object("a", 3), an_object("b", 3)], info)


def test_no_objects_are_refused(info: VideoInfo) -> None:
    with pytest.raises(PromptError, match="no prompts"):
        build_schedule([], info)


def test_objects_of_one_name_become_one(info: VideoInfo) -> None:
    (joined,) = join_objects([an_object("a", 3), an_object("a", at="5f")])
    assert joined.track_id == 3
    assert [str(hints.at) for hints in joined.hints] == ["0f", "5f"]


def test_objects_without_a_name_stay_apart() -> None:
    assert len(join_objects([an_object(), an_object()])) == 2


def test_one_name_with_two_ids_is_refused() -> None:
    with pytest.raises(PromptError, match="'a' has two ids, 3 and 4"):
        join_objects([an_object("a", 3), an_object("a", 4)])


def test_coordinates_are_scaled_from_the_source_to_the_frames(
    info: VideoInfo, frame: Frames
) -> None:
    scaled = replace(info, source_width=160, source_height=240)
    hints = Hints(box=(20, 40, 60, 80), points=((30, 60),), background_points=((100, 200),))
    (prompt,) = first_prompts([ObjectSpec(hints=(hints,))], scaled, frame(0))
    assert prompt.box is not None
    assert prompt.box.tolist() == [10, 10, 30, 20]
    assert prompt.points.tolist() == [[15, 15], [50, 50]]
    assert prompt.labels.tolist() == [1, 0]


def test_a_box_partly_outside_is_cut_off_and_said(
    info: VideoInfo, frame: Frames, caplog: pytest.LogCaptureFixture
) -> None:
    spec = ObjectSpec(hints=(Hints(box=(-5, 50, 20, 99)),))
    (prompt,) = first_prompts([spec], info, frame(0))
    assert prompt.box is not None
    assert prompt.box.tolist() == [0, 50, 20, 60]
    assert "object 1 at 0f: the box -5,50,20,99 reaches outside the frame, 80x60" in caplog.text


@pytest.mark.parametrize("box", [(80, 0, 90, 10), (-9, -9, 0, 0), (0, 60, 9, 70)])
def test_a_box_wholly_outside_is_refused_with_the_size(
    box: tuple[float, float, float, float], info: VideoInfo
) -> None:
    with pytest.raises(PromptError, match="is outside the frame, 80x60"):
        build_schedule([ObjectSpec(hints=(Hints(box=box),))], info)


@pytest.mark.parametrize("point", [(80, 5), (5, 60), (-1, 5)])
def test_a_point_outside_is_refused_with_the_size(
    point: tuple[float, float], info: VideoInfo
) -> None:
    with pytest.raises(PromptError, match=r"object 1 at 0f: the point .* is outside .*, 80x60"):
        build_schedule([ObjectSpec(hints=(Hints(points=(point,)),))], info)


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("101f", "past the end: the video has 100 frames, 0f to 99f"),
        ("4.05", "past the end: the video lasts 4 s, until 4 s"),
        ("1:00:00", "past the end"),
    ],
)
def test_a_time_certainly_past_the_end_is_refused(at: str, message: str, info: VideoInfo) -> None:
    with pytest.raises(PromptError, match=message):
        build_schedule([an_object(at=at)], info)


@pytest.mark.parametrize("at", ["100f", "4.04"])
def test_one_frame_past_an_estimated_end_is_left_to_the_run(at: str, info: VideoInfo) -> None:
    assert build_schedule([an_object(at=at)], info).unused() == [f"object 1 at {at}"]


def test_any_time_is_taken_where_the_length_is_unknown(info: VideoInfo) -> None:
    unknown = replace(info, frame_count=None, duration=None)
    for at, said in (("99999f", "99999f"), ("99:00:00", "356400")):
        assert build_schedule([an_object(at=at)], unknown).unused() == [f"object 1 at {said}"]


def test_a_time_before_the_range_is_refused(info: VideoInfo) -> None:
    later = replace(info, start_time=Fraction(10))
    with pytest.raises(PromptError, match="before the first frame, which is at 10 s"):
        build_schedule([an_object(at="9.9")], later)


def test_a_time_just_before_the_first_frame_is_taken(info: VideoInfo, frame: Frames) -> None:
    later = replace(info, start_time=Fraction("10.01"))
    assert len(build_schedule([an_object(at="10")], later).at(frame(0, "10.01"))) == 1


def test_an_absent_range_past_the_end_or_before_the_start_is_refused(info: VideoInfo) -> None:
    hints = (Hints(box=BOX),)
    late = ObjectSpec(hints=hints, absent=((parse_time("5"), parse_time("6")),))
    with pytest.raises(PromptError, match="absent from 5 is past the end"):
        build_schedule([late], info)
    early = ObjectSpec(hints=hints, absent=((parse_time("1"), parse_time("2")),))
    with pytest.raises(PromptError, match="ends before the first frame, at 2 s"):
        build_schedule([early], replace(info, start_time=Fraction(2)))


def test_an_object_may_not_begin_with_background_points_alone(info: VideoInfo) -> None:
    spec = ObjectSpec(
        name="ball",
        hints=(Hints(at=parse_time("1"), box=BOX), Hints(background_points=((5, 5),))),
    )
    with pytest.raises(PromptError, match="'ball' begins at 0f with background points only"):
        build_schedule([spec], info)


@pytest.mark.parametrize("value", [1, 255])
def test_what_is_not_black_in_a_two_valued_mask_is_the_object(
    value: int, png: Png, info: VideoInfo, frame: Frames
) -> None:
    path = png("m.png", {LEFT: value})
    (prompt,) = first_prompts([ObjectSpec(hints=(Hints(mask=path),))], info, frame(0))
    assert prompt.mask is not None
    assert prompt.mask[:, :40].all()
    assert not prompt.mask[:, 40:].any()


def test_a_gray_mask_with_soft_edges_is_cut_in_the_middle(
    png: Png, info: VideoInfo, frame: Frames
) -> None:
    path = png("m.png", {LEFT: 255, (40, 41): 128, (41, 42): 127})
    spec = ObjectSpec(hints=(Hints(mask=path),), splits_mask=True)
    (prompt,) = first_prompts([spec], info, frame(0))
    assert prompt.mask is not None
    assert prompt.mask[0].nonzero()[0].tolist() == list(range(41))


def test_a_palette_mask_without_a_name_is_one_object_per_label(
    png: Png, info: VideoInfo, frame: Frames
) -> None:
    path = png("m.png", {LEFT: 1, RIGHT: 3, (50, 52): 255}, mode="P")
    spec = ObjectSpec(hints=(Hints(mask=path),), splits_mask=True)
    first, second = first_prompts([spec], info, frame(0))
    assert (first.track_id, second.track_id) == (1, 2)
    assert first.mask is not None
    assert second.mask is not None
    assert first.mask[0].nonzero()[0].tolist() == list(range(40))
    assert second.mask[0].nonzero()[0].tolist() == list(range(60, 80))


def test_a_palette_mask_with_a_name_is_one_object(png: Png, info: VideoInfo, frame: Frames) -> None:
    path = png("m.png", {LEFT: 1, RIGHT: 3}, mode="P")
    spec = ObjectSpec(name="all", hints=(Hints(mask=path),))
    (prompt,) = first_prompts([spec], info, frame(0))
    assert prompt.mask is not None
    assert prompt.mask[0].sum() == 60


def test_a_mask_is_scaled_without_new_values(png: Png, info: VideoInfo, frame: Frames) -> None:
    path = png("m.png", {(0, 20): 255}, size=(120, 160))
    scaled = replace(info, source_width=160, source_height=120)
    (prompt,) = first_prompts([ObjectSpec(hints=(Hints(mask=path),))], scaled, frame(0))
    assert prompt.mask is not None
    assert prompt.mask.shape == (60, 80)
    assert prompt.mask.sum(axis=1).tolist() == [10] * 60


def test_a_mask_of_another_size_is_refused_with_both_sizes(png: Png, info: VideoInfo) -> None:
    path = png("m.png", {LEFT: 255}, size=(30, 40))
    with pytest.raises(PromptError, match=r"m\.png: .* 80x60, got 40x30"):
        build_schedule([ObjectSpec(hints=(Hints(mask=path),))], info)


def test_an_empty_mask_is_refused(png: Png, info: VideoInfo) -> None:
    with pytest.raises(PromptError, match=r"the mask is empty; .* absent"):
        build_schedule([ObjectSpec(hints=(Hints(mask=png("m.png", {})),))], info)


def test_a_mask_that_is_missing_or_no_png_is_refused(tmp_path: Path, info: VideoInfo) -> None:
    text = tmp_path / "a.png"
    text.write_text("hello")
    cut = tmp_path / "cut.png"
    for path, message in ((text, "not a PNG"), (cut, "No such file"), (tmp_path, "directory")):
        with pytest.raises(PromptError, match=f"cannot be read as a PNG mask .*{message}"):
            build_schedule([ObjectSpec(hints=(Hints(mask=path),))], info)


def test_a_png_cut_off_in_the_middle_is_refused(png: Png, info: VideoInfo) -> None:
    path = png("m.png", {LEFT: 255})
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(PromptError, match=r"m\.png: cannot be read"):
        build_schedule([ObjectSpec(hints=(Hints(mask=path),))], info)


def test_the_manifest_says_what_the_user_said_in_source_pixels(info: VideoInfo) -> None:
    scaled = replace(info, source_width=160, source_height=120)
    spec = ObjectSpec(
        name="ball",
        hints=(Hints(at=parse_time("0.5"), box=(20, 40, 60, 80), background_points=((1, 2),)),),
        absent=((parse_time("1"), parse_time("2")),),
    )
    assert json.loads(json.dumps(build_schedule([spec], scaled).to_dict())) == {
        "objects": [
            {
                "id": 1,
                "name": "ball",
                "prompts": [{"at": "0.5", "box": [20, 40, 60, 80], "not": [[1, 2]]}],
                "absent": [["1", "2"]],
            }
        ]
    }

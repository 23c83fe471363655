"""One picture segmented by one call, and what is written of it."""

import logging
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

import track_anything
from track_anything.errors import ConfigError, OutputError, PromptError, VideoError
from track_anything.label_png import read_label_png, write_mask_png
from track_anything.masks import mask_iou
from track_anything.prompts import Hints, ObjectSpec, TimeCode
from track_anything.rle import rle_to_mask
from track_anything.segmentation import Segmentation, segment
from track_anything.segmentation_files import (
    SegmentationFiles,
    candidate_sheet,
    cutout_of,
    overlay_of,
)
from track_anything.structures import Image, Mask, Prompt
from track_anything.testing import MovingSquare, ThresholdSegmenter

BOX = (8.0, 12.0, 32.0, 36.0)
SQUARE = MovingSquare(frame_count=5)


@pytest.fixture
def image() -> Image:
    return next(iter(SQUARE)).image


def spec(name: str, at: TimeCode | None = None, **hints: object) -> ObjectSpec:
    moment = {} if at is None else {"at": at}
    return ObjectSpec(name=name, hints=(Hints(**moment, **hints),))  # type: ignore[arg-type]


def only(found: Segmentation) -> Mask:
    (each,) = found.objects
    return each.mask


def test_a_box_on_a_picture_gives_the_object_by_name(pictures: Path) -> None:
    found = track_anything.segment(pictures / "00000.png", {"square": BOX})
    (each,) = found.objects
    assert (each.track_id, each.name, found.segmenter) == (1, "square", "compact")
    assert found.reason == "the embedded one: no weights of SAM are here"
    assert mask_iou(each.mask, SQUARE.truth(0)) > 0.95


def test_an_image_and_a_segmenter_can_be_given(image: Image) -> None:
    found = segment(image, [Prompt(box=np.array(BOX))], segmenter=ThresholdSegmenter())
    assert np.array_equal(only(found), SQUARE.truth(0))
    assert (found.input, found.segmenter, found.reason) == ("", "threshold", "given")
    assert found.frame.image is image


@pytest.mark.parametrize("at", ["3f", "0.12", 0.12, Fraction(3, 25), TimeCode(frame_index=3)])
def test_the_frame_of_a_video_is_found_by_time_or_number(pictures: Path, at: object) -> None:
    box = SQUARE.box(3)
    found = segment(
        pictures,
        {"square": tuple(box)},
        at=at,  # type: ignore[arg-type]
        segmenter=ThresholdSegmenter(),
    )
    assert np.array_equal(only(found), SQUARE.truth(3))
    assert found.frame.time == Fraction(3, 25)


def test_without_a_moment_it_is_the_one_the_prompts_are_for(pictures: Path) -> None:
    box = tuple(float(side) for side in SQUARE.box(2))
    given = [spec("square", TimeCode(frame_index=2), box=box)]
    assert np.array_equal(
        only(segment(pictures, given, segmenter=ThresholdSegmenter())), SQUARE.truth(2)
    )
    by_index = {2: [Prompt(box=SQUARE.box(2))]}
    assert np.array_equal(
        only(segment(pictures, by_index, segmenter=ThresholdSegmenter())), SQUARE.truth(2)
    )


def test_prompts_for_several_moments_need_one_to_be_named(
    pictures: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = [
        spec("a", box=BOX),
        spec("b", TimeCode(seconds=Fraction(3, 25)), box=tuple(map(float, SQUARE.box(3)))),
    ]
    with pytest.raises(PromptError, match=r"for several moments, 0f, 0\.12: say at which"):
        segment(pictures, given)
    with caplog.at_level(logging.WARNING):
        found = segment(pictures, given, at="0.12", segmenter=ThresholdSegmenter())
    assert [each.name for each in found.objects] == ["b"]
    assert caplog.messages == ["left out: prompts for 0f"]


def test_a_moment_without_prompts_is_refused(pictures: Path) -> None:
    given = [spec("a", TimeCode(frame_index=2), box=BOX)]
    with pytest.raises(PromptError, match="no prompt is for 3f; there are prompts for 2f"):
        segment(pictures, given, at="3f")


def test_masks_are_final_and_need_no_segmenter(tmp_path: Path, image: Image) -> None:
    mask = np.zeros(image.shape[:2], bool)
    mask[3:9, 4:20] = True
    write_mask_png(tmp_path / "mask.png", mask)
    found = segment(image, [spec("", mask=tmp_path / "mask.png")], segmenter="none")
    assert np.array_equal(only(found), mask)
    facts = found.to_dict()["objects"][0]
    assert (facts["predicted_iou"], facts["area"]) == (None, 96)
    with pytest.raises(PromptError, match="without a segmenter every prompt is a mask"):
        segment(image, {"square": BOX}, segmenter="none")


def test_a_rough_mask_is_refined_with_the_hints_beside_it(tmp_path: Path, image: Image) -> None:
    rough = np.roll(SQUARE.truth(0), 3, axis=1)
    write_mask_png(tmp_path / "rough.png", rough)
    given = [spec("s", mask=tmp_path / "rough.png", background_points=((60.0, 60.0),))]
    assert np.array_equal(only(segment(image, given)), rough)
    found = segment(image, given, refine=True)
    (prompt,) = [each.prompt for each in found.objects]
    # The mask's box, 11 to 35 and 12 to 36, grown by a tenth on each side.
    assert prompt.box is not None
    assert prompt.box == pytest.approx([8.6, 9.6, 37.4, 38.4])
    assert prompt.logits is not None
    assert prompt.negative_points.tolist() == [[60, 60]]
    assert mask_iou(only(found), SQUARE.truth(0)) > 0.95


def test_a_picture_scaled_down_is_asked_with_prompts_scaled_down(pictures: Path) -> None:
    path = pictures / "00000.png"
    found = segment(path, {"square": BOX}, max_side=64, segmenter=ThresholdSegmenter())
    height, width = found.frame.image.shape[:2]
    assert max(height, width) == 64
    (each,) = found.objects
    with PillowImage.open(path) as picture:
        scale = 64 / max(picture.size)
    assert each.prompt.box == pytest.approx(np.array(BOX) * scale, abs=0.01)


@pytest.mark.parametrize(
    ("picture", "options", "error", "text"),
    [
        ("nowhere.png", {}, VideoError, "no such file"),
        (np.zeros((4, 4), np.uint8), {}, ConfigError, r"an image is \(H, W, 3\) uint8 RGB"),
        (np.zeros((4, 4, 3), np.uint8), {"max_side": 64}, ConfigError, "max_side scales files"),
        (np.zeros((4, 4, 3), np.uint8), {}, PromptError, "outside the frame, 4x4"),
        (np.zeros((90, 90, 3), np.uint8), {"segmenter": "magic"}, ConfigError, "a segmenter is"),
    ],
)
def test_what_does_not_fit_is_refused(
    picture: object, options: dict[str, object], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        segment(picture, {"square": BOX}, **options)  # type: ignore[arg-type]


def test_a_mask_of_another_size_is_refused(image: Image) -> None:
    with pytest.raises(PromptError, match="a mask is 3x2, the picture"):
        segment(image, [Prompt(mask=np.ones((2, 3), bool))])


# --- What is written ---------------------------------------------------------------------------


@pytest.fixture
def two(image: Image) -> Segmentation:
    """Two rectangles of 2x3 and 4x5 pixels; the second lies over a corner of the first."""
    masks = [np.zeros(image.shape[:2], bool) for _ in range(2)]
    masks[0][10:12, 20:23] = True
    masks[1][11:15, 22:27] = True
    return segment(image, [Prompt(mask=mask) for mask in masks], segmenter="none")


def test_the_json_has_box_area_and_run_lengths(two: Segmentation) -> None:
    said = two.to_dict()
    assert (said["width"], said["height"]) == two.frame.image.shape[1::-1]
    first, second = said["objects"]
    assert (first["box"], first["area"]) == ([20, 10, 23, 12], 6)
    assert (second["box"], second["area"]) == ([22, 11, 27, 15], 20)
    assert np.array_equal(rle_to_mask(second["segmentation"]), two.masks[2])
    assert "candidates" not in first
    assert len(two.to_dict(all_candidates=True)["objects"][0]["candidates"]) == 1


def test_the_cutout_is_the_picture_on_the_objects_and_nothing_elsewhere(two: Segmentation) -> None:
    cutout = cutout_of(two)
    union = two.masks[1] | two.masks[2]
    assert np.array_equal(cutout[..., 3], union * np.uint8(255))
    assert np.array_equal(cutout[union, :3], two.frame.image[union])
    assert not cutout[~union].any()


def test_one_object_is_white_on_black_and_several_are_their_ids(
    two: Segmentation, image: Image, tmp_path: Path
) -> None:
    SegmentationFiles(mask=tmp_path / "two.png").write(two)
    labels = read_label_png(tmp_path / "two.png")
    assert (labels[10, 20], labels[11, 22], labels[0, 0]) == (1, 2, 0)
    one = segment(image, [Prompt(mask=two.masks[1])], segmenter="none")
    SegmentationFiles(mask=tmp_path / "one.png").write(one)
    assert np.array_equal(read_label_png(tmp_path / "one.png"), two.masks[1] * 255)


def test_ids_above_those_of_a_palette_are_written_in_16_bits(image: Image, tmp_path: Path) -> None:
    mask = SQUARE.truth(0)
    given = [Prompt(mask=mask, track_id=300), Prompt(mask=~mask, track_id=2)]
    found = segment(image, given, segmenter="none")
    SegmentationFiles(mask=tmp_path / "wide.png").write(found)
    assert np.array_equal(read_label_png(tmp_path / "wide.png"), np.where(mask, 300, 2))


def test_the_overlay_is_painted_on_the_objects_only(two: Segmentation, tmp_path: Path) -> None:
    painted = overlay_of(two)
    changed = (painted != two.frame.image).any(2)
    assert changed[12, 24]
    assert not changed[40:].any()
    SegmentationFiles(overlay=tmp_path / "o.png").write(two)
    with PillowImage.open(tmp_path / "o.png") as picture:
        assert np.array_equal(np.asarray(picture), painted)
    SegmentationFiles(overlay=tmp_path / "o.JPG").write(two)
    with PillowImage.open(tmp_path / "o.JPG") as picture:
        assert picture.format == "JPEG"


def test_the_sheet_has_a_row_per_object_and_a_tile_per_candidate(image: Image) -> None:
    point = Prompt(points=np.array([[20, 20]]), labels=np.array([1]))
    found = segment(image, [point, Prompt(box=np.array(BOX))], segmenter="grabcut")
    counts = [len(each.candidates) for each in found.objects]
    height, width = image.shape[:2]
    # A line of text of 26 pixels above, 8 pixels around.
    assert candidate_sheet(found).shape == (2 * (height + 34), max(counts) * (width + 16), 3)
    assert max(counts) > 1


@pytest.mark.parametrize(
    ("files", "error", "text"),
    [
        ({"overlay": "new.gif"}, ConfigError, r"written as \.png or \.jpg or \.jpeg"),
        ({"cutout": "new.jpg"}, ConfigError, r"the cutout is written as \.png"),
        ({"overlay": "new.png", "mask": "new.png"}, ConfigError, "two outputs have one name"),
        ({"mask": "old.png"}, OutputError, "exists; name another file, or allow overwriting"),
        ({"mask": "in.png"}, OutputError, "is an input"),
        ({"mask": "nowhere/new.png"}, OutputError, "there is no folder"),
        ({"mask": "folder.png"}, OutputError, "is a folder"),
    ],
)
def test_what_cannot_or_must_not_be_written_is_said_before(
    tmp_path: Path, files: dict[str, str], error: type[Exception], text: str
) -> None:
    (tmp_path / "old.png").touch()
    (tmp_path / "in.png").touch()
    (tmp_path / "folder.png").mkdir()
    outputs = SegmentationFiles(**{name: tmp_path / path for name, path in files.items()})
    with pytest.raises(error, match=text):
        outputs.check(inputs=[tmp_path / "in.png"])


def test_overwriting_is_allowed_when_it_is_said_but_never_of_an_input(tmp_path: Path) -> None:
    (tmp_path / "old.png").touch()
    outputs = SegmentationFiles(mask=tmp_path / "old.png")
    outputs.check(overwrite=True)
    with pytest.raises(OutputError, match="is an input"):
        outputs.check(inputs=[tmp_path / "old.png"], overwrite=True)

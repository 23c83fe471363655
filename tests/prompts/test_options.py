"""Option strings and the objects they stand for together."""

from collections.abc import Callable
from pathlib import Path

import pytest

from track_anything.errors import PromptError
from track_anything.prompts import (
    Hints,
    ObjectSpec,
    PromptSpec,
    objects_from_options,
    parse_background_point,
    parse_box,
    parse_mask,
    parse_point,
    parse_time,
)


def test_a_box_has_four_numbers_and_begins_on_the_first_frame() -> None:
    expected = Hints(at=parse_time("0f"), box=(120, 80, 260.5, 310))
    assert parse_box("120,80,260.5,310") == PromptSpec("", expected)


def test_a_box_may_have_a_name_and_a_time() -> None:
    expected = Hints(at=parse_time("00:02.5"), box=(1, 2, 3, 4))
    assert parse_box("left goal=1,2,3,4@00:02.5") == PromptSpec("left goal", expected)


def test_a_name_may_hold_what_else_separates() -> None:
    assert parse_point("a@b=c=1,2@3f").name == "a@b=c"


def test_points_on_and_off_the_object_differ() -> None:
    assert parse_point("5,6").hints == Hints(points=((5, 6),))
    assert parse_background_point("5,6").hints == Hints(background_points=((5, 6),))


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_box, "1,2,3", r"--box is \[NAME=\]X0,Y0,X1,Y1\[@TIME\], got '1,2,3'"),
        (parse_box, "a,b,c,d", "--box is"),
        (parse_box, "", "--box is"),
        (parse_box, "1,2,1,4", "X1 > X0"),
        (parse_box, "nan,2,3,4", "finite"),
        (parse_box, "=1,2,3,4", "the name before = is empty"),
        (parse_box, "1,2,3,4@", "a time is"),
        (parse_box, "1,2,3,4@noon", "a time is"),
        (parse_point, "1,2,3", r"--point is \[NAME=\]X,Y"),
        (parse_background_point, "1", "--not is"),
        (parse_mask, "", "--mask is"),
        (parse_mask, "ball=", "--mask is"),
        (parse_mask, "=a.png", "the name before = is empty"),
    ],
)
def test_other_text_is_refused_with_the_option_and_its_form(
    parse: Callable[[str], PromptSpec], text: str, message: str
) -> None:
    with pytest.raises(PromptError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("text", "name", "path", "time"),
    [
        ("m.png", "", "m.png", "0f"),
        ("ball=m.png", "ball", "m.png", "0f"),
        ("ball=m.png@2.5", "ball", "m.png", "2.5"),
        ("shot@2x.png", "", "shot@2x.png", "0f"),
        ("shot@2x.png@7f", "", "shot@2x.png", "7f"),
        ("ball=a=b.png", "ball", "a=b.png", "0f"),
        ("runs/k=3/m.png", "", "runs/k=3/m.png", "0f"),
        ("ball=runs/k=3/m.png@1:02", "ball", "runs/k=3/m.png", "62"),
    ],
)
def test_a_mask_file_may_hold_at_and_equals(text: str, name: str, path: str, time: str) -> None:
    assert parse_mask(text) == PromptSpec(name, Hints(at=parse_time(time), mask=Path(path)))


@pytest.mark.parametrize("name", ["k=3.png", "m.png@2", "k=3@2f"])
def test_a_mask_file_that_exists_is_taken_whole(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    assert parse_mask(name) == PromptSpec("", Hints(mask=Path(name)))


def test_one_name_is_one_object_over_all_options_and_times() -> None:
    specs = [
        parse_box("a=0,0,9,9"),
        parse_point("a=5,5"),
        parse_background_point("a=8,8"),
        parse_box("a=1,1,9,9@2"),
    ]
    first = Hints(box=(0, 0, 9, 9), points=((5, 5),), background_points=((8, 8),))
    later = Hints(at=parse_time("2"), box=(1, 1, 9, 9))
    assert objects_from_options(specs) == [ObjectSpec(name="a", hints=(first, later))]


def test_every_box_without_a_name_is_an_object() -> None:
    objects = objects_from_options([parse_box("0,0,9,9"), parse_box("0,0,9,9@1")])
    assert len(objects) == 2


def test_points_without_a_name_at_one_time_are_one_object() -> None:
    specs = [
        parse_point("1,1"),
        parse_point("2,2"),
        parse_point("3,3@1"),
        parse_background_point("4,4"),
    ]
    objects = objects_from_options(specs)
    assert [item.hints for item in objects] == [
        (Hints(points=((1, 1), (2, 2)), background_points=((4, 4),)),),
        (Hints(at=parse_time("1"), points=((3, 3),)),),
    ]


def test_points_without_a_name_refine_the_only_box_of_their_time() -> None:
    specs = [parse_point("5,5"), parse_box("0,0,9,9"), parse_box("0,0,9,9@1")]
    first, second = objects_from_options(specs)
    assert first.hints == (Hints(box=(0, 0, 9, 9), points=((5, 5),)),)
    assert second.hints == (Hints(at=parse_time("1"), box=(0, 0, 9, 9)),)


def test_points_beside_two_boxes_are_an_object_of_their_own() -> None:
    specs = [parse_box("0,0,9,9"), parse_box("9,9,20,20"), parse_point("30,30")]
    assert len(objects_from_options(specs)) == 3


def test_background_points_beside_two_boxes_are_refused() -> None:
    specs = [parse_box("0,0,9,9"), parse_box("9,9,20,20"), parse_background_point("5,5")]
    with pytest.raises(PromptError, match="only background points"):
        objects_from_options(specs)


def test_two_boxes_of_one_name_at_one_time_are_refused() -> None:
    with pytest.raises(PromptError, match="two box options at 0f"):
        objects_from_options([parse_box("a=0,0,9,9"), parse_box("a=1,1,9,9")])


def test_only_a_mask_without_a_name_stands_for_several_objects() -> None:
    unnamed, named = objects_from_options([parse_mask("m.png"), parse_mask("a=m.png")])
    assert (unnamed.splits_mask, named.splits_mask) == (True, False)

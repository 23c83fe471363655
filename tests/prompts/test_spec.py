"""Time codes and what an object may be said to be."""

from fractions import Fraction

import pytest

from track_anything.errors import PromptError
from track_anything.prompts import Hints, ObjectSpec, TimeCode, parse_time


def at(text: str) -> TimeCode:
    return parse_time(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12.5", Fraction(25, 2)),
        ("0", Fraction(0)),
        (".5", Fraction(1, 2)),
        ("0.1", Fraction(1, 10)),
        ("90", Fraction(90)),
        ("01:02", Fraction(62)),
        ("1:02.25", Fraction(249, 4)),
        ("01:00:02.500", Fraction(7205, 2)),
        ("100:00:00", Fraction(360000)),
        (" 3 ", Fraction(3)),
    ],
)
def test_a_time_in_seconds_or_on_the_clock_is_an_exact_fraction(
    text: str, seconds: Fraction
) -> None:
    assert parse_time(text) == TimeCode(seconds=seconds)


def test_a_number_with_an_f_counts_frames() -> None:
    assert parse_time("250f") == TimeCode(frame_index=250)


@pytest.mark.parametrize(
    "text", ["", "abc", "-1", "1:60", "60:00:61", "1:2:3:4", "2.5f", "f", "1e3", "nan", "1,5", "٣"]
)
def test_any_other_text_is_refused_with_the_three_forms(text: str) -> None:
    with pytest.raises(PromptError, match=r"12\.5.*HH:MM:SS\.ms.*250f"):
        parse_time(text)


@pytest.mark.parametrize("text", ["0f", "250f", "0", "12.5", "0.000000001", "3600", "7.04"])
def test_the_text_of_a_time_reads_back_as_the_same_time(text: str) -> None:
    assert str(parse_time(text)) == text


def test_a_time_that_no_decimal_can_hold_is_written_to_the_nanosecond() -> None:
    assert str(TimeCode(seconds=Fraction(1, 3))) == "0.333333333"


@pytest.mark.parametrize(
    "parts", [{}, {"seconds": Fraction(1), "frame_index": 1}, {"frame_index": -1}]
)
def test_a_time_code_is_one_number_from_zero_on(parts: dict[str, int]) -> None:
    with pytest.raises(PromptError):
        TimeCode(**parts)  # type: ignore[arg-type]


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (5, 5, 9, 5), (9, 5, 5, 9)])
def test_a_box_without_area_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(PromptError, match="X1 > X0 and Y1 > Y0"):
        Hints(box=box)


def test_hints_that_say_nothing_are_refused() -> None:
    with pytest.raises(PromptError, match="nothing is said at 3f"):
        Hints(at=at("3f"))


def test_coordinates_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(PromptError, match="finite"):
        Hints(points=((float("nan"), 1),))


def test_an_object_known_only_by_background_points_is_refused() -> None:
    with pytest.raises(PromptError, match="'ball' has only background points"):
        ObjectSpec(name="ball", hints=(Hints(background_points=((1, 1),)),))


def test_background_points_alone_may_correct_an_object_later() -> None:
    first = Hints(box=(0, 0, 9, 9))
    later = Hints(at=at("5f"), background_points=((1, 1),))
    assert ObjectSpec(hints=(first, later)).hints == (first, later)


def test_two_boxes_at_one_time_are_refused() -> None:
    with pytest.raises(PromptError, match="more than one box at 2f"):
        ObjectSpec(hints=(Hints(at=at("2f"), box=(0, 0, 9, 9)),) * 2)


@pytest.mark.parametrize(
    ("absent", "message"),
    [
        ([("4", "3")], "ends after it begins, got 4 to 3"),
        ([("4", "4")], "ends after it begins"),
        ([("4", "9f")], "both ends"),
        ([("1", "3"), ("2", "4")], "do not overlap, got 1 to 3 and 2 to 4"),
        ([("7f", "9f"), ("2", "4"), ("8f", "12f")], "do not overlap, got 7f to 9f and 8f to 12f"),
    ],
)
def test_absent_ranges_that_make_no_sense_are_refused(
    absent: list[tuple[str, str]], message: str
) -> None:
    ranges = tuple((at(start), at(end)) for start, end in absent)
    with pytest.raises(PromptError, match=message):
        ObjectSpec(hints=(Hints(box=(0, 0, 9, 9)),), absent=ranges)


def test_absent_ranges_may_follow_one_another_and_mix_units() -> None:
    ranges = ((at("2"), at("3")), (at("1"), at("2")), (at("5f"), at("9f")))
    assert ObjectSpec(hints=(Hints(box=(0, 0, 9, 9)),), absent=ranges).absent == ranges

"""What is doubtful on one frame."""

from collections.abc import Callable, Sequence

import pytest

from track_anything.review.doubts import Cause, Doubt, Doubter
from track_anything.structures import Event, EventKind, FrameResult, ObjectMask, Origin, State

Seen = Callable[..., ObjectMask]
Film = Callable[..., list[FrameResult]]

SIZE = (96, 128)


def doubts(results: Sequence[FrameResult]) -> list[tuple[int, Doubt]]:
    doubter = Doubter(SIZE)
    return [(r.frame.index, doubt) for r in results for doubt in doubter.judge(r)]


def causes(results: Sequence[FrameResult]) -> list[tuple[int, Cause, int]]:
    return [(index, doubt.cause, doubt.track_id) for index, doubt in doubts(results)]


def steady(seen: Seen, count: int, *, step: int = 1) -> list[list[ObjectMask]]:
    """A 20x20 square moving right by whole pixels."""
    return [[seen(1, (10 + step * n, 40, 30 + step * n, 60))] for n in range(count)]


def test_a_square_moving_evenly_is_not_doubted(seen: Seen, film: Film) -> None:
    assert causes(film(steady(seen, 12, step=4))) == []


def test_a_low_confidence_is_doubted(seen: Seen, film: Film) -> None:
    square = (10, 40, 30, 60)
    results = film([[seen(1, square, confidence=value)] for value in (0.55, 0.54, 0.2)])
    found = doubts(results)
    assert [(i, d.cause) for i, d in found] == [
        (1, Cause.LOW_CONFIDENCE),
        (2, Cause.LOW_CONFIDENCE),
    ]
    assert found[1][1].severity == pytest.approx(1.0)
    assert "0.20" in found[1][1].detail


@pytest.mark.parametrize(("bottom", "is_jump"), [(65, False), (67, True), (50, True), (56, False)])
def test_an_area_that_changes_by_three_tenths_jumps(
    seen: Seen, film: Film, bottom: int, is_jump: bool
) -> None:
    # 400 pixels to 20 x (bottom - 40); a change must be above 0.3 of the smaller and above the
    # outline of the smaller (4 sides).
    results = film([[seen(1, (10, 40, 30, 60))], [seen(1, (10, 40, 30, bottom))]])
    assert ((1, Cause.AREA, 1) in causes(results)) is is_jump


def test_a_tiny_mask_may_flicker_by_its_outline(seen: Seen, film: Film) -> None:
    results = film([[seen(1, (10, 40, 14, 44))], [seen(1, (10, 40, 15, 45))]])
    assert causes(results) == []


def test_a_shape_is_doubted_against_what_is_usual_for_it(seen: Seen, film: Film) -> None:
    frames = steady(seen, 8)
    # Of the same area, but 10 x 40 in place of 20 x 20: they share 200 of 600 pixels.
    frames.append([seen(1, (23, 30, 33, 70))])
    found = [(i, d) for i, d in doubts(film(frames)) if d.cause is Cause.SHAPE]
    assert [index for index, _ in found] == [8]
    assert "0.33, usually 1.00" in found[0][1].detail


def test_a_centre_off_its_course_is_doubted(seen: Seen, film: Film) -> None:
    frames = steady(seen, 6)
    frames.append([seen(1, (46, 40, 66, 60))])
    found = [(i, d) for i, d in doubts(film(frames)) if d.cause is Cause.CENTER]
    # It went 31 pixels where 1 was expected: 30 off, 1.5 of its side of 20.
    assert [(index, d.detail) for index, d in found] == [
        (6, "centre 30 pixels off its course, 1.5 of its own size")
    ]


def test_a_jump_the_user_made_is_no_doubt(seen: Seen, film: Film) -> None:
    frames = steady(seen, 6)
    frames.append([seen(1, (70, 10, 110, 70), origin=Origin.PROMPTED)])
    assert causes(film(frames)) == []


def test_a_jump_at_a_cut_is_only_the_cut(seen: Seen, film: Film) -> None:
    frames = steady(seen, 6)
    frames.append([seen(1, (70, 10, 110, 70))])
    results = film(frames, {6: [Event(EventKind.CUT, 0)]})
    assert causes(results) == [(6, Cause.CUT, 0)]


def test_lost_and_found_know_when_it_was_last_seen(seen: Seen, film: Film) -> None:
    frames = steady(seen, 3)
    frames += [[seen(1, None, confidence=0.0, state=State.LOST)]] * 5
    frames += [[seen(1, (42, 40, 62, 60), confidence=0.6)]]
    found = doubts(film(frames))
    assert [(i, d.cause, d.since_frame) for i, d in found] == [
        *((index, Cause.LOST, 2) for index in range(3, 8)),
        (8, Cause.FOUND, 2),
    ]
    # Six frames of 0.04 s after the last sight at 12, 40; 30 pixels to the right.
    assert found[-1][1].detail == "found again after 0.24 s, 30 pixels from where it was"
    assert found[-1][1].severity == pytest.approx(0.7)


def test_an_empty_mask_of_a_sure_track_is_as_bad_as_lost(seen: Seen, film: Film) -> None:
    frames = [*steady(seen, 2), [seen(1, None)]]
    assert causes(film(frames)) == [(2, Cause.LOST, 1)]


def test_an_absence_the_user_told_of_is_no_doubt(seen: Seen, film: Film) -> None:
    frames = steady(seen, 3)
    frames += [[seen(1, None, confidence=1.0, state=State.OCCLUDED)]] * 3
    frames += [[seen(1, (60, 10, 80, 30))]]
    assert causes(film(frames)) == []


def test_a_rejected_reprompt_is_doubted_in_its_words(seen: Seen, film: Film) -> None:
    results = film(steady(seen, 2), {1: [Event(EventKind.REJECTED, 1, "the answer is empty")]})
    ((index, doubt),) = doubts(results)
    assert (index, doubt.cause) == (1, Cause.REJECTED)
    assert doubt.detail == "a re-prompt was rejected: the answer is empty"


def test_objects_that_touch_are_doubted_once_with_both_ids(seen: Seen, film: Film) -> None:
    results = film([[seen(1, (10, 40, 30, 60)), seen(4, (31, 40, 51, 60), label="ball")]])
    ((_, doubt),) = doubts(results)
    assert (doubt.cause, doubt.track_id, doubt.other_id) == (Cause.CONTACT, 1, 4)
    assert "touches ball" in doubt.detail


def test_a_mask_in_parts_is_doubted(seen: Seen, film: Film) -> None:
    results = film([[seen(1, (10, 40, 30, 60), (60, 40, 70, 60))]])
    ((_, doubt),) = doubts(results)
    assert doubt.cause is Cause.FRAGMENTS
    assert doubt.detail == "in 2 parts, 33% of it outside the largest"


def test_a_mask_at_the_border_is_doubted(seen: Seen, film: Film) -> None:
    ((_, doubt),) = doubts(film([[seen(1, (0, 0, 20, 20))]]))
    assert doubt.detail == "reaches the left and top border of the picture"

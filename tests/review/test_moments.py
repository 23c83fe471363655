"""Stretches, moments and their ranking."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from track_anything.review.doubts import Cause, Doubt
from track_anything.review.moments import Moment, MomentFinder
from track_anything.structures import Frame

BLACK = np.zeros((2, 2, 3), np.uint8)


def moments(
    doubts: Sequence[tuple[int, Doubt]], *, rate: int = 10, most: int = 100
) -> list[Moment]:
    finder = MomentFinder(max_stretches=most)
    for index in range(max(index for index, _ in doubts) + 1):
        said = [doubt for at, doubt in doubts if at == index]
        finder.add(Frame(index, Fraction(index, rate), BLACK), said)
    return finder.finish()


def low(severity: float, *, track_id: int = 1) -> Doubt:
    return Doubt(Cause.LOW_CONFIDENCE, track_id, severity, f"severity {severity}")


def test_neighbouring_frames_of_one_cause_are_one_moment() -> None:
    (moment,) = moments([(3, low(0.2)), (4, low(0.8)), (5, low(0.4))])
    main = moment.main
    assert (main.first.frame, main.peak.frame, main.last.frame) == (3, 4, 5)
    assert main.text == "severity 0.8, for 3 frames"


def test_half_a_second_between_still_is_one_and_more_is_two() -> None:
    assert len(moments([(0, low(0.5)), (5, low(0.4))])) == 1
    assert len(moments([(0, low(0.5)), (6, low(0.4))])) == 2


def test_the_score_is_weight_times_severity_and_length() -> None:
    (one,) = moments([(0, low(0.5))])
    assert one.score == pytest.approx(0.8 * 0.5 * 0.75)
    (long,) = moments([(n, low(0.5)) for n in range(11)])
    assert long.score == pytest.approx(0.8 * 0.5)


def test_reasons_of_one_object_at_one_time_add_up_to_one_moment() -> None:
    other = Doubt(Cause.AREA, 1, 0.4, "area")
    (moment,) = moments([(4, low(0.5)), (6, other)])
    first, second = 0.8 * 0.5 * 0.75, 0.7 * 0.4 * 0.75
    assert [one.cause for one in moment.reasons] == [Cause.LOW_CONFIDENCE, Cause.AREA]
    assert moment.score == pytest.approx(1 - (1 - first) * (1 - second))
    assert moment.text == "severity 0.5; area"


def test_objects_are_kept_apart_and_the_worst_comes_first() -> None:
    found = moments([(4, low(0.5)), (4, low(0.9, track_id=2)), (30, low(0.9))])
    assert [(m.track_id, m.main.peak.frame) for m in found] == [(2, 4), (1, 30), (1, 4)]


def test_being_lost_anew_is_another_stretch() -> None:
    found = moments(
        [(n, Doubt(Cause.LOST, 1, 1.0, "lost", since_frame=0)) for n in (1, 2, 3)]
        + [(n, Doubt(Cause.LOST, 1, 1.0, "lost", since_frame=4)) for n in (5, 6, 7, 8, 9, 10)]
    )
    spans = [(r.first.frame, r.last.frame) for m in found for r in m.reasons]
    assert sorted(spans) == [(1, 3), (5, 10)]


def test_both_objects_of_a_contact_are_named() -> None:
    (moment,) = moments([(0, Doubt(Cause.CONTACT, 1, 0.5, "touches", other_id=7))])
    assert moment.other_ids == (7,)


def test_only_the_highest_scores_are_kept() -> None:
    doubts = [(20 * n, low((n + 1) / 10)) for n in range(6)]
    found = moments(doubts, most=2)
    assert [m.main.peak.frame for m in found] == [100, 80]


def test_what_was_left_out_is_counted() -> None:
    finder = MomentFinder(max_stretches=2)
    for n in range(5):
        finder.add(Frame(n, Fraction(n), BLACK), [low(0.5)])
    finder.finish()
    assert finder.left_out_count == 3

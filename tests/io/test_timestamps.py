"""RisingTimes: exact where possible, rising always."""

from fractions import Fraction

import pytest

from track_anything.io.timestamps import RisingTimes

MS = Fraction(1, 1000)


def ticks(pts: list[int | None], rate: Fraction = Fraction(25)) -> list[Fraction]:
    times = RisingTimes("clip", MS, rate)
    return [times.next(p) / MS for p in pts]


def test_rising_time_stamps_are_untouched() -> None:
    assert ticks([-40, 0, 1, 500]) == [-40, 0, 1, 500]


def test_a_repeated_or_slightly_backward_one_moves_by_a_tick() -> None:
    assert ticks([0, 40, 40, 30, 80]) == [0, 40, 41, 42, 80]


def test_a_clock_that_starts_anew_follows_one_frame_later() -> None:
    assert ticks([5000, 5040, 0, 40, 80]) == [5000, 5040, 5080, 5120, 5160]


def test_missing_ones_are_derived_without_drift() -> None:
    derived = ticks([100, None, None, None, 200], Fraction(30))
    assert derived == [100, 133, 167, 200, 201]


def test_a_stream_without_any_starts_at_zero() -> None:
    assert ticks([None, None, None], Fraction(30)) == [0, 33, 67]


def test_each_fault_is_logged_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    times = RisingTimes("clip", MS, Fraction(25))
    for pts in (0, 0, 0, 9000, 0, 5000, 0, None, None):
        times.next(pts)
    assert (times.repeated_count, times.jump_count, times.missing_count) == (2, 2, 2)
    assert len(caplog.records) == 3

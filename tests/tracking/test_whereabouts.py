import numpy as np
import pytest

from track_anything.structures import Mask, State
from track_anything.tracking.whereabouts import where_gone

SIZE = (40, 60)


def filled(x0: int, y0: int, x1: int, y1: int) -> Mask:
    mask = np.zeros(SIZE, np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask


def box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([x0, y0, x1, y1], np.float32)


@pytest.mark.parametrize(
    "where",
    [box(0, 10, 10, 20), box(10, 0, 20, 10), box(50, 10, 60, 20), box(10, 30, 20, 40)],
    ids=["left", "top", "right", "bottom"],
)
def test_what_was_at_a_border_left_through_it(where: np.ndarray) -> None:
    assert where_gone(where, SIZE, []) is State.LEFT


def test_at_the_border_is_within_a_hundredth_of_the_longer_side_and_a_pixel_at_least() -> None:
    assert where_gone(box(1, 10, 10, 20), SIZE, []) is State.LEFT
    assert where_gone(box(1.1, 10, 10, 20), SIZE, []) is State.LOST
    assert where_gone(box(12.8, 100, 90, 200), (720, 1280), []) is State.LEFT
    assert where_gone(box(12.9, 100, 90, 200), (720, 1280), []) is State.LOST


def test_what_vanished_in_the_open_is_lost() -> None:
    assert where_gone(box(20, 10, 30, 20), SIZE, [filled(40, 10, 50, 20)]) is State.LOST


def test_what_others_fill_a_quarter_of_is_behind_them() -> None:
    where = box(20, 10, 30, 20)
    assert where_gone(where, SIZE, [filled(15, 5, 25, 15)]) is State.OCCLUDED
    assert where_gone(where, SIZE, [filled(15, 5, 25, 15) & ~filled(20, 10, 21, 11)]) is State.LOST
    halves = [filled(20, 10, 25, 13), filled(25, 10, 30, 13)]
    assert where_gone(where, SIZE, halves[:1]) is State.LOST
    assert where_gone(where, SIZE, halves) is State.OCCLUDED


def test_what_was_covered_at_the_border_is_behind_what_covers_it() -> None:
    assert where_gone(box(0, 10, 10, 20), SIZE, [filled(0, 0, 30, 30)]) is State.OCCLUDED


def test_what_was_never_anywhere_is_lost() -> None:
    assert where_gone(box(0, 0, 0, 0), SIZE, [filled(0, 0, 60, 40)]) is State.LOST

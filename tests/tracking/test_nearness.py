import numpy as np
import pytest

from track_anything.masks import mask_box
from track_anything.structures import ObjectMask, State
from track_anything.tracking.nearness import nearness


def block(track_id: int, x: int, y: int, side: int, size: tuple[int, int]) -> ObjectMask:
    mask = np.zeros(size, np.bool_)
    mask[y : y + side, x : x + side] = True
    return ObjectMask(track_id, mask, mask_box(mask), 1.0, State.CONFIRMED)


SMALL, LARGE = (60, 100), (600, 1000)


@pytest.mark.parametrize(("size", "scale"), [(SMALL, 1), (LARGE, 10)])
def test_side_by_side_the_strip_within_reach_is_near(size: tuple[int, int], scale: int) -> None:
    first = block(1, 10 * scale, 20 * scale, 20 * scale, size)
    second = block(2, 30 * scale, 20 * scale, 20 * scale, size)
    # 5 of 20 columns.
    assert nearness(first, second, 5 * scale) == pytest.approx(0.25, abs=0.03)


def test_of_the_smaller_one_inside_all_is_near() -> None:
    first, second = block(1, 10, 10, 40, SMALL), block(2, 20, 20, 10, SMALL)
    assert nearness(first, second, 2) == nearness(second, first, 2) == 1


def test_boxes_that_overlap_are_not_enough() -> None:
    """A small block in the open corner of a large angle is not near it."""
    angle = np.zeros(SMALL, np.bool_)
    angle[5:55, 10:15] = angle[50:55, 10:60] = True
    first = ObjectMask(1, angle, mask_box(angle), 1.0, State.CONFIRMED)
    assert nearness(first, block(2, 40, 10, 10, SMALL), 5) == 0


def test_what_is_farther_than_the_reach_is_not_near() -> None:
    first, second = block(1, 10, 20, 20, SMALL), block(2, 40, 20, 20, SMALL)
    assert nearness(first, second, 9) == 0
    assert nearness(first, second, 12) == pytest.approx(2 / 20)

"""Measures of one mask and of two."""

from collections.abc import Callable

import pytest

from track_anything.review.looks import (
    Look,
    borders_touched,
    contact,
    look_at,
    parts_outside,
    shape_iou,
)
from track_anything.structures import ObjectMask

Seen = Callable[..., ObjectMask]


@pytest.fixture
def look(seen: Seen) -> Callable[..., Look]:
    def make(*rectangles: tuple[int, int, int, int]) -> Look:
        found = look_at(seen(1, *rectangles))
        assert found is not None
        return found

    return make


def test_an_empty_mask_has_no_look(seen: Seen) -> None:
    assert look_at(seen(1, None)) is None


def test_a_look_knows_area_corner_and_center(look: Callable[..., Look]) -> None:
    found = look((10, 20, 14, 30))
    assert (found.area, found.corner, found.center) == (40, (10, 20), (12.0, 25.0))
    assert found.cover.shape == (10, 4)


def test_the_same_shape_elsewhere_overlaps_fully(look: Callable[..., Look]) -> None:
    assert shape_iou(look((0, 0, 10, 10)), look((50, 40, 60, 50))) == 1.0


def test_half_a_shape_overlaps_by_half(look: Callable[..., Look]) -> None:
    assert shape_iou(look((0, 0, 10, 10)), look((50, 40, 60, 45))) == pytest.approx(0.5)


@pytest.mark.parametrize(("left", "is_touching"), [(30, True), (31, True), (32, False), (20, True)])
def test_masks_touch_with_fewer_than_two_pixels_between(
    look: Callable[..., Look], left: int, is_touching: bool
) -> None:
    one, other = look((10, 10, 30, 30)), look((left, 10, left + 20, 30))
    assert (contact(one, other) > 0) is is_touching
    assert contact(one, other) == contact(other, one)


def test_contact_is_the_share_of_the_smaller_outline(look: Callable[..., Look]) -> None:
    # The ring of two pixels round a 4x4 square is 8x8 - 4x4 = 48 pixels; the large one is beside
    # it and covers two columns of eight of them.
    assert contact(look((10, 10, 14, 14)), look((14, 0, 60, 60))) == pytest.approx(16 / 48)


def test_what_lies_inside_another_touches_it_all_round(look: Callable[..., Look]) -> None:
    assert contact(look((20, 20, 24, 24)), look((0, 0, 60, 60))) == 1.0


def test_parts_are_counted_and_weighed(look: Callable[..., Look]) -> None:
    assert parts_outside(look((0, 0, 10, 9), (20, 0, 30, 1))) == (2, pytest.approx(0.1))
    assert parts_outside(look((0, 0, 10, 10))) == (1, 0.0)


def test_the_sides_reached_are_named(look: Callable[..., Look]) -> None:
    assert borders_touched(look((0, 40, 10, 96)), (96, 128)) == ("left", "bottom")
    assert borders_touched(look((1, 1, 127, 95)), (96, 128)) == ()
    assert borders_touched(look((100, 0, 128, 5)), (96, 128)) == ("top", "right")

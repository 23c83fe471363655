import numpy as np
import pytest

from track_anything.boxes import box_area, box_iou, box_share, clip_box, grow_box
from track_anything.structures import Floats


def box(*numbers: float) -> Floats:
    return np.array(numbers, np.float32)


def test_a_box_grows_by_a_share_of_its_own_sides() -> None:
    grown = grow_box(box(20, 30, 30, 70), 0.1, (100, 100))
    assert grown.tolist() == [19, 26, 31, 74]
    assert grown.dtype == np.float32


def test_a_box_grows_no_further_than_the_frame() -> None:
    assert grow_box(box(1, 2, 49, 38), 1.0, (40, 50)).tolist() == [0, 0, 50, 40]


def test_a_box_that_does_not_grow_stays() -> None:
    assert grow_box(box(1, 2, 49, 38), 0, (40, 50)).tolist() == [1, 2, 49, 38]


@pytest.mark.parametrize(
    ("outside", "inside"),
    [
        (box(-5, -5, -1, -1), [0, 0, 0, 0]),
        (box(60, 10, 70, 20), [50, 10, 50, 20]),
        (box(-1, 45, 99, 99), [0, 40, 50, 40]),
        (box(1.5, 2.5, 3.5, 4.5), [1.5, 2.5, 3.5, 4.5]),
    ],
)
def test_a_box_is_clipped_to_the_frame(outside: Floats, inside: list[float]) -> None:
    clipped = clip_box(outside, (40, 50))
    assert clipped.tolist() == inside
    assert clipped.dtype == np.float32


def test_clipping_leaves_the_box_given_alone() -> None:
    given = box(-5, -5, 99, 99)
    clip_box(given, (40, 50))
    assert given.tolist() == [-5, -5, 99, 99]


def test_many_boxes_are_clipped_at_once() -> None:
    boxes = np.stack([box(-5, 0, 9, 9), box(1, 1, 99, 99)])
    assert clip_box(boxes, (40, 50)).tolist() == [[0, 0, 9, 9], [1, 1, 50, 40]]


@pytest.mark.parametrize(
    ("one", "area"),
    [(box(1, 2, 4, 7), 15), (box(1, 2, 1, 7), 0), (box(4, 2, 1, 7), 0), (box(4, 7, 1, 2), 0)],
)
def test_the_area_of_a_box_is_never_negative(one: Floats, area: float) -> None:
    assert box_area(one) == area


@pytest.mark.parametrize(
    ("first", "second", "iou"),
    [
        (box(0, 0, 4, 4), box(0, 0, 4, 4), 1.0),
        (box(0, 0, 4, 4), box(1, 1, 3, 3), 0.25),
        (box(0, 0, 4, 4), box(4, 0, 8, 4), 0.0),
        (box(0, 0, 4, 4), box(9, 9, 12, 12), 0.0),
        (box(0, 0, 2, 2), box(1, 1, 3, 3), 1 / 7),
        (box(5, 5, 5, 5), box(5, 5, 5, 5), 0.0),
        (box(0, 0, 4, 4), box(2, 2, 2, 2), 0.0),
    ],
)
def test_the_iou_of_two_boxes_by_hand(first: Floats, second: Floats, iou: float) -> None:
    assert box_iou(first, second) == pytest.approx(iou)
    assert box_iou(second, first) == pytest.approx(iou)


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        (box(0, 0, 10, 10), box(5, 0, 25, 10), 0.5),
        (box(0, 0, 10, 10), box(2, 3, 4, 5), 1),
        (box(0, 0, 10, 10), box(10, 0, 20, 10), 0),
        (box(0, 0, 10, 10), box(12, 12, 20, 20), 0),
        (box(0, 0, 0, 0), box(0, 0, 10, 10), 0),
    ],
)
def test_the_share_of_boxes_is_that_of_the_smaller_one(
    first: Floats, second: Floats, share: float
) -> None:
    assert box_share(first, second) == box_share(second, first) == share

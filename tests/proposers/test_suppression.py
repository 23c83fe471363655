import numpy as np
import pytest

from track_anything.proposers.region import Region
from track_anything.proposers.suppression import (
    clean_mask,
    mask_overlap,
    of_level,
    overlap_area,
    suppress_boxes,
)
from track_anything.rle import mask_counts
from track_anything.structures import Mask


def rectangle(left: int, top: int, right: int, bottom: int) -> Mask:
    mask = np.zeros((30, 40), bool)
    mask[top:bottom, left:right] = True
    return mask


def region(*corners: int) -> Region:
    return Region.of(rectangle(*corners), predicted_iou=0.5)


@pytest.mark.parametrize("seed", range(5))
def test_shared_pixels_are_counted_from_run_lengths_alone(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = (random.random((2, 17, 23)) < random.random((2, 1, 1))).astype(bool)
    shared = int(np.count_nonzero(first & second))
    assert overlap_area(mask_counts(first), mask_counts(second)) == shared


def test_masks_that_start_in_the_first_pixel_and_empty_ones_are_counted_too() -> None:
    full, empty = mask_counts(np.ones((3, 4), bool)), mask_counts(np.zeros((3, 4), bool))
    assert overlap_area(full, full) == 12
    assert overlap_area(full, empty) == overlap_area(empty, full) == 0


def test_the_overlap_of_masks_is_their_iou() -> None:
    assert mask_overlap(region(0, 0, 10, 10), region(5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert mask_overlap(region(0, 0, 10, 10), region(10, 0, 15, 10)) == 0


def test_equal_scores_keep_the_order_given() -> None:
    boxes = np.array([[0, 0, 11, 11], [0, 0, 11, 11], [20, 0, 31, 11]], np.float32)
    kept = suppress_boxes(boxes, np.array([0.5, 0.5, 0.9], np.float32), 0.7)
    assert kept.tolist() == [2, 0]


def test_a_box_that_was_dropped_drops_none() -> None:
    boxes = np.array([[0, 0, 11, 11], [3, 0, 14, 11], [6, 0, 17, 11]], np.float32)
    # Neighbours share 70 of 130, the outer two 40 of 160.
    kept = suppress_boxes(boxes, np.array([0.9, 0.8, 0.7], np.float32), 0.5)
    assert kept.tolist() == [0, 2]


def test_boxes_of_masks_one_pixel_wide_have_no_area_and_stay() -> None:
    boxes = np.array([[5, 0, 6, 20], [5, 0, 6, 20]], np.float32)
    assert len(suppress_boxes(boxes, np.array([0.9, 0.8], np.float32), 0.7)) == 2


def test_small_holes_are_filled_and_large_ones_stay() -> None:
    mask = rectangle(0, 0, 20, 20)
    mask[2:4, 2:4] = False
    mask[10:15, 10:15] = False
    wanted = rectangle(0, 0, 20, 20)
    wanted[10:15, 10:15] = False
    cleaned, has_changed = clean_mask(mask, 5)
    assert np.array_equal(cleaned, wanted)
    assert has_changed


def test_small_islands_are_removed_and_of_small_ones_alone_the_largest_stays() -> None:
    mask = rectangle(0, 0, 20, 20) | rectangle(25, 25, 27, 27)
    assert np.array_equal(clean_mask(mask, 5)[0], rectangle(0, 0, 20, 20))
    only = rectangle(0, 0, 2, 2) | rectangle(10, 10, 13, 13)
    assert np.array_equal(clean_mask(only, 50)[0], rectangle(10, 10, 13, 13))


def test_a_mask_with_nothing_small_is_left_as_it_is() -> None:
    mask = rectangle(0, 0, 20, 20)
    cleaned, has_changed = clean_mask(mask, 5)
    assert cleaned is mask
    assert not has_changed


def test_levels_follow_what_lies_inside_what() -> None:
    car, door, handle, ball = (
        region(0, 0, 24, 24),
        region(2, 2, 14, 14),
        region(3, 3, 6, 6),
        region(30, 2, 36, 8),
    )
    every = [handle, ball, car, door]
    assert of_level(every, "all") == every
    assert of_level(every, "whole") == [ball, car]
    assert of_level(every, "part") == [ball, door]
    assert of_level(every, "subpart") == [handle, ball]


def test_nine_tenths_inside_is_inside() -> None:
    large, most, half = region(0, 0, 20, 20), region(11, 0, 21, 10), region(15, 12, 25, 20)
    assert of_level([large, most, half], "whole") == [large, half]

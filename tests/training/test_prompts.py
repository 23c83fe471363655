"""Prompts made from the truth: where they lie and how far they are off."""

import cv2
import numpy as np
import pytest

from track_anything.boxes import box_iou
from track_anything.masks import mask_iou
from training.prompts import (
    error_click,
    inside_points,
    jittered_box,
    outside_points,
    spoiled,
)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(6)


@pytest.fixture
def blob() -> np.ndarray:
    """An ellipse of 60 x 40 pixels in a crop, 0 and 1."""
    mask = np.zeros((128, 128), np.uint8)
    cv2.ellipse(mask, (60, 70), (30, 20), 0, 0, 360, 1, -1)
    return mask


def at(mask: np.ndarray, points: np.ndarray) -> list[int]:
    x, y = np.floor(points).astype(int).T
    return mask[y, x].tolist()


def test_a_box_by_hand_is_tight_or_a_little_off(random: np.random.Generator) -> None:
    box = np.array([30, 40, 90, 80], np.float32)
    drawn = [jittered_box(box, random) for _ in range(300)]
    overlaps = [box_iou(one, box) for one in drawn]
    assert min(overlaps) > 0.55
    assert 0.25 < np.mean(np.array(overlaps) == 1) < 0.45
    assert 0.8 < np.mean(overlaps) < 0.95
    assert all(one[2] > one[0] and one[3] > one[1] and one.dtype == np.float32 for one in drawn)


def test_a_box_of_one_pixel_stays_a_box(random: np.random.Generator) -> None:
    for _ in range(100):
        x_min, y_min, x_max, y_max = jittered_box(np.array([5, 5, 6, 6], np.float32), random)
        assert x_max >= x_min + 1
        assert y_max >= y_min + 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_clicks_on_the_object_lie_on_it(
    blob: np.ndarray, random: np.random.Generator, count: int
) -> None:
    for _ in range(100):
        points = inside_points(blob, count, random)
        assert at(blob, points) == [1] * count
        assert len({tuple(point) for point in points.tolist()}) == count


def test_clicks_beside_the_object_are_off_it_and_mostly_near(
    blob: np.ndarray, random: np.random.Generator
) -> None:
    edge, near = (cv2.dilate(blob, np.ones((side, side), np.uint8)) for side in (5, 25))
    found = np.concatenate([outside_points(blob, 2, random) for _ in range(100)])
    assert len(found) == 200
    assert at(edge, found) == [0] * 200
    assert 0.6 < np.mean(at(near, found)) < 0.97


def test_where_there_is_no_room_there_are_no_clicks(random: np.random.Generator) -> None:
    assert inside_points(np.zeros((9, 9), np.uint8), 3, random).shape == (0, 2)
    assert outside_points(np.ones((9, 9), np.uint8), 3, random).shape == (0, 2)


def test_a_corrective_click_goes_to_the_middle_of_the_largest_error() -> None:
    target = np.zeros((60, 60), bool)
    target[10:31, 10:31] = True
    # Missing: a strip 5 wide. Too much: a block of 15 x 15 around (47, 47).
    guess = target.copy()
    guess[10:31, 10:15] = False
    guess[40:55, 40:55] = True
    where, is_missing = error_click(target, guess)
    assert where.tolist() == [[47.5, 47.5]]
    assert not is_missing
    guess[40:55, 40:55] = False
    where, is_missing = error_click(target, guess)
    assert where[0, 0] == 12.5
    assert 12 <= where[0, 1] <= 29
    assert is_missing


def test_a_right_answer_needs_no_click_and_an_error_at_the_rim_gets_one() -> None:
    target = np.zeros((20, 20), bool)
    target[:, :7] = True
    assert error_click(target, target) is None
    where, is_missing = error_click(target, np.zeros((20, 20), bool))
    assert where[0, 0] == 3.5
    assert is_missing


def test_spoiled_masks_are_neither_right_nor_useless(
    blob: np.ndarray, random: np.random.Generator
) -> None:
    beside = np.roll(blob, 45, axis=1)
    earlier = [spoiled(blob, beside, random) for _ in range(200)]
    overlaps = np.array([mask_iou(one > 0.5, blob > 0) for one in earlier])
    assert 0.5 < overlaps.mean() < 0.8
    assert np.quantile(overlaps, 0.05) > 0.3
    assert (overlaps < 0.98).mean() > 0.95
    assert all(one.dtype == np.float32 and one.min() >= 0 and one.max() <= 1 for one in earlier)
    # Some have spread onto the neighbour.
    assert 0.1 < np.mean([(one[beside > 0] > 0.5).mean() > 0.5 for one in earlier]) < 0.5


def test_a_small_mask_is_not_spoiled_away(random: np.random.Generator) -> None:
    speck = np.zeros((128, 128), np.uint8)
    speck[60:68, 60:66] = 1
    left = [spoiled(speck, None, random).max() > 0.3 for _ in range(100)]
    assert np.mean(left) > 0.9

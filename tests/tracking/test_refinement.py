from fractions import Fraction

import cv2
import numpy as np
import pytest

from track_anything.guided_filter import guided_filter
from track_anything.structures import Frame
from track_anything.tracking.features import FramePyramid, Rect
from track_anything.tracking.refinement import (
    NOWHERE,
    possible_part,
    refined_logits,
)


def test_an_object_is_possible_where_its_mask_is_not_certainly_off_and_around() -> None:
    soft = np.full((20, 30), 0.01, np.float32)
    soft[4:6, 10:15] = 0.03
    assert possible_part(soft, 0.02, 0) == Rect(10, 4, 15, 6)
    assert possible_part(soft, 0.02, 8) == Rect(2, 0, 23, 14)
    assert possible_part(soft, 0.03, 8) is None


@pytest.mark.parametrize(("level", "factor"), [(0, 1), (1, 2)])
def test_refined_logits_lie_over_the_frame_at_twice_the_level_at_most(
    level: int, factor: int
) -> None:
    pyramid = FramePyramid(Frame(0, Fraction(0), np.full((120, 160, 3), 90, np.uint8)))
    soft = np.full((50, 60), 0.001, np.float32)
    soft[12:32, 15:40] = 0.95
    logits = refined_logits(pyramid, level, soft, Rect(5, 3, 65, 53)).whole()
    height, width = 120 >> level, 160 >> level
    assert (logits.shape, logits.dtype) == ((height * factor, width * factor), np.float32)
    # The mask of 20x25 pixels at (20, 15), its corners rounded off.
    found = logits > 0
    assert found.sum() == pytest.approx(500 * factor**2, rel=0.15)
    assert found[16 * factor : 34 * factor, 21 * factor : 44 * factor].mean() > 0.95
    # 8 pixels of the level around it: beyond them nothing is computed.
    logits[7 * factor : 43 * factor, 12 * factor : 53 * factor] = NOWHERE
    assert (logits == NOWHERE).all()


def test_filtering_around_an_object_alone_changes_nothing_of_its_mask() -> None:
    random = np.random.default_rng(1)
    image = cv2.GaussianBlur(random.integers(0, 256, (80, 120, 3)).astype(np.uint8), (0, 0), 2)
    pyramid = FramePyramid(Frame(0, Fraction(0), image))
    soft = np.zeros((80, 120), np.float32)
    cv2.ellipse(soft, (60, 40), (25, 12), 30, 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(soft, (0, 0), 2)
    whole = guided_filter(pyramid.gray((80, 120)), soft, radius=4)
    logits = refined_logits(pyramid, 0, soft, Rect(0, 0, 120, 80)).whole()
    assert np.array_equal(logits > 0, whole > 0.5)


def test_what_is_nowhere_possible_is_nowhere() -> None:
    pyramid = FramePyramid(Frame(0, Fraction(0), np.zeros((40, 60, 3), np.uint8)))
    nothing = np.full((5, 5), 0.01, np.float32)
    logits = refined_logits(pyramid, 0, nothing, Rect(0, 0, 5, 5)).whole()
    assert logits.shape == (40, 60)
    assert (logits == NOWHERE).all()

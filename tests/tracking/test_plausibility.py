from fractions import Fraction

import cv2
import numpy as np
import pytest

from track_anything.config import PropagatorConfig
from track_anything.masks import mask_box
from track_anything.structures import Frame, Mask
from track_anything.tracking.carried import RECENT_SAMPLES, Carried, new_object, place
from track_anything.tracking.colors import color_shares
from track_anything.tracking.features import FEATURE_COUNT, FramePyramid, Rect
from track_anything.tracking.plausibility import (
    believable_part,
    cede,
    resemblance_on,
    resemblance_to,
)

SIZE = (120, 160)


def disc(x: int, y: int, radius: int = 20) -> Mask:
    drawn = np.zeros(SIZE, np.uint8)
    cv2.circle(drawn, (x, y), radius, 1, -1)
    return drawn.astype(bool)


BALL = disc(50, 60)


def known(mask: Mask, pyramid: FramePyramid) -> Carried:
    """An object that was learned with this mask, but for its appearance model."""
    carried = new_object(PropagatorConfig(), 0, 1, mask)
    place(carried, mask, 30)
    carried.colors = color_shares(pyramid.lab(0), mask)[None]
    return carried


@pytest.fixture
def pyramid() -> FramePyramid:
    """A red ball on the left and a blue one on the right."""
    image = np.full((*SIZE, 3), 40, np.uint8)
    image[BALL] = (200, 40, 40)
    image[disc(120, 60)] = (40, 40, 200)
    return FramePyramid(Frame(0, Fraction(0), image), seed=0)


def test_an_object_is_most_like_its_own_mask(pyramid: FramePyramid) -> None:
    carried = known(BALL, pyramid)
    assert resemblance_to(carried, pyramid, BALL) == pytest.approx(1.0, abs=0.01)
    half = BALL & (np.arange(SIZE[0]) < 60)[:, None]
    # Half the size, 1.9 times as long: the fourth root of the first by the second.
    assert resemblance_to(carried, pyramid, half) == pytest.approx(0.5**0.25 / 1.9, abs=0.04)


def test_a_part_of_a_level_is_compared_as_the_same_part_of_the_frame(
    pyramid: FramePyramid,
) -> None:
    carried = known(BALL, pyramid)
    half = BALL & (np.arange(SIZE[0]) < 60)[:, None]
    where = Rect(20, 30, 90, 70)
    found = resemblance_on(carried, pyramid, np.ascontiguousarray(half[where.slices]), where)
    assert found == pytest.approx(resemblance_to(carried, pyramid, half), abs=1e-6)


def test_a_line_of_a_balls_colours_and_area_is_less_like_it_than_like_what_changes_its_shape(
    pyramid: FramePyramid,
) -> None:
    line = np.zeros(SIZE, np.bool_)
    line[20:30, 20:145] = True
    image = pyramid.frame.image.copy()
    image[line] = (200, 40, 40)
    pyramid = FramePyramid(Frame(0, Fraction(0), image), seed=0)
    ball = known(BALL, pyramid)
    # 12.5 times as long as wide, of the ball's area.
    assert resemblance_to(ball, pyramid, line) == pytest.approx(1 / 12.5, abs=0.02)
    ball.compactness = 0.0
    assert resemblance_to(ball, pyramid, line) == pytest.approx((1 / 12.5) ** 0.5, abs=0.03)


def test_what_is_of_other_colours_or_far_too_large_is_not_like_it(pyramid: FramePyramid) -> None:
    carried = known(BALL, pyramid)
    assert resemblance_to(carried, pyramid, disc(120, 60)) == 0
    assert resemblance_to(carried, pyramid, np.ones(SIZE, np.bool_)) == 0


def test_only_of_compact_objects_outgrowths_are_not_believed(pyramid: FramePyramid) -> None:
    arm = np.zeros(SIZE, np.bool_)
    arm[56:64, 60:110] = True
    ball, bar = known(BALL, pyramid), known(arm, pyramid)
    part = believable_part(ball, BALL | arm, BALL)
    assert not (BALL & ~part).any()
    assert mask_box(part)[2] < 80
    assert np.array_equal(believable_part(bar, BALL | arm, arm), BALL | arm)
    assert believable_part(ball, BALL, BALL) is BALL


def test_what_is_ceded_is_taken_from_its_place_and_from_what_was_learned_of_late(
    pyramid: FramePyramid,
) -> None:
    carried = known(BALL, pyramid)
    carried.recent.add(*np.zeros((2, RECENT_SAMPLES, FEATURE_COUNT), np.float32))
    right = np.tile(np.arange(SIZE[1]) >= 50, (SIZE[0], 1))
    cede(carried, right)
    assert carried.area == np.count_nonzero(BALL & ~right)
    assert carried.recent.count == 0


def test_an_object_keeps_its_place_if_nothing_of_it_would_be_left(pyramid: FramePyramid) -> None:
    carried = known(BALL, pyramid)
    cede(carried, np.ones(SIZE, np.bool_))
    assert carried.area == np.count_nonzero(BALL)
    carried.lose()
    cede(carried, BALL)
    assert carried.rect is None

from fractions import Fraction

import numpy as np
import pytest

from track_anything.structures import Frame
from track_anything.tracking.ahead import FeaturesAhead
from track_anything.tracking.features import FramePyramid, Rect

WIDE, INSIDE, BESIDE = Rect(10, 10, 60, 50), Rect(16, 14, 52, 44), Rect(4, 14, 52, 44)


@pytest.fixture
def pyramid() -> FramePyramid:
    image = np.random.default_rng(0).integers(0, 256, (80, 120, 3)).astype(np.uint8)
    return FramePyramid(Frame(0, Fraction(0), image))


@pytest.mark.parametrize(
    ("level", "rect"), [(0, WIDE), (0, INSIDE), (0, BESIDE), (1, Rect(8, 8, 30, 20))]
)
def test_features_are_the_same_whatever_was_computed_ahead(
    pyramid: FramePyramid, level: int, rect: Rect
) -> None:
    """All of it, a part, a part of it and more, and another level."""
    ahead = FeaturesAhead()
    ahead.compute(pyramid, 1, 0, WIDE)
    found = ahead.take(pyramid, 1, level, rect)
    assert found.rect == rect
    assert np.array_equal(found.grid(), pyramid.features(level, rect).grid())
    assert 1 not in ahead


def test_features_of_an_object_serve_no_other(pyramid: FramePyramid) -> None:
    ahead = FeaturesAhead()
    ahead.compute(pyramid, 1, 0, WIDE)
    assert ahead.take(pyramid, 2, 0, INSIDE).rect == INSIDE
    assert (1 in ahead, 2 in ahead, len(ahead)) == (True, False, 1)
    ahead.drop()
    assert len(ahead) == 0


def test_memory_that_was_let_go_of_serves_the_next(pyramid: FramePyramid) -> None:
    ahead = FeaturesAhead()
    ahead.compute(pyramid, 1, 0, WIDE)
    _, first = ahead._known[1]
    room = first._room.values
    ahead.drop()
    again = ahead.take(pyramid, 2, 0, INSIDE)
    assert np.shares_memory(again._room.values, room)

"""What propagators and trackers are shown."""

import numpy as np
import pytest

from track_anything.structures import Mask
from track_anything.testing import MovingSquare

SIZE = (60, 80)


@pytest.fixture
def square() -> MovingSquare:
    """A square of 80x60 that stands still: every propagator can follow it."""
    return MovingSquare(size=SIZE, side=20, start=(10, 15), velocity=(0, 0))


@pytest.fixture
def other() -> Mask:
    """A part of the background, away from the square."""
    mask = np.zeros(SIZE, np.bool_)
    mask[40:52, 60:74] = True
    return mask

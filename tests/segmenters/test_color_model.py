import cv2
import numpy as np
import pytest

from track_anything.segmenters.color_model import guided_upsampling
from track_anything.structures import Floats


def halves(width: int, edge: int) -> Floats:
    values = np.zeros((width, width), np.float32)
    values[:, edge:] = 1
    return values


def test_within_a_coarse_pixel_the_edge_is_that_of_the_picture() -> None:
    # Of the coarse pixel 8, pixels 32 to 35, the last alone is object; linearly it ends at 33.5.
    guide = (halves(64, 35) * 200).astype(np.uint8)
    coarse = halves(16, 9)
    coarse[:, 8] = 0.25
    plain = cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_LINEAR)
    fine = guided_upsampling(guide, coarse, radius=1)
    away = [float(np.abs(one - (guide > 0))[32].sum()) for one in (fine, plain)]
    assert away[0] < 0.5 * away[1]
    assert np.array_equal(fine[32] > 0.5, guide[32] > 0)


def test_on_a_flat_picture_values_are_only_smoothed() -> None:
    fine = guided_upsampling(np.full((64, 64), 90, np.uint8), halves(16, 8), radius=1)
    assert fine[32, 8] == pytest.approx(0, abs=1e-6)
    assert fine[32, 55] == pytest.approx(1, abs=1e-6)
    assert np.all(np.diff(fine[32]) >= -1e-6)


def test_constants_stay_as_they_are() -> None:
    guide = np.random.default_rng(0).integers(0, 255, (50, 70), np.uint8)
    fine = guided_upsampling(guide, np.full((16, 16), 0.3, np.float32), radius=1)
    assert fine.shape == (50, 70)
    assert np.allclose(fine, 0.3, atol=1e-5)

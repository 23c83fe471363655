import cv2
import numpy as np
import pytest

from track_anything.guided_filter import guided_filter, guided_upsampling
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


def test_a_guided_filter_leaves_constants_alone() -> None:
    guide = np.random.default_rng(0).integers(0, 256, (30, 40)).astype(np.uint8)
    values = np.full((30, 40), 0.7, np.float32)
    out = guided_filter(guide, values, radius=4)
    assert (out.shape, out.dtype) == ((30, 40), np.float32)
    assert np.allclose(out, 0.7, atol=1e-4)


def test_a_guided_filter_moves_an_edge_onto_that_of_the_guide() -> None:
    guide = np.zeros((40, 40), np.uint8)
    guide[:, 20:] = 255
    values = np.zeros((40, 40), np.float32)
    values[:, 21:] = 1
    out = guided_filter(guide, values, radius=4)
    # Column 20 is background by the values, object by the guide, and object in the end.
    assert (out[:, 20] > 0.5).all()
    assert (out[:, 19] < 0.2).all()


def test_on_a_flat_guide_a_guided_filter_is_two_box_filters() -> None:
    values = np.zeros((21, 21), np.float32)
    values[10, 10] = 1
    out = guided_filter(np.full((21, 21), 90, np.uint8), values, radius=1)
    once = np.array([1, 2, 3, 2, 1]) / 9
    assert np.allclose(out[8:13, 8:13], np.outer(once, once), atol=1e-5)
    assert out[10, 7] == pytest.approx(0, abs=1e-6)

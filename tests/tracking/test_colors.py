import numpy as np
import pytest

from track_anything.tracking.colors import color_likeness, color_shares

# L, a and b of two colours in different ranges of each.
DARK, RED = (20, 128, 128), (130, 180, 160)


def half_and_half() -> np.ndarray:
    lab = np.zeros((10, 20, 3), np.uint8)
    lab[:, :10], lab[:, 10:] = DARK, RED
    return lab


def part(columns: slice) -> np.ndarray:
    mask = np.zeros((10, 20), np.bool_)
    mask[:, columns] = True
    return mask


def test_the_shares_are_those_of_the_masks_pixels() -> None:
    shares = color_shares(half_and_half(), part(slice(5, 20)))
    # 50 dark pixels of 150.
    assert sorted(shares[shares > 0]) == pytest.approx([1 / 3, 2 / 3])
    assert not color_shares(half_and_half(), part(slice(0, 0))).any()


def test_likeness_is_the_sum_of_the_roots_of_the_products() -> None:
    lab = half_and_half()
    dark, both = color_shares(lab, part(slice(0, 10))), color_shares(lab, part(slice(0, 20)))
    red = color_shares(lab, part(slice(10, 20)))
    assert color_likeness(both, both) == pytest.approx(1)
    assert color_likeness(dark, both) == pytest.approx(np.sqrt(0.5))
    assert color_likeness(dark, red) == 0

"""Values that follow the edges of a picture."""

import cv2
import numpy as np

from track_anything.structures import Floats, Image

_UNIT = np.float32(1 / 255)


def guided_filter(guide: Image, values: Floats, *, radius: int, epsilon: float = 1e-3) -> Floats:
    """(H, W) values smoothed where the guide is flat and kept where it has edges.

    Args:
        guide: (H, W) uint8 brightness.
        values: (H, W).
        radius: Of the square window, in pixels.
        epsilon: Variance of the guide, in 0 to 1, that counts as an edge.

    Source: He, Sun and Tang, Guided Image Filtering, 2010, algorithm 1.
    """
    gray = guide.astype(np.float32) / np.float32(255)
    slope, offset = _fit(gray, values, radius, epsilon)
    return np.asarray(_mean(slope, radius) * gray + _mean(offset, radius), np.float32)


def guided_upsampling(
    guide: Image, values: Floats, *, radius: int, epsilon: float = 1e-3
) -> Floats:
    """(H, W) values of a coarse map, following the edges of a picture at its own resolution.

    Args:
        guide: (H, W) uint8 brightness.
        values: (h, w) of the same part of the picture, smaller.
        radius: Of the square window in which values are fitted to the guide, in coarse pixels.
        epsilon: Variance of the guide, in 0 to 1, that counts as an edge.

    Source: He and Sun, Fast Guided Filter, 2015: the fit is coarse, its use is not.
    """
    height, width = guide.shape
    small = cv2.resize(guide, values.shape[::-1], interpolation=cv2.INTER_AREA)
    slope, offset = _fit(np.asarray(small * _UNIT, np.float32), values, radius, epsilon)
    # In levels of the guide, which needs no division at its own resolution then.
    slope, offset = (
        np.asarray(
            cv2.resize(_mean(part, radius), (width, height), interpolation=cv2.INTER_LINEAR),
            np.float32,
        )
        for part in (slope * _UNIT, offset)
    )
    return np.asarray(slope * guide + offset, np.float32)


def _fit(guide: Floats, values: Floats, radius: int, epsilon: float) -> tuple[Floats, Floats]:
    """Slope and offset of the values over the guide, in the window around each pixel."""
    guide_mean, values_mean = _mean(guide, radius), _mean(values, radius)
    covariance = _mean(guide * values, radius) - guide_mean * values_mean
    variance = _mean(guide * guide, radius) - guide_mean * guide_mean
    slope = np.asarray(covariance / (variance + np.float32(epsilon)), np.float32)
    return slope, values_mean - slope * guide_mean


def _mean(values: Floats, radius: int) -> Floats:
    """Over the window around each pixel; beyond the border values are mirrored."""
    side = 2 * radius + 1
    return np.asarray(cv2.blur(values, (side, side)), np.float32)

"""How well a pixel's colour fits the object rather than the background."""

import numpy as np
from numpy.typing import NDArray

from track_anything.structures import Floats, Image

_BINS = 16
# A colour never seen is no evidence: this share of the weight in every bin.
_UNSEEN = 2e-4
# Pictures of one hue would otherwise be split into noise.
_MIN_SPAN = 48


def color_bins(lab: Image) -> NDArray[np.int64]:
    """(H, W): which of 16 x 16 x 16 bins, spread over the picture's own range, a colour is in."""
    colors = lab.reshape(-1, 3).astype(np.int64)
    low = colors.min(axis=0)
    span = np.maximum(colors.max(axis=0) - low, _MIN_SPAN) + 1
    bins = (colors - low) * _BINS // span
    flat = (bins[:, 0] * _BINS + bins[:, 1]) * _BINS + bins[:, 2]
    return np.asarray(flat.reshape(lab.shape[:2]))


def log_likelihood_ratio(
    bins: NDArray[np.int64], inside: Floats, outside: Floats, *, limit: float = 4.0
) -> Floats:
    """(H, W) within +- limit: above 0 where the colour is likelier inside than outside.

    Args:
        bins: From `color_bins`.
        inside: (H, W) weight of each pixel as an example of the object.
        outside: (H, W) weight as an example of the background.
        limit: One pixel's colour never decides alone.
    """
    ratio = np.log((_histogram(bins, inside) + _UNSEEN) / (_histogram(bins, outside) + _UNSEEN))
    return np.asarray(np.clip(ratio, -limit, limit).astype(np.float32)[bins])


def _histogram(bins: NDArray[np.int64], weights: Floats) -> NDArray[np.float64]:
    totals = np.bincount(bins.ravel(), weights.ravel(), _BINS**3).astype(np.float64)
    counts: NDArray[np.float64] = totals.reshape((_BINS,) * 3)
    for axis in range(3):
        padded = np.pad(counts, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        low, middle, high = (
            np.take(padded, np.arange(start, start + _BINS), axis=axis) for start in range(3)
        )
        counts = (low + 2 * middle + high) / 4
    return np.asarray(counts.ravel() / max(counts.sum(), 1e-6))

"""What moves otherwise than most of the picture does: a rough and quick look at optical flow."""

import numpy as np
from numpy.typing import NDArray

from track_anything.structures import Floats, Mask

STEP = 8
"""Pixels between the places at which the motion of the whole is measured."""
ROUNDS = 4
"""Fits of an affine motion, each on the places that agreed with the one before."""
AGREEING = 1.0
"""Pixels up to which a place agrees; never fewer places than the half that agrees best."""
LEAST_MOTION = 0.003
"""Of the picture's longer side: motion a frame from which on something moves by itself."""


def own_motion(flow: Floats) -> Mask:
    """(h, w) where the flow is not that of the whole picture.

    Args:
        flow: (h, w, 2) backward flow in pixels, as FlowEstimator gives it.
    """
    height, width = flow.shape[:2]
    y, x = np.mgrid[STEP // 2 : height : STEP, STEP // 2 : width : STEP]
    places = _terms(x.ravel(), y.ravel())
    seen = flow[y.ravel(), x.ravel()].astype(np.float64)
    chosen = np.ones(len(seen), bool)
    fitted = np.zeros((3, 2))
    for _ in range(ROUNDS):
        fitted = np.linalg.lstsq(places[chosen], seen[chosen], rcond=None)[0]
        miss = np.linalg.norm(seen - places @ fitted, axis=1)
        chosen = miss <= max(AGREEING, float(np.median(miss)))
    row, column = np.indices((height, width), np.float32)
    whole = [fitted[0, i] * column + fitted[1, i] * row + fitted[2, i] for i in (0, 1)]
    away = np.hypot(flow[..., 0] - whole[0], flow[..., 1] - whole[1])
    return np.asarray(away > LEAST_MOTION * max(height, width))


def _terms(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.stack([x, y, np.ones_like(x)], axis=1).astype(np.float64)

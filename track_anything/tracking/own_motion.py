"""What moves otherwise than most of the picture does: a rough and quick look at optical flow."""

import numpy as np

from track_anything.structures import Floats, Mask

STEP = 8
"""Pixels between the places at which the motion of the whole is measured."""
ROUNDS = 4
"""Fits of an affine motion, each on the places that agreed with the one before."""
AGREEING = 1.0
"""Pixels up to which a place agrees; never fewer places than the half that agrees best."""
LEAST_MOTION = 0.003
"""Of the picture's longer side: motion a frame from which on something moves by itself."""


def whole_motion(flow: Floats) -> Floats:
    """(h, w, 2) backward flow of the whole picture: affine, as most places move.

    Args:
        flow: (h, w, 2) backward flow in pixels, as FlowEstimator gives it.
    """
    height, width = flow.shape[:2]
    y, x = np.mgrid[STEP // 2 : height : STEP, STEP // 2 : width : STEP]
    places = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
    seen = flow[y.ravel(), x.ravel()].astype(np.float64)
    chosen = np.ones(len(seen), bool)
    fitted = np.zeros((3, 2))
    for _ in range(ROUNDS):
        fitted = np.linalg.lstsq(places[chosen], seen[chosen], rcond=None)[0]
        miss = np.linalg.norm(seen - places @ fitted, axis=1)
        chosen = miss <= max(AGREEING, float(np.median(miss)))
    row, column = np.indices((height, width), np.float32)
    parts = [fitted[0, i] * column + fitted[1, i] * row + fitted[2, i] for i in (0, 1)]
    return np.stack(parts, axis=-1).astype(np.float32)


def is_own_motion(own: Floats) -> Mask:
    """(h, w) where flow less that of the whole picture, (h, w, 2), is motion."""
    height, width = own.shape[:2]
    return np.asarray(np.hypot(own[..., 0], own[..., 1]) > LEAST_MOTION * max(height, width))

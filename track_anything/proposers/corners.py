"""Where motion is seen well, and which it is there."""

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.structures import Floats, Image, Mask

_BLUR, _BLOCK = 1.0, 5
# Corners lie so far apart and so far from the rim.
_REACH, _RIM = 4, 6
_LEAST_SHARPNESS = 1e-4
# Along an edge motion is guessed: a corner is this sharp along it as a share of across it.
_LEAST_ROUNDNESS = 0.1
_MOST = 1500


def corners(gray: Image) -> NDArray[np.int64]:
    """(N, 2) x, y of pixels whose motion is seen in both directions, sharpest first."""
    least, most = _sharpness(gray)
    peak = cv2.dilate(least, np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8))
    is_corner = (least == peak) & _is_sharp(least, most)
    is_corner[:_RIM] = is_corner[-_RIM:] = False
    is_corner[:, :_RIM] = is_corner[:, -_RIM:] = False
    y, x = np.nonzero(is_corner)
    order = np.argsort(-least[y, x], kind="stable")[:_MOST]
    return np.stack([x[order], y[order]], axis=1)


def is_rough(gray: Image) -> Mask:
    """(h, w): where a picture has edges in more than one direction."""
    return _is_sharp(*_sharpness(gray))


def corner_motions(gray: Image, backward_flow: Floats, camera: NDArray[np.float64]) -> Floats:
    """(N, 4): x, y of corners, and how they moved by themselves since the frame before.

    Args:
        gray: (h, w).
        backward_flow: (h, w, 2) from it to the frame before.
        camera: (3, 3) to the frame before: how the camera made everything move.
    """
    places = corners(gray)
    x, y = places.T
    here = places.astype(np.float32).reshape(-1, 1, 2)
    if not len(here):
        return np.zeros((0, 4), np.float32)
    carried = cv2.perspectiveTransform(here, camera) - here
    motion = carried.reshape(-1, 2) - backward_flow[y, x]
    return np.concatenate([places, motion], axis=1).astype(np.float32)


def _sharpness(gray: Image) -> tuple[Floats, Floats]:
    """(h, w) each: along the edges of the neighbourhood, and across."""
    smooth = cv2.GaussianBlur(gray, (0, 0), _BLUR)
    strengths = cv2.cornerEigenValsAndVecs(smooth, _BLOCK, 3)[..., :2]
    return np.asarray(strengths.min(axis=2)), np.asarray(strengths.max(axis=2))


def _is_sharp(least: Floats, most: Floats) -> Mask:
    return np.asarray((least > _LEAST_SHARPNESS) & (least > _LEAST_ROUNDNESS * most))

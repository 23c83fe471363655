"""How near the masks of two objects are to one another."""

import cv2
import numpy as np

from track_anything.masks import box_slices
from track_anything.structures import Mask, ObjectMask

STRIDE = 4
"""Masks of large frames are compared on every so many pixels."""


def nearness(first: ObjectMask, second: ObjectMask, reach: float) -> float:
    """The larger of the shares of two masks that come closer to the other than `reach` pixels."""
    height, width = first.mask.shape
    reach = max(reach, 1.0)
    # Most pairs are far apart: plain numbers say so sooner than arrays.
    mine, its = first.box.tolist(), second.box.tolist()
    left, top = max(mine[0], its[0]) - reach, max(mine[1], its[1]) - reach
    right, bottom = min(mine[2], its[2]) + reach, min(mine[3], its[3]) + reach
    if left >= right or top >= bottom:
        return 0.0
    step = STRIDE if max(height, width) >= 100 * STRIDE else 1
    part = (
        slice(max(int(top), 0), int(np.ceil(bottom)), step),
        slice(max(int(left), 0), int(np.ceil(right)), step),
    )
    radius = max(round(reach / step), 1)
    masks = first.mask[part], second.mask[part]
    near = (masks[0] & _grown(masks[1], radius), masks[1] & _grown(masks[0], radius))
    wholes = [_area(one, step) for one in (first, second)]
    shares = (int(np.count_nonzero(a)) / max(b, 1) for a, b in zip(near, wholes, strict=True))
    return min(max(shares), 1.0)


def _area(found: ObjectMask, step: int) -> int:
    """Pixels of a mask among every step-th of every step-th row of the frame."""
    rows, columns = (
        slice(-(-part.start // step) * step, part.stop, step) for part in box_slices(found.box)
    )
    return int(np.count_nonzero(found.mask[rows, columns]))


def _grown(mask: Mask, radius: int) -> Mask:
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return np.asarray(cv2.dilate(np.ascontiguousarray(mask).view(np.uint8), kernel)).view(np.bool_)

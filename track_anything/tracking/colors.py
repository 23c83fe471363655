"""Which colours an object is made of: whether a part of a frame can be the object as a whole.

The appearance model says of every pixel alone whether it may be the object's. A black and white
ball has pixels like those of black trousers, and like those of a white leg; neither is a ball.
"""

import cv2
import numpy as np

from track_anything.structures import Floats, Image, Mask

BINS = (6, 12, 12)
RANGES = [0, 256, 64, 192, 64, 192]
"""Of L, a and b as 8 bits; few colours lie outside these a and b."""


def color_shares(lab: Image, mask: Mask) -> Floats:
    """(6 * 12 * 12,): the share of a mask's pixels in each range of colours; zeros if it is empty.

    Args:
        lab: (h, w, 3) picture in CIELAB.
        mask: (h, w).
    """
    counts = cv2.calcHist([lab], [0, 1, 2], mask.view(np.uint8), list(BINS), RANGES).ravel()
    return np.asarray(counts / max(float(counts.sum()), 1.0), np.float32)


def color_likeness(first: Floats, second: Floats) -> float:
    """How much two colour distributions have in common, 0 to 1 (coefficient of Bhattacharyya)."""
    return float(np.sqrt(first * second).sum())

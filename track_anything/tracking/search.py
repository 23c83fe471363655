"""Looking for a lost object in the whole frame by what it looked like."""

import cv2
import numpy as np

from track_anything.masks import mask_box
from track_anything.structures import Floats
from track_anything.tracking.confidence import ring_margin
from track_anything.tracking.features import Rect

SMALLEST_SHARE, LARGEST_SHARE = 0.15, 4.0
"""A part is taken for the object only if its area is between these shares of the known one."""
CANDIDATES = 5


def find_object(appearance: Floats, known_area: float) -> tuple[Floats, Rect, float] | None:
    """The part of the frame that looks most like the object, or None.

    Args:
        appearance: (h, w) probability that a pixel looks like the object.
        known_area: Area of the object when it was last sure, in pixels of this grid.

    Returns:
        Its soft mask (h, w), its tight box, and a score in [0, 1]: the margin of its looks over
        those of its surroundings, less for an unlikely size.
    """
    # Scattered look-alike pixels join into phantom objects unless they are smoothed away.
    smooth = np.asarray(cv2.GaussianBlur(appearance, (0, 0), 1.5), np.float32)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (smooth > 0.5).astype(np.uint8), connectivity=4
    )
    areas = stats[1:count, cv2.CC_STAT_AREA].astype(np.float64)
    ratio = areas / max(known_area, 1.0)
    fits = np.flatnonzero((ratio > SMALLEST_SHARE) & (ratio < LARGEST_SHARE))
    best: tuple[Floats, Rect, float] | None = None
    for part in fits[np.argsort(-areas[fits])][:CANDIDATES]:
        inside = labels == part + 1
        size_fit = float(min(ratio[part], 1 / ratio[part])) ** 0.25
        score = max(ring_margin(smooth, inside), 0.0) * size_fit
        if best is None or score > best[2]:
            soft = np.where(inside, appearance, np.float32(0)).astype(np.float32)
            x_min, y_min, x_max, y_max = (int(value) for value in mask_box(inside))
            best = soft, Rect(x_min, y_min, x_max, y_max), min(score, 1.0)
    return best

"""From an object's probabilities on its grid to logits over the frame that follow its edges."""

import cv2
import numpy as np

from track_anything.guided_filter import guided_filter
from track_anything.masks import mask_box
from track_anything.structures import Floats, LogitsPart
from track_anything.tracking.features import FramePyramid, Rect, level_size

NOWHERE = -8.0
"""Logit where the object is certainly not."""
POSSIBLE = 0.02
"""Pixels less likely than this and far from any likelier one are not the object."""
RADIUS = 4


def refined_logits(pyramid: FramePyramid, level: int, soft: Floats, rect: Rect) -> LogitsPart:
    """Logits over the whole frame, sharpened along the edges of a grid twice as fine.

    Args:
        pyramid: Of the frame.
        level: Of the grid on which soft lies.
        soft: (rect.height, rect.width) object probability.
        rect: Where it lies.
    """
    factor = 2 if level else 1
    size = level_size(pyramid.size, level)
    fine_size = size[0] * factor, size[1] * factor
    part = possible_part(soft, POSSIBLE, 2 * RADIUS)
    if part is None:
        return LogitsPart(np.zeros((0, 0), np.float32), 0, 0, fine_size, NOWHERE)
    soft = soft[part.slices]
    x, y = rect.x_min + part.x_min, rect.y_min + part.y_min
    fine = Rect(x, y, x + part.width, y + part.height).times(factor)
    if factor > 1:
        soft = np.asarray(cv2.resize(soft, (fine.width, fine.height)), np.float32)
    guide = pyramid.gray(fine_size, fine)
    soft = guided_filter(guide, soft, radius=RADIUS)
    np.clip(soft, 3e-4, 1 - 3e-4, out=soft)
    logits = np.asarray(np.log(soft / (1 - soft)), np.float32)
    return LogitsPart(logits, fine.x_min, fine.y_min, fine_size, NOWHERE)


def possible_part(soft: Floats, least: float, margin: int) -> Rect | None:
    """Where a soft mask is over `least`, and a margin around; None if it is nowhere."""
    box = mask_box(soft > least)
    x_min, y_min, x_max, y_max = (int(value) for value in box)
    if x_min == x_max:
        return None
    height, width = soft.shape
    return Rect(x_min, y_min, x_max, y_max).grown(margin, (height, width))

"""Objects without thin parts, as balls, cups and boxes: what grows out of them is not theirs."""

import cv2
import numpy as np

from track_anything.structures import Floats, Mask

DISC = 0.5
"""Diameter of the disc, in sides of the object (square roots of its area), into which thin parts do
not fit. A foot on a ball has less, a ball and a cup have more everywhere."""
COMPACT = 0.92
"""Least share of a first mask that such discs fill, for the object to be known as compact."""
CORNERS = 0.1
"""What lies closer than this to such a disc is its edge and corners, in sides of the object."""
LEAST_LEFT = 0.5
"""A compact object of which less than this share of its usual area would be left is behind
something: its own visible part may be thin."""

WHOLE = 0.75


def compactness(mask: Mask) -> float:
    """The share of a mask that discs of half its side fill: 0.95 for a ball, 0.6 for a dog."""
    area = int(np.count_nonzero(mask))
    if not area:
        return 0.0
    return np.count_nonzero(_filled_by_discs(mask, float(np.sqrt(area)))) / area


def outgrowths(soft: Floats, place: Floats, usual_area: float) -> Mask | None:
    """Where a compact object's new mask is something else; None if it is all the object.

    Args:
        soft: (h, w) object probability.
        place: (h, w) where it was expected.
        usual_area: Of the object, in pixels.
    """
    mask = soft > 0.5
    side = float(np.sqrt(usual_area))
    count, parts = cv2.connectedComponents(_filled_by_discs(mask, side).view(np.uint8))
    if count == 1:
        return None
    support = np.bincount(parts[place > 0.5], minlength=count)
    support[0] = 0
    kept = _grown(parts == int(np.argmax(support)), CORNERS * side) & mask
    if np.count_nonzero(kept) < LEAST_LEFT * usual_area:
        return None
    out = mask & ~kept
    return out if out.any() else None


def _filled_by_discs(mask: Mask, side: float) -> Mask:
    """Where discs that lie in the mask are; the edge of the picture is no edge of the object."""
    disc = _disc(DISC * side / 2)
    reach = len(disc)
    padded = cv2.copyMakeBorder(
        mask.view(np.uint8), reach, reach, reach, reach, cv2.BORDER_REPLICATE
    )
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, disc)
    return np.ascontiguousarray(opened[reach:-reach, reach:-reach]).view(np.bool_)


def _grown(mask: Mask, reach: float) -> Mask:
    return np.asarray(cv2.dilate(mask.view(np.uint8), _disc(reach)).view(np.bool_))


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(round(radius), 1) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def is_partly_seen(compactness: float, area: float, usual_area: float) -> bool:
    """Whether a compact object is so much smaller than usual that something must hide a part."""
    return compactness >= COMPACT and area < WHOLE * usual_area

"""Objects without thin parts, as balls, cups and boxes: what grows out of them is not theirs."""

import cv2
import numpy as np

from track_anything.masks import mask_box
from track_anything.structures import Floats, Mask

DISC = 0.5
"""Diameter of the disc, in sides of the object (square roots of its area), into which thin parts do
not fit. A foot on a ball has less, a ball and a cup have more everywhere."""
COMPACT = 0.92
"""Least share of a first mask that such discs fill, for the object to be known as compact."""
CORNERS, LEAST_CORNERS = 0.1, 3.0
"""What lies closer than this to such a disc is its edge and corners: in sides of the object, and
the least in pixels."""
LEAST_LEFT = 0.5
"""A compact object of which less than this share of its usual area would be left is behind
something: its own visible part may be thin."""

WHOLE = 0.75
"""Share of its usual area from which on a compact object is taken to be seen as a whole."""
GROWING = 1.25
"""Alone, an object of more than so many times its usual area comes nearer so fast that its usual
size says nothing of how thick its parts are."""
UNDECIDED = 0.4
"""Probability of what is cut off: not of the object, and too near a half to be learned from."""
FINE = 100
"""Sides of larger objects are measured on so many pixels."""


def compactness(mask: Mask) -> float:
    """The share of a mask that discs of half its side fill: 0.95 for a ball, 0.6 for a dog."""
    step = max(int(np.sqrt(np.count_nonzero(mask)) / FINE), 1)
    mask = mask[::step, ::step]
    area = int(np.count_nonzero(mask))
    if not area:
        return 0.0
    return np.count_nonzero(_filled_by_discs(mask, float(np.sqrt(area)))) / area


def cut_outgrowths(soft: Floats, place: Floats, usual_area: float) -> None:
    """Take from a compact object's soft mask what is something else, in place.

    What is cut off is not learned either, as the object or as background: it may be both.

    Args:
        soft: (h, w) object probability.
        place: (h, w) where it was expected.
        usual_area: Of the object, in pixels.
    """
    mask = soft > 0.5
    strange = outgrowths(mask, place > 0.5, usual_area)
    if strange is not None:
        soft[strange] = UNDECIDED


def outgrowths(mask: Mask, place: Mask, usual_area: float) -> Mask | None:
    """Where a compact object's new mask is something else; None if it is all the object.

    Args:
        mask: (h, w).
        place: (h, w) where it was expected.
        usual_area: Of the object, in pixels.
    """
    if not mask.any():
        return None
    side = float(np.sqrt(usual_area))
    count, parts = cv2.connectedComponents(_filled_by_discs(mask, side).view(np.uint8))
    if count == 1:
        return None
    support = np.bincount(parts[place], minlength=count)
    support[0] = 0
    kept = _grown(parts == int(np.argmax(support)), max(CORNERS * side, LEAST_CORNERS)) & mask
    if np.count_nonzero(kept) < LEAST_LEFT * usual_area:
        return None
    out = mask & ~kept
    return out if out.any() else None


def _filled_by_discs(mask: Mask, side: float) -> Mask:
    """Where discs that lie in the mask are; the edge of the picture is no edge of the object."""
    radius = DISC * side / 2
    box = mask_box(mask).astype(int)
    rows, columns = slice(box[1], box[3]), slice(box[0], box[2])
    at_border = (box[1] == 0, box[3] == mask.shape[0], box[0] == 0, box[2] == mask.shape[1])
    reach = int(radius) + 2
    # Beyond the picture the object goes on; on all other sides is background.
    inside = _without_holes(mask[rows, columns])
    above, below, left, right = (reach if is_cut else 0 for is_cut in at_border)
    whole = cv2.copyMakeBorder(inside, above, below, left, right, cv2.BORDER_REPLICATE)
    whole = cv2.copyMakeBorder(whole, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    middles = cv2.distanceTransform(whole, cv2.DIST_L2, 5) >= radius
    filled = np.zeros_like(mask)
    if middles.any():
        near = _grown(middles, radius)[1 + above :, 1 + left :]
        filled[rows, columns] = near[: inside.shape[0], : inside.shape[1]]
        filled &= mask
    return filled


def _without_holes(mask: Mask) -> np.ndarray:
    """A mask as (h, w) uint8 with its holes filled: a window in a car makes no thin parts of it."""
    outlines, _ = cv2.findContours(
        np.ascontiguousarray(mask).view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    filled = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(filled, outlines, -1, (1,), -1)
    return filled


def _grown(mask: Mask, reach: float) -> Mask:
    """Where a mask that is not empty is at most so far away."""
    away = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(away <= reach)


def has_known_thickness(
    compactness: float, area: float, usual_area: float, *, is_touched: bool
) -> bool:
    """Whether an object is compact, and of a size by which its outgrowths can be told."""
    return compactness >= COMPACT and (is_touched or area <= GROWING * usual_area)


def is_partly_seen(compactness: float, area: float, usual_area: float) -> bool:
    """Whether a compact object is so much smaller than usual that something must hide a part."""
    return compactness >= COMPACT and area < WHOLE * usual_area

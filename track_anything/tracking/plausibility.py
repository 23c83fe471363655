"""Whether a mask can be an object at all, by what is certain of it."""

import numpy as np

from track_anything.structures import Mask
from track_anything.tracking.carried import Carried, likeness, on_level, shrink
from track_anything.tracking.compactness import COMPACT, outgrowths
from track_anything.tracking.features import FramePyramid, Rect, level_size
from track_anything.tracking.search import elongation, resemblance


def resemblance_to(carried: Carried, pyramid: FramePyramid, mask: Mask) -> float:
    """How much a mask is like an object in colours, size and shape, 0 to 1.

    Args:
        carried: The object.
        pyramid: Of the frame.
        mask: (H, W), not empty.
    """
    return resemblance_on(carried, pyramid, *on_level(carried, mask, 0))


def resemblance_on(carried: Carried, pyramid: FramePyramid, part: Mask, rect: Rect) -> float:
    """The same of a mask on the object's level.

    Args:
        carried: The object.
        pyramid: Of the frame.
        part: (rect.height, rect.width).
        rect: Where it lies; outside there is nothing of it.
    """
    return resemblance(
        area=float(np.count_nonzero(part)) / max(carried.usual_area, 1.0),
        elongation=elongation(part) / carried.key_elongation,
        likeness=likeness(carried, pyramid, part, rect),
        is_compact=carried.compactness >= COMPACT,
    )


def believable_part(carried: Carried, mask: Mask, place: Mask) -> Mask:
    """A mask without what grows out of a compact object; the mask itself if that is nothing.

    Args:
        carried: The object.
        mask: (H, W).
        place: (H, W) where the object is expected.
    """
    if carried.compactness < COMPACT or not mask.any():
        return mask
    strange = outgrowths(mask, place, carried.side**2)
    return mask if strange is None else mask & ~strange


def cede(carried: Carried, mask: Mask) -> None:
    """Take from where an object is what is another's, and forget what was learned there of late.

    Args:
        carried: The object; one of which nothing would be left keeps its place.
        mask: (H, W), the other's.
    """
    if carried.rect is None:
        return
    size = level_size((mask.shape[0], mask.shape[1]), carried.level)
    others = shrink(mask, size)[carried.rect.slices] > 0.5
    left = np.where(others, np.float32(0), carried.soft)
    if not (left > 0.5).any():
        return
    carried.soft, carried.area = left, float(np.count_nonzero(left > 0.5))
    carried.recent.clear()

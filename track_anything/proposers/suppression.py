"""Which of many regions stay: those of their own, whole, and of the wanted level."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.boxes import box_area
from track_anything.proposers.region import Region
from track_anything.rle import Counts
from track_anything.structures import Floats, Mask

INSIDE = 0.9
"""Share of a mask that another must cover for it to lie inside."""


def suppress_boxes(boxes: Floats, scores: Floats, limit: float) -> NDArray[np.int64]:
    """Indices of the boxes that no better one overlaps, best first; ties in the order given.

    Args:
        boxes: (N, 4). As in segment-anything their sides are a pixel shorter here: its boxes end
            on the mask's last pixel.
        scores: (N,).
        limit: Of two boxes with a higher IoU the one with the lower score goes.
    """
    order = np.argsort(-scores, kind="stable")
    low, high = boxes[order, :2], boxes[order, 2:] - 1
    areas = np.prod(high - low, axis=1)
    is_kept = np.ones(len(order), bool)
    for place in range(len(order)):
        if not is_kept[place]:
            continue
        rest = np.flatnonzero(is_kept[place + 1 :]) + place + 1
        sides = np.minimum(high[place], high[rest]) - np.maximum(low[place], low[rest])
        shared = np.prod(np.maximum(sides, 0), axis=1)
        # Without a division: masks one pixel wide have no area.
        is_kept[rest[shared > limit * (areas[place] + areas[rest] - shared)]] = False
    return np.asarray(order[is_kept])


def distinct_regions(
    regions: Sequence[Region], scores: Sequence[float], limit: float
) -> list[Region]:
    """The regions whose boxes no better one overlaps by more than a limit, best first."""
    if not regions:
        return []
    boxes = np.stack([each.box for each in regions])
    kept = suppress_boxes(boxes, np.asarray(scores, np.float32), limit)
    return [regions[index] for index in kept]


def crop_scores(regions: Sequence[Region]) -> list[float]:
    """Higher for what was seen in a smaller crop, so in more detail."""
    return [1 / box_area(each.crop) for each in regions]


def clean_regions(regions: Sequence[Region], least_area: int, limit: float) -> list[Region]:
    """Regions without small holes and islands; of those that became alike the unchanged stay."""
    cleaned, scores = [], []
    for region in regions:
        mask, has_changed = clean_mask(region.mask, least_area)
        cleaned.append(region.with_mask(mask) if has_changed else region)
        scores.append(0.0 if has_changed else 1.0)
    return distinct_regions(cleaned, scores, limit)


def clean_mask(mask: Mask, least_area: int) -> tuple[Mask, bool]:
    """A mask without holes and islands smaller than an area, and whether it had any.

    Where all its parts are smaller, the largest stays.

    Source: segment-anything, utils/amg.py (Apache-2.0): the rule; diagonal neighbours touch.
    """
    labels, areas = _parts(~mask)
    is_small = areas < least_area
    is_small[0] = False
    has_holes = bool(is_small.any())
    filled = np.asarray(mask | is_small[labels]) if has_holes else mask
    labels, areas = _parts(filled)
    is_small = areas < least_area
    is_small[0] = False
    if not is_small.any():
        return filled, has_holes
    is_kept = ~is_small
    is_kept[0] = False
    if not is_kept.any():
        is_kept[1 + int(np.argmax(areas[1:]))] = True
    return np.asarray(is_kept[labels]), True


def _parts(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    return np.asarray(labels, np.int32), stats[:, cv2.CC_STAT_AREA].astype(np.int64)


def of_level(regions: Sequence[Region], granularity: str) -> list[Region]:
    """The regions of one level of nesting, in their order; all of them for "all".

    "whole": in no other. "part": in one that is in no other, or whole and not divided. "subpart":
    holding no other.
    """
    if granularity == "all":
        return list(regions)
    inside = _nesting(regions)
    is_whole = np.asarray(~inside.any(axis=1))
    kept: NDArray[np.bool_]
    if granularity == "whole":
        kept = is_whole
    elif granularity == "subpart":
        kept = np.asarray(~inside.any(axis=0))
    else:
        is_part = ~is_whole & ~inside[:, ~is_whole].any(axis=1)
        kept = np.asarray(is_part | (is_whole & ~inside.any(axis=0)))
    return [region for region, is_kept in zip(regions, kept, strict=True) if is_kept]


def _nesting(regions: Sequence[Region]) -> NDArray[np.bool_]:
    """(N, N): whether the first lies inside the second, which is larger."""
    count = len(regions)
    inside = np.zeros((count, count), bool)
    for first, small in enumerate(regions):
        for second, large in enumerate(regions):
            if not small.area < large.area or not _may_hold(large.box, small):
                continue
            shared = overlap_area(small.counts, large.counts)
            inside[first, second] = shared >= INSIDE * small.area
    return inside


def _may_hold(box: Floats, region: Region) -> bool:
    low = np.maximum(box[:2], region.box[:2])
    high = np.minimum(box[2:], region.box[2:])
    return bool(np.prod(np.maximum(high - low, 0)) >= INSIDE * region.area)


def overlap_area(first: Counts, second: Counts) -> int:
    """Pixels that two masks of one size share, from their run lengths alone.

    >>> overlap_area(np.array([1, 3]), np.array([0, 2, 2]))
    1
    """
    ends = np.cumsum(second)
    # How many pixels of the second mask lie before each of its edges: straight in between.
    before = np.cumsum(np.where(np.arange(len(second)) % 2 == 1, second, 0))
    edges = np.cumsum(first)
    edges = edges[: len(edges) // 2 * 2]
    reached = np.interp(edges, np.concatenate([[0], ends]), np.concatenate([[0], before]))
    return int(np.rint((reached[1::2] - reached[::2]).sum()))


def one_of_each_click(regions: Sequence[Region], granularity: str) -> list[Region]:
    """Of the regions of one click the largest, the middle or the smallest; all for "all"."""
    if granularity == "all" or not regions:
        return list(regions)
    by_size = sorted(regions, key=lambda each: -each.area)
    place = {"whole": 0, "part": len(by_size) // 2, "subpart": -1}[granularity]
    return [by_size[place]]


def mask_overlap(first: Region, second: Region) -> float:
    """IoU of two regions of one frame."""
    low = np.maximum(first.box[:2], second.box[:2])
    if (np.minimum(first.box[2:], second.box[2:]) <= low).any():
        return 0.0
    shared = overlap_area(first.counts, second.counts)
    return shared / (first.area + second.area - shared)

"""Looking for a lost object in the whole frame by what it looked like."""

from collections.abc import Callable

import cv2
import numpy as np

from track_anything.structures import Floats, Mask
from track_anything.tracking.confidence import RING, ring_margin
from track_anything.tracking.features import Rect

SMALLEST_SHARE, LARGEST_SHARE = 0.25, 3.0
"""A part is taken for the object only if its area is between these shares of the known one."""
UNLIKE, LIKE = 0.5, 0.8
"""A part that has no more of the object's colours than the first is not the object; one that has as
much as the second may be. A ball keeps more than the second while light and distance change; legs
and trousers that have its black and white, in other shares, lie between them and under."""
CANDIDATES = 5
SPREAD = 60
"""The area searched grows by this on each side with every frame, in pixels of the level."""
AFFORDABLE_AREA = 400_000
"""Pixels that one search may look at; larger areas are searched on fewer frames."""


def search_area(last: Rect | None, frame_count: int, size: tuple[int, int]) -> tuple[Rect, int]:
    """Where to look for an object, and every how many frames.

    Args:
        last: Where it was seen last; None looks everywhere.
        frame_count: Frames since then.
        size: (height, width) of the grid.
    """
    whole = Rect(0, 0, size[1], size[0])
    area = whole if last is None else last.grown(SPREAD * frame_count, size)
    return area, 1 + area.area // AFFORDABLE_AREA


def find_object(
    appearance: Floats,
    known_area: float,
    known_elongation: float,
    *,
    likeness: Callable[[Mask, Rect], float] = lambda _mask, _where: 1.0,
) -> tuple[Floats, float] | None:
    """The part of the frame that looks most like the object, or None.

    Args:
        appearance: (h, w) probability that a pixel looks like the object.
        known_area: Area of the object when it was last sure, in pixels of this grid.
        known_elongation: Its elongation then.
        likeness: How much a mask on a part of this grid is of the object's colours, 0 to 1.

    Returns:
        Its soft mask (h, w) and a score in [0, 1]: the margin of its looks over
        those of its surroundings, less for an unlikely size, shape or colours.
    """
    # Scattered look-alike pixels join into phantom objects unless they are smoothed away.
    smooth = np.asarray(cv2.GaussianBlur(appearance, (0, 0), 1.5), np.float32)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (smooth > 0.5).astype(np.uint8), connectivity=4
    )
    areas = stats[1:count, cv2.CC_STAT_AREA].astype(np.float64)
    ratio = areas / max(known_area, 1.0)
    fits = np.flatnonzero((ratio > SMALLEST_SHARE) & (ratio < LARGEST_SHARE))
    best: tuple[Floats, float] | None = None
    for part in fits[np.argsort(-areas[fits])][:CANDIDATES]:
        # With all of the ring around it that its looks are compared with.
        left, top, width, height = (int(side) for side in stats[part + 1, :4])
        where = Rect(left, top, left + width, top + height).grown(RING + 1, appearance.shape)
        inside = np.ascontiguousarray(labels[where.slices] == part + 1)
        score = max(ring_margin(smooth[where.slices], inside), 0.0) * resemblance(
            area=ratio[part],
            elongation=elongation(inside) / known_elongation,
            likeness=likeness(inside, where),
        )
        if score > 0 and (best is None or score > best[1]):
            soft = np.zeros(appearance.shape, np.float32)
            np.copyto(soft[where.slices], appearance[where.slices], where=inside)
            best = soft, min(score, 1.0)
    return best


def resemblance(
    *, area: float, elongation: float, likeness: float, is_compact: bool = False
) -> float:
    """How much a mask is like an object in size, shape and colours, 0 to 1.

    Args:
        area: Of the mask, as a share of what the object's is known to be.
        elongation: The same.
        likeness: How much the mask is of the object's colours, 0 to 1.
        is_compact: Whether the object keeps its shape, as a ball does: a white line is none.
    """
    if not SMALLEST_SHARE < area < LARGEST_SHARE:
        return 0.0
    size_fit = min(area, 1 / area) ** 0.25
    shape_fit = min(elongation, 1 / elongation) ** (1.0 if is_compact else 0.5)
    color_fit = float(np.clip((likeness - UNLIKE) / (LIKE - UNLIKE), 0.0, 1.0))
    return float(size_fit * shape_fit * color_fit)


def elongation(mask: Mask) -> float:
    """How many times longer than wide a mask is, by its second moments; 1 for a disc."""
    moments = cv2.moments(mask.view(np.uint8), binaryImage=True)
    if not moments["m00"]:
        return 1.0
    # A pixel is not a point: the variance of a unit square keeps thin masks finite.
    xx, yy = (moments[name] / moments["m00"] + 1 / 12 for name in ("mu20", "mu02"))
    xy = moments["mu11"] / moments["m00"]
    mean, spread = (xx + yy) / 2, float(np.hypot((xx - yy) / 2, xy))
    return float(np.sqrt((mean + spread) / max(mean - spread, 1e-6)))

"""What one mask is like, and how it differs from the same object's mask a frame before."""

from dataclasses import dataclass

import cv2
import numpy as np

from track_anything.masks import mask_box, mask_centroid
from track_anything.structures import Mask, ObjectMask

CONTACT_PIXELS = 2
"""Masks with fewer pixels than this between them touch."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One mask, kept inside its own box: what is left of a frame when the next one comes.

    Attributes:
        cover: (h, w) bool, the mask inside its box.
        corner: (x, y) of the box.
        area: Pixels.
        center: (x, y) of the mask's centroid.
    """

    cover: Mask
    corner: tuple[int, int]
    area: int
    center: tuple[float, float]

    @property
    def side(self) -> float:
        """Side of the square of the same area."""
        return float(np.sqrt(self.area))

    @property
    def ring(self) -> float:
        """Pixels along the edge of that square: what a mask may gain or lose by rounding."""
        return 4 * self.side


def look_at(one: ObjectMask) -> Look | None:
    """What an object's mask is like; None if it is empty."""
    # The box of a stored mask is exact, but one made by hand may not be.
    x_min, y_min, x_max, y_max = (int(side) for side in mask_box(one.mask))
    cover = np.ascontiguousarray(one.mask[y_min:y_max, x_min:x_max])
    center = mask_centroid(cover) if cover.size else None
    if center is None:
        return None
    return Look(
        cover,
        (x_min, y_min),
        int(np.count_nonzero(cover)),
        (x_min + center[0], y_min + center[1]),
    )


def shape_iou(before: Look, after: Look) -> float:
    """IoU of two masks, the first moved by whole pixels to the centre of the second."""
    shift = [round(b - a) for a, b in zip(before.center, after.center, strict=True)]
    corner = before.corner[0] + shift[0], before.corner[1] + shift[1]
    first, second = _common(before.cover, corner, after.cover, after.corner)
    shared = int(np.count_nonzero(first & second))
    return shared / (before.area + after.area - shared)


def contact(one: Look, other: Look) -> float:
    """How much of the smaller one's outline the other touches or covers, 0 to 1."""
    small, large = (one, other) if one.area <= other.area else (other, one)
    if _gap(small, large) >= CONTACT_PIXELS:
        return 0.0
    pad = CONTACT_PIXELS
    padded = cv2.copyMakeBorder(
        small.cover.view(np.uint8), pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0
    )
    grown = cv2.dilate(padded, np.ones((2 * pad + 1, 2 * pad + 1), np.uint8)).view(np.bool_)
    ring = grown & ~padded.view(np.bool_)
    corner = small.corner[0] - pad, small.corner[1] - pad
    touched, beside = _common(np.asarray(ring), corner, large.cover, large.corner)
    whole, inside = _common(small.cover, small.corner, large.cover, large.corner)
    shared = np.count_nonzero(touched & beside) + np.count_nonzero(whole & inside)
    return min(1.0, float(shared) / max(1, int(np.count_nonzero(ring))))


def parts_outside(look: Look) -> tuple[int, float]:
    """How many parts a mask has, and which share of it is outside the largest."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(look.cover.view(np.uint8), connectivity=8)
    largest = int(stats[1:, cv2.CC_STAT_AREA].max())
    return count - 1, 1 - largest / look.area


def borders_touched(look: Look, size: tuple[int, int]) -> tuple[str, ...]:
    """The sides of a frame of (height, width) that a mask reaches."""
    height, width = size
    (x, y), (high, wide) = look.corner, look.cover.shape
    reached = {
        "left": x <= 0,
        "top": y <= 0,
        "right": x + wide >= width,
        "bottom": y + high >= height,
    }
    return tuple(side for side, is_reached in reached.items() if is_reached)


def _gap(one: Look, other: Look) -> int:
    """Pixels between two boxes along the axis on which they are further apart."""
    gaps: list[int] = []
    for axis in (0, 1):
        ends = [look.corner[axis] + look.cover.shape[1 - axis] for look in (one, other)]
        gaps.append(max(one.corner[axis] - ends[1], other.corner[axis] - ends[0]))
    return max(gaps)


def _common(
    first: Mask, first_corner: tuple[int, int], second: Mask, second_corner: tuple[int, int]
) -> tuple[Mask, Mask]:
    """The parts of two covers that lie over one another; of no size if there are none."""
    x0, y0 = (max(a, b) for a, b in zip(first_corner, second_corner, strict=True))
    x1 = min(first_corner[0] + first.shape[1], second_corner[0] + second.shape[1])
    y1 = min(first_corner[1] + first.shape[0], second_corner[1] + second.shape[0])
    x1, y1 = max(x0, x1), max(y0, y1)
    return (
        first[
            y0 - first_corner[1] : y1 - first_corner[1], x0 - first_corner[0] : x1 - first_corner[0]
        ],
        second[
            y0 - second_corner[1] : y1 - second_corner[1],
            x0 - second_corner[0] : x1 - second_corner[0],
        ],
    )

"""Objects that want the same pixels: what one object's logits lose to the others'."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from track_anything.structures import Floats, Mask
from track_anything.tracking.features import Rect

STRONGEST = 30.0
"""Logits are compared within +- this, so that no exponential overflows."""


@dataclass(frozen=True, slots=True, eq=False)
class Logits:
    """One object's logits on a part of its own grid.

    Attributes:
        values: (rect.height, rect.width).
        rect: Where they lie.
        size: (height, width) of the grid.
    """

    values: Floats
    rect: Rect
    size: tuple[int, int]


def yield_to_rivals(own: Logits, rivals: Sequence[Logits]) -> tuple[Floats, Mask | None]:
    """The logits of one object under a softmax with its rivals and the background (logit 0).

    Args:
        own: The object's.
        rivals: The other objects'; those elsewhere in the frame cost nothing.

    Returns:
        The object's logits, and where a rival claims the pixel more than not; None without rivals.
    """
    total: Floats | None = None
    for rival in rivals:
        found = _on_grid(rival, own)
        if found is None:
            continue
        values, part = found
        if total is None:
            total = np.zeros_like(own.values)
        # log(1 + sum of exponentials), built up rival by rival
        total[part] = np.logaddexp(total[part], values)
    if total is None:
        return own.values, None
    return np.asarray(own.values - total, np.float32), np.asarray(total > np.log(2.0))


def is_touched(own: Logits, rivals: Sequence[Logits], reach: int) -> bool:
    """Whether a rival's carried mask comes within `reach` pixels of the object's own.

    Args:
        own: The object's carried soft mask, as logits.
        rivals: The others'.
        reach: In pixels of the own grid.
    """
    around: Mask | None = None
    for rival in rivals:
        found = _on_grid(rival, own)
        if found is None:
            continue
        if around is None:
            kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
            around = cv2.dilate((own.values > 0).view(np.uint8), kernel).view(bool)
        values, part = found
        if (around[part] & (values > 0)).any():
            return True
    return False


def rival_masks(own: Logits, rivals: Sequence[Logits]) -> Iterator[Mask]:
    """The mask of every rival that lies on the own part, on that part."""
    for rival in rivals:
        found = _on_grid(rival, own)
        if found is None:
            continue
        values, part = found
        mask = np.zeros(own.values.shape, np.bool_)
        mask[part] = values > 0
        if mask.any():
            yield mask


def rivals_together(own: Logits, rivals: Sequence[Logits]) -> Mask:
    """Where any rival lies on the own part."""
    together = np.zeros(own.values.shape, np.bool_)
    for mask in rival_masks(own, rivals):
        together |= mask
    return together


def _on_grid(rival: Logits, own: Logits) -> tuple[Floats, tuple[slice, slice]] | None:
    """A rival's logits where they lie on the own part, and where; None without object there."""
    scale_x, scale_y = rival.size[1] / own.size[1], rival.size[0] / own.size[0]
    mine, its = own.rect, rival.rect
    left, right = _shared(mine.x_min, mine.x_max, its.x_min, its.x_max, scale_x)
    top, bottom = _shared(mine.y_min, mine.y_max, its.y_min, its.y_max, scale_y)
    if left >= right or top >= bottom:
        return None
    if rival.size == own.size:
        values = rival.values[
            top - its.y_min : bottom - its.y_min, left - its.x_min : right - its.x_min
        ]
    else:
        onto = np.array(
            [
                [scale_x, 0, (left + 0.5) * scale_x - 0.5 - its.x_min],
                [0, scale_y, (top + 0.5) * scale_y - 0.5 - its.y_min],
            ]
        )
        values = np.asarray(
            cv2.warpAffine(
                rival.values,
                onto,
                (right - left, bottom - top),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            ),
            np.float32,
        )
    if not (values > -3).any():
        return None
    part = (
        slice(top - mine.y_min, bottom - mine.y_min),
        slice(left - mine.x_min, right - mine.x_min),
    )
    return np.clip(values, -STRONGEST, STRONGEST), part


def _shared(low: int, high: int, other_low: int, other_high: int, scale: float) -> tuple[int, int]:
    """First and last (exclusive) pixel from low to high whose centre lies on the other's pixels."""
    first = math.ceil(other_low / scale - 0.5)
    last = math.floor(other_high / scale - 0.5)
    return max(first, low), min(last + 1, high)

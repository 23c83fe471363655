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


class Rivals:
    """Other objects where they lie on the part of a grid on which one object is looked at."""

    def __init__(self, own: Logits, others: Sequence[Logits]) -> None:
        """Bring the others onto the object's part; those elsewhere in the frame cost nothing.

        Args:
            own: The object's.
            others: The others'.
        """
        self._own = own
        self._near = [found for one in others if (found := _on_grid(one, own)) is not None]

    def yielded(self) -> tuple[Floats, Mask | None]:
        """The object's logits under a softmax with its rivals and the background (logit 0).

        Returns:
            Besides, where a rival claims the pixel more than not; None without rivals.
        """
        if not self._near:
            return self._own.values, None
        total = np.ones_like(self._own.values)
        for values, part in self._near:
            total[part.slices] += np.exp(values)
        contested = np.asarray(total > 2)
        lost = np.log(total, out=total)
        return np.subtract(self._own.values, lost, out=lost), contested

    def touch(self, reach: int) -> bool:
        """Whether a rival's mask comes within so many pixels of the object's."""
        if not self._near:
            return False
        kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
        around = cv2.dilate((self._own.values > 0).view(np.uint8), kernel).view(np.bool_)
        return any(bool((around[part.slices] & (values > 0)).any()) for values, part in self._near)

    def masks(self) -> Iterator[tuple[Mask, Rect]]:
        """The mask of every rival that has one there, and the part outside which it has none."""
        for values, part in self._near:
            mask = values > 0
            if mask.any():
                yield mask, part

    def together(self) -> Mask:
        """(h, w): where any rival is."""
        together = np.zeros(self._own.values.shape, np.bool_)
        for mask, part in self.masks():
            together[part.slices] |= mask
        return together


def _on_grid(rival: Logits, own: Logits) -> tuple[Floats, Rect] | None:
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
    part = Rect(left - mine.x_min, top - mine.y_min, right - mine.x_min, bottom - mine.y_min)
    return np.clip(values, -STRONGEST, STRONGEST), part


def _shared(low: int, high: int, other_low: int, other_high: int, scale: float) -> tuple[int, int]:
    """First and last (exclusive) pixel from low to high whose centre lies on the other's pixels."""
    first = math.ceil(other_low / scale - 0.5)
    last = math.floor(other_high / scale - 0.5)
    return max(first, low), min(last + 1, high)

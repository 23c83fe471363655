"""Objects that want the same pixels: what one object's logits lose to the others'."""

from collections.abc import Sequence
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
        values = _on_grid(rival, own)
        if values is None:
            continue
        # log(1 + sum of exponentials), built up rival by rival
        start = np.zeros_like(own.values) if total is None else total
        total = np.logaddexp(start, values)
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
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    around = cv2.dilate((own.values > 0).astype(np.uint8), kernel).astype(bool)
    for rival in rivals:
        values = _on_grid(rival, own)
        if values is not None and (around & (values > 0)).any():
            return True
    return False


def _on_grid(rival: Logits, own: Logits) -> Floats | None:
    """A rival's logits on the own grid; None if it has no pixel of object there."""
    scale_x, scale_y = rival.size[1] / own.size[1], rival.size[0] / own.size[0]
    columns = (np.arange(own.rect.x_min, own.rect.x_max, dtype=np.float32) + 0.5) * scale_x - 0.5
    rows = (np.arange(own.rect.y_min, own.rect.y_max, dtype=np.float32) + 0.5) * scale_y - 0.5
    columns -= rival.rect.x_min
    rows -= rival.rect.y_min
    if columns[-1] < 0 or rows[-1] < 0:
        return None
    if columns[0] > rival.rect.width or rows[0] > rival.rect.height:
        return None
    map_x, map_y = np.meshgrid(columns, rows)
    values = cv2.remap(
        np.clip(rival.values, -STRONGEST, STRONGEST),
        map_x,
        map_y,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(-STRONGEST,),
    )
    return np.asarray(values, np.float32) if (values > -3).any() else None

"""Plain functions on masks, label maps and logits."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.errors import ConfigError
from track_anything.structures import Floats, Image, LogitsPart, Mask

EXACT_FACTORS = (1, 2, 4, 8, 16)
"""Between pixels this many times as fine linear interpolation has the same weights everywhere."""


def mask_box(mask: Mask, *, within: tuple[slice, slice] | None = None) -> Floats:
    """Tight box around a mask; zeros if it is empty.

    Args:
        mask: Standard form.
        within: Rows and columns outside which it is known to be empty, given by first and last
            (exclusive).

    >>> mask_box(np.array([[0, 0, 0], [0, 1, 1]], bool)).tolist()
    [1.0, 1.0, 3.0, 2.0]
    """
    top = left = 0
    if within is not None:
        top, left = within[0].start, within[1].start
        mask = mask[within]
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return np.zeros(4, np.float32)
    x, y = x + left, y + top
    return np.array([x, y, x + width, y + height], np.float32)


def box_slices(box: Floats) -> tuple[slice, slice]:
    """The rows and columns of a box of whole pixels."""
    x_min, y_min, x_max, y_max = (int(side) for side in box)
    return slice(y_min, y_max), slice(x_min, x_max)


def mask_iou(first: Mask, second: Mask) -> float:
    """Intersection over union; 1 if both are empty.

    >>> mask_iou(np.array([1, 1, 0], bool), np.array([0, 1, 1], bool))
    0.3333333333333333
    """
    union = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / union if union else 1.0


def mask_share(mask: Mask, other: Mask) -> float:
    """The share of a mask that another covers; 0 for an empty one.

    >>> mask_share(np.array([1, 1, 0], bool), np.array([0, 1, 1], bool))
    0.5
    """
    area = int(np.count_nonzero(mask))
    return int(np.count_nonzero(mask & other)) / area if area else 0.0


def mask_centroid(mask: Mask) -> tuple[float, float] | None:
    """Mean (x, y) of the pixel centres, (0.5, 0.5) for the top-left pixel; None if empty.

    >>> mask_centroid(np.array([[0, 1, 1]], bool))
    (2.0, 0.5)
    """
    moments = cv2.moments(mask.view(np.uint8), binaryImage=True)
    if not moments["m00"]:
        return None
    return (
        moments["m10"] / moments["m00"] + 0.5,
        moments["m01"] / moments["m00"] + 0.5,
    )


def largest_component(mask: Mask) -> Mask:
    """The largest 8-connected part of a mask; the mask itself if it is empty."""
    if not mask.any():
        return mask
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == largest)


def whole_logits(logits: Floats | LogitsPart) -> Floats:
    """Logits in the standard form."""
    return logits.whole() if isinstance(logits, LogitsPart) else logits


def resize_logits(logits: Floats | LogitsPart, size: tuple[int, int]) -> Floats:
    """Stretch (h, w) logits over a frame of (height, width), linearly."""
    logits = whole_logits(logits)
    if logits.shape == size:
        return logits
    return np.asarray(
        cv2.resize(logits, (size[1], size[0]), interpolation=cv2.INTER_LINEAR), np.float32
    )


def frame_part(logits: Floats | LogitsPart, size: tuple[int, int]) -> LogitsPart | None:
    """What `resize_logits` computes, of a part alone, to the bit; None where only that can.

    Args:
        logits: Of which a part may be all that matters.
        size: (height, width) of the frame.
    """
    if not isinstance(logits, LogitsPart):
        return None
    factor = size[0] // logits.size[0]
    if (logits.size[0] * factor, logits.size[1] * factor) != size or factor not in EXACT_FACTORS:
        return None
    if factor == 1:
        return logits
    # Between the part and what is around it lies a pixel that is of both.
    top, left = (max(one.start - 1, 0) for one in logits.slices)
    bottom, right = (
        min(one.stop + 1, end) for one, end in zip(logits.slices, logits.size, strict=True)
    )
    stretched = cv2.resize(
        logits.on((slice(top, bottom), slice(left, right))),
        ((right - left) * factor, (bottom - top) * factor),
        interpolation=cv2.INTER_LINEAR,
    )
    values = np.asarray(stretched, np.float32)
    return LogitsPart(values, left * factor, top * factor, size, logits.elsewhere)


def probability(logits: Floats, *, limit: float = 30.0) -> Floats:
    """The probabilities that logits stand for, of the same shape.

    Args:
        logits: Of any shape but a scalar.
        limit: Logits count as this far from 0 at most, so that none is certain.

    >>> np.round(probability(np.log([1.0, 3.0])), 3).tolist()
    [0.5, 0.75]
    """
    out = np.clip(logits, -limit, limit)
    np.negative(out, out=out)
    np.exp(out, out=out)
    out += 1
    return np.asarray(np.reciprocal(out, out=out), np.float32)


def logits_mask(logits: Floats | LogitsPart, size: tuple[int, int]) -> Mask:
    """The bool mask that logits stand for on a frame of (height, width)."""
    part = frame_part(logits, size)
    if part is None:
        return np.asarray(resize_logits(logits, size) > 0)
    mask = np.zeros(size, np.bool_)
    np.greater(part.values, 0, out=mask[part.slices])
    return mask


def mask_logits(mask: Mask, size: tuple[int, int], *, sureness: float = 6.0) -> Floats:
    """Logits at (h, w) standing for a mask: the area average, scaled to +- sureness."""
    share = cv2.resize(
        mask.view(np.uint8).astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_AREA
    )
    return np.asarray((share - 0.5) * (2 * sureness), np.float32)


def label_map(masks: Mapping[int, Mask], size: tuple[int, int]) -> NDArray[np.uint16]:
    """(H, W) uint16: which track_id each pixel belongs to, 0 for none; later ids on top.

    Raises:
        ConfigError: If an id does not fit 16 bits.
    """
    labels = np.zeros(size, np.uint16)
    for track_id, mask in masks.items():
        if track_id > np.iinfo(np.uint16).max:
            raise ConfigError(f"track_id {track_id} does not fit a 16-bit label map")
        labels[mask] = track_id
    return labels


def label_colors() -> Image:
    """(256, 3) RGB: the palette of the VOC and DAVIS data sets, a colour for every label.

    Source: the bit pattern of the PASCAL VOC development kit (VOClabelcolormap).

    >>> label_colors()[:3].tolist()
    [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
    """
    labels = np.arange(256)
    colors = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            value = (labels >> (3 * bit + channel)) & 1
            colors[:, channel] |= (value << (7 - bit)).astype(np.uint8)
    return colors

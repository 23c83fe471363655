"""Plain functions on masks, label maps and logits."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.errors import ConfigError
from track_anything.structures import Floats, Image, LogitsPart, Mask


def mask_box(mask: Mask) -> Floats:
    """Tight box around a mask; zeros if it is empty.

    >>> mask_box(np.array([[0, 0, 0], [0, 1, 1]], bool)).tolist()
    [1.0, 1.0, 3.0, 2.0]
    """
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return np.zeros(4, np.float32)
    return np.array([x, y, x + width, y + height], np.float32)


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
    if isinstance(logits, LogitsPart) and logits.size == size:
        mask = np.zeros(size, np.bool_)
        np.greater(logits.values, 0, out=mask[logits.slices])
        return mask
    return np.asarray(resize_logits(logits, size) > 0)


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

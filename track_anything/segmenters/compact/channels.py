"""What the network is shown of a crop and its prompt. Training and use share every line."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.segmenters.compact.network import CHANNELS, CROP_SIDE
from track_anything.structures import Floats, Image

_CLICK_RADIUS = 3
_CLICK_WEIGHT = 2.0
_BINS = 16
_UNSEEN = 2e-4
"""A colour never seen is no evidence: this share of the weight in every bin."""
_LIMIT = 4.0
_MIN_SPAN = 48
"""Pictures of one hue would otherwise be split into noise."""


@dataclass(frozen=True, eq=False)
class CropPrompt:
    """A prompt in pixels of the crop.

    Attributes:
        box: (4,), may reach beyond the crop; None if there is none.
        positive: (P, 2) points on the object.
        negative: (Q, 2) points on the background.
        previous: (128, 128) probability of an earlier mask; None if there is none.
    """

    box: Floats | None
    positive: Floats
    negative: Floats
    previous: Floats | None = None


def stack_channels(image: Image, valid: Floats, prompt: CropPrompt) -> Floats:
    """(9, 128, 128) float32, in the order of CHANNELS.

    Args:
        image: (128, 128, 3) RGB.
        valid: (128, 128): 1 inside the frame, 0 beyond it.
        prompt: In pixels of this crop.
    """
    channels = np.zeros((len(CHANNELS), CROP_SIDE, CROP_SIDE), np.float32)
    channels[:3] = (image.transpose(2, 0, 1).astype(np.float32) / 255 - 0.45) / 0.25
    channels[:3] *= valid
    positive, negative = discs(prompt.positive), discs(prompt.negative)
    if prompt.box is not None:
        channels[3] = box_coverage(prompt.box) * 2 - 1
    channels[4], channels[5] = positive, negative
    if prompt.previous is not None:
        channels[6] = prompt.previous * 2 - 1
    inside = _object_weight(prompt, positive)
    channels[7] = color_evidence(image, valid, inside, positive, negative)
    channels[8] = valid
    return channels


def color_evidence(
    image: Image, valid: Floats, inside: Floats, positive: Floats, negative: Floats
) -> Floats:
    """(128, 128) in +-2: above 0 where the colour is likelier the object's than the background's.

    Args:
        image: (128, 128, 3) RGB.
        valid: (128, 128) share inside the frame.
        inside: (128, 128) in 0 to 1: how much a pixel counts as an example of the object.
        positive: Discs of the clicks on the object.
        negative: Discs of the clicks on the background.
    """
    bins = _color_bins(image)
    object_weight = (inside + _CLICK_WEIGHT * positive) * valid
    ground_weight = (1 - np.minimum(inside * 4, 1) + _CLICK_WEIGHT * negative) * valid
    ratio = np.log(_histogram(bins, object_weight) / _histogram(bins, ground_weight))
    ratio = np.clip(ratio, -_LIMIT, _LIMIT).astype(np.float32) / 2
    return np.asarray(ratio[bins].reshape(valid.shape) * valid, np.float32)


def box_coverage(box: Floats) -> Floats:
    """(128, 128) in 0 to 1: the share of each pixel that lies in a box."""
    edges = np.arange(CROP_SIDE, dtype=np.float32)
    across = np.clip(np.minimum(edges + 1, box[2]) - np.maximum(edges, box[0]), 0, 1)
    down = np.clip(np.minimum(edges + 1, box[3]) - np.maximum(edges, box[1]), 0, 1)
    return np.asarray(np.outer(down, across), np.float32)


def discs(points: Floats) -> Floats:
    """(128, 128): 1 within three pixels of a point, 0 elsewhere."""
    canvas = np.zeros((CROP_SIDE, CROP_SIDE), np.float32)
    for x, y in np.floor(points).astype(int):
        cv2.circle(canvas, (int(x), int(y)), _CLICK_RADIUS, 1.0, -1)
    return canvas


def _object_weight(prompt: CropPrompt, positive: Floats) -> Floats:
    """Where the object's colours are to be read: the earlier mask, the box, or near the clicks."""
    if prompt.previous is not None:
        return prompt.previous
    if prompt.box is not None:
        return paraboloid(prompt.box)
    if not len(prompt.positive):
        return positive
    # A lone click: its near surroundings, fading over a tenth of the crop.
    blurred = cv2.GaussianBlur(positive, (0, 0), CROP_SIDE / 20)
    return np.asarray(blurred / max(float(blurred.max()), 1e-6), np.float32)


def paraboloid(box: Floats) -> Floats:
    """(128, 128): 1 in the centre of a box, 0 on the ellipse inscribed in it and beyond."""
    centres = np.arange(CROP_SIDE, dtype=np.float32) + 0.5
    half = np.maximum((box[2:] - box[:2]) / 2, 0.5)
    middle = (box[:2] + box[2:]) / 2
    across = ((centres - middle[0]) / half[0]) ** 2
    down = ((centres - middle[1]) / half[1]) ** 2
    return np.asarray(np.clip(1 - across[None, :] - down[:, None], 0, 1), np.float32)


def _color_bins(image: Image) -> np.ndarray:
    """(16384,) int32: which of 16 x 16 x 16 bins over the crop's own range of Lab."""
    lab = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), np.uint8)
    tables = np.zeros((256, 3), np.uint8)
    values = np.arange(256)
    for channel in range(3):
        low, high = cv2.minMaxLoc(lab[..., channel])[:2]
        span = max(high - low, _MIN_SPAN) + 1
        tables[:, channel] = np.clip((values - low) * _BINS / span, 0, _BINS - 1)
    places = cv2.LUT(lab, tables.reshape(1, 256, 3)).reshape(-1, 3).astype(np.int32)
    return np.asarray((places[:, 0] * _BINS + places[:, 1]) * _BINS + places[:, 2])


def _histogram(bins: np.ndarray, weights: Floats) -> np.ndarray:
    """(4096,) share of the weight in each bin, smoothed over its neighbours, never 0."""
    totals = np.bincount(bins, weights.ravel(), _BINS**3).astype(np.float64)
    counts: NDArray[np.float64] = totals.reshape((_BINS,) * 3)
    for axis in range(3):
        rolled = np.moveaxis(counts, axis, 0)
        smooth = 2 * rolled
        smooth[1:] += rolled[:-1]
        smooth[:-1] += rolled[1:]
        # The outermost bins have one neighbour; they count themselves in the other's place.
        smooth[0] += rolled[0]
        smooth[-1] += rolled[-1]
        counts = np.moveaxis(smooth / 4, 0, axis)
    total = max(float(counts.sum()), 1e-6)
    return np.asarray(counts.ravel() / total + _UNSEEN)

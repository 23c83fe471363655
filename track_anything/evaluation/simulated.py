"""A segmenter that knows the truth, to measure what asking again is worth.

Its answers are right as often as the questions are: that is the point of it, and why no figure
made with it says how good a real segmenter is. `IS_SIMULATED` is written wherever one is shown.
"""

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.boxes import box_iou
from track_anything.errors import SegmenterError
from track_anything.masks import logits_mask, mask_box, mask_iou, mask_logits
from track_anything.structures import Floats, Frame, ImageEmbedding, Mask, MaskPrediction, Prompt

SIMULATED = "simulated"
IS_SIMULATED = "simulated segmenter: it answers from the ground truth"

RIGHT_ABOVE = 0.5
"""A prompt that fits an object by more than this is answered with that object."""

_IOU_MEAN, _IOU_SPREAD, _IOU_RANGE = 0.9, 0.03, (0.8, 0.97)
# What it says of right answers, and of wrong ones: sure of most, but not in the order of their IoU.
_RIGHT_SLOPE, _RIGHT_NOISE, _RIGHT_RANGE = 0.6, 0.02, (0.85, 0.97)
_WRONG_BASE, _WRONG_SLOPE, _WRONG_NOISE, _WRONG_RANGE = 0.65, 0.25, 0.1, (0.5, 0.9)
_WRONG_IOU = 0.85
# Waves of the boundary along the side of an object; SAM's errors are this coarse.
_WAVES = 6
_BISECTIONS = 9
_LOGIT_STRIDE = 4

Truth = Callable[[Frame], NDArray[np.uint16]]
"""(H, W) the object of every pixel of a frame, 0 for none."""


@dataclass(frozen=True, slots=True, eq=False)
class _Objects:
    """The truth of one frame: its index and every object's mask by label."""

    index: int
    masks: Mapping[int, Mask]


class SimulatedSegmenter:
    """Answers from the truth: IoU about .9 if the prompt is roughly right, a wrong blob if not.

    How well a prompt fits an object is the mean over what it has of: IoU of its box with the
    object's box, IoU of its logits with the object, and the share of its positive points on the
    object less that of its negative ones. The object that fits best is answered if it fits by more
    than `RIGHT_ABOVE`; it is not looked at which track asks, so that a track that has slid onto
    its neighbour is given the neighbour, as by a real segmenter. Otherwise the answer is one of:
    what the logits say, an object in the box that fits less, an ellipse about the point or in the
    box.

    An answer depends on the seed, the frame's index and the prompt alone. Its errors are waves of
    the boundary and a shift. Of its answers it says .85 to .97 if right, .5 to .9 if wrong.
    """

    name = SIMULATED

    def __init__(self, *, seed: int = 0) -> None:
        """Choose the noise; begin comes before the first frame."""
        self._seed = seed
        self._truth: Truth | None = None
        self._last: tuple[Frame, ImageEmbedding] | None = None

    def begin(self, truth: Truth) -> None:
        """Answer from the truth of another sequence from now on."""
        self._truth, self._last = truth, None

    def embed(self, frame: Frame) -> ImageEmbedding:
        """The truth of a frame.

        Raises:
            SegmenterError: If begin was not called, or the truth is of another size.
        """
        if self._last is not None and self._last[0] is frame:
            return self._last[1]
        if self._truth is None:
            raise SegmenterError("the simulated segmenter has no truth: begin comes first")
        labels = self._truth(frame)
        height, width = frame.image.shape[:2]
        if labels.shape != (height, width):
            raise SegmenterError(
                f"frame {frame.index} is {width}x{height}, "
                f"its truth {labels.shape[1]}x{labels.shape[0]}"
            )
        masks = {int(label): labels == label for label in np.unique(labels) if label}
        embedding = ImageEmbedding((height, width), _Objects(frame.index, masks))
        self._last = frame, embedding
        return embedding

    def decode(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
    ) -> Sequence[Sequence[MaskPrediction]]:
        """One candidate for every prompt.

        Raises:
            SegmenterError: If the embedding is another segmenter's.
        """
        if not isinstance(embedding.features, _Objects):
            raise SegmenterError("the simulated segmenter was given another one's embedding")
        return [[self._answer(embedding.features, embedding.size, p)] for p in prompts]

    def _answer(self, objects: _Objects, size: tuple[int, int], prompt: Prompt) -> MaskPrediction:
        random = np.random.default_rng([self._seed, objects.index, _fingerprint(prompt)])
        fits = {label: prompt_fit(prompt, mask) for label, mask in objects.masks.items()}
        best = max(fits, key=lambda label: fits[label], default=0)
        if best and fits[best] > RIGHT_ABOVE:
            truth = objects.masks[best]
            wanted = float(np.clip(random.normal(_IOU_MEAN, _IOU_SPREAD), *_IOU_RANGE))
            mask = degraded(truth, wanted, random)
            expected = _IOU_MEAN + 0.01 + _RIGHT_SLOPE * (mask_iou(mask, truth) - _IOU_MEAN)
            said = np.clip(random.normal(expected, _RIGHT_NOISE), *_RIGHT_RANGE)
        else:
            others = [mask for label, mask in objects.masks.items() if label != best]
            mask = _wrong(others, size, prompt, random)
            iou = max((mask_iou(mask, truth) for truth in objects.masks.values()), default=0.0)
            expected = _WRONG_BASE + _WRONG_SLOPE * iou
            said = np.clip(random.normal(expected, _WRONG_NOISE), *_WRONG_RANGE)
        low = (math.ceil(size[0] / _LOGIT_STRIDE), math.ceil(size[1] / _LOGIT_STRIDE))
        return MaskPrediction(mask, mask_logits(mask, low), float(said))


def prompt_fit(prompt: Prompt, truth: Mask) -> float:
    """How well a prompt points at an object, in [0, 1]; 0 if the object is not visible.

    >>> truth = np.zeros((10, 10), bool)
    >>> truth[:, :5] = True
    >>> box = np.array([0, 0, 10, 10], np.float32)
    >>> prompt_fit(Prompt(box=box, points=np.array([[2, 2]]), labels=np.array([1])), truth)
    0.75
    """
    if not truth.any():
        return 0.0
    fits = []
    if prompt.box is not None:
        fits.append(box_iou(prompt.box, mask_box(truth)))
    if prompt.logits is not None:
        fits.append(mask_iou(logits_mask(prompt.logits, (truth.shape[0], truth.shape[1])), truth))
    if len(prompt.positive_points):
        fits.append(max(_share_on(prompt.positive_points, truth) - _misses(prompt, truth), 0.0))
    return float(np.mean(fits)) if fits else 0.0


def degraded(mask: Mask, iou: float, random: np.random.Generator) -> Mask:
    """A mask with a wavy, slightly shifted boundary, at about this IoU with the one given.

    Of objects of a few pixels the nearest IoU that there is.
    """
    height, width = mask.shape
    x_min, y_min, x_max, y_max = mask_box(mask).astype(int)
    side = max(x_max - x_min, y_max - y_min)
    pad = 4 + side // 3
    rows = slice(max(y_min - pad, 0), min(y_max + pad, height))
    columns = slice(max(x_min - pad, 0), min(x_max + pad, width))
    part = np.ascontiguousarray(mask[rows, columns])
    distance = _signed_distance(part)
    waves = _waves(part.shape, max(side / _WAVES, 1.0), random)
    angle = random.uniform(0, 2 * math.pi)
    step = np.array([math.cos(angle), math.sin(angle)]) / 3
    low, high = 0.0, max(side / 3, 2.0)
    best, error = part, 1.0
    for _ in range(_BISECTIONS):
        strength = (low + high) / 2
        changed = (_shifted(distance, step * strength) + strength * waves) > 0
        reached = mask_iou(changed, part)
        if abs(reached - iou) < error:
            best, error = changed, abs(reached - iou)
        if reached > iou:
            low = strength
        else:
            high = strength
    whole = np.zeros_like(mask)
    whole[rows, columns] = best
    return whole


def _wrong(
    others: Sequence[Mask], size: tuple[int, int], prompt: Prompt, random: np.random.Generator
) -> Mask:
    """A plausible answer to a prompt that points at nothing in particular.

    The others are the objects that the prompt fits less than another one.
    """
    box = _region(prompt, size)
    choices = [_ellipse(box, prompt, size, random)]
    if prompt.logits is not None:
        choices.append(logits_mask(prompt.logits, size))
    choices += [mask for mask in others if _share_inside(mask, box) > 0.5]
    chosen = choices[int(random.integers(len(choices)))]
    if not chosen.any():
        chosen = choices[0]
    return degraded(chosen, _WRONG_IOU, random)


def _region(prompt: Prompt, size: tuple[int, int]) -> Floats:
    """The box of a prompt; without one that of its logits, or an eighth of the frame about it."""
    if prompt.box is not None:
        return prompt.box
    if prompt.logits is not None and (carried := logits_mask(prompt.logits, size)).any():
        return mask_box(carried)
    reach = np.float32(max(size) / 16)
    point = prompt.points[0] if len(prompt.points) else np.array(size[::-1], np.float32) / 2
    return np.concatenate([point - reach, point + reach]).astype(np.float32)


def _ellipse(
    box: Floats, prompt: Prompt, size: tuple[int, int], random: np.random.Generator
) -> Mask:
    """A part of the box, about the first positive point if there is one."""
    sides = np.maximum(box[2:] - box[:2], 4)
    center = box[:2] + sides * random.uniform(0.25, 0.75, 2)
    if len(prompt.positive_points):
        center = prompt.positive_points[0] + sides * random.normal(0, 0.1, 2)
    center = np.clip(center, 0, np.array([size[1], size[0]]) - 1)
    axes = sides * random.uniform(0.15, 0.5, 2)
    drawn = np.zeros(size, np.uint8)
    middle = (round(float(center[0])), round(float(center[1])))
    lengths = (max(round(float(axes[0])), 1), max(round(float(axes[1])), 1))
    cv2.ellipse(drawn, middle, lengths, float(random.uniform(-30, 30)), 0, 360, 1, cv2.FILLED)
    return drawn.view(np.bool_)


def _share_inside(mask: Mask, box: Floats) -> float:
    """Share of a mask that lies in a box."""
    x_min, y_min, x_max, y_max = np.maximum(np.round(box), 0).astype(int)
    area = int(np.count_nonzero(mask))
    return int(np.count_nonzero(mask[y_min:y_max, x_min:x_max])) / area if area else 0.0


def _share_on(points: Floats, mask: Mask) -> float:
    height, width = mask.shape
    x = np.clip(points[:, 0].astype(int), 0, width - 1)
    y = np.clip(points[:, 1].astype(int), 0, height - 1)
    return float(np.mean(mask[y, x]))


def _misses(prompt: Prompt, truth: Mask) -> float:
    return _share_on(prompt.negative_points, truth) if len(prompt.negative_points) else 0.0


def _signed_distance(mask: Mask) -> Floats:
    """Pixels to the boundary, positive inside; outside a mask that fills its array counts."""
    padded = np.pad(mask, 1, mode="edge").view(np.uint8)
    inside = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
    outside = cv2.distanceTransform(1 - padded, cv2.DIST_L2, 3)
    # Half a pixel: the boundary runs between pixels.
    signed = np.where(padded > 0, inside - 0.5, 0.5 - outside)
    return np.ascontiguousarray(signed[1:-1, 1:-1], np.float32)


def _waves(shape: tuple[int, ...], cell: float, random: np.random.Generator) -> Floats:
    """Smooth noise of deviation about 1 whose waves are about a cell long."""
    height, width = shape
    coarse = (math.ceil(height / cell) + 2, math.ceil(width / cell) + 2)
    noise = random.normal(0, 1, coarse).astype(np.float32)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _shifted(values: Floats, by: NDArray[np.float64]) -> Floats:
    matrix = np.array([[1, 0, by[0]], [0, 1, by[1]]])
    height, width = values.shape
    moved = cv2.warpAffine(
        values,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.float32)


def _fingerprint(prompt: Prompt) -> int:
    """The same for equal prompts; noise must not depend on what was asked before."""
    parts = (prompt.points, prompt.labels, prompt.box, prompt.logits)
    out = 0
    for part in parts:
        out = zlib.crc32(b"-" if part is None else part.tobytes(), out)
    return out

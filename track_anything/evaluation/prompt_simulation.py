"""Prompts as a person or the tracker would give them, made from the true mask and a seed."""

import math
import zlib
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from track_anything.boxes import grow_box
from track_anything.errors import PromptError
from track_anything.masks import largest_component, mask_box, mask_logits
from track_anything.structures import Floats, Mask, MaskPrediction, Prompt

ONE_POINT = "one point"
PREVIOUS_KINDS = ("previous mask shifted", "previous mask degraded")
CLICKS: Mapping[str, int] = {
    "two clicks": 2,
    "three clicks": 3,
    "four clicks": 4,
    "five clicks": 5,
}
"""Kinds that begin as one point and go on with corrections, and how many clicks they have."""

LOGIT_STRIDE = 2
"""A previous mask comes at half the size of the frame, as the propagator gives it."""

_GROWTH = 0.1
_SHIFT = 0.02, 0.11
# How far a click misses the middle of what it is meant for, as a share of the way to the edge.
_CLICK_NOISE = 0.25
_CLICK_TRIES = 8


def prompt_kinds() -> tuple[str, ...]:
    """Every kind, from a box to five clicks, in the order of reports."""
    return (*_RECIPES, *CLICKS)


def simulate(kind: str, truth: Mask, seed: int | Sequence[int]) -> Prompt:
    """The prompt of a kind for one object; the same seed gives the same prompt.

    Boxes are exact unless they are grown. Clicks lie on what they are meant for, the first in the
    middle of its widest place, the others in wide places far from those before, and miss the middle
    by a quarter of the way to the edge (standard deviation). Clicks on the background lie in the
    box grown by 10 %.

    Args:
        kind: One of prompt_kinds(), but not of CLICKS: where a correction goes depends on the
            answer, so those begin as "one point" and go on with corrected().
        truth: The object's true mask, not empty.
        seed: One number or several, such as a seed, a frame and an object.

    Raises:
        PromptError: If there is no such kind, or nothing to prompt for.
    """
    if kind not in _RECIPES:
        known = ", ".join(_RECIPES)
        raise PromptError(f"a prompt that can be simulated at once is {known}; got {kind!r}")
    if not truth.any():
        raise PromptError("an object without a pixel cannot be prompted for")
    seeds = [seed] if isinstance(seed, int) else list(seed)
    return _RECIPES[kind](truth, np.random.default_rng([*seeds, zlib.crc32(kind.encode())]))


def corrected(prompt: Prompt, answer: MaskPrediction, truth: Mask) -> Prompt | None:
    """The prompt with one more click, on the middle of the answer's largest error; None if none.

    The answer's logits come along, as from a program where one clicks until it is right. An error
    is a connected region that is missing or too much; a click on the first is on the object.
    """
    missing, extra = (
        largest_component(truth & ~answer.mask),
        largest_component(answer.mask & ~truth),
    )
    is_missing = np.count_nonzero(missing) >= np.count_nonzero(extra)
    error = missing if is_missing else extra
    if not error.any():
        return None
    return Prompt(
        points=np.concatenate([prompt.points, _spread_points(error, 1, None)]),
        labels=np.append(prompt.labels, int(is_missing)),
        logits=answer.logits,
    )


def shifted_mask(mask: Mask, rng: np.random.Generator) -> Mask:
    """The mask moved in any direction by 2 to 11 % of the root of its area.

    Its own IoU with the truth is .71 in the mean over every tenth frame of ten DAVIS-2016
    sequences. 12 % each time would be .57, as limbs and poles leave themselves at once.
    """
    angle = rng.uniform(0, 2 * math.pi)
    length = rng.uniform(*_SHIFT) * math.sqrt(np.count_nonzero(mask))
    return _moved(mask, shift=(length * math.cos(angle), length * math.sin(angle)))


def degraded_mask(mask: Mask, rng: np.random.Generator) -> Mask:
    """The mask as after some seconds of tracking that went badly.

    The recipe, with d the root of the mask's area: moved by up to 6 % of d along either axis and
    scaled by up to 8 %; its boundary wobbles by a smooth random field of 2 % of d (standard
    deviation) with bumps a sixth of d wide; an ellipse of 5 to 15 % of the area, centred on the
    boundary, is cut out and another one attached; then it is eroded or dilated by 2 to 5 % of d.
    What would leave less than a third of the mask is not done.

    Its own IoU with the truth is .62 in the mean over every tenth frame of ten DAVIS-2016
    sequences; the amounts were chosen once for this.
    """
    side = math.sqrt(np.count_nonzero(mask))
    found = _moved(
        mask,
        shift=(rng.uniform(-0.06, 0.06) * side, rng.uniform(-0.06, 0.06) * side),
        scale=rng.uniform(0.92, 1.08),
        wobble=0.02 * side,
        rng=rng,
    )
    without = found & ~_patch(found, rng.uniform(0.05, 0.15), rng)
    found = _if_enough(without, found)
    found = found | _patch(found, rng.uniform(0.05, 0.15), rng)
    radius = max(1, round(side * rng.uniform(0.02, 0.05)))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    change = cv2.erode if rng.random() < 0.5 else cv2.dilate
    return _if_enough(np.asarray(change(found.view(np.uint8), disk)).view(np.bool_), found)


def _box(truth: Mask, _: np.random.Generator) -> Prompt:
    return Prompt(box=mask_box(truth))


def _grown_box(truth: Mask, _: np.random.Generator) -> Prompt:
    return Prompt(box=grow_box(mask_box(truth), _GROWTH, (truth.shape[0], truth.shape[1])))


def _box_and_points(
    count: int, negative_count: int
) -> Callable[[Mask, np.random.Generator], Prompt]:
    def make(truth: Mask, rng: np.random.Generator) -> Prompt:
        box = mask_box(truth)
        positive = _spread_points(truth, count, rng)
        negative = np.zeros((0, 2), np.float32)
        if negative_count:
            around = np.zeros_like(truth)
            grown = grow_box(box, _GROWTH, (truth.shape[0], truth.shape[1])).astype(int)
            around[grown[1] : grown[3], grown[0] : grown[2]] = True
            negative = _spread_points(around & ~truth, negative_count, rng)
        labels = np.repeat([1, 0], [len(positive), len(negative)])
        return Prompt(box=box, points=np.concatenate([positive, negative]), labels=labels)

    return make


def _previous(
    spoil: Callable[[Mask, np.random.Generator], Mask],
) -> Callable[[Mask, np.random.Generator], Prompt]:
    def make(truth: Mask, rng: np.random.Generator) -> Prompt:
        mask = spoil(truth, rng)
        height, width = mask.shape
        size = -(-height // LOGIT_STRIDE), -(-width // LOGIT_STRIDE)
        return Prompt(box=mask_box(mask), logits=mask_logits(mask, size))

    return make


def _one_point(truth: Mask, rng: np.random.Generator) -> Prompt:
    return Prompt(points=_spread_points(truth, 1, rng), labels=np.ones(1, np.int64))


_RECIPES: Mapping[str, Callable[[Mask, np.random.Generator], Prompt]] = {
    "tight box": _box,
    "box + 10 %": _grown_box,
    "box + 1 point": _box_and_points(1, 0),
    "box + 3 points": _box_and_points(3, 0),
    "box + 3 + 3": _box_and_points(3, 3),
    PREVIOUS_KINDS[0]: _previous(shifted_mask),
    PREVIOUS_KINDS[1]: _previous(degraded_mask),
    ONE_POINT: _one_point,
}


def _spread_points(mask: Mask, count: int, rng: np.random.Generator | None) -> Floats:
    """(N, 2) pixel centres on a mask, in its widest places and apart; fewer if it is too small.

    Without a generator they are exactly in the middle.
    """
    if not mask.any():
        return np.zeros((0, 2), np.float32)
    box = mask_box(mask).astype(int)
    part = np.pad(mask[box[1] : box[3], box[0] : box[2]], 1)
    rows, columns = np.indices(part.shape)
    edge = cv2.distanceTransform(part.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    points: list[tuple[int, int]] = []
    apart = np.ones(part.shape)
    while len(points) < count and (worth := edge * apart).max() > 0:
        y, x = map(int, np.unravel_index(np.argmax(worth), worth.shape))
        if rng is not None:
            x, y = _missed(part, x, y, _CLICK_NOISE * float(edge[y, x]), rng)
        # The first click goes to the widest place; later ones to wide places far from the others:
        # a leg counts as much as the belly if it is that much farther away.
        distance = np.hypot(rows - y, columns - x)
        apart = np.minimum(apart, distance) if points else distance
        points.append((x, y))
    # Minus the padding, plus half a pixel: the centre of the pixel.
    return np.array(points, np.float32) - np.float32(0.5) + box[:2].astype(np.float32)


def _missed(part: Mask, x: int, y: int, spread: float, rng: np.random.Generator) -> tuple[int, int]:
    """A pixel of the part near (x, y)."""
    for dx, dy in rng.normal(0, spread, (_CLICK_TRIES, 2)):
        near_x, near_y = round(x + dx), round(y + dy)
        if 0 <= near_y < part.shape[0] and 0 <= near_x < part.shape[1] and part[near_y, near_x]:
            return near_x, near_y
    return x, y


def _moved(
    mask: Mask,
    *,
    shift: tuple[float, float],
    scale: float = 1.0,
    wobble: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Mask:
    """The mask shifted and scaled about its box's middle, its boundary wobbling by some pixels."""
    box = mask_box(mask)
    center = (box[:2] + box[2:]) / 2 - 0.5
    rows, columns = np.indices(mask.shape, np.float32)
    x = center[0] + (columns - center[0] - shift[0]) / scale
    y = center[1] + (rows - center[1] - shift[1]) / scale
    if rng is not None:
        width = math.sqrt(np.count_nonzero(mask)) / 6
        x, y = (one + wobble * _smooth_noise(mask.shape, width, rng) for one in (x, y))
    found = cv2.remap(
        mask.view(np.uint8) * np.uint8(255),
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_LINEAR,
    )
    return _if_enough(np.asarray(found >= 128), mask)


def _smooth_noise(shape: tuple[int, ...], width: float, rng: np.random.Generator) -> Floats:
    """(H, W): noise of standard deviation 1 whose bumps are about this wide."""
    cell = max(width, 2.0)
    coarse = rng.normal(0, 1, [math.ceil(side / cell) + 3 for side in shape]).astype(np.float32)
    fine = cv2.resize(coarse, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
    field = np.asarray(fine[: shape[0], : shape[1]], np.float32)
    return field / max(float(coarse.std()), 1e-6)


def _patch(mask: Mask, share: float, rng: np.random.Generator) -> Mask:
    """An ellipse of a share of the mask's area whose centre lies on the mask's boundary."""
    inner = cv2.erode(mask.view(np.uint8), np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero(mask & (inner == 0))
    at = rng.integers(len(rows)) if len(rows) else -1
    patch = np.zeros(mask.shape, np.uint8)
    if at < 0:
        return patch.view(np.bool_)
    radius = math.sqrt(share * np.count_nonzero(mask) / math.pi)
    stretch = rng.uniform(1, 1.5)
    axes = round(radius * stretch), round(radius / stretch)
    center = int(columns[at]), int(rows[at])
    cv2.ellipse(patch, center, axes, rng.uniform(0, 180), 0, 360, 1, -1)
    return patch.view(np.bool_)


def _if_enough(changed: Mask, mask: Mask) -> Mask:
    is_enough = 3 * np.count_nonzero(changed) >= np.count_nonzero(mask) > 0
    return changed if is_enough and changed.any() else mask

"""One training sample after another: an object, a crop, a prompt, and the truth."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from track_anything.boxes import box_share
from track_anything.segmenters.compact.channels import CropPrompt, stack_channels
from track_anything.segmenters.compact.network import CROP_SIDE
from track_anything.segmenters.compact.window import Window, window_around
from track_anything.structures import Floats
from training.augment import occlude, recolor, warp
from training.composites import composite
from training.lines import strung
from training.pool import Instance, Picture, instances_of
from training.prompts import inside_points, jittered_box, outside_points, spoiled
from training.scenes import render_scene

Generator = np.random.Generator

MODES = ("box", "box and points", "previous", "points")
MODE_WEIGHTS = (0.33, 0.25, 0.28, 0.14)
_SOURCES = ("coco", "composite", "procedural", "person", "garment", "nuclei")
_SOURCE_WEIGHTS = (0.28, 0.26, 0.22, 0.13, 0.08, 0.03)
# A lone click means the whole thing; parts would teach that anything may be meant.
_POINT_SOURCE_WEIGHTS = (0.34, 0.3, 0.2, 0.14, 0.0, 0.02)
_UNION_SHARES = {"coco": 0.25, "procedural": 0.12}
"""How often a box means several things that touch: a rider and what is ridden."""
_LINES_SHARES = {"coco": 0.1, "person": 0.12, "composite": 0.08, "procedural": 0.08}
"""How often lines lead away from an object, and its box is nearly empty."""
_REACH = 2
"""Pixels between things that still touch."""
_SHELF_SIZE = 160
"""Made pictures kept at a time, and used again and again, of each kind and worker."""
_USES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What the network learns from.

    Attributes:
        channels: (9, 128, 128) float32.
        target: (128, 128) uint8: 255 times the share of each pixel that is object.
        mode: Index into MODES.
        box: (4,) of the prompt in the crop; None if it had none.
        area: Of the whole object in pixels of the crop, also of what lies beyond the crop.
    """

    channels: Floats
    target: np.ndarray
    mode: int
    box: Floats | None
    area: float


class Sampler:
    """An endless supply of samples, the same for the same seed."""

    def __init__(
        self,
        pool: dict[str, list[Instance]],
        backgrounds: list,
        seed: object,
        *,
        modes: Sequence[float] = MODE_WEIGHTS,
    ) -> None:
        """Get ready.

        Args:
            pool: Instances by source.
            backgrounds: Photographs for made pictures.
            seed: Anything numpy takes.
            modes: How often each of MODES comes, as shares.
        """
        self._modes = modes
        self.random = np.random.default_rng(seed)
        self._pool = pool
        self._backgrounds = backgrounds
        self._by_picture = {
            name: _grouped(pool[name]) for name in ("coco", "person", "garment", "nuclei")
        }
        self._shelves: dict[str, list[list[Instance]]] = {"composite": [], "procedural": []}
        self._uses: dict[str, int] = {"composite": 0, "procedural": 0}

    def draw(self) -> Sample:
        """The next sample."""
        while True:
            mode = int(self.random.choice(len(MODES), p=self._modes))
            weights = _POINT_SOURCE_WEIGHTS if MODES[mode] == "points" else _SOURCE_WEIGHTS
            source = str(self.random.choice(_SOURCES, p=weights))
            siblings = self._siblings(source)
            if not siblings:
                continue
            instance = self._choice(source, siblings)
            if MODES[mode] != "points" and self.random.random() < _UNION_SHARES.get(source, 0):
                instance = united(instance, siblings, self.random)
            if MODES[mode] != "points" and self.random.random() < _LINES_SHARES.get(source, 0):
                instance = strung(instance, self.random)
            sample = make_sample(instance, siblings, mode, self.random)
            if sample is not None:
                return sample

    def _choice(self, source: str, siblings: list[Instance]) -> Instance:
        """Large objects more often than small ones, where there are many."""
        if source == "nuclei":
            return siblings[int(self.random.integers(len(siblings)))]
        weights = np.array([one.area for one in siblings], np.float64) ** 0.35
        return siblings[int(self.random.choice(len(siblings), p=weights / weights.sum()))]

    def _siblings(self, source: str) -> list[Instance]:
        if source in self._by_picture:
            pictures = self._by_picture[source]
            return pictures[int(self.random.integers(len(pictures)))]
        shelf = self._shelves[source]
        self._uses[source] += 1
        if len(shelf) < _SHELF_SIZE // 8 or self._uses[source] % _USES == 0:
            made = list(instances_of(self._make(source)))
            if len(shelf) < _SHELF_SIZE:
                shelf.append(made)
            else:
                shelf[int(self.random.integers(_SHELF_SIZE))] = made
        return shelf[int(self.random.integers(len(shelf)))]

    def _make(self, source: str) -> Picture:
        if source == "composite":
            return composite(self._pool, self._backgrounds, self.random)
        chosen = [
            self._backgrounds[int(self.random.integers(len(self._backgrounds)))] for _ in range(2)
        ]
        side = int(self.random.integers(256, 420))
        scene = render_scene(self.random, side, round(side * 1.25), backgrounds=chosen)
        return Picture(scene.image, scene.ids)


def make_sample(
    instance: Instance,
    siblings: list[Instance],
    mode: int,
    random: Generator,
    *,
    is_plain: bool = False,
) -> Sample | None:
    """A sample of one object; None if too little of it is left in the crop.

    Args:
        instance: The object.
        siblings: All objects of its picture.
        mode: Index into MODES.
        random: Source of chance.
        is_plain: Whether the picture is left as it is, for validation.
    """
    zoom = float(np.exp(random.uniform(-0.7, 1.8))) if MODES[mode] == "points" else 0.0
    image, mask, valid, other = _region(instance, zoom, random)
    if not is_plain:
        stacked = np.dstack([mask, other])
        image, stacked, valid = warp(image, stacked, valid, random)
        mask, other = stacked[..., 0], stacked[..., 1]
    found = (mask > 127).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(found)
    if min(width, height) < 6:
        return None
    true_box = np.array([x, y, x + width, y + height], np.float32)
    window, given_box = _window(mode, true_box, found, zoom, random)
    crop, share = window.crop(image)
    if not valid.all():
        share = np.minimum(share, window.crop_values(valid).astype(np.float32) / 255)
    target = window.crop_values(mask)
    beside = None
    if MODES[mode] == "previous" and other.any():
        beside = (window.crop_values(other) > 127).astype(np.uint8)
    if not is_plain:
        crop = recolor(crop, random)
        if random.random() < 0.12:
            crop = crop.copy()
            occlude(crop, target, random)
    binary = (target > 127).astype(np.uint8)
    if binary.sum() < 40:
        return None
    prompt = _prompt(mode, window, given_box, binary, beside, random)
    if prompt is None:
        return None
    area = max(float(found.sum() * window.scale.prod()), float(target.sum()) / 255)
    return Sample(stack_channels(crop, share, prompt), target, mode, prompt.box, area)


def united(instance: Instance, siblings: list[Instance], random: Generator) -> Instance:
    """An object and one or two that touch it, as one; the object itself if none does.

    Args:
        instance: The object.
        siblings: All objects of its picture.
        random: Source of chance.
    """
    ids = instance.picture.ids
    x0, y0, x1, y1 = instance.box
    part = ids[max(y0 - _REACH, 0) : y1 + _REACH, max(x0 - _REACH, 0) : x1 + _REACH]
    side = 2 * _REACH + 1
    near = cv2.dilate((part == instance.label).astype(np.uint8), np.ones((side, side), np.uint8))
    labels = set(np.unique(part[near > 0]).tolist())
    touching = [
        one
        for one in siblings
        if one.label in labels and one.label != instance.label and _share_space(one, instance)
    ]
    if not touching:
        return instance
    count = min(len(touching), int(random.choice([1, 2], p=[0.7, 0.3])))
    others = [touching[int(at)] for at in random.choice(len(touching), count, replace=False)]
    boxes = np.array([instance.box, *(other.box for other in others)])
    low, high = boxes[:, :2].min(0).tolist(), boxes[:, 2:].max(0).tolist()
    merged = ids.copy()
    merged[np.isin(ids, [other.label for other in others])] = instance.label
    return Instance(
        Picture(instance.picture.image, merged),
        instance.label,
        (low[0], low[1], high[0], high[1]),
        instance.area + sum(other.area for other in others),
    )


def _share_space(one: Instance, other: Instance) -> bool:
    """Whether much of the smaller box lies in the other, as with a rider; neighbours do not."""
    first, second = (np.array(each.box, np.float32) for each in (one, other))
    return box_share(first, second) >= 0.3


def _grouped(instances: list[Instance]) -> list[list[Instance]]:
    groups: dict[int, list[Instance]] = {}
    for one in instances:
        groups.setdefault(id(one.picture.ids), []).append(one)
    return list(groups.values())


def _region(
    instance: Instance, zoom: float, random: Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The surroundings of an object: picture, mask, what is inside the frame, another object."""
    image, ids = instance.picture.image, instance.picture.ids
    box = np.array(instance.box, np.float32)
    around = window_around(box, growth=2.6)
    if zoom:
        # Where the picture ends must not tell how large the object is.
        half = max(around.size) / 2.6 * (max(zoom, 1.0) * 1.1 + 1) / 2
        middle = (box[:2] + box[2:]) / 2
        low, high = np.floor(middle - half).astype(int), np.ceil(middle + half).astype(int)
        around = Window(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    height, width = ids.shape
    # Beyond the frame there is nothing to learn, but a part of it must be met in training.
    beyond_x, beyond_y = round(around.size[1] * 0.3), round(around.size[0] * 0.3)
    region = Window(
        max(around.x_min, -beyond_x),
        max(around.y_min, -beyond_y),
        min(around.x_max, width + beyond_x),
        min(around.y_max, height + beyond_y),
    )
    x0, y0 = max(region.x_min, 0), max(region.y_min, 0)
    x1, y1 = min(region.x_max, width), min(region.y_max, height)
    sides = (y0 - region.y_min, region.y_max - y1, x0 - region.x_min, region.x_max - x1)
    cut = ids[y0:y1, x0:x1]
    labels = np.unique(cut)
    others = labels[(labels != 0) & (labels != instance.label)]
    other_label = int(random.choice(others)) if len(others) else -1
    mask = (cut == instance.label).astype(np.uint8) * 255
    other = (cut == other_label).astype(np.uint8) * 255
    inside = np.full(cut.shape, 255, np.uint8)
    pad = [
        cv2.copyMakeBorder(a, *sides, cv2.BORDER_CONSTANT, value=0)
        for a in (image[y0:y1, x0:x1], mask, inside, other)
    ]
    return _halved(pad)


def _halved(
    arrays: list[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Large regions at a size that still has more pixels than the crop."""
    longest = max(arrays[0].shape[:2])
    if longest > 4 * CROP_SIDE:
        scale = 3 * CROP_SIDE / longest
        size = (round(arrays[0].shape[1] * scale), round(arrays[0].shape[0] * scale))
        arrays = [cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in arrays]
    return arrays[0], arrays[1], arrays[2], arrays[3]


def _window(
    mode: int, true_box: Floats, mask: np.ndarray, zoom: float, random: Generator
) -> tuple[Window, Floats | None]:
    """The crop and the prompt's box, in pixels of the region."""
    name = MODES[mode]
    growth = float(random.uniform(1.25, 1.75))
    if name == "points":
        return _point_window(true_box, mask, zoom, random), None
    if name == "previous":
        # The earlier mask is where the object was: the crop around it is off as far.
        size = np.tile(true_box[2:] - true_box[:2], 2)
        box = (true_box + random.normal(0, 0.08, 4) * size).astype(np.float32)
        return window_around(box, growth=growth), None
    box = jittered_box(true_box, random)
    return window_around(box, growth=growth), box


def _point_window(true_box: Floats, mask: np.ndarray, zoom: float, random: Generator) -> Window:
    """A square around a click, from half the size of the object to many times it."""
    side = float(max(true_box[2:] - true_box[:2])) * zoom
    ys, xs = np.nonzero(mask)
    place = int(random.integers(len(ys)))
    centre = np.array([xs[place], ys[place]]) + random.normal(0, 0.06, 2) * side
    low, high = np.floor(centre - side / 2).astype(int), np.ceil(centre + side / 2).astype(int)
    return Window(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def _prompt(
    mode: int,
    window: Window,
    given_box: Floats | None,
    binary: np.ndarray,
    beside: np.ndarray | None,
    random: Generator,
) -> CropPrompt | None:
    """The prompt in pixels of the crop."""
    name = MODES[mode]
    nothing = np.zeros((0, 2), np.float32)
    positive, negative, previous = nothing, nothing, None
    box = None if given_box is None else window.box(given_box)
    if name == "box and points" or (name == "previous" and random.random() < 0.4):
        positive = inside_points(binary, int(random.choice([0, 1, 1, 2, 3, 3])), random)
        negative = outside_points(binary, int(random.choice([0, 0, 1, 2, 3])), random)
    if name == "points":
        positive = inside_points(binary, int(random.choice([1, 1, 1, 1, 2, 3])), random)
        if random.random() < 0.25:
            negative = outside_points(binary, int(random.integers(1, 3)), random)
        if not len(positive):
            return None
    if name == "previous":
        previous = spoiled(binary, beside, random)
        box = _box_of_previous(previous, binary, random)
    return CropPrompt(box, positive, negative, previous)


def _box_of_previous(previous: Floats, binary: np.ndarray, random: Generator) -> Floats | None:
    """With an earlier mask comes its own box, seldom a better one, often none."""
    draw = random.random()
    if draw < 0.3:
        return None
    shape = (previous > 0.5).astype(np.uint8) if draw < 0.9 else binary
    x, y, width, height = cv2.boundingRect(shape)
    if not width:
        return None
    grown = random.uniform(0, 0.15) * np.array([width, height])
    return np.array(
        [x - grown[0], y - grown[1], x + width + grown[0], y + height + grown[1]], np.float32
    )

"""What the propagator keeps of one object between two frames."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np

from track_anything.config import PropagatorConfig
from track_anything.structures import Floats, Mask
from track_anything.tracking.appearance import AppearanceModel, SampleMemory, Samples
from track_anything.tracking.colors import color_likeness, color_shares
from track_anything.tracking.compactness import compactness, is_partly_seen
from track_anything.tracking.features import (
    FEATURE_COUNT,
    OVERVIEW_STEP,
    Each,
    Features,
    FramePyramid,
    Rect,
    level_size,
)
from track_anything.tracking.motion import object_rect
from track_anything.tracking.search import elongation

KEY_SAMPLES = 2048
RECENT_SAMPLES = 768
SURROUNDINGS = 80
"""How far around a key mask background is learned, in pixels of the level."""
NEAR = 8
"""Background closer than this to the object makes up most of what is learned of it."""
KEY_PLACES = 8
RECENT_PLACES = 1
LOOKALIKES = KEY_SAMPLES // 40
SIDE_RATE = 0.1
"""Share of a frame's size that enters the running mean by which the level is chosen."""


@dataclass(slots=True)
class Carried:
    """One object: where it is (on a grid coarser than the frame by 2 ** level) and its looks.

    Attributes:
        rect: Where `soft` lies; None while the object is looked for in the whole frame.
        soft: (rect.height, rect.width) object probability on the last frame.
        hidden: (rect.height, rect.width) probability that the object is there behind another; None
            if nothing of it is hidden.
        area: Of the mask on the last frame, in pixels of the level.
        key_area: Of the last mask known to be right, in pixels of the frame.
        key_elongation: Of that mask.
        compactness: Of the first mask.
        side: Running mean of the square root of the area, in pixels of the frame.
        first_frame: Index of the frame on which it was first learned; an object yields only to
            rivals that are no younger.
        lost_rect: Where it was seen last; None before it was ever lost.
        lost_frames: Frames since then.
        found_count: Frames in a row on which the search answered alike.
        colors: (2, B): what the first and the newest certain mask were made of (`color_shares`),
            but for those learned while it touched another: they are often partly the other.
        is_touched: Whether another object came close to it on the last frame.
    """

    level: int
    model: AppearanceModel
    keys: SampleMemory
    recent: SampleMemory
    random: np.random.Generator
    rect: Rect | None = None
    soft: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    hidden: Floats | None = None
    area: float = 0.0
    key_area: float = 0.0
    key_elongation: float = 1.0
    compactness: float = 0.0
    side: float = 0.0
    frames_since_key: int = 0
    first_frame: int = 0
    lost_rect: Rect | None = None
    lost_frames: int = 0
    found_count: int = 0
    found_rect: Rect | None = None
    is_touched: bool = False
    colors: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @property
    def usual_area(self) -> float:
        """Area that the object has had of late, in pixels of the level."""
        return float((self.side / 2**self.level) ** 2)

    @property
    def extent(self) -> Floats:
        """(rect.height, rect.width): the object, seen or hidden."""
        return self.soft if self.hidden is None else np.maximum(self.soft, self.hidden)

    @property
    def whole_area(self) -> float:
        """Area on the last frame, seen and hidden, in pixels of the level."""
        if self.hidden is None:
            return self.area
        return self.area + float(np.count_nonzero(self.hidden > 0.5))

    def lose(self) -> None:
        """Give up the object's place; it is looked for from there outwards."""
        if self.rect is not None:
            self.lost_rect, self.lost_frames = self.rect, 0
        self.rect, self.found_count, self.found_rect = None, 0, None
        self.hidden = None


def new_object(config: PropagatorConfig, seed: int, track_id: int, mask: Mask) -> Carried:
    """An object that has learned nothing yet, at the level its size asks for."""
    side = float(np.sqrt(np.count_nonzero(mask)))
    level = int(np.clip(np.round(np.log2(side / config.object_side)), 0, config.coarsest))
    random = np.random.default_rng([seed, track_id])
    appearance = config.appearance
    return Carried(
        level=level,
        side=side,
        model=AppearanceModel(FEATURE_COUNT, appearance, random),
        keys=SampleMemory(appearance.key_masks, KEY_SAMPLES, FEATURE_COUNT, keeps_first=True),
        recent=SampleMemory(
            appearance.recent_frames, RECENT_SAMPLES, FEATURE_COUNT, keeps_first=False
        ),
        random=random,
        compactness=compactness(mask),
    )


def place(carried: Carried, mask: Mask, search: int) -> None:
    """Put an object where a full-size mask says it is."""
    size = level_size((mask.shape[0], mask.shape[1]), carried.level)
    small = shrink(mask, size)
    whole = Rect(0, 0, size[1], size[0])
    carried.rect = object_rect(small, whole, search, size)
    carried.soft = np.ascontiguousarray(small[carried.rect.slices])
    carried.hidden = None
    carried.area = float(np.count_nonzero(carried.soft > 0.5))
    carried.key_area = float(np.count_nonzero(mask))
    carried.key_elongation = elongation(mask)
    carried.frames_since_key = 0
    carried.found_count = 0


def learn_key(
    carried: Carried, pyramid: FramePyramid, mask: Mask, *, is_new: bool, each: Each = map
) -> None:
    """Learn a mask that is known to be right; everything recent is forgotten for it.

    Args:
        carried: The object.
        pyramid: Of the frame.
        mask: (H, W).
        is_new: Whether nothing is known of the object yet.
        each: As `FramePyramid.overview`.
    """
    if carried.rect is None:
        return
    size = level_size(pyramid.size, carried.level)
    rect = carried.rect.grown(SURROUNDINGS, size)
    features = pyramid.features(carried.level, rect)
    small = shrink(mask, size)[rect.slices]
    inside = np.flatnonzero(small > 0.5)
    if not len(inside):
        inside = np.array([int(small.argmax())])
    distance = cv2.distanceTransform((small <= 0.5).astype(np.uint8), cv2.DIST_L2, 3).ravel()
    near = np.flatnonzero((distance > 0) & (distance < NEAR))
    far = np.flatnonzero(distance >= NEAR)
    shares = color_shares(pyramid.lab(carried.level, rect), small > 0.5)
    if shares.any() and (is_new or not carried.is_touched):
        first = carried.colors[0] if len(carried.colors) else shares
        carried.colors = np.stack([first, shares])
    if is_new:
        carried.model.standardise(features.grid(2).reshape(FEATURE_COUNT, -1))
    scene = scene_rows(pyramid, carried.level, rect, KEY_PLACES)
    background = _background(features, near, far, scene, carried.random)
    # Neighbours in memory are learned together: they must not all be of one place.
    background = background[carried.random.permutation(len(background))]
    foreground = pixel_rows(features, inside, KEY_SAMPLES, carried.random)
    carried.keys.add(carried.model.scaled(background), carried.model.scaled(foreground))
    carried.recent.clear()
    config = carried.model.config
    steps = config.first_steps if is_new else config.key_steps
    rate = config.first_rate if is_new else config.rate
    carried.model.train([(carried.keys, 1.0)], steps=steps, rate=rate)
    lookalikes = lookalike_rows(carried, pyramid.overview(carried.level, each=each), rect)
    if len(lookalikes):
        carried.keys.newest[0, : len(lookalikes)] = carried.model.scaled(lookalikes)
        carried.model.train([(carried.keys, 1.0)], steps=steps // 3, rate=rate)


def likeness(
    carried: Carried, pyramid: FramePyramid, mask: Mask, rect: Rect, *, is_to_first: bool = False
) -> float:
    """How much a part of a frame is of the object's colours, 0 to 1; 1 if they are not known.

    Args:
        carried: The object.
        pyramid: Of the frame.
        mask: (rect.height, rect.width).
        rect: Where it lies.
        is_to_first: Whether only its first mask counts; one that was taken since may be wrong.
    """
    known = carried.colors[:1] if is_to_first else carried.colors
    shares = color_shares(pyramid.lab(carried.level, rect), mask)
    return max((color_likeness(shares, one) for one in known), default=1.0)


def lookalike_rows(
    carried: Carried, overview: Iterable[tuple[Rect, Floats]], avoid: Rect
) -> Samples:
    """(at most LOOKALIKES, C): pixels elsewhere in the frame that are taken for the object.

    Learned as background at once, they are not spread onto when the object comes near them.

    Args:
        carried: The object.
        overview: Of the frame.
        avoid: Where the object is.
    """
    rows = []
    for band, features in overview:
        planar = features.reshape(FEATURE_COUNT, -1)
        looks = carried.model.logits(planar).reshape(features.shape[1:])
        if avoid.overlaps(band):
            looks[avoid.common(band).inside(band, step=OVERVIEW_STEP)] = -1
        taken = np.flatnonzero(looks > 0)
        if len(taken):
            chosen = carried.random.integers(0, len(taken), min(len(taken), LOOKALIKES))
            rows.append(planar[:, taken[chosen]].T)
    if not rows:
        return np.zeros((0, FEATURE_COUNT), np.float32)
    found = np.concatenate(rows)
    return found[carried.random.permutation(len(found))[:LOOKALIKES]]


def remember_recent(
    carried: Carried,
    pyramid: FramePyramid,
    features: Features,
    soft: Floats,
    neutral: Mask | None,
) -> None:
    """Keep the sure pixels of a carried mask, and some of the scene, to be learned from.

    Args:
        carried: The object.
        pyramid: Of the frame.
        features: Of the part of its level where the mask lies.
        soft: (h, w) object probability there.
        neutral: (h, w) pixels that count for neither side.
    """
    is_inside, is_outside = soft > 0.8, soft < 0.2
    if neutral is not None:
        is_inside &= ~neutral
        is_outside &= ~neutral
    inside, outside = np.flatnonzero(is_inside), np.flatnonzero(is_outside)
    if not (len(inside) and len(outside)):
        return
    scene = scene_rows(pyramid, carried.level, features.rect, RECENT_PLACES)
    around = RECENT_SAMPLES - len(scene)
    pixels = [_some(outside, around, carried.random)]
    pixels.append(_some(inside, RECENT_SAMPLES, carried.random))
    rows = np.ascontiguousarray(features.at(np.concatenate(pixels)).T)
    background = np.concatenate([rows[:around], scene])
    carried.recent.add(carried.model.scaled(background), carried.model.scaled(rows[around:]))


def learn_recent(carried: Carried) -> None:
    """Learn from what is known for certain and from what is kept besides."""
    config = carried.model.config
    if config.steps and carried.recent.count:
        memories = [(carried.keys, 0.5), (carried.recent, 0.5)]
        carried.model.train(memories, steps=config.steps, rate=config.rate, learned=config.learned)


def change_level(carried: Carried, size: tuple[int, int], config: PropagatorConfig) -> None:
    """Move an object that has grown or shrunk for good onto a coarser or finer grid."""
    if carried.rect is None:
        return
    now = np.sqrt(carried.whole_area) * 2**carried.level
    rate = SIDE_RATE
    if is_partly_seen(carried.compactness, carried.whole_area, carried.usual_area):
        rate *= 0.2
    carried.side += rate * (float(now) - carried.side)
    side = carried.side / 2**carried.level
    step = 0
    if side > config.object_side * config.relevel and carried.level < config.coarsest:
        step = 1
    elif side < config.object_side / config.relevel / 2 and carried.level > 0:
        step = -1
    if not step:
        return
    old, new = level_size(size, carried.level), level_size(size, carried.level + step)
    extent = _on_level(carried.extent, carried.rect, old, new)
    seen = extent
    if carried.hidden is not None:
        seen = _on_level(carried.soft, carried.rect, old, new)
        hidden = _on_level(carried.hidden, carried.rect, old, new)
    carried.level += step
    carried.rect = object_rect(extent, Rect(0, 0, new[1], new[0]), config.search, new)
    carried.soft = np.ascontiguousarray(seen[carried.rect.slices])
    if carried.hidden is not None:
        carried.hidden = np.ascontiguousarray(hidden[carried.rect.slices])
    carried.area = float(np.count_nonzero(seen > 0.5))


def _on_level(part: Floats, rect: Rect, old: tuple[int, int], new: tuple[int, int]) -> Floats:
    """The whole of another level, from a part of one."""
    whole = np.zeros(old, np.float32)
    whole[rect.slices] = part
    method = cv2.INTER_AREA if new < old else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(whole, (new[1], new[0]), interpolation=method), np.float32)


def scene_rows(pyramid: FramePyramid, level: int, avoid: Rect, count: int) -> Samples:
    """(at most count * PLACE_PIXELS, C): pixels from random places of the frame, off the object.

    What is elsewhere now may touch the object later: it is learned as background before it does.
    """
    places = pyramid.places(level, count)
    rows = [features.T for rect, features in places if not rect.overlaps(avoid)]
    return np.concatenate(rows) if rows else np.zeros((0, FEATURE_COUNT), np.float32)


def pixel_rows(
    features: Features, pixels: np.ndarray, count: int, random: np.random.Generator
) -> Samples:
    """(count, C): features of random ones of the pixels."""
    return np.ascontiguousarray(features.at(_some(pixels, count, random)).T)


def _some(pixels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    return np.asarray(pixels[random.integers(0, len(pixels), count)])


def _background(
    features: Features,
    near: np.ndarray,
    far: np.ndarray,
    scene: Samples,
    random: np.random.Generator,
) -> Samples:
    """(KEY_SAMPLES, C): mostly from near the object, the rest around it and from the scene."""
    parts = [scene[: KEY_SAMPLES // 3]]
    rest = KEY_SAMPLES - len(parts[0])
    far_count = min(max(KEY_SAMPLES // 3 - len(parts[0]), KEY_SAMPLES // 6), rest)
    if len(far) and len(near):
        parts.append(pixel_rows(features, far, far_count, random))
        rest -= far_count
    if len(near) or len(far):
        parts.append(pixel_rows(features, near if len(near) else far, rest, random))
    else:
        # The object fills the frame: nothing is known of the background.
        parts.append(np.zeros((rest, FEATURE_COUNT), np.float32))
    return np.concatenate(parts)


def on_level(carried: Carried, mask: Mask, margin: int) -> tuple[Mask, Rect]:
    """A mask of the frame on an object's level: the part around it, and where that lies.

    Args:
        carried: The object.
        mask: (H, W), not empty; of one thinner than a pixel of the level the surest are taken.
        margin: Pixels of the level around it.
    """
    size = level_size((mask.shape[0], mask.shape[1]), carried.level)
    small = shrink(mask, size)
    inside = np.asarray(small > min(0.5, float(small.max()) * 0.99))
    whole = Rect(0, 0, size[1], size[0])
    rect = object_rect(inside.astype(np.float32), whole, margin, size)
    return np.ascontiguousarray(inside[rect.slices]), rect


def shrink(mask: Mask, size: tuple[int, int]) -> Floats:
    """(h, w) float32: the share of each pixel of a coarser grid that a mask covers."""
    values = mask.view(np.uint8).astype(np.float32)
    if mask.shape == size:
        return values
    return np.asarray(cv2.resize(values, size[::-1], interpolation=cv2.INTER_AREA), np.float32)

"""Which pixels of a part of a frame look like an object: sharply at its edge, roughly away."""

from dataclasses import replace

import cv2
import numpy as np

from track_anything.masks import probability
from track_anything.structures import Floats
from track_anything.tracking.appearance import AppearanceModel
from track_anything.tracking.features import (
    BAND_AREA,
    FEATURE_COUNT,
    Each,
    Features,
    FramePyramid,
    Rect,
)

STEP = 2
"""Elsewhere than at the edge every second pixel of every second row is looked at."""
DOUBTFUL = 5.0
"""Where the sum of looks and prior comes closer to 0 than this, every pixel is looked at."""

_AROUND = np.ones((3, 3), np.uint8)


def rough_looks(model: AppearanceModel, features: Features) -> Floats:
    """(h, w) logits of a part of a frame, linear between the pixels looked at."""
    return _spread(_looked_at(model, features), features)


def looks_on(
    model: AppearanceModel,
    pyramid: FramePyramid,
    level: int,
    rect: Rect,
    *,
    each: Each = map,
) -> Floats:
    """(rect.height, rect.width) rough probability that a pixel looks like an object.

    For any part of a level: it is filtered in bands.

    Args:
        model: The object's.
        pyramid: Of the frame.
        level: Of the object.
        rect: The part.
        each: Calls a function with every band, as map, perhaps on several threads.
    """
    looks = np.empty((rect.height, rect.width), np.float32)

    def look(band: Rect) -> None:
        # The rows between the last looked at and the next band lie between looks too.
        longer = replace(band, y_max=min(band.y_max + STEP, rect.y_max))
        logits = rough_looks(model, pyramid.features(level, longer))
        top = band.y_min - rect.y_min
        looks[top : top + band.height] = probability(logits[: band.height])

    for _ in each(look, rect.bands(BAND_AREA, multiple=STEP)):
        pass
    return looks


def sharp_looks(model: AppearanceModel, features: Features, prior: Floats) -> Floats:
    """(h, w) logits of a part of a frame, exact where they decide with the prior.

    Args:
        model: The object's.
        features: Of the part.
        prior: (h, w) logits that will be added.
    """
    seen = _looked_at(model, features)
    looks = _spread(seen, features)
    pixels = _at_the_edge(seen + prior[::STEP, ::STEP], looks.shape)
    if len(pixels):
        looks.ravel()[pixels] = model.logits(features.at(pixels))
    return looks


def _looked_at(model: AppearanceModel, features: Features) -> Floats:
    grid = features.grid(STEP)
    return model.logits(grid.reshape(FEATURE_COUNT, -1)).reshape(grid.shape[1:])


def _spread(seen: Floats, features: Features) -> Floats:
    size = features.rect.width, features.rect.height
    onto = np.array([[1 / STEP, 0, 0], [0, 1 / STEP, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    looks = cv2.warpAffine(seen, onto, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(looks, np.float32)


def _at_the_edge(logits: Floats, size: tuple[int, ...]) -> np.ndarray:
    """Numbers of the pixels, row by row, near which logits of every STEP-th are doubtful or turn.

    Those that were looked at already are not among them.
    """
    inside = (logits > 0).astype(np.uint8)
    turns = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, _AROUND)
    doubtful = (np.abs(logits) < DOUBTFUL).astype(np.uint8)
    near = np.bitwise_or(turns, cv2.dilate(doubtful, _AROUND))
    every = np.repeat(np.repeat(near, STEP, axis=0), STEP, axis=1)[: size[0], : size[1]]
    every[::STEP, ::STEP] = 0
    return np.flatnonzero(every)

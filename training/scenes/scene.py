"""A scene while it is painted: picture and object ids, layer over layer."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Reals = NDArray[np.float32]
Ids = NDArray[np.uint16]

SMALLEST_OBJECT = 24
"""Pixels; less is no object that somebody would point at."""
LEAST_VISIBLE = 0.15
"""Share of an object's pixels inside the frame that others must leave free."""


@dataclass(frozen=True)
class Scene:
    """A picture and whose each pixel is.

    Attributes:
        image: (H, W, 3) RGB.
        ids: (H, W), 1 to N for the objects worth prompting, visible pixels only, 0 elsewhere.
        kind: Name of the kind of scene.
    """

    image: Image
    ids: Ids
    kind: str


@dataclass(frozen=True)
class Sprite:
    """A drawn object, to lay over a picture.

    Attributes:
        corner: (x, y) of its top-left pixel in the picture; may be outside.
        colour: (h, w, 3), 0 to 255, already multiplied with the cover.
        cover: (h, w), 0 to 1: the share of each pixel that it hides.
    """

    corner: tuple[int, int]
    colour: Reals
    cover: Reals


class Canvas:
    """A picture under the brush."""

    def __init__(self, image: Reals) -> None:
        """Start from a backdrop of (H, W, 3), 0 to 255; it is painted over."""
        self.image = image
        self.ids: Ids = np.zeros(image.shape[:2], np.uint16)
        self._areas: list[int] = []

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.ids.shape[0], self.ids.shape[1]

    def _windows(
        self, corner: tuple[int, int], size: tuple[int, ...]
    ) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
        """The common pixels of picture and layer, in each; None without any."""
        (x, y), (height, width) = corner, size[:2]
        left, top = max(0, x), max(0, y)
        right, bottom = min(self.size[1], x + width), min(self.size[0], y + height)
        if left >= right or top >= bottom:
            return None
        here = (slice(top, bottom), slice(left, right))
        there = (slice(top - y, bottom - y), slice(left - x, right - x))
        return here, there

    def lay(self, sprite: Sprite, *, marked: bool = False) -> None:
        """Put a sprite over everything; a marked one is an object with an id of its own."""
        windows = self._windows(sprite.corner, sprite.cover.shape)
        if windows is None:
            return
        here, there = windows
        cover = sprite.cover[there]
        region = self.image[here]
        region *= 1 - cover[..., None]
        region += sprite.colour[there]
        inside = cover > 0.5
        number = 0
        if marked:
            self._areas.append(int(np.count_nonzero(inside)))
            number = len(self._areas)
        self.ids[here][inside] = number

    def darken(self, corner: tuple[int, int], shadow: Reals) -> None:
        """Take light away: the shadow is (h, w), 0 none to 1 black. Ids stay as they are."""
        windows = self._windows(corner, shadow.shape)
        if windows is not None:
            here, there = windows
            self.image[here] *= 1 - shadow[there][..., None]

    def final_ids(self) -> Ids:
        """Ids from 1 without gaps; objects too small or too hidden become background."""
        counts = np.bincount(self.ids.ravel(), minlength=len(self._areas) + 1)
        renamed = np.zeros(len(counts), np.uint16)
        following = 1
        for number, area in enumerate(self._areas, start=1):
            if counts[number] >= max(SMALLEST_OBJECT, LEAST_VISIBLE * area):
                renamed[number] = following
                following += 1
        return renamed[self.ids]


def soften(cover: Reals, sigma: float) -> Reals:
    """A cover blurred by about sigma pixels, quickly: large blurs work on a shrunk copy."""
    if sigma < 0.4:
        return cover
    height, width = cover.shape
    step = int(np.clip(sigma / 2, 1, max(1, min(height, width) // 2)))
    small = cover
    if step > 1:
        small = cv2.resize(
            cover, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA
        )
    small = cv2.GaussianBlur(small, (0, 0), sigma / step, borderType=cv2.BORDER_REPLICATE)
    if step > 1:
        small = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(small, np.float32)

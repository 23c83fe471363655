"""The square crop around a prompt: which part of the frame it is, and the ways there and back."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from track_anything.masks import probability
from track_anything.segmenters.compact.network import CROP_SIDE
from track_anything.structures import Floats, Image

_LONGEST_ASPECT = 2.0
"""A window longer than this is widened: stretched farther, things look like nothing known."""
_SHORTEST_SIDE = 12.0
_MOST_PIXELS = 2**24
"""Larger windows, which no box on a 4K frame has, are cut at a fraction of the resolution."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the frame in whole pixels; it may reach beyond the frame.

    Attributes:
        x_min: Left, included.
        y_min: Top, included.
        x_max: Right, excluded.
        y_max: Bottom, excluded.
    """

    x_min: int
    y_min: int
    x_max: int
    y_max: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels of the frame."""
        return self.y_max - self.y_min, self.x_max - self.x_min

    @property
    def cut_step(self) -> int:
        """Pixels of the frame to a pixel of what is cut: 1 but for enormous windows."""
        height, width = self.size
        return math.ceil(math.sqrt(height * width / _MOST_PIXELS))

    @property
    def scale(self) -> Floats:
        """(2,): pixels of the crop a pixel of the frame, across and down."""
        height, width = self.size
        return np.array([CROP_SIDE / width, CROP_SIDE / height], np.float32)

    def points(self, points: Floats) -> Floats:
        """(N, 2) points of the frame in pixels of the crop."""
        corner = np.array([self.x_min, self.y_min], np.float32)
        return np.asarray((points - corner) * self.scale, np.float32)

    def box(self, box: Floats) -> Floats:
        """(4,) box of the frame in pixels of the crop."""
        return self.points(box.reshape(2, 2)).reshape(4)

    def frame_box(self, box: Floats, size: tuple[int, int]) -> Floats:
        """(4,) box of the crop in pixels of a frame of (height, width), cut at its border."""
        corners = box.reshape(2, 2) / self.scale + np.array([self.x_min, self.y_min], np.float32)
        limits = np.array(size[::-1], np.float32)
        return np.asarray(np.clip(corners, 0, limits).reshape(4), np.float32)

    def seen_by(self, other: "Window", values: Floats) -> Floats:
        """(128, 128) of another window: values of this one's crop, 0 where this one is not."""
        scale = self.scale / other.scale
        corner = np.array([other.x_min - self.x_min, other.y_min - self.y_min], np.float32)
        # Centres of pixels lie half a pixel inside.
        shift = (corner * self.scale) + scale / 2 - 0.5
        way = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], np.float32)
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(values, way, (CROP_SIDE, CROP_SIDE), flags=how))

    def crop(self, image: Image) -> tuple[Image, Floats]:
        """(128, 128, 3) picture, black beyond the frame, and (128, 128) share inside the frame."""
        picture = _resized(self._cut(image))
        height, width = image.shape[:2]
        inside = (
            self.x_min >= 0 and self.y_min >= 0 and self.x_max <= width and self.y_max <= height
        )
        if inside:
            return np.asarray(picture, np.uint8), np.ones((CROP_SIDE, CROP_SIDE), np.float32)
        across, down = (
            _covered(low, high, side)
            for low, high, side in (
                (self.x_min, self.x_max, width),
                (self.y_min, self.y_max, height),
            )
        )
        return np.asarray(picture, np.uint8), np.outer(down, across)

    def gray(self, image: Image) -> Image:
        """The window's brightness at the resolution of the cut, 0 beyond the frame."""
        part = np.ascontiguousarray(self._cut(image))
        return np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8)

    def crop_values(self, values: np.ndarray) -> np.ndarray:
        """(128, 128) of the same type: an (H, W) array of the whole frame, 0 beyond it."""
        return _resized(self._cut(values))

    def crop_logits(self, logits: Floats) -> Floats:
        """(128, 128) probability of an (H, W) map of logits of the whole frame, 0 beyond it."""
        seen = np.zeros(logits.shape, np.float32)
        x0, y0, x1, y1 = self._inside((logits.shape[0], logits.shape[1]))
        seen[y0:y1, x0:x1] = probability(logits[y0:y1, x0:x1])
        return self.crop_values(seen)

    def paste(self, values: Floats, size: tuple[int, int], *, outside: float) -> Floats:
        """(H, W): values of the crop where the window is, `outside` elsewhere.

        Args:
            values: (h, w) of any size, stretched over the window.
            size: (height, width) of the frame.
            outside: Where the window is not.
        """
        whole = np.full(size, outside, np.float32)
        x0, y0, x1, y1 = self._inside(size)
        if y1 <= y0 or x1 <= x0:
            return whole
        if self.cut_step > 1:
            self._stretch(values, whole[y0:y1, x0:x1], (x0, y0))
            return whole
        large = cv2.resize(values, self.size[::-1], interpolation=cv2.INTER_LINEAR)
        whole[y0:y1, x0:x1] = large[
            y0 - self.y_min : y1 - self.y_min, x0 - self.x_min : x1 - self.x_min
        ]
        return whole

    def _inside(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """x_min, y_min, x_max, y_max of what lies in a frame of (height, width)."""
        height, width = size
        y0, y1 = min(max(self.y_min, 0), height), max(min(self.y_max, height), 0)
        x0, x1 = min(max(self.x_min, 0), width), max(min(self.x_max, width), 0)
        return x0, y0, x1, y1

    def _cut(self, values: np.ndarray) -> np.ndarray:
        x0, y0, x1, y1 = self._inside((values.shape[0], values.shape[1]))
        part = values[y0:y1, x0:x1]
        step = self.cut_step
        if part.shape[:2] == self.size and step == 1:
            return part
        height, width = -(-self.size[0] // step), -(-self.size[1] // step)
        cut = np.zeros((height, width, *values.shape[2:]), values.dtype)
        if part.size:
            left, right = _shrunk(x0 - self.x_min, x1 - self.x_min, step)
            top, bottom = _shrunk(y0 - self.y_min, y1 - self.y_min, step)
            if step > 1:
                sides = (right - left, bottom - top)
                part = cv2.resize(part, sides, interpolation=cv2.INTER_AREA)
            cut[top:bottom, left:right] = part
        return cut

    def _stretch(self, values: Floats, target: Floats, corner: tuple[int, int]) -> None:
        """Fill what is in the frame of an enormous window, without the rest ever being made.

        Args:
            values: (h, w) of the whole window.
            target: (H, W) part of the frame, written to.
            corner: (x, y) of the part in the frame.
        """
        # Where the centres of the pixels of the part lie among the values, across and down.
        across, down = (values.shape[axis] / self.size[axis] for axis in (1, 0))
        left = (corner[0] + 0.5 - self.x_min) * across - 0.5
        xs = np.arange(target.shape[1], dtype=np.float64) * across + left
        top = (corner[1] + 0.5 - self.y_min) * down - 0.5
        for row in range(target.shape[0]):
            y = min(max(row * down + top, 0.0), values.shape[0] - 1.0)
            above = int(y)
            below = min(above + 1, values.shape[0] - 1)
            line = values[above] + np.float32(y - above) * (values[below] - values[above])
            target[row] = np.interp(xs, np.arange(len(line)), line)


def window_around(box: Floats, *, growth: float) -> Window:
    """The window whose sides are `growth` times those of a box, at most twice as long as wide."""
    width, height = (box[2] - box[0]) * growth, (box[3] - box[1]) * growth
    width = max(width, height / _LONGEST_ASPECT, _SHORTEST_SIDE)
    height = max(height, width / _LONGEST_ASPECT)
    centre = (box[:2] + box[2:]) / 2
    x_min, y_min = np.floor(centre - np.array([width, height]) / 2).astype(int)
    x_max, y_max = np.ceil(centre + np.array([width, height]) / 2).astype(int)
    return Window(int(x_min), int(y_min), int(x_max), int(y_max))


def _covered(low: int, high: int, side: int) -> Floats:
    """(128,): the share of each step from low to high that lies between 0 and side."""
    edges = np.linspace(low, high, CROP_SIDE + 1)
    inside = np.clip(edges, 0, side)
    return np.asarray(np.diff(inside) * (CROP_SIDE / (high - low)), np.float32)


def _shrunk(start: int, end: int, step: int) -> tuple[int, int]:
    """The steps that a stretch of pixels touches."""
    return start // step, -(-end // step)


def _resized(part: np.ndarray) -> np.ndarray:
    shrinks = part.shape[0] > CROP_SIDE or part.shape[1] > CROP_SIDE
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (CROP_SIDE, CROP_SIDE), interpolation=interpolation))

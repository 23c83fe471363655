"""Planar picture features at several resolutions, shared by all objects of a frame.

Every object asks for its own part of the frame, so that its features are the same to the bit
whichever other objects are tracked. (Two parts that overlap agree to rounding, 3e-4.)
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.structures import Floats, Frame, Image

WINDOWS = (3, 7, 15, 31)
"""Sides of the windows for local mean and standard deviation of Lab, in pixels of the level."""
GRADIENT_WINDOWS = (5, 11)
NEIGHBOUR_DISTANCE = 8
"""A pixel also sees the mean colour of eight places this far from it: cheap context, worth 2 points
of J&F at fine levels (and harmful from 12 pixels on)."""
NEIGHBOUR_WINDOW = 5
NEIGHBOURS = tuple(
    (x * NEIGHBOUR_DISTANCE, y * NEIGHBOUR_DISTANCE)
    for x in (-1, 0, 1)
    for y in (-1, 0, 1)
    if x or y
)
MARGIN = max(max(WINDOWS) // 2, NEIGHBOUR_DISTANCE + NEIGHBOUR_WINDOW // 2) + 1
_STATISTICS = 3 + 6 * len(WINDOWS)
_GRADIENTS = _STATISTICS + 6 * len(GRADIENT_WINDOWS)
FEATURE_COUNT = _GRADIENTS + 3 * len(NEIGHBOURS)


@dataclass(frozen=True, slots=True)
class Rect:
    """Part of a grid, in whole pixels, max exclusive."""

    x_min: int
    y_min: int
    x_max: int
    y_max: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.x_max - self.x_min

    @property
    def height(self) -> int:
        """Rows."""
        return self.y_max - self.y_min

    @property
    def area(self) -> int:
        """Pixels."""
        return self.width * self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the rows and columns."""
        return slice(self.y_min, self.y_max), slice(self.x_min, self.x_max)

    def grown(self, margin: int, size: tuple[int, int]) -> "Rect":
        """Larger by a margin on each side, inside a grid of (height, width)."""
        return Rect(
            max(self.x_min - margin, 0),
            max(self.y_min - margin, 0),
            min(self.x_max + margin, size[1]),
            min(self.y_max + margin, size[0]),
        )

    def overlaps(self, other: "Rect") -> bool:
        """Whether another part shares a pixel."""
        return max(self.x_min, other.x_min) < min(self.x_max, other.x_max) and max(
            self.y_min, other.y_min
        ) < min(self.y_max, other.y_max)

    def common(self, other: "Rect") -> "Rect":
        """The part shared with another; they must overlap."""
        return Rect(
            max(self.x_min, other.x_min),
            max(self.y_min, other.y_min),
            min(self.x_max, other.x_max),
            min(self.y_max, other.y_max),
        )

    def bands(self, area: int) -> Iterator["Rect"]:
        """The same part from top to bottom in bands of about `area` pixels at most."""
        rows = max(area // max(self.width, 1), 1)
        for top in range(self.y_min, self.y_max, rows):
            yield Rect(self.x_min, top, self.x_max, min(top + rows, self.y_max))

    def times(self, factor: int) -> "Rect":
        """The same part of a grid that is finer by a whole factor."""
        return Rect(
            self.x_min * factor, self.y_min * factor, self.x_max * factor, self.y_max * factor
        )


def level_size(size: tuple[int, int], level: int) -> tuple[int, int]:
    """(height, width) of the grid that is coarser than the frame by about 2 ** level."""
    return max(round(size[0] / 2**level), 8), max(round(size[1] / 2**level), 8)


class FramePyramid:
    """One frame's pictures and features, each computed when first asked for. Any thread may ask."""

    def __init__(self, frame: Frame) -> None:
        """Take a frame; nothing is computed yet."""
        self.frame = frame
        self.size = frame.image.shape[0], frame.image.shape[1]
        self._lock = threading.Lock()
        self._lab: dict[int, NDArray[np.uint8]] = {}
        self._gray: dict[tuple[int, int], Image] = {}

    def lab(self, level: int) -> NDArray[np.uint8]:
        """(3, h, w) uint8: the frame in CIELAB at a level, planar."""
        with self._lock:
            if level not in self._lab:
                height, width = level_size(self.size, level)
                small = self.frame.image
                if (height, width) != self.size:
                    small = _resized(small, (height, width))
                lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
                self._lab[level] = np.ascontiguousarray(lab.transpose(2, 0, 1))
            return self._lab[level]

    def gray(self, size: tuple[int, int]) -> Image:
        """(h, w) uint8 gray picture of exactly this size."""
        with self._lock:
            if size not in self._gray:
                image = self.frame.image
                if size != self.size:
                    image = _resized(image, size)
                self._gray[size] = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
            return self._gray[size]

    def features(self, level: int, rect: Rect) -> Floats:
        """(FEATURE_COUNT, rect.height, rect.width) float32, contiguous.

        Lab; mean and standard deviation of Lab in each of WINDOWS; for each of GRADIENT_WINDOWS the
        mean signed and absolute gradients of L and the mean absolute gradients of a and b; mean
        Lab at each of NEIGHBOURS.
        """
        planes = self.lab(level)
        outer = rect.grown(MARGIN, (planes.shape[1], planes.shape[2]))
        lab = np.ascontiguousarray(planes[:, outer.slices[0], outer.slices[1]])
        wide = np.empty((_GRADIENTS, outer.height, outer.width), np.float32)
        wide[:3] = lab
        _write_statistics(lab, wide[3:_STATISTICS])
        _write_gradients(lab, wide[_STATISTICS:])
        top, left = rect.y_min - outer.y_min, rect.x_min - outer.x_min
        out = np.empty((FEATURE_COUNT, rect.height, rect.width), np.float32)
        out[:_GRADIENTS] = wide[:, top : top + rect.height, left : left + rect.width]
        _write_neighbours(lab, out[_GRADIENTS:], top, left)
        return out


def _resized(image: Image, size: tuple[int, int]) -> Image:
    small = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _write_statistics(lab: NDArray[np.uint8], out: Floats) -> None:
    count = 3 * len(WINDOWS)
    means, deviations = out[:count], out[count:]
    for index, side in enumerate(WINDOWS):
        for channel in range(3):
            plane = 3 * index + channel
            window = (side, side)
            cv2.boxFilter(lab[channel], cv2.CV_32F, window, means[plane])
            cv2.sqrBoxFilter(lab[channel], cv2.CV_32F, window, deviations[plane])
    deviations -= means * means
    np.maximum(deviations, 0, out=deviations)
    np.sqrt(deviations, out=deviations)


def _write_gradients(lab: NDArray[np.uint8], out: Floats) -> None:
    signed = [cv2.Sobel(lab[0], cv2.CV_16S, 1, 0), cv2.Sobel(lab[0], cv2.CV_16S, 0, 1)]
    absolute = [np.abs(plane) for plane in signed]
    for channel in (1, 2):
        along_x = np.abs(cv2.Sobel(lab[channel], cv2.CV_16S, 1, 0))
        absolute.append(along_x + np.abs(cv2.Sobel(lab[channel], cv2.CV_16S, 0, 1)))
    plane = 0
    for side in GRADIENT_WINDOWS:
        for source in signed + absolute:
            cv2.boxFilter(source, cv2.CV_32F, (side, side), out[plane])
            plane += 1


def _write_neighbours(lab: NDArray[np.uint8], out: Floats, top: int, left: int) -> None:
    reach = NEIGHBOUR_DISTANCE
    side = (NEIGHBOUR_WINDOW, NEIGHBOUR_WINDOW)
    height, width = out.shape[1:]
    for channel in range(3):
        mean = cv2.boxFilter(lab[channel], cv2.CV_32F, side)
        mean = cv2.copyMakeBorder(mean, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
        for index, (x, y) in enumerate(NEIGHBOURS):
            row, column = top + reach + y, left + reach + x
            out[3 * index + channel] = mean[row : row + height, column : column + width]

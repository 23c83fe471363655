"""Planar picture features at several resolutions, shared by all objects of a frame.

Every object asks for its own part of the frame, so that its features are the same to the bit
whichever other objects are tracked.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from track_anything.structures import Floats, Frame, Image
from track_anything.tracking.planes import PlaneMemory, Room, gradients, mean

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
FEATURE_COUNT = 3 + 6 * len(WINDOWS) + 6 * len(GRADIENT_WINDOWS) + 3 * len(NEIGHBOURS)
FILTERED_FLOATS = 8 * len(WINDOWS) + 6 * len(GRADIENT_WINDOWS) + 4
"""Numbers kept of a filtered pixel."""

PLACE = 16
"""Side of a place of the frame at which all objects look."""
PLACE_PIXELS = 64
BAND_AREA = 60_000
"""Pixels that are filtered at once where the whole frame is looked at."""
MOST_BANDS = 24
"""A larger frame is looked at in part: all of 720p at full resolution, two thirds of 1080p."""
OVERVIEW_STEP = 4
"""Look-alikes are large: every 16th pixel shows them, and can be kept (23 MB at most)."""


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

    def is_within(self, other: "Rect") -> bool:
        """Whether another part holds this one."""
        return (
            other.x_min <= self.x_min
            and other.y_min <= self.y_min
            and self.x_max <= other.x_max
            and self.y_max <= other.y_max
        )

    def common(self, other: "Rect") -> "Rect":
        """The part shared with another; they must overlap."""
        return Rect(
            max(self.x_min, other.x_min),
            max(self.y_min, other.y_min),
            min(self.x_max, other.x_max),
            min(self.y_max, other.y_max),
        )

    def bands(self, area: int, *, multiple: int = 1) -> Iterator["Rect"]:
        """The same part from top to bottom in bands of about `area` pixels at most.

        Each has a multiple of so many rows, but for the last.
        """
        rows = max(area // max(self.width, 1) // multiple, 1) * multiple
        for top in range(self.y_min, self.y_max, rows):
            yield Rect(self.x_min, top, self.x_max, min(top + rows, self.y_max))

    def inside(self, other: "Rect", *, step: int = 1) -> tuple[slice, slice]:
        """Index of this part on another that holds it, or on every step-th pixel of that."""
        top, bottom = self.y_min - other.y_min, self.y_max - other.y_min
        left, right = self.x_min - other.x_min, self.x_max - other.x_min
        # Rounded up: the first pixel that is neither left out nor before this part.
        rows = slice(-(-top // step), -(-bottom // step))
        columns = slice(-(-left // step), -(-right // step))
        return rows, columns

    def within(self, other: "Rect") -> "Rect":
        """This part of another part, on the grid on which that lies."""
        x, y = other.x_min, other.y_min
        return Rect(self.x_min + x, self.y_min + y, self.x_max + x, self.y_max + y)

    def times(self, factor: int) -> "Rect":
        """The same part of a grid that is finer by a whole factor."""
        return Rect(
            self.x_min * factor, self.y_min * factor, self.x_max * factor, self.y_max * factor
        )


Each = Callable[[Callable[[Rect], None], Iterable[Rect]], Iterable[None]]
"""A way to call a function with one part after another, as map."""


def level_size(size: tuple[int, int], level: int) -> tuple[int, int]:
    """(height, width) of the grid that is coarser than the frame by about 2 ** level."""
    return max(round(size[0] / 2**level), 8), max(round(size[1] / 2**level), 8)


class _Picture:
    """A frame at some size in other colours, converted where asked for. Any thread may ask."""

    def __init__(self, image: Image, size: tuple[int, int], code: int) -> None:
        """Nothing is converted yet.

        Args:
            image: Of the frame.
            size: (height, width) wanted.
            code: Of the colours, as OpenCV calls them.
        """
        self._image = image
        self._code = code
        self._size = size
        self._factor = image.shape[0] // size[0]
        # Only then does a pixel depend on those alone that it covers.
        self._has_parts = image.shape[:2] == (size[0] * self._factor, size[1] * self._factor)
        self._asked_area = 0
        self._whole: Image | None = None
        self._lock = threading.Lock()

    def whole(self) -> Image:
        """All of it; converted once."""
        with self._lock:
            if self._whole is None:
                self._whole = self._converted(self._image, self._size)
            return self._whole

    def part(self, rect: Rect) -> Image:
        """The same pixels as of the whole, to the bit."""
        self._asked_area += rect.area
        is_cheaper = self._asked_area <= self._size[0] * self._size[1]
        if self._whole is None and self._has_parts and is_cheaper:
            covered = self._image[rect.times(self._factor).slices]
            return self._converted(covered, (rect.height, rect.width))
        return self.whole()[rect.slices]

    def _converted(self, image: Image, size: tuple[int, int]) -> Image:
        if image.shape[:2] != size:
            small = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
            image = np.asarray(small, np.uint8)
        return np.asarray(cv2.cvtColor(image, self._code), np.uint8)


class FramePyramid:
    """One frame's pictures and features, each computed when first asked for. Any thread may ask."""

    def __init__(self, frame: Frame, *, seed: int = 0) -> None:
        """Take a frame; nothing is computed yet. The seed is of what is random here."""
        self.frame = frame
        self._seed = seed
        self.size = frame.image.shape[0], frame.image.shape[1]
        self._lock, self._places_lock = threading.Lock(), threading.Lock()
        self._pictures: dict[tuple[tuple[int, int], int], _Picture] = {}
        self._places: dict[tuple[int, int], list[tuple[Rect, Floats]]] = {}
        self._overviews: dict[int, list[tuple[Rect, Floats]]] = {}

    def lab(self, level: int, rect: Rect | None = None) -> Image:
        """(h, w, 3) uint8: the frame, or a part of it, in CIELAB at a level."""
        return self._picture(level_size(self.size, level), cv2.COLOR_RGB2LAB, rect)

    def gray(self, size: tuple[int, int], rect: Rect | None = None) -> Image:
        """(h, w) uint8: the frame in gray at exactly this size, or a part of that."""
        return self._picture(size, cv2.COLOR_RGB2GRAY, rect)

    def _picture(self, size: tuple[int, int], code: int, rect: Rect | None) -> Image:
        with self._lock:
            if (size, code) not in self._pictures:
                self._pictures[size, code] = _Picture(self.frame.image, size, code)
            picture = self._pictures[size, code]
        return picture.whole() if rect is None else picture.part(rect)

    def features(self, level: int, rect: Rect, *, memory: PlaneMemory | None = None) -> "Features":
        """The features of a part of a level, in memory from there."""
        around = rect.grown(MARGIN, level_size(self.size, level))
        return Features(self.lab(level, around), rect, around, memory=memory)

    def places(self, level: int, count: int) -> list[tuple[Rect, Floats]]:
        """Some places of a level, random but the same for every object.

        Each with (FEATURE_COUNT, PLACE_PIXELS) features of random ones of its pixels.
        """
        with self._places_lock:
            if (level, count) not in self._places:
                random = np.random.default_rng([self._seed, self.frame.index, level])
                height, width = level_size(self.size, level)
                found = []
                for _ in range(count):
                    x = int(random.integers(0, max(width - PLACE, 1)))
                    y = int(random.integers(0, max(height - PLACE, 1)))
                    rect = Rect(x, y, min(x + PLACE, width), min(y + PLACE, height))
                    pixels = random.integers(0, rect.area, PLACE_PIXELS)
                    found.append((rect, self.features(level, rect).at(pixels)))
                self._places[level, count] = found
            return self._places[level, count]

    def overview(self, level: int, *, each: Each = map) -> list[tuple[Rect, Floats]]:
        """Bands of a level with features of every OVERVIEW_STEP-th pixel; random ones of many.

        They are kept: several objects are often learned on one frame.

        Args:
            level: Of the grid.
            each: Calls a function with every band, as map, perhaps on several threads.
        """
        with self._places_lock:
            if level not in self._overviews:
                height, width = level_size(self.size, level)
                bands = list(Rect(0, 0, width, height).bands(BAND_AREA))
                random = np.random.default_rng([self._seed, self.frame.index, level])
                if len(bands) > MOST_BANDS:
                    bands = [bands[i] for i in random.permutation(len(bands))[:MOST_BANDS]]
                grids: dict[Rect, Floats] = {}

                def look(band: Rect) -> None:
                    grids[band] = self.features(level, band).grid(OVERVIEW_STEP)

                for _ in each(look, bands):
                    pass
                self._overviews[level] = [(band, grids[band]) for band in bands]
            return self._overviews[level]


class Features:
    """Features of a part of a level, told for the pixels that are asked for.

    FEATURE_COUNT of each pixel: Lab; mean and standard deviation of Lab in each of WINDOWS; for
    each of GRADIENT_WINDOWS the mean signed and absolute gradients of L and the mean absolute
    gradients of a and b; mean Lab at each of NEIGHBOURS.
    """

    def __init__(
        self, crop: Image, rect: Rect, outer: Rect, *, memory: PlaneMemory | None = None
    ) -> None:
        """Filter what lies around a part of a level.

        Args:
            crop: (outer.height, outer.width, 3), CIELAB.
            rect: The part.
            outer: The same with MARGIN pixels around, as far as the level goes.
            memory: `release` gives it back.
        """
        # Four channels are filtered at the price of two: the fourth is there for that alone.
        packed = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2RGBA), np.uint8)
        squares = packed.astype(np.uint16)
        squares *= squares
        signed, absolute = gradients(crop)
        self.rect = rect
        self._memory = memory
        count = FILTERED_FLOATS * outer.area
        self._room = room = Room(memory.take(count) if memory else np.empty(count, np.float32))
        self._place = rect.x_min - outer.x_min, rect.y_min - outer.y_min
        # In the order of the features: (a filtered picture, how many of its channels count).
        self._planes: list[tuple[np.ndarray, int]] = [(packed, 3)]
        self._planes += [(mean(packed, side, room), 3) for side in WINDOWS]
        self._planes += [(mean(squares, side, room), 3) for side in WINDOWS]
        for side in GRADIENT_WINDOWS:
            self._planes += [(mean(signed, side, room), 2), (mean(absolute, side, room), 4)]
        self._around = mean(packed, NEIGHBOUR_WINDOW, room)

    def holds(self, rect: Rect) -> bool:
        """Whether the features of another part are among these, to the bit.

        Not so near the right border of the frame: the last columns of a picture are filtered by
        other code than the rest, which rounds otherwise.
        """
        after = self._around.shape[1] - self._place[0] - (rect.x_max - self.rect.x_min)
        return rect == self.rect or (rect.is_within(self.rect) and after >= MARGIN)

    def narrow(self, rect: Rect) -> None:
        """Be the features of a part that they hold alone."""
        left, top = self._place
        self._place = left + rect.x_min - self.rect.x_min, top + rect.y_min - self.rect.y_min
        self.rect = rect

    def release(self) -> None:
        """Give the memory back: nothing can be asked any more."""
        if self._memory is not None:
            self._memory.give_back(self._room.values)
        self._planes, self._memory = [], None

    def grid(self, step: int = 1) -> Floats:
        """(FEATURE_COUNT, h, w) float32 of every step-th pixel of every step-th row."""
        (left, top), rect = self._place, self.rect
        out = np.empty((FEATURE_COUNT, -(-rect.height // step), -(-rect.width // step)), np.float32)
        rows, columns = slice(top, top + rect.height, step), slice(left, left + rect.width, step)
        first = 0
        for plane, count in self._planes:
            for channel in range(count):
                out[first] = plane[rows, columns, channel]
                first += 1
        around, shift_x, shift_y = self._padded()
        for x, y in NEIGHBOURS:
            start_y, start_x = top + shift_y + y, left + shift_x + x
            rows = slice(start_y, start_y + rect.height, step)
            columns = slice(start_x, start_x + rect.width, step)
            for channel in range(3):
                out[first] = around[rows, columns, channel]
                first += 1
        _to_deviations(out)
        return out

    def at(self, pixels: np.ndarray) -> Floats:
        """(FEATURE_COUNT, P) float32 of pixels given by their number in the part, row by row."""
        (left, top), rect = self._place, self.rect
        y, x = np.divmod(pixels, rect.width)
        out = np.empty((FEATURE_COUNT, len(pixels)), np.float32)
        first = 0
        places = (y + top) * self._around.shape[1] + (x + left)
        for plane, count in self._planes:
            taken = np.take(plane.reshape(-1, plane.shape[2]), places, axis=0)
            out[first : first + count] = taken.T[:count]
            first += count
        around, shift_x, shift_y = self._padded()
        places = (y + top + shift_y) * around.shape[1] + (x + left + shift_x)
        flat = around.reshape(-1, 4)
        for x_step, y_step in NEIGHBOURS:
            taken = np.take(flat, places + (y_step * around.shape[1] + x_step), axis=0)
            out[first : first + 3] = taken.T[:3]
            first += 3
        _to_deviations(out)
        return out

    def _padded(self) -> tuple[np.ndarray, int, int]:
        """The mean colours with room for NEIGHBOURS on all sides; columns and rows added before."""
        (left, top), rect = self._place, self.rect
        height, width = self._around.shape[:2]
        reach = NEIGHBOUR_DISTANCE
        before_x, before_y = max(reach - left, 0), max(reach - top, 0)
        after_x = max(left + rect.width + reach - width, 0)
        after_y = max(top + rect.height + reach - height, 0)
        if not (before_x or before_y or after_x or after_y):
            return self._around, 0, 0
        # The part lies at the border of the frame: beyond it the border's colours go on.
        padded = cv2.copyMakeBorder(
            self._around, before_y, after_y, before_x, after_x, cv2.BORDER_REPLICATE
        )
        return padded, before_x, before_y


def _to_deviations(features: Floats) -> None:
    """Put standard deviations where mean squares are, in place."""
    count = 3 * len(WINDOWS)
    means, deviations = features[3 : 3 + count], features[3 + count : 3 + 2 * count]
    deviations -= means * means
    np.maximum(deviations, 0, out=deviations)
    np.sqrt(deviations, out=deviations)

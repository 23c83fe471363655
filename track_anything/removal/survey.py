"""A small look at what other frames show of a hole: what is background, and who has most of it."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.removal.alignment import Region, largest, projected
from track_anything.removal.window import MaskedFrame, Matrix
from track_anything.structures import Floats, Image, Mask

SIDE = 320
"""Longest side of a small picture: a leg that goes by is several pixels wide, grass is even."""

# What moves in the wind differs by itself: three times the usual difference is still the same.
_SPREAD = 3.0
_TOLERANCES = 24, 44
# Of fewer views nobody can say who is right.
_MIN_VIEWS = 3
_GAIN_LIMITS = 0.7, 1.4
_MIN_RING = 12
_UNSEEN = 255


class SmallFrame:
    """A frame made small, to be looked at many times."""

    def __init__(self, frame: MaskedFrame) -> None:
        """Make it small; what is masked in part counts as masked."""
        height, width = frame.mask.shape
        shrink = min(1.0, SIDE / max(height, width))
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        self._scale = np.array([size[0] / width, size[1] / height], np.float32)
        self._image = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
        share = cv2.resize(frame.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        self._mask = np.asarray(share > 0).view(np.uint8) * np.uint8(255)

    def look(self, points: Floats, matrix: Matrix) -> tuple[Image, Mask]:
        """(h, w, 3) colours at points of another frame, and (h, w) whether they are seen.

        Args:
            points: (h, w, 2), x and y in pixels of the other frame, not made small.
            matrix: Where its pixels are in this one.
        """
        places = (projected(points, matrix) + 0.5) * self._scale - 0.5
        x, y = places[..., 0], places[..., 1]
        picture = cv2.remap(self._image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        masked = cv2.remap(
            self._mask, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=255
        )
        return np.asarray(picture, np.uint8), np.asarray(masked == 0)


class Survey:
    """What several frames show of one hole, seen small.

    Where three or more show a pixel, their median says what is background; a frame that differs
    from it there shows something that only went by.
    """

    def __init__(
        self,
        target: SmallFrame,
        hole: Mask,
        region: Region,
        views: Sequence[tuple[SmallFrame, Matrix]],
        *,
        frame_side: int,
    ) -> None:
        """Look at all of them.

        Args:
            target: The frame with the hole.
            hole: (h, w) of the region.
            region: Of the target.
            views: Other frames, and where pixels of the target are in them.
            frame_side: Longest side of the frames.
        """
        self._step = max(1, round(frame_side / SIDE))
        points = region.grid(step=self._step)
        self._size = points.shape[1], points.shape[0]
        self._shape = hole.shape
        self._hole = self._small(hole)
        here, free = target.look(points, np.eye(3))
        pieces = [view.look(points, matrix) for view, matrix in views]
        near = cv2.dilate(self._hole.view(np.uint8), np.ones((9, 9), np.uint8)) > 0
        ring = near & free & ~self._hole
        self._seen = np.array([seen for _, seen in pieces], np.bool_).reshape(-1, *ring.shape)
        pictures = [_in_light_of(here, picture, ring & seen) for picture, seen in pieces]
        self._shown = self._judged(pictures)

    def share(self, view: int, rest: Mask) -> float:
        """Which part of the rest of the hole, (h, w) of the region, a view shows."""
        small = self._small(rest)
        count = int(np.count_nonzero(small))
        return int(np.count_nonzero(self._shown[view] & small)) / count if count else 0.0

    def shown(self, view: int) -> Mask:
        """(h, w) of the region: where a view shows what is believed to be background.

        Of the hole; around it everything is.
        """
        passing = (self._hole & self._seen[view] & ~self._shown[view]).view(np.uint8)
        # Single small pixels are texture; the edge of what goes by is as wide as one.
        passing = cv2.morphologyEx(passing, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
        passing = np.asarray(cv2.dilate(passing, np.ones((3, 3), np.uint8)), np.uint8)
        whole = cv2.resize(passing, self._shape[::-1], interpolation=cv2.INTER_NEAREST)
        return np.asarray(whole == 0)

    def _small(self, mask: Mask) -> Mask:
        share = cv2.resize(mask.astype(np.float32), self._size, interpolation=cv2.INTER_AREA)
        return np.asarray(share > 0)

    def _judged(self, pictures: Sequence[Image]) -> NDArray[np.bool_]:
        """(views, h, w): seen, and like the background where that is known."""
        shown = self._seen.copy()
        if len(pictures) < _MIN_VIEWS:
            return shown
        seen = self._seen[:, self._hole]
        colors = np.stack([picture[self._hole] for picture in pictures])
        counts = seen.sum(axis=0)
        # Those that do not see a pixel are sorted behind those that do.
        ordered = np.sort(np.where(seen[..., None], colors, _UNSEEN), axis=0)
        middle = np.maximum(counts - 1, 0) // 2
        background = ordered[middle, np.arange(len(middle))]
        away = largest(cv2.absdiff(colors, np.broadcast_to(background, colors.shape)))
        ranked = np.sort(np.where(seen, away, _UNSEEN), axis=0)
        usual = ranked[middle, np.arange(len(middle))]
        tolerance = np.clip(_SPREAD * usual, *_TOLERANCES)
        shown[:, self._hole] &= (away <= tolerance) | (counts < _MIN_VIEWS)
        return shown


def _in_light_of(here: Image, picture: Image, ring: Mask) -> Image:
    """A picture with the gain between it and another, measured in a ring, taken off."""
    if np.count_nonzero(ring) < _MIN_RING:
        return picture
    wanted, got = here[ring].astype(np.float32), picture[ring].astype(np.float32)
    gain = (np.median(wanted, axis=0) + 1) / (np.median(got, axis=0) + 1)
    lit = np.clip(picture * np.clip(gain, *_GAIN_LIMITS), 0, 255)
    return np.asarray(lit, np.uint8)

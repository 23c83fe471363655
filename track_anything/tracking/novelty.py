"""What is small and new at its place, before a camera at rest: too fast for optical flow."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.small_gray import small_size
from track_anything.structures import Floats, Image, Mask
from track_anything.tracking.own_motion import whole_motion

SIDE = 640
"""Longest side at which what is new is looked for: a table tennis ball is 9 to 30 pixels there."""
AGES = (1, 3, 5)
"""Frames back with which a frame is compared: what is new differs from most of them. What lingers
covers itself a frame ago; where something was on one of them it differs from that one alone."""
LEAST_DIFFERENCE = 20
"""Levels, of the channel that differs most, beyond what a pixel's shift explains."""
REST = 0.0014
"""Motion of the picture's corners, as a share of its longer side, up to which a camera is at rest:
mean over the frames compared. On tripods .0002 to .0013, from a car .0015 and more."""
THINNEST, LARGEST = 4, 0.006
"""Least width in pixels, and most area as a share of the picture."""
LONGEST = 8.0
"""Square of its length, as a share of its area: a streak is some balls long."""
SOLID = 0.75
"""Share of its convex hull that it fills."""
APART, ALONE = 0.6, 0.1
"""So many of its lengths around it no more than this share is new as well: hands and rackets hang
on someone who moves too."""
BESIDE = (3, 9)
"""Sides of the squares by which it is grown to where its surroundings begin and end."""
LIKE, MOST_LIKE = 20.0, 0.3
"""Of these no more than a share is as near to its colour, in levels: a tail goes on as a dog."""


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """A small thing that is new at its place; all in pixels of the small picture.

    Attributes:
        inside: (h, w) bool: its mask, on a part of the picture ...
        corner: ... that begins at this x, y.
        middle: (2,) x, y.
        area: Pixels of the mask.
        length: Longer side of the narrowest box around it: what moves fast is a streak.
        color: (3,) mean.
    """

    inside: Mask
    corner: tuple[int, int]
    middle: Floats
    area: int
    length: float
    color: Floats

    def mask(self, size: tuple[int, int]) -> Mask:
        """Standard form, on a frame of (height, width)."""
        scale = max(1.0, max(size) / SIDE)
        x, y = self.corner
        # The middle of a small pixel is that of as many large ones as it stands for.
        place = np.array([[scale, 0, (x + 0.5) * scale - 0.5], [0, scale, (y + 0.5) * scale - 0.5]])
        soft = cv2.warpAffine(self.inside.astype(np.float32), place, size[::-1])
        return np.asarray(soft > 0.5)


@dataclass(slots=True)
class Novelty:
    """The last frames, small, and how far the picture as a whole moved to each.

    Attributes:
        frames: (h, w, 3) each, the newest last.
        shifts: Of the corners, as a share of the longer side; one for each.
        new: (h, w) bool: what is new on the last frame; None if that is not known.
    """

    frames: list[Image] = field(default_factory=list)
    shifts: list[float] = field(default_factory=list)
    new: Mask | None = None

    @property
    def side(self) -> int:
        """The longer one of the small picture; 0 before the first."""
        return max(self.frames[-1].shape) if self.frames else 0

    def next(self, image: Image, flow: Floats | None) -> list[Spot]:
        """What is small, whole and new on the next frame; nothing while the camera moves.

        Args:
            image: Standard form.
            flow: (h, w, 2) backward flow to the frame before; None begins anew.
        """
        small = _small(image)
        self.new = None
        if flow is None or (self.frames and self.frames[-1].shape != small.shape):
            self.frames, self.shifts = [small], [0.0]
            return []
        self.frames = [*self.frames[-max(AGES) :], small]
        self.shifts = [*self.shifts[-max(AGES) :], _corner_shift(flow)]
        is_at_rest = float(np.mean(self.shifts)) <= REST
        if len(self.frames) <= max(AGES) or not is_at_rest:
            return []
        count = sum(_differs(self.frames[-1 - age], small).astype(np.uint8) for age in AGES)
        self.new = np.asarray(2 * count > len(AGES))
        return _spots(self.new, small)

    def share(self, mask: Mask) -> float:
        """The share of a mask of the frame that is new or right beside it; 1 if not known."""
        if self.new is None:
            return 1.0
        height, width = self.new.shape
        small = cv2.resize(mask.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        inside = small > 0
        wide = cv2.dilate(self.new.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
        return float(wide[inside].mean()) if inside.any() else 0.0


def _small(image: Image) -> Image:
    height, width = small_size((image.shape[0], image.shape[1]), SIDE, least=1)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _corner_shift(flow: Floats) -> float:
    whole = whole_motion(flow)
    corners = whole[[0, 0, -1, -1], [0, -1, 0, -1]]
    return float(np.linalg.norm(corners, axis=1).max() / max(flow.shape))


def _differs(before: Image, now: Image) -> Mask:
    """(h, w): where a frame differs from an earlier one more than a pixel's shift explains."""
    kernel = np.ones((3, 3), np.uint8)
    above = cv2.subtract(now, cv2.dilate(before, kernel))
    below = cv2.subtract(cv2.erode(before, kernel), now)
    red, green, blue = cv2.split(cv2.max(above, below))
    return np.asarray(cv2.max(cv2.max(red, green), blue) > LEAST_DIFFERENCE)


def _spots(new: Mask, small: Image) -> list[Spot]:
    kernel = np.ones((3, 3), np.uint8)
    closed = cv2.morphologyEx(new.view(np.uint8), cv2.MORPH_CLOSE, kernel)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    parts = np.asarray(labels, np.int32)
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].min(axis=1)
    areas = stats[:, cv2.CC_STAT_AREA]
    fits = np.flatnonzero((sides >= THINNEST) & (areas <= LARGEST * new.size))
    found = [_spot(parts, stats[index], int(index), small) for index in fits if index]
    return [one for one in found if one is not None]


def _spot(
    labels: NDArray[np.int32], stat: NDArray[np.int32], index: int, small: Image
) -> Spot | None:
    """A part of what is new, if it is of one piece and by itself."""
    x, y, wide, high = (int(value) for value in stat[:4])
    reach = max(THINNEST, round(APART * max(wide, high)))
    left, top = max(x - reach, 0), max(y - reach, 0)
    part = labels[top : y + high + reach, left : x + wide + reach]
    inside = np.asarray(part == index)
    points = cv2.findNonZero(inside.view(np.uint8))
    outline = cv2.convexHull(points)
    # The outline runs through the middles of pixels: half a pixel is missing all round.
    hull = cv2.contourArea(outline) + cv2.arcLength(outline, True) / 2 + 1
    middle, box_sides, _ = cv2.minAreaRect(points)
    area = int(np.count_nonzero(inside))
    length = float(max(box_sides)) + 1
    is_streak = area * LONGEST >= length**2
    if area < SOLID * hull or min(box_sides) + 1 < THINNEST or not is_streak:
        return None
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    ring = (cv2.dilate(inside.view(np.uint8), kernel) > 0) & ~inside
    if np.count_nonzero(part[ring]) > ALONE * np.count_nonzero(ring):
        return None
    picture = small[top : y + high + reach, left : x + wide + reach].astype(np.float32)
    color = picture[inside].mean(axis=0)
    if _goes_on(picture, inside, color):
        return None
    return Spot(
        inside=inside,
        corner=(left, top),
        middle=np.array(middle, np.float32) + np.array([left, top], np.float32),
        area=area,
        length=length,
        color=np.asarray(color, np.float32),
    )


def _goes_on(picture: Floats, inside: Mask, color: Floats) -> bool:
    """Whether something of a part's colour is beside it: then it is a part of what rests there."""
    near, far = (
        cv2.dilate(inside.view(np.uint8), np.ones((side, side), np.uint8)) > 0 for side in BESIDE
    )
    beside = picture[far & ~near]
    is_like = np.abs(beside - color).mean(axis=1) < LIKE
    return bool(len(beside)) and float(is_like.mean()) > MOST_LIKE

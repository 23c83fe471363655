"""Colours of tracks, and masks and contours painted over a picture.

Object by object inside its own box: supervision goes over the whole frame for each of them.
"""

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.masks import mask_box
from track_anything.structures import Image, Mask

Color = tuple[int, int, int]

PALETTE_LENGTH = 240
_FIRST_COLORS: tuple[Color, ...] = (
    (255, 196, 0),  # amber
    (240, 60, 160),  # pink
    (30, 214, 232),  # cyan
    (255, 104, 32),  # orange
    (166, 232, 48),  # lime
    (158, 104, 255),  # violet
    (255, 240, 150),  # cream
    (232, 40, 56),  # red
    (70, 240, 176),  # mint
    (255, 164, 224),  # rose
    (204, 138, 60),  # bronze
    (200, 230, 255),  # ice
)
"""Told apart from one another and from the greens and blues of pitches and halls."""
GREY: Color = (150, 150, 150)
LIGHT: Color = (255, 255, 255)

# At 720 lines; all scaled with the frame.
_CONTOUR_WIDTH = 2.0
_DASH_LENGTH = 7.0
_CONTOUR_STEP = 3
_SUBPIXEL_BITS = 4


def track_color(track_id: int) -> Color:
    """The RGB colour of a track: the same in every run; near ids differ strongly.

    >>> track_color(1), track_color(2)
    ((255, 196, 0), (240, 60, 160))
    """
    return palette()[(track_id - 1) % PALETTE_LENGTH]


@cache
def palette() -> tuple[Color, ...]:
    """The colours of tracks: hand-picked ones, then the golden angle goes round the hues."""
    colors = list(_FIRST_COLORS)
    for number in range(PALETTE_LENGTH - len(colors)):
        hue = (0.12 + number * 0.618034) % 1
        saturation, value = ((0.75, 1.0), (0.45, 1.0), (0.8, 0.82))[number % 3]
        red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
        colors.append((round(red * 255), round(green * 255), round(blue * 255)))
    return tuple(colors)


def mix_colors(first: Color, second: Color, share: float) -> Color:
    """A colour between two: share, 0 to 1, of the second, the rest of the first."""
    red, green, blue = (
        round(a * (1 - share) + b * share) for a, b in zip(first, second, strict=True)
    )
    return red, green, blue


def overlay(
    image: Image, masks: Mapping[int, Mask], *, opacity: float = 0.5, contours: bool = True
) -> Image:
    """A copy of a picture with masks by track_id painted over it, later ids on top."""
    painted = image.copy()
    scale = min(image.shape[:2]) / 720
    patches = visible_patches(
        [(key, mask, mask_box(mask), False) for key, mask in sorted(masks.items())]
    )
    for patch in patches:
        fill_patch(painted, patch, opacity)
    for patch in patches if contours else ():
        outline_patch(painted, patch, scale)
    return painted


@dataclass(frozen=True, eq=False)
class Patch:
    """The visible part of one object inside its own box.

    Attributes:
        corner: (x, y) of the box.
        cover: (h, w) uint8, 1 on the object.
    """

    color: Color
    corner: tuple[int, int]
    cover: Image
    is_unsure: bool


def visible_patches(objects: Sequence[tuple[int, Mask, NDArray[np.float32], bool]]) -> list[Patch]:
    """Patches of (track_id, mask, box, is_unsure) in this order; what later ones cover is cut."""
    patches: list[Patch] = []
    boxes = [np.rint(each[2]).astype(int).tolist() for each in objects]
    for index, (track_id, mask, _, is_unsure) in enumerate(objects):
        left, top, right, bottom = boxes[index]
        if right <= left:
            continue
        cover = mask[top:bottom, left:right]
        for later in range(index + 1, len(objects)):
            x0, y0 = max(left, boxes[later][0]), max(top, boxes[later][1])
            x1, y1 = min(right, boxes[later][2]), min(bottom, boxes[later][3])
            if x0 < x1 and y0 < y1:
                cover = cover.copy() if np.may_share_memory(cover, mask) else cover
                above = objects[later][1][y0:y1, x0:x1]
                cover[y0 - top : y1 - top, x0 - left : x1 - left] &= ~above
        patches.append(Patch(track_color(track_id), (left, top), cover.view(np.uint8), is_unsure))
    return patches


def fill_patch(image: Image, patch: Patch, opacity: float) -> None:
    """Tint the pixels of a patch."""
    height, width = patch.cover.shape
    x, y = patch.corner
    below = image[y : y + height, x : x + width]
    tint = np.empty_like(below)
    # rectangle fills twenty times as fast as NumPy's broadcast of three bytes.
    cv2.rectangle(tint, (0, 0), (width, height), patch.color, -1)
    share = opacity * (0.6 if patch.is_unsure else 1.0)
    blended = cv2.addWeighted(below, 1 - share, tint, share, 0)
    cv2.copyTo(blended, patch.cover, below)


def outline_patch(image: Image, patch: Patch, scale: float) -> None:
    """Draw the edge of a patch: a smooth line, for an unsure object dashed, thin and greyer."""
    found, _ = cv2.findContours(
        patch.cover, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=patch.corner
    )
    width = max(1, round(_CONTOUR_WIDTH * scale))
    lines, is_closed = [_smooth(np.asarray(points[:, 0], np.int32)) for points in found], True
    color = mix_colors(patch.color, LIGHT, 0.2)
    if patch.is_unsure:
        color, width = mix_colors(patch.color, GREY, 0.4), max(1, width // 2)
        dash = max(2, round(_DASH_LENGTH * max(scale, 0.6) / _CONTOUR_STEP))
        lines = [
            line[start : start + dash + 1]
            for line in lines
            for start in range(0, len(line), 2 * dash)
        ]
        is_closed = False
    cv2.polylines(image, lines, is_closed, color, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def _smooth(points: NDArray[np.int32]) -> NDArray[np.int32]:
    """A closed line of pixels without its staircase: means of five, every third, in sixteenths."""
    if len(points) < 8:
        return points << _SUBPIXEL_BITS
    around = np.concatenate([points[-2:], points, points[:2]])
    count = len(points)
    total = sum(around[shift : shift + count] for shift in range(5))
    smoothed = (np.asarray(total)[::_CONTOUR_STEP] << _SUBPIXEL_BITS) // 5
    return smoothed.astype(np.int32)

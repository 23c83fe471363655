"""Objects of several parts, drawn with exact coverage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from .scene import Reals, Sprite
from .textures import Paint

SHIFT = 4
"""Bits of the fraction in the coordinates given to OpenCV."""


@dataclass(frozen=True)
class Part:
    """A piece of an object with one surface.

    Attributes:
        paint: Its surface.
        outlines: What it covers, closed, each (N, 2); they may overlap.
        holes: What of that it leaves open.
        lines: Open lines it covers as well, thickness wide.
        shading: How much it looks round: 0 flat, 1 strongly.
    """

    paint: Paint
    outlines: tuple[Reals, ...] = ()
    holes: tuple[Reals, ...] = ()
    lines: tuple[Reals, ...] = ()
    thickness: float = 1.0
    shading: float = 0.35


Parts = list[Part]


def mapped(parts: Parts, change: Callable[[Reals], Reals], scale: float) -> Parts:
    """Parts with every point sent through a change, strokes thicker by scale."""

    def each(groups: tuple[Reals, ...]) -> tuple[Reals, ...]:
        return tuple(np.asarray(change(group), np.float32) for group in groups)

    return [
        replace(
            part,
            outlines=each(part.outlines),
            holes=each(part.holes),
            lines=each(part.lines),
            thickness=part.thickness * scale,
        )
        for part in parts
    ]


def placed(parts: Parts, matrix: Reals, offset: Sequence[float]) -> Parts:
    """Parts under the affine map x -> matrix x + offset, strokes by its mean scale."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix))))
    shift = np.asarray(offset, np.float32)
    return mapped(parts, lambda points: points @ matrix.T + shift, scale)


def extent(parts: Parts) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 around all parts."""
    points = np.concatenate([p for part in parts for p in (*part.outlines, *part.lines)])
    edge = max((part.thickness / 2 for part in parts if part.lines), default=0.0)
    low, high = points.min(axis=0) - edge, points.max(axis=0) + edge
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _window(part: Part, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of the pixels of a part in a frame; None outside it."""
    x0, y0, x1, y1 = extent([part])
    left, top = max(0, int(np.floor(x0)) - 1), max(0, int(np.floor(y0)) - 1)
    right = min(size[1], int(np.ceil(x1)) + 2)
    bottom = min(size[0], int(np.ceil(y1)) + 2)
    return (left, top, right, bottom) if left < right and top < bottom else None


def coverage(part: Part, window: tuple[int, int, int, int], fineness: int) -> Reals:
    """The share of each pixel of a window (left, top, right, bottom) that a part covers."""
    left, top, right, bottom = window
    fine = np.zeros(((bottom - top) * fineness, (right - left) * fineness), np.uint8)
    corner = np.array([left, top], np.float32)

    def ready(points: Reals) -> np.ndarray:
        spots = ((points - corner) * fineness - 0.5) * (1 << SHIFT)
        return np.rint(np.clip(spots, -4e5, 4e5)).astype(np.int32)

    for outline in part.outlines:
        cv2.fillPoly(fine, [ready(outline)], 255, cv2.LINE_8, SHIFT)
    if part.lines:
        width = max(1, round(part.thickness * fineness))
        lines = [ready(line) for line in part.lines]
        cv2.polylines(fine, lines, False, 255, width, cv2.LINE_8, SHIFT)
    for hole in part.holes:
        cv2.fillPoly(fine, [ready(hole)], 0, cv2.LINE_8, SHIFT)
    if fineness > 1:
        shape = (right - left, bottom - top)
        fine = cv2.resize(fine, shape, interpolation=cv2.INTER_AREA)
    return fine.astype(np.float32) * np.float32(1 / 255)


def roundness(cover: Reals, light: tuple[float, float], strength: float) -> Reals:
    """Brightness factor (h, w) of something rounded, lit from the direction (x, y)."""
    # The window leaves a free pixel around a part, except where the frame cuts it: there the
    # replicated border keeps the cut from looking like an edge.
    reach = max(3, int(0.4 * min(cover.shape)) | 1)
    soft = cv2.blur(cover, (reach, reach), borderType=cv2.BORDER_REPLICATE)
    along = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=1) * np.float32(light[0])
    along += cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=1) * np.float32(light[1])
    along *= np.float32(-0.5 * reach * strength)
    along += (soft - 1) * np.float32(0.6 * strength) + np.float32(1 + 0.15 * strength)
    return np.asarray(np.clip(along, 0.2, 1.9), np.float32)


def draw(
    parts: Parts,
    size: tuple[int, int],
    *,
    light: tuple[float, float] = (-0.5, -0.8),
    fineness: int = 3,
    margin: int = 0,
) -> Sprite | None:
    """Parts drawn one over the other; None if nothing of them is in a frame of (h, w).

    Args:
        light: Direction (x, y) where the light comes from.
        fineness: Edges are drawn so many times larger and averaged.
        margin: Pixels left free around them, for blur that is put on later.
    """
    windows = [_window(part, size) for part in parts]
    seen = [window for window in windows if window is not None]
    if not seen:
        return None
    left = min(window[0] for window in seen) - margin
    top = min(window[1] for window in seen) - margin
    right = max(window[2] for window in seen) + margin
    bottom = max(window[3] for window in seen) + margin
    colour = np.zeros((bottom - top, right - left, 3), np.float32)
    cover = np.zeros((bottom - top, right - left), np.float32)
    for part, window in zip(parts, windows, strict=True):
        if window is None:
            continue
        own = coverage(part, window, fineness)
        surface = part.paint((window[3] - window[1], window[2] - window[0]))
        factor = own
        if part.shading:
            factor = own * roundness(own, light, part.shading)
        rows = slice(window[1] - top, window[3] - top)
        columns = slice(window[0] - left, window[2] - left)
        free = 1 - own
        region = colour[rows, columns]
        region *= free[..., None]
        region += np.clip(surface, 0, 255) * factor[..., None]
        hidden = cover[rows, columns]
        hidden *= free
        hidden += own
    np.minimum(colour, 255 * cover[..., None], out=colour)
    return Sprite((left, top), colour, cover)


def blurred(sprite: Sprite, kernel: Reals) -> Sprite:
    """A sprite out of focus or in motion; it needs a margin of half the kernel."""
    colour = cv2.filter2D(sprite.colour, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    cover = cv2.filter2D(sprite.cover, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return Sprite(sprite.corner, np.asarray(colour, np.float32), np.asarray(cover, np.float32))


def bent(sprite: Sprite, along: Reals, down: Reals) -> Sprite:
    """A sprite with each pixel fetched from (along, down) pixels beside it, edges and all."""
    height, width = sprite.cover.shape
    x = along + np.arange(width, dtype=np.float32)[None]
    y = down + np.arange(height, dtype=np.float32)[:, None]
    colour = cv2.remap(sprite.colour, x, y, cv2.INTER_LINEAR)
    cover = cv2.remap(sprite.cover, x, y, cv2.INTER_LINEAR)
    return Sprite(sprite.corner, np.asarray(colour, np.float32), np.asarray(cover, np.float32))


def motion_kernel(length: float, angle: float) -> Reals:
    """A filter that smears over length pixels in a direction in radians."""
    side = max(3, int(np.ceil(length)) | 1)
    steps = np.linspace(-0.5, 0.5, 16 * side + 1) * max(0.0, length - 1)
    spots = np.stack([np.sin(angle) * steps, np.cos(angle) * steps], axis=-1) + (side - 1) / 2
    nearest = np.minimum(spots.astype(int), side - 2)
    share = spots - nearest
    kernel = np.zeros((side, side))
    for row in (0, 1):
        for column in (0, 1):
            down = share[:, 0] if row else 1 - share[:, 0]
            along = share[:, 1] if column else 1 - share[:, 1]
            np.add.at(kernel, (nearest[:, 0] + row, nearest[:, 1] + column), down * along)
    return np.asarray(kernel / kernel.sum(), np.float32)

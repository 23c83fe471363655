"""Masks as closed polygons of whole pixels, and back: holes bridged, parts joined.

A polygon is (N, 2) int32, x right, y down. Its points are pixels that belong to the mask, so that
`cv2.fillPoly`, which fills by the even-odd rule and draws the line itself, gives the mask back.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from track_anything.masks import mask_box
from track_anything.structures import Mask

Polygon = NDArray[np.int32]


def part_polygons(mask: Mask) -> list[Polygon]:
    """One polygon for every part of a mask (8-connected), the largest area first; exact.

    A hole is reached from the ring around it by a cut through the mask, walked both ways: the
    polygon rasterises to the part with its holes, and to no pixel more.

    >>> part_polygons(np.ones((2, 3), bool))[0].tolist()
    [[0, 0], [0, 1], [2, 1], [2, 0]]
    """
    return [_straightened(points) for points, _ in _parts(mask)]


def joined_polygon(mask: Mask) -> Polygon:
    """One polygon for a whole mask; no points if the mask is empty.

    Parts are joined by lines between their nearest points, walked both ways, in the order that
    keeps the lines shortest. Rasterised, such a line is one pixel wide and not part of the mask:
    a part with fewer pixels than its line would add is left out. Exact for a mask of one part.
    """
    parts = _parts(mask)
    if not parts:
        return np.zeros((0, 2), np.int32)
    joined = _joined([points for points, _ in parts], [count for _, count in parts])
    return _straightened(joined)


def polygon_mask(polygons: Sequence[Polygon], size: tuple[int, int]) -> Mask:
    """The mask of (height, width) that polygons rasterise to; where two overlap both count."""
    canvas = np.zeros(size, np.uint8)
    for polygon in polygons:
        if len(polygon):
            cv2.fillPoly(canvas, [polygon], 1)
    return canvas.view(np.bool_)


def _parts(mask: Mask) -> list[tuple[Polygon, int]]:
    """(ring with bridged holes, pixels) of every part, the largest first."""
    left, top, right, bottom = mask_box(mask).astype(int).tolist()
    if right == left:
        return []
    # A frame of background saves the walks below from looking over the edge.
    inside = np.pad(mask[top:bottom, left:right], 1).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    rings, hierarchy = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    points = [np.asarray(ring[:, 0], np.int32) for ring in rings]
    parents = hierarchy[0, :, 3]
    found = []
    for number in np.flatnonzero(parents < 0):
        holes = [points[hole] for hole in np.flatnonzero(parents == number)]
        x, y = points[number][0]
        pixels = int(stats[labels[y, x], cv2.CC_STAT_AREA])
        bridged = _bridged(points[number], holes, inside)
        found.append((bridged + np.array([left - 1, top - 1], np.int32), pixels))
    return sorted(found, key=lambda part: -part[1])


def _bridged(outer: Polygon, holes: Sequence[Polygon], inside: NDArray[np.uint8]) -> Polygon:
    """A ring with the rings of its holes, each reached by a straight cut to its left.

    From the leftmost pixel of a hole's ring the cut goes left through the mask up to its edge,
    which is on the outer ring or on that of a hole that begins further left: already reached.
    """
    ring = outer
    for hole in sorted(holes, key=lambda points: int(points[:, 0].min())):
        start = int(np.argmin(hole[:, 0]))
        x, y = hole[start].tolist()
        background = np.flatnonzero(inside[y, :x] == 0)
        edge = np.array([background[-1] + 1, y], np.int32)
        ring = _spliced(ring, edge, hole, start)
    return ring


def _joined(parts: Sequence[Polygon], pixels: Sequence[int]) -> Polygon:
    """Parts in one ring: from the largest on, always the nearest one that is not in it yet."""
    ring, waiting = parts[0], dict(enumerate(parts[1:], start=1))
    # For every waiting part: distance, its own point, the point of the ring it is nearest to.
    nearest: dict[int, tuple[float, int, Polygon]] = {}
    newest = ring
    while waiting:
        tree = cKDTree(newest)
        for number, points in waiting.items():
            distances, indices = map(np.asarray, tree.query(points))
            own = int(np.argmin(distances))
            if number not in nearest or distances[own] < nearest[number][0]:
                nearest[number] = float(distances[own]), own, newest[indices[own]]
        number = min(waiting, key=lambda each: nearest[each][0])
        newest = waiting.pop(number)
        _, own, target = nearest[number]
        line = int(np.abs(newest[own] - target).max()) - 1
        if pixels[number] > line:
            ring = _spliced(ring, target, newest, own)
        else:
            # Nothing may be joined to what is left out.
            newest = ring[:1]
    return ring


def _spliced(ring: Polygon, at: Polygon, other: Polygon, start: int) -> Polygon:
    """A ring that leaves at a point of its own, goes round another from its start, and returns."""
    here = int(np.flatnonzero((ring == at).all(axis=1))[0])
    detour = np.concatenate([other[start:], other[: start + 1]])
    return np.concatenate([ring[: here + 1], detour, ring[here:]])


def _straightened(ring: Polygon) -> Polygon:
    """A ring without the points between two equal steps along a row, a column or a diagonal."""
    ring = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)] if len(ring) > 1 else ring
    if len(ring) < 3:
        return ring
    after = np.roll(ring, -1, axis=0) - ring
    before = np.roll(after, 1, axis=0)
    is_plain = (after == 0).any(axis=1) | (np.abs(after[:, 0]) == np.abs(after[:, 1]))
    goes_on = (np.sign(after) == np.sign(before)).all(axis=1)
    return np.asarray(ring[~(goes_on & is_plain & np.roll(is_plain, 1))])

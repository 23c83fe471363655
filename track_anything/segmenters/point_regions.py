"""Regions that a lone click may mean: grown from the click along colours, cut where edges are."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.masks import mask_iou
from track_anything.structures import Floats, Image, Mask
from track_anything.superpixels import Superpixels, find_superpixels

_WORKING_SIDE = 176
_REGIONS = 400
# Windows around the click, as shares of the frame's long side: a click on a ball and on a bus.
_WINDOWS = (1.0, 0.5, 0.25)
# Share of a window that a region may have: more is the background, less is the next window's.
_MIN_SHARE, _MAX_SHARE = 0.004, 0.45
_PER_WINDOW = 4
_SAME = 0.75


@dataclass(frozen=True, eq=False)
class PointRegion:
    """One region around a click.

    Attributes:
        mask: Standard form, at the size of the frame.
        evidence: (5,) columns of `_measure`, the share of the window as its root.
    """

    mask: Mask
    evidence: NDArray[np.float64]

    @property
    def predicted_iou(self) -> float:
        """Estimated IoU with the whole object clicked on; clicks are ambiguous, so never high."""
        size = np.log(max(float(self.mask.mean()), 1e-5))
        terms = [*self.evidence * (1, 1 / 20, 1, 1, 1), size, size**2 / 10, 1.0]
        return float(np.clip(np.dot(_WEIGHTS, terms), 0.05, _MOST))


# Fitted on clicks into 97 COCO objects. It is mostly the size (best near a twentieth of the frame)
# and the rim: the right one of all candidates would score .51 where the chosen one scores .33.
_WEIGHTS = np.array([0.02, 0.05, 0.17, 0.10, -0.53, -0.14, -0.18, -0.19])
_MOST = 0.6


def regions_around(lab: Image, points: Floats, background_points: Floats) -> list[PointRegion]:
    """Different regions that hold the points, best first; at least one.

    Args:
        lab: The whole frame, (H, W, 3) uint8, CIE Lab.
        points: (P, 2) inside the frame, P at least 1.
        background_points: (Q, 2).
    """
    found: list[PointRegion] = []
    for share in _WINDOWS:
        for region in _in_window(lab, points, background_points, share):
            if all(mask_iou(region.mask, other.mask) < _SAME for other in found):
                found.append(region)
    found.sort(key=lambda region: -region.predicted_iou)
    return found or [_dot(lab.shape[:2], points)]


def _in_window(
    lab: Image, points: Floats, background_points: Floats, share: float
) -> list[PointRegion]:
    height, width = lab.shape[:2]
    half = share * max(height, width) / 2
    low = np.maximum(points.min(axis=0) - half, 0).astype(int)
    high = np.minimum(np.ceil(points.max(axis=0) + half), (width, height)).astype(int)
    part = lab[low[1] : high[1], low[0] : high[0]]
    scale = min(1.0, _WORKING_SIDE / max(part.shape[:2]))
    small_size = [max(1, round(side * scale)) for side in part.shape[:2]]
    small = cv2.resize(part, small_size[::-1], interpolation=cv2.INTER_AREA)
    regions = find_superpixels(np.asarray(small, np.uint8), count=_REGIONS)
    if regions.count < 3:
        return []
    ratio = np.array(small_size[::-1]) / np.array(part.shape[1::-1])
    sources = _marked(regions, (points - low) * ratio)
    way = regions.distance_from(sources)
    way[_marked(regions, (background_points - low) * ratio) & ~sources] = np.inf
    grown = []
    for chosen, evidence in _best_cuts(regions, way, share):
        mask = np.zeros((height, width), bool)
        shown = cv2.resize(
            chosen[regions.labels].astype(np.float32),
            part.shape[1::-1],
            interpolation=cv2.INTER_LINEAR,
        )
        mask[low[1] : high[1], low[0] : high[0]] = shown > 0.5
        grown.append(PointRegion(mask, evidence))
    return grown


def _marked(regions: Superpixels, points: Floats) -> NDArray[np.bool_]:
    marked = np.zeros(regions.count, bool)
    height, width = regions.labels.shape
    for x, y in points.astype(int):
        if 0 <= x < width and 0 <= y < height:
            marked[regions.labels[y, x]] = True
    return marked


def _best_cuts(
    regions: Superpixels, way: NDArray[np.float64], share: float
) -> list[tuple[NDArray[np.bool_], NDArray[np.float64]]]:
    """Where growing from the points crosses the strongest edges, one cut a size."""
    order = np.argsort(way, kind="stable")
    reachable = int(np.isfinite(way).sum())
    rank = np.empty(regions.count, int)
    rank[order] = np.arange(regions.count)
    measured = _measure(regions, rank, order, share)
    part = measured[:, 3] ** 2
    usable = (part > _MIN_SHARE) & (part < _MAX_SHARE)
    usable[reachable - 1 :] = False
    score = np.where(usable, measured[:, 0] - 0.5 * measured[:, 4], -np.inf)
    chosen = []
    for _ in range(_PER_WINDOW):
        best = int(np.argmax(score))
        if not np.isfinite(score[best]):
            break
        chosen.append((rank <= best, measured[best]))
        score[(part > part[best] / 1.6) & (part < part[best] * 1.6)] = -np.inf
    return chosen


def _measure(
    regions: Superpixels, rank: NDArray[np.int64], order: NDArray[np.int64], share: float
) -> NDArray[np.float64]:
    """(K, 5) for the first 1, 2 ... K regions of an order.

    Columns: log ratio of the mean contrast across the border to that inside; mean contrast across
    the border; how compact it is, 0 to 1; root of the share of the window; share of the window's
    rim it holds.
    """
    count = regions.count
    first, second = np.sort(rank[regions.edges], axis=1).T
    contrasts = regions.contrasts

    def running(weights: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        entered = np.cumsum(np.bincount(first, weights, count))
        inside = np.cumsum(np.bincount(second, weights, count))
        return entered - inside, inside

    ones = np.ones(len(contrasts))
    border_count, inside_count = running(ones)
    border_sum, inside_sum = running(contrasts)
    border = border_sum / np.maximum(border_count, 1)
    inside = inside_sum / np.maximum(inside_count, 1)
    areas = np.cumsum(regions.areas[order]) / regions.areas.sum()
    held = np.arange(1, count + 1)
    compact = np.minimum(1, 3.5 * np.sqrt(held) / np.maximum(border_count, 1))
    rim = np.zeros(regions.labels.shape, bool)
    rim[[0, -1]] = True
    rim[:, [0, -1]] = True
    on_rim = np.cumsum((regions.average(rim) * regions.areas)[order]) / rim.sum()
    ratio = np.log((border + 3) / (inside + 3))
    return np.stack([ratio, border, compact, np.sqrt(areas), on_rim], axis=1)


def _dot(size: tuple[int, ...], points: Floats) -> PointRegion:
    mask = np.zeros(size, np.uint8)
    radius = max(1, round(min(size) / 40))
    for x, y in points.astype(int):
        cv2.circle(mask, (int(x), int(y)), radius, 1, -1)
    return PointRegion(mask.astype(bool), np.zeros(5))

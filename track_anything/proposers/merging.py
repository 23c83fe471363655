"""Regions that may be objects: superpixels merged in several orders, each union a candidate."""

import heapq
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.structures import Image
from track_anything.superpixels import Superpixels, find_superpixels

WORKING_SIDE = 320
SUPERPIXELS = 600
COLOR_BINS = 6
_CONTRAST = 2.0
ORDERS = ((1.0, 0.0, 0.3), (0.3, 1.0, 0.15), (0.3, 0.5, 0.6))
"""Weights of edges, of colours and of size in the cost of a merge, for every order."""


@dataclass(frozen=True, eq=False)
class MergedRegions:
    """Candidates on one picture.

    Attributes:
        labels: (h, w) int32: the superpixel of every pixel of the small picture.
        areas: (K,) pixels of every superpixel.
        members: (N, K) bool: which superpixels each candidate has.
        boxes: (N, 4) in pixels of the small picture.
        evidence: (N, E): what speaks for and against its being an object.
    """

    labels: NDArray[np.int32]
    areas: NDArray[np.float32]
    members: NDArray[np.bool_]
    boxes: NDArray[np.int64]
    evidence: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Borders:
    """Where superpixels touch.

    Attributes:
        pairs: (E, 2), the lower first.
        lengths: (E,) pixels.
        strengths: (E,) mean edge strength along it.
    """

    pairs: NDArray[np.int64]
    lengths: NDArray[np.float64]
    strengths: NDArray[np.float64]


def merge_regions(lab: Image) -> MergedRegions:
    """Every union of superpixels on the ways from single ones to the whole picture.

    Args:
        lab: (H, W, 3) uint8, CIE Lab.
    """
    height, width = lab.shape[:2]
    scale = min(1.0, WORKING_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(lab, size, interpolation=cv2.INTER_AREA), np.uint8)
    # Dark cars before dark trees differ by a few levels.
    small[..., 0] = cv2.createCLAHE(_CONTRAST, (4, 4)).apply(small[..., 0])
    regions = find_superpixels(small, count=SUPERPIXELS)
    borders = _borders(regions.labels, _edge_strength(small))
    colors = _histograms(small, regions)
    unions = [_merge(regions, borders, colors, order) for order in ORDERS]
    every = np.concatenate([np.eye(regions.count, dtype=bool), *unions])
    _, first = np.unique(np.packbits(every, axis=1), axis=0, return_index=True)
    members = every[np.sort(first)]
    boxes = _boxes(regions.labels, members)
    return MergedRegions(
        labels=regions.labels,
        areas=regions.areas.astype(np.float32),
        members=members,
        boxes=boxes,
        evidence=_measure(regions, borders, colors, members, boxes),
    )


def _edge_strength(lab: Image) -> NDArray[np.float64]:
    smooth = cv2.GaussianBlur(lab, (0, 0), 1.0).astype(np.float32)
    smooth *= np.array([0.6, 1.0, 1.0], np.float32)
    slopes = cv2.Sobel(smooth, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(smooth, cv2.CV_32F, 0, 1) ** 2
    return np.asarray(np.sqrt(slopes.sum(axis=2)) / 8, np.float64)


def _borders(labels: NDArray[np.int32], strength: NDArray[np.float64]) -> _Borders:
    sides = [
        (labels[:, :-1], labels[:, 1:], strength[:, :-1], strength[:, 1:]),
        (labels[:-1], labels[1:], strength[:-1], strength[1:]),
    ]
    first = np.concatenate([a.ravel() for a, _, _, _ in sides]).astype(np.int64)
    second = np.concatenate([b.ravel() for _, b, _, _ in sides]).astype(np.int64)
    across = np.concatenate([np.maximum(a, b).ravel() for _, _, a, b in sides])
    differ = first != second
    pairs = np.sort(np.stack([first, second], axis=1)[differ], axis=1)
    count = int(labels.max()) + 1
    codes, place = np.unique(pairs[:, 0] * count + pairs[:, 1], return_inverse=True)
    lengths = np.bincount(place).astype(np.float64)
    sums = np.bincount(place, across[differ])
    return _Borders(
        np.stack([codes // count, codes % count], axis=1), lengths, sums / np.maximum(lengths, 1)
    )


def _histograms(lab: Image, regions: Superpixels) -> NDArray[np.float64]:
    """(K, 3 bins) pixels of every superpixel by lightness and by each colour axis."""
    # Colours lie near the middle of a and b: the bins are narrow there.
    limits = np.percentile(lab.reshape(-1, 3), np.linspace(0, 100, COLOR_BINS + 1)[1:-1], axis=0)
    found = []
    for channel in range(3):
        bins = np.searchsorted(limits[:, channel], lab[..., channel].ravel())
        codes = regions.labels.ravel() * COLOR_BINS + bins
        counts = np.bincount(codes, minlength=regions.count * COLOR_BINS)
        found.append(counts.reshape(regions.count, COLOR_BINS))
    return np.concatenate(found, axis=1).astype(np.float64)


def _merge(
    regions: Superpixels,
    borders: _Borders,
    colors: NDArray[np.float64],
    weights: tuple[float, float, float],
) -> NDArray[np.bool_]:
    """Members of every union, (K - 1, K), those that cost least first."""
    count = regions.count
    edges, hues, size = weights
    total = regions.areas.sum()
    areas, histograms, means = list(regions.areas), list(colors), list(regions.means)
    members = [np.array([index]) for index in range(count)]
    touching: list[dict[int, tuple[float, float]]] = [{} for _ in range(count)]
    for (a, b), length, strength in zip(
        borders.pairs, borders.lengths, borders.strengths, strict=True
    ):
        touching[a][int(b)] = touching[b][int(a)] = (length, length * strength)

    def cost(a: int, b: int) -> float:
        length, strength = touching[a][b]
        contrast = float(np.linalg.norm(means[a] - means[b]))
        shared = np.minimum(histograms[a] / areas[a], histograms[b] / areas[b]).sum() / 3
        differs = edges * strength / length / 10 + hues * (contrast / 30 + 1 - float(shared))
        return float((differs + 0.02) * (min(areas[a], areas[b]) / total) ** size)

    queue = [(cost(int(a), int(b)), int(a), int(b)) for a, b in borders.pairs]
    heapq.heapify(queue)
    alive = [True] * count
    unions: list[NDArray[np.int64]] = []
    while queue:
        _, a, b = heapq.heappop(queue)
        if not (alive[a] and alive[b]):
            continue
        new = len(areas)
        alive[a] = alive[b] = False
        alive.append(True)
        share = areas[a] / (areas[a] + areas[b])
        areas.append(areas[a] + areas[b])
        histograms.append(histograms[a] + histograms[b])
        means.append(share * means[a] + (1 - share) * means[b])
        members.append(np.concatenate([members[a], members[b]]))
        around: dict[int, tuple[float, float]] = {}
        for old in (a, b):
            for other, (length, strength) in touching[old].items():
                if other in (a, b):
                    continue
                had = around.get(other, (0.0, 0.0))
                around[other] = (had[0] + length, had[1] + strength)
        touching.append(around)
        for other, both in around.items():
            touching[other].pop(a, None)
            touching[other].pop(b, None)
            touching[other][new] = both
            heapq.heappush(queue, (cost(new, other), new, other))
        touching[a], touching[b] = {}, {}
        unions.append(members[new])
    found = np.zeros((len(unions), count), bool)
    for row, indices in enumerate(unions):
        found[row, indices] = True
    return found


def _measure(
    regions: Superpixels,
    borders: _Borders,
    colors: NDArray[np.float64],
    members: NDArray[np.bool_],
    boxes: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(N, E) evidence of every candidate.

    Columns: log ratio of the edges on its border to those inside; log of those on its border, and
    of the border's weakest fifth; how unlike its colours are to those around; its share of its
    box; log of its aspect; how compact it is; root and log of its share of the picture, and the
    square of that log; share of its outline on the picture's rim; how many sides of the picture it
    touches; log of the edges inside.
    """
    length, border, weakest, inner = _edges(borders, members)
    areas = members @ regions.areas
    share = areas / regions.areas.sum()
    height, width = regions.labels.shape
    rim = np.zeros((height, width), bool)
    rim[[0, -1]] = True
    rim[:, [0, -1]] = True
    on_rim = members @ (regions.average(rim) * regions.areas)
    outline = np.maximum(length + on_rim, 1)
    sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64)
    logarithm = np.log(share + 1e-5)
    touched = boxes == np.array([0, 0, width, height])
    columns = [
        np.log((border + 1) / (inner + 1)),
        np.log1p(border),
        np.log1p(weakest),
        _unlike_around(borders, colors, members),
        areas / np.prod(sides, axis=1),
        np.abs(np.log(sides[:, 0] / sides[:, 1])),
        np.minimum(1, 4 * np.pi * areas / outline**2),
        np.sqrt(share),
        logarithm,
        logarithm**2 / 10,
        on_rim / outline,
        touched.sum(axis=1),
        np.log1p(inner),
    ]
    return np.stack(columns, axis=1)


def _edges(borders: _Borders, members: NDArray[np.bool_]) -> tuple[NDArray[np.float64], ...]:
    """(N,) each: border length; mean edge on it, of its weakest fifth, and inside."""
    first, second = borders.pairs.T
    lengths, strengths = borders.lengths, borders.strengths
    is_border = members[:, first] != members[:, second]
    is_inner = members[:, first] & members[:, second]
    length = is_border @ lengths
    border = (is_border @ (lengths * strengths)) / np.maximum(length, 1)
    inner = (is_inner @ (lengths * strengths)) / np.maximum(is_inner @ lengths, 1)
    if not len(strengths):
        return length, border, border, inner
    # An object is closed: where its border is weak it still is one.
    order = np.argsort(strengths, kind="stable")
    reached = np.cumsum(is_border[:, order] * lengths[order], axis=1)
    place = (reached < 0.2 * length[:, None]).sum(axis=1).clip(0, len(order) - 1)
    return length, border, strengths[order][place], inner


def _unlike_around(
    borders: _Borders, colors: NDArray[np.float64], members: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(N,) 0 to 1: how little a union's colours are those of the superpixels that touch it."""
    around = np.zeros(members.shape, bool)
    for first, second in (borders.pairs.T, borders.pairs.T[::-1]):
        touched = members[:, first] & ~members[:, second]
        np.logical_or.at(around.T, second, touched.T)
    shares = []
    for chosen in (members, around):
        found = chosen.astype(np.float32) @ colors.astype(np.float32)
        shares.append(found / np.maximum(found.sum(axis=1, keepdims=True), 1))
    return np.asarray(1 - np.minimum(*shares).sum(axis=1), np.float64)


def _boxes(labels: NDArray[np.int32], members: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(N, 4) boxes of the unions in the small picture."""
    count = members.shape[1]
    y, x = np.indices(labels.shape)
    low = np.full((count, 2), 2**30)
    high = np.zeros((count, 2), np.int64)
    flat = labels.ravel()
    for axis, place in enumerate((x.ravel(), y.ravel())):
        np.minimum.at(low[:, axis], flat, place)
        np.maximum.at(high[:, axis], flat, place + 1)
    found = np.empty((len(members), 4), np.int64)
    for axis in range(2):
        found[:, axis] = np.where(members, low[:, axis], 2**30).min(axis=1)
        found[:, 2 + axis] = np.where(members, high[:, axis], 0).max(axis=1)
    return found

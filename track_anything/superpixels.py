"""Small regions of one colour and the shortest ways between them."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from track_anything.structures import Floats, Image, Mask

# Shadows change lightness more than colour, and objects are bounded by both.
_LAB_WEIGHTS = np.array([0.6, 1.0, 1.0])
_MIN_STEP = 4


@dataclass(frozen=True, eq=False)
class Superpixels:
    """Regions that cover a picture, and the graph of those that touch.

    Attributes:
        labels: (H, W) int32, 0 to count - 1.
        areas: (K,) pixels.
        means: (K, 3) mean colour, weighted so that its distance is a contrast.
        edges: (E, 2) pairs of regions that touch, each once.
        contrasts: (E,) distance of their colours.
    """

    labels: NDArray[np.int32]
    areas: NDArray[np.float64]
    means: NDArray[np.float64]
    edges: NDArray[np.int64]
    contrasts: NDArray[np.float64]

    @property
    def count(self) -> int:
        """How many regions there are."""
        return len(self.areas)

    def average(self, values: Floats | Mask) -> NDArray[np.float64]:
        """(K,): the mean of an (H, W) array over each region."""
        sums = np.bincount(self.labels.ravel(), values.ravel(), self.count)
        return np.asarray(sums / self.areas)

    def distance_from(self, sources: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(K,): the least colour change on any way from the regions marked in (K,) sources.

        Zero everywhere if there are no sources.
        """
        if not sources.any():
            return np.zeros(self.count)
        distances = dijkstra(self._graph, indices=np.flatnonzero(sources), min_only=True)
        reached = np.isfinite(distances)
        distances[~reached] = distances[reached].max()
        return np.asarray(distances)

    @cached_property
    def _graph(self) -> csr_matrix:
        # Texture is a quarter of all contrasts: free, or long ways through grass would add up.
        floor = np.percentile(self.contrasts, 25) if len(self.contrasts) else 0.0
        weights = np.maximum(self.contrasts - floor, 0) + 0.5
        first, second = self.edges[:, 0], self.edges[:, 1]
        ends = (np.concatenate([first, second]), np.concatenate([second, first]))
        return csr_matrix((np.concatenate([weights, weights]), ends), shape=(self.count,) * 2)


def find_superpixels(lab: Image, *, count: int = 350) -> Superpixels:
    """About `count` regions of a Lab picture, by a watershed from the flattest spot of each cell.

    Args:
        lab: (H, W, 3) uint8.
        count: Fewer in small pictures: a region is some 4 px wide at least.
    """
    height, width = lab.shape[:2]
    step = max(_MIN_STEP, int(np.sqrt(height * width / count)))
    smooth = np.asarray(cv2.GaussianBlur(lab, (0, 0), 0.8), np.uint8)
    if min(height, width) < 2 * _MIN_STEP:
        labels = np.zeros((height, width), np.int32)
    else:
        labels = _watershed(smooth, step)
    # Numbered without gaps: the watershed may swallow a seed.
    found, flat = np.unique(labels, return_inverse=True)
    labels = flat.reshape(height, width).astype(np.int32)
    areas = np.bincount(labels.ravel(), minlength=len(found)).astype(np.float64)
    sums = [np.bincount(labels.ravel(), lab[..., c].ravel(), len(found)) for c in range(3)]
    means = np.stack(sums, axis=1) / areas[:, None] * _LAB_WEIGHTS
    edges = _touching(labels, len(found))
    contrasts = np.linalg.norm(means[edges[:, 0]] - means[edges[:, 1]], axis=1)
    return Superpixels(labels, areas, means, edges, contrasts)


def _watershed(smooth: Image, step: int) -> NDArray[np.int32]:
    height, width = smooth.shape[:2]
    values = smooth.astype(np.float32)
    slopes = cv2.Sobel(values, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(values, cv2.CV_32F, 0, 1) ** 2
    slope = slopes.sum(axis=2)
    rows, columns = height // step, width // step
    margin = step // 4
    cells = slope[: rows * step, : columns * step].reshape(rows, step, columns, step)
    cells = cells[:, margin : step - margin, :, margin : step - margin].swapaxes(1, 2)
    inner = cells.shape[-1]
    flattest = cells.reshape(rows, columns, -1).argmin(axis=2)
    y = np.arange(rows)[:, None] * step + margin + flattest // inner
    x = np.arange(columns)[None, :] * step + margin + flattest % inner
    markers = np.zeros((height, width), np.int32)
    markers[y, x] = 1 + np.arange(rows * columns).reshape(rows, columns)
    cv2.watershed(smooth, markers)
    # It leaves a line (-1) between regions and around the picture: give it to a neighbour.
    while (markers < 1).any():
        grown = cv2.dilate(np.maximum(markers, 0).astype(np.float32), np.ones((3, 3), np.uint8))
        markers = np.where(markers < 1, grown.astype(np.int32), markers)
    return markers


def _touching(labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    beside = np.stack([labels[:, :-1].ravel(), labels[:, 1:].ravel()], axis=1)
    below = np.stack([labels[:-1].ravel(), labels[1:].ravel()], axis=1)
    pairs = np.concatenate([beside, below]).astype(np.int64)
    pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1)
    codes = np.unique(pairs[:, 0] * count + pairs[:, 1])
    return np.stack([codes // count, codes % count], axis=1)

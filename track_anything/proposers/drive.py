"""How a camera that moves along a ground makes everything stream that stands still."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from track_anything.structures import Floats, Mask

_TRIALS = 400
_SAMPLES = 2000
_COLUMNS = 8
# What seems to move must stream from one point for the most part, over most of the width.
_LEAST_STREAM, _STREAM_COSINE, _STREAM_SHARE, _LEAST_COLUMNS = 500, 0.9, 0.6, 5
# The ground fills the lowest third of the picture. On a drive .5 to .75 of it was seen to move, in
# a hall where all players run one way at most .25.
_LOWEST, _GROUND_SHARE = 1 / 3, 0.4
# Rows below the horizon from which on the ground's motion is measured, and from how many pixels.
_MARGIN, _LEAST_GROUND = 8, 20


@dataclass(frozen=True, eq=False)
class Drive:
    """A camera that moves along a ground: what stands still streams away from one point.

    Attributes:
        origin: (2,) that point; far outside for a camera that moves sideways.
        slope: Motion of the ground, as a share of the distance to the origin, per row ...
        horizon: ... below this row.
    """

    origin: NDArray[np.float64]
    slope: float
    horizon: float

    def directions(self, size: tuple[int, ...]) -> Floats:
        """(h, w, 2) of length 1: where what stands still goes at every pixel."""
        away = self._away(size)
        distance = np.linalg.norm(away, axis=2, keepdims=True)
        return np.asarray(away / np.maximum(distance, 1e-6), np.float32)

    def ground(self, size: tuple[int, ...]) -> Floats:
        """(h, w, 2): motion of the ground at every pixel; 0 above the horizon."""
        share = self.slope * np.maximum(np.arange(size[0]) - self.horizon, 0)
        return np.asarray(share[:, None, None] * self._away(size), np.float32)

    def _away(self, size: tuple[int, ...]) -> Floats:
        x, y = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
        return np.asarray(np.stack([x, y], axis=-1) - self.origin, np.float32)


def find_drive(motion: Floats, is_moving: Mask) -> Drive | None:
    """How the camera moves, if most of what seems to move streams from one point.

    Args:
        motion: (h, w, 2) since the frame before, the camera's turning taken out.
        is_moving: (h, w) where it is to be believed.
    """
    y, x = np.nonzero(is_moving)
    lowest = is_moving[-round(_LOWEST * len(is_moving)) :]
    if len(x) < _LEAST_STREAM or lowest.mean() < _GROUND_SHARE:
        return None
    random = np.random.default_rng(0)
    taken = random.choice(len(x), min(len(x), _SAMPLES), replace=False)
    places = np.stack([x[taken], y[taken]], axis=1).astype(np.float64)
    moved = motion[y[taken], x[taken]].astype(np.float64)
    columns = (places[:, 0] * _COLUMNS / motion.shape[1]).astype(int)
    filled = np.bincount(columns, minlength=_COLUMNS) >= 0.02 * len(places)
    # Every column counts alike: a large car is many pixels of few columns.
    weights = filled[columns] / np.bincount(columns, minlength=_COLUMNS)[columns] / filled.sum()
    origin, streams = _origin(places, moved, weights, random)
    if filled.sum() < _LEAST_COLUMNS or weights[streams].sum() < _STREAM_SHARE:
        return None
    places, moved = places[streams], moved[streams]
    # The origin of a camera that drives ahead lies on the horizon. Of one that moves sideways it
    # is far out, and known no better than that little above the horizon moves.
    is_ahead = abs(origin[0] / motion.shape[1] - 0.5) < 1
    top = float(origin[1]) if is_ahead else float(np.percentile(places[:, 1], 10))
    below = places[:, 1] > top + _MARGIN
    if below.sum() < _LEAST_GROUND:
        return None
    share = np.linalg.norm(moved, axis=1) / np.maximum(np.linalg.norm(places - origin, axis=1), 1)
    slope, horizon = _line_of(places[below, 1], share[below], random)
    return Drive(origin, slope, max(horizon, top))


def _origin(
    places: NDArray[np.float64],
    moved: NDArray[np.float64],
    weights: NDArray[np.float64],
    random: np.random.Generator,
) -> tuple[NDArray[np.float64], Mask]:
    """The point that most motions lead away from, and which do."""
    best, best_streams = places.mean(axis=0), np.zeros(len(places), bool)
    sizes = np.maximum(np.linalg.norm(moved, axis=1), 1e-6)
    for _ in range(_TRIALS):
        (px, py), (qx, qy) = places[pair := random.choice(len(places), 2, replace=False)]
        (a, b), (c, d) = moved[pair]
        across = a * d - b * c
        if abs(across) < 1e-3 * sizes[pair].prod():
            continue
        step = ((qx - px) * d - (qy - py) * c) / across
        point = np.array([px + step * a, py + step * b])
        away = places - point
        cosine = (away * moved).sum(axis=1) / (
            sizes * np.maximum(np.linalg.norm(away, axis=1), 1e-6)
        )
        streams = cosine > _STREAM_COSINE
        if weights[streams].sum() > weights[best_streams].sum():
            best, best_streams = point, streams
    return best, best_streams


def _line_of(
    rows: NDArray[np.float64], shares: NDArray[np.float64], random: np.random.Generator
) -> tuple[float, float]:
    """(slope, zero) of the rising line that most shares of motion lie on."""
    best, best_count = (0.0, float(rows.max())), 0
    for _ in range(_TRIALS):
        first, second = random.choice(len(rows), 2, replace=False)
        if abs(rows[first] - rows[second]) < 8:
            continue
        slope = (shares[second] - shares[first]) / (rows[second] - rows[first])
        if slope <= 0:
            continue
        zero = rows[first] - shares[first] / slope
        expected = slope * (rows - zero)
        count = int((np.abs(shares - expected) < 0.2 * np.abs(expected)).sum())
        if count > best_count:
            best, best_count = (float(slope), float(zero)), count
    return best

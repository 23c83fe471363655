"""How a camera that moves along a ground makes everything stream that stands still."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from track_anything.structures import Floats, Mask

_TRIALS = 400
_REFITS = 8
_COLUMNS = 8
# What seems to move must stream from one point for the most part, over most of the width.
_LEAST_PLACES, _STREAM_COSINE, _STREAM_SHARE, _LEAST_COLUMNS = 40, 0.9, 0.6, 5
# Two motions that are nearly parallel say little of where their lines meet.
_LEAST_ANGLE = 1e-3
# How far from the middle of the picture, in widths, a camera that drives ahead drives to.
_AHEAD = 0.5
# Then things stream to both sides: the least share, of all that moves, to one.
_LEAST_SIDE = 0.15
# Share of the fit of a point far out that one ahead must have to be preferred.
_AHEAD_FIT = 0.9
# Angle off a stream, in radians, from which a place counts less and less.
_LOOSE = 0.1
# The ground fills the lowest third of the picture, and most corners there are its: on a motorway
# .55 to .76 of them were seen to move, before cameras that stand or turn less than .35, but where
# there were fewer than twenty.
_LOWEST, _GROUND_SHARE, _LEAST_LOWEST = 1 / 3, 0.45, 20
# What moves sideways like the ground seems to stand still, as a car that a camera follows: ground
# must be seen to fill the lowest third then. In a hall where all players run one way at most .25.
_SIDEWAYS_SHARE = 0.4
# Rows below the horizon from which on the ground's motion is measured, and from how many places.
_MARGIN, _LEAST_GROUND = 8, 12
# How far off a share of motion may be to be the ground's.
_AGREEING = 0.2

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Drive:
    """A camera that moves along a ground: what stands still streams away from one point.

    Attributes:
        origin: (2,) that point; far outside for a camera that moves sideways.
        slope: Motion of the ground, as a share of the distance to the origin, per row ...
        horizon: ... below this row.
        is_ahead: Whether the camera drives into the picture.
    """

    origin: Points
    slope: float
    horizon: float
    is_ahead: bool

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


def find_drive(motions: Floats, is_moving: Mask, least_motion: float) -> Drive | None:
    """How the camera moves, if most of what seems to move streams from one point.

    Args:
        motions: (N, 4) x, y of corners, and how they moved, the camera's turning taken out. On
            plain ground no motion is seen at all, and of a pole only that across it.
        is_moving: (h, w) where something seems to move, plain ground aside.
        least_motion: From how many pixels on something seems to move.
    """
    height, width = is_moving.shape
    places, moved = np.split(motions.astype(np.float64), 2, axis=1)
    has_moved = np.linalg.norm(moved, axis=1) > least_motion
    is_low = places[:, 1] >= height * (1 - _LOWEST)
    if is_low.sum() < _LEAST_LOWEST or has_moved[is_low].mean() < _GROUND_SHARE:
        return None
    places, moved = places[has_moved], moved[has_moved]
    if len(places) < _LEAST_PLACES:
        return None
    columns = (places[:, 0] * _COLUMNS / width).astype(int)
    filled = np.bincount(columns, minlength=_COLUMNS) >= 0.02 * len(places)
    # Every column counts alike: a large car is many corners of few columns.
    weights = filled[columns] / np.bincount(columns, minlength=_COLUMNS)[columns] / filled.sum()
    random = np.random.default_rng(0)
    origin = _origin(places, moved, weights, (width / 2, height / 2), random)
    streams = _cosines(origin, places, moved) > _STREAM_COSINE
    if filled.sum() < _LEAST_COLUMNS or weights[streams].sum() < _STREAM_SHARE:
        return None
    # The origin of a camera that drives ahead lies on the horizon. Of one that moves sideways it
    # is far out, and known no better than that little above the horizon moves.
    is_ahead = _is_ahead(origin, width)
    lowest = is_moving[-round(_LOWEST * height) :]
    if not is_ahead and lowest.mean() < _SIDEWAYS_SHARE:
        return None
    to_the_left = streams & (places[:, 0] < origin[0])
    sides = weights[to_the_left].sum(), weights[streams & ~to_the_left].sum()
    if is_ahead and min(sides) < _LEAST_SIDE:
        return None
    places, moved = places[streams], moved[streams]
    top = float(origin[1]) if is_ahead else float(np.percentile(places[:, 1], 10))
    below = places[:, 1] > top + _MARGIN
    if below.sum() < _LEAST_GROUND:
        return None
    rows = places[below, 1]
    distance = np.maximum(np.linalg.norm(places[below] - origin, axis=1), 1)
    shares = np.linalg.norm(moved[below], axis=1) / distance
    if is_ahead:
        return Drive(origin, _slope_below(rows, shares, top), top, is_ahead)
    slope, horizon = _line_of(rows, shares, random)
    return Drive(origin, slope, max(horizon, top), is_ahead)


def _origin(
    places: Points,
    moved: Points,
    weights: Points,
    middle: tuple[float, float],
    random: np.random.Generator,
) -> Points:
    """The point that most motions lead away from; one ahead rather than one far out."""
    width = 2 * middle[0]
    sizes = np.linalg.norm(moved, axis=1)
    best = {True: (places.mean(axis=0), 0.0), False: (places.mean(axis=0), 0.0)}
    for _ in range(_TRIALS):
        (px, py), (qx, qy) = places[pair := random.choice(len(places), 2, replace=False)]
        (a, b), (c, d) = moved[pair]
        across = a * d - b * c
        if abs(across) < _LEAST_ANGLE * sizes[pair].prod():
            continue
        step = ((qx - px) * d - (qy - py) * c) / across
        point = np.array([px + step * a, py + step * b])
        fit, is_ahead = _fit(point, places, moved, weights), _is_ahead(point, width)
        if fit > best[is_ahead][1]:
            best[is_ahead] = point, fit
    # Who drives looks ahead for the most part.
    starts = best[True][0], np.array(middle, np.float64)
    refined = [_refined(start, places, moved, weights) for start in starts]
    ahead = max(refined, key=lambda point: _fit(point, places, moved, weights))
    is_better = _fit(ahead, places, moved, weights) >= _AHEAD_FIT * best[False][1]
    return ahead if is_better and _is_ahead(ahead, width) else best[False][0]


def _refined(origin: Points, places: Points, moved: Points, weights: Points) -> Points:
    """The origin near another that all that streams from there says together."""
    along = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    best = point = origin
    for _ in range(_REFITS):
        is_stream = _cosines(point, places, moved) > _STREAM_COSINE
        distance = np.maximum(np.linalg.norm(places - point, axis=1), _MARGIN)
        angle = (across * (places - point)).sum(axis=1) / distance
        weight = weights * is_stream / (distance * (1 + (angle / _LOOSE) ** 2))
        matrix, goal = across * weight[:, None], (across * places).sum(axis=1) * weight
        point = np.linalg.lstsq(matrix, goal, rcond=None)[0]
        if _fit(point, places, moved, weights) > _fit(best, places, moved, weights):
            best = point
    return best


def _is_ahead(origin: Points, width: float) -> bool:
    return bool(abs(origin[0] / width - 0.5) < _AHEAD)


def _fit(origin: Points, places: Points, moved: Points, weights: Points) -> float:
    """How well motions lead away from a point: what is a little off counts less."""
    return float(weights @ np.maximum(_cosines(origin, places, moved) - _STREAM_COSINE, 0))


def _cosines(origin: Points, places: Points, moved: Points) -> Points:
    """(N,) of the angle between each motion and the way from a point."""
    away = places - origin
    length = np.linalg.norm(moved, axis=1) * np.maximum(np.linalg.norm(away, axis=1), 1e-6)
    return np.asarray((away * moved).sum(axis=1) / length)


def _slope_below(rows: Points, shares: Points, horizon: float) -> float:
    """The slope of the line from the horizon down that most shares of motion lie on."""
    slopes = shares / (rows - horizon)
    agreeing = [np.count_nonzero(np.abs(slopes / one - 1) < _AGREEING) for one in slopes]
    best = slopes[int(np.argmax(agreeing))]
    return float(np.median(slopes[np.abs(slopes / best - 1) < _AGREEING]))


def _line_of(rows: Points, shares: Points, random: np.random.Generator) -> tuple[float, float]:
    """(slope, zero) of the rising line that most shares of motion lie on."""
    best, best_count = (0.0, float(rows.max())), 0
    for _ in range(_TRIALS):
        first, second = random.choice(len(rows), 2, replace=False)
        if abs(rows[first] - rows[second]) < _MARGIN:
            continue
        slope = (shares[second] - shares[first]) / (rows[second] - rows[first])
        if slope <= 0:
            continue
        zero = rows[first] - shares[first] / slope
        expected = slope * (rows - zero)
        count = int((np.abs(shares - expected) < _AGREEING * np.abs(expected)).sum())
        if count > best_count:
            best, best_count = (float(slope), float(zero)), count
    return best

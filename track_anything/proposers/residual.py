"""Which pixels move by themselves, seen from a camera that may turn, zoom and drive."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.structures import Floats, Image, Mask

SIDE = 640
"""Longest side at which motion is looked at: a table tennis ball is 15 px there."""

_STEP = 8
_RANSAC = 0.8
_LEAST_PLACES = 12
_TRIALS = 400
_COLUMNS = 8
# What seems to move must stream from one point for the most part, over most of the width.
_LEAST_STREAM, _STREAM_COSINE, _STREAM_SHARE, _LEAST_COLUMNS = 500, 0.9, 0.6, 5
# Motion of the ground, in limits, from which something that lags behind it is noticed.
_LEAST_GROUND = 0.8
# Levels by which a pixel must differ from what the camera's motion alone would show there.
_DIFFERENCE = 10.0


@dataclass(frozen=True, eq=False)
class Residual:
    """What the camera's motion does not explain between two frames, at working size.

    Attributes:
        is_moving: (h, w) where something moves by itself.
        is_slow: The part of it that only lags behind the ground: where wheels meet the road it
            shows, higher up the ground is too far away to lag behind.
        scale: Working size over frame size.
    """

    is_moving: Mask
    is_slow: Mask
    scale: float


class MotionField:
    """Dense flow between consecutive frames: DIS, Kroeger et al., ECCV 2016, as in OpenCV."""

    def __init__(self) -> None:
        """Make one that has seen no frame."""
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._previous: Image | None = None

    def step(self, image: Image, *, least_motion: float) -> Residual | None:
        """What moved by itself since the frame before; None on the first or after a new size.

        Args:
            image: Standard form.
            least_motion: In thousandths of the long side.
        """
        gray, scale = _small(image)
        previous, self._previous = self._previous, gray
        if previous is None or previous.shape != gray.shape:
            return None
        start = np.zeros((*gray.shape, 2), np.float32)
        flow = np.asarray(self._dis.calc(gray, previous, start), np.float32)
        limit = least_motion / 1000 * max(gray.shape)
        return _residual(previous, gray, flow, limit, scale)


def _small(image: Image) -> tuple[Image, float]:
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    # DIS needs room for its coarsest patches.
    size = max(round(width * scale), 32), max(round(height * scale), 32)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8), scale


def _residual(before: Image, now: Image, flow: Floats, limit: float, scale: float) -> Residual:
    places = _places(now.shape)
    far = _camera(places, flow)
    if far is None:
        nothing = np.zeros(now.shape, bool)
        return Residual(nothing, nothing, scale)
    # From here on as motion forward in time: from where it was to where it is.
    motion = np.asarray(_carried(far, now.shape) - flow, np.float32)
    size = np.linalg.norm(motion, axis=2)
    is_moving = (size > limit) & _differs(before, now, far)
    drive = _drive(motion, is_moving)
    if drive is not None:
        is_moving, is_slow = _against_ground(before, now, far, motion, is_moving, drive, limit)
        return Residual(is_moving | is_slow, is_slow & ~is_moving, scale)
    return Residual(is_moving, np.zeros_like(is_moving), scale)


def _places(size: tuple[int, ...]) -> Floats:
    y, x = np.mgrid[_STEP // 2 : size[0] : _STEP, _STEP // 2 : size[1] : _STEP]
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def _camera(places: Floats, flow: Floats) -> NDArray[np.float64] | None:
    """The homography to the frame before that most places follow."""
    if len(places) < _LEAST_PLACES:
        return None
    x, y = places.astype(int).T
    cv2.setRNGSeed(0)
    matrix, _ = cv2.findHomography(
        places, places + flow[y, x], cv2.RANSAC, _RANSAC, maxIters=_TRIALS
    )
    return None if matrix is None else np.asarray(matrix, np.float64)


def _carried(matrix: NDArray[np.float64], size: tuple[int, ...]) -> Floats:
    """(h, w, 2): where a homography says that every pixel was, as a displacement."""
    x, y = np.meshgrid(np.arange(size[1], dtype=np.float32), np.arange(size[0], dtype=np.float32))
    here = np.stack([x, y], axis=-1)
    there = cv2.perspectiveTransform(here.reshape(-1, 1, 2), matrix).reshape(here.shape)
    return np.asarray(there - here, np.float32)


def _differs(before: Image, now: Image, matrix: NDArray[np.float64]) -> Mask:
    """Where the frame before, moved as the camera was, does not show the same.

    Flow spreads over plain walls beside what moves; their pixels are explained without it.
    """
    size = now.shape[1], now.shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(before, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return _unlike(np.asarray(warped, np.uint8), now)


def _unlike(warped: Image, now: Image) -> Mask:
    """Where two gray pictures differ, and a little around: flow tells what of it moves."""
    kernel = np.ones((3, 3), np.uint8)
    # A pixel off is no difference: the range of the neighbours counts.
    low = cv2.erode(warped, kernel).astype(np.float32)
    high = cv2.dilate(warped, kernel).astype(np.float32)
    outside = cv2.GaussianBlur(np.maximum(low - now, now - high), (0, 0), 1.0)
    found = (outside > _DIFFERENCE).astype(np.uint8)
    return np.asarray(cv2.dilate(found, np.ones((9, 9), np.uint8)) > 0)


@dataclass(frozen=True, eq=False)
class _Drive:
    """A camera that moves along a ground: what stands still streams away from one point.

    Attributes:
        origin: (2,) that point; far outside for a camera that moves sideways.
        slope: Motion of the ground, as a share of the distance to the origin, per row ...
        horizon: ... below this row.
    """

    origin: NDArray[np.float64]
    slope: float
    horizon: float

    def directions(self, places: Floats) -> Floats:
        """(N, 2) of length 1: where what stands still at (N, 2) places goes."""
        away = places - self.origin
        return np.asarray(away / np.maximum(np.linalg.norm(away, axis=1), 1e-6)[:, None])

    def ground(self, size: tuple[int, ...]) -> Floats:
        """(h, w, 2): motion of the ground at every pixel; 0 above the horizon."""
        x, y = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
        away = np.stack([x, y], axis=-1) - self.origin
        share = self.slope * np.maximum(y - self.horizon, 0)
        return np.asarray(share[..., None] * away, np.float32)


def _drive(motion: Floats, is_moving: Mask) -> _Drive | None:
    """How the camera moves, if most of what seems to move streams from one point."""
    y, x = np.nonzero(is_moving)
    if len(x) < _LEAST_STREAM:
        return None
    random = np.random.default_rng(0)
    taken = random.choice(len(x), min(len(x), 2000), replace=False)
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
    below = places[:, 1] > top + _STEP
    if below.sum() < 20:
        return None
    share = np.linalg.norm(moved, axis=1) / np.maximum(np.linalg.norm(places - origin, axis=1), 1)
    slope, horizon = _line_of(places[below, 1], share[below], random)
    return _Drive(origin, slope, max(horizon, top))


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


def _against_ground(
    before: Image,
    now: Image,
    far: NDArray[np.float64],
    motion: Floats,
    is_moving: Mask,
    drive: _Drive,
    limit: float,
) -> tuple[Mask, Mask]:
    """What does not stream as things that stand still do, and what is slower than the ground.

    What stands on the ground is nearer than the ground seen behind it: it is never slower.
    """
    size = now.shape
    x, y = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
    places = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    direction = drive.directions(places).reshape(*size, 2)
    along = (motion * direction).sum(axis=2)
    across = np.abs(motion[..., 0] * direction[..., 1] - motion[..., 1] * direction[..., 0])
    # Flow sees only what is across an edge: of a pole that leans the angle is far off.
    is_against = (along < -limit) | (across > np.maximum(1.5 * along, limit))
    ground = drive.ground(size)
    expected = np.linalg.norm(ground, axis=2)
    is_slow = (expected > _LEAST_GROUND * limit) & (along < 0.4 * expected)
    shown = _carried(far, size) - ground
    warped = cv2.remap(
        before,
        (x + shown[..., 0]).astype(np.float32),
        (y + shown[..., 1]).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(is_moving & is_against), np.asarray(
        is_slow & _unlike(np.asarray(warped, np.uint8), now)
    )

"""Which pixels move by themselves, seen from a camera that may turn, zoom and drive."""

import io
import zipfile
from dataclasses import dataclass, field, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.errors import TrackingError
from track_anything.proposers.corners import corner_motions, is_rough
from track_anything.proposers.drive import Drive, find_drive
from track_anything.small_gray import small_gray
from track_anything.structures import Floats, Image, Mask

SIDE = 640
"""Longest side at which motion is looked at: a table tennis ball is 15 px there."""

_STEP = 8
_RANSAC = 0.8
_LEAST_PLACES = 12
_TRIALS = 400
# Motion of the ground, in limits, from which something that lags behind it is noticed.
_LEAST_GROUND = 0.8
# How many rows too high the horizon may be found, as a share of the long side.
_HORIZON_MARGIN = 0.0125
# Levels by which a pixel must differ from what the camera's motion alone would show there.
_DIFFERENCE = 10.0
# The same where flow sees no motion.
_PLAIN_DIFFERENCE = 25.0

Matrix = NDArray[np.float64]
"""(3, 3): where the pixels of a frame were in an earlier one, as far as the camera moved them."""


@dataclass(frozen=True, eq=False)
class Residual:
    """What the camera's motion does not explain, at working size.

    Attributes:
        is_moving: (h, w) where something moves by itself.
        is_slow: The part of it that only lags behind the ground: where wheels meet the road it
            shows, higher up the ground is too far away to lag behind.
        on_drive: Whether the camera drives ahead, along a ground that streams by.
    """

    is_moving: Mask
    is_slow: Mask
    on_drive: bool = False


@dataclass(frozen=True, eq=False)
class _Look:
    """A frame that was seen, and how the camera came to it from the one before.

    Attributes:
        gray: (h, w).
        camera: To the frame before; None on the first.
        previous: The frame before; its own is forgotten.
        motions: (N, 4) of its corners since then, as `corner_motions` gives them.
    """

    gray: Image
    camera: Matrix | None = None
    previous: Image | None = None
    motions: Floats = field(default_factory=lambda: np.zeros((0, 4), np.float32))


class MotionField:
    """Dense flow between consecutive frames: DIS, Kroeger et al., ECCV 2016, as in OpenCV."""

    def __init__(self) -> None:
        """Make one that has seen no frame."""
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._last: _Look | None = None

    def watch(self, image: Image) -> None:
        """Take notice of a frame without asking what moves, at a tenth of the cost."""
        self._flow_to(small_gray(image, SIDE))

    def step(self, image: Image, *, least_motion: float) -> Residual | None:
        """What moved by itself since the frame before; None on the first or after a new size.

        Args:
            image: Standard form.
            least_motion: In thousandths of the long side.
        """
        gray, last = small_gray(image, SIDE), self._last
        flow = self._flow_to(gray)
        if last is None or flow is None or self._last is None:
            return None
        if self._last.camera is None:
            return Residual(np.zeros(gray.shape, bool), np.zeros(gray.shape, bool))
        return _residual(last, self._last, flow, least_motion / 1000 * max(gray.shape))

    def save(self) -> bytes:
        """What was seen, for restore."""
        seen = {}
        if self._last is not None:
            every = {one.name: getattr(self._last, one.name) for one in fields(self._last)}
            seen = {name: value for name, value in every.items() if value is not None}
        buffer = io.BytesIO()
        np.savez(buffer, **seen)
        return buffer.getvalue()

    def restore(self, state: bytes) -> None:
        """Go on from what save returned.

        Raises:
            TrackingError: If it is no such state.
        """
        try:
            with np.load(io.BytesIO(state), allow_pickle=False) as saved:
                seen = {name: saved[name] for name in saved.files}
            self._last = _Look(**seen) if seen else None
        except (OSError, EOFError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise TrackingError(f"not the saved state of a motion field ({error})") from error

    def _flow_to(self, gray: Image) -> Floats | None:
        """Flow to the frame before, whose place this one takes; None without one."""
        last = self._last
        if last is None or last.gray.shape != gray.shape:
            self._last = _Look(gray)
            return None
        start = np.zeros((*gray.shape, 2), np.float32)
        flow = np.asarray(self._dis.calc(gray, last.gray, start), np.float32)
        camera = _camera(flow)
        if camera is None:
            self._last = _Look(gray)
        else:
            self._last = _Look(gray, camera, last.gray, corner_motions(gray, flow, camera))
        return flow


def _camera(flow: Floats) -> Matrix | None:
    """The homography to the frame before that most places follow."""
    height, width = flow.shape[:2]
    y, x = np.mgrid[_STEP // 2 : height : _STEP, _STEP // 2 : width : _STEP]
    places = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    if len(places) < _LEAST_PLACES:
        return None
    cv2.setRNGSeed(0)
    goals = places + flow[y.ravel(), x.ravel()]
    matrix, _ = cv2.findHomography(places, goals, cv2.RANSAC, _RANSAC, maxIters=_TRIALS)
    return None if matrix is None else np.asarray(matrix, np.float64)


def _residual(last: _Look, look: _Look, flow: Floats, limit: float) -> Residual:
    now, camera = look.gray, look.camera
    assert camera is not None
    carried = _carried(camera, now.shape)
    # From here on as motion forward in time: from where it was to where it is.
    motion = np.asarray(carried - flow, np.float32)
    difference = _difference(_shown(last.gray, carried), now)
    if last.camera is not None and last.previous is not None:
        # Where something was a frame ago the ground is back, and as it was two frames ago.
        earlier = _shown(last.previous, _carried(last.camera @ camera, now.shape))
        difference = np.minimum(difference, _difference(earlier, now))
    is_moving = (np.linalg.norm(motion, axis=2) > limit) & _widened(difference > _DIFFERENCE)
    # What the frame before tells of the way the camera takes is as good.
    drive = find_drive(np.concatenate([last.motions, look.motions]), is_moving, limit)
    if drive is None:
        if last.previous is not None:
            # What is small and fast is gone before flow finds it.
            is_moving |= difference > _PLAIN_DIFFERENCE
        return Residual(is_moving, np.zeros_like(is_moving))
    ground = drive.ground(now.shape)
    is_against = is_moving & _is_against(motion, drive, limit, _widened(is_rough(now)))
    is_other = _difference(_shown(last.gray, carried - ground), now) > _DIFFERENCE
    is_slow = _is_slow(motion, drive, ground, limit) & _widened(is_other)
    return Residual(is_against | is_slow, is_slow & ~is_against, on_drive=drive.is_ahead)


def _carried(matrix: Matrix, size: tuple[int, ...]) -> Floats:
    """(h, w, 2): where a homography says that every pixel was, as a displacement."""
    x, y = np.meshgrid(np.arange(size[1], dtype=np.float32), np.arange(size[0], dtype=np.float32))
    here = np.stack([x, y], axis=-1)
    there = cv2.perspectiveTransform(here.reshape(-1, 1, 2), matrix).reshape(here.shape)
    return np.asarray(there - here, np.float32)


def _shown(before: Image, carried: Floats) -> Image:
    """(h, w): what an earlier frame shows where every pixel is said to have been."""
    rows, columns = np.indices(before.shape, np.float32)
    warped = cv2.remap(
        before,
        columns + carried[..., 0],
        rows + carried[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.uint8)


def _difference(shown: Image, now: Image) -> Floats:
    """(h, w) levels by which two gray pictures differ, more than a pixel's shift explains.

    Flow spreads over plain walls beside what moves; their pixels are explained without it.
    """
    kernel = np.ones((3, 3), np.uint8)
    low = cv2.erode(shown, kernel).astype(np.float32)
    high = cv2.dilate(shown, kernel).astype(np.float32)
    outside = cv2.GaussianBlur(np.maximum(low - now, now - high), (0, 0), 1.0)
    return np.asarray(outside, np.float32)


def _widened(found: Mask) -> Mask:
    """What was found and a little around: flow tells what of it moves."""
    return np.asarray(cv2.dilate(found.view(np.uint8), np.ones((9, 9), np.uint8)) > 0)


def _along(motion: Floats, drive: Drive) -> tuple[Floats, Floats]:
    """(h, w) each: motion the way that what stands still goes, and how much across."""
    direction = drive.directions(motion.shape)
    along = (motion * direction).sum(axis=2)
    across = np.abs(motion[..., 0] * direction[..., 1] - motion[..., 1] * direction[..., 0])
    return along, across


def _is_against(motion: Floats, drive: Drive, limit: float, is_sure: Mask) -> Mask:
    """What does not stream away as things that stand still do.

    Flow sees only what is across an edge: of a pole that leans the angle may be far off, but not
    beyond a right one.
    """
    along, across = _along(motion, drive)
    return np.asarray((along < -limit) | (is_sure & (across > np.maximum(1.5 * along, limit))))


def _is_slow(motion: Floats, drive: Drive, ground: Floats, limit: float) -> Mask:
    """What is slower than the ground it is seen before.

    What stands on the ground is nearer than the ground behind it: it is never slower.
    """
    along, _ = _along(motion, drive)
    expected = np.linalg.norm(ground, axis=2)
    is_slow = (expected > _LEAST_GROUND * limit) & (along < 0.4 * expected)
    # Near the horizon it would be a few rows too high that things are slower than expected.
    is_slow[: max(round(drive.horizon + _HORIZON_MARGIN * max(is_slow.shape)), 0)] = False
    return np.asarray(is_slow)

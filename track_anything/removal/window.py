"""What an inpainter sees of a video: a frame, others around it, and how the camera moved between.

The video is read twice, so that looking far ahead costs no memory: the first reading runs ahead
and keeps one frame in several, the second delivers the frames to be filled.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.errors import VideoError
from track_anything.removal.camera import CameraMotion
from track_anything.structures import Image, Mask

Matrix = NDArray[np.float64]
"""(3, 3) homography on pixels, (x, y, 1) with (0, 0) in the middle of the top-left pixel."""

REFERENCES = 16
"""Frames kept on either side of a frame; of a longer look every second, third ... is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class MaskedFrame:
    """A frame and what must go from it.

    Attributes:
        index: Counts from 0 at the first frame.
        time: In the source.
        image: Standard form.
        mask: Standard form; True is to be filled, and is never shown elsewhere.
    """

    index: int
    time: Fraction
    image: Image
    mask: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Another frame of the same scene.

    Attributes:
        frame: The frame.
        from_target: Where pixels of the target are in it, as far as the camera's motion says.
    """

    frame: MaskedFrame
    from_target: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """All that an inpainter sees for one frame.

    Attributes:
        target: The frame to be filled.
        references: Others of its scene, by ascending index, never the target itself.
        to_previous: Where pixels of the target are in the frame before it; None on the first frame
            and after a cut.
    """

    target: MaskedFrame
    references: Sequence[Reference]
    to_previous: Matrix | None


class Inpainter(Protocol):
    """Makes up what an object hid. Another one is a class with this method."""

    def fill(self, window: Window) -> Image:
        """The target's picture with its mask filled, and nothing else changed.

        Called once for every frame, in order; frames without a mask come too.
        """
        ...


def dilated(mask: Mask, distance: int) -> Mask:
    """A mask grown by so many pixels in every direction.

    >>> dilated(np.array([[0, 0, 1, 0, 0, 0]], bool), 2).astype(int).tolist()
    [[1, 1, 1, 1, 1, 0]]
    """
    if not distance or not mask.any():
        return mask
    away = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away <= distance)


def sliding_windows(
    open_frames: Callable[[], Iterable[MaskedFrame]], *, look: int
) -> Iterator[Window]:
    """A window for every frame of a video.

    Args:
        open_frames: Begins a new reading of the same frames; called twice.
        look: Frames on either side in which the background is looked for; 0 or more.

    Raises:
        VideoError: If the second reading is not the first.
    """
    ahead = _Ahead(iter(open_frames()), look)
    position = -1
    for position, target in enumerate(open_frames()):
        ahead.advance(position)
        if ahead.read_count <= position:
            break
        yield Window(target, ahead.references(position), ahead.step(position))
    if ahead.read_count != position + 1:
        raise VideoError("the video, read twice at once, has not the same frames both times")


class _Ahead:
    """The frames around a position, of which few are kept, and the camera's steps between all."""

    def __init__(self, frames: Iterator[MaskedFrame], look: int) -> None:
        self._frames = frames
        self._look = look
        self._stride = max(1, -(-look // REFERENCES))
        self._camera = CameraMotion()
        # (position, ...): a step leads from a frame to the one before it.
        self._kept: deque[tuple[int, MaskedFrame]] = deque()
        self._steps: deque[tuple[int, Matrix | None]] = deque()
        self.read_count = 0

    def advance(self, position: int) -> None:
        """Read as far as a position looks, and forget what it does not look back to."""
        while self.read_count <= position + self._look:
            frame = next(self._frames, None)
            if frame is None:
                break
            self._steps.append((self.read_count, self._camera.step(frame.image, frame.mask)))
            if self.read_count % self._stride == 0:
                self._kept.append((self.read_count, frame))
            self.read_count += 1
        while self._kept and self._kept[0][0] < position - self._look:
            self._kept.popleft()
        while self._steps and self._steps[0][0] < position - self._look:
            self._steps.popleft()

    def step(self, position: int) -> Matrix | None:
        """Where pixels of a frame are in the one before it."""
        return next((step for place, step in self._steps if place == position), None)

    def references(self, position: int) -> list[Reference]:
        """What is kept of a frame's scene."""
        matrices = self._matrices(position)
        return [
            Reference(frame, matrices[place])
            for place, frame in self._kept
            if place != position and place in matrices
        ]

    def _matrices(self, position: int) -> dict[int, Matrix]:
        """Where pixels of a frame are in every other frame of its scene, by position."""
        steps = dict(self._steps)
        matrices = {}
        matrix: Matrix = np.eye(3)
        for place in range(position, min(steps), -1):
            step = steps[place]
            if step is None:
                break
            matrix = step @ matrix
            matrices[place - 1] = matrix
        matrix = np.eye(3)
        for place in range(position + 1, max(steps) + 1):
            step = steps[place]
            if step is None:
                break
            matrix = np.linalg.inv(step) @ matrix
            matrices[place] = matrix
        return matrices

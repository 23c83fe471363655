"""The path of a camera that follows an object smoothly: plain functions and a small window."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from track_anything.structures import Floats

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class View:
    """A part of a frame, in pixels.

    Attributes:
        x: Of its centre.
        y: Of its centre.
        height: Its width follows from the aspect of the output.
    """

    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class _Wanted:
    view: View
    scene: int


class SmoothView:
    """Views that follow boxes without jitter, each known so many frames after its box.

    Centre and height are each fitted by a straight line through the boxes of so many frames before
    and after, weighted by a bell: steady motion is followed without lag, trembling is evened out.
    While there is no box, the view waits at the last one; before the first it is as large as
    the frame allows. It never reaches beyond the frame, and starts anew after a cut.
    """

    def __init__(
        self,
        frame_size: tuple[int, int],
        output_size: tuple[int, int],
        *,
        margin: float,
        max_zoom: float,
        frame_count: int,
    ) -> None:
        """Make a window with nothing in it.

        Args:
            frame_size: (height, width) of the frames.
            output_size: (height, width) of the pictures the views are for.
            margin: Space on every side of the box, as a part of its sides.
            max_zoom: A view is at least as large as the picture divided by this.
            frame_count: Boxes looked at on either side.
        """
        self._frame_size = frame_size
        self._aspect = output_size[1] / output_size[0]
        self._margin = margin
        self._largest = min(frame_size[0], frame_size[1] / self._aspect)
        self._smallest = min(self._largest, output_size[0] / max_zoom)
        self._frame_count = frame_count
        offsets = np.arange(-frame_count, frame_count + 1)
        self._bell = np.exp(-0.5 * (offsets / max(frame_count / 2.5, 0.1)) ** 2)
        self._wanted: deque[_Wanted] = deque()
        self._before = 0
        self._scene = 0
        self._last = View(frame_size[1] / 2, frame_size[0] / 2, self._largest)

    def push(self, box: Floats | None, *, is_cut: bool = False) -> View | None:
        """Take the next frame's box; the view of the frame that became certain, if one did.

        Args:
            box: Standard form; None while the object is not visible.
            is_cut: Whether a new scene begins with this frame.
        """
        self._scene += is_cut
        if box is not None:
            self._last = self._around(box)
        self._wanted.append(_Wanted(self._last, self._scene))
        if len(self._wanted) - self._before <= self._frame_count:
            return None
        return self._next()

    def flush(self) -> View | None:
        """The view of the next frame held back; None if there is none."""
        return self._next() if len(self._wanted) > self._before else None

    def _next(self) -> View:
        here = self._before
        scene = self._wanted[here].scene
        near = [
            (place - here, wanted.view)
            for place, wanted in enumerate(self._wanted)
            if wanted.scene == scene and abs(place - here) <= self._frame_count
        ]
        offsets = np.array([offset for offset, _ in near], np.float64)
        weights = self._bell[offsets.astype(int) + self._frame_count]
        values = np.array([(view.x, view.y, view.height) for _, view in near])
        # As differences from here, what stands still does so to the last bit.
        values -= (middle := values[offsets == 0])
        x, y, height = (middle[0] + _line_at_zero(offsets, values, weights)).tolist()
        if self._before == self._frame_count:
            self._wanted.popleft()
        else:
            self._before += 1
        return self._inside(x, y, height)

    def _around(self, box: Floats) -> View:
        width, height = float(box[2] - box[0]), float(box[3] - box[1])
        room = 1 + 2 * self._margin
        side = max(height * room, width * room / self._aspect)
        return self._inside(float(box[0]) + width / 2, float(box[1]) + height / 2, side)

    def _inside(self, x: float, y: float, height: float) -> View:
        height = min(max(height, self._smallest), self._largest)
        half = height / 2
        frame_height, frame_width = self._frame_size
        x = min(max(x, half * self._aspect), frame_width - half * self._aspect)
        y = min(max(y, half), frame_height - half)
        return View(x, y, height)


def _line_at_zero(offsets: Doubles, values: Doubles, weights: Doubles) -> Doubles:
    """(3,): where weighted straight lines through (N, 3) values are at offset 0."""
    weights = weights / weights.sum()
    mean = weights @ offsets
    middle = weights @ values
    spread = weights @ (offsets - mean) ** 2
    if spread > 0:
        slope = (weights * (offsets - mean)) @ (values - middle) / spread
        middle = middle - slope * mean
    return np.asarray(middle, np.float64)

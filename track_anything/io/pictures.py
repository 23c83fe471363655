"""Decoded frames to upright RGB pictures: colour matrix, size."""

import logging
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from track_anything.io.container import UNSPECIFIED, fraction, open_container, video_stream
from track_anything.structures import Image

_log = logging.getLogger(__name__)

BT709 = 1
BT601 = 6
_BT2020_CONSTANT = 10
_BT2020 = 9
# Without full chroma, all but unscaled 8 bit comes out 2 levels too dark. Unscaled 8 bit has a path
# of its own, 1 level off and 4 ms faster at 720p.
_SHRINK = Interpolation.AREA | Interpolation.FULL_CHR_H_INT
_KEEP_OR_GROW = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT
# What swscale can convert, by ITU-T H.273: BT.709, FCC, both 601s, SMPTE 240M, BT.2020.
_KNOWN_MATRICES = frozenset({1, 4, 5, 6, 7, _BT2020})


def color_matrix(space: int, width: int, height: int) -> int:
    """The matrix to convert with: the one that is said, or what players take by size.

    An untagged stream above standard definition is BT.709 by every player's convention.
    """
    if space == _BT2020_CONSTANT:
        return _BT2020
    if space in _KNOWN_MATRICES:
        return space
    return BT709 if width >= 1280 or height > 576 else BT601


@dataclass(frozen=True, slots=True)
class Orientation:
    """How to turn a stored picture upright: transpose first, then mirror.

    Attributes:
        is_transposed: Swap rows and columns.
        flips_x: Then mirror left to right.
        flips_y: Then mirror top to bottom.
    """

    is_transposed: bool = False
    flips_x: bool = False
    flips_y: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> "Orientation":
        """The orientation in a frame's display matrix, mirrored ones included."""
        side_data: Any = frame.side_data.get("DISPLAYMATRIX")
        if side_data is None:
            return cls()
        # A stored pixel (x, y) is shown at (a x + c y, b x + d y), up to a shift.
        a, b, _, c, d = (int(v) for v in np.frombuffer(bytes(side_data), np.int32)[:5])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    def upright(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the upright picture from that of the stored one."""
        return size[::-1] if self.is_transposed else size

    def apply(self, image: Image) -> Image:
        """The picture upright; the same array if it is already."""
        if self.is_transposed:
            image = np.asarray(cv2.transpose(image), np.uint8)
        if self.flips_x or self.flips_y:
            code = -1 if self.flips_x and self.flips_y else int(self.flips_x)
            image = np.asarray(cv2.flip(image, code), np.uint8)
        return image


def pixel_aspect(path: str, rotation: int) -> Fraction | None:
    """Width / height of a video's pixels once upright; None if square or not said."""
    container = open_container(path)
    try:
        aspect = fraction(video_stream(container, path).sample_aspect_ratio)
    finally:
        container.close()
    if aspect is None or aspect == 1:
        return None
    return 1 / aspect if rotation % 180 else aspect


def upright_size(frame: VideoFrame) -> tuple[int, int]:
    """(height, width) of a decoded frame once it is upright."""
    return Orientation.of(frame).upright((frame.height, frame.width))


class PictureConverter:
    """Upright RGB pictures of one size, that of the first frame scaled down to max_side.

    Attributes:
        size: (height, width) of the pictures.
    """

    def __init__(self, name: str, first: VideoFrame, max_side: int) -> None:
        """Take sizes and orientation from the first frame; name is for the log."""
        self._name = name
        self._orientation = Orientation.of(first)
        self._reformatter = VideoReformatter()
        self._first_size = first.height, first.width
        longest = max(first.width, first.height)
        scale = Fraction(max_side, longest) if 0 < max_side < longest else Fraction(1)
        # As stored; swscale scales before the picture is turned, which is less to turn.
        self._stored = max(1, round(first.height * scale)), max(1, round(first.width * scale))
        self.size = self._orientation.upright(self._stored)
        self._has_warned_size = False
        self._has_warned_matrix = False

    def convert(self, frame: VideoFrame) -> Image:
        """The picture of one frame.

        Raises:
            av.FFmpegError: If the pixel format cannot be converted.
        """
        if (frame.height, frame.width) != self._first_size and not self._has_warned_size:
            self._has_warned_size = True
            _log.warning(
                "%s: the frame size changes from %dx%d to %dx%d; scaled to the first",
                self._name,
                *self._first_size[::-1],
                frame.width,
                frame.height,
            )
        self._set_matrix(frame)
        height, width = self._stored
        shrinks = height < frame.height or width < frame.width
        rgb = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            interpolation=_SHRINK if shrinks else _KEEP_OR_GROW,
            # One thread: decoding has the others, and slices this small do not pay.
            threads=1,
        )
        return self._orientation.apply(np.asarray(rgb.to_ndarray(), np.uint8))

    def _set_matrix(self, frame: VideoFrame) -> None:
        if frame.format.is_rgb:
            return
        said = int(frame.colorspace)
        matrix = color_matrix(said, frame.width, frame.height)
        if matrix != said:
            if said not in (UNSPECIFIED, _BT2020_CONSTANT) and not self._has_warned_matrix:
                self._has_warned_matrix = True
                _log.warning("%s: colour matrix %d is not known; guessed", self._name, said)
            frame.colorspace = matrix

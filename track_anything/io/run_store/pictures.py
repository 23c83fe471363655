"""The pictures of frames that are read back: those of the video, or none."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from track_anything.errors import DatasetError
from track_anything.structures import Frame, Image


class GivenPictures:
    """Frames asked for in rising order, out of a stream of more of them."""

    def __init__(self, path: Path, images: Iterable[Frame]) -> None:
        """Take a stream of frames, for the store of that path."""
        self._path = path
        self._images = iter(images)

    def of(self, frame: Frame) -> Frame:
        """The frame of the same index, with its picture.

        Raises:
            DatasetError: If it is not there, or has another time.
        """
        for image in self._images:
            if image.index < frame.index:
                continue
            if (image.index, image.time) == (frame.index, frame.time):
                return image
            break
        raise DatasetError(
            f"{self._path}: frame {frame.index} at {float(frame.time):.3f} s is not in the video "
            "given: it is another one, or was changed since"
        )


def black(size: tuple[int, int]) -> Image:
    """(H, W, 3) zeros, read only, that take no memory."""
    return np.broadcast_to(np.uint8(0), (*size, 3))

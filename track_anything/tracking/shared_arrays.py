"""Arrays that other processes read where they lie, instead of getting them through a pipe.

Through pipes a picture is copied twice for each process, and waits until each has time to read it.
"""

import mmap
import os
import sys
import tempfile
import weakref
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from track_anything.structures import Frame

_ALIGNED = 64
"""Arrays begin at multiples of so many bytes."""


@dataclass(frozen=True, slots=True)
class SharedArray:
    """Where an array lies, and what it is.

    Attributes:
        start: Its first byte.
        shape: Its shape.
        dtype: Its type, as NumPy writes it.
    """

    start: int
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class SharedFrame:
    """A frame whose picture is shared.

    Attributes:
        frame: The frame, without its picture.
        image: The picture.
    """

    frame: Frame
    image: SharedArray


class SharedMemory:
    """Memory that processes started with its descriptor can read."""

    def __init__(self, size: int) -> None:
        """Get so many bytes.

        Raises:
            OSError: If there are none.
        """
        # Neither has a name that could be left behind.
        if hasattr(os, "memfd_create"):
            self._file = os.fdopen(os.memfd_create("arrays"), "r+b")
        else:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it stays open
        weakref.finalize(self, self._file.close)
        self._file.truncate(size)
        self._memory = mmap.mmap(self._file.fileno(), size)
        self._used = 0

    @classmethod
    def of_size(cls, size: int) -> "SharedMemory | None":
        """So many bytes; None where the system has no memory of this kind."""
        if sys.platform == "win32":
            return None
        try:
            return cls(size)
        except OSError:
            return None

    @property
    def descriptor(self) -> int:
        """By which a process that inherits it reads the memory."""
        return self._file.fileno()

    def clear(self) -> None:
        """Make room: whoever was told of an array must have read it."""
        self._used = 0

    def put(self, array: np.ndarray) -> SharedArray | None:
        """Write an array behind those that are there; None if there is too little room."""
        start = -(-self._used // _ALIGNED) * _ALIGNED
        if start + array.nbytes > len(self._memory):
            return None
        told = SharedArray(start, array.shape, array.dtype.str)
        _view(self._memory, told)[...] = array
        self._used = start + array.nbytes
        return told

    def put_frame(self, frame: Frame) -> SharedFrame | None:
        """The same with a frame's picture."""
        image = self.put(frame.image)
        return None if image is None else SharedFrame(replace(frame, image=frame.image[:0]), image)


class SharedMemoryReader:
    """The same memory in a process that was started with its descriptor."""

    def __init__(self, descriptor: int) -> None:
        """Read from a descriptor.

        Raises:
            OSError: If it is none.
        """
        self._memory = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        os.close(descriptor)

    def read(self, told: Any) -> Any:
        """A copy of what is told of as shared; all else as it is."""
        if isinstance(told, SharedFrame):
            return replace(told.frame, image=self.read(told.image))
        return _view(self._memory, told).copy() if isinstance(told, SharedArray) else told


def _view(memory: mmap.mmap, told: SharedArray) -> np.ndarray:
    count = int(np.prod(told.shape))
    return np.frombuffer(memory, told.dtype, count, told.start).reshape(told.shape)

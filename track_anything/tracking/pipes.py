"""Messages through pipes between two processes of ours: objects with large arrays."""

import io
import pickle
import select
import struct
import sys
from typing import Any

import numpy as np

_HEAD = struct.Struct("<Q")
_PIPE_BYTES = 1 << 20
"""Room asked for in a pipe: a picture goes through in a third of the time of the usual 64 KiB."""


class MessagePipes:
    """One end of two pipes; messages come whole and in order.

    Only ever between a process and one that it has started itself: messages are pickles.
    """

    def __init__(self, incoming: io.FileIO, outgoing: io.FileIO) -> None:
        """Take the file to read from and the one to write to; both unbuffered."""
        self._incoming, self._outgoing = incoming, outgoing
        _widen(outgoing)

    def send(self, message: Any) -> None:
        """Write a message; large arrays are not copied on the way.

        Raises:
            OSError: If nobody reads any more.
        """
        buffers: list[pickle.PickleBuffer] = []
        body = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(body), *(buffer.raw() for buffer in buffers)]
        head = [_HEAD.pack(len(parts)), *(_HEAD.pack(len(part)) for part in parts)]
        self._write(memoryview(b"".join(head)))
        for part in parts:
            self._write(part)

    def is_waiting(self) -> bool:
        """Whether a message has come, at least in part; where that cannot be known, True."""
        if sys.platform == "win32":
            return True
        return bool(select.select([self._incoming], [], [], 0)[0])

    def receive(self) -> Any:
        """The next message.

        Raises:
            EOFError: If the other end is closed.
        """
        (count,) = _HEAD.unpack(self._read(_HEAD.size))
        sizes = [_HEAD.unpack(self._read(_HEAD.size))[0] for _ in range(count)]
        body, *buffers = [self._read(size) for size in sizes]
        return pickle.loads(body, buffers=buffers)

    def close(self) -> None:
        """Close both files."""
        self._outgoing.close()
        self._incoming.close()

    def _write(self, part: memoryview) -> None:
        while part:
            written = self._outgoing.write(part)
            part = part[written or 0 :]

    def _read(self, size: int) -> memoryview:
        # Memory that is not cleared first, as a bytearray would be.
        found = np.empty(size, np.uint8).data
        left = found
        while left:
            count = self._incoming.readinto(left)
            if not count:
                raise EOFError("the other end is closed")
            left = left[count:]
        return found


def _widen(file: io.FileIO) -> None:
    if sys.platform == "linux":
        import fcntl

        try:
            fcntl.fcntl(file.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            # The system's limit is lower: slower, and as good.
            return

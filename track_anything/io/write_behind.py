"""Results written on a thread while the next are made."""

import logging
import threading

from track_anything.errors import OutputError
from track_anything.interfaces import Sink
from track_anything.io.channel import Channel
from track_anything.structures import FrameResult

_log = logging.getLogger(__name__)

# One result takes far less; a network drive that is gone can take for ever.
_ABORT_SECONDS = 30.0


class WriteBehindSink:
    """Another sink, fed on a thread of its own.

    An error in the other sink is raised, with its own traceback, by the next write or by close;
    nothing more is written after it, and what was written is left to abort.
    """

    def __init__(self, sink: Sink, *, queue_frames: int = 8) -> None:
        """Wrap a sink, which is completed or aborted together with this one.

        Args:
            sink: Where the results go; not to be used by anyone else.
            queue_frames: Most results waiting; at least 1. A full queue makes write wait.
        """
        self._sink = sink
        self._channel: Channel[FrameResult] = Channel(queue_frames)
        self._error: BaseException | None = None
        self._is_ended = False
        self._thread = threading.Thread(target=self._write_all, name="write-behind", daemon=True)
        self._thread.start()

    def _write_all(self) -> None:
        while True:
            try:
                result = self._channel.get()
            except EOFError:
                return
            try:
                self._sink.write(result)
            except BaseException as error:  # noqa: BLE001  it is raised again by write or close
                self._error = error
                self._channel.abandon()
                return

    def write(self, result: FrameResult) -> None:
        """Queue one result; waits while the queue is full.

        Raises:
            OutputError: If the sink is closed, or what the other sink raised for an earlier one.
        """
        if self._is_ended:
            raise OutputError("a result came after its sink was closed")
        if not self._channel.put(result) and self._error is not None:
            raise self._error

    def close(self) -> None:
        """Wait until everything is written, then complete the other sink.

        Raises:
            OutputError: Or whatever else the other sink raised; it is then not completed.
        """
        if self._is_ended:
            return
        self._channel.finish()
        self._thread.join()
        if self._error is not None:
            raise self._error
        self._is_ended = True
        self._sink.close()

    def abort(self) -> None:
        """Drop what is queued and abort the other sink."""
        if self._is_ended:
            return
        self._is_ended = True
        self._channel.abandon()
        self._thread.join(_ABORT_SECONDS)
        if self._thread.is_alive():
            _log.warning("an output is still being written and was left as it is")
            return
        self._sink.abort()

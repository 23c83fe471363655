"""Frames decoded ahead on a thread."""

import logging
import threading
from collections.abc import Iterator

from track_anything.errors import VideoError
from track_anything.interfaces import FrameSource
from track_anything.io.channel import Channel
from track_anything.structures import Frame, VideoInfo

_log = logging.getLogger(__name__)

# Decoding one frame takes far less; a pipe that says nothing can take for ever.
_STOP_SECONDS = 5.0


class PrefetchSource:
    """The frames of another source, decoded ahead on a thread of their own.

    An error in the other source is raised to whoever iterates, at its place between the frames and
    with its own traceback.
    """

    def __init__(self, source: FrameSource, *, frame_count: int = 8) -> None:
        """Wrap a source, which is closed together with this one.

        Args:
            source: Where the frames come from; not to be used by anyone else.
            frame_count: Most frames waiting; at least 1.
        """
        self._source = source
        self._channel: Channel[Frame | _Failure] = Channel(frame_count)
        self._is_left_open = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    @property
    def info(self) -> VideoInfo:
        """What is known before decoding."""
        return self._source.info

    @property
    def problems(self) -> list[str]:
        """The other source's problems, if it tells any; complete when the frames have ended."""
        return list(getattr(self._source, "problems", ()))

    def __iter__(self) -> Iterator[Frame]:
        """The frames of the other source. May be called once.

        Raises:
            VideoError: If it is called again.
        """
        if self._thread is not None or self._is_closed:
            raise VideoError(f"{self.info.path}: was already read; open it again")
        self._thread = threading.Thread(
            target=_read_ahead,
            args=(self._source, self._channel, self._is_left_open),
            name="prefetch",
            daemon=True,
        )
        self._thread.start()
        return self._deliver()

    def _deliver(self) -> Iterator[Frame]:
        try:
            while True:
                try:
                    item = self._channel.get()
                except EOFError:
                    return
                if isinstance(item, _Failure):
                    raise item.error
                yield item
        finally:
            # Also when the consumer stops early or is interrupted.
            self._channel.abandon()

    def close(self) -> None:
        """Stop the thread and close the other source. May be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        self._channel.abandon()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
            if self._thread.is_alive():
                # Closing a file under a reading thread crashes; the thread will do it.
                _log.warning("%s: still reading; left to end by itself", self.info.path)
                self._is_left_open.set()
                return
        self._source.close()


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _read_ahead(
    source: FrameSource, channel: "Channel[Frame | _Failure]", is_left_open: threading.Event
) -> None:
    try:
        for frame in source:
            if not channel.put(frame):
                break
    except BaseException as error:  # noqa: BLE001  it is raised again on the consumer's side
        channel.put(_Failure(error))
    finally:
        channel.finish()
        if is_left_open.is_set():
            source.close()

"""Parts of a video by frame number, forwards and backwards, without reading all of it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from typing import Any

from track_anything.config import ReadConfig
from track_anything.errors import VideoError
from track_anything.io.sources import open_source
from track_anything.structures import Frame

_DEFAULTS = ReadConfig()

CHUNK_BYTES = 256 * 2**20
"""Most that the pictures of one piece take in memory while a video is read backwards."""


class FrameAccess:
    """The frames of a video that was read before, by their index then.

    Args:
        path: As open_source takes it.
        times: Of all its frames, in order; they are found by it.
        config: Size of the frames.
        limits: The range that was read, as open_source takes it.
    """

    def __init__(
        self,
        path: str,
        times: Sequence[Fraction],
        *,
        config: ReadConfig = _DEFAULTS,
        **limits: Any,
    ) -> None:
        self._path = path
        self._times = times
        self._config = replace(config, prefetch_frames=0)
        self._limits = limits
        self._can_seek = True

    def frames(self, start: int, stop: int) -> Iterator[Frame]:
        """Frames [start, stop), as they are decoded.

        Raises:
            VideoError: If they are not what was read before.
        """
        done = start
        if self._can_seek and start < stop:
            for frame in self._sought(start, stop):
                yield frame
                done = frame.index + 1
        if done < stop:
            # Time stamps that seeking does not find again: from the first frame, then.
            self._can_seek = False
            yield from self._counted(done, stop)

    def backwards(self, start: int, stop: int) -> Iterator[Frame]:
        """Frames [start, stop) from the last to the first, decoded a piece at a time.

        Raises:
            VideoError: If they are not what was read before.
        """
        length = 1
        while stop > start:
            first = max(start, stop - length)
            piece = list(self.frames(first, stop))
            yield from reversed(piece)
            stop = first
            # The first piece is one frame: its size is not known before.
            length = max(1, CHUNK_BYTES // piece[0].image.nbytes)

    def _sought(self, start: int, stop: int) -> Iterator[Frame]:
        """Frames found by their times; ends before the first that is not as it should be."""
        end = self._times[stop] if stop < len(self._times) else None
        begin = self._times[start]
        try:
            source = open_source(self._path, config=self._config, start=begin, end=end)
        except VideoError:
            return
        with closing(source):
            index = start
            for frame in source:
                # The tolerance of a range may let in one frame too many at its ends.
                if frame.time < begin:
                    continue
                if index >= stop or frame.time != self._times[index]:
                    return
                yield Frame(index, frame.time, frame.image, frame.is_corrupt)
                index += 1

    def _counted(self, start: int, stop: int) -> Iterator[Frame]:
        source = open_source(self._path, config=self._config, **self._limits)
        with closing(source):
            for frame in source:
                if frame.index >= stop:
                    return
                if frame.time != self._times[frame.index]:
                    break
                if frame.index >= start:
                    yield frame
                if frame.index == stop - 1:
                    return
        raise VideoError(
            f"{self._path}: frames {start} to {stop - 1} are not where they were: the video was "
            "changed"
        )

"""Frames of a video from the last to the first, in bounded memory."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from track_anything.config import ReadConfig
from track_anything.errors import VideoError
from track_anything.io.container import STDIN
from track_anything.io.frame_access import FrameAccess
from track_anything.io.frame_index import FrameIndex, frame_index
from track_anything.io.frame_range import FrameRange
from track_anything.io.images import DEFAULT_RATE, ImageFolderSource
from track_anything.io.sources import is_pictures, open_source
from track_anything.structures import Frame, Image, VideoInfo

_DEFAULTS = ReadConfig()

MEMORY_BYTES = 256 * 2**20
"""Of pictures waiting to be delivered: at 720p 97 of them, and 270 MB more than forwards in all."""

OpenRange = Callable[[int, int], Iterator[Frame]]
"""Frames [start, stop) in order, by their index in the range that is reversed."""


class ReversedSource:
    """A video played backwards, for those who want frames with rising index and time.

    Frame i of n is frame n - 1 - i of the video. Its time is mirrored in the middle of the video:
    first time + last time - its own. So the reversed video begins and ends when the video does,
    and mirroring again gives the video's own index and time: `original_index`, `original_time`.

    The video is read in pieces from the last to the first, each as long as the memory allows and,
    where that is possible, from a key frame on. Frames before the first key frame of a piece are
    decoded for nothing: with key frames far apart and frames so large that few fit the memory, that
    is the cost. At 720p with 250 frames between key frames, reading backwards costs 1.3 to 2.3
    times reading forwards (benchmarks/reversed_source.py).
    """

    def __init__(
        self,
        open_range: OpenRange,
        index: FrameIndex,
        info: VideoInfo,
        *,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        """Read nothing yet.

        Args:
            open_range: Reads a piece.
            index: Of the frames that open_range knows.
            info: Of the video forwards.
            memory_bytes: Most that the pictures of a piece take; one frame is always read.

        Raises:
            VideoError: If there is no frame.
        """
        if not index.times:
            raise VideoError(f"{info.path}: there is no frame to read backwards")
        self._open_range = open_range
        self._index = index
        self._count = len(index.times)
        self._length = max(memory_bytes // (3 * info.height * info.width), 1)
        # The deinterlacer looks at both neighbours: a piece is read with one more at either end.
        self._margin = int(info.is_interlaced)
        self._is_read, self._is_open = False, True
        span = index.times[-1] - index.times[0]
        self._info = replace(
            info,
            frame_count=self._count,
            start_time=index.times[0],
            duration=span + 1 / info.frame_rate,
            has_audio=False,
        )

    @property
    def info(self) -> VideoInfo:
        """As forwards, with the exact frame count and without sound."""
        return self._info

    @property
    def problems(self) -> list[str]:
        """Always empty: what reading forwards said of the video holds."""
        return []

    def original_index(self, index: int) -> int:
        """Index in the video of the frame with an index here, and the other way round."""
        return self._count - 1 - index

    def original_time(self, time: Fraction) -> Fraction:
        """Time in the video of the frame with a time here, and the other way round."""
        return self._index.times[0] + self._index.times[-1] - time

    def __iter__(self) -> Iterator[Frame]:
        """The frames from the last to the first, index and time rising. May be called once.

        Raises:
            VideoError: If it is called again, or a frame cannot be read.
        """
        if self._is_read:
            raise VideoError(f"{self._info.path}: was already read; open it again")
        self._is_read = True
        return self._deliver()

    def _deliver(self) -> Iterator[Frame]:
        stop = self._count
        while stop and self._is_open:
            start = self._piece_start(stop)
            piece = self._piece(start, stop)
            # Popped, so that a frame's memory is free as soon as the consumer lets it go.
            while piece and self._is_open:
                frame = piece.pop()
                index, time = self.original_index(frame.index), self.original_time(frame.time)
                yield Frame(index, time, frame.image, frame.is_corrupt)
                del frame
            stop = start

    def _piece_start(self, stop: int) -> int:
        start = max(stop - self._length, 0)
        if not start:
            return 0
        return next((key for key in self._index.key_frames if start <= key < stop), start)

    def _piece(self, start: int, stop: int) -> list[Frame]:
        low, high = max(start - self._margin, 0), min(stop + self._margin, self._count)
        piece = []
        frames = self._open_range(low, high)
        for index, frame in enumerate(frames, low):
            if not self._is_open:
                return []
            if start <= index < stop:
                image = _fitted(frame.image, self._info.size)
                piece.append(Frame(index, self._index.times[index], image, frame.is_corrupt))
        if len(piece) != stop - start:
            raise VideoError(
                f"{self._info.path}: expected frames {start} to {stop - 1}, "
                f"got {len(piece)} of them; the video was changed"
            )
        return piece

    def close(self) -> None:
        """End the iteration. May be called again."""
        self._is_read, self._is_open = True, False


def open_reversed(
    path: str | Path,
    *,
    config: ReadConfig = _DEFAULTS,
    index: FrameIndex | None = None,
    memory_bytes: int = MEMORY_BYTES,
    start: Fraction | None = None,
    end: Fraction | None = None,
    start_frame: int | None = None,
    end_frame: int | None = None,
    frame_rate: Fraction = DEFAULT_RATE,
) -> ReversedSource:
    """The frames that open_source gives for the same range, from the last to the first.

    Args:
        path: A video file, a folder of pictures or a pattern.
        config: Size of the frames; nothing is read ahead.
        index: Of the frames of the range, where they were read before: exact whatever is wrong
            with the video. Else frame_index makes it.
        memory_bytes: As ReversedSource.
        start: As open_source.
        end: As open_source.
        start_frame: As open_source.
        end_frame: As open_source.
        frame_rate: As open_source.

    Raises:
        VideoError: If it cannot be read, nothing of it is in the range, or it is standard input.
        ConfigError: If the range is empty in itself.
    """
    text, config = str(path), replace(config, prefetch_frames=0)
    if text == STDIN:
        raise VideoError("-: standard input cannot be read backwards; write it to a file first")
    if is_pictures(text):
        pictures = ImageFolderSource(
            text,
            frame_rate=frame_rate,
            start=start,
            end=end,
            start_frame=start_frame,
            end_frame=end_frame,
            max_side=config.max_side,
        )
        return _reversed_pictures(pictures)
    limits = FrameRange(start=start, end=end, start_frame=start_frame, end_frame=end_frame)
    with closing(
        open_source(
            text,
            config=config,
            start=start,
            end=end,
            start_frame=start_frame,
            end_frame=end_frame,
        )
    ) as source:
        info = source.info
    if index is None:
        index = frame_index(text, limits)
    access = FrameAccess(
        text,
        index.times,
        config=config,
        start=start,
        end=end,
        start_frame=start_frame,
        end_frame=end_frame,
    )
    return ReversedSource(access.frames, index, info, memory_bytes=memory_bytes)


def _reversed_pictures(pictures: ImageFolderSource) -> ReversedSource:
    """Pictures need no pieces: each is read when its turn comes."""
    info = pictures.info
    times = [info.start_time + number / info.frame_rate for number in range(info.frame_count or 0)]

    def one_by_one(start: int, stop: int) -> Iterator[Frame]:
        return (pictures.frame(number) for number in range(start, stop))

    return ReversedSource(one_by_one, FrameIndex(times), info, memory_bytes=0)


def _fitted(image: Image, size: tuple[int, int]) -> Image:
    """A picture of a size; a video whose size changes is scaled to the first, as forwards."""
    height, width = size
    if image.shape[:2] == size:
        return image
    shrinks = height < image.shape[0] or width < image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)

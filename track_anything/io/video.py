"""Frames of a video file or of standard input."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av

from track_anything.errors import VideoError
from track_anything.io.container import PIPE_REMEDY, STDIN, claimed_end, color_tags
from track_anything.io.decoding import DecodedStream, TimedFrame
from track_anything.io.deinterlace import Deinterlacer
from track_anything.io.frame_range import FrameRange
from track_anything.io.pictures import PictureConverter, upright_size
from track_anything.structures import Frame, VideoInfo

_WHOLE = FrameRange()


def video_info(
    decoded: DecodedStream,
    first: TimedFrame,
    *,
    chosen: FrameRange = _WHOLE,
    size: tuple[int, int] | None = None,
) -> VideoInfo:
    """What is known of a stream once its first frame is decoded.

    Args:
        decoded: The stream.
        first: Its first frame in the range.
        chosen: The range.
        size: (height, width) of the frames delivered; None is the source's.
    """
    container, stream = decoded.container, decoded.stream
    end, _ = claimed_end(container, stream)
    duration, frame_count = chosen.expected(first.time, end, stream.frames or None, decoded.rate)
    source_height, source_width = upright_size(first.picture)
    height, width = size or (source_height, source_width)
    return VideoInfo(
        width=width,
        height=height,
        frame_rate=decoded.rate,
        frame_count=frame_count,
        time_base=decoded.time_base,
        duration=duration,
        start_time=first.time,
        source_width=source_width,
        source_height=source_height,
        path=decoded.path,
        codec=stream.codec_context.name,
        pixel_format=stream.codec_context.pix_fmt or first.picture.format.name,
        rotation=round(first.picture.rotation / 90) * 90,
        is_interlaced=decoded.is_interlaced,
        has_audio=bool(container.streams.audio),
        color=color_tags(first.picture),
    )


class VideoSource:
    """Frames of anything FFmpeg opens, with the times of the source.

    Rotation is applied, interlaced frames are made whole, every pixel format becomes 8-bit RGB by
    the stream's own colour matrix and range, alpha is ignored. A frame size that changes is scaled
    to the first. The first frame is decoded on opening, so that info is complete.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        start: Fraction | None = None,
        end: Fraction | None = None,
        start_frame: int | None = None,
        end_frame: int | None = None,
        max_side: int = 0,
    ) -> None:
        """Open a video and find the first frame of the range.

        Args:
            path: A file, or "-" for standard input.
            start: First time delivered, in seconds of the source's own clock.
            end: First time left out.
            start_frame: Frames to skip, counted by decoding; instead of start.
            end_frame: First frame left out; instead of end.
            max_side: Longest side of the frames delivered; 0 keeps the source's size.

        Raises:
            VideoError: If there is no video, or nothing of it in the range.
            ConfigError: If the range is empty in itself.
        """
        self._range = FrameRange(start=start, end=end, start_frame=start_frame, end_frame=end_frame)
        self._is_read = False
        self._decoded = DecodedStream(str(path))
        try:
            self._open(max_side)
        except BaseException:
            self.close()
            raise

    def _open(self, max_side: int) -> None:
        decoded, start = self._decoded, self._range.start
        self._frames = self._selected(
            decoded.frames() if start is None else decoded.frames_around(start)
        )
        first = next(self._frames, None)
        if first is None:
            if decoded.last_time is None:
                hint = f"; {PIPE_REMEDY}" if decoded.path == STDIN else ""
                raise VideoError(f"{decoded.path}: not one frame can be decoded{hint}")
            why = self._range.why_empty(decoded.decoded_count, decoded.last_time)
            raise VideoError(f"{decoded.path}: {why}")
        self._first = first
        self._converter = PictureConverter(decoded.path, first.picture, max_side)
        self._info = video_info(decoded, first, chosen=self._range, size=self._converter.size)

    def _selected(self, frames: Iterator[TimedFrame]) -> Iterator[TimedFrame]:
        """The frames in the range, made whole where interlaced."""
        rate = self._decoded.rate
        deinterlacer = Deinterlacer()
        for number, frame in enumerate(frames):
            if self._range.is_past(number, frame.time, rate):
                break
            if not self._range.is_before(number, frame.time, rate):
                yield from deinterlacer.push(frame)
        yield from deinterlacer.flush()

    @property
    def info(self) -> VideoInfo:
        """What is known before decoding."""
        return self._info

    @property
    def problems(self) -> list[str]:
        """What makes the frames incomplete (cut off, undecodable), one line each.

        Complete once the iteration has ended.
        """
        return list(self._decoded.problems)

    def __iter__(self) -> Iterator[Frame]:
        """The frames of the range. May be called once.

        Raises:
            VideoError: If it is called again, or reading fails for good.
        """
        if self._is_read:
            raise VideoError(f"{self._info.path}: was already read; open it again")
        self._is_read = True
        return self._deliver()

    def _deliver(self) -> Iterator[Frame]:
        for index, frame in enumerate(chain([self._first], self._frames)):
            try:
                image = self._converter.convert(frame.picture)
            except av.FFmpegError as error:
                raise VideoError(
                    f"{self._info.path}: cannot convert frame {index} from "
                    f"{frame.picture.format.name} ({error.strerror})"
                ) from error
            yield Frame(index, frame.time, image, frame.is_corrupt)

    def close(self) -> None:
        """Let go of the file. May be called again."""
        self._is_read = True
        self._decoded.close()

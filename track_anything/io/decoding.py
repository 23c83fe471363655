"""Decoded frames of one video stream, with rising times and a record of what went wrong."""

import logging
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

import av
from av.video.frame import VideoFrame

from track_anything.errors import VideoError
from track_anything.io.container import (
    STDIN,
    claimed_end,
    frame_rate,
    open_container,
    time_base,
    video_stream,
)
from track_anything.io.timestamps import RisingTimes

_log = logging.getLogger(__name__)

_FALLBACK_RATE = Fraction(25)
# How much earlier to look for a key frame if the one found lies behind the start.
_SEEK_BACK_SECONDS = (0, 2, 10)
# A stream that ends this much before its claimed end was cut off; less is rounding.
_TRUNCATED_SECONDS = Fraction(1, 2)


class TimedFrame(NamedTuple):
    """A decoded frame; its time and damage as they were before any filter."""

    picture: VideoFrame
    time: Fraction
    is_corrupt: bool


class DecodedStream:
    """The main video stream of a file or of standard input, decoded.

    Attributes:
        path: As given; "-" is standard input.
        container: What FFmpeg opened.
        stream: The video stream.
        time_base: Its unit of time in seconds.
        rate: Its average frame rate; 25 if it has none.
        times: Its clock, with what was wrong with the time stamps.
        decoded_count: Frames decoded so far.
        corrupt_count: Those of them that are damaged.
        last_time: Of the latest frame decoded; None before the first.
        is_interlaced: Whether one of the frames so far was.
        problems: What is missing, one line each; complete when the frames have ended.
    """

    def __init__(self, path: str) -> None:
        """Open the stream.

        Raises:
            VideoError: If there is no video that can be decoded.
        """
        self.path = path
        self._open()

    def _open(self) -> None:
        self.container = open_container(self.path)
        try:
            self.stream = video_stream(self.container, self.path)
        except VideoError:
            self.container.close()
            raise
        self.stream.thread_type = "AUTO"
        self.time_base = time_base(self.stream)
        self.rate = frame_rate(self.stream) or _FALLBACK_RATE
        self._is_open = True
        self._restart()

    def _restart(self) -> None:
        self.problems: list[str] = []
        self.times = RisingTimes(self.path, self.time_base, self.rate)
        self.decoded_count = 0
        self.corrupt_count = 0
        self.is_interlaced = False
        self.last_time: Fraction | None = None
        self._undecodable_count = 0
        self._last_dts: int | None = None

    def frames(self) -> Iterator[TimedFrame]:
        """Every frame in presentation order.

        Raises:
            VideoError: If reading fails for another reason than the data.
        """
        for picture in self._pictures():
            self.last_time = self.times.next(picture.pts)
            self.decoded_count += 1
            self.is_interlaced |= picture.interlaced_frame
            if picture.is_corrupt:
                if not self.corrupt_count:
                    _log.warning("%s: damaged picture at %.3f s", self.path, float(self.last_time))
                self.corrupt_count += 1
            yield TimedFrame(picture, self.last_time, picture.is_corrupt)
        if self._is_open:
            self._check_complete()

    def frames_around(self, start: Fraction) -> Iterator[TimedFrame]:
        """Frames from a key frame at or before a time on; from the first where seeking fails."""
        if self.path == STDIN:
            return self.frames()
        for seconds in _SEEK_BACK_SECONDS:
            if start <= seconds:
                break
            try:
                self.container.seek(int((start - seconds) / self.time_base), stream=self.stream)
            except av.FFmpegError:
                break
            self._restart()
            frames = self.frames()
            first = next(frames, None)
            # Without time stamps of its own nobody knows where a stream is after a seek.
            if first is None or first.picture.pts is None:
                break
            # Indexes are in decoding order and may point behind a start just before a key frame.
            if first.time <= start:
                return chain([first], frames)
        self.close()
        self._open()
        return self.frames()

    def _pictures(self) -> Iterator[VideoFrame]:
        packets = self.container.demux(self.stream)
        # Asking a closed container for a packet would crash the process.
        while self._is_open:
            try:
                packet = next(packets, None)
            except av.InvalidDataError as error:
                self._add_problem(f"cannot be read further ({error.strerror})")
                return
            except av.FFmpegError as error:
                raise VideoError(
                    f"{self.path}: reading failed after {self.decoded_count} frames "
                    f"({error.strerror})"
                ) from error
            if packet is None:
                return
            if packet.dts is not None:
                self._last_dts = max(packet.dts, self._last_dts or packet.dts)
            try:
                pictures = packet.decode()
            except av.FFmpegError as error:
                if not self._undecodable_count:
                    _log.warning(
                        "%s: data that cannot be decoded (%s) is skipped", self.path, error.strerror
                    )
                self._undecodable_count += 1
                continue
            yield from pictures

    def _check_complete(self) -> None:
        """Compare what came with what the container claims; FFmpeg reports no missing end."""
        if self._undecodable_count:
            self._add_problem(f"{self._undecodable_count} packets could not be decoded")
        if self.last_time is None:
            return
        missing = self._missing_packets()
        if missing:
            self._add_problem(
                f"cut off at {float(self.last_time):.3f} s: {missing} frames of its index are "
                "missing"
            )
        if missing is not None:
            return
        end, is_sure = claimed_end(self.container, self.stream)
        tolerance = max(_TRUNCATED_SECONDS, 2 / self.rate)
        if end is not None and is_sure and self.last_time + 1 / self.rate < end - tolerance:
            self._add_problem(f"cut off at {float(self.last_time):.3f} s of {float(end):.3f} s")

    def _missing_packets(self) -> int | None:
        """How many packets at the end of an mp4's index never came; None without an index.

        The index is the demuxer's, after edit lists, so it is exact where the header's count is
        not, and by time stamp, so that it holds after a seek.
        """
        entries = self.stream.index_entries
        if "mov" not in self.container.format.name.split(",") or self._last_dts is None:
            return None
        if not len(entries):
            return None
        missing = 0
        while missing < len(entries):
            if entries[len(entries) - 1 - missing].timestamp <= self._last_dts:
                break
            missing += 1
        return missing

    def _add_problem(self, text: str) -> None:
        self.problems.append(f"{self.path}: {text}")
        _log.warning("%s: %s", self.path, text)

    def close(self) -> None:
        """Let go of the file. May be called again."""
        self._is_open = False
        self.container.close()

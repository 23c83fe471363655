"""Opening a video file or standard input, and what its container says."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from track_anything.errors import VideoError
from track_anything.structures import ColorTags

STDIN = "-"
PIPE_REMEDY = (
    "an mp4 needs its index in front (ffmpeg -movflags faststart), or give the file by name"
)
UNSPECIFIED = 2
"""Of colour matrix, primaries and transfer in ITU-T H.273; of the range it is 0."""

# These demuxers take any bytes for a terminal recording and "decode" them into pictures of text.
_TEXT_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf"})


class _Pipe:
    """Standard input as FFmpeg wants it: what is there now, without waiting for a full buffer."""

    def __init__(self) -> None:
        file: Any = sys.stdin.buffer
        self.read = file.read1
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable


def fraction(value: Any) -> Fraction | None:
    """A rate or time base of PyAV as a Fraction; None if it is unknown or zero.

    PyAV 18 gives Fractions, 19 its own rational type.
    """
    if value is None:
        return None
    return Fraction(value) or None


def open_container(path: str) -> InputContainer:
    """The container of a file, or of standard input for "-".

    Raises:
        VideoError: If it is missing, a folder, empty, or nothing FFmpeg can read.
    """
    name = "standard input" if path == STDIN else path
    if path == STDIN:
        if sys.stdin.isatty():
            raise VideoError("-: standard input is a terminal; pipe a video into it")
    else:
        _check_file(path)
    try:
        # "file:" keeps a name such as "a:b.mp4" from being taken for a network protocol.
        container = av.open(_Pipe() if path == STDIN else f"file:{path}", "r")
    except av.FFmpegError as error:
        raise VideoError(f"{name}: {_unreadable(path, error)}") from error
    if container.format.name in _TEXT_FORMATS:
        container.close()
        raise VideoError(f"{name}: expected a video, got a text file")
    return container


def _check_file(path: str) -> None:
    file = Path(path)
    if not file.exists():
        raise VideoError(f"{path}: no such file")
    if file.is_dir():
        raise VideoError(f"{path}: expected a video, got a folder")
    if file.is_file() and not file.stat().st_size:
        raise VideoError(f"{path}: expected a video, got an empty file")


def _unreadable(path: str, error: av.FFmpegError) -> str:
    reason = error.strerror or "unknown reason"
    if not isinstance(error, av.InvalidDataError):
        return f"cannot be opened ({reason})"
    if path == STDIN:
        return f"not a video that FFmpeg can read from a pipe; {PIPE_REMEDY}"
    with open(path, "rb") as file:
        is_mp4 = file.read(12)[4:8] == b"ftyp"
    if is_mp4:
        return "the mp4 has no index (moov): it was cut off or its recording never finished"
    return f"not a video that FFmpeg can read ({reason})"


def video_stream(container: InputContainer, path: str) -> VideoStream:
    """The main video stream, with every other stream switched off.

    Raises:
        VideoError: If there is no video, or no decoder for it.
    """
    # A cover picture of a music file is a video stream of one frame.
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        what = "only audio" if container.streams.audio else "no video stream"
        raise VideoError(f"{path}: expected a video, got {what}")
    best = container.streams.best("video")
    stream = next((s for s in streams if s is best), streams[0])
    if stream.codec_context is None:
        raise VideoError(f"{path}: its video codec is not one FFmpeg can decode")
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    return stream


def frame_rate(stream: VideoStream) -> Fraction | None:
    """The average rate of a stream; None if it says nothing credible."""
    for value in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        rate = fraction(value)
        # A stream without rate shows the inverse of its time base here.
        if rate is not None and 0 < rate <= 1000:
            return rate
    return None


def time_base(stream: VideoStream) -> Fraction:
    """The unit of a stream's time stamps, in seconds."""
    return fraction(stream.time_base) or Fraction(1, 90000)


def claimed_end(container: InputContainer, stream: VideoStream) -> tuple[Fraction | None, bool]:
    """When the stream ends as the container says, and whether that can be relied upon.

    Reliable: written by the muxer and about the video alone. Otherwise it is estimated from the
    size of the file, or about all streams together.
    """
    formats = container.format.name.split(",")
    is_written = bool({"mov", "matroska", "avi"} & set(formats))
    start = (stream.start_time or 0) * time_base(stream)
    if stream.duration:
        return start + stream.duration * time_base(stream), is_written
    tag = _tag_seconds(stream.metadata.get("DURATION", ""))
    if tag is not None:
        return tag, is_written
    if container.duration:
        begin = Fraction(container.start_time or 0, av.time_base)
        is_alone = is_written and len(container.streams) == 1
        return begin + Fraction(container.duration, av.time_base), is_alone
    return None, False


def _tag_seconds(text: str) -> Fraction | None:
    """Seconds of the Matroska tag "00:01:02.500000000"."""
    try:
        hours, minutes, seconds = text.strip("\0 ").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None


def color_tags(frame: VideoFrame) -> ColorTags:
    """Colour tags of a decoded frame."""

    def said(value: int, unspecified: int = UNSPECIFIED) -> int | None:
        return None if int(value) == unspecified else int(value)

    return ColorTags(
        range=said(frame.color_range, 0),
        space=said(frame.colorspace),
        primaries=said(frame.color_primaries),
        transfer=said(frame.color_trc),
    )

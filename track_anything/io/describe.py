"""What there is to know of a video, for people and for JSON."""

from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.container import InputContainer

from track_anything.errors import VideoError
from track_anything.io.container import fraction
from track_anything.io.decoding import DecodedStream, TimedFrame
from track_anything.io.images import ImageFolderSource
from track_anything.io.sources import is_pictures
from track_anything.io.video import video_info
from track_anything.structures import VideoInfo

# Perceptual quantiser and hybrid log-gamma.
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
# Milliseconds of Matroska make 33, 33, 34 of 30 frames/s; that is still a constant rate.
_ROUNDING_SECONDS = Fraction(1, 1000)


def describe(path: str | Path, *, count_frames: bool) -> dict[str, object]:
    """Everything about a video or pictures that can go into JSON; seconds are floats.

    Args:
        path: As for open_source.
        count_frames: Decode all frames: exact count, rate and faults; "frames" is None without.

    Raises:
        VideoError: If it cannot be read.
    """
    text = str(path)
    if is_pictures(text):
        with closing(ImageFolderSource(text)) as pictures:
            return _common(pictures.info) | {"container": "pictures", "warnings": []}
    with closing(DecodedStream(text)) as decoded:
        frames = decoded.frames()
        first = next(frames, None)
        if first is None:
            raise VideoError(f"{text}: not one frame can be decoded")
        counted = _count(decoded, first, frames) if count_frames else None
        info = video_info(decoded, first)
        return _common(info) | {
            "container": decoded.container.format.name,
            "streams": [
                {"type": s.type, "codec": _codec_name(s)} for s in decoded.container.streams
            ],
            "audio": _audio(decoded.container),
            "bit_depth": max(c.bits for c in first.picture.format.components),
            "pixel_aspect": _text(fraction(decoded.stream.sample_aspect_ratio) or Fraction(1)),
            "frames": counted,
            "warnings": [*_warnings(info, counted), *decoded.problems],
        }


def _common(info: VideoInfo) -> dict[str, object]:
    return {
        "path": info.path,
        "width": info.width,
        "height": info.height,
        "frame_rate": _text(info.frame_rate),
        "frames_per_second": round(float(info.frame_rate), 3),
        "claimed_frame_count": info.frame_count,
        "duration": None if info.duration is None else float(info.duration),
        "start_time": float(info.start_time),
        "time_base": _text(info.time_base),
        "codec": info.codec,
        "pixel_format": info.pixel_format,
        "rotation": info.rotation,
        "is_interlaced": info.is_interlaced,
        "color": {
            "range": info.color.range,
            "space": info.color.space,
            "primaries": info.color.primaries,
            "transfer": info.color.transfer,
        },
    }


def _text(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _codec_name(stream: Any) -> str | None:
    context = stream.codec_context
    return None if context is None else str(context.codec.canonical_name)


def _audio(container: InputContainer) -> list[dict[str, object]]:
    return [
        {
            "codec": _codec_name(stream),
            "sample_rate": stream.codec_context.sample_rate,
            "channels": stream.codec_context.channels,
            "language": stream.metadata.get("language"),
        }
        for stream in container.streams.audio
        if stream.codec_context is not None
    ]


def _count(
    decoded: DecodedStream, first: TimedFrame, rest: Iterator[TimedFrame]
) -> dict[str, object]:
    last = first.time
    shortest: Fraction | None = None
    longest = Fraction(0)
    sizes = {(first.picture.width, first.picture.height)}
    for frame in rest:
        step = frame.time - last
        shortest = step if shortest is None else min(shortest, step)
        longest = max(longest, step)
        last = frame.time
        sizes.add((frame.picture.width, frame.picture.height))
    is_constant = shortest is None or longest - shortest <= max(
        _ROUNDING_SECONDS, decoded.time_base
    )
    times = decoded.times
    return {
        "count": decoded.decoded_count,
        "is_constant_rate": is_constant,
        "shortest_step": None if shortest is None else float(shortest),
        "longest_step": float(longest) or None,
        "last_time": float(last),
        "size_count": len(sizes),
        "damaged_count": decoded.corrupt_count,
        "missing_time_stamps": times.missing_count,
        "repeated_time_stamps": times.repeated_count,
        "clock_restarts": times.jump_count,
    }


def _warnings(info: VideoInfo, counted: dict[str, object] | None) -> list[str]:
    warnings = []
    if info.color.transfer in _HDR_TRANSFERS:
        name = _HDR_TRANSFERS[info.color.transfer]
        warnings.append(f"high dynamic range ({name}) is read without tone mapping: it looks flat")
    if info.is_interlaced:
        warnings.append("interlaced: frames are made whole on reading")
    if info.width % 2 or info.height % 2:
        warnings.append("odd size: annotated video is padded by one row or column")
    if counted is None:
        return warnings
    if not counted["is_constant_rate"]:
        warnings.append("variable frame rate: a frame number is not a time; time stamps are kept")
    if counted["size_count"] != 1:
        warnings.append("the frame size changes: later frames are scaled to the first")
    for key, what in (
        ("damaged_count", "frames are damaged"),
        ("missing_time_stamps", "frames have no time stamp: derived from the frame rate"),
        ("repeated_time_stamps", "time stamps do not rise: moved by the least possible"),
        ("clock_restarts", "times the clock starts anew: recordings were joined"),
    ):
        if counted[key]:
            warnings.append(f"{counted[key]} {what}")
    return warnings

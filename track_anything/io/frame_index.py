"""Times and key frames of a video without its pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from track_anything.io.container import frame_rate, open_container, time_base, video_stream
from track_anything.io.decoding import DecodedStream
from track_anything.io.frame_range import FrameRange

_WHOLE = FrameRange()
# Here a packet is a frame and has a time of its own; elsewhere it may be half a frame or nameless.
_INDEXED_FORMATS = frozenset({"mov", "matroska"})


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """What must be known of a video to read it backwards.

    Attributes:
        times: Of every frame, rising.
        key_frames: Indexes at which decoding can begin, ascending; pieces that begin there are
            read without decoding what comes before. May be empty.
    """

    times: Sequence[Fraction]
    key_frames: Sequence[int] = ()


def frame_index(path: str | Path, limits: FrameRange = _WHOLE) -> FrameIndex:
    """Times and key frames of a video file, those that VideoSource gives for the same range.

    Read from the packets where they tell it, at a twentieth of the cost of decoding; else every
    frame is decoded. Packets that turn out not to be decodable make reading by the index fail.

    Raises:
        VideoError: If it cannot be read.
    """
    times_and_keys = _of_packets(str(path))
    # With a start in seconds, frames are counted from where seeking leads.
    if times_and_keys is None or (limits.start is not None and limits.end_frame is not None):
        return _by_decoding(str(path), limits)
    rate, rows = times_and_keys
    chosen = [
        (time, is_key)
        for number, (time, is_key) in enumerate(rows)
        if not limits.is_before(number, time, rate) and not limits.is_past(number, time, rate)
    ]
    return _indexed(chosen)


def _of_packets(path: str) -> tuple[Fraction, list[tuple[Fraction, bool]]] | None:
    """Frame rate, and (time, is key frame) by rising time; None where packets do not tell it."""
    with open_container(path) as container:
        stream = video_stream(container, path)
        rate, unit = frame_rate(stream), time_base(stream)
        if rate is None or not _INDEXED_FORMATS & set(container.format.name.split(",")):
            return None
        ticks: list[tuple[int, bool]] = []
        for packet in container.demux(stream):
            if not packet.size:
                continue
            # Edit lists hide frames; frames before the first key frame are not decoded.
            if packet.pts is None or packet.is_discard or packet.is_corrupt:
                return None
            if packet.pts < (ticks[0][0] if ticks else packet.pts) or not (
                ticks or packet.is_keyframe
            ):
                return None
            ticks.append((packet.pts, packet.is_keyframe))
    ticks.sort()
    if any(earlier[0] == later[0] for earlier, later in pairwise(ticks)):
        return None
    return rate, [(pts * unit, is_key) for pts, is_key in ticks]


def _by_decoding(path: str, limits: FrameRange) -> FrameIndex:
    decoded = DecodedStream(path)
    rows = []
    try:
        start = limits.start
        frames = decoded.frames() if start is None else decoded.frames_around(start)
        for number, frame in enumerate(frames):
            if limits.is_past(number, frame.time, decoded.rate):
                break
            if not limits.is_before(number, frame.time, decoded.rate):
                rows.append((frame.time, frame.picture.key_frame))
    finally:
        decoded.close()
    return _indexed(rows)


def _indexed(rows: Sequence[tuple[Fraction, bool]]) -> FrameIndex:
    return FrameIndex(
        [time for time, _ in rows], [index for index, (_, is_key) in enumerate(rows) if is_key]
    )

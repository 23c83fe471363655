"""Rows of a run store from results, and back."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import Any

import numpy as np

from track_anything.rle import compress_counts, counts_mask, decompress_counts, mask_counts
from track_anything.structures import (
    ColorTags,
    Event,
    EventKind,
    FrameResult,
    ObjectMask,
    Origin,
    State,
    VideoInfo,
)

MASK_COLUMNS = (
    "frame",
    "track_id",
    "rle",
    "area",
    "x_min",
    "y_min",
    "x_max",
    "y_max",
    "confidence",
    "state",
    "origin",
    "label",
)
EVENT_COLUMNS = ("frame", "position", "kind", "track_id", "detail")

Row = tuple[Any, ...]

# Level 6 halves the text at a twentieth of a millisecond a mask; more gains nothing.
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The tracker between two frames.

    Attributes:
        next_result: The first frame whose result had not come.
        next_frame: The first frame that had not been fed; results from next_result on were held
            back.
        state: What the tracker's save returned.
    """

    next_result: int
    next_frame: int
    state: bytes


def frame_row(result: FrameResult) -> Row:
    """A row of frames."""
    time = Fraction(result.frame.time)
    return result.frame.index, time.numerator, time.denominator, int(result.frame.is_corrupt)


def mask_row(frame: int, one: ObjectMask) -> Row:
    """A row of masks, in the order of MASK_COLUMNS."""
    counts = mask_counts(one.mask)
    return (
        frame,
        one.track_id,
        zlib.compress(compress_counts(counts), _LEVEL),
        int(counts[1::2].sum()),
        *(float(side) for side in one.box),
        float(one.confidence),
        one.state.value,
        one.origin.value,
        one.label,
    )


def event_rows(frame: int, events: Sequence[Event]) -> list[Row]:
    """Rows of events, in the order of EVENT_COLUMNS."""
    return [
        (frame, position, event.kind.value, event.track_id, event.detail)
        for position, event in enumerate(events)
    ]


def object_of(row: Row, size: tuple[int, int]) -> ObjectMask:
    """What a row of masks stands for, on frames of (height, width).

    Raises:
        DatasetError: If its run lengths are none.
    """
    _, track_id, rle, _, x_min, y_min, x_max, y_max, confidence, state, origin, label = row
    return ObjectMask(
        track_id=track_id,
        mask=counts_mask(decompress_counts(zlib.decompress(rle)), size),
        box=np.array([x_min, y_min, x_max, y_max], np.float32),
        confidence=confidence,
        state=State(state),
        origin=Origin(origin),
        label=label,
    )


def event_of(row: Row) -> Event:
    """What a row of events stands for."""
    _, _, kind, track_id, detail = row
    return Event(EventKind(kind), track_id, detail)


def info_text(info: VideoInfo) -> str:
    """A VideoInfo as JSON; fractions are "num/den"."""
    return json.dumps(asdict(info), default=str, ensure_ascii=False)


def info_of(text: str) -> VideoInfo:
    """What info_text was given.

    Raises:
        ValueError: If the text is no such JSON.
    """
    said: Mapping[str, Any] = json.loads(text)
    exact = {"frame_rate", "time_base", "duration", "start_time"}
    known = {field.name for field in fields(VideoInfo)}
    values: dict[str, Any] = {
        name: Fraction(value) if name in exact and value is not None else value
        for name, value in said.items()
        if name in known
    }
    values["color"] = ColorTags(**said["color"])
    return VideoInfo(**values)

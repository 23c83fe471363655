"""Tracks as a table: one row an object and frame, as CSV and as JSON lines, and back."""

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from track_anything.errors import DatasetError, OutputError
from track_anything.masks import mask_box, mask_centroid
from track_anything.structures import Event, EventKind, FrameResult, Mask, ObjectMask, Origin, State

COLUMNS = (
    "frame",
    "time",
    "id",
    "name",
    "x_min",
    "y_min",
    "x_max",
    "y_max",
    "area",
    "centroid_x",
    "centroid_y",
    "confidence",
    "state",
    "origin",
)
_EXACT_TIME = "time_exact"


@dataclass(frozen=True, slots=True)
class TrackRow:
    """One object on one frame, as in the tables.

    Attributes:
        frame: Index.
        time: Seconds; from CSV rounded to the microsecond.
        track_id: Standard form.
        name: The user's; "" if none was given.
        box: x_min, y_min, x_max, y_max, max exclusive; None while the object is not visible.
        area: Pixels.
        centroid: (x, y); None while the object is not visible.
        confidence: Standard form, 6 decimals.
        state: How the track stands.
        origin: Where the mask came from.
    """

    frame: int
    time: Fraction
    track_id: int
    name: str
    box: tuple[float, float, float, float] | None
    area: int
    centroid: tuple[float, float] | None
    confidence: float
    state: State
    origin: Origin


class TextSink:
    """Text written under NAME.partial.EXT a frame at a time, renamed on close; a base."""

    def __init__(self, path: Path) -> None:
        """Open the partial file.

        Args:
            path: The final name; a file of that name is replaced on close.

        Raises:
            OutputError: If the file cannot be opened.
        """
        self._path = path
        self._partial = path.with_name(f"{path.stem}.partial{path.suffix}")
        self._file: TextIO | None = None
        try:
            self._file = self._partial.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise OutputError(f"{self._partial}: cannot be opened ({error.strerror})") from error

    def close(self) -> None:
        """Give the file its final name.

        Raises:
            OutputError: If it cannot be completed.
        """
        if self._file is None:
            return
        self.abort()
        try:
            os.replace(self._partial, self._path)
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be renamed ({error.strerror})") from error

    def abort(self) -> None:
        """Keep what is written under its partial name."""
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            file.close()
        except OSError as error:
            raise OutputError(f"{self._partial}: cannot be written ({error.strerror})") from error

    def append(self, text: str) -> None:
        """Write whole lines through to the system, so that a killed process loses none."""
        if self._file is None:
            raise OutputError(f"{self._path}: is closed, nothing can be added")
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{self._partial}: cannot be written ({error.strerror})") from error


class CsvSink(TextSink):
    """tracks.csv: a header, then one row an object and frame.

    Box and centroid are empty and the area is 0 while an object is not visible.
    """

    def __init__(self, path: Path) -> None:
        """Open the partial file and write the header.

        Raises:
            OutputError: If the file cannot be opened.
        """
        super().__init__(path)
        self.append(",".join(COLUMNS) + "\n")

    def write(self, result: FrameResult) -> None:
        """Add the frame's rows.

        Raises:
            OutputError: If they cannot be written.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writerows(_object_record(result, one) for one in result.objects)
        self.append(text.getvalue())


class JsonLinesSink(TextSink):
    """tracks.jsonl: one JSON object a line, of "type" "object" or "event".

    Objects have the columns of the CSV with null for what is empty, events "frame", "time", "kind",
    "id" and "detail". Both carry "time_exact", the time as "num/den". The events of a frame come
    before its objects.
    """

    def write(self, result: FrameResult) -> None:
        """Add the frame's lines.

        Raises:
            OutputError: If they cannot be written.
        """
        records = [
            *({"type": "event", **_event_record(result, one)} for one in result.events),
            *({"type": "object", **_object_record(result, one)} for one in result.objects),
        ]
        self.append("".join(map(_json_line, records)))


def read_tracks_csv(path: Path) -> list[TrackRow]:
    """Rows of a CSV table in the order of the file.

    A last line without its end is what a killed run leaves, and is not read.

    Raises:
        DatasetError: If the file cannot be read or is no such table.
    """
    reader = csv.DictReader(io.StringIO(_whole_lines(path), newline=""))
    if reader.fieldnames is None or not set(COLUMNS) <= set(reader.fieldnames):
        raise DatasetError(f"{path}: expected a table with the columns {','.join(COLUMNS)}")
    rows = []
    for record in reader:
        try:
            values = {name: value if value != "" else None for name, value in record.items()}
            rows.append(_track_row(values, Fraction(record["time"])))
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{path}: line {reader.line_num} is no row ({error})") from error
    return rows


def read_tracks_jsonl(path: Path) -> list[TrackRow]:
    """Object rows of a JSON lines table in the order of the file; times are exact.

    A last line without its end is what a killed run leaves, and is not read.

    Raises:
        DatasetError: If the file cannot be read or is no such table.
    """
    rows = []
    for number, record in _json_records(path):
        if record.get("type") != "object":
            continue
        try:
            rows.append(_track_row(record, Fraction(record[_EXACT_TIME])))
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{path}: line {number} is no row ({error!r})") from error
    return rows


def read_events_jsonl(path: Path) -> list[tuple[int, Event]]:
    """(frame index, event) of a JSON lines table in the order of the file.

    Raises:
        DatasetError: If the file cannot be read or is no such table.
    """
    events = []
    for number, record in _json_records(path):
        if record.get("type") != "event":
            continue
        try:
            event = Event(EventKind(record["kind"]), int(record["id"]), str(record["detail"]))
            events.append((int(record["frame"]), event))
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{path}: line {number} is no event ({error!r})") from error
    return events


def decimal_seconds(time: Fraction) -> str:
    """Seconds with six decimals, rounded half to even.

    >>> decimal_seconds(Fraction(1001, 30000))
    '0.033367'
    """
    micros = round(time * 1_000_000)
    whole, rest = divmod(abs(micros), 1_000_000)
    return f"{'-' if micros < 0 else ''}{whole}.{rest:06d}"


def _object_record(result: FrameResult, one: ObjectMask) -> dict[str, Any]:
    return {
        **_time_record(result),
        "id": one.track_id,
        "name": one.label,
        **_shape_record(one.mask),
        "confidence": round(float(one.confidence), 6),
        "state": one.state.value,
        "origin": one.origin.value,
    }


def _shape_record(mask: Mask) -> dict[str, Any]:
    x_min, y_min, x_max, y_max = (int(side) for side in mask_box(mask))
    # Moments of a whole 720p frame take a millisecond, those of an object a tenth.
    part = np.ascontiguousarray(mask[y_min:y_max, x_min:x_max])
    centroid = mask_centroid(part) if part.size else None
    is_visible = centroid is not None
    return {
        "x_min": x_min if is_visible else None,
        "y_min": y_min if is_visible else None,
        "x_max": x_max if is_visible else None,
        "y_max": y_max if is_visible else None,
        "area": int(np.count_nonzero(part)),
        "centroid_x": round(x_min + centroid[0], 3) if centroid else None,
        "centroid_y": round(y_min + centroid[1], 3) if centroid else None,
    }


def _event_record(result: FrameResult, event: Event) -> dict[str, Any]:
    return {
        **_time_record(result),
        "kind": event.kind.value,
        "id": event.track_id,
        "detail": event.detail,
    }


def _time_record(result: FrameResult) -> dict[str, Any]:
    time = Fraction(result.frame.time)
    return {
        "frame": result.frame.index,
        "time": decimal_seconds(time),
        _EXACT_TIME: f"{time.numerator}/{time.denominator}",
    }


def _json_line(record: dict[str, Any]) -> str:
    numeric = {**record, "time": float(record["time"])}
    return json.dumps(numeric, ensure_ascii=False, allow_nan=False) + "\n"


def _track_row(record: Mapping[str, Any], time: Fraction) -> TrackRow:
    x_min, y_min, x_max, y_max = (record[name] for name in COLUMNS[4:8])
    x, y = record["centroid_x"], record["centroid_y"]
    is_visible = x is not None
    return TrackRow(
        frame=int(record["frame"]),
        time=time,
        track_id=int(record["id"]),
        name=record["name"] or "",
        box=(float(x_min), float(y_min), float(x_max), float(y_max)) if is_visible else None,
        area=int(record["area"]),
        centroid=(float(x), float(y)) if is_visible else None,
        confidence=float(record["confidence"]),
        state=State(record["state"]),
        origin=Origin(record["origin"]),
    )


def _json_records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    # Only "\n" ends a line: names may hold the other characters that splitlines takes for ends.
    for number, line in enumerate(_whole_lines(path).split("\n")[:-1], start=1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DatasetError(f"{path}: line {number} is not JSON ({error})") from error
        if not isinstance(record, dict):
            raise DatasetError(f"{path}: line {number} is no JSON object")
        yield number, record


def _whole_lines(path: Path) -> str:
    try:
        text = path.read_bytes()
        return text[: text.rfind(b"\n") + 1].decode("utf-8")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: is not UTF-8 text") from error

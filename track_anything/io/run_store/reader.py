"""A run read back: its frames in order, one at random, one object through time."""

import json
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from track_anything.errors import DatasetError
from track_anything.io.run_folder import MANIFEST_NAME
from track_anything.io.run_store.pictures import GivenPictures, black
from track_anything.io.run_store.rows import (
    EVENT_COLUMNS,
    MASK_COLUMNS,
    Row,
    Snapshot,
    event_of,
    info_of,
    object_of,
)
from track_anything.io.run_store.schema import open_to_read, reading, store_path
from track_anything.structures import (
    Event,
    Floats,
    Frame,
    FrameResult,
    ObjectMask,
    Origin,
    State,
    VideoInfo,
)

_MASKS = f"SELECT {', '.join(MASK_COLUMNS)} FROM masks"
_EVENTS = f"SELECT {', '.join(EVENT_COLUMNS)} FROM events"
_FRAMES = "SELECT frame, time_numerator, time_denominator, is_corrupt FROM frames"

# Frames fetched together: few enough to hold, many enough to share the cost of a query.
_CHUNK = 64


@dataclass(frozen=True, slots=True)
class StoredTrack:
    """One object of a run.

    Attributes:
        track_id: Standard form.
        label: The one it had last; "" if none was given.
        first_frame: Index of the first frame it is reported on.
        last_frame: Of the last.
        visible_frames: Frames on which its mask is not empty.
    """

    track_id: int
    label: str
    first_frame: int
    last_frame: int
    visible_frames: int


class RunStore:
    """A run of any end, as far as it was committed when it was opened. Read only.

    A context manager. May be used by one thread at a time; several may be open on one store.

    Attributes:
        path: Of the database.
        info: Of the frames tracked.
        frame_count: Frames in the store.
        is_complete: Whether the video came to its end.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Read what does not change; `open` is how a store is opened."""
        self.path = path
        self._connection = connection
        self._meta: dict[str, str] = dict(self._rows("SELECT key, value FROM meta"))
        try:
            self.info: VideoInfo = info_of(self._meta["info"])
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{path}: does not say what was tracked ({error!r})") from error
        ((count, last),) = self._rows("SELECT count(*), max(frame) FROM frames")
        self.frame_count: int = count
        self._end: int = 0 if last is None else last + 1
        self.is_complete = self._meta.get("is_complete") == "true"

    @classmethod
    def open(cls, path: str | Path) -> "RunStore":
        """The store of a run folder, or of its tracks.db.

        Raises:
            DatasetError: If there is none, or it is of another version.
        """
        database = store_path(path)
        connection = open_to_read(database)
        try:
            return cls(database, connection)
        except BaseException:
            connection.close()
            raise

    def __enter__(self) -> "RunStore":
        """The store itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the file. May be called again."""
        self._connection.close()

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """run.json of the run's folder; where that is gone, the copy kept in the store."""
        try:
            text = (self.path.parent / MANIFEST_NAME).read_text(encoding="utf-8")
        except OSError:
            text = self._meta.get("manifest", "{}")
        try:
            return dict(json.loads(text))
        except (TypeError, ValueError) as error:
            raise DatasetError(
                f"{self.path.parent / MANIFEST_NAME}: is no manifest ({error})"
            ) from error

    @cached_property
    def meta(self) -> Mapping[str, Any]:
        """Everything kept by key, from its JSON."""
        return {key: json.loads(value) for key, value in self._meta.items()}

    @property
    def tracks(self) -> Sequence[StoredTrack]:
        """All objects by ascending track_id."""
        rows = self._rows(
            "SELECT track_id, min(frame), max(frame), count(nullif(area, 0)) FROM masks "
            "WHERE frame < ? GROUP BY track_id ORDER BY track_id",
            (self._end,),
        )
        labels = {
            track_id: self._rows(
                "SELECT label FROM masks WHERE track_id = ? AND frame = ?", (track_id, last)
            )[0][0]
            for track_id, _, last, _ in rows
        }
        return [StoredTrack(i, labels[i], first, last, seen) for i, first, last, seen in rows]

    def results(
        self,
        *,
        start: int = 0,
        stop: int | None = None,
        stride: int = 1,
        track_ids: Collection[int] | None = None,
        images: Iterable[Frame] | None = None,
    ) -> Iterator[FrameResult]:
        """Results as the sinks of the run saw them, in frame order; a few are held at a time.

        Args:
            start: Index of the first frame.
            stop: Index of the first frame left out; None to the end.
            stride: Every how many frames, counted from start.
            track_ids: Only these objects and their events (those of track_id 0 always); None all.
            images: Frames in rising order whose indexes are those of the run, at least those asked
                for; others are passed over. None: every picture is black, read only and takes no
                memory.

        Raises:
            DatasetError: If the store cannot be read, or a frame asked for is not among the images
                or has another time there.
            ValueError: If start is negative or stride less than 1.
        """
        if start < 0 or stride < 1:
            raise ValueError(f"start is 0 or more and stride 1 or more, got {start} and {stride}")
        stop = self._end if stop is None else min(stop, self._end)
        pictures = None if images is None else GivenPictures(self.path, images)
        for first in range(start, stop, _CHUNK * stride):
            last = min(first + _CHUNK * stride, stop)
            for result in self._chunk(first, last, (start, stride), track_ids):
                if pictures is None:
                    yield result
                else:
                    yield FrameResult(pictures.of(result.frame), result.objects, result.events)

    def result(self, index: int) -> FrameResult:
        """The result of one frame, its picture black.

        Raises:
            DatasetError: If the store has no such frame.
        """
        found = self._chunk(index, index + 1, (index, 1), None) if 0 <= index < self._end else []
        if not found:
            raise DatasetError(
                f"{self.path}: has no frame {index}, its {self.frame_count} frames are 0 to "
                f"{self._end - 1}"
            )
        return found[0]

    def masks(self, track_id: int) -> Iterator[tuple[int, ObjectMask]]:
        """(frame index, object) of one track on every frame it is reported on."""
        first = 0
        while True:
            rows = self._rows(
                f"{_MASKS} WHERE track_id = ? AND frame >= ? AND frame < ? ORDER BY frame LIMIT ?",
                (track_id, first, self._end, _CHUNK),
            )
            if not rows:
                return
            yield from ((row[0], self._object(row)) for row in rows)
            first = rows[-1][0] + 1

    def boxes(self, start: int, stop: int) -> list[tuple[int, int, Floats]]:
        """(frame index, track_id, box) of every object that is visible on frames [start, stop)."""
        rows = self._rows(
            "SELECT frame, track_id, x_min, y_min, x_max, y_max FROM masks "
            "WHERE frame >= ? AND frame < ? AND area > 0 ORDER BY frame, track_id",
            (start, min(stop, self._end)),
        )
        return [(frame, track_id, np.array(box, np.float32)) for frame, track_id, *box in rows]

    def frames_of(self, track_id: int, origin: Origin) -> list[int]:
        """Indexes of the frames on which an object's mask is of that origin, ascending."""
        rows = self._rows(
            "SELECT frame FROM masks WHERE track_id = ? AND origin = ? AND frame < ? "
            "ORDER BY frame",
            (track_id, origin.value, self._end),
        )
        return [frame for (frame,) in rows]

    def last_visible(self, track_id: int, state: State) -> int | None:
        """Index of the last frame on which an object is visible in that state; None if none is."""
        ((last,),) = self._rows(
            "SELECT max(frame) FROM masks WHERE track_id = ? AND state = ? AND area > 0 "
            "AND frame < ?",
            (track_id, state.value, self._end),
        )
        return None if last is None else int(last)

    def one(self, index: int, track_id: int) -> ObjectMask | None:
        """One object on one frame; None if it is not reported there."""
        rows = self._rows(f"{_MASKS} WHERE frame = ? AND track_id = ?", (index, track_id))
        return self._object(rows[0]) if rows else None

    def times(self) -> list[Fraction]:
        """Times of all frames, in order."""
        rows = self._rows(
            "SELECT time_numerator, time_denominator FROM frames WHERE frame < ? ORDER BY frame",
            (self._end,),
        )
        return [Fraction(*row) for row in rows]

    def events(self) -> Sequence[tuple[int, Event]]:
        """(frame index, event) in order."""
        rows = self._rows(f"{_EVENTS} WHERE frame < ? ORDER BY frame, position", (self._end,))
        return [(row[0], event_of(row)) for row in rows]

    def snapshot(self) -> Snapshot | None:
        """The latest snapshot of the tracker; None if there is none."""
        rows = self._rows(
            "SELECT next_result, next_frame, state FROM snapshots WHERE next_result <= ? "
            "ORDER BY next_frame DESC LIMIT 1",
            (self._end,),
        )
        if not rows:
            return None
        next_result, next_frame, state = rows[0]
        try:
            return Snapshot(next_result, next_frame, zlib.decompress(state))
        except zlib.error as error:
            raise DatasetError(f"{self.path}: its snapshot is damaged ({error})") from error

    def _chunk(
        self, first: int, last: int, steps: tuple[int, int], track_ids: Collection[int] | None
    ) -> list[FrameResult]:
        """Results of [first, last), those of every stride-th frame from start on."""
        start, stride = steps
        where = "WHERE frame >= ? AND frame < ? AND (frame - ?) % ? = 0"
        bounds = (first, last, start, stride)
        masks = _by_frame(self._rows(f"{_MASKS} {where} ORDER BY frame, track_id", bounds))
        events = _by_frame(self._rows(f"{_EVENTS} {where} ORDER BY frame, position", bounds))
        chosen = None if track_ids is None else frozenset(track_ids)
        results = []
        for index, *time, is_corrupt in self._rows(f"{_FRAMES} {where} ORDER BY frame", bounds):
            frame = Frame(index, Fraction(*time), black(self.info.size), bool(is_corrupt))
            objects = [
                self._object(row)
                for row in masks.get(index, ())
                if chosen is None or row[1] in chosen
            ]
            said = [event_of(row) for row in events.get(index, ())]
            if chosen is not None:
                said = [event for event in said if event.track_id in chosen | {0}]
            results.append(FrameResult(frame, objects, said))
        return results

    def _object(self, row: Row) -> ObjectMask:
        try:
            return object_of(row, self.info.size)
        except (DatasetError, ValueError, zlib.error) as error:
            raise DatasetError(
                f"{self.path}: the row of object {row[1]} on frame {row[0]} is damaged ({error})"
            ) from error

    def _rows(self, query: str, arguments: Sequence[Any] = ()) -> list[Row]:
        with reading(self.path), closing(self._connection.execute(query, arguments)) as cursor:
            return cursor.fetchall()


def _by_frame(rows: Sequence[Row]) -> dict[int, list[Row]]:
    return {frame: list(group) for frame, group in groupby(rows, key=lambda row: int(row[0]))}

"""Identities of a complete run corrected in its store: without the model, journaled, undoable.

Names belong to ids: where rows change their id they take the name of the new one. An id is never
given twice: "used_ids" of `meta` knows all that ever were, those of objects that are gone and of
edits that were undone included.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from track_anything.errors import ConfigError
from track_anything.io.run_store.edits import editing
from track_anything.io.run_store.rows import MASK_COLUMNS, Row, mask_row, object_of
from track_anything.io.run_store.schema import open_to_read, reading, store_path
from track_anything.masks import mask_box
from track_anything.structures import ObjectMask

MAX_ID = 65535
"""What a 16-bit label map can hold."""

Span = tuple[int, int]
"""First frame, and first frame left out."""

_IN_SPAN = "frame >= ? AND frame < ?"
_MASKS = ", ".join(MASK_COLUMNS)
_PLACES = ", ".join("?" * len(MASK_COLUMNS))
_AREA = MASK_COLUMNS.index("area")


def swap_tracks(path: str | Path, first: int, second: int, span: Span) -> None:
    """Exchange two objects on the frames of a span.

    Args:
        path: A run folder or its store.
        first: An id.
        second: Another.
        span: Where.

    Raises:
        ConfigError: If there is nothing to exchange.
        DatasetError: If there is no store.
        OutputError: If it cannot be written, or the run is not complete.
    """
    _check_two(first, second)
    with editing(path, "swap", {"ids": [first, second], "frames": list(span)}) as edit:
        connection = edit.connection
        _check_known(connection, (first, second))
        _check_present(connection, (first, second), span)
        names = {one: _last_label(connection, one) for one in (first, second)}
        for one in (first, second):
            edit.keep(one, *span)
        for table in ("masks", "events"):
            # By way of negative ids: at no time may two rows have one key.
            connection.execute(
                f"UPDATE {table} SET track_id = CASE track_id WHEN ? THEN -? ELSE -? END "
                f"WHERE track_id IN (?, ?) AND {_IN_SPAN}",
                (first, second, first, first, second, *span),
            )
            connection.execute(
                f"UPDATE {table} SET track_id = -track_id WHERE track_id IN (?, ?)",
                (-first, -second),
            )
        for one, name in names.items():
            _set_label(connection, one, name, span)
        _note_ids(connection, (first, second))


def merge_tracks(path: str | Path, kept: int, other: int, span: Span) -> None:
    """Make two objects one on the frames of a span.

    Where both are visible the mask is their union, with the confidence, state and origin of the
    less sure one; where one is, its own. Events of the other become the kept one's.

    Args:
        path: A run folder or its store.
        kept: The id that stays.
        other: The id that goes, on these frames.
        span: Where.

    Raises:
        ConfigError: If there is nothing to merge.
        DatasetError: If there is no store.
        OutputError: If it cannot be written, or the run is not complete.
    """
    _check_two(kept, other)
    with editing(path, "merge", {"ids": [kept, other], "frames": list(span)}) as edit:
        connection = edit.connection
        _check_known(connection, (kept, other))
        _check_present(connection, (other,), span)
        name, size = _last_label(connection, kept), _size(connection)
        for one in (kept, other):
            edit.keep(one, *span)
        frames = connection.execute(
            f"SELECT frame FROM masks WHERE track_id = ? AND {_IN_SPAN} ORDER BY frame",
            (other, *span),
        ).fetchall()
        for (frame,) in frames:
            _merge_frame(connection, frame, (kept, other), size)
        connection.execute(
            f"UPDATE events SET track_id = ? WHERE track_id = ? AND {_IN_SPAN}",
            (kept, other, *span),
        )
        _set_label(connection, kept, name, span)
        _note_ids(connection, (kept, other))


def split_track(path: str | Path, track_id: int, frame: int, *, new_id: int | None = None) -> int:
    """Give an object another id from a frame on; the id. Its name goes with it.

    Args:
        path: A run folder or its store.
        track_id: The object.
        frame: The first of the later part.
        new_id: One that was never used; None takes the next.

    Raises:
        ConfigError: If one of the two parts would be empty, or the id was used before.
        DatasetError: If there is no store.
        OutputError: If it cannot be written, or the run is not complete.
    """
    database = store_path(path)
    with closing(open_to_read(database)) as connection, reading(database):
        fresh = _fresh_id(connection, new_id)
    arguments = {"ids": [track_id], "frame": frame, "new_id": fresh}
    with editing(database, "split", arguments) as edit:
        connection = edit.connection
        _check_known(connection, (track_id,))
        ((first, last),) = connection.execute(
            "SELECT min(frame), max(frame) FROM masks WHERE track_id = ?", (track_id,)
        ).fetchall()
        if not first < frame <= last:
            raise ConfigError(
                f"object {track_id} is on frames {first} to {last}: it can be split at "
                f"{first + 1} to {last}, got {frame}"
            )
        span = frame, _end(connection)
        for one in (track_id, fresh):
            edit.keep(one, *span)
        for table in ("masks", "events"):
            connection.execute(
                f"UPDATE {table} SET track_id = ? WHERE track_id = ? AND {_IN_SPAN}",
                (fresh, track_id, *span),
            )
        _note_ids(connection, (track_id, fresh))
    return fresh


def drop_track(path: str | Path, track_id: int, span: Span) -> None:
    """Remove an object and its events from the frames of a span.

    Raises:
        ConfigError: If it is not on these frames.
        DatasetError: If there is no store.
        OutputError: If it cannot be written, or the run is not complete.
    """
    with editing(path, "drop", {"ids": [track_id], "frames": list(span)}) as edit:
        connection = edit.connection
        _check_known(connection, (track_id,))
        _check_present(connection, (track_id,), span)
        edit.keep(track_id, *span)
        _note_ids(connection, (track_id,))
        for table in ("masks", "events"):
            connection.execute(
                f"DELETE FROM {table} WHERE track_id = ? AND {_IN_SPAN}", (track_id, *span)
            )


def rename_track(path: str | Path, track_id: int, name: str) -> None:
    """Give an object another name, on all frames; "" for none. Details of events keep the old one.

    Raises:
        ConfigError: If there is no such object.
        DatasetError: If there is no store.
        OutputError: If it cannot be written, or the run is not complete.
    """
    with editing(path, "rename", {"ids": [track_id], "name": name}) as edit:
        connection = edit.connection
        _check_known(connection, (track_id,))
        span = 0, _end(connection)
        edit.keep(track_id, *span)
        _set_label(connection, track_id, name, span)


def _merge_frame(
    connection: sqlite3.Connection, frame: int, ids: tuple[int, int], size: tuple[int, int]
) -> None:
    kept, other = ids
    rows: dict[int, Row] = {
        row[1]: row
        for row in connection.execute(
            f"SELECT {_MASKS} FROM masks WHERE frame = ? AND track_id IN (?, ?)", (frame, *ids)
        )
    }
    if kept in rows and not rows[other][_AREA]:
        connection.execute("DELETE FROM masks WHERE frame = ? AND track_id = ?", (frame, other))
        return
    if kept in rows and rows[kept][_AREA]:
        union = _union(object_of(rows[kept], size), object_of(rows[other], size))
        connection.execute("DELETE FROM masks WHERE frame = ? AND track_id = ?", (frame, other))
        connection.execute(
            f"INSERT OR REPLACE INTO masks ({_MASKS}) VALUES ({_PLACES})",
            mask_row(frame, replace(union, track_id=kept)),
        )
        return
    connection.execute("DELETE FROM masks WHERE frame = ? AND track_id = ?", (frame, kept))
    connection.execute(
        "UPDATE masks SET track_id = ? WHERE frame = ? AND track_id = ?", (kept, frame, other)
    )


def _union(first: ObjectMask, second: ObjectMask) -> ObjectMask:
    mask = first.mask | second.mask
    unsure = min(first, second, key=lambda one: one.confidence)
    return replace(unsure, mask=mask, box=mask_box(mask))


def _set_label(connection: sqlite3.Connection, track_id: int, text: str, span: Span) -> None:
    connection.execute(
        f"UPDATE masks SET label = ? WHERE track_id = ? AND {_IN_SPAN}", (text, track_id, *span)
    )


def _size(connection: sqlite3.Connection) -> tuple[int, int]:
    ((text,),) = connection.execute("SELECT value FROM meta WHERE key = 'info'").fetchall()
    info = json.loads(text)
    return int(info["height"]), int(info["width"])


def _end(connection: sqlite3.Connection) -> int:
    ((last,),) = connection.execute("SELECT max(frame) FROM frames").fetchall()
    return 0 if last is None else int(last) + 1


def _last_label(connection: sqlite3.Connection, track_id: int) -> str:
    ((label,),) = connection.execute(
        "SELECT label FROM masks WHERE track_id = ? ORDER BY frame DESC LIMIT 1", (track_id,)
    ).fetchall()
    return str(label)


def _check_two(first: int, second: int) -> None:
    if first == second:
        raise ConfigError(f"two objects are needed, got {first} twice")


def _check_known(connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    for one in ids:
        found = connection.execute("SELECT 1 FROM masks WHERE track_id = ? LIMIT 1", (one,))
        if found.fetchone() is None:
            raise ConfigError(f"the run has no object {one}")


def _check_present(connection: sqlite3.Connection, ids: Sequence[int], span: Span) -> None:
    marks = ", ".join("?" * len(ids))
    found = connection.execute(
        f"SELECT 1 FROM masks WHERE track_id IN ({marks}) AND {_IN_SPAN} LIMIT 1", (*ids, *span)
    )
    if found.fetchone() is None:
        names = " and ".join(f"object {one}" for one in ids)
        raise ConfigError(f"{names}: not on frames {span[0]} to {span[1] - 1}, nothing to change")


def _used_ids(connection: sqlite3.Connection) -> set[int]:
    row = connection.execute("SELECT value FROM meta WHERE key = 'used_ids'").fetchone()
    used: set[int] = set(json.loads(row[0])) if row else set()
    for table in ("masks", "events"):
        used |= {one for (one,) in connection.execute(f"SELECT DISTINCT track_id FROM {table}")}
    return used - {0}


def _note_ids(connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Remember ids for good: not as a note of the edit, which undoing would take back."""
    text = json.dumps(sorted(_used_ids(connection) | set(ids)))
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('used_ids', ?)", (text,))


def _fresh_id(connection: sqlite3.Connection, wanted: int | None) -> int:
    used = _used_ids(connection)
    if wanted is not None and wanted in used:
        raise ConfigError(f"id {wanted} was used before; the next free one is {max(used) + 1}")
    fresh = max(used) + 1 if wanted is None else wanted
    if not 1 <= fresh <= MAX_ID:
        raise ConfigError(f"an id is 1 to {MAX_ID}, got {fresh}")
    return fresh

"""Changes to a complete run: each in one transaction, in a journal, undone in reverse order."""

import datetime
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from track_anything.errors import DatasetError, OutputError
from track_anything.io.run_store.rows import EVENT_COLUMNS, MASK_COLUMNS, event_rows, mask_row
from track_anything.io.run_store.schema import changing, open_to_read, reading, store_path
from track_anything.structures import Event, ObjectMask

_MASKS = ", ".join(MASK_COLUMNS)
_EVENTS = ", ".join(EVENT_COLUMNS)


@dataclass(frozen=True, slots=True)
class StoredEdit:
    """One entry of the journal.

    Attributes:
        id: Rises from edit to edit, and is the revision of the store after it.
        time: When it was made, ISO 8601.
        kind: One word for what was done.
        arguments: With what.
    """

    id: int
    time: str
    kind: str
    arguments: Mapping[str, Any]


class Edit:
    """One change while it is made. Keep what a statement will touch before it runs.

    Attributes:
        connection: For statements on the tables masks and events, inside the transaction.
    """

    def __init__(self, connection: sqlite3.Connection, edit_id: int) -> None:
        """Begin with nothing kept; `editing` is how an edit is begun."""
        self.connection = connection
        self._id = edit_id
        self._scopes: list[tuple[int, int, int]] = []
        self._notes: dict[str, str | None] = {}

    def keep(self, track_id: int, start: int, stop: int) -> None:
        """Make changes to an object on frames [start, stop), and to their events, undoable.

        Call it for every track_id that rows are taken from or given to, before they are changed.
        """
        own = [scope[1:] for scope in self._scopes if scope[0] == track_id]
        # What an earlier call covers is kept as it was before the edit, not as it is by now.
        for table, columns, of_track, before in (
            ("masks", _MASKS, "track_id = ? AND ", own),
            ("events", _EVENTS, "", [scope[1:] for scope in self._scopes]),
        ):
            outside = " AND NOT (frame >= ? AND frame < ?)" * len(before)
            self.connection.execute(
                f"INSERT INTO replaced_{table} SELECT ?, {columns} FROM {table} "
                f"WHERE {of_track}frame >= ? AND frame < ?{outside}",
                (self._id, *([track_id] if of_track else []), start, stop, *chain(*before)),
            )
        self._scopes.append((track_id, start, stop))

    def put(self, frame: int, one: ObjectMask, events: Sequence[Event] = ()) -> None:
        """Set what an object is on a frame, and what happened to it there."""
        self.connection.execute(
            f"INSERT OR REPLACE INTO masks VALUES ({', '.join('?' * len(MASK_COLUMNS))})",
            mask_row(frame, one),
        )
        self.connection.execute(
            "DELETE FROM events WHERE frame = ? AND track_id = ?", (frame, one.track_id)
        )
        (last,) = self.connection.execute(
            "SELECT coalesce(max(position), -1) FROM events WHERE frame = ?", (frame,)
        ).fetchone()
        self.connection.executemany(
            f"INSERT INTO events VALUES ({', '.join('?' * len(EVENT_COLUMNS))})",
            [(frame, last + 1 + place, *rest) for _, place, *rest in event_rows(frame, events)],
        )

    def note(self, key: str, value: Any) -> None:
        """Set what is kept under a key, as JSON; undoing brings back what was there."""
        if key not in self._notes:
            row = self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            self._notes[key] = None if row is None else row[0]
        text = json.dumps(value, ensure_ascii=False)
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, text))

    def inverse(self) -> str:
        """What undoing needs besides the rows that were kept, as JSON."""
        return json.dumps({"scopes": self._scopes, "meta": self._notes}, ensure_ascii=False)


@contextmanager
def editing(path: str | Path, kind: str, arguments: Mapping[str, Any]) -> Iterator[Edit]:
    """An edit, which is in the journal when the block ends, and never was if it raises.

    Args:
        path: A run folder or its tracks.db.
        kind: One word for what is done.
        arguments: With what, as JSON can hold it.

    Raises:
        DatasetError: If it is no store.
        OutputError: If it cannot be written, another process writes to it, or the run is not
            complete.
    """
    database = store_path(path)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    said = json.dumps(arguments, ensure_ascii=False)
    with changing(database) as connection:
        _check_complete(database, connection)
        cursor = connection.execute(
            "INSERT INTO edits (time, kind, arguments, inverse) VALUES (?, ?, ?, '{}')",
            (now, kind, said),
        )
        edit_id = int(cursor.lastrowid or 0)
        edit = Edit(connection, edit_id)
        yield edit
        connection.execute("UPDATE edits SET inverse = ? WHERE id = ?", (edit.inverse(), edit_id))


@contextmanager
def completing(path: str | Path) -> Iterator[Edit]:
    """A change that is part of making a run: kept when the block ends, never in the journal.

    If the block raises, or the process ends in it, the store is what it was before.

    Args:
        path: A run folder or its tracks.db.

    Raises:
        DatasetError: If it is no store.
        OutputError: If it cannot be written, another process writes to it, or the video did not
            come to its end.
    """
    database = store_path(path)
    with changing(database) as connection:
        _check_complete(database, connection)
        yield Edit(connection, 0)


def keep_note(path: Path, key: str, value: Any) -> None:
    """Keep something in a store under its key, as JSON: no edit, and not undone.

    Raises:
        DatasetError: If it is no store.
        OutputError: If it cannot be written.
    """
    text = json.dumps(value, ensure_ascii=False)
    with changing(path) as connection:
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, text))


def stored_edits(path: str | Path) -> list[StoredEdit]:
    """The journal, the first edit first; what was undone is no longer in it.

    Raises:
        DatasetError: If it is no store.
    """
    database = store_path(path)
    with closing(open_to_read(database)) as connection, reading(database):
        rows = connection.execute("SELECT id, time, kind, arguments FROM edits ORDER BY id")
        return [StoredEdit(i, time, kind, json.loads(said)) for i, time, kind, said in rows]


def undo_last(path: str | Path) -> StoredEdit:
    """Take back the last edit and return it; every row is again what it was before.

    Raises:
        DatasetError: If it is no store, or there is no edit.
        OutputError: If it cannot be written, or another process writes to it.
    """
    database = store_path(path)
    with changing(database) as connection:
        row = connection.execute(
            "SELECT id, time, kind, arguments, inverse FROM edits ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if row is None:
            raise DatasetError(f"{database}: was never edited, there is nothing to undo")
        edit_id, time, kind, said, inverse = row
        _bring_back(connection, edit_id, json.loads(inverse))
        connection.execute("DELETE FROM edits WHERE id = ?", (edit_id,))
    return StoredEdit(edit_id, time, kind, json.loads(said))


def _bring_back(connection: sqlite3.Connection, edit_id: int, inverse: Mapping[str, Any]) -> None:
    for track_id, start, stop in inverse["scopes"]:
        connection.execute(
            "DELETE FROM masks WHERE track_id = ? AND frame >= ? AND frame < ?",
            (track_id, start, stop),
        )
        connection.execute("DELETE FROM events WHERE frame >= ? AND frame < ?", (start, stop))
    for table, columns in (("masks", _MASKS), ("events", _EVENTS)):
        connection.execute(
            f"INSERT INTO {table} SELECT {columns} FROM replaced_{table} WHERE edit = ?", (edit_id,)
        )
        connection.execute(f"DELETE FROM replaced_{table} WHERE edit = ?", (edit_id,))
    for key, text in inverse["meta"].items():
        if text is None:
            connection.execute("DELETE FROM meta WHERE key = ?", (key,))
        else:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, text))


def _check_complete(path: Path, connection: sqlite3.Connection) -> None:
    row = connection.execute("SELECT value FROM meta WHERE key = 'is_complete'").fetchone()
    if row is None or row[0] != "true":
        raise OutputError(
            f"{path}: the run is not complete; `track-anything track --resume` goes on with it, "
            "then it can be edited"
        )

"""The sink that writes a run store while the video is tracked."""

import contextlib
import json
import sqlite3
import time
import zlib
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from track_anything.errors import OutputError
from track_anything.io.run_store.rows import Snapshot, event_rows, frame_row, info_text, mask_row
from track_anything.io.run_store.schema import create_store, leave_one_file, open_to_write, writing
from track_anything.structures import FrameResult, VideoInfo

COMMIT_SECONDS = 1.0
"""Most time between two commits: what a killed process loses of its results."""
COMMIT_FRAMES = 64
"""Most frames between two commits: what the log holds of them."""

_INSERT_FRAME = "INSERT INTO frames VALUES (?, ?, ?, ?)"
_INSERT_MASK = f"INSERT INTO masks VALUES ({', '.join('?' * 12)})"
_INSERT_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?)"

# A snapshot is mostly noise: more effort than the least makes it hardly smaller.
_SNAPSHOT_LEVEL = 1


class RunStoreSink:
    """Every result as rows of RUN/tracks.db, readable at any time and after any end.

    The database has its final name from the start, since it is whole at every moment: what is in
    it is all that was committed, at most a second ago. `meta` says with "is_complete" whether the
    video came to its end. While it is written its write lock is held, so that nobody else writes.

    Snapshots of the tracker are handed over from the thread that tracks and are committed when all
    results before them are: never one that is ahead of its frames. Only the latest is kept, and
    none when the run is complete.
    """

    def __init__(
        self, path: Path, info: VideoInfo, *, meta: Mapping[str, Any] | None = None
    ) -> None:
        """Create the database; one of that name is replaced.

        Args:
            path: Of the database.
            info: Of the frames that will come.
            meta: More to keep under its keys, as JSON.

        Raises:
            OutputError: If it cannot be created.
        """
        said = {key: json.dumps(value, ensure_ascii=False) for key, value in (meta or {}).items()}
        said |= {"info": info_text(info), "is_complete": "false"}
        self._begin(path, create_store(path, said))

    @classmethod
    def resume(cls, path: Path, *, next_frame: int) -> "RunStoreSink":
        """Go on with a store that was left incomplete.

        Results of frames before next_frame, when they come, are taken to be those that are there;
        what the store has of later ones is dropped.

        Args:
            path: Of the database.
            next_frame: First frame that will be written.

        Raises:
            DatasetError: If it is no store.
            OutputError: If it cannot be written, or another process writes to it.
        """
        sink = cls.__new__(cls)
        sink._begin(path, open_to_write(path))
        sink._next_frame = next_frame
        with sink._writing():
            for table in ("frames", "masks", "events"):
                sink._connection.execute(f"DELETE FROM {table} WHERE frame >= ?", (next_frame,))
            sink._connection.execute("DELETE FROM snapshots WHERE next_result > ?", (next_frame,))
        return sink

    def _begin(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._snapshots: deque[Snapshot] = deque()
        self._notes: deque[tuple[str, str]] = deque()
        self._next_frame = 0
        self._uncommitted = 0
        self._committed_at = time.monotonic()
        self._is_whole = True
        self._is_ended = False
        with self._writing():
            connection.execute("BEGIN IMMEDIATE")

    def offer_snapshot(self, snapshot: Snapshot) -> None:
        """Keep the tracker's state, once all results before its next_result are written.

        May be called from another thread than write.
        """
        self._snapshots.append(snapshot)

    def offer_note(self, key: str, value: Any) -> None:
        """Keep something under its key, as JSON, with the next commit.

        May be called from another thread than write.
        """
        self._notes.append((key, json.dumps(value, ensure_ascii=False)))

    def write(self, result: FrameResult) -> None:
        """Add one frame; results already there are passed over.

        Raises:
            OutputError: If it cannot be written, or the sink is closed.
        """
        if self._is_ended:
            raise OutputError(f"{self._path}: a result came after it was closed")
        index = result.frame.index
        if index < self._next_frame:
            return
        masks = [mask_row(index, one) for one in result.objects]
        with self._writing():
            self._keep_snapshot()
            self._is_whole = False
            self._connection.execute(_INSERT_FRAME, frame_row(result))
            self._connection.executemany(_INSERT_MASK, masks)
            self._connection.executemany(_INSERT_EVENT, event_rows(index, result.events))
            self._is_whole = True
            self._next_frame = index + 1
            self._uncommitted += 1
            if self._uncommitted >= COMMIT_FRAMES or self._is_due():
                self._commit()

    def close(self) -> None:
        """Say that the run is complete, drop the snapshots and leave one plain file.

        Raises:
            OutputError: If it cannot be written.
        """
        if self._is_ended:
            return
        if not self._is_whole:
            raise OutputError(f"{self._path}: is not complete, a frame could not be written")
        self._is_ended = True
        with self._writing(), contextlib.closing(self._connection):
            self._connection.execute("UPDATE meta SET value = 'true' WHERE key = 'is_complete'")
            self._connection.execute("DELETE FROM snapshots")
            self._end_transaction()
            # As a script: a single statement would free a single page.
            self._connection.executescript("PRAGMA incremental_vacuum")
            leave_one_file(self._connection)

    def abort(self) -> None:
        """Commit what there is; `meta` says that it is not all."""
        if self._is_ended:
            return
        self._is_ended = True
        with self._writing(), contextlib.closing(self._connection):
            if not self._is_whole:
                # A frame without its objects would be worse than no frame.
                self._connection.execute("ROLLBACK")
                return
            self._keep_snapshot()
            self._end_transaction()
            leave_one_file(self._connection)

    def _end_transaction(self) -> None:
        while self._notes:
            self._connection.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", self._notes.popleft()
            )
        self._connection.execute("COMMIT")

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        return writing(self._path)

    def _is_due(self) -> bool:
        return time.monotonic() - self._committed_at >= COMMIT_SECONDS

    def _commit(self) -> None:
        """End the transaction and begin the next, which holds the write lock."""
        self._end_transaction()
        self._connection.execute("BEGIN IMMEDIATE")
        self._uncommitted, self._committed_at = 0, time.monotonic()

    def _keep_snapshot(self) -> None:
        """Write the latest snapshot whose frames are all there, in their transaction."""
        latest: Snapshot | None = None
        while self._snapshots and self._snapshots[0].next_result <= self._next_frame:
            latest = self._snapshots.popleft()
        if latest is None:
            return
        self._connection.execute("DELETE FROM snapshots")
        self._connection.execute(
            "INSERT INTO snapshots VALUES (?, ?, ?)",
            (
                latest.next_frame,
                latest.next_result,
                zlib.compress(latest.state, _SNAPSHOT_LEVEL),
            ),
        )
        self._commit()

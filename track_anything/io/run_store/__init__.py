"""One run kept whole in RUN/tracks.db: written as it is tracked, read back by frame or by id."""

from track_anything.io.run_folder import STORE_NAME
from track_anything.io.run_store.edits import (
    Edit,
    StoredEdit,
    completing,
    editing,
    keep_note,
    stored_edits,
    undo_last,
)
from track_anything.io.run_store.reader import RunStore, StoredTrack
from track_anything.io.run_store.rows import Snapshot
from track_anything.io.run_store.schema import SCHEMA_VERSION, is_store
from track_anything.io.run_store.sink import RunStoreSink

__all__ = [
    "SCHEMA_VERSION",
    "STORE_NAME",
    "Edit",
    "RunStore",
    "RunStoreSink",
    "Snapshot",
    "StoredEdit",
    "StoredTrack",
    "completing",
    "editing",
    "is_store",
    "keep_note",
    "stored_edits",
    "undo_last",
]

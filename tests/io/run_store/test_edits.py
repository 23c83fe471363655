"""Edits are whole or not there, in a journal, and undone to the byte."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from track_anything.errors import DatasetError, OutputError, VideoError
from track_anything.io.run_store import (
    RunStore,
    RunStoreSink,
    editing,
    stored_edits,
    undo_last,
)
from track_anything.structures import Event, EventKind, FrameResult, Origin, VideoInfo

Make = Callable[[int], list[FrameResult]]


@pytest.fixture
def path(tmp_path: Path, info: VideoInfo, make: Make) -> Path:
    """A complete run of ten frames."""
    sink = RunStoreSink(tmp_path / "tracks.db", info, meta={"job": "old"})
    for result in make(10):
        sink.write(result)
    sink.close()
    return tmp_path / "tracks.db"


def content(path: Path) -> list[Any]:
    """Every row but those of the journal."""
    connection = sqlite3.connect(path)
    try:
        tables = (("frames", 1), ("masks", "1, 2"), ("events", "1, 2"), ("meta", 1))
        return [connection.execute(f"SELECT * FROM {t} ORDER BY {o}").fetchall() for t, o in tables]
    finally:
        connection.close()


def test_what_is_put_is_read_and_undoing_brings_every_byte_back(path: Path, make: Make) -> None:
    before, moved = content(path), make(10)[8].objects[0]
    with editing(path, "retrack", {"ids": [1]}) as edit:
        edit.keep(1, 3, 6)
        for frame in range(3, 6):
            event = Event(EventKind.CORRECTED, 1, "again")
            edit.put(frame, replace(moved, origin=Origin.PROMPTED), [event])
        edit.note("job", "new")
        edit.note("job", "newer")
        edit.note("added", [1])
    with RunStore.open(path) as store:
        for frame in range(3, 6):
            found = store.result(frame)
            assert (found.objects[0].mask == moved.mask).all()
            # The event of frame 4, that it was lost, was of the mask that is gone.
            assert found.events == [Event(EventKind.CORRECTED, 1, "again")]
        assert (store.meta["job"], store.meta["added"]) == ("newer", [1])
    (entry,) = stored_edits(path)
    assert (entry.id, entry.kind, entry.arguments) == (1, "retrack", {"ids": [1]})
    assert undo_last(path) == entry
    assert content(path) == before
    assert stored_edits(path) == []


def test_rows_that_were_not_there_are_gone_again(path: Path, make: Make) -> None:
    before, one = content(path), make(3)[2].objects[1]
    with editing(path, "add", {}) as edit:
        edit.keep(65535, 0, 2)
        edit.put(0, one)
        # Keeping more of the same object later must not take the new row for an old one.
        edit.keep(65535, 0, 5)
        edit.put(4, replace(one, label="later"))
        edit.keep(2, 0, 1)
        edit.put(0, replace(one, track_id=2))
    with RunStore.open(path) as store:
        assert [each.track_id for each in store.result(0).objects] == [1, 2, 65535]
    undo_last(path)
    assert content(path) == before


def test_edits_are_undone_in_reverse_order_and_ids_are_not_given_again(
    path: Path, make: Make
) -> None:
    states = [content(path)]
    for label in ("a", "b"):
        with editing(path, "rename", {"name": label}) as edit:
            edit.keep(1, 0, 10)
            edit.connection.execute("UPDATE masks SET label = ? WHERE track_id = 1", (label,))
        states.append(content(path))
    assert [entry.id for entry in stored_edits(path)] == [1, 2]
    assert undo_last(path).arguments == {"name": "b"}
    assert content(path) == states[1]
    undo_last(path)
    assert content(path) == states[0]
    with editing(path, "nothing", {}):
        pass
    assert [entry.id for entry in stored_edits(path)] == [3]


def test_an_error_inside_leaves_everything_as_it_was(path: Path) -> None:
    before = content(path)

    def fail() -> None:
        with editing(path, "retrack", {}) as edit:
            edit.keep(1, 0, 10)
            edit.connection.execute("DELETE FROM masks")
            raise VideoError("gone")

    with pytest.raises(VideoError, match="gone"):
        fail()
    assert content(path) == before
    assert stored_edits(path) == []
    assert [one.name for one in path.parent.iterdir()] == ["tracks.db"]


def test_without_an_edit_there_is_nothing_to_undo(path: Path) -> None:
    with pytest.raises(DatasetError, match="was never edited"):
        undo_last(path)


def test_a_run_that_is_not_complete_is_not_edited(
    tmp_path: Path, info: VideoInfo, make: Make
) -> None:
    sink = RunStoreSink(tmp_path / "half.db", info)
    sink.write(make(1)[0])
    sink.abort()
    with (
        pytest.raises(
            OutputError, match="the run is not complete; `track-anything track --resume`"
        ),
        editing(tmp_path / "half.db", "drop", {}),
    ):
        pass

"""Identities by name and moment."""

from pathlib import Path

import pytest

from track_anything.errors import ConfigError, DatasetError
from track_anything.ids import drop_id, merge_ids, rename_id, split_id, swap_ids, undo_edit
from track_anything.io.run_store import RunStore, RunStoreSink
from track_anything.masks import mask_box
from track_anything.structures import FrameResult, ObjectMask
from track_anything.testing import MovingSquare


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Six frames, 0.04 s apart: a square (1) and a corner (2); tables are there, empty."""
    square = MovingSquare(frame_count=6)
    sink = RunStoreSink(tmp_path / "tracks.db", square.info)
    for frame in square:
        mask, other = square.truth(frame.index), square.truth(5)
        objects = [
            ObjectMask(1, mask, mask_box(mask), 0.9, label="square"),
            ObjectMask(2, other, mask_box(other), 0.8, label="corner"),
        ]
        sink.write(FrameResult(frame, objects))
    sink.close()
    (tmp_path / "masks").mkdir()
    for name in ("tracks.csv", "tracks.jsonl"):
        (tmp_path / name).touch()
    return tmp_path


def ids_of(run: Path, name: str) -> set[int]:
    with RunStore.open(run) as store:
        return {track.track_id for track in store.tracks if track.label == name}


def test_objects_are_chosen_by_name_or_id_and_moments_by_time_or_frame(run: Path) -> None:
    done = swap_ids(run, "square", 2, start="0.08", end="5f")
    assert done.text == "swap 1 and 2 on frames 2 to 4"
    assert done.edit.arguments == {"ids": [1, 2], "frames": [2, 5]}


def test_a_range_that_is_not_said_is_the_whole_run(run: Path) -> None:
    assert drop_id(run, "corner").text == "drop 2 on frames 0 to 5"


def test_the_first_of_a_merge_stays_unless_the_other_is_said(run: Path) -> None:
    assert merge_ids(run, 1, "#2").text == "merge 2 into 1 on frames 0 to 5"
    undo_edit(run)
    assert merge_ids(run, 1, 2, into="corner").text == "merge 1 into 2 on frames 0 to 5"
    assert ids_of(run, "corner") == {2}


def test_a_third_object_is_not_merged_into(run: Path) -> None:
    split_id(run, 2, at="3f")
    with pytest.raises(ConfigError, match="one of them, 1 or 2; got 3"):
        merge_ids(run, 1, 2, into=3)


def test_a_name_that_two_objects_have_is_refused(run: Path) -> None:
    split_id(run, "square", at=0.12)
    assert ids_of(run, "square") == {1, 3}
    with pytest.raises(ConfigError, match=r"'square' is the name of #1, #3"):
        drop_id(run, "square")


def test_what_is_old_after_an_edit_is_told(run: Path) -> None:
    assert rename_id(run, 1, "box").stale == ("masks", "tracks.csv", "tracks.jsonl")
    done = undo_edit(run)
    assert (done.is_undone, done.text) == (True, "undone: rename 1 to 'box'")


def test_what_is_not_there_is_refused(run: Path) -> None:
    with pytest.raises(ConfigError, match="no object 'dog'"):
        drop_id(run, "dog")
    with pytest.raises(ConfigError, match="no frame of the run is in the range"):
        drop_id(run, 1, start="100f")
    with pytest.raises(DatasetError, match="nothing to undo"):
        undo_edit(run)

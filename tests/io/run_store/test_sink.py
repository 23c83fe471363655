"""What is written while a video is tracked is all there afterwards, whatever the end."""

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from track_anything.errors import DatasetError, OutputError
from track_anything.io.run_store import RunStore, RunStoreSink, Snapshot, keep_note
from track_anything.io.run_store import sink as sink_module
from track_anything.structures import FrameResult, VideoInfo

Make = Callable[[int], list[FrameResult]]
Same = Callable[[Sequence[FrameResult], Sequence[FrameResult]], bool]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tracks.db"


def write(sink: RunStoreSink, results: Sequence[FrameResult]) -> None:
    for result in results:
        sink.write(result)


def read(path: Path) -> list[FrameResult]:
    with RunStore.open(path) as store:
        return list(store.results())


def killed(path: Path) -> Path:
    """The store as a kill at this moment leaves it: the files as they are."""
    folder = path.parent / "killed"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, folder)
    return folder / path.name


def rows(path: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_results_come_back_to_the_bit(path: Path, info: VideoInfo, make: Make, same: Same) -> None:
    results = make(150)
    sink = RunStoreSink(path, info)
    write(sink, results)
    sink.close()
    assert same(read(path), results)
    with RunStore.open(path) as store:
        assert store.info == info
        assert (store.frame_count, store.is_complete) == (150, True)


def test_a_complete_store_is_one_file_that_says_so(path: Path, info: VideoInfo, make: Make) -> None:
    sink = RunStoreSink(path, info)
    write(sink, make(3))
    sink.close()
    assert [one.name for one in path.parent.iterdir()] == ["tracks.db"]
    assert rows(path, "PRAGMA journal_mode") == [("delete",)]


def test_an_aborted_store_has_all_that_was_written_and_says_that_it_is_not_complete(
    path: Path, info: VideoInfo, make: Make, same: Same
) -> None:
    sink = RunStoreSink(path, info)
    write(sink, make(7))
    sink.abort()
    assert same(read(path), make(7))
    with RunStore.open(path) as store:
        assert not store.is_complete


def test_a_kill_between_any_two_frames_leaves_what_was_committed(
    path: Path,
    info: VideoInfo,
    make: Make,
    same: Same,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sink_module, "COMMIT_FRAMES", 4)
    results = make(10)
    sink = RunStoreSink(path, info)
    for done, result in enumerate(results, 1):
        sink.write(result)
        left = killed(path)
        assert rows(left, "PRAGMA integrity_check") == [("ok",)]
        assert same(read(left), results[: done // 4 * 4])
    sink.abort()


def test_results_are_committed_within_a_second(
    path: Path, info: VideoInfo, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(sink_module.time, "monotonic", lambda: now[0])
    sink = RunStoreSink(path, info)
    first, second = make(2)
    sink.write(first)
    assert len(read(path)) == 0
    now[0] += sink_module.COMMIT_SECONDS
    sink.write(second)
    assert len(read(path)) == 2
    sink.abort()


def test_a_frame_that_fails_is_not_in_the_store(
    path: Path, info: VideoInfo, make: Make, same: Same
) -> None:
    results = make(4)
    sink = RunStoreSink(path, info)
    write(sink, results[:3])
    sink._commit()
    # Two objects of one id cannot be on one frame.
    with pytest.raises(OutputError, match=r"tracks\.db: cannot be written \(UNIQUE"):
        sink.write(replace(results[3], objects=[*results[3].objects, *results[3].objects]))
    with pytest.raises(OutputError, match="not complete"):
        sink.close()
    sink.abort()
    assert same(read(path), results[:3])


def test_a_result_after_the_end_is_refused(path: Path, info: VideoInfo, make: Make) -> None:
    sink = RunStoreSink(path, info)
    sink.close()
    with pytest.raises(OutputError, match="after it was closed"):
        write(sink, make(1))


def test_a_store_of_that_name_is_replaced(path: Path, info: VideoInfo, make: Make) -> None:
    for count in (5, 2):
        sink = RunStoreSink(path, info)
        write(sink, make(count))
        sink.close()
    assert len(read(path)) == 2


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path: Path, info: VideoInfo) -> None:
    with pytest.raises(OutputError, match=r"nowhere/tracks\.db: cannot be written"):
        RunStoreSink(tmp_path / "nowhere" / "tracks.db", info)


def test_a_snapshot_is_kept_only_when_all_results_before_it_are_committed(
    path: Path, info: VideoInfo, make: Make
) -> None:
    results = make(6)
    sink = RunStoreSink(path, info)
    # The tracker is ahead of the writer.
    sink.offer_snapshot(Snapshot(3, 5, b"after five"))
    write(sink, results[:3])
    assert rows(killed(path), "SELECT * FROM snapshots") == []
    sink.write(results[3])
    left = killed(path)
    with RunStore.open(left) as store:
        assert store.snapshot() == Snapshot(3, 5, b"after five")
        assert store.frame_count == 3
    sink.abort()


def test_only_the_latest_snapshot_is_kept_and_none_of_a_complete_run(
    path: Path, info: VideoInfo, make: Make
) -> None:
    results = make(6)
    sink = RunStoreSink(path, info)
    for next_frame, state in ((1, b"1"), (2, b"2"), (4, bytes(2_000_000))):
        sink.offer_snapshot(Snapshot(next_frame, next_frame, state))
    write(sink, results[:4])
    assert rows(path, "SELECT next_frame FROM snapshots") == [(2,)]
    write(sink, results[4:])
    assert rows(path, "SELECT next_frame FROM snapshots") == [(4,)]
    sink.close()
    with RunStore.open(path) as store:
        assert store.snapshot() is None


def test_snapshots_leave_no_room_behind(path: Path, info: VideoInfo, make: Make) -> None:
    random = np.random.default_rng(0)
    sink = RunStoreSink(path, info)
    for result in make(20):
        at = result.frame.index
        sink.offer_snapshot(Snapshot(at, at, random.bytes(500_000)))
        sink.write(result)
    assert path.with_name("tracks.db-wal").stat().st_size > 1_000_000
    sink.close()
    assert rows(path, "PRAGMA freelist_count") == [(0,)]
    assert path.stat().st_size < 100_000


def test_an_aborted_run_keeps_a_snapshot_that_its_results_reach(
    path: Path, info: VideoInfo, make: Make
) -> None:
    sink = RunStoreSink(path, info)
    write(sink, make(2))
    sink.offer_snapshot(Snapshot(2, 2, b"two"))
    sink.offer_snapshot(Snapshot(3, 3, b"three"))
    sink.abort()
    with RunStore.open(path) as store:
        assert store.snapshot() == Snapshot(2, 2, b"two")


def test_nobody_else_writes_while_it_is_written(path: Path, info: VideoInfo, make: Make) -> None:
    sink = RunStoreSink(path, info)
    write(sink, make(2))
    for change in (
        lambda: keep_note(path, "a", 1),
        lambda: RunStoreSink.resume(path, next_frame=0),
    ):
        with pytest.raises(OutputError, match="another process is writing to it"):
            change()
    sink.close()
    keep_note(path, "a", 1)
    with RunStore.open(path) as store:
        assert store.meta["a"] == 1


def test_what_is_noted_is_there_with_the_next_commit(
    path: Path, info: VideoInfo, make: Make
) -> None:
    sink = RunStoreSink(path, info, meta={"job": {"seed": 3}})
    assert RunStore.open(path).meta["job"] == {"seed": 3}
    sink.offer_note("input_sha256", "abc")
    write(sink, make(1))
    sink.close()
    with RunStore.open(path) as store:
        assert (store.meta["input_sha256"], store.meta["job"]) == ("abc", {"seed": 3})


def test_a_resumed_store_drops_later_rows_and_passes_over_those_it_has(
    path: Path, info: VideoInfo, make: Make, same: Same
) -> None:
    results = make(9)
    sink = RunStoreSink(path, info)
    write(sink, results[:5])
    sink.offer_snapshot(Snapshot(4, 4, b"of what is dropped"))
    sink.abort()
    sink = RunStoreSink.resume(path, next_frame=3)
    # Those that come again are not even looked at.
    write(sink, [FrameResult(result.frame) for result in results[:3]])
    left = killed(path)
    write(sink, results[3:])
    sink.close()
    assert same(read(path), results)
    # A kill before the first new commit loses nothing that was there.
    assert same(read(left), results[:5])


def test_what_is_no_store_is_not_resumed(tmp_path: Path) -> None:
    (tmp_path / "tracks.db").write_text("hello")
    with pytest.raises(DatasetError, match=r"tracks\.db: cannot be read as a run store"):
        RunStoreSink.resume(tmp_path / "tracks.db", next_frame=0)

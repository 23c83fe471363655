"""A run read back: in order, at random, one object through time."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from track_anything.errors import DatasetError
from track_anything.io.run_store import RunStore, RunStoreSink, StoredTrack, is_store
from track_anything.structures import Event, EventKind, Frame, FrameResult, Origin, VideoInfo

Make = Callable[[int], list[FrameResult]]
Same = Callable[[Sequence[FrameResult], Sequence[FrameResult]], bool]

COUNT = 140
"""More than two pieces of what is fetched together."""


@pytest.fixture
def results(make: Make) -> list[FrameResult]:
    return make(COUNT)


@pytest.fixture
def path(tmp_path: Path, info: VideoInfo, results: list[FrameResult]) -> Path:
    """A complete run of all results."""
    sink = RunStoreSink(tmp_path / "tracks.db", info)
    for result in results:
        sink.write(result)
    sink.close()
    return tmp_path / "tracks.db"


@pytest.mark.parametrize(
    ("start", "stop", "stride"),
    [
        (0, None, 1),
        (5, 9, 1),
        (0, None, 7),
        (3, 139, 65),
        (139, None, 1),
        (140, None, 1),
        (0, 999, 64),
    ],
)
def test_a_part_of_the_run_is_read_in_order(
    path: Path, results: list[FrameResult], same: Same, start: int, stop: int | None, stride: int
) -> None:
    with RunStore.open(path) as store:
        found = list(store.results(start=start, stop=stop, stride=stride))
    assert same(found, results[start:stop:stride])


def test_the_folder_of_a_run_names_its_store(path: Path) -> None:
    with RunStore.open(path.parent) as store:
        assert store.path == path


def test_only_the_objects_asked_for_and_their_events_are_read(path: Path) -> None:
    with RunStore.open(path) as store:
        found = list(store.results(stop=5, track_ids=[65535]))
        everyone = list(store.results(stop=5, track_ids=[1]))
    assert [[one.track_id for one in each.objects] for each in found] == [
        [],
        [],
        [65535],
        [65535],
        [65535],
    ]
    # What concerns the whole frame concerns every object.
    assert found[0].events == [Event(EventKind.CUT, 0)]
    assert found[4].events == []
    assert [event.kind for event in everyone[4].events] == [EventKind.LOST]


def test_pictures_that_nobody_gave_are_black_and_take_no_memory(path: Path) -> None:
    with RunStore.open(path) as store:
        image = store.result(3).frame.image
    assert image.shape == (12, 16, 3)
    assert image.dtype == np.uint8
    assert not image.any()
    assert image.strides == (0, 0, 0)
    assert not image.flags.writeable


def test_pictures_that_are_given_belong_to_their_frames(
    path: Path, results: list[FrameResult]
) -> None:
    frames = [result.frame for result in results]
    with RunStore.open(path) as store:
        found = list(store.results(start=10, stop=100, stride=9, images=frames))
    assert [result.frame.index for result in found] == list(range(10, 100, 9))
    assert all(result.frame.image[0, 0, 0] == result.frame.index for result in found)


def test_pictures_of_another_video_are_refused(path: Path, results: list[FrameResult]) -> None:
    frames = [result.frame for result in results]
    late = replace(frames[7], time=frames[7].time + Fraction(1, 1000))
    with RunStore.open(path) as store:
        with pytest.raises(DatasetError, match=r"frame 7 at -0.100 s is not in the video given"):
            list(store.results(images=[*frames[:7], late]))
        with pytest.raises(DatasetError, match="frame 4 at"):
            list(store.results(images=frames[:4]))


def test_one_frame_is_read_at_random(path: Path, results: list[FrameResult], same: Same) -> None:
    with RunStore.open(path) as store:
        assert same([store.result(97), store.result(0)], [results[97], results[0]])
        for index in (-1, 140):
            with pytest.raises(DatasetError, match=f"no frame {index}, its 140 frames are 0 to"):
                store.result(index)


def test_one_object_is_read_through_time(path: Path, results: list[FrameResult]) -> None:
    with RunStore.open(path) as store:
        found = list(store.masks(1))
        assert [index for index, _ in found] == list(range(COUNT))
        for index, one in found:
            assert np.array_equal(one.mask, results[index].objects[0].mask)
        assert [index for index, _ in store.masks(65535)] == list(range(2, COUNT))
        assert list(store.masks(7)) == []
        assert store.one(1, 65535) is None
        one = store.one(2, 65535)
        assert one is not None
        assert one.mask.all()


def test_the_objects_of_a_run_are_listed(path: Path) -> None:
    with RunStore.open(path) as store:
        # 1 is not visible on 28 of the 140 frames.
        assert store.tracks == [
            StoredTrack(1, "Hündchen 'a'", 0, 139, 112),
            StoredTrack(65535, "", 2, 139, 138),
        ]
        assert store.frames_of(1, Origin.PROMPTED) == [0]
        boxes = [(index, track_id, box.tolist()) for index, track_id, box in store.boxes(1, 3)]
    assert boxes == [
        (1, 1, [1, 2, 5, 5]),
        (2, 1, [2, 2, 6, 6]),
        (2, 65535, [0, 0, 16, 12]),
    ]


def test_events_come_in_order(path: Path) -> None:
    with RunStore.open(path) as store:
        events = store.events()
        assert store.times()[:2] == [Fraction(-1, 3), Fraction(-1, 3) + Fraction(1001, 30000)]
    assert events[:3] == [
        (0, Event(EventKind.STARTED, 1, "Hündchen")),
        (0, Event(EventKind.CUT, 0)),
        (4, Event(EventKind.LOST, 1, "confidence 0.10")),
    ]
    assert len(events) == 30


def test_a_run_that_goes_on_is_read_as_it_was_when_it_was_opened(
    tmp_path: Path, info: VideoInfo, make: Make
) -> None:
    sink = RunStoreSink(tmp_path / "live.db", info)
    results = make(4)
    for result in results[:2]:
        sink.write(result)
    sink._commit()
    with RunStore.open(tmp_path / "live.db") as store:
        for result in results[2:]:
            sink.write(result)
        sink._commit()
        assert (store.frame_count, len(list(store.results()))) == (2, 2)
        assert len(list(store.masks(1))) == 2
        assert len(list(store.masks(65535))) == 0
    sink.abort()


def test_the_manifest_is_the_file_beside_it_or_else_the_copy(path: Path) -> None:
    with RunStore.open(path) as store:
        assert store.manifest == {}
    (path.parent / "run.json").write_text(json.dumps({"status": "complete"}))
    with RunStore.open(path) as store:
        assert store.manifest == {"status": "complete"}


def test_a_name_with_signs_of_an_address_is_opened(
    tmp_path: Path, info: VideoInfo, make: Make
) -> None:
    folder = tmp_path / "50% #1?mode=rw ü"
    folder.mkdir()
    RunStoreSink(folder / "tracks.db", info).close()
    assert is_store(folder / "tracks.db")
    with RunStore.open(folder) as store:
        assert store.frame_count == 0
        assert list(store.results()) == []
        with pytest.raises(DatasetError, match="no frame 0"):
            store.result(0)


def other_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE a (b)")
    connection.close()


def other_version(path: Path) -> None:
    RunStoreSink(path, VideoInfo(4, 4)).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def nothing_said(path: Path) -> None:
    RunStoreSink(path, VideoInfo(4, 4)).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DELETE FROM meta")
    connection.close()


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (lambda path: None, "no such run store; runs of `track-anything track` have a tracks.db"),
        (lambda path: path.write_text("hello" * 300), "cannot be read as a run store"),
        (lambda path: path.write_bytes(b""), "is a database, but no run store"),
        (other_database, "is a database, but no run store"),
        (other_version, "is a run store of version 99, expected 1"),
        (nothing_said, "does not say what was tracked"),
    ],
    ids=["nothing", "text", "empty", "database", "version", "no info"],
)
def test_what_is_no_store_is_refused_in_one_line(
    tmp_path: Path, write: Callable[[Path], object], text: str
) -> None:
    path = tmp_path / "tracks.db"
    write(path)
    with pytest.raises(DatasetError, match=text) as caught:
        RunStore.open(path)
    assert "\n" not in str(caught.value)


def test_a_damaged_row_is_named(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE masks SET rle = x'00' WHERE frame = 9 AND track_id = 1")
    connection.close()
    with (
        RunStore.open(path) as store,
        pytest.raises(DatasetError, match="the row of object 1 on frame 9 is damaged"),
    ):
        list(store.results())


def test_a_part_that_is_none_is_refused(path: Path) -> None:
    with RunStore.open(path) as store:
        for wrong in ({"start": -1}, {"stride": 0}):
            with pytest.raises(ValueError, match="start is 0 or more and stride 1 or more"):
                next(store.results(**wrong))


def test_frames_are_those_of_the_result(path: Path) -> None:
    with RunStore.open(path) as store:
        frame = store.result(3).frame
    assert isinstance(frame, Frame)
    assert (frame.index, frame.is_corrupt) == (3, True)

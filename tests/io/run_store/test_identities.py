"""Identities corrected in a store."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from track_anything.errors import ConfigError, DatasetError, OutputError
from track_anything.io.run_store import RunStore, RunStoreSink, stored_edits, undo_last
from track_anything.io.run_store.identities import (
    drop_track,
    merge_tracks,
    rename_track,
    split_track,
    swap_tracks,
)
from track_anything.masks import mask_box
from track_anything.structures import (
    Event,
    EventKind,
    Frame,
    FrameResult,
    ObjectMask,
    Origin,
    State,
    VideoInfo,
)

SIZE = (8, 12)
ALL = (0, 6)

Content = list[tuple[int, list[tuple[object, ...]], list[Event]]]


def thing(
    track_id: int, columns: tuple[int, int], confidence: float, label: str, state: State
) -> ObjectMask:
    mask = np.zeros(SIZE, np.bool_)
    mask[2:4, slice(*columns)] = True
    return ObjectMask(track_id, mask, mask_box(mask), confidence, state, Origin.PROPAGATED, label)


def results() -> list[FrameResult]:
    """Six frames: 1 (dog) at columns 0-2, 5 (cat) at columns 6-8; 1 is lost from frame 3 on.

    5 comes on frame 1. Frame 3 says that 1 is lost and 5 was corrected.
    """
    found = []
    for index in range(6):
        dog = thing(1, (0, 2), 0.9, "dog", State.CONFIRMED)
        if index >= 3:
            dog = thing(1, (0, 0), 0.0, "dog", State.LOST)
        cat = thing(5, (6, 8), 0.7, "cat", State.WEAK)
        events = [Event(EventKind.LOST, 1, "a"), Event(EventKind.CORRECTED, 5, "b")]
        image = np.zeros((*SIZE, 3), np.uint8)
        found.append(
            FrameResult(
                Frame(index, Fraction(index, 25), image),
                [dog, cat] if index else [dog],
                events if index == 3 else [],
            )
        )
    return found


def write(path: Path, rows: Sequence[FrameResult], *, is_complete: bool = True) -> Path:
    sink = RunStoreSink(path / "tracks.db", VideoInfo(width=SIZE[1], height=SIZE[0]))
    for row in rows:
        sink.write(row)
    sink.close() if is_complete else sink.abort()
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write(tmp_path, results())


def content(run: Path) -> Content:
    """All that a store says, in a form that compares."""
    with RunStore.open(run) as store:
        return [
            (
                result.frame.index,
                [
                    (
                        one.track_id,
                        one.mask.tobytes(),
                        one.box.tolist(),
                        one.confidence,
                        one.state,
                        one.origin,
                        one.label,
                    )
                    for one in result.objects
                ],
                list(result.events),
            )
            for result in store.results()
        ]


def left_edges(run: Path, frame: int) -> dict[int, float | None]:
    """Where each object begins on a frame; None for an empty mask."""
    with RunStore.open(run) as store:
        return {
            one.track_id: float(one.box[0]) if one.mask.any() else None
            for one in store.result(frame).objects
        }


def labels(run: Path, frame: int) -> dict[int, str]:
    with RunStore.open(run) as store:
        return {one.track_id: one.label for one in store.result(frame).objects}


def test_a_swap_exchanges_masks_on_its_frames_alone(run: Path) -> None:
    swap_tracks(run, 1, 5, (2, 4))
    assert left_edges(run, 1) == {1: 0.0, 5: 6.0}
    assert left_edges(run, 2) == {1: 6.0, 5: 0.0}
    assert left_edges(run, 3) == {1: 6.0, 5: None}
    assert left_edges(run, 4) == {1: None, 5: 6.0}


def test_names_stay_with_the_ids_and_events_go_with_the_masks(run: Path) -> None:
    swap_tracks(run, 1, 5, (2, 4))
    assert labels(run, 2) == {1: "dog", 5: "cat"}
    with RunStore.open(run) as store:
        assert [(event.kind, event.track_id) for _, event in store.events()] == [
            (EventKind.LOST, 5),
            (EventKind.CORRECTED, 1),
        ]
        states = {one.track_id: one.state for one in store.result(2).objects}
    assert states == {1: State.WEAK, 5: State.CONFIRMED}


def test_a_swap_where_one_is_absent_moves_the_other(run: Path) -> None:
    swap_tracks(run, 1, 5, (0, 1))
    assert left_edges(run, 0) == {5: 0.0}
    assert labels(run, 0) == {5: "cat"}


def test_a_merge_is_the_union_and_its_box_fits(run: Path) -> None:
    merge_tracks(run, 1, 5, ALL)
    with RunStore.open(run) as store:
        (one,) = store.result(1).objects
        assert [track.track_id for track in store.tracks] == [1]
        assert store.tracks[0].visible_frames == 6
    assert one.track_id == 1
    assert np.flatnonzero(one.mask[2]).tolist() == [0, 1, 6, 7]
    assert one.box.tolist() == [0, 2, 8, 4]
    # Of the less sure one of the two.
    assert (one.confidence, one.state, one.label) == (0.7, State.WEAK, "dog")


def test_where_one_is_visible_a_merge_takes_it_as_it_is(run: Path) -> None:
    merge_tracks(run, 1, 5, ALL)
    with RunStore.open(run) as store:
        alone, other = store.result(0).objects[0], store.result(4).objects[0]
    assert (alone.confidence, alone.state) == (0.9, State.CONFIRMED)
    assert (other.confidence, other.state, other.box.tolist()) == (0.7, State.WEAK, [6, 2, 8, 4])
    assert (other.track_id, other.label) == (1, "dog")


def test_the_other_id_can_be_the_one_that_stays(run: Path) -> None:
    merge_tracks(run, 5, 1, (3, 6))
    assert left_edges(run, 2) == {1: 0.0, 5: 6.0}
    assert left_edges(run, 3) == {5: 6.0}
    merge_tracks(run, 5, 1, (0, 1))
    assert left_edges(run, 0) == {5: 0.0}
    assert labels(run, 0) == {5: "cat"}


def test_events_of_what_was_merged_follow(run: Path) -> None:
    merge_tracks(run, 1, 5, ALL)
    with RunStore.open(run) as store:
        assert {event.track_id for _, event in store.events()} == {1}


def test_a_split_gives_the_later_part_the_next_id_and_the_name(run: Path) -> None:
    assert split_track(run, 1, 2) == 6
    assert left_edges(run, 1) == {1: 0.0, 5: 6.0}
    assert left_edges(run, 2) == {5: 6.0, 6: 0.0}
    assert labels(run, 2)[6] == "dog"
    with RunStore.open(run) as store:
        assert store.events()[0][1].track_id == 6


def test_an_id_is_never_given_twice(run: Path) -> None:
    assert split_track(run, 1, 2) == 6
    undo_last(run)
    assert split_track(run, 1, 2) == 7
    drop_track(run, 7, ALL)
    assert split_track(run, 5, 3) == 8
    with pytest.raises(ConfigError, match="id 7 was used before; the next free one is 9"):
        split_track(run, 5, 2, new_id=7)
    assert split_track(run, 5, 2, new_id=40) == 40


def test_ids_end_where_label_maps_do(run: Path) -> None:
    split_track(run, 5, 3, new_id=65535)
    with pytest.raises(ConfigError, match="an id is 1 to 65535, got 65536"):
        split_track(run, 5, 2)


@pytest.mark.parametrize("frame", [0, 1, 6])
def test_a_split_leaves_both_parts_something(run: Path, frame: int) -> None:
    before = content(run)
    with pytest.raises(ConfigError, match="on frames 1 to 5: it can be split at 2 to 5"):
        split_track(run, 5, frame)
    assert content(run) == before


def test_a_drop_removes_rows_and_events_of_its_frames(run: Path) -> None:
    drop_track(run, 1, (3, 6))
    assert left_edges(run, 2) == {1: 0.0, 5: 6.0}
    assert left_edges(run, 3) == {5: 6.0}
    with RunStore.open(run) as store:
        assert [event.track_id for _, event in store.events()] == [5]
        assert store.frame_count == 6


def test_a_new_name_is_on_all_frames(run: Path) -> None:
    rename_track(run, 5, "Zoë <b>")
    with RunStore.open(run) as store:
        assert {one.label for _, one in store.masks(5)} == {"Zoë <b>"}
        assert {one.label for _, one in store.masks(1)} == {"dog"}


EDITS: dict[str, Callable[[Path], object]] = {
    "swap": lambda run: swap_tracks(run, 1, 5, (1, 5)),
    "merge": lambda run: merge_tracks(run, 1, 5, ALL),
    "merge into the later": lambda run: merge_tracks(run, 5, 1, ALL),
    "split": lambda run: split_track(run, 5, 3),
    "drop": lambda run: drop_track(run, 1, (2, 5)),
    "rename": lambda run: rename_track(run, 1, "wolf"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_undoing_brings_every_row_back(run: Path, edit: Callable[[Path], object]) -> None:
    before = content(run)
    edit(run)
    assert content(run) != before
    undo_last(run)
    assert content(run) == before
    assert stored_edits(run) == []


def test_edits_on_edits_are_undone_in_reverse_order(run: Path) -> None:
    states = [content(run)]
    for edit in EDITS.values():
        if edit is EDITS["merge into the later"]:
            continue
        if edit is EDITS["split"]:
            split_track(run, 1, 3)
        else:
            edit(run)
        states.append(content(run))
    for expected in reversed(states[:-1]):
        undo_last(run)
        assert content(run) == expected


def test_the_journal_says_what_was_done(run: Path) -> None:
    swap_tracks(run, 1, 5, (1, 5))
    split_track(run, 1, 3)
    assert [(edit.kind, edit.arguments) for edit in stored_edits(run)] == [
        ("swap", {"ids": [1, 5], "frames": [1, 5]}),
        ("split", {"ids": [1], "frame": 3, "new_id": 6}),
    ]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda run: swap_tracks(run, 1, 1, ALL), "1 twice"),
        (lambda run: swap_tracks(run, 1, 9, ALL), "no object 9"),
        (lambda run: swap_tracks(run, 1, 5, (6, 9)), "object 1 and object 5: not on frames 6 to 8"),
        (lambda run: merge_tracks(run, 1, 5, (0, 1)), "object 5: not on frames 0 to 0"),
        (lambda run: merge_tracks(run, 9, 5, ALL), "no object 9"),
        (lambda run: drop_track(run, 5, (0, 1)), "object 5: not on frames 0 to 0"),
        (lambda run: rename_track(run, 2, "x"), "no object 2"),
        (lambda run: split_track(run, 2, 3), "no object 2"),
    ],
)
def test_what_changes_nothing_is_refused_and_leaves_no_entry(
    run: Path, edit: Callable[[Path], object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        edit(run)
    assert stored_edits(run) == []


def test_a_run_that_goes_on_is_not_edited(tmp_path: Path) -> None:
    write(tmp_path, results(), is_complete=False)
    with pytest.raises(OutputError, match="not complete"):
        swap_tracks(tmp_path, 1, 5, ALL)


def test_a_folder_without_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"tracks\.db"):
        drop_track(tmp_path / "tracks.db", 1, ALL)

"""Corrections of a complete run: only what they concern changes."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from track_anything import revise as revise_module
from track_anything.build import OutputParts
from track_anything.config import AppearanceConfig, PropagatorConfig, RunConfig, TrackerConfig
from track_anything.corrections import corrections_of
from track_anything.errors import DatasetError, PromptError, TrackAnythingError, TrackingError
from track_anything.execution import execute
from track_anything.io.png_masks import read_mask_png
from track_anything.io.run_store import RunStore, editing, stored_edits, undo_last
from track_anything.job import Job, plan
from track_anything.masks import mask_box, mask_iou
from track_anything.prompts import Hints, ObjectSpec, PromptSchedule, TimeCode
from track_anything.revise import plan_revision, revise, track_again
from track_anything.structures import EventKind, ObjectMask, Origin, Prompt, State
from track_anything.testing import MovingSquare

FRAMES = 20
SIZE = (72, 96)
APPEARANCE = AppearanceConfig(hidden=8, first_steps=30, steps=2, key_steps=10, batch=128)
QUICK = RunConfig(segmenter="grabcut", propagator=PropagatorConfig(appearance=APPEARANCE))


@pytest.fixture
def square() -> MovingSquare:
    return MovingSquare(frame_count=FRAMES, size=SIZE, side=24, velocity=(3, 1))


def box(source: MovingSquare, index: int) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(side) for side in source.box(index))
    return x0, y0, x1, y1


def at(index: int) -> TimeCode:
    return TimeCode(frame_index=index)


@pytest.fixture
def job(square: MovingSquare, tmp_path: Path) -> Job:
    """The square from frame 0 on, and a part of the background that it passes, from 2 on."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for frame in square:
        Image.fromarray(frame.image).save(folder / f"{frame.index:05d}.png")
    objects = (
        ObjectSpec(name="square", hints=(Hints(box=box(square, 0)),)),
        ObjectSpec(name="patch", hints=(Hints(at=at(2), box=(60, 40, 90, 66)),)),
    )
    parts = OutputParts(video=False)
    return Job(
        input=str(folder), prompts=objects, output=tmp_path / "run", config=QUICK, parts=parts
    )


@pytest.fixture
def folder(job: Job) -> Path:
    """A complete run."""
    execute(plan(job))
    assert job.output is not None
    return job.output


Rows = Mapping[tuple[int, int], tuple[object, ...]]


def rows(folder: Path) -> Rows:
    with RunStore.open(folder) as store:
        return {
            (result.frame.index, one.track_id): (
                one.mask.tobytes(),
                one.confidence,
                one.state,
                one.origin,
                one.label,
            )
            for result in store.results()
            for one in result.objects
        }


def changed(before: Rows, after: Rows) -> set[tuple[int, int]]:
    return {key for key in {*before, *after} if before.get(key) != after.get(key)}


def correct(folder: Path, *objects: ObjectSpec) -> list[str]:
    told: list[str] = []
    revise(plan_revision(folder, objects), tell=told.append)
    return told


def spoil(folder: Path, start: int, stop: int) -> None:
    """Make the first object a wrong part of the background on some frames."""
    wrong = np.zeros(SIZE, np.bool_)
    wrong[50:70, 2:22] = True
    with editing(folder, "spoil", {}) as edit:
        edit.keep(1, start, stop)
        for frame in range(start, stop):
            edit.put(frame, ObjectMask(1, wrong, mask_box(wrong), 0.6, label="square"))


def test_a_correction_mends_what_went_wrong_before_and_after_it(
    folder: Path, square: MovingSquare
) -> None:
    right = rows(folder)
    spoil(folder, 7, FRAMES)
    before = rows(folder)
    told = correct(
        folder, ObjectSpec(name="square", hints=(Hints(at=at(12), box=box(square, 12)),))
    )
    after = rows(folder)
    # Backwards until it meets the masks that were right: those are left as they were.
    assert changed(before, after) == {(frame, 1) for frame in range(7, FRAMES)}
    assert told == [
        "object 1 'square': frames 12 to 19 tracked again.",
        "object 1 'square': frames 7 to 11 tracked again, backwards.",
    ]
    with RunStore.open(folder) as store:
        for frame in range(7, FRAMES):
            one = store.one(frame, 1)
            assert one is not None
            assert mask_iou(one.mask, square.truth(frame)) > 0.8
            assert one.origin is (Origin.PROMPTED if frame == 12 else Origin.PROPAGATED)
            assert one.label == "square"
        lost = {EventKind.LOST, EventKind.FOUND, EventKind.STARTED, EventKind.CORRECTED}
        said = [(i, e.kind) for i, e in store.events() if e.track_id == 1 and e.kind in lost]
    assert said == [(0, EventKind.STARTED), (12, EventKind.CORRECTED)]
    # The files say the same.
    drawn = read_mask_png(folder / "masks" / "00009.png") == 1
    assert mask_iou(drawn, square.truth(9)) > 0.8
    undo_last(folder)
    undo_last(folder)
    assert rows(folder) == right


def test_nothing_is_tracked_beyond_the_next_and_the_last_key_frame(
    folder: Path, square: MovingSquare
) -> None:
    for index in (5, 15):
        correct(
            folder, ObjectSpec(name="square", hints=(Hints(at=at(index), box=box(square, index)),))
        )
    spoil(folder, 2, 18)
    before = rows(folder)
    correct(folder, ObjectSpec(track_id=1, hints=(Hints(at=at(10), box=box(square, 10)),)))
    touched = changed(before, rows(folder))
    # The spoilt rows have lost the marks of the user: all but the first and the last are free.
    assert {track_id for _, track_id in touched} == {1}
    assert min(touched) >= (1, 1)
    with RunStore.open(folder) as store:
        assert store.frames_of(1, Origin.PROMPTED) == [0, 10]


def test_key_frames_bound_what_is_tracked_again(folder: Path, square: MovingSquare) -> None:
    two = (5, 15)
    hints = tuple(Hints(at=at(index), box=box(square, index)) for index in two)
    told = correct(folder, ObjectSpec(name="square", hints=hints))
    assert [line.partition(": ")[2] for line in told if "backwards" not in line] == [
        "frames 5 to 14 tracked again.",
        "frames 15 to 19 tracked again.",
    ]
    before = rows(folder)
    wrong = np.zeros(SIZE, np.bool_)
    wrong[30:50, 30:60] = True
    path = folder.parent / "wrong.png"
    Image.fromarray(wrong.astype(np.uint8) * 255).save(path)
    correct(folder, ObjectSpec(name="square", hints=(Hints(at=at(10), mask=path),)))
    touched = {frame for frame, _ in changed(before, rows(folder))}
    assert set(range(10, 15)) <= touched <= set(range(6, 15))
    with RunStore.open(folder) as store:
        one = store.one(10, 1)
        assert one is not None
        # The user's mask is final, whoever else claims its pixels.
        assert np.array_equal(one.mask, wrong)


@pytest.mark.parametrize("has_rivals", [True, False])
def test_masks_tracked_again_take_no_pixel_from_others(
    folder: Path, has_rivals: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_rivals:
        # An object that comes near only later is not tracked along.
        monkeypatch.setattr(revise_module.Retracker, "_rivals", lambda *_: {})
    before = rows(folder)
    large = np.zeros(SIZE, np.bool_)
    large[10:66, 30:90] = True
    path = folder.parent / "large.png"
    Image.fromarray(large.astype(np.uint8) * 255).save(path)
    correct(folder, ObjectSpec(name="square", hints=(Hints(at=at(3), mask=path),)))
    after = rows(folder)
    assert {track_id for _, track_id in changed(before, after)} == {1}
    with RunStore.open(folder) as store:
        for result in store.results(start=2):
            one, other = result.objects
            # On the corrected frame itself the user's mask is final.
            assert result.frame.index == 3 or not (one.mask & other.mask).any()
            assert np.array_equal(one.box, mask_box(one.mask))


def test_a_new_object_begins_on_its_first_prompt_with_an_id_that_was_never_used(
    folder: Path,
) -> None:
    with editing(folder, "note", {}) as edit:
        edit.note("used_ids", [1, 2, 7])
    before = rows(folder)
    correct(
        folder,
        ObjectSpec(name="late", hints=(Hints(at=at(14), box=(2, 44, 30, 68)),)),
        ObjectSpec(hints=(Hints(at=at(18), box=(2, 44, 30, 68)),)),
    )
    after = rows(folder)
    assert changed(before, after) == {
        *((frame, 8) for frame in range(14, FRAMES)),
        *((frame, 9) for frame in range(18, FRAMES)),
    }
    with RunStore.open(folder) as store:
        assert [track.label for track in store.tracks] == ["square", "patch", "late", ""]
        assert (14, EventKind.STARTED) in [(i, e.kind) for i, e in store.events()]
    # The next correction knows what was said in this one.
    told = correct(folder, ObjectSpec(name="late", hints=(Hints(at=at(16), box=(2, 44, 30, 68)),)))
    assert told[0] == "object 8 'late': frames 16 to 19 tracked again."


def test_an_object_said_to_be_absent_is_hidden_and_looked_for_afterwards(
    folder: Path, square: MovingSquare
) -> None:
    before = rows(folder)
    told = correct(
        folder,
        ObjectSpec(
            name="square", hints=(), absent=((at(6), TimeCode(frame_index=9)),), is_correction=True
        ),
    )
    assert told[-1] == "object 1 'square': frames 8 to 19 tracked again."
    with RunStore.open(folder) as store:
        for frame in range(6, 9):
            one = store.one(frame, 1)
            assert one is not None
            assert not one.mask.any()
            assert (one.state, one.origin) == (State.OCCLUDED, Origin.PROMPTED)
        last = store.one(FRAMES - 1, 1)
        assert last is not None
        assert mask_iou(last.mask, square.truth(FRAMES - 1)) > 0.8
        said = [index for index, event in store.events() if event.kind is EventKind.ABSENT]
    assert said == [6]
    assert min(changed(before, rows(folder))) == (6, 1)


def test_background_points_alone_correct_what_is_known(folder: Path) -> None:
    before = rows(folder)
    told = correct(
        folder,
        ObjectSpec(
            name="square",
            hints=(Hints(at=at(8), background_points=((5, 60),)),),
            is_correction=True,
        ),
    )
    assert told[0] == "object 1 'square': frames 8 to 19 tracked again."
    # Points refine the mask that is there: it does not become another.
    with RunStore.open(folder) as store:
        one = store.one(8, 1)
    assert one is not None
    was = np.frombuffer(before[8, 1][0], np.bool_).reshape(SIZE)  # type: ignore[call-overload]
    assert mask_iou(one.mask, was) > 0.8


def test_a_failure_while_tracking_leaves_the_run_as_it_was(
    folder: Path, square: MovingSquare, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, files = rows(folder), {p: p.stat().st_mtime_ns for p in folder.rglob("*.png")}
    revision = plan_revision(
        folder, [ObjectSpec(name="square", hints=(Hints(at=at(12), box=box(square, 12)),))]
    )

    def fail(*_: object) -> None:
        raise TrackingError("in the middle")

    monkeypatch.setattr(revise_module.Retracker, "backwards", fail)
    with pytest.raises(TrackingError, match="in the middle"):
        track_again(revision, lambda _: None)
    revision.close()
    assert rows(folder) == before
    assert stored_edits(folder) == []
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*.png")} == files


def test_masks_may_overlap_where_the_run_says_so(job: Job, square: MovingSquare) -> None:
    overlapping = replace(job, config=replace(QUICK, tracker=TrackerConfig(overlaps="keep")))
    execute(plan(overlapping))
    assert job.output is not None
    # The patch is at 60,40,90,66: a mask of the square that reaches over a half of it.
    large = np.zeros(SIZE, np.bool_)
    large[20:66, 40:75] = True
    Image.fromarray(large.astype(np.uint8) * 255).save(job.output.parent / "large.png")
    correct(
        job.output,
        ObjectSpec(name="square", hints=(Hints(at=at(3), mask=job.output.parent / "large.png"),)),
    )
    with RunStore.open(job.output) as store:
        one, other = store.result(4).objects
        assert (one.mask & other.mask).any()


def hints(index: int = 5) -> tuple[Hints, ...]:
    return (Hints(at=at(index), box=(10, 10, 40, 40)),)


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (ObjectSpec(track_id=1, name="dog", hints=hints()), PromptError, "object 1 is 'square'"),
        (ObjectSpec(name="a", hints=hints(20)), PromptError, "the run ends before object 'a' at"),
        (ObjectSpec(name="a", hints=hints(99)), PromptError, "past the end: the video has 20"),
        (
            ObjectSpec(name="cat", hints=(Hints(background_points=((1, 1),)),), is_correction=True),
            PromptError,
            "'cat' has only background points",
        ),
        (
            ObjectSpec(name="cat", hints=(), absent=((at(3), at(5)),), is_correction=True),
            PromptError,
            "cat",
        ),
        (
            ObjectSpec(name="square", hints=(), absent=((at(90), at(95)),), is_correction=True),
            PromptError,
            "past the end",
        ),
    ],
)
def test_corrections_that_do_not_fit_the_run_are_refused(
    folder: Path, given: ObjectSpec, error: type[TrackAnythingError], text: str
) -> None:
    with pytest.raises(error, match=text):
        plan_revision(folder, [given])


def test_a_name_that_several_objects_have_is_refused(folder: Path) -> None:
    with editing(folder, "rename", {}) as edit:
        edit.connection.execute("UPDATE masks SET label = 'square'")
    with pytest.raises(PromptError, match="object 'square' is one of 1, 2: say which with its id"):
        plan_revision(folder, [ObjectSpec(name="square", hints=hints())])


def test_a_run_that_is_not_complete_is_not_corrected(folder: Path, monkeypatch: object) -> None:
    with editing(folder, "note", {}) as edit:
        edit.note("is_complete", False)
    with pytest.raises(DatasetError, match="is not complete: `track-anything track --resume"):
        plan_revision(folder, [ObjectSpec(name="square", hints=hints())])


def test_a_correction_knows_the_key_frames_around_it(folder: Path) -> None:
    known = PromptSchedule.from_frames({0: [Prompt(box=np.array([1, 1, 9, 9]))]})
    spec = ObjectSpec(
        name="square",
        hints=(*hints(4), Hints(at=TimeCode(seconds=Fraction(12, 25)), box=(10, 10, 40, 40))),
    )
    with RunStore.open(folder) as store:
        (found,), joined = corrections_of(store, [spec], known)
    assert (found.track_id, list(found.prompts), found.keys) == (1, [4, 12], [0, 4, 12])
    assert [found.next_key(frame) for frame in (0, 4, 12)] == [4, 12, FRAMES]
    assert [found.previous_key(frame) for frame in (0, 4, 12)] == [None, 0, 4]
    (item,) = joined.objects
    assert len(item.prompts) == 3

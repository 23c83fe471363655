"""Objects prompted in the middle are followed to both ends, and begin where they came from."""

import json
import weakref
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from track_anything import backward
from track_anything.api import follow, resume_run, track
from track_anything.build import OutputParts
from track_anything.config import (
    AppearanceConfig,
    LookBackConfig,
    PropagatorConfig,
    RunConfig,
    TrackerConfig,
)
from track_anything.errors import ConfigError
from track_anything.execution import execute
from track_anything.io.frame_access import FrameAccess
from track_anything.io.png_masks import read_mask_png
from track_anything.io.run_store import RunStore, completing, stored_edits
from track_anything.io.tables import read_tracks_csv
from track_anything.job import Job, plan
from track_anything.masks import mask_box, mask_iou
from track_anything.resume import plan_to_resume
from track_anything.run import UnreachedPromptError
from track_anything.structures import (
    Event,
    EventKind,
    Frame,
    FrameResult,
    Mask,
    ObjectMask,
    Origin,
    Prompt,
    State,
    VideoInfo,
)
from track_anything.testing import RecordingSink
from track_anything.tracked_backwards import reversed_frames

FRAMES, SIZE, SIDE = 24, (96, 128), 22
MIDDLE = 12
APPEARANCE = AppearanceConfig(hidden=8, first_steps=30, steps=2, key_steps=10, batch=128)
QUICK = RunConfig(
    segmenter="none", direction="both", propagator=PropagatorConfig(appearance=APPEARANCE)
)


class Drawn:
    """Two squares of their own textures: one crosses the clip, one enters through the left side."""

    def __init__(self) -> None:
        random = np.random.default_rng(3)
        self._background = random.integers(20, 90, (*SIZE, 3), np.uint8)
        self._squares = {
            1: random.integers(160, 250, (SIDE, SIDE, 3), np.uint8),
            2: random.integers(0, 250, (SIDE, SIDE, 3), np.uint8) // (1, 4, 4),
        }

    def corner(self, track_id: int, index: int) -> tuple[int, int]:
        # The second one is fully outside up to frame 5.
        return (8 + 3 * index, 8 + index) if track_id == 1 else (-SIDE + 5 * (index - 5), 66)

    def truth(self, track_id: int, index: int) -> Mask:
        mask = np.zeros(SIZE, np.bool_)
        x, y = self.corner(track_id, index)
        mask[y : y + SIDE, max(x, 0) : max(x + SIDE, 0)] = True
        return mask

    def frame(self, index: int) -> Frame:
        image = self._background.copy()
        for track_id, texture in self._squares.items():
            x, y = self.corner(track_id, index)
            left = max(-x, 0)
            if left < SIDE:
                part = texture[:, left:]
                stop = min(x + SIDE, SIZE[1])
                image[y : y + SIDE, x + left : stop] = part[:, : stop - x - left]
        return Frame(index, index, image)


DRAWN = Drawn()


def mask_prompt(track_id: int, index: int) -> Prompt:
    return Prompt(mask=DRAWN.truth(track_id, index), track_id=track_id, label=f"square {track_id}")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn clip as pictures."""
    folder = tmp_path_factory.mktemp("clip")
    for index in range(FRAMES):
        Image.fromarray(DRAWN.frame(index).image).save(folder / f"{index:05d}.png")
    return folder


def job_on(clip: Path, folder: Path, prompts: Mapping[int, list[Prompt]], **config: Any) -> Job:
    return Job(
        input=str(clip),
        prompts=prompts,
        output=folder,
        config=replace(QUICK, **config),
        parts=OutputParts(video=False),
    )


ONE = {MIDDLE: [mask_prompt(1, MIDDLE)]}
TWO = {MIDDLE: [mask_prompt(1, MIDDLE)], 16: [mask_prompt(2, 16)]}


@pytest.fixture(scope="module")
def run(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both squares followed both ways, prompted on frames 12 and 16."""
    folder = tmp_path_factory.mktemp("run") / "out"
    execute(plan(job_on(clip, folder, TWO)))
    return folder


def rows(folder: Path, track_id: int) -> Mapping[int, tuple[object, ...]]:
    with RunStore.open(folder) as store:
        return {
            frame: (one.mask.tobytes(), one.confidence, one.state, one.origin, one.label)
            for frame, one in store.masks(track_id)
        }


def events(folder: Path, track_id: int) -> list[tuple[int, EventKind]]:
    with RunStore.open(folder) as store:
        return [(f, event.kind) for f, event in store.events() if event.track_id == track_id]


def test_an_object_prompted_in_the_middle_is_followed_to_both_ends(run: Path) -> None:
    with RunStore.open(run) as store:
        found = dict(store.masks(1))
        assert list(found) == list(range(FRAMES))
        ious = [mask_iou(one.mask, DRAWN.truth(1, frame)) for frame, one in found.items()]
        origins = {frame: one.origin for frame, one in found.items()}
    assert min(ious) > 0.8, ious
    assert origins.pop(MIDDLE) is Origin.PROMPTED
    assert set(origins.values()) == {Origin.PROPAGATED}


def test_an_object_is_absent_before_it_entered(run: Path) -> None:
    with RunStore.open(run) as store:
        first = store.tracks[1].first_frame
        found = dict(store.masks(2))
    # It is outside up to frame 5, and by frame 8 three quarters of it are in view.
    assert 5 < first <= 8
    assert all(mask_iou(found[f].mask, DRAWN.truth(2, f)) > 0.7 for f in range(9, FRAMES))


def test_an_object_starts_on_its_earliest_frame_and_is_corrected_by_its_prompt(run: Path) -> None:
    assert events(run, 1) == [(0, EventKind.STARTED), (MIDDLE, EventKind.CORRECTED)]
    first = min(rows(run, 2))
    assert events(run, 2)[:2] == [(first, EventKind.STARTED), (16, EventKind.CORRECTED)]


def test_every_file_of_the_run_says_what_the_store_says(run: Path) -> None:
    with RunStore.open(run) as store:
        for index in (0, MIDDLE - 1, FRAMES - 1):
            painted = read_mask_png(run / "masks" / f"{index:05d}.png")
            for one in store.result(index).objects:
                np.testing.assert_array_equal(painted == one.track_id, one.mask)
        in_store = {(r.frame.index, one.track_id) for r in store.results() for one in r.objects}
    assert {(row.frame, row.track_id) for row in read_tracks_csv(run / "tracks.csv")} == in_store
    said = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert (said["status"], said["frames"]) == ("complete", FRAMES)
    assert said["options"]["direction"] == "both"
    assert said["objects"]["1"]["visible_frames"] == FRAMES
    assert said["event_counts"]["started"] == 2


def test_masks_from_the_prompt_on_are_those_of_a_run_that_goes_forward_only(
    run: Path, clip: Path, tmp_path: Path
) -> None:
    execute(plan(job_on(clip, tmp_path / "forward", TWO, direction="forward")))
    for track_id, first in ((1, MIDDLE), (2, 16)):
        later = {f: row for f, row in rows(run, track_id).items() if f >= first}
        assert later == rows(tmp_path / "forward", track_id)


def test_an_object_prompted_later_changes_nothing_of_an_earlier_one(
    run: Path, clip: Path, tmp_path: Path
) -> None:
    execute(plan(job_on(clip, tmp_path / "alone", ONE)))
    assert rows(tmp_path / "alone", 1) == rows(run, 1)


def test_backward_alone_ends_with_the_prompt_and_equals_the_earlier_part_of_both(
    run: Path, clip: Path, tmp_path: Path
) -> None:
    execute(plan(job_on(clip, tmp_path / "back", ONE, direction="backward")))
    earlier = {frame: row for frame, row in rows(run, 1).items() if frame <= MIDDLE}
    assert rows(tmp_path / "back", 1) == earlier
    with RunStore.open(tmp_path / "back") as store:
        assert store.frame_count == FRAMES


def test_backward_alone_warns_of_prompts_that_it_does_not_use(
    clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prompts = {3: [mask_prompt(1, 3)], 6: [mask_prompt(1, 6)]}
    execute(plan(job_on(clip, tmp_path / "back", prompts, direction="backward")))
    assert "object 'square 1': what is said of it after its first prompt" in caplog.text
    assert sorted(rows(tmp_path / "back", 1)) == [0, 1, 2, 3]


class Stop(RecordingSink):
    """Interrupts after so many results of all passes."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def write(self, result: FrameResult) -> None:
        super().write(result)
        if len(self.results) == self._count:
            raise KeyboardInterrupt


@pytest.mark.parametrize("count", [5, FRAMES + 4, FRAMES + 2 * MIDDLE, FRAMES + 40])
def test_a_run_stopped_in_any_pass_is_resumed_to_the_same_end(
    run: Path, clip: Path, tmp_path: Path, count: int
) -> None:
    folder = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        execute(plan(job_on(clip, folder, TWO)), watch=[Stop(count)])
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    assert resume_run(folder) is not None
    assert plan_to_resume(folder) is None
    for track_id in (1, 2):
        assert rows(folder, track_id) == rows(run, track_id)
        assert events(folder, track_id) == events(run, track_id)
    for name in ("tracks.csv", "tracks.jsonl", "masks/00003.png"):
        assert (folder / name).read_bytes() == (run / name).read_bytes()


def test_what_a_stopped_backward_pass_had_is_not_in_the_store(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        execute(plan(job_on(clip, tmp_path / "out", ONE)), watch=[Stop(FRAMES + 8)])
    assert min(rows(tmp_path / "out", 1)) == MIDDLE
    assert not backward.is_carried_back(tmp_path / "out")


def test_a_finished_backward_pass_is_not_done_again(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        execute(plan(job_on(clip, tmp_path / "out", ONE)), sinks=[Stop(3)])
    monkeypatch.setattr("track_anything.execution.carry_back", None)
    assert resume_run(tmp_path / "out") is not None
    assert min(rows(tmp_path / "out", 1)) == 0


def test_another_direction_does_not_resume_a_run(clip: Path, tmp_path: Path) -> None:
    job = job_on(clip, tmp_path / "out", ONE)
    with pytest.raises(KeyboardInterrupt):
        execute(plan(job), watch=[Stop(5)])
    other = replace(job, config=replace(job.config, direction="forward"))
    with pytest.raises(Exception, match="direction both, not forward"):
        plan_to_resume(tmp_path / "out", job=other)


def test_only_the_end_of_a_run_reaches_its_sinks_and_every_pass_its_watchers(
    clip: Path, tmp_path: Path
) -> None:
    sink, watcher = RecordingSink(), RecordingSink()
    planned = plan(job_on(clip, tmp_path / "out", ONE))
    expected = backward.expected_frames(planned)
    execute(planned, sinks=[sink], watch=[watcher])
    assert [result.frame.index for result in sink.results] == list(range(FRAMES))
    assert all(len(result.objects) == 1 for result in sink.results)
    # Forward, from the prompt to the first frame, and once more to write.
    assert len(watcher.results) == FRAMES + MIDDLE + 1 + FRAMES
    assert expected == 2 * FRAMES + MIDDLE


def test_a_prompt_that_was_never_reached_is_said_when_all_is_written(
    clip: Path, tmp_path: Path
) -> None:
    prompts = {**ONE, FRAMES: [mask_prompt(2, 16)]}
    with pytest.raises(UnreachedPromptError, match="square 2"):
        execute(plan(job_on(clip, tmp_path / "out", prompts)))
    assert min(rows(tmp_path / "out", 1)) == 0
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "complete"


def test_the_backward_pass_holds_no_more_frames_than_a_piece(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live: weakref.WeakSet[Any] = weakref.WeakSet()
    most: list[int] = []
    given = FrameAccess.frames

    class Kept:
        """Counts live pictures: arrays cannot be members of a set."""

    def counting(access: FrameAccess, start: int, stop: int) -> Iterator[Frame]:
        for frame in given(access, start, stop):
            token = Kept()
            live.add(token)
            weakref.finalize(frame.image, lambda kept: None, token)
            del token
            yield frame
            del frame

    class Measuring(RecordingSink):
        def write(self, result: FrameResult) -> None:
            most.append(len(live))

    monkeypatch.setattr(FrameAccess, "frames", counting)
    four = 4 * 3 * SIZE[0] * SIZE[1]
    small = partial(reversed_frames, memory_bytes=four)
    monkeypatch.setattr(backward, "reversed_frames", small)
    tracker = TrackerConfig(look_back=LookBackConfig(frames=0))
    last = {FRAMES - 1: [mask_prompt(1, FRAMES - 1)]}
    execute(plan(job_on(clip, tmp_path / "out", last, tracker=tracker)), watch=[Measuring()])
    # Four of the piece, and those that the tracker compares.
    assert 4 <= max(most) <= 6
    assert len(most) == 3 * FRAMES


def test_without_a_folder_objects_are_followed_forward_only(clip: Path) -> None:
    with pytest.raises(ConfigError, match="direction both needs an output folder"):
        track(clip, ONE, config=QUICK)
    with pytest.raises(ConfigError, match="direction both needs an output folder"):
        next(follow(clip, ONE, config=QUICK))


def test_standard_input_is_not_read_backwards(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="standard input cannot be read backwards"):
        track("-", ONE, tmp_path / "out", config=QUICK)


def test_an_unknown_direction_is_refused() -> None:
    with pytest.raises(ConfigError, match="direction is one of forward, backward, both, got 'up'"):
        RunConfig(direction="up")


class Scripted:
    """A tracker that gives every object it was prompted with what a script says, by frame fed."""

    def __init__(self, script: Mapping[int, Mapping[int, State]]) -> None:
        self._script = script
        self.prompted: list[list[int | None]] = []

    def start(self, info: VideoInfo) -> None:
        self._size, self._masks = info.size, dict[int, Mask]()

    def step(self, frame: Frame, prompts: Any) -> list[FrameResult]:
        if prompts:
            self.prompted.append([prompt.track_id for prompt in prompts])
        self._masks |= {prompt.track_id: prompt.mask for prompt in prompts}
        objects = []
        for track_id, mask in sorted(self._masks.items()):
            state = self._script.get(track_id, {}).get(frame.index, State.CONFIRMED)
            seen = mask & (state in (State.CONFIRMED, State.WEAK))
            objects.append(ObjectMask(track_id, seen, mask_box(seen), 0.9, state))
        return [FrameResult(frame, objects, [Event(EventKind.LOST, 1)])]

    def finish(self) -> list[FrameResult]:
        return []

    def save(self) -> bytes | None:
        return None

    def restore(self, state: bytes, *, frames: Any = ()) -> None:
        """Nothing was saved."""


def carried(clip: Path, folder: Path, prompts: Mapping[int, list[Prompt]], script: Any) -> Scripted:
    """A run whose backward pass is a scripted tracker's."""
    job = job_on(clip, folder, prompts)
    execute(plan(replace(job, config=replace(job.config, direction="forward"))))
    planned, tracker = plan(replace(job, overwrite=True)), Scripted(script)
    with closing(planned):
        backward.carry_back(planned, tracker)
    return tracker


def test_a_gap_is_told_as_it_would_be_forwards(clip: Path, tmp_path: Path) -> None:
    # Fed frame n is frame 12 - n of the run: gone on 9 and 8, and from 3 on to the first.
    gone = dict.fromkeys((3, 4), State.LEFT) | dict.fromkeys(range(9, 13), State.LOST)
    carried(clip, tmp_path / "out", ONE, {1: gone})
    assert events(tmp_path / "out", 1)[:4] == [
        (4, EventKind.STARTED),
        (8, EventKind.LEFT),
        (10, EventKind.FOUND),
        (MIDDLE, EventKind.CORRECTED),
    ]
    found = rows(tmp_path / "out", 1)
    assert min(found) == 4
    states = [found[frame][2] for frame in (7, 8, 9, 10)]
    assert states == [State.CONFIRMED, State.LEFT, State.LEFT, State.CONFIRMED]


def test_an_object_that_is_lost_at_once_begins_with_its_prompt(clip: Path, tmp_path: Path) -> None:
    lost = dict.fromkeys(range(1, 13), State.LOST)
    carried(clip, tmp_path / "out", ONE, {1: lost})
    assert min(rows(tmp_path / "out", 1)) == MIDDLE
    assert events(tmp_path / "out", 1)[0] == (MIDDLE, EventKind.STARTED)


def test_a_contested_pixel_belongs_to_the_object_prompted_first(clip: Path, tmp_path: Path) -> None:
    mask = DRAWN.truth(1, MIDDLE)
    upper = mask.copy()
    upper[int(np.flatnonzero(mask.any(axis=1))[0]) + SIDE // 2 :] = False
    prompts = {
        4: [Prompt(mask=upper, track_id=2)],
        MIDDLE: [Prompt(mask=mask, track_id=1)],
    }
    tracker = carried(clip, tmp_path / "out", prompts, {})
    with RunStore.open(tmp_path / "out") as store:
        first, second = store.result(0).objects
    np.testing.assert_array_equal(second.mask, upper)
    np.testing.assert_array_equal(first.mask, mask & ~upper)
    # A pass for each frame, the earlier one's objects first: they are rivals in the other.
    assert tracker.prompted[0] == [2]
    assert tracker.prompted[-1] == [1]


def test_a_change_that_belongs_to_a_run_is_no_edit_and_is_undone_by_an_error(
    clip: Path, tmp_path: Path
) -> None:
    carried(clip, tmp_path / "out", ONE, {})
    assert stored_edits(tmp_path / "out") == []
    before = rows(tmp_path / "out", 1)
    with RunStore.open(tmp_path / "out") as store:
        one = store.one(MIDDLE, 1)
    assert one is not None

    def fail() -> None:
        with completing(tmp_path / "out") as edit:
            edit.put(0, replace(one, confidence=0.1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert rows(tmp_path / "out", 1) == before

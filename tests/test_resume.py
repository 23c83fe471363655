"""A run that was stopped and goes on ends as one that never was."""

import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from track_anything import resume
from track_anything.build import OutputParts
from track_anything.config import (
    AppearanceConfig,
    DiscoveryConfig,
    PropagatorConfig,
    RunConfig,
    StyleConfig,
    WriteConfig,
)
from track_anything.errors import DatasetError, OutputError, TrackAnythingError, VideoError
from track_anything.execution import execute
from track_anything.io.run_store import RunStore, RunStoreSink, Snapshot
from track_anything.job import Job, Plan, Resumption, plan
from track_anything.prompts import Hints, ObjectSpec, TimeCode
from track_anything.resume import (
    ResumedTracker,
    SnapshottingTracker,
    plan_to_resume,
    plan_to_rewrite,
    was_stopped_at_birth,
)
from track_anything.structures import (
    Event,
    EventKind,
    Frame,
    FrameResult,
    Prompt,
    VideoInfo,
)
from track_anything.testing import (
    HoldingPropagator,
    MovingSquare,
    RecordingSink,
    ThresholdSegmenter,
)
from track_anything.tracking.flow_tracker import FlowTracker

FRAMES = 14
APPEARANCE = AppearanceConfig(hidden=8, first_steps=20, steps=2, key_steps=5, batch=128)
QUICK = RunConfig(segmenter="grabcut", propagator=PropagatorConfig(appearance=APPEARANCE))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A square followed from frame 0, corrected on 5 and hidden on 9 and 10; another from 3 on."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    source = MovingSquare(frame_count=FRAMES, size=(72, 96), side=24)
    for frame in source:
        Image.fromarray(frame.image).save(folder / f"{frame.index:05d}.png")

    def box(index: int) -> tuple[float, float, float, float]:
        x0, y0, x1, y1 = (float(side) for side in source.box(index))
        return x0, y0, x1, y1

    square = ObjectSpec(
        name="square",
        hints=(Hints(box=box(0)), Hints(at=TimeCode(frame_index=5), box=box(5))),
        absent=((TimeCode(frame_index=9), TimeCode(frame_index=11)),),
    )
    patch = ObjectSpec(
        name="patch", hints=(Hints(at=TimeCode(frame_index=3), box=(60, 4, 90, 20)),)
    )
    parts = OutputParts(video=False, object_masks=True)
    return Job(
        input=str(folder),
        prompts=(square, patch),
        output=tmp_path / "run",
        config=QUICK,
        parts=parts,
    )


@pytest.fixture
def whole(job: Job, tmp_path: Path) -> Path:
    """The run that was never stopped."""
    execute(plan(replace(job, output=tmp_path / "whole")))
    return tmp_path / "whole"


class Stop(RecordingSink):
    """Ends a run at a frame, as a signal does."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._at = at

    def write(self, result: FrameResult) -> None:
        super().write(result)
        if result.frame.index == self._at:
            raise KeyboardInterrupt


def folder_of(job: Job) -> Path:
    assert job.output is not None
    return job.output


def stop(job: Job, at: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        execute(plan(job), sinks=[Stop(at)])


def resumed(folder: Path, job: Job | None = None) -> Plan:
    planned = plan_to_resume(folder, job=job)
    assert planned is not None
    return planned


def content(folder: Path) -> Mapping[str, str]:
    """A hash of every mask and table, and of every table of the store."""
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".png", ".csv", ".jsonl")
    }
    connection = sqlite3.connect(folder / "tracks.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    for table in ("frames", "masks", "events"):
        rows = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
        found[table] = hashlib.sha256(repr(rows).encode()).hexdigest()
    connection.close()
    return found


def manifest(folder: Path) -> Any:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("at", "seconds"), [(0, 0.0), (4, 0.0), (8, 0.0), (13, 0.0), (1, 999.0), (10, 999.0)]
)
def test_a_run_stopped_anywhere_ends_with_the_same_masks_and_tables(
    job: Job, whole: Path, monkeypatch: pytest.MonkeyPatch, at: int, seconds: float
) -> None:
    # Before every frame, or only after prompts.
    monkeypatch.setattr(resume, "SNAPSHOT_SECONDS", seconds)
    monkeypatch.setattr(resume, "_LEAST_RATIO", 0.0)
    stop(job, at)
    folder = folder_of(job)
    with RunStore.open(folder) as store:
        assert not store.is_complete
    planned = resumed(folder)
    assert planned.resumption is not None
    assert (at == 0) or planned.resumption.next_frame >= 1
    assert planned.resumption.next_result <= at + 1
    summary = execute(planned)
    assert content(folder) == content(whole)
    said, expected = manifest(folder), manifest(whole)
    assert said["status"] == "complete"
    assert said["resumed_at_frame"] == planned.resumption.next_result
    for key in ("objects", "events", "prompts", "frames", "range", "input"):
        assert said[key] == expected[key]
    assert summary.frames == FRAMES


@pytest.mark.parametrize("at", [3, 7, 11])
def test_a_run_that_discovers_goes_on_with_the_same_ids_and_masks(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(resume, "SNAPSHOT_SECONDS", 0.0)
    monkeypatch.setattr(resume, "_LEAST_RATIO", 0.0)
    discovery = DiscoveryConfig(is_on=True, still_regions=True, every_frames=2, still_looks=1)
    job = replace(job, prompts=(), config=replace(QUICK, discovery=discovery))
    execute(plan(replace(job, output=tmp_path / "discovered")))
    with RunStore.open(tmp_path / "discovered") as store:
        assert {track.first_frame for track in store.tracks} & set(range(1, 9))
    stop(job, at)
    execute(resumed(folder_of(job)))
    assert content(folder_of(job)) == content(tmp_path / "discovered")


def test_a_run_may_be_stopped_again_and_again(job: Job, whole: Path) -> None:
    stop(job, 6)
    for at in (2, 8, 12):
        with pytest.raises(KeyboardInterrupt):
            execute(resumed(folder_of(job)), sinks=[Stop(at)])
    execute(resumed(folder_of(job)))
    assert content(folder_of(job)) == content(whole)


def test_a_complete_run_has_nothing_to_resume(job: Job) -> None:
    execute(plan(job))
    before = content(folder_of(job))
    assert plan_to_resume(folder_of(job)) is None
    assert content(folder_of(job)) == before


def test_a_run_stopped_while_its_files_were_completed_is_not_tracked_again(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(plan(job))
    folder = folder_of(job)
    before = content(folder)
    (folder / "run.json").write_text(json.dumps({**manifest(folder), "status": "running"}))
    (folder / "tracks.csv").rename(folder / "tracks.partial.csv")
    planned = resumed(folder)
    assert planned.resumption == Resumption(FRAMES, FRAMES, is_tracked=True)
    monkeypatch.setattr("track_anything.build.TRACKER", "track_anything.nowhere:Tracker")
    execute(planned)
    assert content(folder) == before
    assert manifest(folder)["status"] == "complete"


def test_files_are_written_again_from_the_store(job: Job) -> None:
    execute(plan(job))
    folder = folder_of(job)
    before = content(folder)
    for name in ("tracks.csv", "masks/00003.png"):
        (folder / name).write_text("mine")
    execute(plan_to_rewrite(folder))
    assert content(folder) == before
    assert manifest(folder)["edits"] == []


def test_only_a_complete_run_is_written_again(job: Job) -> None:
    stop(job, 3)
    with pytest.raises(DatasetError, match="is not complete"):
        plan_to_rewrite(folder_of(job))


def test_an_input_that_was_changed_is_refused_and_the_run_stays(job: Job) -> None:
    stop(job, 3)
    before = content(folder_of(job))
    picture = Path(job.input) / "00002.png"
    os.utime(picture, ns=(0, 0))
    with pytest.raises(VideoError, match="was changed since the run began: track it again"):
        plan_to_resume(folder_of(job))
    picture.unlink()
    with pytest.raises(VideoError, match="13 files instead of 14"):
        plan_to_resume(folder_of(job))
    assert content(folder_of(job)) == before


def test_the_same_command_resumes_and_another_is_refused(job: Job) -> None:
    stop(job, 6)
    folder = folder_of(job)
    other = replace(job, config=replace(QUICK, seed=4))
    with pytest.raises(OutputError, match="was made with seed 0, not 4: repeat its command"):
        plan_to_resume(folder, job=other)
    with pytest.raises(OutputError, match="was made with other prompts"):
        plan_to_resume(folder, job=replace(job, prompts=job.prompts[:1]))  # type: ignore[index]
    shorter = replace(job, end=TimeCode(frame_index=12), overwrite=True)
    stop(shorter, 4)
    with pytest.raises(OutputError, match=r"was made with end\.frame 12, not None"):
        plan_to_resume(folder, job=job)
    execute(resumed(folder, shorter))
    assert manifest(folder)["frames"] == 12


def test_how_results_are_drawn_may_change_on_the_way(job: Job) -> None:
    stop(job, 6)
    config = replace(QUICK, style=StyleConfig(parts=("box",)), write=WriteConfig(crf=40))
    drawn = replace(job, config=config, parts=OutputParts(masks=False))
    execute(resumed(folder_of(job), drawn))
    names = {path.name for path in folder_of(job).iterdir()}
    assert {"annotated.mp4", "tracks.csv"} <= names
    assert not names & {"masks", "objects"}


def test_paths_are_found_from_another_folder(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stop(replace(job, input="pictures", output=Path("run")), 4)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    execute(resumed(Path("../run")))
    assert manifest(tmp_path / "run")["status"] == "complete"


def test_another_version_is_said(
    job: Job, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop(job, 4)
    known = resume.versions()
    monkeypatch.setattr(resume, "versions", lambda: {**known, "numpy": "9.9"})
    with caplog.at_level(logging.WARNING):
        resumed(folder_of(job)).close()
    (record,) = caplog.records
    assert f"numpy {known['numpy']}, now 9.9: its masks may differ" in record.getMessage()


def test_standard_input_cannot_be_gone_on_with(job: Job) -> None:
    stop(job, 4)
    connection = sqlite3.connect(folder_of(job) / "tracks.db", isolation_level=None)
    ((text,),) = connection.execute("SELECT value FROM meta WHERE key = 'job'").fetchall()
    record = {**json.loads(text), "fingerprint": None, "input": "-"}
    connection.execute("UPDATE meta SET value = ? WHERE key = 'job'", (json.dumps(record),))
    with pytest.raises(VideoError, match="standard input cannot be gone on with"):
        plan_to_resume(folder_of(job))
    connection.execute("DELETE FROM meta WHERE key = 'job'")
    connection.close()
    with pytest.raises(DatasetError, match="does not say how it was made"):
        plan_to_resume(folder_of(job))


def test_a_run_stopped_before_there_was_a_store_is_known(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(job)
    assert not was_stopped_at_birth(folder)
    stop(job, 1)
    assert not was_stopped_at_birth(folder)
    (folder / "run.json").write_text('{"status": "running"}')
    assert not was_stopped_at_birth(folder)
    (folder / "tracks.db").write_bytes(b"")
    assert was_stopped_at_birth(folder)


# The wrappers by themselves.


def small_tracker() -> FlowTracker:
    return FlowTracker(HoldingPropagator(), ThresholdSegmenter())


def known_results(source: MovingSquare, count: int) -> list[FrameResult]:
    tracker = small_tracker()
    tracker.start(source.info)
    prompts = {0: [Prompt(mask=source.truth(0))]}
    return [r for i in range(count) for r in tracker.step(source.frame(i), prompts.get(i, ()))]


def test_known_results_come_with_the_pictures_that_are_fed() -> None:
    source = MovingSquare(frame_count=4)
    known = known_results(source, 3)
    tracker = ResumedTracker(None, iter(known), Resumption(3, 3, is_tracked=True))
    tracker.start(source.info)
    for index in range(3):
        frame = source.frame(index)
        (result,) = tracker.step(frame, ())
        assert result.frame is frame
        assert result.objects is known[index].objects
    assert tracker.finish() == ()
    with pytest.raises(VideoError, match="goes on after the 3 frames"):
        tracker.step(source.frame(3), ())


def test_frames_that_are_not_those_of_the_run_are_refused() -> None:
    source = MovingSquare(frame_count=4)
    known = known_results(source, 3)
    tracker = ResumedTracker(small_tracker(), iter(known), Resumption(3, 3))
    tracker.start(source.info)
    tracker.step(source.frame(0), ())
    late = source.frame(1)
    with pytest.raises(VideoError, match=r"frame 1 of the input is at 1\.040 s, which is not"):
        tracker.step(Frame(1, late.time + 1, late.image), ())
    short = ResumedTracker(small_tracker(), iter(known), Resumption(3, 3))
    short.start(source.info)
    short.step(source.frame(0), ())
    with pytest.raises(VideoError, match="the input ends before frame 1"):
        short.finish()


def test_snapshots_belong_to_the_frame_that_is_fed_next(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(resume.time, "monotonic", lambda: now[0])
    source = MovingSquare(frame_count=20)
    offered: list[Snapshot] = []
    inner = small_tracker()
    tracker = SnapshottingTracker(inner, offered.append, seconds=5)
    tracker.start(source.info)
    expected = []
    for index in range(12):
        now[0] += 1.0
        if index in (1, 6, 11):
            state = inner.save()
            assert state is not None
            expected.append(Snapshot(index, index, state))
        tracker.step(source.frame(index), [Prompt(mask=source.truth(0))] if index == 0 else [])
    # After the prompt on frame 0, then every five seconds.
    assert offered == expected


def test_snapshots_that_take_long_are_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(resume.time, "monotonic", lambda: now[0])
    source = MovingSquare(frame_count=200)
    offered: list[int] = []

    class Slow(FlowTracker):
        def save(self) -> bytes | None:
            now[0] += 1.0
            return super().save()

    slow = Slow(HoldingPropagator(), ThresholdSegmenter())
    tracker = SnapshottingTracker(slow, lambda one: offered.append(one.next_frame), seconds=5)
    tracker.start(source.info)
    for index in range(60):
        now[0] += 1.0
        tracker.step(source.frame(index), [Prompt(mask=source.truth(0), track_id=1)])
    # A second each: not sooner than twenty seconds after the last, though every frame is prompted.
    assert offered == [1, 21, 41]


def test_a_tracker_that_cannot_be_saved_now_is_asked_again_before_the_next_frame() -> None:
    source = MovingSquare(frame_count=8)
    offered: list[int] = []

    class Late(FlowTracker):
        count = 0

        def save(self) -> bytes | None:
            self.count += 1
            return super().save() if self.count == 3 else None

    late = Late(HoldingPropagator(), ThresholdSegmenter())
    tracker = SnapshottingTracker(late, lambda one: offered.append(one.next_frame), seconds=999)
    tracker.start(source.info)
    for index in range(8):
        tracker.step(source.frame(index), [Prompt(mask=source.truth(0))] if index == 0 else [])
    assert offered == [3]


class Lagging:
    """A tracker whose results come two frames late, with the sum of all that it saw."""

    def __init__(self) -> None:
        self._held: list[Frame] = []
        self._sums: list[int] = []

    def start(self, info: VideoInfo) -> None:
        self._held, self._sums = [], []

    def step(self, frame: Frame, prompts: Sequence[Prompt]) -> list[FrameResult]:
        self._held.append(frame)
        self._sums.append((self._sums or [0])[-1] + int(frame.image.sum()))
        return [self._result()] if len(self._held) > 2 else []

    def finish(self) -> list[FrameResult]:
        return [self._result() for _ in list(self._held)]

    def save(self) -> bytes:
        return json.dumps([len(self._held), self._sums]).encode()

    def restore(self, state: bytes, *, frames: Sequence[Frame] = ()) -> None:
        count, self._sums = json.loads(state)
        assert len(frames) == count
        self._held = list(frames)

    def _result(self) -> FrameResult:
        frame = self._held.pop(0)
        return FrameResult(frame, (), [Event(EventKind.CUT, 0, str(self._sums[frame.index]))])


@pytest.mark.parametrize("which", range(5))
def test_a_tracker_that_holds_results_back_goes_on_with_the_frames_of_them(
    which: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "_LEAST_RATIO", 0.0)
    source = MovingSquare(frame_count=6)
    snapshots: list[Snapshot] = []
    tracker = SnapshottingTracker(Lagging(), snapshots.append, seconds=0)
    tracker.start(source.info)
    whole = [r for frame in source for r in tracker.step(frame, ())]
    whole += tracker.finish()
    snapshot = snapshots[which]
    assert (snapshot.next_result, snapshot.next_frame) == (max(which - 2, 0), which)
    resumption = Resumption(snapshot.next_result, snapshot.next_frame, snapshot.state)
    again: list[Snapshot] = []
    inner = SnapshottingTracker(Lagging(), again.append, seconds=0)
    late = ResumedTracker(inner, iter(whole[: snapshot.next_result]), resumption)
    late.start(source.info)
    results = [r for frame in source for r in late.step(frame, ())]
    results += late.finish()
    assert [(r.frame.index, r.events) for r in results] == [
        (r.frame.index, r.events) for r in whole
    ]
    assert all(r.frame.image.any() for r in results)
    assert again == snapshots[which:]


def test_results_held_back_at_the_end_come_though_no_frame_is_fed() -> None:
    source = MovingSquare(frame_count=3)
    state = json.dumps([2, [1, 2, 3]]).encode()
    late = ResumedTracker(Lagging(), iter([FrameResult(source.frame(0))]), Resumption(1, 3, state))
    late.start(source.info)
    results = [r for frame in source for r in late.step(frame, ())]
    results += late.finish()
    assert [result.frame.index for result in results] == [0, 1, 2]
    assert [event.detail for result in results for event in result.events] == ["2", "3"]


def test_a_store_that_is_written_is_not_resumed(job: Job, tmp_path: Path) -> None:
    stop(job, 4)
    planned = resumed(folder_of(job))
    with RunStore.open(folder_of(job)) as store:
        count = store.frame_count
    other = RunStoreSink.resume(folder_of(job) / "tracks.db", next_frame=count)
    with pytest.raises(TrackAnythingError, match="another process is writing to it"):
        execute(planned)
    other.abort()
    execute(resumed(folder_of(job)))

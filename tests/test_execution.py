"""A plan carried out leaves complete files, or partial ones that say so, and a manifest."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from track_anything.config import RunConfig
from track_anything.errors import OutputError
from track_anything.execution import execute
from track_anything.io.png_masks import read_mask_png
from track_anything.io.run_store import RunStore
from track_anything.io.tables import read_tracks_csv
from track_anything.job import Job, plan
from track_anything.prompts import Hints, ObjectSpec, TimeCode
from track_anything.run import UnreachedPromptError
from track_anything.structures import FrameResult
from track_anything.testing import MovingSquare, RecordingSink

FRAMES = 6
BOX = (8.0, 12.0, 32.0, 36.0)


class StoppingSink(RecordingSink):
    """Raises at a frame."""

    def __init__(self, error: BaseException, *, at: int) -> None:
        super().__init__()
        self._error = error
        self._at = at

    def write(self, result: FrameResult) -> None:
        super().write(result)
        if result.frame.index == self._at:
            raise self._error


@pytest.fixture
def job(pictures: Path, tmp_path: Path) -> Job:
    """Six pictures of a square with its box."""
    square = ObjectSpec(name="square", hints=(Hints(box=BOX),))
    return Job(input=str(pictures), prompts=(square,), output=tmp_path / "run")


def manifest(job: Job) -> Any:
    assert job.output is not None
    return json.loads((job.output / "run.json").read_text(encoding="utf-8"))


def names(job: Job) -> set[str]:
    assert job.output is not None
    return {path.name for path in job.output.iterdir()}


def test_a_run_leaves_its_files_and_a_manifest_that_describes_them(job: Job) -> None:
    sink = RecordingSink()
    summary = execute(plan(job), sinks=[sink])
    assert names(job) == {
        "annotated.mp4",
        "masks",
        "run.json",
        "tracks.csv",
        "tracks.db",
        "tracks.jsonl",
    }
    said = manifest(job)
    assert said["status"] == "complete"
    assert said["frames"] == summary.frames == len(sink.results) == FRAMES
    assert said["objects"]["1"]["name"] == summary.objects[1]["name"] == "square"
    assert said["segmenter"] == {
        "name": "compact",
        "reason": "the embedded one: no weights of SAM are here",
    }
    assert said["options"]["seed"] == 0
    assert said["prompts"]["objects"][0]["prompts"][0]["box"] == list(BOX)
    assert said["event_counts"] == {"started": 1}
    assert said["problems"] == []
    assert said["versions"]["python"]
    assert {
        "load",
        "decode",
        "track",
        "store",
        "paint",
        "encode",
        "masks",
        "tables",
        "wall",
    } <= set(said["timings"])


def test_the_masks_are_the_square(job: Job) -> None:
    execute(plan(job))
    assert job.output is not None
    for index in range(FRAMES):
        found = read_mask_png(job.output / "masks" / f"{index:05d}.png") == 1
        truth = MovingSquare().truth(index)
        assert np.count_nonzero(found & truth) >= 0.95 * np.count_nonzero(found | truth)
    rows = read_tracks_csv(job.output / "tracks.csv")
    assert [row.frame for row in rows] == list(range(FRAMES))


def test_the_same_seed_gives_the_same_masks(job: Job, tmp_path: Path) -> None:
    first, second = RecordingSink(), RecordingSink()
    execute(plan(job), sinks=[first])
    # Written to nowhere the second time: what is written changes nothing.
    execute(plan(Job(input=job.input, prompts=job.prompts)), sinks=[second])
    for one, other in zip(first.results, second.results, strict=True):
        assert np.array_equal(one.objects[0].mask, other.objects[0].mask)
        assert one.objects[0].confidence == other.objects[0].confidence


def test_an_interrupt_leaves_partial_files_and_says_interrupted(job: Job) -> None:
    with pytest.raises(KeyboardInterrupt):
        execute(plan(job), sinks=[StoppingSink(KeyboardInterrupt(), at=3)])
    assert names(job) <= {
        "annotated.partial.mp4",
        "masks",
        "run.json",
        "tracks.db",
        "tracks.partial.csv",
        "tracks.partial.jsonl",
    }
    said = manifest(job)
    assert (said["status"], said["problems"]) == ("interrupted", [])
    assert said["frames"] == 4


def test_a_failure_leaves_partial_files_and_its_text(job: Job) -> None:
    with pytest.raises(OutputError):
        execute(plan(job), sinks=[StoppingSink(OutputError("the disk is full"), at=2)])
    said = manifest(job)
    assert (said["status"], said["problems"]) == ("failed", ["the disk is full"])
    assert not names(job) & {"annotated.mp4", "tracks.csv", "tracks.jsonl"}


def test_while_it_runs_the_manifest_says_running(job: Job) -> None:
    seen: list[str] = []

    class Looking(RecordingSink):
        def write(self, result: FrameResult) -> None:
            seen.append(manifest(job)["status"])

    execute(plan(job), sinks=[Looking()])
    assert set(seen) == {"running"}
    assert manifest(job)["status"] == "complete"


def test_a_prompt_that_is_never_reached_is_an_error_of_a_complete_run(job: Job) -> None:
    late = ObjectSpec(name="late", hints=(Hints(at=TimeCode(frame_index=FRAMES), box=BOX),))
    job = Job(input=job.input, prompts=(*job.prompts, late), output=job.output)
    with pytest.raises(UnreachedPromptError, match="'late' at 6f"):
        execute(plan(job))
    assert {"annotated.mp4", "tracks.csv"} <= names(job)
    said = manifest(job)
    assert said["status"] == "complete"
    assert said["problems"] == ["the video ended before object 'late' at 6f"]


def test_a_tracker_that_cannot_be_built_leaves_no_folder(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("track_anything.build.TRACKER", "track_anything.nowhere:Tracker")
    with pytest.raises(ImportError):
        execute(plan(job))
    assert job.output is not None
    assert not job.output.exists()


def test_without_an_output_only_the_sinks_get_results(job: Job, tmp_path: Path) -> None:
    sink = RecordingSink()
    before = set(tmp_path.rglob("*"))
    summary = execute(plan(Job(input=job.input, prompts=job.prompts)), sinks=[sink])
    assert len(sink.results) == FRAMES
    assert summary.output is None
    assert set(tmp_path.rglob("*")) == before


def test_one_file_is_named_by_its_hash_and_a_folder_is_not(job: Job, tmp_path: Path) -> None:
    execute(plan(job))
    assert manifest(job)["input"]["sha256"] is None
    picture = tmp_path / "pictures" / "00000.png"
    one = Job(input=str(picture), prompts=job.prompts, output=tmp_path / "one")
    execute(plan(one))
    assert manifest(one)["input"]["sha256"] == hashlib.sha256(picture.read_bytes()).hexdigest()


def test_the_store_tells_how_the_run_was_made(job: Job, tmp_path: Path) -> None:
    picture = tmp_path / "pictures" / "00000.png"
    one = Job(input=str(picture), prompts=job.prompts, output=tmp_path / "one")
    execute(plan(one))
    with RunStore.open(tmp_path / "one") as store:
        assert store.meta["manifest"] == store.manifest == manifest(one)
        assert store.meta["input_sha256"] == manifest(one)["input"]["sha256"]
        assert store.meta["job"]["fingerprint"]["bytes"] == picture.stat().st_size
        assert store.meta["versions"] == manifest(one)["versions"]


def test_overwriting_replaces_what_an_earlier_run_wrote(job: Job) -> None:
    execute(plan(job))
    short = Job(
        input=job.input,
        prompts=job.prompts,
        output=job.output,
        overwrite=True,
        end=TimeCode(frame_index=2),
        config=RunConfig(seed=1),
    )
    execute(plan(short))
    assert job.output is not None
    assert len(list((job.output / "masks").iterdir())) == 2
    assert manifest(short)["options"]["seed"] == 1


def test_the_mean_confidence_counts_an_object_that_was_never_seen_as_zero(job: Job) -> None:
    summary = execute(plan(Job(input=job.input, prompts=job.prompts)))
    seen = summary.objects[1]["mean_confidence"]
    both = summary.objects | {2: {"mean_confidence": None}}  # type: ignore[operator]
    assert summary.mean_confidence == seen
    assert type(summary)(**{**vars(summary), "objects": both}).mean_confidence == seen / 2

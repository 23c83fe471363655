"""A run that was right comes back to where it began; one that took a look-alike does not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from track_anything.build import OutputParts
from track_anything.config import AppearanceConfig, PropagatorConfig, RunConfig, TrackerConfig
from track_anything.errors import DatasetError
from track_anything.execution import execute
from track_anything.io.run_store import RunStore
from track_anything.io.run_store.identities import swap_tracks
from track_anything.job import Job, plan
from track_anything.rewrite import rewrite_run
from track_anything.self_check import SelfCheck, Stretch, check_run, planned_frames
from track_anything.structures import Mask, Prompt
from track_anything.testing import RecordingSink

FRAMES, SIZE, SIDE, SWAP = 20, (96, 128), 22, 10
APPEARANCE = AppearanceConfig(hidden=8, first_steps=30, steps=2, key_steps=10, batch=128)
QUICK = RunConfig(
    segmenter="none",
    # So small a clip is followed well and with little confidence.
    tracker=TrackerConfig(weak_below=0.1, lost_below=0.05),
    propagator=PropagatorConfig(appearance=APPEARANCE),
)


def truth(track_id: int, index: int) -> Mask:
    """Two squares that look alike go right, one above the other."""
    mask = np.zeros(SIZE, np.bool_)
    x, y = 8 + 3 * index, 10 if track_id == 1 else 60
    mask[y : y + SIDE, x : x + SIDE] = True
    return mask


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    random = np.random.default_rng(3)
    background = random.integers(20, 90, (*SIZE, 3), np.uint8)
    square = random.integers(160, 250, (SIDE * SIDE, 3), np.uint8)
    for index in range(FRAMES):
        image = background.copy()
        for track_id in (1, 2):
            image[truth(track_id, index)] = square
        Image.fromarray(image).save(folder / f"{index:05d}.png")
    return folder


@pytest.fixture
def job(clip: Path, tmp_path: Path) -> Job:
    prompts = {0: [Prompt(mask=truth(i, 0), track_id=i, label=f"square {i}") for i in (1, 2)]}
    return Job(
        input=str(clip),
        prompts=prompts,
        output=tmp_path / "run",
        config=QUICK,
        parts=OutputParts(video=False),
    )


@pytest.fixture
def run(job: Job) -> Path:
    """Both squares followed from frame 0."""
    execute(plan(job))
    assert job.output is not None
    return job.output


def by_id(found: SelfCheck) -> dict[int, tuple[float | None, float | None]]:
    return {one.track_id: (one.mean_iou, one.return_iou) for one in found.objects}


def test_an_easy_clip_agrees_with_itself(run: Path) -> None:
    found = check_run(run)
    assert [(one.prompted_on, one.checked_from) for one in found.objects] == [(0, 19), (0, 19)]
    for one in found.objects:
        assert one.compared_frames == FRAMES - 1
        assert one.mean_iou is not None
        assert one.mean_iou > 0.75
        assert one.return_iou is not None
        assert one.return_iou > 0.75
        assert (one.agreeing_share, list(one.disagreements)) == (1.0, [])


def test_objects_that_went_over_to_a_look_alike_do_not_come_back(run: Path) -> None:
    swap_tracks(run, 1, 2, (SWAP, FRAMES))
    found = check_run(run)
    for one in found.objects:
        # Frames 10 to 18 of 19 agree.
        assert one.agreeing_share == pytest.approx(9 / 19)
        assert one.mean_iou is not None
        assert one.mean_iou < 0.55
        assert one.return_iou == 0.0
        assert list(one.disagreements) == [Stretch(0, 9, 0.0, 0.36)]
    assert found.lowest_iou == min(one.mean_iou or 0.0 for one in found.objects)


def test_what_was_found_is_in_the_manifest_and_no_mask_changes(run: Path) -> None:
    files = [path for path in sorted(run.rglob("*")) if path.suffix in (".png", ".csv", ".jsonl")]
    before = [path.read_bytes() for path in files]
    found = check_run(run)
    assert [path.read_bytes() for path in files] == before
    said = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert said["status"] == "complete"
    assert said["check"] == found.to_dict()
    assert said["check"]["objects"]["2"]["name"] == "square 2"
    with RunStore.open(run) as store:
        assert store.meta["manifest"] == said


def test_a_check_is_forgotten_when_the_masks_change(run: Path) -> None:
    check_run(run)
    swap_tracks(run, 1, 2, (SWAP, FRAMES))
    rewrite_run(run)
    assert "check" not in json.loads((run / "run.json").read_text(encoding="utf-8"))


def test_only_frames_between_the_first_prompt_and_the_end_are_tracked(job: Job) -> None:
    prompts = {6: [Prompt(mask=truth(1, 6), track_id=1)]}
    execute(plan(replace(job, prompts=prompts, config=replace(QUICK, direction="both"))))
    assert job.output is not None
    watcher = RecordingSink()
    found = check_run(job.output, watch=[watcher])
    # From 19 back to 6, though the object is known from frame 0 on.
    assert len(watcher.results) == planned_frames(job.output) == 14
    assert (found.objects[0].prompted_on, found.objects[0].compared_frames) == (6, 13)


def test_an_object_that_begins_later_is_compared_from_its_own_prompt_on(job: Job) -> None:
    prompts = {
        0: [Prompt(mask=truth(1, 0), track_id=1)],
        9: [Prompt(mask=truth(2, 9), track_id=2)],
    }
    execute(plan(replace(job, prompts=prompts)))
    assert job.output is not None
    found = check_run(job.output).objects
    # Both are tracked back to frame 0; object 2 counts from 18 back to 9 alone.
    assert [(one.prompted_on, one.compared_frames) for one in found] == [(0, 19), (9, 10)]


def test_an_object_that_is_weak_to_its_end_is_checked_from_its_last_mask(job: Job) -> None:
    doubtful = replace(QUICK, tracker=TrackerConfig(weak_below=1.0, lost_below=0.05))
    execute(plan(replace(job, config=doubtful)))
    assert job.output is not None
    assert [one.checked_from for one in check_run(job.output).objects] == [19, 19]


def test_an_object_that_has_no_mask_after_its_prompt_is_not_compared(job: Job) -> None:
    prompts = {19: [Prompt(mask=truth(1, 19), track_id=1)]}
    execute(plan(replace(job, prompts=prompts)))
    assert job.output is not None
    found = check_run(job.output)
    assert planned_frames(job.output) == 0
    assert found.objects[0].checked_from is None
    assert by_id(found) == {1: (None, None)}
    assert found.lowest_iou is None


def test_what_is_no_complete_run_is_not_checked(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such run store"):
        check_run(tmp_path)

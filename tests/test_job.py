"""A job is checked whole before anything is loaded or written."""

import pickle
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from track_anything.config import RunConfig
from track_anything.errors import ConfigError, OutputError, PromptError, VideoError
from track_anything.job import Job, Resumption, plan
from track_anything.prompts import Hints, ObjectSpec, TimeCode
from track_anything.structures import Prompt
from track_anything.testing import MovingSquare

BOX = (ObjectSpec(name="square", hints=(Hints(box=(8.0, 12.0, 32.0, 36.0)),)),)


def frame(index: int) -> TimeCode:
    return TimeCode(frame_index=index)


def seconds(text: str) -> TimeCode:
    return TimeCode(seconds=Fraction(text))


def numbers(pictures: Path, **options: Any) -> list[float]:
    """Which of the pictures are delivered, by their times."""
    planned = plan(Job(input=str(pictures), prompts=BOX, **options))
    try:
        return [float(one.time * 25) for one in planned.source]
    finally:
        planned.close()


def test_a_job_can_be_sent_to_another_process() -> None:
    job = Job(input="clip.mp4", prompts=BOX, output=Path("run"), start=seconds("1.5"))
    assert pickle.loads(pickle.dumps(job)) == job


def test_a_plan_says_everything_that_was_decided_and_writes_nothing(
    pictures: Path, tmp_path: Path
) -> None:
    planned = plan(Job(input=str(pictures), prompts=BOX, output=tmp_path / "run"))
    planned.close()
    said: Any = planned.to_dict()
    assert planned.info.size == (96, 128)
    assert said["segmenter"]["name"] == said["options"]["segmenter"] == "compact"
    assert said["options"]["tracker"]["reprompt"]["mode"] == "on"
    assert said["prompts"]["objects"][0]["prompts"] == [{"at": "0f", "box": [8, 12, 32, 36]}]
    assert not (tmp_path / "run").exists()


def test_what_stays_in_a_folder_that_is_overwritten_is_told_and_not_where_a_run_goes_on(
    pictures: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "run"
    (folder / "deep").mkdir(parents=True)
    for name in ("run.json", "review.html", "c.txt", "b.txt", "a.txt", "deep/e.txt"):
        (folder / name).write_text("")
    job = Job(input=str(pictures), prompts=BOX, output=folder, overwrite=True)
    plan(job, resumption=Resumption(0, 0)).close()
    assert caplog.messages == []
    plan(job).close()
    assert caplog.messages == [f"{folder}: what no run wrote stays: a.txt, b.txt, c.txt and 1 more"]
    for name in ("b.txt", "c.txt"):
        (folder / name).unlink()
    plan(job).close()
    assert caplog.messages[1:] == [f"{folder}: what no run wrote stays: a.txt, deep/"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"start": frame(2)}, [2, 3, 4, 5]),
        ({"end": frame(2)}, [0, 1]),
        ({"start": frame(2), "duration": frame(3)}, [2, 3, 4]),
        ({"duration": frame(4)}, [0, 1, 2, 3]),
        ({"start": seconds("0.08"), "end": seconds("0.16")}, [2, 3]),
        ({"start": seconds("0.08"), "duration": seconds("0.04")}, [2]),
        ({"duration": seconds("0.12")}, [0, 1, 2]),
    ],
)
def test_a_range_has_its_start_in_and_its_end_out(
    pictures: Path, options: dict[str, TimeCode], expected: list[float]
) -> None:
    assert numbers(pictures, **options) == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"end": frame(2), "duration": frame(2)}, "an end and a duration"),
        ({"start": seconds("0.1"), "duration": frame(2)}, "needs a start in frames, got 0.1 s"),
        ({"start": frame(1), "duration": seconds("1")}, "needs a start in seconds, got 1f"),
        ({"start": frame(4), "end": frame(2)}, "ends at frame 2"),
    ],
)
def test_a_range_that_contradicts_itself_is_refused(
    pictures: Path, options: dict[str, TimeCode], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        numbers(pictures, **options)


def test_a_missing_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"gone\.mp4: no such file"):
        plan(Job(input=str(tmp_path / "gone.mp4"), prompts=BOX))


def test_an_output_in_which_the_input_lies_is_refused(pictures: Path) -> None:
    with pytest.raises(OutputError, match="lies in the output folder"):
        plan(Job(input=str(pictures), prompts=BOX, output=pictures, overwrite=True))


def test_an_output_in_which_a_prompts_mask_or_another_used_file_lies_is_refused(
    pictures: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "prompts.yaml").touch()
    masked = (ObjectSpec(hints=(Hints(mask=run / "mask.png"),)),)
    for job in (
        Job(input=str(pictures), prompts=masked, output=run, overwrite=True),
        Job(
            input=str(pictures),
            prompts=BOX,
            output=run,
            overwrite=True,
            used_files=(run / "prompts.yaml",),
        ),
    ):
        with pytest.raises(OutputError, match="lies in the output folder"):
            plan(job)


@pytest.mark.parametrize(
    ("prompts", "said"),
    [
        ((), "there are no prompts"),
        ({}, "there are no prompts"),
        ({7: [Prompt(box=np.array([1, 1, 5, 5]))]}, "frame 7 is past the end"),
        ({0: [Prompt(mask=np.ones((5, 7), np.bool_))]}, "is 7x5, the frames are 128x96"),
    ],
)
def test_prompts_that_do_not_fit_are_refused_and_the_input_is_closed(
    pictures: Path, prompts: Any, said: str
) -> None:
    with pytest.raises(PromptError, match=said):
        plan(Job(input=str(pictures), prompts=prompts))


def test_without_a_segmenter_only_masks_are_prompts(pictures: Path) -> None:
    config = RunConfig(segmenter="none")
    with pytest.raises(PromptError, match="without a segmenter every prompt is a mask"):
        plan(Job(input=str(pictures), prompts=BOX, config=config))
    mask = {0: [Prompt(mask=MovingSquare().truth(0))]}
    planned = plan(Job(input=str(pictures), prompts=mask, config=config))
    planned.close()
    assert planned.job.config.tracker.reprompt.mode == "off"

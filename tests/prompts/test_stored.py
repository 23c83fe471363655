"""A schedule kept as JSON says the same again, without any file."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from track_anything.errors import PromptError
from track_anything.prompts import Hints, ObjectSpec, PromptSchedule, TimeCode, build_schedule
from track_anything.prompts.stored import moment_of, moment_record, schedule_of, schedule_record
from track_anything.structures import Frame, Prompt, VideoInfo


def again(schedule: PromptSchedule) -> PromptSchedule:
    return schedule_of(json.loads(json.dumps(schedule_record(schedule))))


def asked(schedule: PromptSchedule, frame: Callable[..., Frame]) -> list[tuple[object, ...]]:
    return [
        (
            index,
            prompt.track_id,
            prompt.label,
            prompt.is_absent,
            prompt.points.tolist(),
            prompt.labels.tolist(),
            None if prompt.box is None else prompt.box.tolist(),
            None if prompt.mask is None else prompt.mask.tolist(),
            None if prompt.logits is None else (prompt.logits.dtype, prompt.logits.tolist()),
        )
        for index in range(100)
        for prompt in schedule.at(frame(index))
    ]


def test_prompts_of_every_kind_come_on_the_same_frames(frame: Callable[..., Frame]) -> None:
    random = np.random.default_rng(0)
    prompts = {
        0: [
            Prompt(mask=random.random((60, 80)) < 0.3, label="spots", track_id=1),
            Prompt(
                box=np.array([1, 2.5, 30, 40]),
                logits=random.normal(size=(15, 20)).astype(np.float32),
            ),
        ],
        7: [
            Prompt(points=np.array([[1 / 3, 5], [7, 8]]), labels=np.array([1, 0]), track_id=9),
            Prompt(is_absent=True, track_id=1),
        ],
    }
    one = PromptSchedule.from_frames(prompts)
    assert asked(again(one), frame) == asked(PromptSchedule.from_frames(prompts), frame)


def test_the_half_frame_and_absent_ranges_are_kept(
    info: VideoInfo, frame: Callable[..., Frame]
) -> None:
    third = TimeCode(seconds=Fraction(1, 3))
    spec = ObjectSpec(
        name="a",
        hints=(Hints(at=third, box=(1, 2, 30, 40)),),
        absent=((TimeCode(frame_index=20), TimeCode(frame_index=25)),),
    )
    one = build_schedule([spec], info)
    two = again(one)
    assert two.half_frame == Fraction(1, 50)
    assert asked(two, frame) == asked(build_schedule([spec], info), frame)
    assert two.objects[0].prompts[0].at.seconds == Fraction(1, 3)


def test_what_the_user_said_is_kept_word_for_word(info: VideoInfo, tmp_path: Path) -> None:
    specs = [
        ObjectSpec(
            name="a",
            track_id=4,
            hints=(
                Hints(box=(1, 2, 30, 40), points=((3, 4),), background_points=((5.5, 6),)),
                Hints(at=TimeCode(seconds=Fraction(1)), points=((7, 8),)),
            ),
            absent=((TimeCode(frame_index=50), TimeCode(frame_index=60)),),
        ),
        ObjectSpec(hints=(Hints(box=(0.1, 0.2, 0.5, 0.6), is_relative=True),)),
    ]
    one = build_schedule(specs, info)
    assert again(one).to_dict() == one.to_dict()
    assert [item.spec for item in again(one).objects] == [item.spec for item in one.objects]


def test_what_was_asked_already_is_asked_again(
    info: VideoInfo, frame: Callable[..., Frame]
) -> None:
    one = build_schedule([ObjectSpec(name="a", hints=(Hints(box=(1, 2, 30, 40)),))], info)
    assert len(one.at(frame(0))) == 1
    assert one.at(frame(0)) == []
    assert len(again(one).at(frame(0))) == 1


def test_moments_are_exact() -> None:
    for moment in (TimeCode(seconds=Fraction(1001, 30000)), TimeCode(frame_index=0)):
        assert moment_of(moment_record(moment)) == moment


def test_another_version_is_refused() -> None:
    for record, text in (({"format": 9}, "format 9, expected 1"), ({"format": 1}, "incomplete")):
        with pytest.raises(PromptError, match=text):
            schedule_of(record)

"""What the frame loop is given, frame by frame."""

import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from track_anything.errors import PromptError
from track_anything.prompts import (
    PromptSchedule,
    ScheduledObject,
    TimeCode,
    TimedPrompt,
    merge_prompts,
    parse_time,
)
from track_anything.structures import Frame, Prompt

Frames = Callable[..., Frame]
BOX = np.array([0, 0, 9, 9], np.float32)


def box_prompt(track_id: int | None = 1) -> Prompt:
    return Prompt(box=BOX, track_id=track_id)


def one_object(*times: str, absent: tuple[tuple[str, str], ...] = ()) -> PromptSchedule:
    """An object with a box at each time."""
    item = ScheduledObject(
        1,
        "ball",
        tuple(TimedPrompt(parse_time(time), box_prompt()) for time in times),
        tuple((parse_time(start), parse_time(end)) for start, end in absent),
    )
    return PromptSchedule([item], frame_rate=Fraction(25))


def given(schedule: PromptSchedule, frames: list[Frame]) -> list[int]:
    """Indexes of the frames that get a real prompt."""
    return [f.index for f in frames if any(not p.is_absent for p in schedule.at(f))]


def absent_on(schedule: PromptSchedule, frames: list[Frame]) -> list[int]:
    return [f.index for f in frames if any(p.is_absent for p in schedule.at(f))]


def test_a_frame_index_is_met_by_that_frame_alone(frame: Frames) -> None:
    assert given(one_object("3f"), [frame(i) for i in range(8)]) == [3]


def test_a_time_is_met_by_the_frame_nearest_to_it_and_by_no_other(frame: Frames) -> None:
    # Frame 3 is at .12 s; half a frame is .02 s.
    for time in ("0.101", "0.12", "0.14"):
        assert given(one_object(time), [frame(i) for i in range(8)]) == [3]


def test_a_time_in_a_gap_is_met_by_the_first_frame_after_it(frame: Frames) -> None:
    frames = [frame(0, "0"), frame(1, "0.04"), frame(2, "3"), frame(3, "3.04")]
    assert given(one_object("1.5"), frames) == [2]


def test_the_times_of_variable_rates_need_not_be_hit_exactly(frame: Frames) -> None:
    frames = [frame(i, time) for i, time in enumerate(["0", "0.05", "0.07", "0.135", "0.18"])]
    assert given(one_object("0", "0.08"), frames) == [0, 2]


def test_the_first_frame_may_come_a_little_after_the_time_asked_for(frame: Frames) -> None:
    assert given(one_object("2"), [frame(0, "2.002"), frame(1, "2.042")]) == [0]


def test_prompts_of_several_objects_come_by_ascending_id(frame: Frames) -> None:
    schedule = PromptSchedule.from_frames({0: [box_prompt(7), box_prompt(2)]})
    assert [prompt.track_id for prompt in schedule.at(frame(0))] == [2, 7]


def test_prompts_without_an_id_get_the_lowest_free_ones() -> None:
    schedule = PromptSchedule.from_frames(
        {4: [box_prompt(None)], 0: [box_prompt(None), box_prompt(2)]}
    )
    objects: Any = schedule.to_dict()["objects"]
    assert [one["id"] for one in objects] == [1, 2, 3]


def test_several_hints_for_one_object_on_one_frame_are_one_prompt(frame: Frames) -> None:
    point = Prompt(points=np.array([[5, 5]]), labels=np.array([1]), track_id=1)
    other = Prompt(points=np.array([[8, 8]]), labels=np.array([0]), track_id=1)
    (merged,) = PromptSchedule.from_frames({0: [box_prompt(), point, other]}).at(frame(0))
    assert merged.box is not None
    assert merged.points.tolist() == [[5, 5], [8, 8]]
    assert merged.labels.tolist() == [1, 0]


def test_a_mask_wins_over_hints_on_its_frame() -> None:
    mask = Prompt(mask=np.ones((60, 80), bool), track_id=1)
    assert merge_prompts([mask, box_prompt()]) is mask


def test_two_boxes_that_meet_on_one_frame_are_said_and_the_later_counts(
    frame: Frames, caplog: pytest.LogCaptureFixture
) -> None:
    later = Prompt(box=BOX + 3, track_id=1)
    prompts = (
        TimedPrompt(parse_time("0.3"), later),
        TimedPrompt(parse_time("0.2"), box_prompt()),
    )
    schedule = PromptSchedule([ScheduledObject(1, "ball", prompts)])
    (merged,) = schedule.at(frame(0, "0.5"))
    assert merged.box is not None
    assert merged.box.tolist() == [3, 3, 12, 12]
    assert "object 'ball' has several boxes on frame 0" in caplog.text


def test_an_object_is_absent_from_the_first_time_to_before_the_last(frame: Frames) -> None:
    # Frames 3 to 5 are at .12, .16 and .20 s.
    frames = [frame(i) for i in range(8)]
    assert absent_on(one_object("0f", absent=(("0.12", "0.20"),)), frames) == [3, 4]
    assert absent_on(one_object("0f", absent=(("3f", "5f"),)), frames) == [3, 4]


def test_a_prompt_inside_an_absent_range_counts_on_its_frame(frame: Frames) -> None:
    schedule = one_object("0f", "4f", absent=(("3f", "6f"),))
    kinds = [[p.is_absent for p in schedule.at(frame(i))] for i in range(7)]
    assert kinds == [[False], [], [], [True], [False], [True], []]


def test_an_object_is_not_absent_before_its_first_prompt(frame: Frames) -> None:
    schedule = one_object("4f", absent=(("2f", "6f"),))
    assert absent_on(schedule, [frame(i) for i in range(8)]) == [5]


def test_an_absence_carries_the_id_and_the_name(frame: Frames) -> None:
    schedule = one_object("0f", absent=(("1f", "2f"),))
    schedule.at(frame(0))
    (prompt,) = schedule.at(frame(1))
    assert (prompt.track_id, prompt.label, prompt.is_absent) == (1, "ball", True)


def test_what_no_frame_reached_is_listed(frame: Frames) -> None:
    schedule = one_object("0f", "50f", "9.5", absent=(("1f", "2f"), ("3", "4")))
    for index in range(5):
        schedule.at(frame(index))
    assert schedule.unused() == [
        "object 'ball' at 50f",
        "object 'ball' at 9.5",
        "object 'ball' absent from 3 to 4",
    ]


def test_nothing_is_left_over_once_all_is_reached(frame: Frames) -> None:
    schedule = one_object("0f", "0.08", absent=(("3f", "4f"),))
    for index in range(5):
        schedule.at(frame(index))
    assert schedule.unused() == []


def test_names_are_those_of_objects_that_have_one() -> None:
    named = Prompt(box=BOX, track_id=3, label="ball")
    assert PromptSchedule.from_frames({0: [named, box_prompt(5)]}).names == {3: "ball"}


def test_no_prompts_at_all_are_refused() -> None:
    with pytest.raises(PromptError, match="no prompts"):
        PromptSchedule.from_frames({0: []})


def test_an_object_that_is_only_absent_is_refused() -> None:
    with pytest.raises(PromptError, match="object 2 is absent but never prompted"):
        PromptSchedule.from_frames({0: [Prompt(is_absent=True, track_id=2)]})


def test_a_schedule_from_arrays_can_be_written_as_json() -> None:
    mask = Prompt(mask=np.eye(3, dtype=bool), track_id=1)
    point = Prompt(points=np.array([[5, 6]]), labels=np.array([1]), track_id=2, label="b")
    schedule = PromptSchedule.from_frames({0: [mask, point], 7: [box_prompt(1)]})
    assert json.loads(json.dumps(schedule.to_dict())) == {
        "objects": [
            {
                "id": 1,
                "name": "",
                "prompts": [{"at": "0f", "mask_pixels": 3}, {"at": "7f", "box": [0, 0, 9, 9]}],
            },
            {"id": 2, "name": "b", "prompts": [{"at": "0f", "points": [[5, 6]]}]},
        ]
    }


def test_time_codes_of_prompts_are_those_given() -> None:
    (item,) = one_object("2.5").to_dict()["objects"]
    assert parse_time(item["prompts"][0]["at"]) == TimeCode(seconds=Fraction(5, 2))

from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy as np
import pytest

from track_anything.errors import PromptError
from track_anything.structures import (
    Event,
    EventKind,
    Frame,
    FrameResult,
    LogitsPart,
    ObjectMask,
    Origin,
    Prompt,
    Propagation,
    State,
    VideoInfo,
)

MASK = np.ones((4, 5), np.bool_)


def test_prompts_in_plain_numbers_come_out_in_the_standard_forms() -> None:
    prompt = Prompt(points=[[1, 2], [3, 4]], labels=[1, 0], box=[0, 1, 10, 11])  # type: ignore[arg-type]
    assert (prompt.points.dtype, prompt.points.shape) == (np.float32, (2, 2))
    assert (prompt.labels.dtype, prompt.labels.shape) == (np.int64, (2,))
    assert prompt.box is not None
    assert (prompt.box.dtype, prompt.box.tolist()) == (np.float32, [0, 1, 10, 11])


def test_points_are_told_apart_by_their_labels() -> None:
    prompt = Prompt(points=np.array([[1, 2], [3, 4], [5, 6]]), labels=np.array([1, 0, 1]))
    assert prompt.positive_points.tolist() == [[1, 2], [5, 6]]
    assert prompt.negative_points.tolist() == [[3, 4]]


def test_a_prompt_without_points_has_none_of_either_kind() -> None:
    prompt = Prompt(box=np.array([0, 0, 1, 1]))
    assert prompt.points.shape == prompt.positive_points.shape == prompt.negative_points.shape
    assert prompt.points.shape == (0, 2)
    assert prompt.labels.shape == (0,)


@pytest.mark.parametrize(
    ("prompt", "is_answer"),
    [
        (Prompt(mask=MASK), True),
        (Prompt(is_absent=True, track_id=1), True),
        (Prompt(box=np.array([0, 0, 1, 1])), False),
        (Prompt(logits=np.zeros((2, 2), np.float32)), False),
        (Prompt(points=np.array([[0, 0]]), labels=np.array([0])), False),
    ],
    ids=["mask", "absent", "box", "logits", "point"],
)
def test_a_mask_and_absence_are_answers_and_all_else_are_hints(
    prompt: Prompt, is_answer: bool
) -> None:
    assert prompt.is_answer == is_answer


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "a box, points, a mask or logits"),
        ({"track_id": 3, "label": "ball"}, "a box, points, a mask or logits"),
        ({"points": [[1, 2], [3, 4]], "labels": [1]}, "2 points need 2 labels, got 1"),
        ({"points": [[1, 2]]}, "1 points need 1 labels, got 0"),
        ({"points": [[1, 2]], "labels": [2]}, "1 \\(object\\) or 0 \\(background\\)"),
        ({"points": [[1, 2]], "labels": [-1]}, "1 \\(object\\) or 0 \\(background\\)"),
        ({"box": [1, 2, 3]}, "4 numbers, x_min y_min x_max y_max, got 3"),
        ({"box": [5, 1, 5, 9]}, "x_max > x_min and y_max > y_min, got 5.0,1.0,5.0,9.0"),
        ({"box": [1, 9, 5, 9]}, "y_max > y_min"),
        ({"box": [9, 1, 5, 9]}, "x_max > x_min"),
        ({"box": [0, 0, float("nan"), 9]}, "x_max > x_min"),
        ({"box": [0, 0, float("inf"), 9]}, "x_max > x_min"),
        ({"mask": np.ones((4, 5), np.uint8)}, "a mask is a bool array, got uint8"),
        ({"mask": MASK, "track_id": 0}, "a track_id is 1 or more, got 0"),
        ({"mask": MASK, "track_id": -4}, "a track_id is 1 or more, got -4"),
        ({"is_absent": True}, "already known"),
    ],
)
def test_parts_of_a_prompt_that_do_not_fit_are_refused(
    fields: dict[str, object], message: str
) -> None:
    with pytest.raises(PromptError, match=message):
        Prompt(**fields)  # type: ignore[arg-type]


def test_a_prompt_error_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="a prompt needs"):
        Prompt()


def test_a_video_that_was_not_scaled_has_the_size_of_its_source() -> None:
    info = VideoInfo(width=640, height=360)
    assert (info.source_width, info.source_height) == (640, 360)
    assert info.size == (360, 640)
    scaled = VideoInfo(width=640, height=360, source_width=1920, source_height=1080)
    assert (scaled.source_width, scaled.source_height) == (1920, 1080)


def test_values_cannot_be_changed() -> None:
    frame = Frame(0, Fraction(0), np.zeros((2, 2, 3), np.uint8))
    values = (
        frame,
        VideoInfo(width=1, height=1),
        Prompt(mask=MASK),
        ObjectMask(1, MASK, np.zeros(4, np.float32), 1.0),
        Event(EventKind.LOST, 1),
        FrameResult(frame),
    )
    for value in values:
        with pytest.raises((FrozenInstanceError, TypeError)):
            value.index = 3  # type: ignore[union-attr, misc]


def test_frames_are_the_same_only_if_they_are_one() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    first, second = Frame(0, Fraction(0), image), Frame(0, Fraction(0), image)
    assert first != second
    assert len({first, second}) == 2


def test_events_are_the_same_if_they_say_the_same() -> None:
    assert Event(EventKind.LOST, 1, "x") == Event(EventKind.LOST, 1, "x")
    assert Event(EventKind.LOST, 1) != Event(EventKind.LOST, 2)


def test_what_is_not_said_of_an_object_has_its_usual_value() -> None:
    found = ObjectMask(1, MASK, np.zeros(4, np.float32), 1.0)
    assert (found.state, found.origin, found.label) == (State.CONFIRMED, Origin.PROPAGATED, "")
    frame = Frame(0, Fraction(0), np.zeros((2, 2, 3), np.uint8))
    assert not frame.is_corrupt
    assert not FrameResult(frame).objects
    assert not FrameResult(frame).events
    assert Propagation(np.zeros((2, 2), np.float32), 0.5).signals == {}


def test_states_origins_and_events_are_written_as_their_own_words() -> None:
    assert f"{State.OCCLUDED} {Origin.REPROMPTED} {EventKind.FOUND}" == "occluded reprompted found"
    for words in (State, Origin, EventKind):
        assert [str(word) for word in words] == [word.name.lower() for word in words]


def test_logits_of_a_part_are_told_for_any_rows_and_columns() -> None:
    """A part of 2 by 2 at (3, 1) on a grid of 4 by 6; -8 elsewhere."""
    part = LogitsPart(np.array([[1, 2], [3, 4]], np.float32), 3, 1, (4, 6), -8.0)
    assert part.on((slice(0, 3), slice(2, 5))).tolist() == [[-8, -8, -8], [-8, 1, 2], [-8, 3, 4]]
    assert part.on((slice(2, 3), slice(4, 6))).tolist() == [[4, -8]]
    assert part.on((slice(3, 4), slice(0, 2))).tolist() == [[-8, -8]]
    for place in ((slice(0, 4), slice(0, 6)), (slice(1, 2), slice(0, 4))):
        assert np.array_equal(part.on(place), part.whole()[place])

"""Trackers that do not know of one another."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from track_anything.errors import TrackingError
from track_anything.evaluation.independent import IndependentTrackers, surest_pixels
from track_anything.masks import mask_box
from track_anything.structures import (
    Event,
    EventKind,
    Frame,
    FrameResult,
    Mask,
    ObjectMask,
    Prompt,
    VideoInfo,
)

INFO = VideoInfo(4, 1)


def row(*pixels: int) -> Mask:
    mask = np.zeros((1, 4), bool)
    mask[0, list(pixels)] = True
    return mask


def frame(index: int) -> Frame:
    return Frame(index, Fraction(index), np.zeros((1, 4, 3), np.uint8))


class Holding:
    """Keeps what it was prompted with; counts what it was told."""

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []
        self.step_count = 0
        self.is_finished = False
        self.restored: tuple[int, ...] = ()

    def start(self, info: VideoInfo) -> None:
        assert info is INFO

    def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
        self.prompts += prompts
        self.step_count += 1
        objects = [
            ObjectMask(p.track_id or 0, p.mask, mask_box(p.mask), 0.5)
            for p in self.prompts
            if p.mask is not None
        ]
        events = [Event(EventKind.STARTED, p.track_id or 0) for p in prompts]
        return [FrameResult(frame, objects, events)]

    def finish(self) -> Sequence[FrameResult]:
        self.is_finished = True
        return ()

    def save(self) -> bytes | None:
        return bytes([len(self.prompts), self.step_count])

    def restore(self, state: bytes) -> None:
        self.restored = tuple(state)


@pytest.fixture
def made() -> list[Holding]:
    return []


@pytest.fixture
def trackers(made: list[Holding]) -> IndependentTrackers:
    def make() -> Holding:
        made.append(Holding())
        return made[-1]

    return IndependentTrackers(make)


def test_every_object_has_a_tracker_that_sees_its_prompts_alone(
    trackers: IndependentTrackers, made: list[Holding]
) -> None:
    trackers.start(INFO)
    first = [Prompt(mask=row(3), track_id=2), Prompt(mask=row(0), track_id=1)]
    (result,) = trackers.step(frame(0), first)
    assert [one.track_id for one in result.objects] == [1, 2]
    assert [event.track_id for event in result.events] == [1, 2]
    (result,) = trackers.step(frame(1), [Prompt(mask=row(1), track_id=5)])
    assert [one.track_id for one in result.objects] == [1, 2, 5]
    assert [[p.track_id for p in tracker.prompts] for tracker in made] == [[2], [1], [5]]
    assert [tracker.step_count for tracker in made] == [2, 2, 1]
    assert trackers.finish() == ()
    assert all(tracker.is_finished for tracker in made)


def test_a_second_video_begins_without_objects(trackers: IndependentTrackers) -> None:
    trackers.start(INFO)
    trackers.step(frame(0), [Prompt(mask=row(0), track_id=1)])
    trackers.start(INFO)
    (result,) = trackers.step(frame(0), ())
    assert result.objects == []


def test_every_tracker_goes_on_from_its_own_state(
    trackers: IndependentTrackers, made: list[Holding]
) -> None:
    trackers.start(INFO)
    trackers.step(frame(0), [Prompt(mask=row(0), track_id=1)])
    trackers.step(frame(1), [Prompt(mask=row(1), track_id=7)])
    state = trackers.save()
    assert state is not None
    trackers.start(INFO)
    trackers.restore(state)
    assert [tracker.restored for tracker in made[2:]] == [(1, 2), (1, 1)]
    (result,) = trackers.step(frame(2), [Prompt(mask=row(2), track_id=7)])
    assert [one.track_id for one in result.objects] == [7]
    assert len(made) == 4


@pytest.mark.parametrize("state", [b"", b"[]", b'{"x": "AA=="}', b'{"1": "?"}', b'{"1": 3}'])
def test_another_state_is_refused(trackers: IndependentTrackers, state: bytes) -> None:
    trackers.start(INFO)
    with pytest.raises(TrackingError, match="not the state of independent trackers"):
        trackers.restore(state)


def test_a_contested_pixel_goes_to_the_surest_then_to_the_lowest_id() -> None:
    masks = {3: (row(0, 1), 0.9), 1: (row(1, 2, 3), 0.5), 2: (row(2, 3), 0.5)}
    objects = [ObjectMask(i, mask, mask_box(mask), sure) for i, (mask, sure) in masks.items()]
    settled = surest_pixels(objects)
    assert [(one.track_id, one.mask.nonzero()[1].tolist()) for one in settled] == [
        (1, [2, 3]),
        (2, []),
        (3, [0, 1]),
    ]
    assert [one.box.tolist() for one in settled] == [[2, 0, 4, 1], [0, 0, 0, 0], [0, 0, 2, 1]]
    # What came in is not written to.
    assert masks[2][0].tolist() == row(2, 3).tolist()


def test_what_cannot_be_told_apart_is_refused(trackers: IndependentTrackers) -> None:
    with pytest.raises(TrackingError, match="start"):
        trackers.step(frame(0), [Prompt(mask=row(0), track_id=1)])
    trackers.start(INFO)
    with pytest.raises(TrackingError, match="need a track_id"):
        trackers.step(frame(0), [Prompt(mask=row(0))])


def test_a_tracker_that_holds_frames_back_is_refused() -> None:
    class Late(Holding):
        def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
            return []

    trackers = IndependentTrackers(Late)
    trackers.start(INFO)
    with pytest.raises(TrackingError, match="one result a frame, got 0"):
        trackers.step(frame(0), [Prompt(mask=row(0), track_id=1)])

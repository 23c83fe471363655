"""Results to store, and how two of them are the same."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from track_anything.masks import mask_box
from track_anything.structures import (
    ColorTags,
    Event,
    EventKind,
    Frame,
    FrameResult,
    ObjectMask,
    Origin,
    State,
    VideoInfo,
)

HEIGHT, WIDTH = 12, 16

Make = Callable[[int], list[FrameResult]]


@pytest.fixture
def info() -> VideoInfo:
    """Of frames of 16x12 at 30000/1001 a second."""
    return VideoInfo(
        width=WIDTH,
        height=HEIGHT,
        frame_rate=Fraction(30000, 1001),
        frame_count=None,
        time_base=Fraction(1, 90000),
        duration=Fraction(7, 3),
        start_time=Fraction(-1, 3),
        source_width=32,
        path="a b?%.mp4",
        rotation=90,
        has_audio=True,
        color=ColorTags(range=1, space=5),
    )


@pytest.fixture
def make() -> Make:
    """So many results: 1 moves and is lost on every fifth frame, 65535 begins on frame 2."""

    def results(count: int) -> list[FrameResult]:
        return [_result(index) for index in range(count)]

    return results


def _result(index: int) -> FrameResult:
    image = np.full((HEIGHT, WIDTH, 3), index % 251, np.uint8)
    frame = Frame(index, Fraction(index * 1001, 30000) - Fraction(1, 3), image, index == 3)
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    is_lost = index % 5 == 4
    if not is_lost:
        mask[2 : 4 + index % 7, index % 9 : index % 9 + 4] = True
    state = State.LOST if is_lost else State.CONFIRMED
    origin = Origin.PROPAGATED if index else Origin.PROMPTED
    # A third has no end in binary: it must come back to the bit.
    objects = [ObjectMask(1, mask, mask_box(mask), index / 3 % 1, state, origin, "Hündchen 'a'")]
    if index >= 2:
        whole = np.ones((HEIGHT, WIDTH), np.bool_)
        objects.append(ObjectMask(65535, whole, mask_box(whole), np.float32(0.7), State.WEAK))
    events = [Event(EventKind.STARTED, 1, "Hündchen"), Event(EventKind.CUT, 0)] * (index == 0)
    if is_lost:
        events.append(Event(EventKind.LOST, 1, "confidence 0.10"))
    return FrameResult(frame, objects, events)


def said(result: FrameResult) -> tuple[Any, ...]:
    """All of a result but its picture, so that equal ones compare equal."""
    frame = result.frame
    objects = [
        (
            one.track_id,
            one.mask.tobytes(),
            one.mask.shape,
            one.box.tolist(),
            float(one.confidence),
            one.state,
            one.origin,
            one.label,
        )
        for one in result.objects
    ]
    return frame.index, frame.time, frame.is_corrupt, objects, list(result.events)


@pytest.fixture
def same() -> Callable[[Sequence[FrameResult], Sequence[FrameResult]], bool]:
    """Whether two lists of results say the same."""
    return lambda one, other: [said(each) for each in one] == [said(each) for each in other]

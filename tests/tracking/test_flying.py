"""A small fast ball before a camera at rest, through the whole tracker."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from track_anything.config import (
    AppearanceConfig,
    DiscoveryConfig,
    PropagatorConfig,
    TrackerConfig,
)
from track_anything.masks import mask_iou
from track_anything.structures import EventKind, Frame, FrameResult, Mask, Prompt, VideoInfo
from track_anything.testing import BrightPartsProposer, ThresholdSegmenter
from track_anything.tracking.discovery import Discovery
from track_anything.tracking.flow_tracker import FlowTracker
from track_anything.tracking.flying import Flying
from track_anything.tracking.optical_flow import FlowEstimator
from track_anything.tracking.propagator import FlowAppearancePropagator
from track_anything.tracking.sightings import Known, Sieve

SIZE = (270, 480)
INFO = VideoInfo(width=SIZE[1], height=SIZE[0])
LEARNING = AppearanceConfig(hidden=16, first_steps=40, steps=2, key_steps=10, batch=256)
GROUND = cv2.GaussianBlur(
    np.random.default_rng(0).integers(40, 120, (*SIZE, 3), np.uint8), (0, 0), 2.0
)
FLIGHT, GONE = range(8, 20), range(20, 26)
"""Frames on which the ball flies to the right, and on which it is out of sight; then it returns."""


def ball(index: int) -> Mask:
    mask = np.zeros(SIZE, bool)
    if index < FLIGHT.start or index in GONE:
        return mask
    x = 40 + 30 * (index - FLIGHT.start) if index in FLIGHT else 430 - 30 * (index - GONE.stop)
    y = 150 - 0.5 * (index - FLIGHT.start) * (26 - index)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= 6**2)


def draw(index: int) -> Frame:
    image = GROUND.copy()
    # A lamp of the ball's colours, that rests.
    image[200:222, 300:322] = (245, 240, 235)
    image[ball(index)] = (245, 240, 235)
    image.flags.writeable = False
    return Frame(index, Fraction(index, 25), np.asarray(image, np.uint8))


def tracker_of(*, is_on: bool = True) -> FlowTracker:
    segmenter = ThresholdSegmenter()
    config = DiscoveryConfig(is_on=is_on, motion_only=True, min_area=80)
    nothing = BrightPartsProposer(finds_nothing=True)
    return FlowTracker(
        FlowAppearancePropagator(config=PropagatorConfig(appearance=LEARNING)),
        None,
        config=replace(TrackerConfig(), cuts="ignore"),
        discovery=Discovery(config, segmenter, moving=nothing, still=nothing),
        first_free_id=5,
    )


def track(
    tracker: FlowTracker, indices: Sequence[int], prompts: Sequence[Prompt] = ()
) -> list[FrameResult]:
    found: list[FrameResult] = []
    for index in indices:
        found += tracker.step(draw(index), prompts if index == 0 else ())
    return found


@pytest.fixture(scope="module")
def found() -> list[FrameResult]:
    tracker = tracker_of()
    tracker.start(INFO)
    return track(tracker, range(36))


def masks(result: FrameResult) -> dict[int, Mask]:
    return {one.track_id: one.mask for one in result.objects}


def test_the_ball_is_found_within_five_frames_and_is_the_only_thing_found(
    found: list[FrameResult],
) -> None:
    ((frame, track_id),) = [
        (result.frame.index, event.track_id)
        for result in found
        for event in result.events
        if event.kind is EventKind.DISCOVERED
    ]
    assert FLIGHT.start + 2 <= frame <= FLIGHT.start + 5
    assert track_id == 5


def test_it_is_followed_though_its_masks_never_overlap(found: list[FrameResult]) -> None:
    for index in range(FLIGHT.start + 5, FLIGHT.stop - 1):
        assert not (ball(index) & ball(index - 1)).any()
        assert mask_iou(masks(found[index])[5], ball(index)) > 0.7, index


def test_it_is_nowhere_while_it_is_away_and_the_same_when_it_is_back(
    found: list[FrameResult],
) -> None:
    for index in range(GONE.start + 1, GONE.stop):
        assert not masks(found[index])[5].any(), index
    for index in range(GONE.stop + 4, 35):
        assert mask_iou(masks(found[index])[5], ball(index)) > 0.7, index
    assert set(masks(found[-1])) == {5}


def test_what_is_prompted_is_as_it_is_without(found: list[FrameResult]) -> None:
    lamp = np.zeros(SIZE, bool)
    lamp[200:222, 300:322] = True
    prompt = Prompt(mask=lamp, track_id=1)
    both: list[list[FrameResult]] = []
    for is_on in (True, False):
        tracker = tracker_of(is_on=is_on)
        tracker.start(INFO)
        both.append(track(tracker, range(18), [prompt]))
    assert set(masks(both[0][-1])) == {1, 5}
    for first, second in zip(*both, strict=True):
        np.testing.assert_array_equal(masks(first)[1], masks(second)[1])


def test_what_flow_carries_onto_something_that_rests_is_let_go() -> None:
    config = DiscoveryConfig(is_on=True, min_area=80)
    flying, flow = Flying(config, Sieve(config, INFO)), FlowEstimator()
    lamp = np.zeros(SIZE, bool)
    lamp[200:222, 300:322] = True
    box = (300.0, 200.0, 322.0, 222.0)
    known = Known(5, 0, lamp, is_searched=False, is_told=False, seen_at=box, unseen_frames=0)
    tracks: list[Known] = []
    for index in range(FLIGHT.stop + 1):
        frame = draw(index)
        found = flying.step(frame, flow.next(frame.image), tracks, lambda *_: 0.0, room=9)
        if found and not tracks:
            (begun,) = found
            assert begun.track_id is None
            flying.named(begun.flight, 5)
            tracks = [known]
        elif tracks and index in FLIGHT:
            # It is where it flies, whatever flow says.
            ((track_id, mask),) = [(one.track_id, one.mask) for one in found]
            assert track_id == 5
            assert mask_iou(mask, ball(index)) > 0.7
    ((track_id, mask),) = [(one.track_id, one.mask) for one in found]
    assert track_id == 5
    assert not mask.any()


@pytest.mark.parametrize("at", [10, 15, 24])
def test_after_a_restore_the_same_is_found(found: list[FrameResult], at: int) -> None:
    first, second = tracker_of(), tracker_of()
    first.start(INFO)
    track(first, range(at))
    state = first.save()
    assert state is not None
    second.start(INFO)
    second.restore(state)
    assert second.save() == state
    for result in track(second, range(at, 32)):
        wanted = found[result.frame.index]
        assert result.events == wanted.events
        for track_id, mask in masks(wanted).items():
            np.testing.assert_array_equal(masks(result)[track_id], mask)

"""One suite that every tracker passes: add a new one to TRACKERS."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pytest

from track_anything.config import AppearanceConfig, LookBackConfig, PropagatorConfig, TrackerConfig
from track_anything.errors import PromptError, TrackingError
from track_anything.interfaces import Tracker
from track_anything.masks import mask_box, mask_iou
from track_anything.structures import FrameResult, Mask, ObjectMask, Origin, Prompt, State
from track_anything.testing import HoldingPropagator, MovingSquare, ThresholdSegmenter
from track_anything.tracking.flow_tracker import FlowTracker
from track_anything.tracking.propagator import FlowAppearancePropagator


def flow_appearance() -> Tracker:
    """As it is built, but quick to learn."""
    appearance = AppearanceConfig(hidden=16, first_steps=60, steps=3, key_steps=15, batch=256)
    config = PropagatorConfig(appearance=appearance, search=20)
    copy = partial(FlowAppearancePropagator, config=config)
    return FlowTracker(copy(), ThresholdSegmenter(), copy=copy)


def holding() -> Tracker:
    return FlowTracker(HoldingPropagator(), ThresholdSegmenter())


def looking_back() -> Tracker:
    """Never sure, so that it holds results back for as long as it may: two frames."""
    config = TrackerConfig(look_back=LookBackConfig(frames=2))
    unsure = partial(HoldingPropagator, confidence=0.7)
    return FlowTracker(unsure(), ThresholdSegmenter(), config=config, copy=unsure)


TRACKERS: dict[str, Callable[[], Tracker]] = {
    "flow tracker": flow_appearance,
    "flow tracker that holds": holding,
    "flow tracker that looks back": looking_back,
}
SIZE = (60, 80)


@pytest.fixture(params=TRACKERS.values(), ids=TRACKERS.keys())
def tracker(request: pytest.FixtureRequest) -> Tracker:
    """Every tracker in turn, fresh."""
    made: Tracker = request.param()
    return made


def run(
    tracker: Tracker, square: MovingSquare, prompts: Mapping[int, Sequence[Prompt]], count: int = 6
) -> list[FrameResult]:
    """All results of a video, also those held back."""
    tracker.start(square.info)
    out: list[FrameResult] = []
    for index in range(count):
        out += tracker.step(square.frame(index), prompts.get(index, ()))
    return [*out, *tracker.finish()]


def only(result: FrameResult, track_id: int) -> ObjectMask:
    (found,) = (one for one in result.objects if one.track_id == track_id)
    return found


def test_every_frame_has_one_result_in_order(
    tracker: Tracker, square: MovingSquare, other: Mask
) -> None:
    for prompts in ({}, {2: [Prompt(mask=other)]}):
        results = run(tracker, square, prompts)
        assert [result.frame.index for result in results] == list(range(6))


def test_what_a_sink_sees_has_the_form_promised(
    tracker: Tracker, square: MovingSquare, other: Mask
) -> None:
    prompts = {
        0: [Prompt(mask=other, label="corner"), Prompt(box=square.box(0))],
        3: [Prompt(is_absent=True, track_id=2)],
    }
    for result in run(tracker, square, prompts):
        assert [one.track_id for one in result.objects] == [1, 2]
        assert [one.label for one in result.objects] == ["corner", ""]
        for one in result.objects:
            assert one.mask.shape == SIZE
            assert one.mask.dtype == np.bool_
            assert np.array_equal(one.box, mask_box(one.mask))
            assert 0 <= one.confidence <= 1
            assert isinstance(one.state, State)
            assert isinstance(one.origin, Origin)


@pytest.mark.parametrize("kind", ["box", "point", "mask"])
def test_every_kind_of_prompt_begins_an_object(
    tracker: Tracker, square: MovingSquare, kind: str
) -> None:
    prompt = {
        "box": Prompt(box=square.box(1)),
        "point": Prompt(points=np.array([[20, 25]]), labels=np.array([1])),
        "mask": Prompt(mask=square.truth(1)),
    }[kind]
    results = run(tracker, square, {1: [prompt]})
    assert not results[0].objects
    for index, result in enumerate(results[1:], 1):
        assert mask_iou(only(result, 1).mask, square.truth(index)) > 0.9
    assert only(results[1], 1).origin is Origin.PROMPTED


def test_the_users_mask_comes_out_exactly_as_given(
    tracker: Tracker, square: MovingSquare, other: Mask
) -> None:
    odd = square.truth(2) | other
    odd[::2] = False
    prompts = {
        0: [Prompt(mask=square.truth(0)), Prompt(mask=other)],
        2: [Prompt(mask=odd, track_id=2)],
    }
    results = run(tracker, square, prompts)
    assert np.array_equal(only(results[0], 1).mask, square.truth(0))
    assert np.array_equal(only(results[0], 2).mask, other)
    assert np.array_equal(only(results[2], 2).mask, odd)


def test_an_absent_object_has_no_pixel_and_keeps_its_id(
    tracker: Tracker, square: MovingSquare
) -> None:
    absent = [Prompt(is_absent=True, track_id=1)]
    results = run(tracker, square, {0: [Prompt(mask=square.truth(0))], 2: absent, 3: absent})
    for result in results[2:4]:
        assert not only(result, 1).mask.any()
        assert only(result, 1).state is State.OCCLUDED
    assert [one.track_id for one in results[5].objects] == [1]


def test_free_ids_count_on_from_the_highest_given(
    tracker: Tracker, square: MovingSquare, other: Mask
) -> None:
    prompts = {
        0: [Prompt(mask=other, track_id=7)],
        1: [Prompt(mask=square.truth(1))],
        2: [Prompt(is_absent=True, track_id=7), Prompt(mask=square.truth(2))],
    }
    results = run(tracker, square, prompts)
    assert [one.track_id for one in results[-1].objects] == [7, 8, 9]


def test_absence_of_an_object_never_seen_is_no_object(
    tracker: Tracker, square: MovingSquare
) -> None:
    results = run(tracker, square, {0: [Prompt(is_absent=True, track_id=3)]})
    assert all(not result.objects for result in results)


def test_the_same_video_gives_the_same_masks_again(
    tracker: Tracker, square: MovingSquare, other: Mask
) -> None:
    prompts = {0: [Prompt(mask=square.truth(0))], 2: [Prompt(mask=other)]}
    first, again = run(tracker, square, prompts), run(tracker, square, prompts)
    for ours, theirs in zip(first, again, strict=True):
        assert [(o.track_id, o.mask.tobytes(), o.confidence) for o in ours.objects] == [
            (o.track_id, o.mask.tobytes(), o.confidence) for o in theirs.objects
        ]


def test_masks_of_different_objects_share_no_pixel(tracker: Tracker, square: MovingSquare) -> None:
    left, right = square.truth(0).copy(), square.truth(0).copy()
    left[:, 24:] = right[:, :16] = False
    results = run(tracker, square, {0: [Prompt(mask=left), Prompt(mask=right)]})
    for result in results[1:]:
        assert not (only(result, 1).mask & only(result, 2).mask).any()


@pytest.mark.parametrize("at", [1, 3, 5])
def test_a_tracker_goes_on_from_a_saved_state_with_the_same_results(
    tracker: Tracker, other: Mask, at: int
) -> None:
    square = MovingSquare(size=SIZE, side=20, start=(10, 15), velocity=(2, 1))
    prompts: dict[int, list[Prompt]] = {
        0: [Prompt(mask=square.truth(0), label="one"), Prompt(mask=other)],
        2: [Prompt(is_absent=True, track_id=2)],
        4: [Prompt(box=square.box(4))],
    }
    whole = run(tracker, square, prompts)
    tracker.start(square.info)
    early = [
        r for index in range(at) for r in tracker.step(square.frame(index), prompts.get(index, ()))
    ]
    state = tracker.save()
    assert state is not None
    assert [result.frame.index for result in early] == list(range(len(early)))
    # What happens after it was saved is no part of the state.
    tracker.step(square.frame(at), [])
    tracker.start(square.info)
    tracker.restore(state, frames=[square.frame(index) for index in range(len(early), at)])
    late = [
        r
        for index in range(at, 6)
        for r in tracker.step(square.frame(index), prompts.get(index, ()))
    ]
    for one, two in zip(whole, [*early, *late, *tracker.finish()], strict=True):
        assert one.events == two.events
        for first, second in zip(one.objects, two.objects, strict=True):
            assert np.array_equal(first.mask, second.mask)
            assert (first.track_id, first.label, first.confidence, first.state, first.origin) == (
                second.track_id,
                second.label,
                second.confidence,
                second.state,
                second.origin,
            )


def test_what_is_no_state_of_the_tracker_is_refused(tracker: Tracker) -> None:
    square = MovingSquare(size=SIZE)
    tracker.start(MovingSquare(size=(30, 40), side=10, start=(2, 2)).info)
    small = tracker.save()
    assert small is not None
    tracker.start(square.info)
    for state in (b"", b"{}\n", b"nonsense", small):
        with pytest.raises(TrackingError):
            tracker.restore(state)


def test_start_comes_first(tracker: Tracker, square: MovingSquare) -> None:
    with pytest.raises(TrackingError, match="start"):
        tracker.step(square.frame(0), [])


def test_a_frame_of_another_size_is_refused(tracker: Tracker, square: MovingSquare) -> None:
    tracker.start(square.info)
    tracker.step(square.frame(0), [Prompt(mask=square.truth(0))])
    with pytest.raises(TrackingError, match="expected 80x60"):
        tracker.step(MovingSquare(size=(40, 50), side=10).frame(1), [])


def test_a_mask_of_another_size_is_refused(tracker: Tracker, square: MovingSquare) -> None:
    tracker.start(square.info)
    with pytest.raises(PromptError, match="9x8"):
        tracker.step(square.frame(0), [Prompt(mask=np.ones((8, 9), np.bool_))])


def test_a_prompt_that_finds_nothing_is_refused(tracker: Tracker, square: MovingSquare) -> None:
    tracker.start(square.info)
    with pytest.raises(PromptError, match="nothing was found"):
        tracker.step(square.frame(0), [Prompt(box=np.array([60, 40, 79, 59]))])

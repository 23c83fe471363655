"""What the tracker does where one shot ends and another begins."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import cv2
import numpy as np
import pytest

from track_anything.config import LookBackConfig, RepromptConfig, TrackerConfig
from track_anything.errors import TrackingError
from track_anything.masks import mask_iou
from track_anything.structures import (
    Event,
    EventKind,
    Frame,
    FrameResult,
    Image,
    Mask,
    ObjectMask,
    Origin,
    Prompt,
    State,
    VideoInfo,
)
from track_anything.testing import HoldingPropagator, ThresholdSegmenter
from track_anything.tracking.flow_tracker import FlowTracker
from track_anything.tracking.propagator import FlowAppearancePropagator

SIZE = (72, 96)
INFO = VideoInfo(width=96, height=72)
CUT = 4
"""The first frame of the second shot."""
NEVER = RepromptConfig(mode="off")

Prompts = Mapping[int, Sequence[Prompt]]


def backdrop(shot: int) -> Image:
    coarse = np.random.default_rng(shot).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)


def frame(index: int) -> Frame:
    """Two stills of four frames and the rest."""
    return Frame(index, Fraction(index, 25), backdrop(int(index >= CUT)))


def square(x: int, y: int, side: int = 20) -> Mask:
    mask = np.zeros(SIZE, np.bool_)
    mask[y : y + side, x : x + side] = True
    return mask


HERE, NEAR, ELSEWHERE = square(10, 10), square(20, 10), square(60, 40)


def tracker_of(cuts: str, *, confidence: float = 0.95, segmenter: Any = None, **more: Any) -> Any:
    config = TrackerConfig(cuts=cuts, **({"reprompt": NEVER} | more))
    copy = partial(HoldingPropagator, confidence=confidence)
    return FlowTracker(copy(), segmenter, config=config, copy=copy)


def run(
    tracker: FlowTracker,
    prompts: Prompts,
    count: int = 8,
    *,
    draw: Callable[[int], Frame] = frame,
) -> list[FrameResult]:
    tracker.start(INFO)
    out: list[FrameResult] = []
    for index in range(count):
        out += tracker.step(draw(index), prompts.get(index, ()))
    out += tracker.finish()
    assert [result.frame.index for result in out] == list(range(count))
    return out


def given(mask: Mask, track_id: int | None = None, *, label: str = "") -> Prompt:
    return Prompt(mask=mask, track_id=track_id, label=label)


def only(result: FrameResult, track_id: int = 1) -> ObjectMask:
    (found,) = (one for one in result.objects if one.track_id == track_id)
    return found


def kinds(result: FrameResult) -> list[tuple[EventKind, int]]:
    return [(event.kind, event.track_id) for event in result.events]


def as_values(one: ObjectMask) -> tuple[object, ...]:
    values = (one.track_id, one.mask.tobytes(), one.box.tobytes(), one.confidence)
    return (*values, one.state, one.origin, one.label)


TWO = {0: [given(HERE, label="cup"), given(ELSEWHERE)]}


@pytest.mark.parametrize(
    ("cuts", "state", "kind"),
    [("reacquire", State.LOST, EventKind.LOST), ("end", State.ENDED, EventKind.ENDED)],
)
@pytest.mark.parametrize("segmenter", [None, ThresholdSegmenter()], ids=["alone", "asking"])
def test_nothing_is_carried_across_a_cut(
    cuts: str, state: State, kind: EventKind, segmenter: Any
) -> None:
    # Sure until the cut, so that nothing keeps a question back.
    asking = RepromptConfig(mode="on", below=0.5, budget=100, cooldown_frames=1)
    results = run(tracker_of(cuts, segmenter=segmenter, reprompt=asking), TWO)
    for result in results[:CUT]:
        assert [one.mask.any() for one in result.objects] == [True, True]
    for result in results[CUT:]:
        assert [one.track_id for one in result.objects] == [1, 2]
        for one in result.objects:
            assert (one.state, one.confidence, one.mask.any()) == (state, 0.0, False)
            assert one.box.tolist() == [0, 0, 0, 0]
        assert result.objects[0].label == "cup"
    assert list(results[CUT].events) == [
        Event(EventKind.CUT, 0, "a new shot begins"),
        Event(kind, 1, "its shot ended"),
        Event(kind, 2, "its shot ended"),
    ]
    assert not any(result.events for result in results[CUT + 1 :])


def test_a_cut_that_is_not_looked_for_changes_nothing() -> None:
    for result in run(tracker_of("ignore"), TWO):
        assert np.array_equal(only(result).mask, HERE)
        assert only(result).state is State.CONFIRMED
    assert not result.events


def test_a_cut_before_the_first_object_is_said_too() -> None:
    results = run(tracker_of("reacquire"), {CUT + 1: [given(HERE)]})
    assert [kinds(r) for r in results[CUT:]] == [
        [(EventKind.CUT, 0)],
        [(EventKind.STARTED, 1)],
        [],
        [],
    ]
    assert np.array_equal(only(results[-1]).mask, HERE)


def test_an_object_that_was_hidden_before_the_cut_is_not_lost_again() -> None:
    prompts = {0: [given(HERE)], 2: [Prompt(is_absent=True, track_id=1)]}
    results = run(tracker_of("reacquire"), prompts)
    assert [only(r).state for r in results[2:]] == [State.OCCLUDED] * 6
    assert kinds(results[CUT]) == [(EventKind.CUT, 0)]


# The user's prompts.


@pytest.mark.parametrize("cuts", ["reacquire", "end"])
def test_a_prompt_on_the_frame_of_a_cut_is_taken(cuts: str) -> None:
    prompts = {**TWO, CUT: [given(NEAR, 1), given(HERE)]}
    results = run(tracker_of(cuts), prompts)
    for result in results[CUT:]:
        assert [one.track_id for one in result.objects] == [1, 2, 3]
        assert [one.mask.any() for one in result.objects] == [True, False, True]
        assert only(result).state is only(result, 3).state is State.CONFIRMED
        assert np.array_equal(only(result).mask, NEAR)
        assert only(result).label == "cup"
    assert only(results[CUT]).origin is Origin.PROMPTED
    begun = EventKind.CORRECTED if cuts == "reacquire" else EventKind.STARTED
    # The new masks lie on one another.
    assert kinds(results[CUT])[3:] == [(begun, 1), (EventKind.STARTED, 3), (EventKind.MERGED, 3)]


def test_points_on_the_frame_of_a_cut_do_not_refine_what_was_before_it() -> None:
    class Asked(ThresholdSegmenter):
        def decode(self, embedding: Any, prompts: Sequence[Prompt]) -> Any:
            assert all(prompt.logits is None for prompt in prompts)
            return super().decode(embedding, prompts)

    bright = backdrop(1).sum(axis=2, dtype=int)
    y, x = np.unravel_index(bright.argmax(), SIZE)
    point = Prompt(points=np.array([[x, y]]), labels=np.array([1]), track_id=1)
    results = run(tracker_of("reacquire", segmenter=Asked()), {**TWO, CUT: [point]})
    assert only(results[CUT]).mask[y, x]


def test_an_object_that_ended_begins_again_with_a_prompt() -> None:
    prompts = {**TWO, CUT + 2: [given(NEAR, 1)]}
    results = run(tracker_of("end"), prompts)
    assert [only(r).state for r in results[CUT:]] == [State.ENDED] * 2 + [State.CONFIRMED] * 2
    assert kinds(results[CUT + 2]) == [(EventKind.STARTED, 1)]
    assert results[CUT + 2].events[0].detail == "cup"
    for result in results[CUT + 2 :]:
        assert np.array_equal(only(result).mask, NEAR)
        assert only(result).label == "cup"
    assert only(results[-1], 2).state is State.ENDED


def test_an_object_that_begins_again_is_the_youngest() -> None:
    prompts = {**TWO, CUT + 1: [given(HERE)], CUT + 2: [given(NEAR, 1)]}
    results = run(tracker_of("end"), prompts)
    assert np.array_equal(only(results[-1], 3).mask, HERE)
    assert np.array_equal(only(results[-1], 1).mask, NEAR & ~HERE)


@pytest.mark.parametrize("index", [CUT, CUT + 1])
def test_an_object_that_ended_cannot_be_absent(index: int) -> None:
    prompts = {**TWO, index: [Prompt(is_absent=True, track_id=1)]}
    results = run(tracker_of("end"), prompts)
    assert [only(result).state for result in results[CUT:]] == [State.ENDED] * 4
    assert (EventKind.ABSENT, 1) not in [kind for result in results for kind in kinds(result)]


# Results held back.


@pytest.mark.parametrize(("cuts", "held"), [("reacquire", [1, 2, 3, 4]), ("end", [0, 0, 0, 0])])
def test_what_is_held_from_before_a_cut_comes_with_it_and_the_ended_hold_nothing(
    cuts: str, held: list[int]
) -> None:
    tracker = tracker_of(cuts, confidence=0.7)
    tracker.start(INFO)
    came = [[r.frame.index for r in tracker.step(frame(i), TWO.get(i, ()))] for i in range(8)]
    assert came[:CUT] == [[0], [], [], []]
    assert came[CUT][:3] == [1, 2, 3]
    total = np.cumsum([len(one) for one in came])
    assert [i + 1 - total[i] for i in range(CUT, 8)] == held


@pytest.mark.parametrize("index", [CUT, CUT + 2])
@pytest.mark.parametrize("cuts", ["reacquire", "end"])
def test_nothing_is_mended_across_a_cut(cuts: str, index: int) -> None:
    prompts = {0: [given(HERE)], index: [given(ELSEWHERE, 1)]}
    plain = run(tracker_of(cuts, look_back=LookBackConfig(frames=0)), prompts)
    results = run(tracker_of(cuts, confidence=0.7), prompts)
    for result in results[:CUT]:
        assert np.array_equal(only(result).mask, HERE)
    mended = [result.frame.index for result in results if (EventKind.MENDED, 1) in kinds(result)]
    # What is lost at a cut and given two frames later was there before that, but never ended.
    is_mended = cuts == "reacquire" and index > CUT
    assert mended == ([index] if is_mended else [])
    for result, was in zip(results[CUT:index], plain[CUT:index], strict=True):
        assert only(result).mask.any() == is_mended
        assert not only(was).mask.any()


# Saved.


@pytest.mark.parametrize("at", [CUT - 1, CUT, CUT + 1])
@pytest.mark.parametrize("cuts", ["reacquire", "end"])
def test_a_tracker_saved_near_a_cut_goes_on_with_the_same_results(cuts: str, at: int) -> None:
    prompts = {**TWO, CUT + 2: [given(NEAR, 1)]}
    whole = run(tracker_of(cuts), prompts)
    assert (EventKind.CUT, 0) in kinds(whole[CUT])
    first, second = tracker_of(cuts), tracker_of(cuts)
    for tracker in (first, second):
        tracker.start(INFO)
    found: list[FrameResult] = []
    for index in range(at):
        found += first.step(frame(index), prompts.get(index, ()))
    frames = [frame(index) for index in range(len(found), at)]
    second.restore(first.save(), frames=frames)
    for index in range(at, 8):
        found += second.step(frame(index), prompts.get(index, ()))
    found += second.finish()
    for one, two in zip(whole, found, strict=True):
        assert one.events == two.events
        assert [as_values(o) for o in one.objects] == [as_values(o) for o in two.objects]


def test_a_state_without_a_cut_detector_is_refused_by_one_that_looks_for_cuts() -> None:
    ways = {"with": tracker_of("end"), "without": tracker_of("ignore")}
    for tracker in ways.values():
        tracker.start(INFO)
    for one, other in (("with", "without"), ("without", "with")):
        with pytest.raises(TrackingError, match=f"{one} scene cuts, expected {other}"):
            ways[other].restore(ways[one].save())


# With the real propagator.


@pytest.mark.parametrize("cuts", ["reacquire", "end"])
def test_an_object_is_found_in_the_new_shot_by_its_looks_unless_it_ended(
    make_propagator: Callable[..., FlowAppearancePropagator], make_scene: Any, cuts: str
) -> None:
    red = {"color": (205, 45, 45)}
    shots = [
        make_scene({**red, "start": (12, 10), "velocity": (1, 0)}, size=SIZE, seed=0),
        make_scene({**red, "start": (60, 40), "velocity": (-1, 0)}, size=SIZE, seed=1),
    ]

    def draw(index: int) -> Frame:
        # The second shot is brighter behind the object, and nothing in it is red.
        shown: Frame = shots[index >= CUT].frame(index)
        if index < CUT:
            return shown
        image = shown.image.copy()
        behind = ~shots[1].truth(index)
        image[behind] += backdrop(3)[behind] // 3 * 2 * np.array([0, 1, 1], np.uint8)
        return Frame(index, shown.time, image)

    config = TrackerConfig(cuts=cuts, reprompt=NEVER)
    tracker = FlowTracker(make_propagator(), None, config=config, copy=make_propagator)
    results = run(tracker, {0: [given(shots[0].truth(0))]}, 16, draw=draw)
    assert (EventKind.CUT, 0) in kinds(results[CUT])
    assert not only(results[CUT]).mask.any()
    is_found = mask_iou(only(results[15]).mask, shots[1].truth(15)) > 0.7
    assert is_found is (cuts == "reacquire")
    assert ((EventKind.FOUND, 1) in [kind for r in results for kind in kinds(r)]) is is_found

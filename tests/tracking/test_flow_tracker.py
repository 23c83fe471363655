"""The tracker with scripted parts, and with the real propagator on drawn scenes."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from track_anything.config import RepromptConfig, TrackerConfig
from track_anything.errors import PromptError, TrackingError
from track_anything.masks import mask_iou, mask_logits
from track_anything.structures import (
    EventKind,
    Frame,
    FrameResult,
    ImageEmbedding,
    Mask,
    MaskPrediction,
    ObjectMask,
    Origin,
    Prompt,
    Propagation,
    State,
    VideoInfo,
)
from track_anything.testing import MovingSquare, ThresholdSegmenter
from track_anything.tracking.flow_tracker import FlowTracker
from track_anything.tracking.propagator import FlowAppearancePropagator

SIZE = (40, 60)
INFO = VideoInfo(width=60, height=40)
EAGER = RepromptConfig(budget=100.0, patience=0.01, cooldown_frames=5, retry_frames=5)
NEVER = TrackerConfig(reprompt=RepromptConfig(mode="off"))
ON = np.array([1])


def square(x: int, y: int, side: int = 10) -> Mask:
    mask = np.zeros(SIZE, np.bool_)
    mask[y : y + side, x : x + side] = True
    return mask


EMPTY = np.zeros(SIZE, np.bool_)
HERE, NEAR, ELSEWHERE = square(10, 10), square(12, 10), square(40, 20)


def frame(index: int) -> Frame:
    return Frame(index, Fraction(index, 25), np.zeros((*SIZE, 3), np.uint8))


class ScriptedPropagator:
    """Holds the masks it learns; says of them what the test wants.

    Attributes:
        confidence: Of every object, or by track_id.
        candidates: What a search shows for an object learned as not visible.
        is_found: Whether a search has succeeded.
        support_of: From a mask to how well it fits.
        resemblance_of: From a track_id and a mask to how much they are alike.
        learned: All that was learned: (frame index, track_id, mask).
    """

    def __init__(self) -> None:
        self.confidence: float | dict[int, float] = 0.9
        self.candidates: dict[int, Mask] = {}
        self.is_found = False
        self.signals: dict[str, float] = {}
        self.support_of: Callable[[Mask], float] = lambda mask: 0.5
        self.resemblance_of: Callable[[int, Mask], float] = lambda track_id, mask: 1.0
        self.learned: list[tuple[int, int, Mask]] = []
        self._masks: dict[int, Mask] = {}

    def start(self, info: VideoInfo) -> None:
        self._masks.clear()

    def learn(self, frame: Frame, track_id: int, mask: Mask) -> None:
        self.learned.append((frame.index, track_id, mask))
        self._masks[track_id] = mask

    def expect(self, frame: Frame) -> None:
        pass

    def propagate(self, frame: Frame) -> Mapping[int, Propagation]:
        return {i: self._found(i, mask) for i, mask in sorted(self._masks.items())}

    def _found(self, track_id: int, mask: Mask) -> Propagation:
        signals = dict(self.signals)
        if not mask.any():
            signals = {"searching": 1.0, "found": float(self.is_found)}
            mask = self.candidates.get(track_id, mask)
        confidence = self.confidence
        if isinstance(confidence, dict):
            confidence = confidence[track_id]
        return Propagation(mask_logits(mask, SIZE), confidence, signals)

    def resemblance(self, frame: Frame, track_id: int, mask: Mask) -> float:
        return self.resemblance_of(track_id, mask)

    def believable(self, track_id: int, mask: Mask, *, place: Mask) -> Mask:
        return mask

    def cede(self, track_id: int, mask: Mask) -> None:
        self._masks[track_id] = self._masks[track_id] & ~mask

    def support(self, frame: Frame, track_id: int, mask: Mask) -> float:
        return self.support_of(mask)

    def forget(self, track_id: int) -> None:
        self._masks.pop(track_id, None)

    def save(self, track_ids: Collection[int] | None = None) -> bytes:
        raise NotImplementedError

    def restore(self, state: bytes) -> None:
        raise NotImplementedError


class ScriptedSegmenter:
    """Gives every question the same answer and remembers the questions."""

    name = "scripted"

    def __init__(self, answer: Mask = NEAR, *, predicted_iou: float = 0.9) -> None:
        self.answer = answer
        self.predicted_iou = predicted_iou
        self.asked: list[tuple[int, Prompt]] = []
        self.embedded: list[int] = []

    @property
    def frames(self) -> list[int]:
        """Those on which it was asked, however much."""
        return list(dict.fromkeys(index for index, _ in self.asked))

    def embed(self, frame: Frame) -> ImageEmbedding:
        self.embedded.append(frame.index)
        return ImageEmbedding(SIZE, frame.index)

    def decode(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
    ) -> Sequence[Sequence[MaskPrediction]]:
        self.asked += [(embedding.features, prompt) for prompt in prompts]
        logits = mask_logits(self.answer, (10, 15))
        return [[MaskPrediction(self.answer, logits, self.predicted_iou)] for _ in prompts]


@pytest.fixture
def propagator() -> ScriptedPropagator:
    return ScriptedPropagator()


@pytest.fixture
def segmenter() -> ScriptedSegmenter:
    return ScriptedSegmenter()


Prompts = Mapping[int, Sequence[Prompt]]


def run(
    tracker: FlowTracker, count: int, prompts: Prompts, *, info: VideoInfo = INFO, draw: Any = frame
) -> list[FrameResult]:
    """One result for each of `count` frames."""
    tracker.start(info)
    out = []
    for index in range(count):
        (result,) = tracker.step(draw(index), prompts.get(index, ()))
        assert result.frame.index == index
        out.append(result)
    assert tracker.finish() == ()
    return out


def only(result: FrameResult, track_id: int = 1) -> ObjectMask:
    (found,) = (one for one in result.objects if one.track_id == track_id)
    return found


def kinds(result: FrameResult) -> list[EventKind]:
    return [event.kind for event in result.events]


def given(mask: Mask, track_id: int | None = None, *, label: str = "") -> Prompt:
    return Prompt(mask=mask, track_id=track_id, label=label)


def asking(tracker_config: RepromptConfig) -> TrackerConfig:
    return TrackerConfig(reprompt=tracker_config, lost_frames=10000)


# The user's prompts.


def test_a_video_without_prompts_gives_frames_without_objects(
    propagator: ScriptedPropagator,
) -> None:
    results = run(FlowTracker(propagator, None), 3, {})
    assert [(list(r.objects), list(r.events)) for r in results] == [([], [])] * 3


def test_a_prompted_object_is_there_from_its_frame_on(propagator: ScriptedPropagator) -> None:
    results = run(FlowTracker(propagator, None), 4, {2: [given(HERE, label="ball")]})
    assert [len(result.objects) for result in results] == [0, 0, 1, 1]
    first, second = only(results[2]), only(results[3])
    assert np.array_equal(first.mask, HERE)
    assert first.box.tolist() == [10, 10, 20, 20]
    assert (first.origin, first.confidence) == (Origin.PROMPTED, 1.0)
    assert (second.origin, second.confidence) == (Origin.PROPAGATED, 0.9)
    assert first.label == second.label == "ball"
    (event,) = results[2].events
    assert (event.kind, event.track_id, event.detail) == (EventKind.STARTED, 1, "ball")


def test_the_segmenter_is_asked_once_for_all_boxes_of_a_frame(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    boxes = [Prompt(box=np.array([x, 5, x + 20, 30])) for x in (5, 30)]
    results = run(FlowTracker(propagator, segmenter), 2, {0: boxes})
    assert segmenter.embedded == [0]
    assert [prompt.track_id for _, prompt in segmenter.asked] == [1, 2]
    assert [one.track_id for one in results[0].objects] == [1, 2]


def test_ids_are_the_next_free_ones_and_never_repeat(propagator: ScriptedPropagator) -> None:
    prompts = {
        0: [given(square(0, 0)), given(square(20, 0), 5), given(square(40, 0))],
        1: [given(square(0, 20))],
        2: [given(square(20, 20), 3), given(square(40, 20))],
    }
    results = run(FlowTracker(propagator, None), 3, prompts)
    ids = [[one.track_id for one in result.objects] for result in results]
    assert ids == [[5, 6, 7], [5, 6, 7, 8], [3, 5, 6, 7, 8, 9]]


def test_an_absent_object_keeps_its_id_from_being_given_again(
    propagator: ScriptedPropagator,
) -> None:
    prompts = {0: [Prompt(is_absent=True, track_id=4)], 1: [given(HERE)]}
    results = run(FlowTracker(propagator, None), 2, prompts)
    assert not results[0].objects
    assert not results[0].events
    assert [one.track_id for one in results[1].objects] == [5]


def test_a_new_video_begins_with_the_first_id(propagator: ScriptedPropagator) -> None:
    tracker = FlowTracker(propagator, None)
    run(tracker, 2, {0: [given(HERE), given(ELSEWHERE)]})
    results = run(tracker, 2, {1: [given(HERE)]})
    assert not results[0].objects
    assert [one.track_id for one in results[1].objects] == [1]


def test_a_second_prompt_corrects(propagator: ScriptedPropagator) -> None:
    prompts = {0: [given(HERE, label="ball")], 2: [given(ELSEWHERE, 1)]}
    results = run(FlowTracker(propagator, None, config=NEVER), 4, prompts)
    assert np.array_equal(only(results[2]).mask, ELSEWHERE)
    assert np.array_equal(only(results[3]).mask, ELSEWHERE)
    assert kinds(results[2]) == [EventKind.CORRECTED]
    assert only(results[3]).label == "ball"


@pytest.mark.parametrize("overlaps", ["first", "keep"])
def test_the_users_mask_comes_out_exactly_also_where_it_meets_others(
    propagator: ScriptedPropagator, overlaps: str
) -> None:
    prompts = {0: [given(HERE)], 2: [given(NEAR)], 4: [given(NEAR, 1), given(HERE, 2)]}
    config = TrackerConfig(overlaps=overlaps)
    results = run(FlowTracker(propagator, None, config=config), 5, prompts)
    assert np.array_equal(only(results[2], 2).mask, NEAR)
    assert np.array_equal(only(results[2], 1).mask, HERE)
    assert np.array_equal(only(results[4], 1).mask, NEAR)
    assert np.array_equal(only(results[4], 2).mask, HERE)


def test_a_carried_mask_gives_way_to_an_older_one_unless_masks_are_kept(
    propagator: ScriptedPropagator,
) -> None:
    prompts = {0: [given(HERE)], 1: [given(NEAR)]}
    results = run(FlowTracker(propagator, None), 3, prompts)
    assert np.array_equal(only(results[2], 1).mask, HERE)
    assert np.array_equal(only(results[2], 2).mask, NEAR & ~HERE)
    assert only(results[2], 2).box.tolist() == [20, 10, 22, 20]
    results = run(FlowTracker(propagator, None, config=TrackerConfig(overlaps="keep")), 3, prompts)
    assert np.array_equal(only(results[2], 2).mask, NEAR)


def test_points_alone_refine_the_carried_mask(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    point = Prompt(points=np.array([[15, 15]]), labels=ON, track_id=1)
    results = run(
        FlowTracker(propagator, segmenter, config=NEVER), 3, {0: [given(HERE)], 2: [point]}
    )
    ((index, asked),) = segmenter.asked
    assert index == 2
    assert asked.logits is not None
    assert np.array_equal(asked.logits > 0, HERE)
    assert asked.points.tolist() == [[15, 15]]
    assert np.array_equal(only(results[2]).mask, NEAR)
    assert only(results[2]).origin is Origin.PROMPTED


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(points=np.array([[15, 15]]), labels=ON, track_id=2),
        Prompt(box=np.array([5, 5, 25, 25]), track_id=1),
        Prompt(box=np.array([5, 5, 25, 25]), points=[[9, 9]], labels=[0], track_id=1),
    ],
    ids=["another object", "a box", "a box and a point"],
)
def test_a_prompt_that_stands_for_itself_is_passed_on_as_it_is(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter, prompt: Prompt
) -> None:
    run(FlowTracker(propagator, segmenter, config=NEVER), 3, {0: [given(HERE)], 2: [prompt]})
    assert segmenter.asked == [(2, prompt)]


def test_points_on_a_lost_object_do_not_refine_what_the_search_guesses(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    propagator.candidates[1] = ELSEWHERE
    point = Prompt(points=np.array([[15, 15]]), labels=ON, track_id=1)
    prompts = {0: [given(HERE)], 1: [Prompt(is_absent=True, track_id=1)], 3: [point]}
    results = run(FlowTracker(propagator, segmenter, config=NEVER), 4, prompts)
    assert not only(results[2]).mask.any()
    assert segmenter.asked == [(3, point)]
    assert np.array_equal(only(results[3]).mask, NEAR)
    assert only(results[3]).state is State.CONFIRMED


# What is refused.


def test_a_step_before_start_is_refused(propagator: ScriptedPropagator) -> None:
    with pytest.raises(TrackingError, match="start"):
        FlowTracker(propagator, None).step(frame(0), [])


def test_a_frame_of_another_size_is_refused(propagator: ScriptedPropagator) -> None:
    tracker = FlowTracker(propagator, None)
    tracker.start(INFO)
    other = Frame(3, Fraction(0), np.zeros((10, 20, 3), np.uint8))
    with pytest.raises(TrackingError, match="frame 3 is 20x10, expected 60x40"):
        tracker.step(other, [])


def test_a_box_without_a_segmenter_is_refused(propagator: ScriptedPropagator) -> None:
    tracker = FlowTracker(propagator, None)
    tracker.start(INFO)
    with pytest.raises(PromptError, match="choose a segmenter or give masks"):
        tracker.step(frame(0), [Prompt(box=np.array([0, 0, 5, 5]))])


def test_a_prompt_to_which_nothing_is_found_is_refused(propagator: ScriptedPropagator) -> None:
    tracker = FlowTracker(propagator, ScriptedSegmenter(EMPTY))
    tracker.start(INFO)
    with pytest.raises(PromptError, match="frame 0: nothing was found for object 1"):
        tracker.step(frame(0), [Prompt(box=np.array([0, 0, 5, 5]))])


def test_a_mask_of_another_size_is_refused(propagator: ScriptedPropagator) -> None:
    tracker = FlowTracker(propagator, None)
    tracker.start(INFO)
    with pytest.raises(PromptError, match="the mask of object 1 is 20x10"):
        tracker.step(frame(0), [given(np.ones((10, 20), np.bool_))])


# Absent, lost and found.


def test_an_absent_object_has_empty_masks_and_is_occluded(propagator: ScriptedPropagator) -> None:
    absent = [Prompt(is_absent=True, track_id=1)]
    prompts = {0: [given(HERE), given(ELSEWHERE)], 2: absent, 3: absent, 4: absent}
    results = run(FlowTracker(propagator, None), 6, prompts)
    for result in results[2:]:
        found = only(result)
        assert not found.mask.any()
        assert found.box.tolist() == [0, 0, 0, 0]
        assert found.state is State.OCCLUDED
        assert np.array_equal(only(result, 2).mask, ELSEWHERE)
    assert [only(result).confidence for result in results[2:]] == [1.0, 1.0, 1.0, 0.0]
    assert [kinds(result) for result in results[2:]] == [[EventKind.ABSENT], [], [], []]


def test_an_empty_mask_says_what_absent_says(propagator: ScriptedPropagator) -> None:
    prompts = {0: [given(HERE)], 2: [given(EMPTY, 1)], 3: [given(EMPTY, 1)]}
    results = run(FlowTracker(propagator, None), 5, prompts)
    assert [only(r).state for r in results[1:]] == [State.CONFIRMED, *[State.OCCLUDED] * 3]
    assert [kinds(result) for result in results[2:]] == [[EventKind.ABSENT], [], []]


def test_an_empty_mask_begins_no_object(
    propagator: ScriptedPropagator, make_propagator: Callable[..., FlowAppearancePropagator]
) -> None:
    for carrying in (propagator, make_propagator()):
        results = run(FlowTracker(carrying, None), 4, {0: [given(EMPTY)], 2: [given(HERE, 1)]})
        assert [len(result.objects) for result in results] == [0, 0, 1, 1]
        assert kinds(results[2]) == [EventKind.STARTED]


def test_a_searched_object_shows_nothing_until_it_is_found(propagator: ScriptedPropagator) -> None:
    tracker = FlowTracker(propagator, None)
    tracker.start(INFO)
    tracker.step(frame(0), [given(HERE)])
    tracker.step(frame(1), [Prompt(is_absent=True, track_id=1)])
    propagator.candidates[1] = NEAR
    (guess,) = tracker.step(frame(2), [])
    assert not only(guess).mask.any()
    propagator.is_found = True
    (back,) = tracker.step(frame(3), [])
    assert np.array_equal(only(back).mask, NEAR)
    assert only(back).state is State.WEAK
    assert kinds(back) == [EventKind.FOUND]


def test_an_object_of_low_confidence_is_lost_and_looked_for(
    propagator: ScriptedPropagator,
) -> None:
    propagator.confidence = 0.1
    config = TrackerConfig(lost_frames=3, reprompt=RepromptConfig(mode="off"))
    results = run(FlowTracker(propagator, None, config=config), 6, {0: [given(HERE)]})
    weak, lost = State.WEAK, State.LOST
    assert [only(r).state for r in results] == [State.CONFIRMED, weak, weak, lost, lost, lost]
    assert [only(r).mask.any() for r in results] == [True, True, True, False, False, False]
    assert kinds(results[3]) == [EventKind.LOST]
    assert [event.detail for event in results[3].events] == ["no longer found, confidence 0.10"]
    assert [(index, mask.any()) for index, _, mask in propagator.learned] == [(0, True), (3, False)]


@pytest.mark.parametrize(
    ("confidence", "like", "state"),
    [(0.5, 0.2, State.LOST), (0.5, 0.4, State.WEAK), (0.8, 0.2, State.CONFIRMED)],
)
def test_a_doubtful_mask_that_is_unlike_the_object_is_given_up(
    propagator: ScriptedPropagator, confidence: float, like: float, state: State
) -> None:
    propagator.confidence = confidence
    propagator.resemblance_of = lambda track_id, mask: like
    config = TrackerConfig(lost_frames=3, strange_below=0.3, weak_below=0.55)
    results = run(FlowTracker(propagator, None, config=config), 5, {0: [given(HERE)]})
    assert only(results[2]).mask.any()
    assert only(results[3]).state is state
    assert bool(only(results[3]).mask.any()) is (state is not State.LOST)


def test_how_much_a_mask_is_like_the_object_is_not_asked_where_it_is_told(
    propagator: ScriptedPropagator,
) -> None:
    propagator.confidence, propagator.signals = 0.5, {"resemblance": 0.2}
    config = TrackerConfig(lost_frames=3, strange_below=0.3, weak_below=0.55)
    results = run(FlowTracker(propagator, None, config=config), 5, {0: [given(HERE)]})
    assert only(results[3]).state is State.LOST


def test_a_mask_of_too_few_pixels_is_not_visible(propagator: ScriptedPropagator) -> None:
    config = TrackerConfig(smallest_area=9)
    prompts = {0: [given(square(5, 5, 3)), given(square(30, 5, 2))]}
    results = run(FlowTracker(propagator, None, config=config), 2, prompts)
    # On its own frame the user's mask stands, however small.
    assert [int(one.mask.sum()) for one in results[0].objects] == [9, 4]
    assert [one.state for one in results[1].objects] == [State.CONFIRMED, State.LOST]


# Where an object went.


def after_losing(
    propagator: ScriptedPropagator, prompts: Prompts, *, lost: int
) -> tuple[ObjectMask, list[str]]:
    """What is said of a track that is lost on frame 2."""
    propagator.confidence = {1: 0.9, 2: 0.9}
    tracker = FlowTracker(propagator, None, config=TrackerConfig(lost_frames=1))
    tracker.start(INFO)
    for index in range(2):
        tracker.step(frame(index), prompts.get(index, ()))
    propagator.confidence[lost] = 0.1
    (result,) = tracker.step(frame(2), ())
    assert not only(result, lost).mask.any()
    events = [e for e in result.events if e.track_id == lost]
    return only(result, lost), [f"{e.kind}: {e.detail}" for e in events]


def test_an_object_last_seen_at_the_border_left(propagator: ScriptedPropagator) -> None:
    found, said = after_losing(propagator, {0: [given(square(50, 10))]}, lost=1)
    assert (found.state, found.confidence) == (State.LEFT, 0.0)
    assert said == ["left: through the border of the frame, confidence 0.10"]


def test_an_object_last_seen_where_an_older_one_is_now_is_behind_it(
    propagator: ScriptedPropagator,
) -> None:
    found, said = after_losing(propagator, {0: [given(HERE)], 1: [given(NEAR)]}, lost=2)
    assert (found.state, found.confidence) == (State.OCCLUDED, 0.0)
    assert said == ["occluded: behind another object, confidence 0.10"]


def test_of_a_younger_object_in_front_an_older_one_takes_no_notice(
    propagator: ScriptedPropagator,
) -> None:
    found, said = after_losing(propagator, {0: [given(HERE)], 1: [given(NEAR)]}, lost=1)
    assert found.state is State.LOST
    assert said == ["lost: no longer found, confidence 0.10"]


def test_an_object_is_not_behind_one_that_is_lost_itself(propagator: ScriptedPropagator) -> None:
    config = TrackerConfig(lost_frames=1)
    propagator.confidence = 0.1
    prompts = {0: [given(HERE), given(square(10, 10, 9))]}
    results = run(FlowTracker(propagator, None, config=config), 2, prompts)
    assert [one.state for one in results[1].objects] == [State.LOST, State.LOST]


def test_an_object_that_left_is_found_under_its_id_when_it_is_back(
    propagator: ScriptedPropagator,
) -> None:
    config = TrackerConfig(lost_frames=1)
    tracker = FlowTracker(propagator, None, config=config)
    tracker.start(INFO)
    propagator.confidence = 0.1
    tracker.step(frame(0), [given(square(50, 10), 4)])
    (away,) = tracker.step(frame(1), ())
    assert only(away, 4).state is State.LEFT
    propagator.candidates[4], propagator.is_found, propagator.confidence = NEAR, True, 0.9
    (back,) = tracker.step(frame(2), ())
    assert kinds(back) == [EventKind.FOUND]
    assert (only(back, 4).state, only(back, 4).confidence) == (State.WEAK, 0.9)
    assert np.array_equal(only(back, 4).mask, NEAR)


# Asked again.


def test_a_sure_track_is_never_asked_about(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    run(FlowTracker(propagator, segmenter, config=asking(EAGER)), 50, {0: [given(HERE)]})
    assert not segmenter.embedded


@pytest.mark.parametrize("mode", ["auto", "on", "off"])
def test_a_doubted_track_is_asked_about_unless_that_is_off(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter, mode: str
) -> None:
    propagator.confidence = 0.5
    config = asking(RepromptConfig(mode=mode, patience=0.19))
    run(FlowTracker(propagator, segmenter, config=config), 3, {0: [given(HERE)]})
    assert segmenter.frames == ([] if mode == "off" else [1])


@pytest.mark.parametrize(("hidden", "asked"), [(0.2, [1]), (0.3, [])])
def test_an_object_of_which_much_is_hidden_is_not_asked_about(
    propagator: ScriptedPropagator,
    segmenter: ScriptedSegmenter,
    hidden: float,
    asked: list[int],
) -> None:
    """The answer would be what is in front of it."""
    propagator.confidence, propagator.signals = 0.5, {"hidden": hidden}
    run(FlowTracker(propagator, segmenter, config=asking(EAGER)), 3, {0: [given(HERE)]})
    assert segmenter.frames == asked


def test_look_alikes_on_one_another_are_doubted_but_their_masks_are_not_asked_about(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    prompts = {0: [given(HERE), given(NEAR)], 3: [given(HERE, 1)]}
    results = run(FlowTracker(propagator, segmenter, config=asking(EAGER)), 5, prompts)
    assert kinds(results[0])[2:] == [EventKind.MERGED]
    assert [only(results[0], i).confidence for i in (1, 2)] == [1, 1]
    for result in results[1:3]:
        assert [only(result, i).state for i in (1, 2)] == [State.WEAK, State.WEAK]
        assert all(only(result, i).confidence < 0.5 for i in (1, 2))
    assert only(results[3]).confidence == 1
    assert not segmenter.embedded


def test_a_better_mask_is_taken_and_learned_and_says_why(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    propagator.confidence = 0.5
    propagator.support_of = lambda mask: 0.8 if np.array_equal(mask, NEAR) else 0.6
    config = asking(EAGER)
    results = run(FlowTracker(propagator, segmenter, config=config), 3, {0: [given(HERE)]})
    taken = only(results[1])
    assert np.array_equal(taken.mask, NEAR)
    assert (taken.origin, taken.confidence) == (Origin.REPROMPTED, 0.9)
    (event,) = results[1].events
    # 80 of 120 pixels are shared.
    assert event.kind is EventKind.REPROMPTED
    assert event.detail == "IoU 0.67 with the carried mask, predicted 0.90"
    assert [(i, np.array_equal(m, NEAR)) for i, _, m in propagator.learned] == [
        (0, False),
        (1, True),
    ]
    assert np.array_equal(only(results[2]).mask, NEAR)
    assert only(results[2]).origin is Origin.PROPAGATED


def test_of_an_answer_only_its_share_is_taken(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    # The carried mask is the surer of the two: at a share of .1 it stays as it was.
    propagator.confidence = 0.5
    config = replace(EAGER, answer_share=0.1)
    results = run(FlowTracker(propagator, segmenter, config=asking(config)), 3, {0: [given(HERE)]})
    assert only(results[1]).origin is Origin.REPROMPTED
    assert np.array_equal(only(results[1]).mask, HERE)


def refused(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter, config: RepromptConfig = EAGER
) -> str:
    """The reason an answer was refused, when the track went on as it was."""
    propagator.confidence = 0.5
    tracker = FlowTracker(propagator, segmenter, config=asking(config))
    results = run(tracker, 3, {0: [given(HERE)]})
    for result in results[1:]:
        assert np.array_equal(only(result).mask, HERE)
        assert only(result).origin is Origin.PROPAGATED
        assert only(result).state is State.WEAK
    assert len(propagator.learned) == 1
    (event,) = results[1].events
    assert event.kind is EventKind.REJECTED
    return event.detail


def test_a_wrong_blob_is_refused_and_the_track_survives(propagator: ScriptedPropagator) -> None:
    assert refused(propagator, ScriptedSegmenter(ELSEWHERE)) == (
        "IoU 0.00 with the carried mask is under 0.17"
    )


def test_an_answer_that_looks_less_like_the_object_is_refused(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    propagator.support_of = lambda mask: 0.2 if np.array_equal(mask, NEAR) else 0.6
    assert refused(propagator, segmenter) == (
        "fits the object's looks by -0.40 against the carried mask"
    )


def test_an_unsure_answer_is_refused(propagator: ScriptedPropagator) -> None:
    unsure = ScriptedSegmenter(predicted_iou=0.4)
    assert refused(propagator, unsure) == "predicted IoU 0.40 is under 0.80"


def test_an_empty_answer_is_refused(propagator: ScriptedPropagator) -> None:
    assert refused(propagator, ScriptedSegmenter(EMPTY)) == "the answer is empty"


def test_after_refused_answers_the_questions_come_ever_more_rarely(
    propagator: ScriptedPropagator,
) -> None:
    propagator.confidence = 0.5
    segmenter = ScriptedSegmenter(ELSEWHERE)
    run(FlowTracker(propagator, segmenter, config=asking(EAGER)), 120, {0: [given(HERE)]})
    # Waits of 5, 10, 20 and 40 frames; the next is of 80.
    assert segmenter.frames == [1, 6, 16, 36, 76]


def test_after_a_taken_answer_too_the_cooldown_goes_by(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    propagator.confidence = 0.5
    run(FlowTracker(propagator, segmenter, config=asking(EAGER)), 20, {0: [given(HERE)]})
    assert segmenter.frames == [1, 6, 11, 16]


def test_the_budget_is_kept_to(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    propagator.confidence = 0.5
    config = asking(RepromptConfig(budget=10.0, saved_frames=20, patience=0.01, cooldown_frames=1))
    run(FlowTracker(propagator, segmenter, config=config), 101, {0: [given(HERE)]})
    # Two to begin with, and one every ten frames.
    assert segmenter.frames[:2] == [1, 2]
    assert 11 <= len(segmenter.frames) <= 12
    assert min(np.diff(segmenter.frames[1:])) >= 8


def test_without_a_budget_only_the_first_question_is_asked(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    propagator.confidence = 0.5
    config = asking(RepromptConfig(budget=0.0, patience=0.01, cooldown_frames=1))
    run(FlowTracker(propagator, segmenter, config=config), 50, {0: [given(HERE)]})
    assert segmenter.frames == [1]


def test_a_prompted_track_is_not_asked_about_on_that_frame(
    propagator: ScriptedPropagator,
) -> None:
    propagator.confidence = 0.5
    config = asking(RepromptConfig(budget=100.0, patience=0.01, retry_frames=1))
    for prompts, asked in (({}, [1, 2]), ({2: [given(NEAR, 1)]}, [1])):
        segmenter = ScriptedSegmenter(ELSEWHERE)
        tracker = FlowTracker(propagator, segmenter, config=config)
        run(tracker, 3, {0: [given(HERE)], **prompts})
        assert segmenter.frames == asked


def test_neighbours_are_background_points_if_inside_the_box_and_no_younger(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    """Object 2 of four is doubted; around it lie an older, a sister and a younger object."""
    main, older, sister, younger = (
        square(10, 10, 20),
        square(12, 26, 4),
        square(26, 12, 4),
        square(24, 24, 4),
    )
    far = square(50, 30, 8)
    prompts = {
        0: [given(older, 1)],
        1: [given(main, 2), given(sister, 3), given(far, 4)],
        2: [given(younger, 5)],
    }
    propagator.confidence = {1: 0.9, 2: 0.5, 3: 0.9, 4: 0.9, 5: 0.9}
    config = asking(RepromptConfig(patience=0.01, retry_frames=1, budget=100.0, accept_iou=1.0))
    run(FlowTracker(propagator, segmenter, config=config), 4, prompts)
    asked = [prompt for index, prompt in segmenter.asked if index == 3]
    assert {prompt.track_id for prompt in asked} == {2}
    found = {tuple(int(v) for v in point) for point in asked[0].negative_points}
    assert len(found) == 2
    assert all(
        any(mask[y, x] for x, y in found) == expected
        for mask, expected in ((older, True), (sister, True), (younger, False), (far, False))
    )


def test_a_lost_track_is_asked_about_with_back_off_and_found_under_its_old_id(
    propagator: ScriptedPropagator,
) -> None:
    propagator.candidates[1] = NEAR
    segmenter = ScriptedSegmenter(EMPTY)
    tracker = FlowTracker(propagator, segmenter, config=asking(EAGER))
    tracker.start(INFO)
    tracker.step(frame(0), [given(HERE, label="ball")])
    tracker.step(frame(1), [Prompt(is_absent=True, track_id=1)])
    for index in range(2, 20):
        (result,) = tracker.step(frame(index), [])
        assert only(result).state is State.OCCLUDED
        assert not only(result).mask.any()
    assert segmenter.frames == [2, 7, 17]
    segmenter.answer = square(13, 11)
    for index in range(20, 38):
        (result,) = tracker.step(frame(index), [])
    assert segmenter.frames == [2, 7, 17, 37]
    found = only(result)
    assert (found.track_id, found.label, found.state) == (1, "ball", State.CONFIRMED)
    assert np.array_equal(found.mask, segmenter.answer)
    assert kinds(result) == [EventKind.REPROMPTED, EventKind.FOUND]


def test_an_answer_about_a_lost_track_must_be_like_it(propagator: ScriptedPropagator) -> None:
    propagator.candidates[1] = NEAR
    propagator.resemblance_of = lambda track_id, mask: 0.2
    tracker = FlowTracker(propagator, ScriptedSegmenter(NEAR), config=asking(EAGER))
    prompts = {0: [given(HERE)], 1: [Prompt(is_absent=True, track_id=1)]}
    results = run(tracker, 4, prompts)
    assert kinds(results[2]) == [EventKind.REJECTED]
    assert "0.20 like the object" in results[2].events[0].detail
    assert not only(results[3]).mask.any()


@pytest.mark.parametrize(("like", "is_taken"), [(0.4, False), (0.5, True)])
def test_where_hardly_anything_is_left_of_a_track_an_answer_must_be_the_object(
    propagator: ScriptedPropagator, like: float, is_taken: bool
) -> None:
    propagator.confidence, propagator.signals = 0.7, {"gone": 1.0}
    propagator.resemblance_of = lambda track_id, mask: like
    tracker = FlowTracker(propagator, ScriptedSegmenter(NEAR), config=asking(EAGER))
    results = run(tracker, 2, {0: [given(HERE)]})
    assert kinds(results[1]) == [EventKind.REPROMPTED if is_taken else EventKind.REJECTED]


def test_an_answer_that_is_believed_is_taken_as_it_is_from_whatever_process_it_comes_back(
    propagator: ScriptedPropagator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an object that another process carries the same mask comes back in other memory.

    The logits say more than the mask: all of them would be lost beyond it.
    """
    propagator.confidence = 0.7
    segmenter = ScriptedSegmenter(NEAR)
    everywhere = np.full((10, 15), 5, np.float32)
    monkeypatch.setattr(
        segmenter,
        "decode",
        lambda _, asked: [[MaskPrediction(NEAR, everywhere, 0.9)] for _ in asked],
    )
    results = []
    for is_copied in (False, True):
        monkeypatch.setattr(
            propagator, "believable", lambda _, mask, place, c=is_copied: mask.copy() if c else mask
        )
        config = asking(replace(EAGER, mode="on", answer_share=0.6))
        tracker = FlowTracker(propagator, segmenter, config=config)
        results.append(run(tracker, 2, {0: [given(HERE)]})[1])
    here, there = (propagator.learned[place][2] for place in (1, 3))
    assert kinds(results[0]) == kinds(results[1]) == [EventKind.REPROMPTED]
    assert here.all()
    assert np.array_equal(here, there)


def test_of_a_track_that_is_seen_an_answer_is_not_asked_how_like_it_is(
    propagator: ScriptedPropagator,
) -> None:
    propagator.confidence, propagator.resemblance_of = 0.7, lambda track_id, mask: 0.0
    tracker = FlowTracker(propagator, ScriptedSegmenter(NEAR), config=asking(EAGER))
    assert kinds(run(tracker, 2, {0: [given(HERE)]})[1]) == [EventKind.REPROMPTED]


PART, WHOLE = square(10, 10) & ~square(10, 5), square(10, 10)
"""The lower half of a square, and the square."""


def part_seen(propagator: ScriptedPropagator, track_id: int, share: float) -> None:
    """Have the propagator say from now on how much of a compact object is seen."""
    found = propagator._found

    def say(one: int, mask: Mask) -> Propagation:
        signals = {"seen": share} if one == track_id else {}
        return replace(found(one, mask), signals={**found(one, mask).signals, **signals})

    propagator._found = say  # type: ignore[method-assign]


def test_a_compact_object_seen_in_part_is_asked_about_at_its_whole_size(
    propagator: ScriptedPropagator,
) -> None:
    """It is prompted whole; then only a part of it is carried."""
    segmenter = ScriptedSegmenter(WHOLE)
    tracker = FlowTracker(propagator, segmenter, config=asking(replace(EAGER, box_growth=0)))
    tracker.start(INFO)
    part_seen(propagator, 1, 1.0)
    tracker.step(frame(0), [given(WHOLE)])
    tracker.step(frame(1), [])
    propagator.learn(frame(1), 1, PART)
    part_seen(propagator, 1, 0.5)
    (result,) = tracker.step(frame(2), [])
    boxes = {tuple(prompt.box.tolist()) for _, prompt in segmenter.asked if prompt.box is not None}
    assert (10, 10, 20, 20) in boxes
    assert np.array_equal(only(result).mask, WHOLE)
    assert kinds(result) == [EventKind.REPROMPTED]
    assert "like the whole object" in result.events[0].detail


def test_the_others_cede_what_the_whole_object_has(propagator: ScriptedPropagator) -> None:
    """A larger one that began with it has its upper half, and can spare it."""
    large = square(20, 0, 20) | square(10, 10)
    segmenter = ScriptedSegmenter(WHOLE)
    tracker = FlowTracker(propagator, segmenter, config=asking(EAGER))
    tracker.start(INFO)
    part_seen(propagator, 1, 1.0)
    tracker.step(frame(0), [given(WHOLE), given(square(20, 0, 20))])
    tracker.step(frame(1), [])
    propagator.learn(frame(1), 1, PART)
    propagator.learn(frame(1), 2, large & ~PART)
    part_seen(propagator, 1, 0.5)
    (result,) = tracker.step(frame(2), [])
    assert np.array_equal(only(result, 1).mask, WHOLE)
    assert not (only(result, 2).mask & WHOLE).any()
    (later,) = tracker.step(frame(3), [])
    assert not (only(later, 2).mask & WHOLE).any()


def test_a_part_that_the_segmenter_finds_to_be_another_objects_is_given_up(
    propagator: ScriptedPropagator,
) -> None:
    """All of a compact object of the same frame would have to be taken."""
    segmenter = ScriptedSegmenter(WHOLE)
    config = asking(replace(EAGER, accept_iou=1.0))
    tracker = FlowTracker(propagator, segmenter, config=config)
    tracker.start(INFO)
    for track_id in (1, 2):
        part_seen(propagator, track_id, 1.0)
    tracker.step(frame(0), [given(WHOLE), given(square(40, 10))])
    tracker.step(frame(1), [])
    propagator.learn(frame(1), 1, PART)
    propagator.learn(frame(1), 2, WHOLE & ~PART)
    part_seen(propagator, 1, 0.5)
    results = [tracker.step(frame(index), [])[0] for index in range(2, 60)]
    lost = [event for one in results for event in one.events if event.kind is EventKind.LOST]
    assert [(event.track_id, event.detail) for event in lost] == [
        (1, "what was followed is a part of another object")
    ]
    assert np.array_equal(only(results[-1], 2).mask, WHOLE & ~PART)
    assert len({index for index, _ in segmenter.asked}) >= 3


def test_a_track_of_little_confidence_is_asked_about_twice_in_one_call(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    propagator.confidence = {1: 0.5, 2: 0.8}
    prompts = {0: [given(HERE, 1), given(ELSEWHERE, 2)]}
    run(FlowTracker(propagator, segmenter, config=asking(EAGER)), 2, prompts)
    assert segmenter.embedded == [1]
    asked = [(prompt.track_id, prompt.logits is None) for _, prompt in segmenter.asked]
    assert asked == [(1, True), (1, True), (2, False)]


def test_after_an_answer_in_vain_a_sure_track_too_is_asked_about_twice(
    propagator: ScriptedPropagator,
) -> None:
    propagator.confidence = 0.8
    segmenter = ScriptedSegmenter(EMPTY)
    run(FlowTracker(propagator, segmenter, config=asking(EAGER)), 7, {0: [given(HERE)]})
    assert [index for index, _ in segmenter.asked] == [1, 6, 6]


def test_of_two_answers_that_may_be_taken_the_surer_one_is(
    propagator: ScriptedPropagator, segmenter: ScriptedSegmenter
) -> None:
    class Two(ScriptedSegmenter):
        def decode(
            self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
        ) -> Sequence[Sequence[MaskPrediction]]:
            found = [(NEAR, 0.85), (square(11, 11), 0.95), (ELSEWHERE, 0.99)]
            return [
                [MaskPrediction(mask, mask_logits(mask, (10, 15)), said)]
                for mask, said in found[: len(prompts)]
            ]

    propagator.confidence = 0.5
    tracker = FlowTracker(propagator, Two(), config=asking(EAGER))
    results = run(tracker, 2, {0: [given(HERE)]})
    assert np.array_equal(only(results[1]).mask, square(11, 11))
    assert only(results[1]).confidence == 0.95
    assert kinds(results[1]) == [EventKind.REPROMPTED]


# How sure a mask can be.


def test_a_mask_that_the_user_gave_is_certain_and_an_answer_as_good_as_it_says(
    propagator: ScriptedPropagator,
) -> None:
    propagator.confidence = 0.95
    tracker = FlowTracker(propagator, ScriptedSegmenter(predicted_iou=0.7), config=NEVER)
    boxed = Prompt(box=np.array([12, 10, 22, 20], np.float32), track_id=2)
    results = run(tracker, 2, {0: [given(HERE, 1), boxed]})
    assert [one.confidence for one in results[0].objects] == [1.0, 0.7]
    # Carried on, neither is surer than the mask it comes from.
    assert [one.confidence for one in results[1].objects] == [0.95, 0.7]


def test_an_object_whose_first_mask_is_bad_is_weak_but_not_lost_for_that(
    propagator: ScriptedPropagator,
) -> None:
    tracker = FlowTracker(
        propagator,
        ScriptedSegmenter(predicted_iou=0.1),
        config=TrackerConfig(reprompt=RepromptConfig(mode="off"), lost_below=0.2, lost_frames=2),
    )
    boxed = Prompt(box=np.array([12, 10, 22, 20], np.float32))
    results = run(tracker, 9, {0: [boxed]})
    assert [(only(r).confidence, only(r).state) for r in results[1:]] == [(0.1, State.WEAK)] * 8


def test_a_correction_by_the_user_ends_what_the_first_mask_was_worth(
    propagator: ScriptedPropagator,
) -> None:
    propagator.confidence = 0.95
    tracker = FlowTracker(propagator, ScriptedSegmenter(predicted_iou=0.7), config=NEVER)
    boxed = Prompt(box=np.array([12, 10, 22, 20], np.float32))
    results = run(tracker, 4, {0: [boxed], 2: [given(HERE, 1)]})
    assert [only(result).confidence for result in results] == [0.7, 0.7, 1.0, 0.95]


# With the real propagator.


def results_of(
    propagator: FlowAppearancePropagator,
    scene: Any,
    prompts: Prompts,
    count: int,
    *,
    config: TrackerConfig | None = None,
) -> list[FrameResult]:
    tracker = FlowTracker(propagator, ThresholdSegmenter(), config=config)
    return run(tracker, count, prompts, info=scene.info, draw=scene.frame)


def as_values(one: ObjectMask) -> tuple[object, ...]:
    return (
        one.track_id,
        one.mask.tobytes(),
        one.box.tobytes(),
        one.confidence,
        one.state,
        one.origin,
        one.label,
    )


@pytest.mark.parametrize("mode", ["off", "on"])
def test_adding_an_object_later_changes_nothing_of_another_also_when_they_touch(
    make_propagator: Callable[..., FlowAppearancePropagator], red_and_blue: Any, mode: str
) -> None:
    # Doubted on every frame, so that with "on" neighbours could get into the questions.
    reprompts = RepromptConfig(mode=mode, below=1.0, budget=100, cooldown_frames=1)
    config = TrackerConfig(reprompt=reprompts)
    old = {0: [given(red_and_blue.truth(0, 0))]}
    both = {**old, 2: [given(red_and_blue.truth(2, 1) | red_and_blue.truth(2, 0))]}
    alone, joined = (
        results_of(make_propagator(), red_and_blue, prompts, 10, config=config)
        for prompts in (old, both)
    )
    assert [as_values(only(r)) for r in joined] == [as_values(only(r)) for r in alone]
    olds = [[e for e in r.events if e.track_id == 1] for r in joined]
    assert olds == [list(r.events) for r in alone]
    # They do touch.
    assert any(
        (only(r, 1).box[0] <= only(r, 2).box[2]) and only(r, 2).mask.any() for r in joined[3:]
    )
    assert not any((only(r, 1).mask & only(r, 2).mask).any() for r in joined[3:])


def test_two_runs_are_the_same_to_the_bit(
    make_propagator: Callable[..., FlowAppearancePropagator], red_and_blue: Any
) -> None:
    prompts = {0: [given(red_and_blue.truth(0, which)) for which in (0, 1)]}
    first, again = (results_of(make_propagator(), red_and_blue, prompts, 8) for _ in range(2))
    for ours, theirs in zip(first, again, strict=True):
        assert [as_values(one) for one in ours.objects] == [
            as_values(one) for one in theirs.objects
        ]
        assert ours.events == theirs.events


def test_an_object_absent_for_a_while_is_found_when_it_is_back(
    make_propagator: Callable[..., FlowAppearancePropagator], hide_and_seek: Any
) -> None:
    absent = [Prompt(is_absent=True, track_id=1)]
    prompts: dict[int, list[Prompt]] = {index: absent for index in range(4, 8)}
    prompts[0] = [given(hide_and_seek.truth(0, 1)), given(hide_and_seek.truth(0, 0))]
    results = results_of(make_propagator(), hide_and_seek, prompts, 14, config=NEVER)
    for result in results[4:8]:
        assert (only(result).state, only(result).mask.any()) == (State.OCCLUDED, False)
    assert sum(kinds(result).count(EventKind.FOUND) for result in results[8:]) == 1
    for index in (11, 12, 13):
        assert mask_iou(only(results[index]).mask, hide_and_seek.truth(index, 1)) > 0.85
        assert mask_iou(only(results[index], 2).mask, hide_and_seek.truth(index, 0)) > 0.85


def test_an_object_that_vanishes_is_lost_by_itself_and_found_again(
    make_propagator: Callable[..., FlowAppearancePropagator], hide_and_seek: Any
) -> None:
    prompts = {0: [given(hide_and_seek.truth(0, 1))]}
    results = results_of(make_propagator(), hide_and_seek, prompts, 14, config=NEVER)
    assert any(only(result).state is State.LOST for result in results[4:8])
    assert [k for r in results for k in kinds(r)] == [
        EventKind.STARTED,
        EventKind.LOST,
        EventKind.FOUND,
    ]
    assert mask_iou(only(results[13]).mask, hide_and_seek.truth(13, 1)) > 0.85


def test_from_a_box_a_square_is_followed_through_the_video(
    make_propagator: Callable[..., FlowAppearancePropagator],
) -> None:
    square = MovingSquare()
    prompts = {0: [Prompt(box=square.box(0) + np.array([-3, -3, 3, 3], np.float32))]}
    results = results_of(make_propagator(), square, prompts, 10)
    for index, result in enumerate(results):
        assert mask_iou(only(result).mask, square.truth(index)) > 0.95
        assert only(result).state is State.CONFIRMED

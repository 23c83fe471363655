"""Results held back while a track is doubted, and mended from behind."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest

from track_anything.config import LookBackConfig, RepromptConfig, TrackerConfig
from track_anything.errors import TrackingError
from track_anything.masks import mask_box, mask_iou, mask_logits
from track_anything.structures import (
    Event,
    EventKind,
    Floats,
    Frame,
    FrameResult,
    Mask,
    MaskPrediction,
    ObjectMask,
    Origin,
    Prompt,
    Propagation,
    State,
    VideoInfo,
)
from track_anything.testing import HoldingPropagator, MovingSquare
from track_anything.tracking.flow_tracker import FlowTracker
from track_anything.tracking.look_back import Correction, LookBack
from track_anything.tracking.propagator import FlowAppearancePropagator

SIZE = (40, 60)
INFO = VideoInfo(width=60, height=40)


def square(x: int, y: int, side: int = 10) -> Mask:
    mask = np.zeros(SIZE, np.bool_)
    mask[y : y + side, x : x + side] = True
    return mask


EMPTY = np.zeros(SIZE, np.bool_)
HERE, NEAR, ELSEWHERE = square(10, 10), square(12, 10), square(40, 20)


def frame(index: int) -> Frame:
    return Frame(index, Fraction(index, 25), np.zeros((*SIZE, 3), np.uint8))


class Rewinder:
    """Knows where it finds every object on its way back.

    Attributes:
        mask: What it finds on every frame.
        confidence: By frame index; 0.9 where nothing is said.
        searching: Indexes of frames on which the object is not found.
        carried: (frame index, track_ids) of every frame it was carried to.
        restored: The states it was given.
    """

    def __init__(self, mask: Mask = ELSEWHERE) -> None:
        self.mask = mask
        self.confidence: dict[int, float] = {}
        self.searching: set[int] = set()
        self.carried: list[tuple[int, list[int]]] = []
        self.restored: list[bytes] = []
        self._ids: set[int] = set()

    def start(self, info: VideoInfo) -> None:
        self._ids.clear()

    def learn(self, frame: Frame, track_id: int, mask: Mask) -> None:
        raise AssertionError("nothing is learned on the way back")

    def expect(self, frame: Frame) -> None:
        pass

    def propagate(self, frame: Frame) -> Mapping[int, Propagation]:
        self.carried.append((frame.index, sorted(self._ids)))
        signals = {"searching": 1.0} if frame.index in self.searching else {}
        confidence = self.confidence.get(frame.index, 0.9)
        found = Propagation(mask_logits(self.mask, SIZE), confidence, signals)
        return dict.fromkeys(self._ids, found)

    def support(self, frame: Frame, track_id: int, mask: Mask) -> float:
        return 0.0

    def resemblance(self, frame: Frame, track_id: int, mask: Mask) -> float:
        return 1.0

    def believable(self, track_id: int, mask: Mask, *, place: Mask) -> Mask:
        return mask

    def cede(self, track_id: int, mask: Mask) -> None:
        pass

    def forget(self, track_id: int) -> None:
        self._ids.discard(track_id)

    def save(self, track_ids: Collection[int] | None = None) -> bytes:
        return json.dumps(sorted({1, 2, 3} if track_ids is None else track_ids)).encode()

    def restore(self, state: bytes) -> None:
        self.restored.append(state)
        self._ids = set(json.loads(state))


@pytest.fixture
def back() -> Rewinder:
    return Rewinder()


def looking_back(back: Rewinder, *, is_exclusive: bool = True, **settings: Any) -> LookBack:
    look_back = LookBack(
        LookBackConfig(**settings), Rewinder(), lambda: back, is_exclusive=is_exclusive
    )
    look_back.start(INFO)
    return look_back


def seen(
    confidence: float, mask: Mask = HERE, *, track_id: int = 1, state: State = State.CONFIRMED
) -> ObjectMask:
    return ObjectMask(track_id, mask, mask_box(mask), confidence, state)


def gone(state: State, confidence: float = 0.0) -> ObjectMask:
    return seen(confidence, EMPTY, state=state)


AGES = {1: 0, 2: 0, 3: 5}
"""The first frames of tracks 1, 2 and 3: the third is the youngest."""


def add(
    look_back: LookBack,
    index: int,
    *objects: ObjectMask,
    taken: Mask | None = None,
    final: Sequence[int] = (),
    sureness: Mapping[int, float] | None = None,
    trust: float = 1.0,
) -> list[FrameResult]:
    """Add a frame; `taken` corrects track 1, which was thought to be HERE."""
    logits = {one.track_id: mask_logits(one.mask, SIZE) for one in objects}
    corrections = [] if taken is None else [Correction(1, HERE, taken, trust)]
    result = FrameResult(frame(index), objects, [Event(EventKind.FOUND, 9)])
    return look_back.add(result, logits, AGES, corrections, sureness=sureness or {}, final=final)


def test_what_is_doubted_is_the_carrying_not_the_mask_it_began_with(back: Rewinder) -> None:
    look_back = looking_back(back, sure_above=0.9)
    # No mask from a poor first one is said to be better than that, yet it did not stray from it.
    assert indexes(add(look_back, 0, seen(0.6), sureness={1: 0.95})) == [0]
    assert add(look_back, 1, seen(0.6), sureness={1: 0.85}) == []


def indexes(results: Sequence[FrameResult]) -> list[int]:
    return [result.frame.index for result in results]


def only(result: FrameResult, track_id: int = 1) -> ObjectMask:
    (found,) = (one for one in result.objects if one.track_id == track_id)
    return found


def doubted_then_corrected(
    look_back: LookBack, count: int, *, doubted: ObjectMask | None = None, taken: Mask = ELSEWHERE
) -> list[FrameResult]:
    """A sure frame, `count` doubted ones, a correction on the frame after them."""
    out = add(look_back, 0, seen(0.95))
    for index in range(1, count + 1):
        out += add(look_back, index, doubted or seen(0.9 - 1e-6))
    out += add(look_back, count + 1, seen(1.0, taken), taken=taken)
    assert indexes(out) == list(range(count + 2))
    return out


# Held back.


def test_sure_results_come_at_once(back: Rewinder) -> None:
    look_back = looking_back(back, sure_above=0.9)
    assert [indexes(add(look_back, i, seen(0.9))) for i in range(3)] == [[0], [1], [2]]
    assert look_back.flush() == []


def test_doubted_results_are_held_until_the_track_is_sure(back: Rewinder) -> None:
    look_back = looking_back(back, sure_above=0.9)
    confidences = (0.95, 0.89, 0.5, 0.89, 0.9, 0.95)
    came = [indexes(add(look_back, i, seen(c))) for i, c in enumerate(confidences)]
    assert came == [[0], [], [], [], [1, 2, 3, 4], [5]]


def test_no_more_frames_are_held_than_was_said(back: Rewinder) -> None:
    look_back = looking_back(back, frames=3)
    came = [indexes(add(look_back, i, seen(0.1))) for i in range(6)]
    assert came == [[], [], [], [0], [1], [2]]
    assert indexes(look_back.flush()) == [3, 4, 5]
    assert look_back.flush() == []


def test_only_the_present_stretches_of_doubt_are_held(back: Rewinder) -> None:
    look_back = looking_back(back)
    # The second is doubted from frame 2 on: frame 1 is of no use any more once the first is sure.
    ones, twos = (0.5, 0.5, 0.5, 0.95, 0.95), (0.95, 0.95, 0.5, 0.5, 0.95)
    came = [
        indexes(add(look_back, i, seen(a), seen(b, ELSEWHERE, track_id=2)))
        for i, (a, b) in enumerate(zip(ones, twos, strict=True))
    ]
    assert came == [[], [], [], [0, 1], [2, 3, 4]]


@pytest.mark.parametrize("state", [State.OCCLUDED, State.ENDED])
def test_an_object_that_is_hidden_or_at_its_end_holds_nothing_back(
    back: Rewinder, state: State
) -> None:
    assert indexes(add(looking_back(back), 0, gone(state))) == [0]


@pytest.mark.parametrize("origin", [Origin.PROMPTED, Origin.REPROMPTED])
def test_a_mask_that_was_given_is_sure_whatever_is_said_of_it(
    back: Rewinder, origin: Origin
) -> None:
    look_back = looking_back(back)
    corrected = replace(seen(0.5), origin=origin)
    came = [indexes(add(look_back, i, one)) for i, one in enumerate((seen(0.5), corrected))]
    assert came == [[], [0, 1]]


@pytest.mark.parametrize("state", [State.LOST, State.LEFT])
def test_an_object_that_may_be_found_again_is_doubted(back: Rewinder, state: State) -> None:
    assert add(looking_back(back), 0, gone(state)) == []


def test_a_new_video_begins_with_nothing_held(back: Rewinder) -> None:
    look_back = looking_back(back)
    add(look_back, 0, seen(0.1))
    look_back.start(INFO)
    assert look_back.flush() == []


# Mended.


def test_each_way_counts_the_more_the_nearer_its_certain_mask_is(back: Rewinder) -> None:
    results = doubted_then_corrected(looking_back(back), 4)
    # The way back weighs 1/5, 2/5, 3/5, 4/5 on frames 1 to 4; both ways are equally sure.
    expected = [HERE, HERE, HERE, ELSEWHERE, ELSEWHERE, ELSEWHERE]
    for result, mask in zip(results, expected, strict=True):
        assert np.array_equal(only(result).mask, mask)
    assert only(results[3]).box.tolist() == [40, 20, 50, 30]
    assert back.carried == [(4, [1]), (3, [1]), (2, [1]), (1, [1])]
    assert back.restored == [b"[1]"]


def test_the_surer_way_counts_more(back: Rewinder) -> None:
    results = doubted_then_corrected(looking_back(back), 4, doubted=seen(0.3))
    # On frame 2: 2/5 of 0.9 against 3/5 of 0.3; on frame 1: 1/5 of 0.9 against 4/5 of 0.3.
    masks = [only(result).mask for result in results]
    assert np.array_equal(masks[1], HERE)
    assert np.array_equal(masks[2], ELSEWHERE)
    share = 0.36 / 0.54
    assert only(results[2]).confidence == pytest.approx(share * 0.9 + (1 - share) * 0.3)
    assert only(results[1]).confidence == 0.3


def test_the_correction_says_how_many_frames_were_mended(back: Rewinder) -> None:
    results = doubted_then_corrected(looking_back(back), 4)
    # Frames 1 and 2 stay as they are.
    assert list(results[5].events) == [
        Event(EventKind.FOUND, 9),
        Event(EventKind.MENDED, 1, "2 frames before were mended"),
    ]
    assert all(len(result.events) == 1 for result in results[:5])


def test_a_correction_that_agrees_with_what_was_carried_mends_nothing(back: Rewinder) -> None:
    results = doubted_then_corrected(looking_back(back, agree_above=0.6), 4, taken=NEAR)
    # 80 of 120 pixels are shared.
    assert not back.carried
    assert all(np.array_equal(only(result).mask, HERE) for result in results[:5])
    doubted_then_corrected(looking_back(back, agree_above=0.7), 4, taken=NEAR)
    assert len(back.carried) == 4


def test_frames_before_the_last_sure_one_are_out_of_reach(back: Rewinder) -> None:
    look_back = looking_back(back)
    # The second track is doubted all the time, so that all frames are held.
    for index, confidence in enumerate((0.5, 0.5, 0.95, 0.5)):
        other = seen(0.1, EMPTY, track_id=2)
        assert add(look_back, index, seen(confidence), other) == []
    add(look_back, 4, seen(1.0, ELSEWHERE), taken=ELSEWHERE)
    assert back.carried == [(3, [1])]


def test_frames_before_an_earlier_correction_are_out_of_reach(back: Rewinder) -> None:
    look_back = looking_back(back)
    unsure = replace(seen(0.8, NEAR), origin=Origin.REPROMPTED)
    assert add(look_back, 0, seen(0.5), seen(0.1, track_id=3)) == []
    assert add(look_back, 1, unsure, seen(0.1, track_id=3), taken=NEAR) == []
    assert add(look_back, 2, seen(0.5), seen(0.1, track_id=3)) == []
    assert back.carried == [(0, [1])]
    results = add(look_back, 3, seen(1.0, ELSEWHERE), taken=ELSEWHERE)
    assert [i for i, _ in back.carried] == [0, 2]
    assert as_values(only(results[1])) == as_values(unsure)


def test_a_correction_after_a_sure_frame_mends_nothing(back: Rewinder) -> None:
    look_back = looking_back(back)
    add(look_back, 0, seen(0.95))
    (result,) = add(look_back, 1, seen(1.0, ELSEWHERE), taken=ELSEWHERE)
    assert not back.carried
    assert len(result.events) == 1


def test_the_object_is_followed_back_no_further_than_it_is_found(back: Rewinder) -> None:
    back.searching = {2}
    results = doubted_then_corrected(looking_back(back), 4, doubted=seen(0.1))
    assert [i for i, _ in back.carried] == [4, 3, 2]
    assert [np.array_equal(only(r).mask, ELSEWHERE) for r in results[1:5]] == [
        False,
        False,
        True,
        True,
    ]


def test_the_object_is_followed_back_no_further_than_it_is_sure(back: Rewinder) -> None:
    back.confidence = {3: 0.4, 2: 0.39}
    doubted_then_corrected(looking_back(back, stop_below=0.4), 4)
    assert [i for i, _ in back.carried] == [4, 3, 2]


@pytest.mark.parametrize("state", [State.LOST, State.LEFT])
def test_where_an_object_was_lost_it_is_put_back_and_is_weak(back: Rewinder, state: State) -> None:
    back.confidence = {1: 0.7}
    results = doubted_then_corrected(looking_back(back), 4, doubted=gone(state))
    for result in results[1:5]:
        assert np.array_equal(only(result).mask, ELSEWHERE)
        assert only(result).state is State.WEAK
    assert [only(result).confidence for result in results[1:5]] == [0.7, 0.9, 0.9, 0.9]


def test_where_the_way_back_finds_nothing_the_mask_stays(back: Rewinder) -> None:
    back.mask = EMPTY
    results = doubted_then_corrected(looking_back(back), 2, doubted=seen(0.01))
    assert all(np.array_equal(only(result).mask, HERE) for result in results[:3])
    assert len(results[3].events) == 1


# Whose pixel it is.

OVER = square(45, 20)


def mended_beside(
    back: Rewinder, other: ObjectMask, *, is_exclusive: bool = True, final: Sequence[int] = ()
) -> tuple[ObjectMask, ObjectMask]:
    """Track 1 mended to ELSEWHERE where another one is, and that other one."""
    look_back = looking_back(back, is_exclusive=is_exclusive)
    add(look_back, 6, gone(State.LOST), other, final=final)
    mended, _ = add(look_back, 7, seen(1.0, ELSEWHERE), taken=ELSEWHERE)
    assert indexes([mended]) == [6]
    return only(mended), only(mended, other.track_id)


def test_a_younger_object_loses_pixels_to_a_mended_older_one(back: Rewinder) -> None:
    mended, other = mended_beside(back, seen(0.95, OVER, track_id=3))
    assert np.array_equal(mended.mask, ELSEWHERE)
    assert np.array_equal(other.mask, OVER & ~ELSEWHERE)
    assert other.box.tolist() == [50, 20, 55, 30]
    assert other.confidence == 0.95


def test_an_object_that_is_as_old_loses_nothing(back: Rewinder) -> None:
    mended, other = mended_beside(back, seen(0.95, OVER, track_id=2))
    assert np.array_equal(mended.mask, ELSEWHERE & ~OVER)
    assert mended.box.tolist() == [40, 20, 45, 30]
    assert np.array_equal(other.mask, OVER)


def test_a_mask_that_the_user_gave_keeps_every_pixel(back: Rewinder) -> None:
    mended, other = mended_beside(back, seen(1.0, OVER, track_id=3), final=[3])
    assert np.array_equal(mended.mask, ELSEWHERE)
    assert np.array_equal(other.mask, OVER)


@pytest.mark.parametrize("track_id", [2, 3])
def test_where_masks_may_overlap_nobody_loses_a_pixel(back: Rewinder, track_id: int) -> None:
    one = seen(0.95, OVER, track_id=track_id)
    mended, other = mended_beside(back, one, is_exclusive=False)
    assert np.array_equal(mended.mask, ELSEWHERE)
    assert np.array_equal(other.mask, OVER)


def test_an_object_apart_stays_as_it_is_to_the_bit(back: Rewinder) -> None:
    one = seen(0.95, HERE, track_id=3)
    _, other = mended_beside(back, one)
    assert as_values(other) == as_values(one)


def test_what_older_objects_keep_is_not_said_to_be_mended(back: Rewinder) -> None:
    look_back = looking_back(back)
    rest = ELSEWHERE & ~OVER
    add(look_back, 0, seen(0.1, rest), seen(0.95, OVER, track_id=2))
    _, result = add(look_back, 1, seen(1.0, ELSEWHERE), taken=ELSEWHERE)
    assert len(result.events) == 1


# Saved.


def as_values(one: ObjectMask) -> tuple[object, ...]:
    values = (one.track_id, one.mask.tobytes(), one.box.tobytes(), one.confidence)
    return (*values, one.state, one.origin, one.label)


def test_what_is_held_is_mended_also_after_it_was_saved(back: Rewinder) -> None:
    whole, first, second = looking_back(back), looking_back(back), looking_back(back)
    for look_back in (whole, first):
        add(look_back, 0, seen(0.95), seen(0.95, track_id=2))
        for index in range(1, 5):
            younger = seen(0.95, OVER, track_id=3)
            objects = [seen(0.5), younger]
            assert add(look_back, index, *objects, final=[3] * (index == 4)) == []
    second.restore(first.save(), [frame(index) for index in range(1, 5)])
    both = [
        add(look_back, 5, seen(1.0, ELSEWHERE), taken=ELSEWHERE) for look_back in (whole, second)
    ]
    for one, other in zip(*both, strict=True):
        assert one.events == other.events
        assert [as_values(o) for o in one.objects] == [as_values(o) for o in other.objects]
    # It was mended, and the user's mask on the last frame was spared.
    assert np.array_equal(only(both[1][2]).mask, ELSEWHERE)
    assert [np.array_equal(only(r, 3).mask, OVER) for r in both[1][2:4]] == [False, True]


def test_frames_of_another_number_are_refused(back: Rewinder) -> None:
    look_back = looking_back(back)
    add(look_back, 0, seen(0.1))
    with pytest.raises(TrackingError, match="holds back 1 results, got 0 frames"):
        looking_back(back).restore(look_back.save(), [])


# In the tracker.

Prompts = Mapping[int, Sequence[Prompt]]


def run(
    tracker: FlowTracker, scene: Any, prompts: Prompts, count: int
) -> tuple[list[FrameResult], list[int]]:
    """All results, and how many frames were held back after each step."""
    tracker.start(scene.info)
    out: list[FrameResult] = []
    held = []
    for index in range(count):
        out += tracker.step(scene.frame(index), prompts.get(index, ()))
        held.append(index + 1 - len(out))
    out += tracker.finish()
    assert indexes(out) == list(range(count))
    return out, held


def tracker_of(
    make: Callable[[], Any], segmenter: Any = None, *, reprompt: str = "off", **look_back: Any
) -> FlowTracker:
    config = TrackerConfig(
        reprompt=RepromptConfig(mode=reprompt), look_back=LookBackConfig(**look_back)
    )
    return FlowTracker(make(), segmenter, config=config, copy=make)


def test_results_come_once_in_order_and_no_more_are_held_than_was_said() -> None:
    unsure = partial(HoldingPropagator, confidence=0.7)
    moving = MovingSquare(size=(60, 80), side=20)
    prompts = {1: [Prompt(mask=moving.truth(1))], 6: [Prompt(mask=moving.truth(6), track_id=1)]}
    _, held = run(tracker_of(unsure, frames=3), moving, prompts, 12)
    # Frame 1 and 6 are the user's and sure.
    assert held == [0, 0, 1, 2, 3, 3, 0, 1, 2, 3, 3, 3]


def test_a_younger_mask_of_the_user_keeps_every_pixel_where_an_older_object_is_mended() -> None:
    unsure = partial(HoldingPropagator, confidence=0.7)
    # On frame 3 the way back weighs three quarters.
    prompts = {
        0: [Prompt(mask=HERE, track_id=1)],
        3: [Prompt(mask=OVER, track_id=2)],
        4: [Prompt(mask=ELSEWHERE, track_id=1)],
    }
    scene = MovingSquare(size=SIZE, side=10)
    results, _ = run(tracker_of(unsure), scene, prompts, 6)
    assert np.array_equal(only(results[3]).mask, ELSEWHERE)
    assert np.array_equal(only(results[3], 2).mask, OVER)
    assert np.array_equal(only(results[4], 2).mask, OVER & ~ELSEWHERE)


@pytest.mark.parametrize("how", ["no frames", "no copy"])
def test_without_looking_back_nothing_is_held(how: str) -> None:
    unsure = partial(HoldingPropagator, confidence=0.7)
    moving = MovingSquare(size=(60, 80), side=20)
    tracker = tracker_of(unsure, frames=0) if how == "no frames" else FlowTracker(unsure(), None)
    prompts = {0: [Prompt(mask=moving.truth(0))], 4: [Prompt(mask=moving.truth(4), track_id=1)]}
    results, held = run(tracker, moving, prompts, 6)
    assert held == [0] * 6
    assert not any(e.kind is EventKind.MENDED for r in results for e in r.events)


@pytest.fixture
def half_and_half(make_scene: Callable[..., Any]) -> Any:
    """One object of a red and a green half, and another one that keeps away from it."""
    return make_scene(
        {"color": (205, 45, 45), "start": (8, 10), "velocity": (3, 0)},
        {"color": (60, 190, 70), "start": (8, 30), "velocity": (3, 0)},
        {"color": (60, 90, 220), "start": (70, 48), "velocity": (-1, 0)},
    )


def whole(scene: Any, index: int) -> Mask:
    return np.asarray(scene.truth(index, 0) | scene.truth(index, 1))


def half_prompted(scene: Any) -> dict[int, list[Prompt]]:
    """Half of an object, and another one; the user gives the whole object on frame 7."""
    return {
        0: [Prompt(mask=scene.truth(0, 0)), Prompt(mask=scene.truth(0, 2))],
        7: [Prompt(mask=whole(scene, 7), track_id=1)],
    }


def test_what_the_user_corrects_is_mended_and_nothing_else_changes(
    make_propagator: Callable[..., FlowAppearancePropagator], half_and_half: Any
) -> None:
    prompts = half_prompted(half_and_half)
    before, _ = run(tracker_of(make_propagator, frames=0), half_and_half, prompts, 10)
    # Doubted wherever it was not said.
    mended, _ = run(tracker_of(make_propagator, sure_above=1.0), half_and_half, prompts, 10)
    for index in range(1, 7):
        truth = whole(half_and_half, index)
        was, now = (mask_iou(only(results[index]).mask, truth) for results in (before, mended))
        assert was < 0.6
        assert now > (0.9 if index > 3 else was - 0.01)
    for index in range(10):
        assert as_values(only(before[index], 2)) == as_values(only(mended[index], 2))
        if index in (0, 7, 8, 9):
            assert as_values(only(before[index])) == as_values(only(mended[index]))
    assert [(e.kind, e.track_id) for e in mended[7].events] == [
        (EventKind.CORRECTED, 1),
        (EventKind.MENDED, 1),
    ]


def test_what_the_segmenter_corrects_is_mended(
    make_propagator: Callable[..., FlowAppearancePropagator], half_and_half: Any
) -> None:
    class Knowing:
        """Knows the whole object from frame 6 on; before, it answers with nothing.

        Asked on frames 1, 2, 4 and 8: each refused answer doubles the wait.
        """

        name = "knowing"

        def embed(self, frame: Frame) -> Any:
            return frame.index

        def decode(self, index: Any, prompts: Sequence[Prompt]) -> list[list[MaskPrediction]]:
            mask = whole(half_and_half, index)
            mask = mask if index > 5 else np.zeros_like(mask)
            logits: Floats = mask_logits(mask, (18, 24))
            return [[MaskPrediction(mask, logits, 0.95)] for _ in prompts]

    reprompt = RepromptConfig(
        mode="on", below=1.0, patience=0.0, budget=100, retry_frames=1, evidence_gain=-1.0
    )
    config = TrackerConfig(reprompt=reprompt, look_back=LookBackConfig(sure_above=1.0))
    prompts = {0: half_prompted(half_and_half)[0][:1]}
    before, mended = (
        run(
            FlowTracker(make_propagator(), Knowing(), config=one, copy=make_propagator),
            half_and_half,
            prompts,
            10,
        )[0]
        for one in (replace(config, look_back=LookBackConfig(frames=0)), config)
    )
    assert only(mended[8]).origin is Origin.REPROMPTED
    assert [e.kind for e in mended[8].events] == [EventKind.REPROMPTED, EventKind.MENDED]
    for index in (5, 6, 7):
        truth = whole(half_and_half, index)
        assert mask_iou(only(before[index]).mask, truth) < 0.6
        assert mask_iou(only(mended[index]).mask, truth) > 0.9


@pytest.mark.parametrize("is_corrected", [False, True])
def test_adding_an_object_later_changes_nothing_of_another_that_is_mended(
    make_propagator: Callable[..., FlowAppearancePropagator], red_and_blue: Any, is_corrected: bool
) -> None:
    left = red_and_blue.truth(0, 0).copy()
    left[:, 60:] = False
    old = {
        0: [Prompt(mask=left, track_id=1)],
        8: [Prompt(mask=red_and_blue.truth(8, 0), track_id=1)],
    }
    both: dict[int, list[Prompt]] = {**old, 2: [Prompt(mask=red_and_blue.truth(2, 1), track_id=2)]}
    if is_corrected:
        # The younger one is mended too, on the same frame and where the older one is.
        given = red_and_blue.truth(8, 1) | red_and_blue.truth(8, 0)
        both[8] = [Prompt(mask=given, track_id=2), *old[8]]
    alone, joined = (
        run(tracker_of(make_propagator, sure_above=1.0), red_and_blue, prompts, 11)[0]
        for prompts in (old, both)
    )
    assert [as_values(only(r)) for r in joined] == [as_values(only(r)) for r in alone]
    olds = [[e for e in r.events if e.track_id == 1] for r in joined]
    assert olds == [list(r.events) for r in alone]
    assert EventKind.MENDED in [event.kind for event in olds[8]]
    for index, result in enumerate(joined):
        # On frame 8 the user gave both masks.
        if index > 2 and index != 8:
            assert not (only(result, 1).mask & only(result, 2).mask).any()


@pytest.mark.parametrize("at", [2, 5, 8])
def test_a_tracker_with_results_held_goes_on_with_the_same_ones(
    make_propagator: Callable[..., FlowAppearancePropagator], half_and_half: Any, at: int
) -> None:
    prompts = {index: said[:1] for index, said in half_prompted(half_and_half).items()}
    expected, held = run(tracker_of(make_propagator, sure_above=1.0), half_and_half, prompts, 10)
    # The user's masks on frames 0 and 7 are sure, all others are doubted.
    assert held[at - 1] == {2: 1, 5: 4, 8: 0}[at]
    tracker = tracker_of(make_propagator, sure_above=1.0)
    tracker.start(half_and_half.info)
    found: list[FrameResult] = []
    for index in range(at):
        found += tracker.step(half_and_half.frame(index), prompts.get(index, ()))
    state = tracker.save()
    assert state is not None
    other = tracker_of(make_propagator, sure_above=1.0)
    other.start(half_and_half.info)
    other.restore(state, frames=[half_and_half.frame(i) for i in range(len(found), at)])
    for index in range(at, 10):
        found += other.step(half_and_half.frame(index), prompts.get(index, ()))
    found += other.finish()
    assert indexes(found) == list(range(10))
    for one, two in zip(expected, found, strict=True):
        assert one.events == two.events
        assert [as_values(o) for o in one.objects] == [as_values(o) for o in two.objects]


def test_a_state_of_other_settings_is_refused() -> None:
    unsure = partial(HoldingPropagator, confidence=0.7)
    moving = MovingSquare(size=(60, 80), side=20)
    ways = {"with": tracker_of(unsure, frames=3), "without": tracker_of(unsure, frames=0)}
    for tracker in ways.values():
        tracker.start(moving.info)
    for one, other in (("with", "without"), ("without", "with")):
        state = ways[one].save()
        assert state is not None
        with pytest.raises(TrackingError, match=f"{one} looking back, expected {other}"):
            ways[other].restore(state)

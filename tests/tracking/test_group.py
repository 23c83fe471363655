"""What a group of objects does ahead, and puts off, changes nothing but when it is done."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from track_anything.config import PropagatorConfig
from track_anything.tracking.group import ObjectGroup
from track_anything.tracking.hearing import heard_rivals
from track_anything.tracking.optical_flow import FlowEstimator

FRAMES = range(6)


@pytest.fixture
def scene(make_scene: Callable[..., Any]) -> Any:
    return make_scene(
        {"color": (205, 45, 45), "start": (18, 30), "velocity": (3, 0)},
        {"color": (60, 90, 220), "start": (50, 24)},
    )


class Asked:
    """Says whether somebody asks."""

    def __init__(self) -> None:
        self.now = False

    def __call__(self) -> bool:
        return self.now


def run(
    group: ObjectGroup,
    scene: Any,
    *,
    before: Callable[[], None] = lambda: None,
    placed: Callable[[], None] = lambda: None,
    looked: Callable[[], None] = lambda: None,
    after: Callable[[], None] = lambda: None,
) -> list[dict[int, tuple[bytes, float]]]:
    """The masks of all frames; what is done between the calls, `before` the flow is known."""
    flow, out = FlowEstimator(), []
    for index in FRAMES:
        frame = scene.frame(index)
        group.show(frame)
        before()
        moved = flow.next(frame.image)
        if not index:
            for track_id in (1, 2):
                group.learn(track_id, scene.truth(0, track_id - 1))
            continue
        reaches = group.place(moved).reaches
        placed()
        group.look(heard_rivals(reaches), {}, ())
        looked()
        found = group.finish({}, learns_at_once=False)
        out.append({i: (one.logits.values.tobytes(), one.confidence) for i, one in found.items()})
        after()
    return out


@pytest.fixture
def expected(quick: PropagatorConfig, scene: Any) -> list[dict[int, tuple[bytes, float]]]:
    group = ObjectGroup(quick, 0)
    return run(group, scene, after=group.learn_on)


@pytest.mark.parametrize(
    ("when", "method", "counted"),
    [("before", "prepare", [0, 2, 2, 2, 2, 2]), ("placed", "prepare_placed", [2] * 5)],
)
def test_masks_are_the_same_with_features_computed_ahead(
    quick: PropagatorConfig, scene: Any, expected: Any, when: str, method: str, counted: list[int]
) -> None:
    """The red object moves by 3 pixels, so that what is computed before its place serves it."""
    group = ObjectGroup(quick, 0)
    counts = []

    def ahead() -> None:
        getattr(group, method)()
        counts.append(len(group._features))

    assert run(group, scene, **{when: ahead}, after=group.learn_on) == expected
    assert counts == counted
    assert not group._features


@pytest.mark.parametrize(("threads", "is_ahead"), [(1, True), (3, False), (3, True)])
def test_a_lost_object_is_found_the_same_on_several_threads_and_ahead(
    quick: PropagatorConfig,
    scene: Any,
    monkeypatch: pytest.MonkeyPatch,
    threads: int,
    is_ahead: bool,
) -> None:
    monkeypatch.setattr("track_anything.tracking.looks.BAND_AREA", 600)
    expected, searched = run_lost(ObjectGroup(quick, 0), scene, is_ahead=False)
    group = ObjectGroup(quick, 0, thread_count=threads)
    found, searched_ahead = run_lost(group, scene, is_ahead=is_ahead)
    assert found == expected
    assert group.objects[1].rect is not None
    assert (searched[2], searched_ahead[2]) == (False, is_ahead)


def run_lost(
    group: ObjectGroup, scene: Any, *, is_ahead: bool
) -> tuple[list[dict[int, tuple[bytes, float]]], list[bool]]:
    """The user says on frame 2 that red is not visible: it is searched for from then on.

    Besides, whether it was searched for before the end of each frame.
    """
    searched: list[bool] = []

    def looked() -> None:
        if is_ahead:
            group.work_ahead()
        searched.append(1 in group._searched)

    def after() -> None:
        if len(searched) == 2:
            group.learn(1, np.zeros(scene.info.size, np.bool_))

    return run(group, scene, looked=looked, after=after), searched


def test_nothing_is_done_ahead_while_somebody_asks(
    quick: PropagatorConfig, scene: Any, expected: Any
) -> None:
    asked = Asked()
    group = ObjectGroup(quick, 0, is_asked=asked)
    asked.now = True

    def before() -> None:
        group.prepare()
        assert not group._features

    def placed() -> None:
        group.prepare_placed()
        assert not group._features

    def looked() -> None:
        group.work_ahead()
        assert not group._found

    steps = {"before": before, "placed": placed, "looked": looked}
    assert run(group, scene, **steps, after=group.learn_on) == expected


def test_learning_that_was_put_off_is_done_for_the_object_that_is_asked_about(
    quick: PropagatorConfig, scene: Any, expected: Any
) -> None:
    asked = Asked()
    group = ObjectGroup(quick, 0, is_asked=asked)

    def after() -> None:
        asked.now = True
        group.learn_on()
        assert list(group._to_learn_on) == [1, 2]
        group.resemblance(2, scene.truth(0, 1))
        assert list(group._to_learn_on) == [1]
        asked.now = False

    # The rest is learned before the objects are carried on.
    assert run(group, scene, after=after) == expected


def test_an_object_that_is_forgotten_leaves_nothing_to_learn(
    quick: PropagatorConfig, scene: Any
) -> None:
    group = ObjectGroup(quick, 0)
    run(group, scene)
    assert set(group._to_learn_on) == {1, 2}
    group.forget(1)
    assert set(group._to_learn_on) == {2}
    assert set(group.objects) == {2}

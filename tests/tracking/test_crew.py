"""Groups of objects in processes of their own: the same masks, and nothing is left behind."""

import gc
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from track_anything.config import PropagatorConfig
from track_anything.errors import TrackingError
from track_anything.masks import whole_logits
from track_anything.structures import Frame, Propagation
from track_anything.tracking.group import Placed
from track_anything.tracking.propagator import FlowAppearancePropagator
from track_anything.tracking.shared_arrays import SharedMemory

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are watched as POSIX does")

Output = dict[int, tuple[bytes, float, dict[str, float]]]
Make = Callable[[int], FlowAppearancePropagator]
FRAMES = range(12)
JOINS, CORRECTED, HIDDEN, FORGOTTEN = 3, 6, 7, 9


@pytest.fixture
def make(quick: PropagatorConfig) -> Make:
    """A propagator in so many processes: make(2)."""
    return lambda processes: FlowAppearancePropagator(config=replace(quick, processes=processes))


@pytest.fixture
def crowd(make_scene: Callable[..., Any]) -> Any:
    """Red passes in front of blue, green is out of sight on frames 4 to 6, gray stands still."""
    return make_scene(
        {"color": (60, 90, 220), "start": (50, 24)},
        {"color": (60, 190, 70), "start": (70, 48), "hidden": range(4, 7)},
        {"color": (150, 150, 150), "start": (4, 46)},
        {"color": (205, 45, 45), "start": (18, 30), "velocity": (3, 0)},
    )


def as_bytes(found: Mapping[int, Propagation]) -> Output:
    return {
        i: (whole_logits(one.logits).tobytes(), one.confidence, dict(one.signals))
        for i, one in found.items()
    }


def begin(propagator: FlowAppearancePropagator, scene: Any, ids: tuple[int, ...]) -> None:
    propagator.start(scene.info)
    frame = scene.frame(0)
    for track_id in ids:
        propagator.learn(frame, track_id, scene.truth(0, track_id - 1))


def step(
    propagator: FlowAppearancePropagator, frame: Frame, scene: Any, ids: tuple[int, ...]
) -> Any:
    """One frame of a run in which everything happens: its masks, and how well one fits."""
    found = as_bytes(propagator.propagate(frame))
    truth = scene.truth(frame.index, 3)
    if frame.index == JOINS and 4 in ids:
        propagator.learn(frame, 4, truth)
    if frame.index == CORRECTED:
        propagator.learn(frame, 1, scene.truth(frame.index, 0))
    if frame.index == HIDDEN:
        propagator.learn(frame, 3, np.zeros_like(truth))
    if frame.index == FORGOTTEN:
        propagator.forget(3)
    return found, propagator.support(frame, 1, truth)


def is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_end(process_ids: list[int]) -> None:
    """Return as soon as no process has these ids; fail after ten seconds."""
    until = time.monotonic() + 10
    while any(is_alive(one) for one in process_ids):
        assert time.monotonic() < until, f"still there: {process_ids}"
        time.sleep(0.02)


# The same masks.


def test_masks_and_states_are_the_same_to_the_bit_in_any_number_of_processes(
    make: Make, crowd: Any
) -> None:
    """And, as in one process, those of older objects whether a younger one joins or not."""
    outputs = {}
    for count, ids in ((1, (1, 2, 3, 4)), (4, (1, 2, 3, 4)), (2, (1, 2, 3))):
        propagator = make(count)
        begin(propagator, crowd, (1, 2, 3))
        out = [step(propagator, crowd.frame(index), crowd, ids) for index in FRAMES[1:-1]]
        out.append(propagator.save())
        helpers = propagator.process_ids
        assert len(helpers) == count - 1
        outputs[count, ids] = out
        del propagator
        gc.collect()
        # Not even as zombies: those have a process id still.
        assert not any(is_alive(helper) for helper in helpers)
    alone = outputs[1, (1, 2, 3, 4)]
    assert outputs[4, (1, 2, 3, 4)] == alone
    for (found, fit), (expected, expected_fit) in zip(
        outputs[2, (1, 2, 3)][:-1], alone[:-1], strict=True
    ):
        assert found == {i: one for i, one in expected.items() if i != 4}
        assert fit == expected_fit


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("is_shared", [True, False])
def test_masks_are_the_same_whether_a_frame_was_expected_and_however_it_was_shown(
    make: Make, crowd: Any, monkeypatch: pytest.MonkeyPatch, count: int, is_shared: bool
) -> None:
    if not is_shared:
        monkeypatch.setattr(SharedMemory, "of_size", lambda size: None)
    outputs = []
    for is_expected in (False, True):
        propagator = make(count)
        begin(propagator, crowd, (1, 2, 3))
        out = []
        for index in FRAMES[1:7]:
            frame = crowd.frame(index)
            if is_expected:
                propagator.expect(frame)
                propagator.expect(frame)
            out.append(step(propagator, frame, crowd, (1, 2, 3)))
        outputs.append(out)
        assert len(propagator.process_ids) == count - 1
        assert (propagator._crew._showing._memory is not None) == (is_shared and count > 1)
    assert outputs[0] == outputs[1]
    alone = make(1)
    begin(alone, crowd, (1, 2, 3))
    frames = [crowd.frame(index) for index in FRAMES[1:7]]
    assert [step(alone, frame, crowd, (1, 2, 3)) for frame in frames] == outputs[0]


def test_a_frame_of_another_size_is_not_expected(make: Make, crowd: Any) -> None:
    propagator = make(1)
    begin(propagator, crowd, (1,))
    with pytest.raises(TrackingError, match="frame 0 is 8x8"):
        propagator.expect(Frame(0, Fraction(0), np.zeros((8, 8, 3), np.uint8)))


def test_what_one_number_of_processes_saved_another_goes_on_from(make: Make, crowd: Any) -> None:
    ids = (1, 2, 3, 4)
    both = make(2)
    begin(both, crowd, (1, 2, 3))
    for index in FRAMES[1:5]:
        step(both, crowd.frame(index), crowd, ids)
    state = both.save()
    alone = make(1)
    alone.restore(state)
    expected = [step(alone, crowd.frame(index), crowd, ids) for index in FRAMES[5:]]
    # The one that goes on from its own state has processes with objects that it must forget.
    both.restore(state)
    assert [step(both, crowd.frame(index), crowd, ids) for index in FRAMES[5:]] == expected
    assert both.save() == alone.save()


# Processes come and go.


def test_processes_end_when_their_objects_go_and_a_lone_object_has_none(
    make: Make, crowd: Any
) -> None:
    propagator = make(2)
    begin(propagator, crowd, (1, 2, 3))
    assert propagator.process_ids == []
    propagator.propagate(crowd.frame(1))
    (helper,) = propagator.process_ids
    # Ctrl-C goes to all processes of a terminal; what it means is decided in one of them.
    os.kill(helper, signal.SIGINT)
    for track_id in (1, 2):
        propagator.forget(track_id)
    assert set(propagator.propagate(crowd.frame(2))) == {3}
    propagator.forget(3)
    assert propagator.propagate(crowd.frame(3)) == {}
    assert propagator.process_ids == []
    assert not is_alive(helper)


def test_a_copy_of_one_object_starts_no_process_and_carries_it_as_the_oldest_is(
    make: Make, crowd: Any
) -> None:
    """As look-back makes them: of three objects in two processes, one is saved and restored."""
    first = make(2)
    begin(first, crowd, (1, 2, 3))
    for index in FRAMES[1:5]:
        first.propagate(crowd.frame(index))
    assert first.process_ids
    copy, all_but = make(2), make(1)
    copy.restore(first.save([2]))
    all_but.restore(first.save())
    for track_id in (1, 3):
        all_but.forget(track_id)
    for index in FRAMES[5:]:
        found = copy.propagate(crowd.frame(index))
        assert as_bytes(found) == as_bytes(all_but.propagate(crowd.frame(index)))
        assert set(found) == {2}
    assert copy.process_ids == []
    with pytest.raises(TrackingError, match="no object 9 is carried"):
        first.save([2, 9])


SCRIPT = """
import sys, time
import numpy as np
from track_anything import Frame, FlowAppearancePropagator, PropagatorConfig, VideoInfo
propagator = FlowAppearancePropagator(config=PropagatorConfig(processes=2))
image = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
propagator.start(VideoInfo(width=64, height=48))
for track_id in (1, 2):
    mask = np.zeros((48, 64), bool)
    mask[10:30, 30 * track_id - 25 : 30 * track_id - 5] = True
    propagator.learn(Frame(0, 0, image), track_id, mask)
propagator.propagate(Frame(1, 1, image))
print(*propagator.process_ids, flush=True)
time.sleep(60)
"""


def test_processes_end_with_the_one_that_started_them_even_if_that_is_killed() -> None:
    """A script without a guard around its main part, as a user may write it."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
    ) as script:
        assert script.stdout is not None
        (helper,) = [int(one) for one in script.stdout.readline().split()]
        assert is_alive(helper)
        script.kill()
    wait_for_end([helper])


# What goes wrong.


def test_a_process_that_ends_by_itself_is_told_in_one_line_and_a_new_start_mends_it(
    make: Make, crowd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    propagator = make(2)
    begin(propagator, crowd, (1, 2))
    propagator.propagate(crowd.frame(1))
    (helper,) = propagator.process_ids
    os.kill(helper, signal.SIGKILL)
    for index in (2, 3):
        with pytest.raises(TrackingError, match=r"exit status -9.*processes = 1") as told:
            propagator.propagate(crowd.frame(index))
        assert "\n" not in str(told.value)
    with pytest.raises(TrackingError, match="exit status -9"):
        propagator.save()
    begin(propagator, crowd, (1, 2))
    assert set(propagator.propagate(crowd.frame(1))) == {1, 2}
    assert helper not in propagator.process_ids
    # What goes wrong inside the new one is told as well: a flow that is none.
    monkeypatch.setattr(propagator._flow, "next", lambda image: "no flow")
    monkeypatch.setattr(propagator._crew._here.group, "place", lambda *_: Placed({}, {}, {}))
    with pytest.raises(TrackingError, match="a process that carries objects failed: Attribute"):
        propagator.propagate(crowd.frame(2))


def test_where_no_process_can_be_started_the_user_is_told_only_if_one_was_asked_for(
    make: Make, crowd: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setattr("track_anything.tracking.crew.core_count", lambda: 2)
    asked, chosen = make(2), make(0)
    for propagator, ids in ((asked, (1, 2)), (chosen, (1, 2, 3, 4))):
        begin(propagator, crowd, ids)
    with pytest.raises(TrackingError, match=r"cannot be started.*processes = 1"):
        asked.propagate(crowd.frame(1))
    with caplog.at_level(logging.WARNING):
        for index in (1, 2):
            assert set(chosen.propagate(crowd.frame(index))) == {1, 2, 3, 4}
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "in one process" in caplog.text


def test_a_frame_that_was_interrupted_between_processes_is_not_gone_on_from(
    make: Make, crowd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    propagator = make(2)
    begin(propagator, crowd, (1, 2))
    propagator.propagate(crowd.frame(1))
    with monkeypatch.context() as patched:
        patched.setattr(propagator._crew._here.group, "place", interrupted)
        with pytest.raises(KeyboardInterrupt):
            propagator.propagate(crowd.frame(2))
    with pytest.raises(TrackingError, match="interrupted"):
        propagator.propagate(crowd.frame(3))

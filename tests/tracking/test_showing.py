from fractions import Fraction
from typing import Any, cast

import numpy as np
import pytest

from track_anything.errors import TrackingError
from track_anything.structures import Frame
from track_anything.tracking.processes import GroupProcess
from track_anything.tracking.shared_arrays import SharedArray, SharedFrame, SharedMemory
from track_anything.tracking.showing import Showing


class Watcher:
    """A process that only notes what it is shown."""

    def __init__(self, error: str = "") -> None:
        self.shown: list[tuple[int, bool]] = []
        self._error = error

    def show(self, frame: Frame, told: SharedFrame | None = None) -> None:
        if self._error:
            raise TrackingError(self._error)
        self.shown.append((frame.index, told is not None))


def frame(index: int, side: int = 20) -> Frame:
    return Frame(index, Fraction(index), np.zeros((side, side, 3), np.uint8))


def as_processes(*watchers: Watcher) -> list[GroupProcess]:
    return cast(Any, list(watchers))


@pytest.fixture
def unshared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SharedMemory, "of_size", lambda size: None)


def test_every_process_is_shown_a_frame_once_also_one_that_comes_later() -> None:
    showing, (early, late) = Showing(), (Watcher(), Watcher())
    first, second = frame(0), frame(1)
    assert showing.memory_for(first) is showing.memory_for(second)
    for given, watchers in ((first, [early]), (first, [early, late]), (second, [early, late])):
        showing.show(given, as_processes(*watchers))
    assert early.shown == [(0, True), (1, True)]
    assert late.shown == [(0, True), (1, True)]


def test_a_frame_larger_than_the_first_goes_through_pipes() -> None:
    showing, watcher = Showing(), Watcher()
    showing.memory_for(frame(0, 4))
    showing.show(frame(0, 4), as_processes(watcher))
    showing.show(frame(1, 40), as_processes(watcher))
    showing.wait()
    assert watcher.shown == [(0, True), (1, False)]


def test_where_nothing_is_shared_frames_and_flow_go_as_they_are(unshared: None) -> None:
    showing, watcher = Showing(), Watcher()
    assert showing.memory_for(frame(0)) is None
    showing.show(frame(0), as_processes(watcher))
    showing.wait()
    assert watcher.shown == [(0, False)]
    flow = np.zeros((5, 5, 2), np.float32)
    assert showing.flow(flow) is flow


def test_a_process_that_cannot_be_shown_a_frame_is_told(unshared: None) -> None:
    showing = Showing()
    showing.show(frame(0), as_processes(Watcher("it has ended")))
    with pytest.raises(TrackingError, match="it has ended"):
        showing.wait()


def test_the_flow_is_shared_where_there_are_processes_to_read_it() -> None:
    showing, flow = Showing(), np.zeros((5, 5, 2), np.float32)
    showing.memory_for(frame(0))
    showing.show(frame(0), [])
    assert showing.flow(flow) is flow
    showing.show(frame(1), as_processes(Watcher()))
    assert isinstance(showing.flow(flow), SharedArray)
    assert showing.flow(None) is None

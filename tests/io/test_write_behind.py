"""WriteBehindSink: order, errors that reach the caller, no thread left behind."""

import threading
import time
import traceback
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from track_anything.errors import OutputError
from track_anything.io.write_behind import WriteBehindSink
from track_anything.structures import Frame, FrameResult

IMAGE = np.zeros((4, 6, 3), np.uint8)

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_thread_left")]


def result(index: int) -> FrameResult:
    return FrameResult(Frame(index, Fraction(index, 25), IMAGE))


class Recorder:
    """Remembers what it was told; calls `at` before each result."""

    def __init__(self, at: Callable[[int], None] = lambda index: None) -> None:
        self.told: list[int | str] = []
        self._at = at

    def write(self, result: FrameResult) -> None:
        self._at(result.frame.index)
        self.told.append(result.frame.index)

    def close(self) -> None:
        self.told.append("close")

    def abort(self) -> None:
        self.told.append("abort")


def write_many(sink: WriteBehindSink) -> None:
    for index in range(100):
        sink.write(result(index))
        time.sleep(0.001)


def slowly(index: int) -> None:
    time.sleep(0.01)


def fail_at_two(index: int) -> None:
    if index == 2:
        raise OutputError("disk full")


def test_closing_waits_for_everything_and_completes_last() -> None:
    recorder = Recorder(slowly)
    sink = WriteBehindSink(recorder, queue_frames=8)
    for index in range(8):
        sink.write(result(index))
    sink.close()
    sink.close()
    assert recorder.told == [*range(8), "close"]


def test_a_full_queue_makes_writing_wait() -> None:
    go_on = threading.Event()
    recorder = Recorder(lambda index: go_on.wait(10) and None)
    sink = WriteBehindSink(recorder, queue_frames=2)
    written = []

    def write_all() -> None:
        for index in range(6):
            sink.write(result(index))
            written.append(index)

    writer = threading.Thread(target=write_all)
    writer.start()
    time.sleep(0.1)
    # One is being written and two wait.
    assert len(written) == 3
    go_on.set()
    writer.join(5)
    sink.close()
    assert recorder.told == [0, 1, 2, 3, 4, 5, "close"]


def test_an_error_reaches_the_next_write_with_its_own_traceback() -> None:
    recorder = Recorder(fail_at_two)
    sink = WriteBehindSink(recorder, queue_frames=1)
    with pytest.raises(OutputError, match="disk full") as caught:
        write_many(sink)
    assert "fail_at_two" in [
        entry.name for entry in traceback.extract_tb(caught.value.__traceback__)
    ]
    sink.abort()
    assert recorder.told == [0, 1, "abort"]


def test_an_error_after_the_last_write_reaches_close_and_nothing_is_completed() -> None:
    recorder = Recorder(fail_at_two)
    sink = WriteBehindSink(recorder)
    for index in range(3):
        sink.write(result(index))
    with pytest.raises(OutputError, match="disk full"):
        sink.close()
    sink.abort()
    assert recorder.told == [0, 1, "abort"]


def test_an_error_wakes_a_caller_that_waits_for_room() -> None:
    go_on = threading.Event()

    def wait_and_fail(index: int) -> None:
        go_on.wait(10)
        raise OutputError("gone")

    sink = WriteBehindSink(Recorder(wait_and_fail), queue_frames=1)
    sink.write(result(0))
    sink.write(result(1))
    threading.Timer(0.1, go_on.set).start()
    with pytest.raises(OutputError, match="gone"):
        write_many(sink)
    sink.abort()


def test_aborting_drops_what_is_queued() -> None:
    started, go_on = threading.Event(), threading.Event()

    def wait(index: int) -> None:
        started.set()
        go_on.wait(10)

    recorder = Recorder(wait)
    sink = WriteBehindSink(recorder, queue_frames=8)
    for index in range(5):
        sink.write(result(index))
    assert started.wait(5)
    threading.Timer(0.1, go_on.set).start()
    sink.abort()
    sink.abort()
    sink.close()
    assert recorder.told == [0, "abort"]


def test_writing_after_the_end_is_refused() -> None:
    sink = WriteBehindSink(Recorder())
    sink.close()
    with pytest.raises(OutputError, match="closed"):
        sink.write(result(0))


def test_aborting_waits_no_longer_than_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("track_anything.io.write_behind._ABORT_SECONDS", 0.1)
    started, go_on = threading.Event(), threading.Event()

    def wait(index: int) -> None:
        started.set()
        go_on.wait(10)

    recorder = Recorder(wait)
    sink = WriteBehindSink(recorder)
    sink.write(result(0))
    assert started.wait(5)
    start = time.monotonic()
    sink.abort()
    assert time.monotonic() - start < 2
    assert recorder.told == []  # nothing under the writing thread
    go_on.set()

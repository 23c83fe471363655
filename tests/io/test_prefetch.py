"""PrefetchSource: reading ahead, errors in their place, no thread left behind."""

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest

from track_anything.errors import VideoError
from track_anything.io.prefetch import PrefetchSource
from track_anything.structures import Frame, VideoInfo

IMAGE = np.zeros((4, 6, 3), np.uint8)

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_thread_left")]


class Numbers:
    """Counts frames; calls `at` before each."""

    def __init__(self, count: int, at: Callable[[int], None] = lambda index: None) -> None:
        self.info = VideoInfo(6, 4, path="numbers")
        self.problems = ["one is missing"]
        self.given = 0
        self.close_count = 0
        self._count = count
        self._at = at

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self._count):
            self._at(index)
            self.given += 1
            yield Frame(index, Fraction(index, 25), IMAGE)

    def close(self) -> None:
        self.close_count += 1


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_frames_are_read_ahead_but_no_more_than_asked() -> None:
    numbers = Numbers(100)
    source = PrefetchSource(numbers, frame_count=3)
    frames = iter(source)
    assert next(frames).index == 0
    # Three wait and one more is in the thread's hand.
    wait_until(lambda: numbers.given == 5)
    time.sleep(0.05)
    assert numbers.given == 5
    source.close()


def test_nothing_is_read_before_iteration() -> None:
    numbers = Numbers(3)
    source = PrefetchSource(numbers)
    assert source.info is numbers.info
    assert source.problems == ["one is missing"]
    assert numbers.given == 0
    source.close()
    assert numbers.close_count == 1


class _Interrupt(BaseException):
    pass


@pytest.mark.parametrize("kind", [VideoError, ValueError, _Interrupt])
def test_an_error_comes_at_its_place_with_its_own_traceback(kind: type[BaseException]) -> None:
    def fail_at_five(index: int) -> None:
        if index == 5:
            raise kind("broken here")

    source = PrefetchSource(Numbers(10, fail_at_five), frame_count=2)
    seen = []
    with pytest.raises(kind, match="broken here") as caught:
        seen.extend(frame.index for frame in source)
    source.close()
    names = [entry.name for entry in traceback.extract_tb(caught.value.__traceback__)]
    assert "fail_at_five" in names


def test_frames_before_an_error_are_all_delivered() -> None:
    def fail_at_five(index: int) -> None:
        if index == 5:
            raise VideoError("broken")

    source = PrefetchSource(Numbers(10, fail_at_five), frame_count=8)
    seen = []
    try:
        for frame in source:
            seen.append(frame.index)
            time.sleep(0.01)
    except VideoError:
        seen.append(-1)
    source.close()
    assert seen == [0, 1, 2, 3, 4, -1]


def test_closing_wakes_a_producer_that_waits_for_room() -> None:
    numbers = Numbers(1000)
    source = PrefetchSource(numbers, frame_count=1)
    frames = iter(source)
    next(frames)
    wait_until(lambda: numbers.given == 3)
    start = time.monotonic()
    source.close()
    assert time.monotonic() - start < 1
    assert numbers.close_count == 1


def test_a_consumer_that_stops_early_stops_the_producer() -> None:
    before = set(threading.enumerate())
    numbers = Numbers(1000)
    source = PrefetchSource(numbers, frame_count=2)
    for frame in source:
        if frame.index == 3:
            break
    wait_until(lambda: set(threading.enumerate()) <= before)
    source.close()


def test_an_interrupted_consumer_hangs_nothing() -> None:
    numbers = Numbers(1000)
    source = PrefetchSource(numbers, frame_count=2)

    def consume() -> None:
        for frame in source:
            if frame.index == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    source.close()
    assert numbers.close_count == 1


def test_closing_waits_no_longer_than_promised_for_a_source_that_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("track_anything.io.prefetch._STOP_SECONDS", 0.1)
    go_on = threading.Event()

    def wait_at_two(index: int) -> None:
        if index == 2:
            go_on.wait(10)

    numbers = Numbers(10, wait_at_two)
    source = PrefetchSource(numbers)
    frames = iter(source)
    next(frames)
    start = time.monotonic()
    source.close()
    assert time.monotonic() - start < 2
    assert numbers.close_count == 0  # not under the reading thread
    go_on.set()
    wait_until(lambda: numbers.close_count == 1)
    assert [frame.index for frame in frames] == []

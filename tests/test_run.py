"""The loop hands on every result, and ends every sink whatever happens."""

import logging
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from track_anything.errors import OutputError, PromptError, TrackingError, VideoError
from track_anything.prompts import PromptSchedule
from track_anything.run import SinkGroup, UnreachedPromptError, follow, run
from track_anything.structures import Frame, FrameResult, Prompt, VideoInfo
from track_anything.testing import MovingSquare, RecordingSink


class LateTracker:
    """Holds every frame back until the next one comes; keeps what it was told."""

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.prompts: dict[int, int] = {}
        self.info: VideoInfo | None = None
        self._held: Frame | None = None
        self._fails_at = fails_at

    def start(self, info: VideoInfo) -> None:
        self.info = info

    def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
        if frame.index == self._fails_at:
            raise TrackingError("no further")
        self.prompts[frame.index] = len(prompts)
        held, self._held = self._held, frame
        return [] if held is None else [FrameResult(held)]

    def finish(self) -> Sequence[FrameResult]:
        return [] if self._held is None else [FrameResult(self._held)]


class WatchedSource:
    """MovingSquare that knows whether it was closed, and can break."""

    def __init__(self, *, breaks_with: BaseException | None = None) -> None:
        self._inside = MovingSquare(frame_count=5)
        self._error = breaks_with
        self.read_count = 0
        self.close_count = 0

    @property
    def info(self) -> VideoInfo:
        return self._inside.info

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._inside:
            if frame.index == 3 and self._error is not None:
                raise self._error
            self.read_count += 1
            yield frame

    def close(self) -> None:
        self.close_count += 1


class BreakingSink(RecordingSink):
    """Raises where it is told to."""

    def __init__(self, *, on: str, error: BaseException | None = None) -> None:
        super().__init__()
        self._on = on
        self._error = error or OutputError("the disk is full")

    def write(self, result: FrameResult) -> None:
        super().write(result)
        self._break("write")

    def close(self) -> None:
        super().close()
        self._break("close")

    def abort(self) -> None:
        super().abort()
        self._break("abort")

    def _break(self, where: str) -> None:
        if where == self._on:
            raise self._error


def schedule(*frames: int) -> PromptSchedule:
    prompt = Prompt(points=np.array([[5, 5]]), labels=np.array([1]), track_id=1)
    return PromptSchedule.from_frames({index: [prompt] for index in frames})


def ends(sink: RecordingSink) -> tuple[int, int]:
    return sink.close_count, sink.abort_count


def test_every_result_comes_once_in_order_also_those_held_back() -> None:
    source, tracker = WatchedSource(), LateTracker()
    results = list(follow(source, tracker, schedule(0, 2)))
    assert [result.frame.index for result in results] == [0, 1, 2, 3, 4]
    assert tracker.prompts == {0: 1, 1: 0, 2: 1, 3: 0, 4: 0}
    assert tracker.info == source.info
    assert not source.close_count


def test_no_frame_is_read_before_the_results_of_the_last_are_taken() -> None:
    source = WatchedSource()
    results = follow(source, LateTracker(), schedule(0))
    assert next(results).frame.index == 0
    # The tracker held the first frame back until it saw the second.
    assert source.read_count == 2


def test_all_sinks_get_every_result_and_are_closed() -> None:
    source, sinks = WatchedSource(), [RecordingSink(), RecordingSink()]
    run(source, LateTracker(), schedule(0), sinks)
    for sink in sinks:
        assert [result.frame.index for result in sink.results] == [0, 1, 2, 3, 4]
        assert ends(sink) == (1, 0)
    assert source.close_count == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (VideoError("gone"), VideoError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (SystemExit(), SystemExit),
    ],
)
def test_when_the_source_breaks_all_sinks_are_aborted(
    error: BaseException, kind: type[BaseException]
) -> None:
    source, sinks = WatchedSource(breaks_with=error), [RecordingSink(), RecordingSink()]
    with pytest.raises(kind):
        run(source, LateTracker(), schedule(0), sinks)
    assert [ends(sink) for sink in sinks] == [(0, 1), (0, 1)]
    assert len(sinks[0].results) == 2
    assert source.close_count == 1


def test_when_the_tracker_breaks_all_sinks_are_aborted_and_the_source_closed() -> None:
    source, sink = WatchedSource(), RecordingSink()
    with pytest.raises(TrackingError, match="no further"):
        run(source, LateTracker(fails_at=2), schedule(0), [sink])
    assert ends(sink) == (0, 1)
    assert source.close_count == 1


def test_when_a_sink_cannot_write_all_are_aborted() -> None:
    sinks = [RecordingSink(), BreakingSink(on="write"), RecordingSink()]
    with pytest.raises(OutputError, match="disk is full"):
        run(WatchedSource(), LateTracker(), schedule(0), sinks)
    assert [ends(sink) for sink in sinks] == [(0, 1)] * 3


def test_a_sink_that_cannot_be_closed_is_aborted_and_the_others_are_closed() -> None:
    sinks = [BreakingSink(on="close"), RecordingSink()]
    with pytest.raises(OutputError, match="disk is full"):
        run(WatchedSource(), LateTracker(), schedule(0), sinks)
    assert [ends(sink) for sink in sinks] == [(1, 1), (1, 0)]


def test_the_first_of_several_errors_is_raised_and_the_others_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sinks = [
        BreakingSink(on="close", error=OutputError("first")),
        BreakingSink(on="close", error=OutputError("second")),
    ]
    with caplog.at_level(logging.WARNING), pytest.raises(OutputError, match="first"):
        run(WatchedSource(), LateTracker(), schedule(0), sinks)
    assert "second" in caplog.text


def test_an_error_while_aborting_does_not_hide_the_one_that_caused_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = WatchedSource(breaks_with=VideoError("gone"))
    sinks = [BreakingSink(on="abort"), RecordingSink()]
    with caplog.at_level(logging.WARNING), pytest.raises(VideoError, match="gone"):
        run(source, LateTracker(), schedule(0), sinks)
    assert "disk is full" in caplog.text
    assert ends(sinks[1]) == (0, 1)


def test_a_prompt_past_the_end_is_an_error_after_everything_was_completed() -> None:
    source, sink = WatchedSource(), RecordingSink()
    with pytest.raises(UnreachedPromptError, match="object 1 at 7f") as caught:
        run(source, LateTracker(), schedule(0, 7), [sink])
    assert isinstance(caught.value, PromptError)
    assert ends(sink) == (1, 0)
    assert len(sink.results) == 5
    assert source.close_count == 1


@pytest.mark.parametrize(
    ("call", "expected"), [(SinkGroup.close, (1, 0)), (SinkGroup.abort, (0, 1))]
)
def test_a_group_ends_each_of_its_sinks(
    call: Callable[[SinkGroup], None], expected: tuple[int, int]
) -> None:
    sinks = [RecordingSink(), RecordingSink()]
    call(SinkGroup(sinks))
    assert [ends(sink) for sink in sinks] == [expected, expected]

"""Busy seconds per stage, on a clock that tests move by hand."""

import threading
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import pytest

from track_anything.interfaces import ClickSegmenter, FrameSource, Segmenter, Sink, Tracker
from track_anything.structures import (
    ClickMask,
    Floats,
    Frame,
    FrameResult,
    ImageEmbedding,
    Mask,
    Prompt,
    Proposal,
    VideoInfo,
)
from track_anything.testing import (
    BrightPartsProposer,
    MovingSquare,
    RecordingSink,
    ThresholdSegmenter,
)
from track_anything.timing import (
    StageClock,
    TimedMotionProposer,
    TimedSegmenter,
    TimedSink,
    TimedSource,
    TimedTracker,
    timed_segmenter,
)


class HandClock:
    """A clock that stands still until moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    monkeypatch.setattr("track_anything.timing.time.perf_counter", clock)
    return clock


def test_stages_add_up_and_wall_runs_on(hand: HandClock) -> None:
    clock = StageClock()
    for _ in range(2):
        with clock.stage("encode"):
            hand.now += 3
        hand.now += 1
    assert clock.to_dict() == {"encode": {"seconds": 6.0, "count": 2}, "wall": 8.0}


def test_an_inner_stage_is_taken_out_of_the_outer_one(hand: HandClock) -> None:
    clock = StageClock()
    with clock.stage("track"):
        hand.now += 1
        with clock.stage("segment"):
            hand.now += 10
            with clock.stage("embed"):
                hand.now += 100
        with clock.stage("segment"):
            hand.now += 20
        hand.now += 2
    assert clock.to_dict() == {
        "embed": {"seconds": 100.0, "count": 1},
        "segment": {"seconds": 30.0, "count": 2},
        "track": {"seconds": 3.0, "count": 1},
        "wall": 133.0,
    }


def test_a_stage_that_fails_is_timed_all_the_same(hand: HandClock) -> None:
    clock = StageClock()

    def fail() -> None:
        with clock.stage("track"):
            hand.now += 5
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with clock.stage("track"):
        hand.now += 1
    assert clock.to_dict()["track"] == {"seconds": 6.0, "count": 2}


def test_busy_seconds_exceed_the_wall_where_threads_overlap(hand: HandClock) -> None:
    clock = StageClock()
    entered, moved = threading.Barrier(3), threading.Event()

    def work(name: str) -> None:
        with clock.stage(name):
            entered.wait(timeout=10)
            assert moved.wait(timeout=10)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("decode", "encode")]
    for thread in threads:
        thread.start()
    entered.wait(timeout=10)
    hand.now += 4
    moved.set()
    for thread in threads:
        thread.join()
    told = clock.to_dict()
    assert told["decode"] == told["encode"] == {"seconds": 4.0, "count": 1}
    assert told["wall"] == 4.0


def test_counts_are_right_with_many_threads() -> None:
    clock = StageClock()

    def work() -> None:
        for _ in range(500):
            with clock.stage("track"):
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = clock.to_dict()["track"]
    assert isinstance(told, dict)
    assert told["count"] == 4000


def test_a_timed_source_counts_frames_and_times_the_end_too(hand: HandClock) -> None:
    class Slow(MovingSquare):
        def frame(self, index: int) -> Frame:
            hand.now += 2
            return super().frame(index)

    clock = StageClock()
    source: FrameSource = TimedSource(Slow(frame_count=3), clock)
    indices = []
    for frame in source:
        indices.append(frame.index)
        hand.now += 50
    assert indices == [0, 1, 2]
    assert source.info.frame_count == 3
    assert clock.to_dict()["decode"] == {"seconds": 6.0, "count": 3}


def test_closing_a_timed_source_closes_the_source_inside() -> None:
    source = TimedSource(MovingSquare(), StageClock())
    source.close()
    assert list(source) == []


def test_a_timed_segmenter_tells_embedding_from_segmenting(hand: HandClock) -> None:
    class Slow(ThresholdSegmenter):
        def embed(self, frame: Frame):  # type: ignore[no-untyped-def]
            hand.now += 7
            return super().embed(frame)

        def decode(self, embedding, prompts):  # type: ignore[no-untyped-def]
            hand.now += 2
            return super().decode(embedding, prompts)

    clock = StageClock()
    segmenter: Segmenter = TimedSegmenter(Slow(), clock)
    square = MovingSquare()
    ((answer,),) = segmenter.decode(segmenter.embed(square.frame(0)), [Prompt(box=square.box(0))])
    assert np.array_equal(answer.mask, square.truth(0))
    assert segmenter.name == "threshold"
    assert clock.to_dict() == {
        "embed": {"seconds": 7.0, "count": 1},
        "segment": {"seconds": 2.0, "count": 1},
        "wall": 9.0,
    }


def test_a_timed_tracker_counts_frames_and_times_start_and_finish(hand: HandClock) -> None:
    class Slow:
        def start(self, info: VideoInfo) -> None:
            hand.now += 1

        def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
            hand.now += 10
            return [FrameResult(frame)]

        def finish(self) -> Sequence[FrameResult]:
            hand.now += 100
            return []

    clock = StageClock()
    tracker: Tracker = TimedTracker(Slow(), clock)
    square = MovingSquare(frame_count=2)
    tracker.start(square.info)
    results = [result for frame in square for result in tracker.step(frame, [])]
    assert not tracker.finish()
    assert [result.frame.index for result in results] == [0, 1]
    assert clock.to_dict()["track"] == {"seconds": 121.0, "count": 2}


def test_a_timed_sink_counts_results_and_times_closing(hand: HandClock) -> None:
    class Slow(RecordingSink):
        def write(self, result: FrameResult) -> None:
            hand.now += 1
            super().write(result)

        def close(self) -> None:
            hand.now += 10
            super().close()

        def abort(self) -> None:
            hand.now += 100
            super().abort()

    clock = StageClock()
    inside = Slow()
    sink: Sink = TimedSink(inside, clock, "encode")
    sink.write(FrameResult(Frame(0, Fraction(0), np.zeros((2, 2, 3), np.uint8))))
    sink.close()
    sink.abort()
    assert (len(inside.results), inside.close_count, inside.abort_count) == (1, 1, 1)
    assert clock.to_dict()["encode"] == {"seconds": 111.0, "count": 1}


class Clicked(ThresholdSegmenter):
    """Answers clicks in ten seconds each."""

    def __init__(self, hand: HandClock) -> None:
        super().__init__()
        self._hand = hand

    def decode_clicks(
        self, embedding: ImageEmbedding, points: Floats, *, least_predicted_iou: float = 0.0
    ) -> Iterator[ClickMask]:
        for click in range(len(points)):
            self._hand.now += 10
            yield ClickMask(click, 0, 0.9, np.zeros(embedding.size, np.float32))


def test_a_timed_segmenter_still_answers_clicks_and_what_waits_is_not_its_time(
    hand: HandClock,
) -> None:
    clock = StageClock()
    timed = timed_segmenter(Clicked(hand), clock)
    assert isinstance(timed, ClickSegmenter)
    assert not isinstance(timed_segmenter(ThresholdSegmenter(), clock), ClickSegmenter)
    embedding = timed.embed(MovingSquare().frame(0))
    for _ in timed.decode_clicks(embedding, np.zeros((3, 2), np.float32)):
        hand.now += 1000
    assert clock.to_dict()["segment"] == {"seconds": 30.0, "count": 1}


def test_discovery_is_timed_without_what_its_segmenter_does(hand: HandClock) -> None:
    clock = StageClock()

    class Slow(BrightPartsProposer):
        def propose(self, frame: Frame, *, area: Mask | None = None) -> Sequence[Proposal]:
            hand.now += 2
            with clock.stage("segment"):
                hand.now += 30
            return super().propose(frame, area=area)

        def watch(self, frame: Frame) -> None:
            hand.now += 1

    proposer = TimedMotionProposer(Slow(), clock)
    frame = MovingSquare().frame(0)
    proposer.watch(frame)
    assert len(proposer.propose(frame)) == 1
    proposer.reset()
    proposer.restore(proposer.save())
    assert clock.to_dict()["discover"] == {"seconds": 3.0, "count": 1}

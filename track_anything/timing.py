"""Where the time of a run goes: a clock of named stages, and wrappers of the sockets that use it.

Stages run on several threads. Their busy seconds add up to more than the wall clock exactly when
work overlaps: a stage inside another on the same thread is taken out of the outer one's time.
"""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from track_anything.interfaces import (
    ClickSegmenter,
    FrameSource,
    MotionProposer,
    Proposer,
    Segmenter,
    Sink,
    Tracker,
)
from track_anything.structures import (
    ClickMask,
    Floats,
    Frame,
    FrameResult,
    ImageEmbedding,
    Mask,
    MaskPrediction,
    Prompt,
    Proposal,
    VideoInfo,
)


class StageClock:
    """Adds up busy seconds per stage, from any thread. The wall clock starts when it is made."""

    def __init__(self) -> None:
        """Start the wall clock."""
        self._started = time.perf_counter()
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._inner = threading.local()

    @contextmanager
    def stage(self, name: str, *, count: int = 1) -> Iterator[None]:
        """Time what runs inside, an exception included.

        Args:
            name: Of the stage.
            count: How many units of work this is; 0 for work that belongs to no unit.
        """
        # Seconds of stages inside this one, gathered per thread.
        outer = getattr(self._inner, "seconds", 0.0)
        self._inner.seconds = 0.0
        started = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - started
            own = elapsed - self._inner.seconds
            self._inner.seconds = outer + elapsed
            self.add(name, own, count=count)

    def add(self, name: str, seconds: float, *, count: int = 1) -> None:
        """Add time that was measured elsewhere, or a count alone."""
        with self._lock:
            self._seconds[name] = self._seconds.get(name, 0.0) + seconds
            self._counts[name] = self._counts.get(name, 0) + count

    def to_dict(self) -> dict[str, dict[str, float] | float]:
        """Every stage's {"seconds", "count"} by name in order of appearance, and "wall" seconds."""
        with self._lock:
            stages: dict[str, dict[str, float] | float] = {
                name: {"seconds": seconds, "count": self._counts[name]}
                for name, seconds in self._seconds.items()
            }
        return {**stages, "wall": time.perf_counter() - self._started}


class TimedSource:
    """A source whose decoding is timed as "decode".

    Belongs inside a prefetching source: outside it would time the waiting.
    """

    def __init__(self, source: FrameSource, clock: StageClock) -> None:
        """Wrap a source."""
        self._source = source
        self._clock = clock

    @property
    def info(self) -> VideoInfo:
        """Of the source inside."""
        return self._source.info

    def __iter__(self) -> Iterator[Frame]:
        """Frames of the source inside."""
        frames = iter(self._source)
        while True:
            with self._clock.stage("decode", count=0):
                frame = next(frames, None)
            if frame is None:
                return
            self._clock.add("decode", 0.0)
            yield frame

    def close(self) -> None:
        """Close the source inside."""
        self._source.close()


class TimedSegmenter:
    """A segmenter whose work is timed as "embed" and "segment"."""

    def __init__(self, segmenter: Segmenter, clock: StageClock) -> None:
        """Wrap a segmenter."""
        self._segmenter = segmenter
        self._clock = clock

    @property
    def name(self) -> str:
        """Of the segmenter inside."""
        return self._segmenter.name

    def embed(self, frame: Frame) -> ImageEmbedding:
        """As the segmenter inside."""
        with self._clock.stage("embed"):
            return self._segmenter.embed(frame)

    def decode(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
    ) -> Sequence[Sequence[MaskPrediction]]:
        """As the segmenter inside."""
        with self._clock.stage("segment"):
            return self._segmenter.decode(embedding, prompts)


class TimedClickSegmenter(TimedSegmenter):
    """The same for a segmenter that answers many lone clicks."""

    def __init__(self, segmenter: ClickSegmenter, clock: StageClock) -> None:
        """Wrap a segmenter."""
        super().__init__(segmenter, clock)
        self._clicked = segmenter

    def decode_clicks(
        self, embedding: ImageEmbedding, points: Floats, *, least_predicted_iou: float = -math.inf
    ) -> Iterator[ClickMask]:
        """As the segmenter inside."""
        found = self._clicked.decode_clicks(
            embedding, points, least_predicted_iou=least_predicted_iou
        )
        with self._clock.stage("segment"):
            one = next(found, None)
        while one is not None:
            yield one
            with self._clock.stage("segment", count=0):
                one = next(found, None)


def timed_segmenter(segmenter: Segmenter, clock: StageClock) -> TimedSegmenter:
    """A segmenter with its work timed, that can do all it could."""
    if isinstance(segmenter, ClickSegmenter):
        return TimedClickSegmenter(segmenter, clock)
    return TimedSegmenter(segmenter, clock)


class TimedProposer:
    """A proposer whose work is timed as "discover", less what its timed segmenter does."""

    def __init__(self, proposer: Proposer, clock: StageClock) -> None:
        """Wrap a proposer."""
        self._proposer = proposer
        self._clock = clock

    def propose(self, frame: Frame, *, area: Mask | None = None) -> Sequence[Proposal]:
        """As the proposer inside."""
        with self._clock.stage("discover"):
            return self._proposer.propose(frame, area=area)


class TimedMotionProposer(TimedProposer):
    """The same for one that watches frames between those it is asked about."""

    def __init__(self, proposer: MotionProposer, clock: StageClock) -> None:
        """Wrap a proposer."""
        super().__init__(proposer, clock)
        self._watching = proposer

    def watch(self, frame: Frame) -> None:
        """As the proposer inside."""
        with self._clock.stage("discover", count=0):
            self._watching.watch(frame)

    def reset(self) -> None:
        """As the proposer inside."""
        self._watching.reset()

    def save(self) -> bytes:
        """As the proposer inside."""
        return self._watching.save()

    def restore(self, state: bytes) -> None:
        """As the proposer inside."""
        self._watching.restore(state)


class TimedTracker:
    """A tracker whose work is timed as "track", less what its timed segmenter does."""

    def __init__(self, tracker: Tracker, clock: StageClock) -> None:
        """Wrap a tracker."""
        self._tracker = tracker
        self._clock = clock

    def start(self, info: VideoInfo) -> None:
        """As the tracker inside."""
        with self._clock.stage("track", count=0):
            self._tracker.start(info)

    def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
        """As the tracker inside."""
        with self._clock.stage("track"):
            return self._tracker.step(frame, prompts)

    def finish(self) -> Sequence[FrameResult]:
        """As the tracker inside."""
        with self._clock.stage("track", count=0):
            return self._tracker.finish()

    def save(self) -> bytes | None:
        """As the tracker inside, timed as "snapshot"."""
        with self._clock.stage("snapshot"):
            return self._tracker.save()

    def restore(self, state: bytes, *, frames: Sequence[Frame] = ()) -> None:
        """As the tracker inside."""
        with self._clock.stage("snapshot", count=0):
            self._tracker.restore(state, frames=frames)


class TimedSink:
    """A sink whose work is timed under a name; counts results.

    Belongs inside a write-behind sink: outside it would time the waiting.
    """

    def __init__(self, sink: Sink, clock: StageClock, name: str) -> None:
        """Wrap a sink."""
        self._sink = sink
        self._clock = clock
        self._name = name

    def write(self, result: FrameResult) -> None:
        """As the sink inside."""
        with self._clock.stage(self._name):
            self._sink.write(result)

    def close(self) -> None:
        """As the sink inside."""
        with self._clock.stage(self._name, count=0):
            self._sink.close()

    def abort(self) -> None:
        """As the sink inside."""
        with self._clock.stage(self._name, count=0):
            self._sink.abort()

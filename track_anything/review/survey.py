"""One pass over the results of a run: the course of every object, events, doubtful moments."""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from track_anything.review.doubts import LOW_CONFIDENCE, Doubter
from track_anything.review.moments import Instant, Moment, MomentFinder
from track_anything.review.series import Series
from track_anything.structures import Event, EventKind, FrameResult

MAX_EVENTS = 2000
"""Events kept for the table of the page. All are counted, and all are drawn."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a pass over a run has found.

    Attributes:
        frames: (F,) index of every frame.
        seconds: (F,) time of every frame.
        tracks: By ascending track_id.
        moments: All of them, the most doubtful first.
        left_out_count: Stretches that were dropped because there were too many.
        events: The first MAX_EVENTS of them, with where they happened.
        event_counts: All of them by kind.
        marks: Position of every event among the frames, by track_id and kind.
        low_confidence: The confidence under which a visible object was doubted.
    """

    frames: Sequence[int]
    seconds: Sequence[float]
    tracks: Mapping[int, Series]
    moments: Sequence[Moment]
    left_out_count: int
    events: Sequence[tuple[Instant, Event]]
    event_counts: Mapping[EventKind, int]
    marks: Mapping[tuple[int, EventKind], Sequence[int]]
    low_confidence: float

    @property
    def worst_track(self) -> Series | None:
        """The object with the lowest mean confidence, 0 if it is never visible; None without."""
        tracks = self.tracks.values()
        return min(tracks, key=lambda one: one.mean_confidence or 0.0, default=None)

    def name_of(self, track_id: int) -> str:
        """What people call an object; 0 is the whole picture."""
        return self.tracks[track_id].name if track_id in self.tracks else "the picture"

    def confidence_at(self, track_id: int, frame: int) -> float | None:
        """An object's confidence on a frame; None where it is not in the run."""
        series = self.tracks.get(track_id)
        return None if series is None else series.confidence_at(bisect_left(self.frames, frame))

    def around(self, moment: Moment) -> tuple[int, int, int]:
        """Indices of the frames before, at and after a moment: inside the run."""
        main = moment.main
        before = bisect_left(self.frames, main.first.frame) - 1
        if main.since_frame is not None:
            before = bisect_left(self.frames, main.since_frame)
        after = min(bisect_right(self.frames, main.last.frame), len(self.frames) - 1)
        return self.frames[max(before, 0)], main.peak.frame, self.frames[after]

    def columns(self, count: int) -> NDArray[np.int64]:
        """(F,) rising: the column of every frame in a plot of so many, even in time."""
        seconds = np.asarray(self.seconds, np.float64)
        if not len(seconds):
            return np.zeros(0, np.int64)
        length = max(float(seconds[-1] - seconds[0]), 1e-9)
        places = (seconds - seconds[0]) / length * count
        return np.asarray(np.minimum(places, count - 1), np.int64)


def survey_results(
    results: Iterable[FrameResult],
    size: tuple[int, int],
    *,
    low_confidence: float = LOW_CONFIDENCE,
    max_events: int = MAX_EVENTS,
) -> Survey:
    """Look at every result once. Numbers are kept, masks are not.

    Args:
        results: In the order of frames; their images are not looked at.
        size: (height, width) of the frames.
        low_confidence: A visible object is doubted under this confidence.
        max_events: How many events are kept.
    """
    surveyor = _Surveyor(size, low_confidence, max_events)
    for result in results:
        surveyor.add(result)
    return surveyor.finish()


class _Surveyor:
    def __init__(self, size: tuple[int, int], low_confidence: float, max_events: int) -> None:
        self._low, self._max_events = low_confidence, max_events
        self._doubter = Doubter(size, low_confidence=low_confidence)
        self._finder = MomentFinder()
        self._frames, self._seconds = array("q"), array("d")
        self._tracks: dict[int, Series] = {}
        self._events: list[tuple[Instant, Event]] = []
        self._counts: Counter[EventKind] = Counter()
        self._marks: dict[tuple[int, EventKind], array[int]] = {}

    def add(self, result: FrameResult) -> None:
        position, seconds = len(self._frames), float(result.frame.time)
        elapsed = seconds - self._seconds[-1] if self._seconds else 0.0
        self._frames.append(result.frame.index)
        self._seconds.append(seconds)
        for one in result.objects:
            series = self._tracks.setdefault(one.track_id, Series(one.track_id, position))
            series.add(one, position=position, seconds=elapsed)
        for event in result.events:
            self._counts[event.kind] += 1
            key = event.track_id, event.kind
            self._marks.setdefault(key, array("q")).append(position)
            if len(self._events) < self._max_events:
                self._events.append((Instant(result.frame.index, result.frame.time), event))
        self._finder.add(result.frame, self._doubter.judge(result))

    def finish(self) -> Survey:
        moments = self._finder.finish()
        return Survey(
            frames=self._frames,
            seconds=self._seconds,
            tracks=dict(sorted(self._tracks.items())),
            moments=moments,
            left_out_count=self._finder.left_out_count,
            events=self._events,
            event_counts=self._counts,
            marks=self._marks,
            low_confidence=self._low,
        )

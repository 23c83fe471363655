"""Doubts on single frames joined to stretches, and stretches to moments, ranked by a score.

A stretch is one cause of one object on frames with no more than half a second between them. Its
score is the weight of the cause times its severity: three quarters by the worst frame, a quarter
by how long it lasts, full at one second. Stretches of one object whose worst frames lie within
half a second are one moment with several reasons, and its score is 1 less the product of (1 less
score) over them: more reasons make a moment more doubtful, and never above 1.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from track_anything.review.doubts import WEIGHTS, Cause, Doubt
from track_anything.structures import Frame

NEAR = Fraction(1, 2)
"""Seconds within which neighbouring doubts belong together."""
MAX_STRETCHES = 20_000
"""Stretches kept, the highest scores first: about ten megabytes."""

_WORST_SHARE = 0.75
_LASTING = frozenset(
    {Cause.LOST, Cause.LOW_CONFIDENCE, Cause.CONTACT, Cause.FRAGMENTS, Cause.BORDER}
)


@dataclass(frozen=True, slots=True)
class Instant:
    """A frame by its index and time."""

    frame: int
    time: Fraction


@dataclass(frozen=True, slots=True)
class Reason:
    """One stretch of one cause.

    Attributes:
        cause: What is doubtful.
        text: In words, for people.
        score: 0 to 1.
        first: Where it begins.
        peak: Its worst frame.
        last: Where it ends, inclusive.
        since_frame: The last frame on which the object was seen; None if it is the one before.
        other_id: The second object of a contact; 0 if there is none.
    """

    cause: Cause
    text: str
    score: float
    first: Instant
    peak: Instant
    last: Instant
    since_frame: int | None = None
    other_id: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """A place to look at.

    Attributes:
        track_id: Of whom; 0 is the whole frame.
        score: 0 to 1.
        reasons: The main one first.
    """

    track_id: int
    score: float
    reasons: tuple[Reason, ...]

    @property
    def main(self) -> Reason:
        """The reason with the highest score: it says where the moment is."""
        return self.reasons[0]

    @property
    def text(self) -> str:
        """All reasons in words."""
        return "; ".join(reason.text for reason in self.reasons)

    @property
    def other_ids(self) -> tuple[int, ...]:
        """Other objects that have to do with it, ascending."""
        return tuple(sorted({one.other_id for one in self.reasons} - {0, self.track_id}))


class MomentFinder:
    """Takes doubts in the order of frames; its size is bounded."""

    def __init__(self, *, max_stretches: int = MAX_STRETCHES) -> None:
        """Begin with nothing."""
        self._most = max_stretches
        self._open: dict[tuple[Cause, int, int], _Stretch] = {}
        self._kept: list[tuple[float, int, int, Reason]] = []
        self._count = 0

    @property
    def left_out_count(self) -> int:
        """Stretches that were dropped because there were too many."""
        return self._count - len(self._kept)

    def add(self, frame: Frame, doubts: Iterable[Doubt]) -> None:
        """Take the doubts about one frame."""
        now = Instant(frame.index, frame.time)
        for doubt in doubts:
            key = doubt.cause, doubt.track_id, doubt.other_id
            stretch = self._open.get(key)
            if stretch is not None and not stretch.goes_on(doubt, now):
                self._keep(self._open.pop(key))
                stretch = None
            if stretch is None:
                self._open[key] = _Stretch(doubt, now, now, now)
            else:
                stretch.extend(doubt, now)

    def finish(self) -> list[Moment]:
        """Every moment, the most doubtful first, and of equals the earlier."""
        for stretch in self._open.values():
            self._keep(stretch)
        self._open.clear()
        by_track: dict[int, list[Reason]] = {}
        for _, _, track_id, reason in self._kept:
            by_track.setdefault(track_id, []).append(reason)
        moments = [
            moment for track_id, reasons in by_track.items() for moment in _join(track_id, reasons)
        ]
        return sorted(moments, key=lambda m: (-m.score, m.main.peak.frame, m.track_id))

    def _keep(self, stretch: "_Stretch") -> None:
        self._count += 1
        reason = stretch.reason()
        # The count breaks ties: of equals the later stretch is dropped.
        entry = reason.score, -self._count, stretch.worst.track_id, reason
        if len(self._kept) < self._most:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heappushpop(self._kept, entry)


@dataclass(slots=True)
class _Stretch:
    worst: Doubt
    first: Instant
    peak: Instant
    last: Instant
    count: int = 1
    since_frame: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.since_frame = self.worst.since_frame

    def goes_on(self, doubt: Doubt, now: Instant) -> bool:
        """Whether a doubt belongs to it: near, and not lost anew since it was seen again."""
        is_near = now.time - self.last.time <= NEAR
        return is_near and doubt.since_frame == self.since_frame

    def extend(self, doubt: Doubt, now: Instant) -> None:
        self.last = now
        self.count += 1
        if doubt.severity > self.worst.severity:
            self.worst, self.peak = doubt, now

    def reason(self) -> Reason:
        seconds = self.last.time - self.first.time
        lasting = float(min(seconds, Fraction(1)))
        severity = self.worst.severity * (_WORST_SHARE + (1 - _WORST_SHARE) * lasting)
        return Reason(
            cause=self.worst.cause,
            text=self.worst.detail + self._length(float(seconds)),
            score=WEIGHTS[self.worst.cause] * severity,
            first=self.first,
            peak=self.peak,
            last=self.last,
            since_frame=self.since_frame,
            other_id=self.worst.other_id,
        )

    def _length(self, seconds: float) -> str:
        if self.count == 1:
            return ""
        if self.worst.cause in _LASTING:
            return f", for {self.count} frames" if self.count < 10 else f", for {seconds:.2f} s"
        return f", {self.count} times in {seconds:.2f} s"


def _join(track_id: int, reasons: list[Reason]) -> list[Moment]:
    """Moments of one object: each reason joins the strongest one near it."""
    groups: dict[int, list[list[Reason]]] = {}
    found: list[list[Reason]] = []
    for reason in sorted(reasons, key=lambda one: (-one.score, one.peak.frame, one.cause)):
        place = int(reason.peak.time // NEAR)
        near = [
            group
            for bucket in (place - 1, place, place + 1)
            for group in groups.get(bucket, ())
            if abs(group[0].peak.time - reason.peak.time) <= NEAR
        ]
        if near:
            max(near, key=lambda group: group[0].score).append(reason)
            continue
        group = [reason]
        found.append(group)
        groups.setdefault(place, []).append(group)
    return [Moment(track_id, _joint_score(group), tuple(group)) for group in found]


def _joint_score(reasons: list[Reason]) -> float:
    sure = 1.0
    for reason in reasons:
        sure *= 1 - reason.score
    return 1 - sure

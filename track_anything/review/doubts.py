"""What is doubtful on one frame: each object judged by its mask, its past and its neighbours."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import combinations

from track_anything.review.looks import (
    Look,
    borders_touched,
    contact,
    look_at,
    parts_outside,
    shape_iou,
)
from track_anything.structures import Event, EventKind, FrameResult, ObjectMask, Origin, State


class Cause(StrEnum):
    """Why a moment is doubtful."""

    LOST = "lost"
    FOUND = "found again"
    LOW_CONFIDENCE = "low confidence"
    AREA = "area jump"
    CENTER = "centre jump"
    SHAPE = "shape jump"
    REJECTED = "re-prompt rejected"
    CONTACT = "contact"
    FRAGMENTS = "in parts"
    BORDER = "at the border"
    CUT = "scene cut"


WEIGHTS = {
    Cause.LOST: 0.9,
    Cause.FOUND: 0.8,
    Cause.LOW_CONFIDENCE: 0.8,
    Cause.AREA: 0.7,
    Cause.CENTER: 0.7,
    Cause.SHAPE: 0.6,
    Cause.REJECTED: 0.4,
    Cause.CONTACT: 0.4,
    Cause.FRAGMENTS: 0.35,
    Cause.CUT: 0.3,
    Cause.BORDER: 0.15,
}
"""How likely each cause at its worst means a wrong mask: what ranks moments of different causes."""

LOW_CONFIDENCE = 0.55
"""Confidence under which a visible object is doubted: where the tracker calls it weak."""
AREA_CHANGE = 0.3
"""Share of the smaller of two areas by which they differ where they are said to jump."""
SHAPE_DROP = 0.25
"""How far under its usual value the overlap of consecutive masks is where the shape jumps."""
CENTER_JUMP = 0.5
"""Distance from the expected place, in sides of the object, at which the centre jumps."""
OUTSIDE_SHARE = 0.1
"""Share of a mask outside its largest part at which it counts as in parts."""

_USUAL_RATE = 0.1
_LEAST_COMPARED = 5
_LEAST_JUMP_PIXELS = 4.0
_UNUSUAL = 3.0
# Hidden by the user's word, over, or not believed yet: an empty mask is then no surprise.
_EXCUSED = frozenset({State.OCCLUDED, State.LEFT, State.ENDED, State.TENTATIVE})


@dataclass(frozen=True, slots=True)
class Doubt:
    """One cause on one frame.

    Attributes:
        cause: What is doubtful.
        track_id: Of whom; 0 is the whole frame.
        severity: 0 to 1 within its cause.
        detail: In words.
        other_id: The second object of a contact; 0 if there is none.
        since_frame: The last frame on which the object was seen, if not the one before.
    """

    cause: Cause
    track_id: int
    severity: float
    detail: str
    other_id: int = 0
    since_frame: int | None = None


class Doubter:
    """Judges the results of one video, in order. Keeps one mask an object, whatever the length."""

    def __init__(self, size: tuple[int, int], *, low_confidence: float = LOW_CONFIDENCE) -> None:
        """Begin a video of frames of (height, width)."""
        self._size = size
        self._low = low_confidence
        self._pasts: dict[int, _Past] = {}

    def judge(self, result: FrameResult) -> Iterator[Doubt]:
        """Every doubt about one result."""
        is_cut = any(event.kind is EventKind.CUT for event in result.events)
        if is_cut:
            yield Doubt(Cause.CUT, 0, 1.0, "the scene changes: nothing is carried across")
        events = _by_track(result.events)
        seen: list[tuple[ObjectMask, Look]] = []
        for one in result.objects:
            past = self._pasts.setdefault(one.track_id, _Past())
            look = look_at(one)
            said = events.get(one.track_id, [])
            yield from self._rejections(said)
            if look is None:
                yield from past.unseen(one, result)
                continue
            seen.append((one, look))
            yield from self._standing(one, look)
            # A jump that the user or the film made is no doubt about the tracker.
            is_told = is_cut or one.origin is Origin.PROMPTED
            yield from past.moved(one, look, result, is_told=is_told)
        yield from _contacts(seen)

    def _rejections(self, events: list[Event]) -> Iterator[Doubt]:
        for event in events:
            if event.kind is EventKind.REJECTED:
                text = f"a re-prompt was rejected: {event.detail}"
                yield Doubt(Cause.REJECTED, event.track_id, 1.0, text)

    def _standing(self, one: ObjectMask, look: Look) -> Iterator[Doubt]:
        """What is doubtful about a mask by itself."""
        if one.confidence < self._low:
            severity = min(1.0, (self._low - one.confidence) / 0.35)
            text = f"confidence {one.confidence:.2f}, under {self._low:g}"
            yield Doubt(Cause.LOW_CONFIDENCE, one.track_id, severity, text)
        count, outside = parts_outside(look)
        if outside >= OUTSIDE_SHARE and outside * look.area > look.side:
            text = f"in {count} parts, {outside:.0%} of it outside the largest"
            yield Doubt(Cause.FRAGMENTS, one.track_id, min(1.0, 2 * outside), text)
        if sides := borders_touched(look, self._size):
            text = f"reaches the {' and '.join(sides)} border of the picture"
            yield Doubt(Cause.BORDER, one.track_id, min(1.0, 0.5 * len(sides)), text)


class _Past:
    """What is remembered of one object."""

    def __init__(self) -> None:
        self._look: Look | None = None
        self._frame = 0
        self._time = Fraction(0)
        self._step: tuple[float, float] | None = None
        self._is_gone = False
        self._was_seen = False
        self._shapes = _Usual()
        self._jumps = _Usual()

    def unseen(self, one: ObjectMask, result: FrameResult) -> Iterator[Doubt]:
        self._step, self._was_seen = None, False
        self._is_gone = self._look is not None and one.state not in _EXCUSED
        if self._is_gone:
            text = "lost" if one.state is State.LOST else "nothing is left of its mask"
            yield Doubt(Cause.LOST, one.track_id, 1.0, text, since_frame=self._frame)

    def moved(
        self, one: ObjectMask, look: Look, result: FrameResult, *, is_told: bool
    ) -> Iterator[Doubt]:
        before, step = self._look, None
        if before is not None and self._is_gone and not is_told:
            yield self._found(one, look, before, result)
        elif before is not None and self._was_seen and not is_told:
            step = look.center[0] - before.center[0], look.center[1] - before.center[1]
            yield from self._jumped(one, look, before, step)
        self._look, self._step = look, step
        self._was_seen, self._is_gone = True, False
        self._frame, self._time = result.frame.index, result.frame.time

    def _found(self, one: ObjectMask, look: Look, before: Look, result: FrameResult) -> Doubt:
        seconds = float(result.frame.time - self._time)
        away = math.dist(look.center, before.center)
        text = f"found again after {seconds:.2f} s, {away:.0f} pixels from where it was"
        severity = 1 - 0.5 * min(1.0, max(0.0, one.confidence))
        return Doubt(Cause.FOUND, one.track_id, severity, text, since_frame=self._frame)

    def _jumped(
        self, one: ObjectMask, look: Look, before: Look, step: tuple[float, float]
    ) -> Iterator[Doubt]:
        change = look.area - before.area
        least = min(look.area, before.area)
        if abs(change) > AREA_CHANGE * least and abs(change) > min(look.ring, before.ring):
            severity = min(1.0, abs(math.log2(look.area / before.area)) / 2)
            text = f"area from {before.area} to {look.area} pixels in one frame"
            yield Doubt(Cause.AREA, one.track_id, severity, text)
        overlap = shape_iou(before, look)
        usual = self._shapes.value
        if self._shapes.is_known and overlap < usual - SHAPE_DROP:
            text = f"overlap with its mask a frame before {overlap:.2f}, usually {usual:.2f}"
            yield Doubt(Cause.SHAPE, one.track_id, min(1.0, (usual - overlap) / 0.6), text)
        self._shapes.add(overlap)
        yield from self._swerved(one, look, before, step)

    def _swerved(
        self, one: ObjectMask, look: Look, before: Look, step: tuple[float, float]
    ) -> Iterator[Doubt]:
        last = self._step or (0.0, 0.0)
        off = math.dist(step, last)
        side = max(look.side, before.side)
        limit = max(CENTER_JUMP * side, _LEAST_JUMP_PIXELS, _UNUSUAL * self._jumps.value)
        if self._step is not None and off > limit:
            text = f"centre {off:.0f} pixels off its course, {off / side:.1f} of its own size"
            yield Doubt(Cause.CENTER, one.track_id, min(1.0, off / side / 2), text)
        self._jumps.add(off)


class _Usual:
    """A running mean that forgets slowly."""

    def __init__(self) -> None:
        self.value = 0.0
        self._count = 0

    @property
    def is_known(self) -> bool:
        return self._count >= _LEAST_COMPARED

    def add(self, value: float) -> None:
        self._count += 1
        self.value += (value - self.value) * max(_USUAL_RATE, 1 / self._count)


def _by_track(events: Sequence[Event]) -> dict[int, list[Event]]:
    found: dict[int, list[Event]] = {}
    for event in events:
        found.setdefault(event.track_id, []).append(event)
    return found


def _contacts(seen: list[tuple[ObjectMask, Look]]) -> Iterator[Doubt]:
    for (one, first), (other, second) in combinations(seen, 2):
        share = contact(first, second)
        if share > 0:
            name = other.label or f"#{other.track_id}"
            text = f"touches {name} along {share:.0%} of the smaller one's outline"
            yield Doubt(Cause.CONTACT, one.track_id, min(1.0, 2 * share), text, other.track_id)

"""The course of one object as an inline SVG: confidence, states, events, doubtful moments."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from html import escape
from itertools import groupby

from track_anything.review.moments import Moment
from track_anything.review.series import Column
from track_anything.review.survey import Survey
from track_anything.structures import EventKind, State

MOST_COLUMNS = 480
"""Of a plot: longer runs show the lowest and the highest confidence of each column."""

LANES: Mapping[str, frozenset[EventKind]] = {
    "prompted": frozenset(
        {EventKind.STARTED, EventKind.CORRECTED, EventKind.ABSENT, EventKind.DISCOVERED}
    ),
    "reprompted": frozenset({EventKind.REPROMPTED}),
    "rejected": frozenset({EventKind.REJECTED}),
    "changed": frozenset(
        {
            EventKind.LOST,
            EventKind.FOUND,
            EventKind.OCCLUDED,
            EventKind.LEFT,
            EventKind.CUT,
            EventKind.MERGED,
            EventKind.SPLIT,
            EventKind.EXCHANGED,
            EventKind.ENDED,
        }
    ),
}
"""Rows of ticks under a plot, from the top: kinds of events that mean about the same."""

_HEIGHT = 100
_STRIP = 6
_LANE = 9
_STATES = tuple(State)
TOTAL_HEIGHT = _HEIGHT + _STRIP + _LANE * len(LANES)


class Plotter:
    """Draws the objects of one survey over the same columns."""

    def __init__(self, survey: Survey) -> None:
        """Lay out the columns."""
        self._survey = survey
        self.count = max(1, min(MOST_COLUMNS, len(survey.frames)))
        self._columns = survey.columns(self.count)
        self._firsts = [bisect_left(self._columns, column) for column in range(self.count)]

    def axis(self) -> str:
        """Attributes for what holds the plots: time and frame of each column, names of states."""
        places = [min(first, len(self._survey.frames) - 1) for first in self._firsts]
        times = [round(Fraction(self._survey.seconds[place]) * 1000) for place in places]
        frames = [self._survey.frames[place] for place in places]
        return (
            f'data-times="{_json(times)}" data-frames="{_json(frames)}" '
            f'data-states="{_json(_STATES)}"'
        )

    def draw(self, track_id: int, moments: Sequence[tuple[int, Moment]]) -> str:
        """The plot of one object.

        Args:
            track_id: Of the object.
            moments: Its moments with their rank, which link to them.
        """
        series = self._survey.tracks[track_id]
        columns = series.columns(self._columns, self.count)
        marks = self._marks(track_id)
        low = _number(_HEIGHT * (1 - self._survey.low_confidence))
        parts = [
            *_bands(columns),
            f'<path class="grid" d="M0 {_HEIGHT / 2:g}H{self.count}"/>',
            f'<path class="limit" d="M0 {low}H{self.count}"/>',
            *(self._moment(rank, moment) for rank, moment in moments),
            *_course(columns),
            *_ticks(marks),
            f'<path class="cursor" d="M0 0V{TOTAL_HEIGHT}" hidden=""/>',
        ]
        return (
            f'<svg viewBox="0 0 {self.count} {TOTAL_HEIGHT}" preserveAspectRatio="none" '
            f'role="group" aria-label="{escape(self._words(track_id))}" '
            f'data-columns="{_json([_cell(one) for one in columns])}" '
            f'data-marks="{_json({place: kinds for place, kinds in marks.items()})}">'
            + "".join(parts)
            + "</svg>"
        )

    def _words(self, track_id: int) -> str:
        series = self._survey.tracks[track_id]
        mean, low = series.mean_confidence, series.minimum_confidence
        if mean is None or low is None:
            return f"Confidence of {series.name} over time: it is never visible."
        return f"Confidence of {series.name} over time: mean {mean:.2f}, lowest {low:.2f}."

    def _marks(self, track_id: int) -> dict[int, list[str]]:
        """Kinds of events by column, those of the whole frame included, each once."""
        found: dict[int, list[str]] = {}
        for (owner, kind), places in self._survey.marks.items():
            if owner in (track_id, 0):
                for column in {int(self._columns[place]) for place in places}:
                    found.setdefault(column, []).append(kind.value)
        return dict(sorted(found.items()))

    def _moment(self, rank: int, moment: Moment) -> str:
        frames = self._survey.frames
        first = int(self._columns[bisect_left(frames, moment.main.first.frame)])
        last = int(self._columns[bisect_right(frames, moment.main.last.frame) - 1])
        # On a phone one column of many is too narrow to be hit with a finger.
        pad = max(0.0, (self.count / 80 - (last + 1 - first)) / 2)
        return (
            f'<a href="#moment-{rank}" aria-label="Moment {rank}"><rect class="moment" '
            f'x="{_number(first - pad)}" width="{_number(last + 1 - first + 2 * pad)}" '
            f'y="0" height="{_HEIGHT}">'
            f"<title>{rank}: {escape(moment.main.text)}</title></rect></a>"
        )


def _bands(columns: Sequence[Column | None]) -> Iterator[str]:
    """One rectangle behind the plot and one under it for every stretch of one state."""
    start = 0
    for state, group in groupby(columns, key=lambda one: None if one is None else one.state):
        length = len(list(group))
        if state is not None:
            place = f'x="{start}" width="{length}" class="state {state.value}"'
            behind = state not in (State.CONFIRMED, State.ENDED)
            if behind:
                yield f'<rect {place} y="0" height="{_HEIGHT}"><title>{state}</title></rect>'
            yield f'<rect {place} y="{_HEIGHT}" height="{_STRIP}"><title>{state}</title></rect>'
        start += length


def _course(columns: Sequence[Column | None]) -> Iterator[str]:
    """The area between the highest and the lowest confidence; a line where they are one."""
    for is_known, group in groupby(enumerate(columns), key=lambda pair: pair[1] is not None):
        if is_known:
            known = [(place, one) for place, one in group if one is not None]
            points = [(place, one.high) for place, one in known]
            has_area = any(one.high > one.low for _, one in known)
            if has_area:
                points += [(place, one.low) for place, one in reversed(known)]
            # A line of no length is drawn as a dot by its round ends.
            points = points if len(points) > 1 else points * 2
            path = "M" + "L".join(_point(place, value) for place, value in points)
            yield f'<path class="course{"" if has_area else " line"}" d="{path}"/>'


def _ticks(marks: Mapping[int, Sequence[str]]) -> Iterator[str]:
    for lane, (name, kinds) in enumerate(LANES.items()):
        top = _HEIGHT + _STRIP + lane * _LANE + 1
        at = [place for place, said in marks.items() if not kinds.isdisjoint(map(EventKind, said))]
        if at:
            path = "".join(f"M{_number(place + 0.5)} {top}v{_LANE - 2}" for place in at)
            yield f'<path class="tick {name}" d="{path}"/>'


def _cell(column: Column | None) -> list[int] | None:
    """A column for the script of the page: thousandths, and which of the states."""
    if column is None:
        return None
    return [round(column.low * 1000), round(column.high * 1000), _STATES.index(column.state)]


def _point(place: int, confidence: float) -> str:
    value = min(1.0, max(0.0, confidence))
    return f"{_number(place + 0.5)} {_number(_HEIGHT * (1 - value))}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _json(value: Iterable[object]) -> str:
    return escape(json.dumps(value, separators=(",", ":")))

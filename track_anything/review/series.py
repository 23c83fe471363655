"""Confidence and state of one object over time, thinned out to the columns of a plot."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from track_anything.structures import ObjectMask, State

# Of several states within one column the worst is shown: the last of these.
_STATES: Sequence[State] = (
    State.ENDED,
    State.CONFIRMED,
    State.TENTATIVE,
    State.OCCLUDED,
    State.LEFT,
    State.WEAK,
    State.LOST,
)
_CODES = {state: code for code, state in enumerate(_STATES)}
_ABSENT = -1


@dataclass(frozen=True, slots=True)
class Column:
    """What a plot shows of one object in one column.

    Attributes:
        low: Lowest confidence of the frames in it.
        high: Highest.
        state: The worst one.
    """

    low: float
    high: float
    state: State


@dataclass(slots=True)
class Series:
    """Five bytes a frame of one object, and what sums them up.

    Attributes:
        track_id: Standard form.
        label: The user's; "" if none was given.
        start: Position of its first frame among the frames of the run.
        visible_count: Frames with a mask that is not empty.
        lost_count: Stretches of the state lost.
        lost_seconds: How long it was lost in all.
    """

    track_id: int
    start: int
    label: str = ""
    visible_count: int = 0
    lost_count: int = 0
    lost_seconds: float = 0.0
    _confidences: "array[float]" = field(default_factory=lambda: array("f"))
    _codes: "array[int]" = field(default_factory=lambda: array("b"))
    _sum: float = 0.0
    _low: float = 1.0

    @property
    def name(self) -> str:
        """What people call it."""
        return self.label or f"#{self.track_id}"

    @property
    def mean_confidence(self) -> float | None:
        """Over the frames on which it is visible; None if it never is."""
        return self._sum / self.visible_count if self.visible_count else None

    @property
    def minimum_confidence(self) -> float | None:
        """As mean_confidence."""
        return self._low if self.visible_count else None

    def add(self, one: ObjectMask, *, position: int, seconds: float) -> None:
        """Take the object on one frame.

        Args:
            one: The object.
            position: Of the frame in the run; what was left out since the last one is absent.
            seconds: From the frame before to this one.
        """
        missing = position - self.start - len(self._codes)
        self._confidences.extend([0.0] * missing)
        self._codes.extend([_ABSENT] * missing)
        is_lost = one.state is State.LOST
        if is_lost and (not self._codes or self._codes[-1] != _CODES[State.LOST]):
            self.lost_count += 1
        self.lost_seconds += seconds * is_lost
        self._confidences.append(one.confidence)
        self._codes.append(_CODES[one.state])
        self.label = one.label or self.label
        if one.mask.any():
            self.visible_count += 1
            self._sum += float(one.confidence)
            self._low = min(self._low, float(one.confidence))

    def confidence_at(self, position: int) -> float | None:
        """Its confidence on a frame of the run; None where it is not in it."""
        place = position - self.start
        is_known = 0 <= place < len(self._codes) and self._codes[place] != _ABSENT
        return self._confidences[place] if is_known else None

    def columns(self, columns: NDArray[np.int64], count: int) -> list[Column | None]:
        """What a plot of so many columns shows; None where the object is not in the run.

        Args:
            columns: (F,) rising: the column of every frame of the run.
            count: How many columns there are.
        """
        codes = np.asarray(self._codes, np.int8)
        place = columns[self.start : self.start + len(codes)]
        known = codes != _ABSENT
        codes, place = codes[known], place[known]
        values = np.asarray(self._confidences, np.float32)[known]
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        worst = np.full(count, _ABSENT)
        np.minimum.at(low, place, values)
        np.maximum.at(high, place, values)
        np.maximum.at(worst, place, codes)
        return [
            Column(float(low[i]), float(high[i]), _STATES[worst[i]]) if worst[i] >= 0 else None
            for i in range(count)
        ]

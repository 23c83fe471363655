"""Small fast things from frame to frame: where they should be by now, not where flow says."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from track_anything.tracking.novelty import Spot

FIRST_REACH = 0.08
"""How far something goes at most from the first time it is seen to the next, as a share of the
picture's longer side."""
SWERVE, JITTER = 0.5, 0.75
"""How far it may be from where its last step leads: this share of the step, or of its length."""
GROWTH = 2.5
"""Most by which its area changes from one time to the next: a streak grows as it comes near."""
COLORS = 40.0
"""Levels by which its mean colour may change."""
MOST_MISSED = 2
"""Frames in a row on which it may not be seen."""
LEAST_WAY, LEAST_LENGTHS = 0.04, 2.5
"""How far it must get: this share of the longer side, and so many square roots of its area."""
STREAK = 2.0
"""Square of its length, as a share of its area, from which it is a streak; of a disc 1.3."""
STRAIGHT = 0.85
"""The way it got as a share of the way it went."""


@dataclass(slots=True, eq=False)
class Flight:
    """Something small that was new at one place after another; all in pixels of the small picture.

    Attributes:
        number: Of this flight.
        first_frame: Index of the frame on which it was seen first.
        middle: Where it is, or should be.
        step: How far it goes from frame to frame.
        area: When it was seen last.
        length: Then.
        color: (3,) then.
        seen: How often it was seen.
        missed: Frames since then.
        way: (x, y) how far it got.
        walked: How far it went.
        track_id: What it is; 0 while it is nothing.
    """

    number: int
    first_frame: int
    middle: tuple[float, float]
    area: int
    length: float
    color: tuple[float, ...]
    step: tuple[float, float] = (0.0, 0.0)
    seen: int = 1
    missed: int = 0
    way: tuple[float, float] = (0.0, 0.0)
    walked: float = 0.0
    track_id: int = 0

    @property
    def is_fast(self) -> bool:
        """Whether it leaves the place where it was before flow can follow it."""
        return math.hypot(*self.step) > self.length / 2

    @property
    def is_streak(self) -> bool:
        """Whether it was much longer than wide when it was seen last."""
        return self.length**2 > STREAK * self.area

    def has_flown(self, looks: int, side: int) -> bool:
        """Whether it was seen so often, is fast, and went straight and far.

        Args:
            looks: How often.
            side: The longer one of the small picture.
        """
        got = math.hypot(*self.way)
        least = max(LEAST_WAY * side, LEAST_LENGTHS * math.sqrt(self.area))
        is_straight = got >= max(least, STRAIGHT * self.walked)
        return self.seen >= looks and self.is_fast and is_straight


@dataclass(slots=True)
class Flights:
    """All that may be flying.

    Attributes:
        flying: In the order they were seen first.
        count: How many there ever were.
    """

    flying: list[Flight] = field(default_factory=list)
    count: int = 0

    def follow(self, spots: Sequence[Spot], frame_index: int, *, side: int) -> dict[Flight, Spot]:
        """What is seen again on the next frame, and where.

        Pairs are made from the best down; a spot that none is becomes a flight of its own.

        Args:
            spots: What is new there.
            frame_index: Of that frame.
            side: The longer one of the small picture.
        """
        for one in self.flying:
            one.middle = one.middle[0] + one.step[0], one.middle[1] + one.step[1]
        pairs = [
            (miss, number, place)
            for number, one in enumerate(self.flying)
            for place, spot in enumerate(spots)
            if _is_alike(one, spot) and (miss := _miss(one, spot, side)) <= 1
        ]
        seen: dict[Flight, Spot] = {}
        used: set[int] = set()
        for _, number, place in sorted(pairs):
            one = self.flying[number]
            if one not in seen and place not in used:
                _see(one, spots[place])
                seen[one] = spots[place]
                used.add(place)
        for one in self.flying:
            one.missed = 0 if one in seen else one.missed + 1
        self.flying = [one for one in self.flying if one.missed <= MOST_MISSED]
        for place, spot in enumerate(spots):
            if place not in used:
                self.count += 1
                self.flying.append(_new(self.count, frame_index, spot))
        return seen


def _new(number: int, frame_index: int, spot: Spot) -> Flight:
    x, y = spot.middle.tolist()
    color = tuple(spot.color.tolist())
    return Flight(number, frame_index, (x, y), spot.area, spot.length, color)


def _is_alike(one: Flight, spot: Spot) -> bool:
    areas = sorted((one.area, spot.area))
    difference = float(np.abs(spot.color - np.array(one.color)).mean())
    return areas[1] <= GROWTH * areas[0] and difference <= COLORS


def _miss(one: Flight, spot: Spot, side: int) -> float:
    """How far a spot is from where a flight should be, as a share of what it may be."""
    x, y = spot.middle.tolist()
    away = math.hypot(x - one.middle[0], y - one.middle[1])
    if one.seen == 1:
        return away / (FIRST_REACH * side * (1 + one.missed))
    reach = max(SWERVE * math.hypot(*one.step), JITTER * one.length)
    return away / (reach * (1 + one.missed))


def _see(one: Flight, spot: Spot) -> None:
    frames = 1 + one.missed
    x, y = spot.middle.tolist()
    # What it is off by adds to the steps since it was seen last, one by one.
    step = one.step[0] + (x - one.middle[0]) / frames, one.step[1] + (y - one.middle[1]) / frames
    one.step, one.middle = step, (x, y)
    one.way = one.way[0] + frames * step[0], one.way[1] + frames * step[1]
    one.walked += frames * math.hypot(*step)
    one.area, one.length, one.color = spot.area, spot.length, tuple(spot.color.tolist())
    one.seen += 1

"""Which objects hear which rivals, and what groups of objects must tell one another for that."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from track_anything.tracking.features import Rect


@dataclass(frozen=True, slots=True)
class Reach:
    """Where an object looks on a frame.

    Attributes:
        first_frame: Index of the frame on which it was first learned.
        rect: The part of its grid; None if it looks nowhere.
        size: (height, width) of the grid.
        is_placed: Whether it is expected there; else it is searched for.
    """

    first_frame: int
    rect: Rect | None
    size: tuple[int, int]
    is_placed: bool

    def meets(self, other: "Reach") -> bool:
        """Whether two objects look at one part of the frame."""
        mine, its = self.rect, other.rect
        if mine is None or its is None:
            return False
        (height, width), (its_height, its_width) = self.size, other.size
        return (
            mine.x_min * its_width < its.x_max * width
            and its.x_min * width < mine.x_max * its_width
            and mine.y_min * its_height < its.y_max * height
            and its.y_min * height < mine.y_max * its_height
        )


Heard = Mapping[int, Sequence[int]]
"""By track_id the rivals that an object hears, by ascending track_id."""


def heard_rivals(reaches: Mapping[int, Reach]) -> Heard:
    """Whom each object hears: objects no younger, where they are expected in its part."""
    placed = [(i, reach) for i, reach in sorted(reaches.items()) if reach.is_placed]
    return {
        i: [
            other
            for other, its in placed
            if other != i and its.first_frame <= mine.first_frame and mine.meets(its)
        ]
        for i, mine in reaches.items()
    }


@dataclass(frozen=True, slots=True)
class Needs:
    """What one group of objects needs of the others on a frame, and they of it.

    Attributes:
        heard: Whom its objects hear.
        placed_others: Objects of other groups whose carried masks its own must know.
        others: Objects of other groups whose looks its own must know: those, and what lost ones
            hear.
        told_masks: Its objects whose carried masks other groups must know.
        told: Its objects whose looks they must know.
    """

    heard: Heard
    placed_others: Sequence[int]
    others: Sequence[int]
    told_masks: Sequence[int]
    told: Sequence[int]


def needs(reaches: Mapping[int, Reach], groups: Sequence[Iterable[int]]) -> list[Needs]:
    """What each group needs; each is given by its objects."""
    heard = heard_rivals(reaches)
    members = [[i for i in group if i in reaches] for group in groups]
    others = [_heard_elsewhere(mine, mine, heard) for mine in members]
    placed_others = [
        _heard_elsewhere([i for i in mine if reaches[i].is_placed], mine, heard) for mine in members
    ]
    all_others, all_placed = set().union(*others), set().union(*placed_others)
    return [
        Needs(
            heard={i: heard[i] for i in mine},
            placed_others=sorted(placed_others[number]),
            others=sorted(others[number]),
            told_masks=[i for i in mine if i in all_placed],
            told=[i for i in mine if i in all_others],
        )
        for number, mine in enumerate(members)
    ]


def _heard_elsewhere(ids: Iterable[int], mine: Sequence[int], heard: Heard) -> set[int]:
    return {other for i in ids for other in heard[i] if other not in mine}

"""Which group carries which object, so that all groups have as much to do."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

LEAST_OBJECTS = 2
"""Objects that a process is started for. Three in two processes take as long as in one."""
MOST_PROCESSES = 8
"""Chosen at most: each holds 0.4 GB, most of it libraries."""
NEWEST = 0.2
"""Share of the newest frame in the mean of what an object costs."""
UNKNOWN = np.array([0.25, 0.15, 0.4, 0.2])
"""Parts of what an object costs, until that is measured."""
HEAD_STARTS = 5
"""Ways of sharing out that are compared: the first group is dealt fewer objects from one to the
next, until it has none where there are few."""
BETTER = 0.999
"""A way of sharing out is improved on while a step takes a frame's time below this of it."""
WORTH_MOVING = 0.95
"""An object changes groups if a frame then takes no longer than this of what it takes now: to send
one takes as long as half an object on a frame, and the next chance is ten frames later."""


def process_count(asked: int, object_count: int, cores: int) -> int:
    """In how many processes so many objects are carried, this one included.

    Args:
        asked: How many at most; 0 chooses by objects and cores.
        object_count: Objects.
        cores: That may be used.
    """
    most = asked if asked else min(cores, MOST_PROCESSES, object_count // LEAST_OBJECTS)
    return max(min(most, object_count), 1)


class Spent(NamedTuple):
    """Seconds that an object costs on a frame.

    Attributes:
        learning: From the frame before. All but the first group can do it between two frames.
        features: Those of the frame. All but the first can compute them when they are shown it.
        looking: Until it is known what it is by its own looks. All groups wait for one another
            then.
        after: From there on.
    """

    learning: float = 0.0
    features: float = 0.0
    looking: float = 0.0
    after: float = 0.0


class Pauses(NamedTuple):
    """Seconds of a frame in which the first group's process does other things.

    Attributes:
        unseen: From the end of the frame before until the other groups are shown this one.
        seen: From there until all are asked about it.
    """

    unseen: float
    seen: float


class Shares:
    """Objects by group, and what each costs."""

    def __init__(self) -> None:
        """No objects."""
        self._groups: dict[int, int] = {}
        self._costs: dict[int, np.ndarray] = {}
        self._pauses = np.zeros(2)

    def __len__(self) -> int:
        """Objects known."""
        return len(self._groups)

    def clear(self) -> None:
        """Forget all objects."""
        self._groups.clear()
        self._costs.clear()

    def group_of(self, track_id: int) -> int | None:
        """The number of an object's group; None if it is not known."""
        return self._groups.get(track_id)

    def members(self, group: int) -> list[int]:
        """The objects of a group, by ascending track_id."""
        return sorted(i for i, its in self._groups.items() if its == group)

    def put(self, track_id: int, group: int) -> None:
        """Take an object in, or move it."""
        self._groups[track_id] = group

    def remove(self, track_id: int) -> None:
        """Forget an object."""
        self._groups.pop(track_id, None)
        self._costs.pop(track_id, None)

    def measure(self, spent: Mapping[int, Spent], pauses: Pauses) -> None:
        """Say what the objects have cost on a frame; the mean of the last ones counts."""
        self._pauses += NEWEST * (np.array(pauses) - self._pauses)
        for track_id, one in spent.items():
            before = self._costs.get(track_id, np.array(one))
            self._costs[track_id] = before + NEWEST * (np.array(one) - before)

    def idlest(self, group_count: int) -> int:
        """The group from which one more object delays a frame least."""
        delays = []
        for group in range(group_count):
            loads = self._loads(self._groups, group_count)
            loads[group] += self._usual
            delays.append(self._delay(loads))
        return int(np.argmin(delays))

    def dealt(self, group_count: int) -> dict[int, int]:
        """Which objects should go to which group, with all of them shared out anew."""
        each = self._loads(self._groups, group_count).sum() / group_count
        ways = [
            self._dealt(group_count, head_start=each * share)
            for share in np.linspace(0, 1, HEAD_STARTS)
        ]
        best = min(ways, key=lambda groups: self._delay(self._loads(groups, group_count)))
        while moves := self._adjusted(best, group_count, worth=BETTER):
            best |= moves
        return {i: group for i, group in best.items() if group != self._groups[i]}

    def adjusted(self, group_count: int) -> dict[int, int]:
        """The object that should go to another group, or the two that should change places.

        None unless that is worth it.
        """
        return self._adjusted(self._groups, group_count, worth=WORTH_MOVING)

    def _adjusted(
        self, groups: Mapping[int, int], group_count: int, *, worth: float
    ) -> dict[int, int]:
        loads = self._loads(groups, group_count)
        best: dict[int, int] = {}
        least = worth * self._delay(loads)
        # It is the busiest groups, or the first, that the others wait for.
        sources = {0, *(int(at) for at in loads.argmax(axis=0))}
        for track_id, source in groups.items():
            if source not in sources:
                continue
            for moves in _ways_out(groups, track_id, group_count):
                then = loads.copy()
                for i, group in moves.items():
                    then[groups[i]] -= self._cost(i)
                    then[group] += self._cost(i)
                if (delay := self._delay(then)) < least:
                    best, least = moves, delay
        return best

    def _dealt(self, group_count: int, *, head_start: float) -> dict[int, int]:
        """All objects shared out, as if the first group had to do something else before."""
        loads = np.zeros(group_count)
        loads[0] = head_start
        groups: dict[int, int] = {}
        # Largest first, each to the idlest: at worst a third over the best there is.
        costs = {i: float(self._cost(i).sum()) for i in self._groups}
        for track_id in sorted(costs, key=lambda i: (-costs[i], i)):
            groups[track_id] = int(np.argmin(loads))
            loads[groups[track_id]] += costs[track_id]
        return groups

    def _delay(self, loads: np.ndarray) -> float:
        """Seconds of a frame that depend on who carries what; loads are (groups, parts)."""
        learning, features, looking, after = loads.T
        unseen, seen = self._pauses
        last = after.max()
        # The first group learns while it waits for the others' ends.
        here = looking[0] + features[0] + max(learning[0] - (last - after[0]), 0.0)
        ahead = np.maximum(learning - unseen, 0) + features
        others = looking[1:] + np.maximum(ahead[1:] - seen, 0)
        return float(max(here, others.max(initial=0.0)) + last)

    def _cost(self, track_id: int) -> np.ndarray:
        return self._costs.get(track_id, self._usual)

    @property
    def _usual(self) -> np.ndarray:
        return np.mean([*self._costs.values()], axis=0) if self._costs else UNKNOWN

    def _loads(self, groups: Mapping[int, int], group_count: int) -> np.ndarray:
        loads = np.zeros((group_count, len(UNKNOWN)))
        for track_id, group in groups.items():
            loads[group] += self._cost(track_id)
        return loads


def _ways_out(
    groups: Mapping[int, int], track_id: int, group_count: int
) -> Iterator[dict[int, int]]:
    """All ways to move an object, and perhaps another one to where it was."""
    source = groups[track_id]
    yield from ({track_id: target} for target in range(group_count) if target != source)
    for other, target in groups.items():
        if target != source:
            yield {track_id: target, other: source}

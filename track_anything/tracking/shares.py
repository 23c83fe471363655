"""Which group carries which object, so that all groups have as much to do."""

from collections.abc import Iterator, Mapping

import numpy as np

LEAST_OBJECTS = 2
"""Objects that a process is started for. Three in two processes take as long as in one."""
MOST_PROCESSES = 8
"""Chosen at most: each holds 0.4 GB, most of it libraries."""
NEWEST = 0.2
"""Share of the newest frame in the mean of what an object costs."""
LOOKING, LEARNING = 0.55, 0.25
"""Shares of what an object costs. All groups wait for one another when they have looked. The other
groups learn when they have answered, while the first one's process does what it does besides; that
one learns before."""
HEAD_STARTS = 5
"""Ways of sharing out that are compared: the first group is dealt fewer objects from one to the
next, until it has none where there are few."""
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


class Shares:
    """Objects by group, and what each costs."""

    def __init__(self) -> None:
        """No objects."""
        self._groups: dict[int, int] = {}
        self._costs: dict[int, float] = {}

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

    def measure(self, seconds: Mapping[int, float]) -> None:
        """Say what objects have cost on a frame; the mean of the last ones counts."""
        for track_id, spent in seconds.items():
            before = self._costs.get(track_id, spent)
            self._costs[track_id] = before + NEWEST * (spent - before)

    def idlest(self, group_count: int) -> int:
        """The group from which one more object delays a frame least."""
        loads = self._loads(self._groups, group_count)
        more = self._usual * np.eye(group_count)
        return int(np.argmin([self._delay(loads + one) for one in more]))

    def dealt(self, group_count: int) -> dict[int, int]:
        """Which objects should go to which group, with all of them shared out anew."""
        each = self._loads(self._groups, group_count).sum() / group_count
        ways = [
            self._dealt(group_count, head_start=each * share)
            for share in np.linspace(0, 1, HEAD_STARTS)
        ]
        best = min(ways, key=lambda groups: self._delay(self._loads(groups, group_count)))
        return {i: group for i, group in best.items() if group != self._groups[i]}

    def adjusted(self, group_count: int) -> dict[int, int]:
        """The object that should go to another group, or the two that should change places.

        None unless that is worth it.
        """
        loads = self._loads(self._groups, group_count)
        best: dict[int, int] = {}
        least = WORTH_MOVING * self._delay(loads)
        # It is the busiest group, or the first, that the others wait for.
        for source in {int(loads.argmax()), 0}:
            for track_id in self.members(source):
                for moves in self._ways_out(track_id, source, group_count):
                    then = loads.copy()
                    for i, group in moves.items():
                        then[self._groups[i]] -= self._cost(i)
                        then[group] += self._cost(i)
                    if (delay := self._delay(then)) < least:
                        best, least = moves, delay
        return best

    def _ways_out(self, track_id: int, source: int, group_count: int) -> Iterator[dict[int, int]]:
        for target in range(group_count):
            if target != source:
                yield {track_id: target}
                for other in self.members(target):
                    yield {track_id: target, other: source}

    def _dealt(self, group_count: int, *, head_start: float) -> dict[int, int]:
        """All objects shared out, as if the first group had to do something else before."""
        loads = np.zeros(group_count)
        loads[0] = head_start
        groups: dict[int, int] = {}
        # Largest first, each to the idlest: at worst a third over the best there is.
        for track_id in sorted(self._groups, key=lambda i: (-self._cost(i), i)):
            groups[track_id] = int(np.argmin(loads))
            loads[groups[track_id]] += self._cost(track_id)
        return groups

    def _delay(self, loads: np.ndarray) -> float:
        """Seconds of a frame that depend on who carries what."""
        here, others = loads[0], loads[1:].max(initial=0.0)
        looked = LOOKING * max(here, others)
        ended = max((1 - LOOKING) * here, (1 - LOOKING - LEARNING) * others)
        return float(looked + ended)

    def _cost(self, track_id: int) -> float:
        return self._costs.get(track_id, self._usual)

    @property
    def _usual(self) -> float:
        return float(np.mean(list(self._costs.values()))) if self._costs else 1.0

    def _loads(self, groups: Mapping[int, int], group_count: int) -> np.ndarray:
        loads = np.zeros(group_count)
        for track_id, group in groups.items():
            loads[group] += self._cost(track_id)
        return loads

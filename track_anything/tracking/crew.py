"""All objects of a video, in one group or in several that work side by side."""

import logging
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import cv2

from track_anything.config import PropagatorConfig
from track_anything.errors import TrackingError
from track_anything.structures import Floats, Frame, Image, Mask, Propagation
from track_anything.tracking.carried import Carried
from track_anything.tracking.group import ObjectGroup, Placed, core_count
from track_anything.tracking.hearing import needs
from track_anything.tracking.kept_memory import keep_memory
from track_anything.tracking.processes import GroupProcess, can_start, close_all
from track_anything.tracking.rivals import Logits
from track_anything.tracking.shares import Shares, process_count
from track_anything.tracking.showing import Showing
from track_anything.tracking.snapshot import ObjectParts

_log = logging.getLogger(__name__)

HERE = 0
"""Number of the group in this process; those in others follow."""
BALANCE_EVERY = 10
"""Frames after which it is asked anew whether the objects are well shared out."""
FIRST_BALANCE = 5
"""They are shared out anew so many frames after processes came or went: by then it is known what
they cost."""
INTERRUPTED = "carrying the objects was interrupted between their processes: track again"


class _GroupHere:
    """An ObjectGroup of this process, asked as a GroupProcess is: it works when answering."""

    def __init__(self, group: ObjectGroup) -> None:
        self.group = group
        self.show = group.show
        self._asked: tuple[str, tuple[Any, ...]] = ("", ())

    def ask(self, name: str, *arguments: Any) -> None:
        self._asked = name, arguments

    def answer(self) -> Any:
        name, arguments = self._asked
        return getattr(self.group, name)(*arguments)


class Crew:
    """Shares the objects out among groups; the same masks to the bit, however many there are.

    One group is here. The others are in processes of their own, which are started when there are
    enough objects to pay for them, and ended when there are not.
    """

    def __init__(self, config: PropagatorConfig, seed: int) -> None:
        """Make a crew without objects; nothing is started."""
        keep_memory()
        self._config = config
        self._seed = seed
        group = ObjectGroup(config, seed, thread_count=core_count(), is_asked=self._is_awaited)
        self._here = _GroupHere(group)
        self._shares = Shares()
        self._processes: list[GroupProcess] = []
        # Those that still load their libraries: the objects are carried without them meanwhile.
        self._starting: list[GroupProcess] = []
        self._showing = Showing()
        self._may_start = can_start()
        self._failure = ""
        self._frame_count = 0
        self._is_uneven = False
        self._dealt_frame = 0
        self._told_masks: frozenset[int] = frozenset()
        self._ended = time.perf_counter()
        for processes in (self._processes, self._starting):
            weakref.finalize(self, close_all, processes)

    @property
    def process_ids(self) -> list[int]:
        """Of the processes that carry objects besides this one."""
        return [process.process_id for process in self._processes]

    def clear(self) -> None:
        """Forget all objects."""
        if self._failure:
            close_all(self._processes)
        self._failure = ""
        self._shares.clear()
        try:
            self._all("clear")
        except TrackingError:
            # One has ended by itself: it had nothing that is still needed.
            close_all(self._processes)
            self._here.group.clear()

    def restore(self, objects: dict[int, Carried]) -> None:
        """Have these objects and no others."""
        self.clear()
        self._here.group.objects = objects
        for track_id in objects:
            self._shares.put(track_id, HERE)
        self._is_uneven = True

    def parts(self, ids: Collection[int] | None = None) -> dict[int, ObjectParts]:
        """All that is kept of some objects, or of all.

        Raises:
            TrackingError: If one of them is not known.
        """
        unknown = [i for i in ids or () if self._shares.group_of(i) is None]
        if unknown:
            raise TrackingError(f"no object {unknown[0]} is carried")
        chosen = [
            ([i for i in self._shares.members(number) if ids is None or i in ids],)
            for number in range(len(self._groups))
        ]
        with self._asking():
            return _merged(self._each("parts", chosen))

    def forget(self, track_id: int) -> None:
        """Drop an object, if it is known."""
        number = self._shares.group_of(track_id)
        if number is not None:
            with self._asking():
                self._one(number, "forget", track_id)
            self._shares.remove(track_id)

    def learn(self, frame: Frame, track_id: int, mask: Mask) -> None:
        """As ObjectGroup; a new object goes to the group that has least to do."""
        number = self._shares.group_of(track_id)
        if number is None:
            if not mask.any():
                return
            number = self._shares.idlest(len(self._groups))
        with self._asking():
            self._groups[number].show(frame)
            self._one(number, "learn", track_id, mask)
        self._shares.put(track_id, number)

    def about(
        self,
        track_id: int,
        name: str,
        *arguments: Any,
        frame: Frame | None = None,
        unknown: Any = None,
    ) -> Any:
        """What a method of ObjectGroup says of an object.

        Args:
            track_id: The object.
            name: Of the method, which gets the track_id first.
            arguments: Its further ones.
            frame: The frame that it is about; None where that does not matter.
            unknown: The answer if there is no such object.
        """
        number = self._shares.group_of(track_id)
        if number is None:
            return unknown
        with self._asking():
            if frame is not None:
                self._groups[number].show(frame)
            return self._one(number, name, track_id, *arguments)

    def carry(
        self, frame: Frame, flow_to: Callable[[Image], Floats | None]
    ) -> dict[int, Propagation]:
        """Every object on a frame, by ascending track_id.

        Args:
            frame: The frame.
            flow_to: Computes the flow; the other processes prepare the frame meanwhile.
        """
        with self._asking():
            self._staff(frame)
            self._show(frame)
            with _cores_left(bool(self._processes)):
                try:
                    flow = flow_to(frame.image)
                finally:
                    self._showing.wait()
                pauses = self._showing.pauses(self._ended)
                placed = self._place(flow)
                self._shares.measure(placed.spent, pauses)
                found = self._exchange(placed)
            self._ended = time.perf_counter()
        return dict(sorted(found.items()))

    def show(self, frame: Frame) -> None:
        """Show all groups the frame that comes next."""
        with self._asking():
            self._show(frame)

    def _show(self, frame: Frame) -> None:
        self._here.show(frame)
        self._showing.show(frame, self._processes)

    def _place(self, flow: Floats | None) -> Placed:
        flows = [flow, *[self._showing.flow(flow)] * len(self._processes)]
        given = [(one, self._told_masks) for one in flows]
        # Alone, nobody is waited for.
        then = self._here.group.prepare_placed if self._processes else lambda: None
        placed = self._each("place", given, then=then)
        reaches, warped, spent = (_merged(answers) for answers in zip(*placed, strict=True))
        return Placed(reaches, warped, spent)

    def _exchange(self, placed: Placed) -> dict[int, Propagation]:
        """The objects, once those of one group have heard what they need of the others."""
        members = [self._shares.members(number) for number in range(len(self._groups))]
        groups = needs(placed.reaches, members)
        masks = placed.warped
        missing = [([i for i in one.told_masks if i not in masks],) for one in groups]
        if any(ids for (ids,) in missing):
            masks |= _merged(self._each("warped", missing))
        # Who was near another one will be on the next frame.
        self._told_masks = frozenset(i for one in groups for i in one.told_masks)
        told = [(one.heard, {i: masks[i] for i in one.placed_others}, one.told) for one in groups]
        ahead = self._here.group.work_ahead
        looks: dict[int, Logits] = _merged(self._each("look", told, then=ahead))
        is_alone = not self._processes
        ends = [({i: looks[i] for i in one.others}, is_alone) for one in groups]
        # All learn from it, the others when they have answered: this process does not wait for it.
        return _merged(self._each("finish", ends, then=self._here.group.learn_on))

    # The groups.

    def _is_awaited(self) -> bool:
        """Whether all the other groups have answered: they have nothing to do."""
        return bool(self._processes) and all(one.has_answered for one in self._processes)

    @property
    def _groups(self) -> list[Any]:
        return [self._here, *self._processes]

    def _one(self, number: int, name: str, *arguments: Any) -> Any:
        group = self._groups[number]
        group.ask(name, *arguments)
        return group.answer()

    def _all(self, name: str, *arguments: Any) -> list[Any]:
        return self._each(name, [arguments] * len(self._groups))

    def _each(
        self,
        name: str,
        arguments: Sequence[tuple[Any, ...]],
        then: Callable[[], None] = lambda: None,
    ) -> list[Any]:
        """Call a method of every group at once; then do something while the others still work."""
        groups = self._groups
        # This process works when it answers, so it is asked last and answers first.
        for group, given in zip(reversed(groups), reversed(arguments), strict=True):
            group.ask(name, *given)
        here = self._here.answer()
        then()
        return [here, *(process.answer() for process in self._processes)]

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """While groups are asked: what goes wrong with several cannot be gone on from."""
        if self._failure:
            raise TrackingError(self._failure)
        self._failure = INTERRUPTED
        try:
            yield
        except TrackingError as error:
            self._failure = str(error)
            raise
        finally:
            if not self._processes:
                self._failure = ""
        self._failure = ""

    # Processes that come and go.

    def _staff(self, frame: Frame) -> None:
        """Have as many processes as pay, and the objects shared out among them."""
        self._frame_count += 1
        asked, count, cores = self._config.processes, len(self._shares), core_count()
        # One object less is no reason to end a process.
        most = process_count(asked, count + 1 if count > 1 else count, cores) - 1
        if len(self._processes) > most:
            self._dismiss(most)
        missing = process_count(asked, count, cores) - 1 - len(self._processes)
        self._start(missing, frame)
        if not self._processes:
            return
        if self._is_uneven:
            self._is_uneven, self._dealt_frame = False, self._frame_count
        since = self._frame_count - self._dealt_frame
        if since in (0, FIRST_BALANCE):
            self._move(self._shares.dealt(len(self._groups)))
        elif since % BALANCE_EVERY == 0:
            self._move(self._shares.adjusted(len(self._groups)))

    def _dismiss(self, count: int) -> None:
        """Keep so many processes; this one takes the objects of the others."""
        while len(self._processes) > count:
            number = len(self._processes)
            self._move({i: HERE for i in self._shares.members(number)})
            self._processes.pop().close()
        self._is_uneven = True

    def _start(self, missing: int, frame: Frame) -> None:
        """Start processes that are missing; take in those that are ready, all together."""
        while len(self._starting) > max(missing, 0):
            self._starting.pop().close()
        if missing <= 0 or not self._may_start:
            return
        is_asked, memory = self._config.processes > 0, self._showing.memory_for(frame)
        try:
            while len(self._starting) < missing:
                self._starting.append(GroupProcess(self._config, self._seed, memory))
            if not all(process.is_ready(wait=is_asked) for process in self._starting):
                return
        except TrackingError as error:
            close_all(self._starting)
            if is_asked:
                raise
            self._may_start = False
            _log.warning("all objects are carried in one process: %s", error)
            return
        self._processes += self._starting
        self._starting.clear()
        self._is_uneven = True

    def _move(self, moves: Mapping[int, int]) -> None:
        """Bring objects into other groups."""
        leaving = {
            number: [i for i in self._shares.members(number) if i in moves]
            for number in range(len(self._groups))
        }
        for number, ids in leaving.items():
            if not ids:
                continue
            given = self._one(number, "give_up", ids)
            for target in sorted({moves[i] for i in ids}):
                taken = [i for i in ids if moves[i] == target]
                self._one(target, "take", {i: given[i] for i in taken})
                for i in taken:
                    self._shares.put(i, target)


@contextmanager
def _cores_left(is_needed: bool) -> Iterator[None]:
    """Have OpenCV work on one thread: its others wait for work without leaving their cores."""
    count = cv2.getNumThreads()
    if not is_needed or count < 2:
        yield
        return
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(count)


def _merged(answers: Sequence[Mapping[int, Any]]) -> dict[int, Any]:
    return {track_id: one for answer in answers for track_id, one in answer.items()}

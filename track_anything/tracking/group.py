"""A group of objects carried together from frame to frame, in one process."""

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, TypeVar

from track_anything.config import PropagatorConfig
from track_anything.structures import Floats, Frame, Mask, Propagation
from track_anything.tracking.ahead import FeaturesAhead
from track_anything.tracking.appearance import single_thread
from track_anything.tracking.carried import (
    RECENT_PLACES,
    Carried,
    learn_key,
    learn_recent,
    new_object,
    on_level,
    place,
)
from track_anything.tracking.confidence import RING, ring_margin
from track_anything.tracking.features import FramePyramid, Rect, level_size
from track_anything.tracking.following import (
    View,
    carried_mask,
    follow,
    likely_part,
    look_for,
    searched_looks,
    searched_part,
    seen_alone,
)
from track_anything.tracking.hearing import Heard, Reach
from track_anything.tracking.looks import looks_on
from track_anything.tracking.plausibility import believable_part, cede, resemblance_to
from track_anything.tracking.rivals import Logits
from track_anything.tracking.shares import Spent
from track_anything.tracking.snapshot import ObjectParts, from_parts, to_parts

_Given = TypeVar("_Given")


class Placed(NamedTuple):
    """What a group knows as soon as the flow is known.

    Attributes:
        reaches: Where its objects look.
        warped: Carried masks of those asked about.
        spent: What the objects have cost on the frame before.
    """

    reaches: dict[int, Reach]
    warped: dict[int, Logits]
    spent: dict[int, Spent]


class ObjectGroup:
    """Objects with the state they need; what they do depends on no object that they do not hear.

    A frame takes four calls: `show`, `place`, `look` and `finish`. Between them the logits of
    objects in other groups are handed over, where they are heard.
    """

    def __init__(
        self,
        config: PropagatorConfig,
        seed: int,
        *,
        thread_count: int = 1,
        is_asked: Callable[[], bool] = lambda: False,
    ) -> None:
        """Make a group without objects.

        Args:
            config: Settings.
            seed: Of every random choice.
            thread_count: New masks are learned, and lost objects searched for, on so many threads.
            is_asked: Whether somebody waits: nothing more is done ahead then.
        """
        self._config = config
        self._seed = seed
        self._thread_count = thread_count
        self._is_asked = is_asked
        self._threads: ThreadPoolExecutor | None = None
        self.objects: dict[int, Carried] = {}
        # Masks that are taken but not learned yet: those of one frame are learned side by side.
        self._to_learn: dict[int, Callable[..., None]] = {}
        self._pyramid: FramePyramid | None = None
        self._flow: Floats | None = None
        self._warped: dict[int, Logits] = {}
        self._features = FeaturesAhead()
        self._views: dict[int, View] = {}
        self._own: dict[int, Logits] = {}
        self._searched: dict[int, tuple[Rect, Floats] | None] = {}
        self._heard: Heard = {}
        self._awaited: frozenset[int] = frozenset()
        self._found: dict[int, Propagation] = {}
        # Objects that have not learned yet from what they are on this frame.
        self._to_learn_on: set[int] = set()
        self._spent: dict[int, Spent] = {}

    def clear(self) -> None:
        """Forget everything."""
        self.objects.clear()
        self._to_learn.clear()
        self._to_learn_on.clear()
        self._features.clear()
        self._pyramid = None

    def forget(self, track_id: int) -> None:
        """Drop an object, if it is here."""
        self._to_learn_on.discard(track_id)
        self.objects.pop(track_id, None)
        self._to_learn.pop(track_id, None)

    def parts(self, ids: Collection[int]) -> dict[int, ObjectParts]:
        """All that is kept of some objects."""
        self.learn_now(ids)
        return {track_id: to_parts(self.objects[track_id]) for track_id in ids}

    def give_up(self, ids: Collection[int]) -> dict[int, ObjectParts]:
        """Some objects, which are here no more."""
        given = self.parts(ids)
        for track_id in given:
            self.forget(track_id)
        return given

    def take(self, objects: Mapping[int, ObjectParts]) -> None:
        """Objects that another group gave up."""
        for track_id, parts in objects.items():
            self.objects[track_id] = from_parts(track_id, parts, self._config)

    def show(self, frame: Frame) -> None:
        """Take the frame that all further calls are about."""
        if self._pyramid is None or self._pyramid.frame is not frame:
            self._pyramid = FramePyramid(frame, seed=self._seed)
            # Whatever was computed ahead and never used is of the frame before.
            self._features.drop()

    def prepare(self) -> None:
        """Learn what was put off; then compute what will be needed of the frame, if the objects
        have moved little. Until somebody asks.
        """
        self.learn_now(list(self._to_learn))
        self.learn_on()
        if self._is_asked():
            return
        for level in {carried.level for carried in self.objects.values()}:
            self._here.places(level, RECENT_PLACES)
        size = self._here.size
        self._look_ahead(lambda i: likely_part(self.objects[i], size, self._config))

    def prepare_placed(self) -> None:
        """The same once it is known where the objects look."""
        self.learn_on()
        rects = {i: one.rect for i, one in self._warped.items() if i not in self._own}
        self._look_ahead(rects.get)

    def _look_ahead(self, where: Callable[[int], Rect | None]) -> None:
        """Compute the features of objects, where that is known, until somebody asks."""
        for track_id, carried in sorted(self.objects.items()):
            if self._is_asked():
                return
            rect = where(track_id)
            if rect is not None and track_id not in self._features:
                with self._timed(track_id, "features"):
                    self._features.compute(self._here, track_id, carried.level, rect)

    def learn(self, track_id: int, mask: Mask) -> None:
        """Take a mask as certain; an empty one says that the object is not visible."""
        pyramid = self._here
        self.learn_now([track_id])
        carried = self.objects.get(track_id)
        if not mask.any():
            if carried is not None:
                carried.lose()
            return
        is_new = carried is None
        if carried is None:
            carried = new_object(self._config, self._seed, track_id, mask)
            carried.first_frame = pyramid.frame.index
            self.objects[track_id] = carried
        place(carried, mask, self._config.search)
        self._to_learn[track_id] = partial(learn_key, carried, pyramid, mask.copy(), is_new=is_new)

    def learn_now(self, ids: Collection[int]) -> None:
        """Learn the masks taken of some objects, and what is left of `learn_on`."""
        self._learn_on(ids)
        waiting = [learn for i in ids if (learn := self._to_learn.pop(i, None)) is not None]
        if not waiting:
            return
        with single_thread():
            if len(waiting) == 1:
                waiting[0](each=self._each)
                return
            # Side by side: none has threads besides.
            for _ in self._each(lambda learn: learn(), waiting):
                pass

    def support(self, track_id: int, mask: Mask) -> float:
        """How well a mask fits what the object has looked like, in [-1, 1]; 0 for unknown ids."""
        self.learn_now([track_id])
        carried = self.objects.get(track_id)
        if carried is None or not mask.any():
            return 0.0
        inside, rect = on_level(carried, mask, RING + 1)
        with single_thread():
            appearance = looks_on(carried.model, self._here, carried.level, rect)
        return ring_margin(appearance, inside)

    def resemblance(self, track_id: int, mask: Mask) -> float:
        """How much a mask is like the object in colours, size and shape, 0 to 1; 0 if unknown."""
        self.learn_now([track_id])
        carried = self.objects.get(track_id)
        if carried is None or not mask.any():
            return 0.0
        return resemblance_to(carried, self._here, mask)

    def believable(self, track_id: int, mask: Mask, where: Mask) -> Mask:
        """What of a mask can be the object, which is expected somewhere, by its shape."""
        return believable_part(self.objects[track_id], mask, where)

    def cede(self, track_id: int, mask: Mask) -> None:
        """Take from an object's carried mask what turned out to be another's."""
        self.learn_now([track_id])
        cede(self.objects[track_id], mask)

    def place(self, flow: Floats | None, told: Collection[int] = ()) -> Placed:
        """Where the objects look on the frame.

        Args:
            flow: To it from the one before.
            told: Objects of which other groups will probably want to know `warped`.
        """
        spent = dict(self._spent)
        pyramid = self._here
        self._flow = flow
        self._warped.clear()
        self._own.clear()
        self._views.clear()
        self._searched.clear()
        self._found.clear()
        self._spent.clear()
        reaches = {}
        for track_id, carried in sorted(self.objects.items()):
            size = level_size(pyramid.size, carried.level)
            warped = carried_mask(carried, flow, pyramid.size, self._config)
            if warped is not None:
                self._warped[track_id] = warped
                rect: Rect | None = warped.rect
            else:
                rect = searched_part(carried, pyramid.size)
            reaches[track_id] = Reach(carried.first_frame, rect, size, warped is not None)
        return Placed(reaches, self.warped(i for i in told if i in self._warped), spent)

    def warped(self, ids: Iterable[int]) -> dict[int, Logits]:
        """Carried masks of objects here, for those in other groups that hear them."""
        return {track_id: self._warped[track_id] for track_id in ids}

    def look(
        self, heard: Heard, others: Mapping[int, Logits], wanted: Collection[int]
    ) -> dict[int, Logits]:
        """What some objects are by their own looks, for those in other groups that hear them.

        Args:
            heard: Whom the objects here hear.
            others: `warped` of those of them that are not here.
            wanted: The objects asked for.
        """
        self._heard = heard
        self._awaited = frozenset(others)
        self._warped.update(others)
        self.learn_now(list(self._to_learn))
        with single_thread():
            for cluster in self._clusters():
                # The others wait for these; those that nobody waits for come later.
                if any(i in wanted or i in others for i in cluster):
                    self._see(cluster)
        return {track_id: self._own[track_id] for track_id in wanted}

    def finish(self, others: Mapping[int, Logits], learns_at_once: bool) -> dict[int, Propagation]:
        """The objects on this frame.

        Args:
            others: What `look` returned elsewhere of those heard.
            learns_at_once: Whether the objects learn from it now; else when `learn_on` is called,
                or when they are looked at next.
        """
        self._own.update(others)
        with single_thread():
            for cluster in self._clusters():
                self._carry(cluster)
                if learns_at_once:
                    self.learn_on()
            for track_id, carried in self.objects.items():
                if track_id not in self._found:
                    self._search(track_id)
                    rivals, seen = self._rivals(track_id, self._own), self._searched.pop(track_id)
                    with self._timed(track_id, "after"):
                        one = look_for(carried, seen, rivals, self._here, self._config)
                    self._found[track_id] = one
        return {track_id: self._found[track_id] for track_id in self.objects}

    def work_ahead(self) -> None:
        """Do what `finish` would do and does not depend on others, until somebody asks."""
        lost = [track_id for track_id in self.objects if track_id not in self._warped]
        with single_thread():
            for cluster in self._clusters():
                if self._is_asked():
                    return
                if not any(i in self._awaited for i in cluster):
                    self._carry(cluster)
            for track_id in lost:
                if self._is_asked():
                    return
                self._search(track_id)

    def learn_on(self) -> None:
        """Let the objects learn from what they are on this frame, until somebody asks."""
        while self._to_learn_on and not self._is_asked():
            self._learn_on([min(self._to_learn_on)])

    def _learn_on(self, ids: Iterable[int]) -> None:
        for track_id in ids:
            if track_id in self._to_learn_on:
                self._to_learn_on.remove(track_id)
                with single_thread(), self._timed(track_id, "learning"):
                    learn_recent(self.objects[track_id])

    def _carry(self, cluster: Iterable[int]) -> None:
        self._see(cluster)
        for track_id in cluster:
            if track_id in self._views:
                with self._timed(track_id, "after"):
                    self._found[track_id] = self._follow(track_id)

    @contextmanager
    def _timed(self, track_id: int, part: str) -> Iterator[None]:
        begun = time.thread_time()
        yield
        spent = self._spent.get(track_id, Spent())
        seconds = getattr(spent, part) + time.thread_time() - begun
        self._spent[track_id] = spent._replace(**{part: seconds})

    def _see(self, cluster: Iterable[int]) -> None:
        for track_id in cluster:
            if track_id not in self.objects or track_id in self._own:
                continue
            self.learn_now([track_id])
            carried, warped = self.objects[track_id], self._warped[track_id]
            with self._timed(track_id, "features"):
                features = self._features.take(self._here, track_id, carried.level, warped.rect)
            rivals = self._rivals(track_id, self._warped)
            with self._timed(track_id, "looking"):
                view = seen_alone(carried, warped, rivals, features, self._flow, self._config)
            self._views[track_id], self._own[track_id] = view, view.own

    def _search(self, track_id: int) -> None:
        if track_id not in self._searched:
            self.learn_now([track_id])
            with self._timed(track_id, "looking"):
                found = searched_looks(self.objects[track_id], self._here, each=self._each)
            self._searched[track_id] = found

    def _each(self, work: Callable[[_Given], None], given: Iterable[_Given]) -> Iterable[None]:
        """As map; on several threads where there are several to be called with."""
        given = list(given)
        if len(given) < 2 or self._thread_count < 2:
            return map(work, given)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._thread_count, "group")
        return self._threads.map(work, given)

    def _follow(self, track_id: int) -> Propagation:
        view, rivals = self._views.pop(track_id), self._rivals(track_id, self._own)
        found, learns = follow(self.objects[track_id], view, rivals, self._here, self._config)
        view.features.release()
        if learns:
            self._to_learn_on.add(track_id)
        return found

    def _rivals(self, track_id: int, of: Mapping[int, Logits]) -> list[Logits]:
        return [of[other] for other in self._heard[track_id]]

    def _clusters(self) -> list[list[int]]:
        """Objects that are placed, with all that they hear and that hear them, by ascending id.

        Cluster by cluster, few features are held at a time.
        """
        cluster_of = {i: {i} for i in self._warped}
        for i in self._warped:
            for other in self._heard.get(i, ()):
                if cluster_of[i] is not cluster_of[other]:
                    cluster_of[i] |= cluster_of[other]
                    for member in cluster_of[other]:
                        cluster_of[member] = cluster_of[i]
        clusters = {id(cluster): cluster for cluster in cluster_of.values()}
        return sorted(sorted(cluster) for cluster in clusters.values())

    @property
    def _here(self) -> FramePyramid:
        assert self._pyramid is not None
        return self._pyramid


def core_count() -> int:
    """Cores that this process may use: more threads than that only get in each other's way."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

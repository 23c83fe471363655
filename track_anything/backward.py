"""Objects that were prompted in the middle of a run, carried back to where they came from."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from pathlib import Path

from track_anything.errors import OutputError
from track_anything.interfaces import Sink, Tracker
from track_anything.io.run_store import Edit, RunStore, StoredTrack, completing
from track_anything.job import Plan
from track_anything.masks import mask_box
from track_anything.structures import (
    SEARCHED_STATES,
    Event,
    EventKind,
    Frame,
    FrameResult,
    ObjectMask,
    Prompt,
    State,
    VideoInfo,
)
from track_anything.tracked_backwards import reversed_frames, tracked_backwards

_log = logging.getLogger(__name__)

NOTE = "backward"
"""What the store keeps of the backward pass once it is done: [prompted on, first frame] by id."""

_UNKNOWN = (*SEARCHED_STATES, State.ENDED)
_GONE = {State.OCCLUDED: EventKind.OCCLUDED, State.LEFT: EventKind.LEFT}


def first_moments(plan: Plan) -> Mapping[str, Fraction]:
    """Seconds into the clip of each object's first prompt, by how messages call it; estimates."""
    info = plan.info
    found = {}
    for item in plan.schedule.objects:
        given = [timed.at for timed in item.prompts if not timed.prompt.is_absent]
        found[item.title] = min(
            at.value / info.frame_rate if at.frame_index is not None else at.value - info.start_time
            for at in given
        )
    return found


def expected_frames(plan: Plan) -> int | None:
    """How many results the passes of a plan have in all; None if unknown. An estimate."""
    info = plan.info
    if info.frame_count is None or plan.job.config.direction == "forward":
        return info.frame_count
    if plan.resumption is not None and plan.resumption.is_tracked:
        return info.frame_count
    back = sum({max(round(time * info.frame_rate), 0) for time in first_moments(plan).values()})
    return 2 * info.frame_count + back


def is_carried_back(folder: Path) -> bool:
    """Whether the backward pass of a run is done."""
    with RunStore.open(folder) as store:
        return NOTE in store.meta


def carry_back(plan: Plan, tracker: Tracker, *, watch: Sequence[Sink] = ()) -> None:
    """Follow every object of a run from its first prompt back to the first frame.

    The run's video came to its end before. What is found is in the store when it returns, all of
    it or, if it is stopped, nothing. An object begins on the earliest frame it is found on; before
    that it is absent, and where it was lost on the way it is again what it would be forwards.
    Objects prompted on one frame go back together; a pass for each such frame, the earliest first,
    so that no object depends on those prompted later. Contested pixels belong to who was prompted
    first.

    Args:
        plan: Of the run.
        tracker: Started anew for every pass.
        watch: Get every result of the tracker, its frames numbered as it saw them.

    Raises:
        OutputError: If the store cannot be written.
        TrackAnythingError: If the video cannot be read.
    """
    if plan.folder is None:
        raise OutputError("a run that is not written cannot be carried back")
    with completing(plan.folder.store) as edit:
        store = RunStore(plan.folder.store, edit.connection)
        note: dict[str, tuple[int, int]] = {}
        tracks = sorted(store.tracks, key=lambda track: (track.first_frame, track.track_id))
        seniors: list[int] = []
        for frame, group in groupby(tracks, key=lambda track: track.first_frame):
            together = list(group)
            if frame:
                found = _pass(plan, tracker, (edit, store), together, seniors, watch)
                note |= {str(one.track_id): (frame, one.first) for one in found}
            seniors += [track.track_id for track in together]
        edit.note(NOTE, note)


def _pass(
    plan: Plan,
    tracker: Tracker,
    place: tuple[Edit, RunStore],
    tracks: Sequence[StoredTrack],
    seniors: Sequence[int],
    watch: Sequence[Sink],
) -> "list[_Earlier]":
    """What became of objects that were prompted on one frame, in all frames before it."""
    edit, store = place
    frame = tracks[0].first_frame
    present = {one.track_id: one for one in store.result(frame).objects if one.mask.any()}
    prompts = [_prompt(one) for track in tracks if (one := present.get(track.track_id)) is not None]
    if not prompts:
        return []
    rivals = [_prompt(present[senior]) for senior in seniors if senior in present]
    may_overlap = plan.job.config.tracker.overlaps == "keep"
    own = {
        track.track_id: _Earlier(edit, store, present[track.track_id], frame)
        for track in tracks
        if track.track_id in present
    }
    with closing(reversed_frames(plan, store, frame)) as source:
        results = tracked_backwards(
            tracker, source, source.info, frame, {frame: prompts}, rivals=rivals
        )
        for index, result in results:
            for sink in watch:
                sink.write(result)
            if index == frame:
                continue
            theirs = [] if may_overlap or not seniors else _masks_of(store, index, seniors)
            for one in result.objects:
                if one.track_id in own:
                    own[one.track_id].take(index, _without(one, theirs))
            if all(earlier.is_ended for earlier in own.values()):
                break
    for earlier in own.values():
        earlier.end()
    return list(own.values())


class _Earlier:
    """One object before the frame it was prompted on, frame after frame backwards.

    What happened in reversed time did not happen: events are those that the masks would have had
    forwards.
    """

    def __init__(self, edit: Edit, store: RunStore, one: ObjectMask, prompted_on: int) -> None:
        self._edit = edit
        self._store = store
        self.track_id = one.track_id
        self._label = one.label
        self._prompted_on = prompted_on
        self.first = prompted_on
        self.is_ended = False
        # First frame after a stretch on which it is not known where it is.
        self._gap_stop: int | None = None

    def take(self, frame: int, one: ObjectMask) -> None:
        """Store what it is on the frame before the last one taken."""
        self.is_ended = one.state is State.ENDED
        if one.state in _UNKNOWN:
            self._gap_stop = self._gap_stop or frame + 1
        elif self._gap_stop is not None:
            self._say_gap(frame + 1, self._gap_stop)
            self._gap_stop = None
        if one.state not in _UNKNOWN and one.mask.any():
            self.first = frame
        self._edit.put(frame, replace(one, label=self._label))

    def end(self) -> None:
        """Drop what comes before it was ever seen, and say when it began."""
        for table in ("masks", "events"):
            self._edit.connection.execute(
                f"DELETE FROM {table} WHERE track_id = ? AND frame < ?",
                (self.track_id, self.first),
            )
        if self.first == self._prompted_on:
            return
        self._put(self.first, [Event(EventKind.STARTED, self.track_id, self._label)])
        said = self._store.result(self._prompted_on).events
        self._put(
            self._prompted_on,
            [
                replace(event, kind=EventKind.CORRECTED)
                if event.kind is EventKind.STARTED
                else event
                for event in said
                if event.track_id == self.track_id
            ],
        )

    def _say_gap(self, start: int, stop: int) -> None:
        one = self._store.one(start, self.track_id)
        kind = EventKind.LOST if one is None else _GONE.get(one.state, EventKind.LOST)
        self._put(start, [Event(kind, self.track_id, "until it is found again, backwards")])
        # The user's prompt says by itself that it is there.
        if stop < self._prompted_on:
            self._put(stop, [Event(EventKind.FOUND, self.track_id, "from here on, backwards")])

    def _put(self, frame: int, events: Sequence[Event]) -> None:
        one = self._store.one(frame, self.track_id)
        if one is not None:
            self._edit.put(frame, one, events)


class PromptedFramesTracker:
    """A tracker for runs that go backwards only: objects are on the frames they are prompted on.

    Only an object's first prompt that has a mask counts: no frame after it is asked for.
    """

    def __init__(self, tracker: Tracker) -> None:
        """Wrap a tracker, which begins anew on every frame with such prompts."""
        self._tracker = tracker
        self._info: VideoInfo | None = None
        self._seen: set[int] = set()
        self._ignored: set[int] = set()

    def start(self, info: VideoInfo) -> None:
        """Begin the video."""
        self._info = info
        self._seen, self._ignored = set(), set()

    def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
        """The result of this frame: objects prompted on it for the first time."""
        fresh = []
        for prompt in prompts:
            if prompt.track_id in self._seen:
                self._say_ignored(prompt)
            elif not prompt.is_absent:
                fresh.append(prompt)
        if not fresh or self._info is None:
            return [FrameResult(frame)]
        self._tracker.start(self._info)
        results = [*self._tracker.step(frame, fresh), *self._tracker.finish()]
        self._seen |= {one.track_id for result in results for one in result.objects}
        return results

    def finish(self) -> Sequence[FrameResult]:
        """Nothing is held back."""
        return ()

    def save(self) -> bytes | None:
        """None: to begin anew costs next to nothing."""
        return None

    def restore(self, state: bytes, *, frames: Sequence[Frame] = ()) -> None:
        """Nothing was saved."""

    def _say_ignored(self, prompt: Prompt) -> None:
        if prompt.track_id is None or prompt.track_id in self._ignored:
            return
        self._ignored.add(prompt.track_id)
        _log.warning(
            "object %s: what is said of it after its first prompt is not used, it is followed "
            "backward only",
            repr(prompt.label) if prompt.label else prompt.track_id,
        )


def _prompt(one: ObjectMask) -> Prompt:
    return Prompt(mask=one.mask, track_id=one.track_id, label=one.label)


def _masks_of(store: RunStore, index: int, track_ids: Sequence[int]) -> list[ObjectMask]:
    found = (store.one(index, track_id) for track_id in track_ids)
    return [one for one in found if one is not None]


def _without(one: ObjectMask, others: Sequence[ObjectMask]) -> ObjectMask:
    """An object without the pixels of others."""
    if not any((one.mask & other.mask).any() for other in others):
        return one
    mask = one.mask.copy()
    for other in others:
        mask &= ~other.mask
    return replace(one, mask=mask, box=mask_box(mask))

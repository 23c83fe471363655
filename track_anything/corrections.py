"""What the user corrects in a run: which object, on which frames, between which key frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count

import numpy as np

from track_anything.errors import PromptError
from track_anything.io.run_store import RunStore
from track_anything.prompts import (
    ObjectSpec,
    PromptSchedule,
    ScheduledObject,
    TimeCode,
    build_schedule,
    join_objects,
)
from track_anything.structures import Frame, Origin, Prompt, VideoInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What is said anew of one object.

    Attributes:
        track_id: Of the object.
        name: Its name.
        is_new: Whether the run did not have it.
        prompts: By index of the frame, ascending; at least one.
        keys: Frames on which the user said something of it, then or now, ascending.
        frame_count: Of the run.
    """

    track_id: int
    name: str
    is_new: bool
    prompts: Mapping[int, Prompt]
    keys: Sequence[int]
    frame_count: int

    def next_key(self, frame: int) -> int:
        """The first key frame after a frame, or the end of the run."""
        return next((key for key in self.keys if key > frame), self.frame_count)

    def previous_key(self, frame: int) -> int | None:
        """The last key frame before a frame; None if there is none."""
        return next((key for key in reversed(self.keys) if key < frame), None)


def corrections_of(
    store: RunStore, objects: Sequence[ObjectSpec], known: PromptSchedule
) -> tuple[list[Correction], PromptSchedule]:
    """The corrections that prompts stand for, by track_id, and all prompts of the run with them.

    An object is one of the run's if it has its id or its name; others are new.

    Args:
        store: The run.
        objects: What is said anew, in pixels of the source.
        known: What was said before.

    Raises:
        PromptError: If they do not fit the video or the run.
    """
    fresh = _with_ids(store, objects, known)
    keys = {
        item.track_id: store.frames_of(item.track_id, Origin.PROMPTED) for item in fresh.objects
    }
    present = {track.track_id: track for track in store.tracks}
    times = store.times()
    corrections = []
    for item in fresh.objects:
        prompts = _by_frame(item, times, store.info)
        track = present.get(item.track_id)
        if track is None and next(iter(prompts.values())).is_absent:
            raise PromptError(f"{item.title} is not in the run: it cannot begin by being absent")
        corrections.append(
            Correction(
                track_id=item.track_id,
                name=item.name if track is None else track.label,
                is_new=track is None,
                prompts=prompts,
                keys=sorted({*keys[item.track_id], *prompts}),
                frame_count=store.frame_count,
            )
        )
    return corrections, _joined(known, fresh)


def _with_ids(
    store: RunStore, objects: Sequence[ObjectSpec], known: PromptSchedule
) -> PromptSchedule:
    """A schedule of what is said anew, with the ids of the run and new ones beside them."""
    labels = {track.track_id: track.label for track in store.tracks}
    specs = [_identified(item, labels) for item in join_objects(objects)]
    schedule = build_schedule(specs, store.info)
    named = {spec.track_id for spec in specs}
    used = {*labels, *store.meta.get("used_ids", ()), *(item.track_id for item in known.objects)}
    free = count(max({*used, *(one for one in named if one)}, default=0) + 1)
    # What has no id here was numbered from 1, as if there were no run yet.
    items = [
        item if item.track_id in named else _renumbered(item, next(free))
        for item in schedule.objects
    ]
    return PromptSchedule(items, frame_rate=store.info.frame_rate)


def _identified(spec: ObjectSpec, labels: Mapping[int, str]) -> ObjectSpec:
    """A spec with the id of the run's object of its name; as it is where it is of a new object."""
    if spec.track_id is not None:
        label = labels.get(spec.track_id)
        if label is not None and spec.name not in ("", label):
            raise PromptError(
                f"object {spec.track_id} is {label!r}, not {spec.name!r}; "
                "`track-anything ids RUN rename` gives it another name"
            )
        return replace(spec, name=label or spec.name, is_correction=label is not None)
    same = [track_id for track_id, label in labels.items() if label == spec.name != ""]
    if len(same) > 1:
        raise PromptError(
            f"{spec.title} is one of {', '.join(map(str, same))}: say which with its id"
        )
    if not same:
        return replace(spec, is_correction=False)
    return replace(spec, track_id=same[0], is_correction=True)


def _renumbered(item: ScheduledObject, track_id: int) -> ScheduledObject:
    prompts = tuple(
        replace(timed, prompt=replace(timed.prompt, track_id=track_id)) for timed in item.prompts
    )
    return replace(item, track_id=track_id, prompts=prompts)


def _by_frame(
    item: ScheduledObject, times: Sequence[Fraction], info: VideoInfo
) -> dict[int, Prompt]:
    """What is said of an object, by index of the frame.

    Raises:
        PromptError: If something is said of a time that no frame of the run has.
    """
    asked = PromptSchedule([replace(item, absent=())], frame_rate=info.frame_rate)
    image = np.zeros((1, 1, 3), np.uint8)
    found: dict[int, Prompt] = {}
    for index, time in enumerate(times):
        if given := asked.at(Frame(index, time, image)):
            found[index] = given[0]
        elif any(_is_within(index, time, span) for span in item.absent):
            found[index] = Prompt(is_absent=True, track_id=item.track_id, label=item.name)
    if missed := asked.unused():
        raise PromptError(f"the run ends before {missed[0]}")
    if not found:
        raise PromptError(f"{item.title}: no frame of the run is in its absent range")
    return found


def _is_within(index: int, time: Fraction, span: tuple[TimeCode, TimeCode]) -> bool:
    start, end = span
    return start.value <= (time if start.frame_index is None else index) < end.value


def _joined(known: PromptSchedule, fresh: PromptSchedule) -> PromptSchedule:
    """All that was said and is said anew."""
    items = {item.track_id: item for item in known.objects}
    for item in fresh.objects:
        before = items.get(item.track_id)
        items[item.track_id] = item if before is None else _joined_object(before, item)
    return PromptSchedule(list(items.values()), frame_rate=1 / (2 * known.half_frame))


def _joined_object(before: ScheduledObject, now: ScheduledObject) -> ScheduledObject:
    spec = None
    if before.spec is not None and now.spec is not None:
        try:
            spec = replace(
                before.spec,
                hints=before.spec.hints + now.spec.hints,
                absent=before.spec.absent + now.spec.absent,
            )
        except PromptError:
            # One moment was said twice: then the prompts themselves tell what was said.
            spec = None
    return replace(
        before,
        prompts=before.prompts + now.prompts,
        absent=before.absent + now.absent,
        spec=spec,
    )

"""One object tracked again on a part of a run, forwards and backwards from what the user says."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from track_anything.boxes import box_iou, grow_box
from track_anything.corrections import Correction
from track_anything.interfaces import Tracker
from track_anything.io.frame_access import FrameAccess
from track_anything.io.run_store import RunStore
from track_anything.masks import mask_box, mask_iou, mask_logits
from track_anything.structures import (
    SEARCHED_STATES,
    Event,
    EventKind,
    Floats,
    Frame,
    FrameResult,
    ObjectMask,
    Origin,
    Prompt,
    State,
    VideoInfo,
)

AGREEMENT = 0.9
"""IoU from which on a mask tracked backwards is that which was there: from there on it stays."""
NEARBY = 0.5
"""Objects whose boxes, grown by this share of their sides, meet are tracked along as rivals."""


@dataclass(frozen=True, slots=True, eq=False)
class Retracked:
    """One object on one frame, tracked again.

    Attributes:
        frame: Index in the run.
        one: The object.
        events: What happened to it.
    """

    frame: int
    one: ObjectMask
    events: Sequence[Event]


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A frame to feed, and what is said on it."""

    frame: Frame
    prompts: Sequence[Prompt] = ()


class Retracker:
    """Tracks one object at a time between two of its key frames; the others stay as they are.

    The tracker is a fresh one that first sees the object's last key frame before the correction,
    for its looks. Objects near it are tracked along from their stored masks, so that they hold
    their ground, and what comes of them is dropped. Pixels of other objects' stored masks are
    theirs, unless masks may overlap, or the user gave the mask.

    Args:
        store: The run as it is now: what was tracked again before counts.
        access: Its video.
        tracker: Started anew for every pass.
        may_overlap: Whether masks of different objects may share pixels.
    """

    def __init__(
        self, store: RunStore, access: FrameAccess, tracker: Tracker, *, may_overlap: bool
    ) -> None:
        self._store = store
        self._access = access
        self._tracker = tracker
        self._may_overlap = may_overlap

    def forwards(self, correction: Correction, frame: int) -> Iterator[Retracked]:
        """The object on a corrected frame and those after it, up to its next key frame."""
        stop = correction.next_key(frame)
        prompt = self._refining(correction, frame)
        if prompt.is_absent and stop == frame + 1:
            yield self._absent(correction, frame)
            return
        rest = (_Step(one) for one in self._access.frames(frame + 1, stop))
        for found in self._pass(correction, prompt, range(frame, stop), rest):
            if prompt.is_absent and found.frame == frame:
                found = self._absent(correction, frame)
            yield found

    def backwards(
        self, correction: Correction, frame: int, before: ObjectMask | None
    ) -> Iterator[Retracked]:
        """The object on frames before a corrected one, from the last to the first.

        Ends before the last key frame, and earlier where the object is lost on the way, or where
        it is again what is stored: there the stored masks are right and lead on to the key frame.
        A stretch in doubt is given only if it leads to a frame that is not, or is surer than what
        is stored.

        Args:
            correction: The object.
            frame: The corrected frame, stored already.
            before: What the object was there before; None if it was not reported.
        """
        first = correction.previous_key(frame)
        now = self._store.one(frame, correction.track_id)
        if first is None or now is None or not now.mask.any():
            return
        first += 1
        similar = 0.0 if before is None else mask_iou(before.mask, now.mask)
        # Closer than the corrected mask was to the one it replaces.
        agreement = max(AGREEMENT, (1 + similar) / 2)
        rest = (_Step(one) for one in self._access.backwards(first, frame))
        prompt = Prompt(mask=now.mask, track_id=now.track_id, label=now.label)
        doubtful: list[Retracked] = []
        for found in self._pass(correction, prompt, range(frame, first - 1, -1), rest):
            if found.frame == frame:
                continue
            if found.one.state in SEARCHED_STATES or not found.one.mask.any():
                return
            stored = self._store.one(found.frame, correction.track_id)
            if stored is not None and mask_iou(stored.mask, found.one.mask) >= agreement:
                yield from doubtful
                return
            # What happened in reversed time did not happen.
            doubtful.append(replace(found, events=()))
            is_surer = stored is None or found.one.confidence > stored.confidence
            if is_surer or found.one.state is State.CONFIRMED:
                yield from doubtful
                doubtful.clear()

    def _pass(
        self, correction: Correction, prompt: Prompt, indexes: range, rest: Iterable[_Step]
    ) -> Iterator[Retracked]:
        """The object on frames of these indexes, the first of which the prompt is for."""
        beginning = self._beginning(correction, prompt, indexes)
        places = [-1] * (len(beginning) - 1) + list(indexes)
        for number, result in _results(self._tracker, self._store.info, chain(beginning, rest)):
            index = places[number]
            found = [one for one in result.objects if one.track_id == correction.track_id]
            if index < 0 or not found:
                continue
            one = replace(found[0], label=correction.name)
            if not self._may_overlap and not (index == indexes[0] and prompt.mask is not None):
                one = self._without_others(index, one)
            said = [event for event in result.events if event.track_id == correction.track_id]
            yield Retracked(index, one, said)

    def _absent(self, correction: Correction, frame: int) -> Retracked:
        """The object where the user says that it is not visible."""
        before = self._store.one(frame - 1, correction.track_id)
        nothing = np.zeros(self._store.info.size, np.bool_)
        one = ObjectMask(
            correction.track_id,
            nothing,
            mask_box(nothing),
            1.0,
            State.OCCLUDED,
            Origin.PROMPTED,
            correction.name,
        )
        is_first = before is None or before.state is not State.OCCLUDED
        event = Event(EventKind.ABSENT, correction.track_id, "said to be absent")
        return Retracked(frame, one, [event] if is_first else [])

    def _without_others(self, index: int, one: ObjectMask) -> ObjectMask:
        mask = one.mask.copy()
        for other in self._store.result(index).objects:
            if other.track_id != one.track_id:
                mask &= ~other.mask
        return replace(one, mask=mask, box=mask_box(mask))

    def _beginning(self, correction: Correction, prompt: Prompt, indexes: range) -> list[_Step]:
        """Steps up to and with the frame that the prompt is for, the last of them."""
        track_id, frame = correction.track_id, indexes[0]
        looks = self._looks(correction, frame)
        rivals = self._rivals(track_id, prompt, indexes)
        picture = self._picture(frame)
        corrected = _Step(picture, [prompt, *rivals.values()])
        if looks is None:
            return [corrected]
        seen_on, mask = looks
        there = self._store.result(seen_on).objects
        masks = {one.track_id: one.mask for one in there if one.mask.any()}
        said = [
            Prompt(mask=masks[other], track_id=other)
            if other in masks
            else Prompt(is_absent=True, track_id=other)
            for other in rivals
        ]
        seen = _Step(
            self._picture(seen_on),
            [Prompt(mask=mask.mask, track_id=track_id, label=correction.name), *said],
        )
        # A track takes notice only of those that began no later: the rivals come first.
        first = [_Step(picture, list(rivals.values()))] if rivals else []
        return [*first, seen, corrected]

    def _picture(self, index: int) -> Frame:
        return next(iter(self._access.frames(index, index + 1)))

    def _refining(self, correction: Correction, frame: int) -> Prompt:
        """The user's prompt; points alone refine the stored mask, as they do while tracking."""
        prompt = correction.prompts[frame]
        if prompt.is_answer or prompt.box is not None:
            return prompt
        stored = self._store.one(frame, correction.track_id)
        if stored is None or not stored.mask.any():
            return prompt
        height, width = stored.mask.shape
        return replace(
            prompt, logits=mask_logits(stored.mask, (max(height // 4, 1), max(width // 4, 1)))
        )

    def _looks(self, correction: Correction, frame: int) -> tuple[int, ObjectMask] | None:
        """The last key frame before a frame with its mask, or else the last visible mask."""
        keys = [key for key in correction.keys if key < frame]
        if correction.prompts[frame].is_absent:
            # Whatever it looked like last is what is looked for when the absence ends.
            keys += range(max(keys, default=frame - 1), frame)
        later = [key for key in correction.keys if key > frame]
        for key in chain(reversed(keys), later if correction.prompts[frame].is_absent else ()):
            one = self._store.one(key, correction.track_id)
            if one is not None and one.mask.any():
                return key, one
        return None

    def _rivals(self, own: int, prompt: Prompt, indexes: range) -> dict[int, Prompt]:
        """Objects that are near the corrected one somewhere, by their masks on its frame."""
        frame = indexes[0]
        start, stop = min(indexes), max(indexes) + 1
        boxes: dict[int, dict[int, Floats]] = {}
        for index, track_id, box in self._store.boxes(start, stop):
            boxes.setdefault(index, {})[track_id] = box
        hint = _hint_box(prompt)
        near: set[int] = set()
        for index, by_id in boxes.items():
            places = [by_id[own]] if own in by_id else []
            if index == frame and hint is not None:
                places.append(hint)
            for other, box in by_id.items():
                if other != own and any(_meet(box, one, self._store.info) for one in places):
                    near.add(other)
        there = self._store.result(frame).objects
        return {
            one.track_id: Prompt(mask=one.mask, track_id=one.track_id, label=one.label)
            for one in there
            if one.track_id in near and one.mask.any()
        }


def _results(
    tracker: Tracker, info: VideoInfo, steps: Iterable[_Step]
) -> Iterator[tuple[int, FrameResult]]:
    """(number of the step, result), of a tracker that sees frames numbered from 0 on."""
    tracker.start(info)
    for number, step in enumerate(steps):
        # Times rise as they do in any video, whichever way this one is read.
        frame = replace(step.frame, index=number, time=number / info.frame_rate)
        prompts = sorted(step.prompts, key=lambda prompt: prompt.track_id or 0)
        yield from ((result.frame.index, result) for result in tracker.step(frame, prompts))
    yield from ((result.frame.index, result) for result in tracker.finish())


def _hint_box(prompt: Prompt) -> Floats | None:
    if prompt.mask is not None:
        return mask_box(prompt.mask)
    if prompt.box is not None or not len(prompt.positive_points):
        return prompt.box
    points = prompt.positive_points
    return np.concatenate([points.min(axis=0), points.max(axis=0) + 1]).astype(np.float32)


def _meet(first: Floats, second: Floats, info: VideoInfo) -> bool:
    return box_iou(grow_box(first, NEARBY, info.size), grow_box(second, NEARBY, info.size)) > 0

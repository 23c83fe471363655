"""Which prompts belong to which frame: what the frame loop asks, once a frame, in order."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count
from typing import Any

import numpy as np

from track_anything.errors import PromptError
from track_anything.prompts.spec import ObjectSpec, TimeCode, hints_dict
from track_anything.structures import Frame, Prompt

_log = logging.getLogger(__name__)

NO_PROMPTS = "there are no prompts: give at least one box, point or mask"


@dataclass(frozen=True, slots=True, eq=False)
class TimedPrompt:
    """A prompt for one object and when it is due."""

    at: TimeCode
    prompt: Prompt


@dataclass(frozen=True, slots=True, eq=False)
class ScheduledObject:
    """One object of a schedule, in pixels of the frames delivered.

    Attributes:
        track_id: Of every prompt.
        name: "" for none.
        prompts: At least one.
        absent: (from inclusive, to exclusive).
        spec: What the user said, for the manifest; None if there was no text.
    """

    track_id: int
    name: str
    prompts: tuple[TimedPrompt, ...]
    absent: tuple[tuple[TimeCode, TimeCode], ...] = ()
    spec: ObjectSpec | None = None

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"object {self.name!r}" if self.name else f"object {self.track_id}"


class PromptSchedule:
    """Which prompts belong to which frame. Ask once for every frame, in order.

    Args:
        objects: Ids and names are unique.
        frame_rate: Half a frame of it is how early a frame may come for a time given in seconds;
            after that the first frame delivered takes the prompt, whatever the frame rate does.
    """

    def __init__(
        self, objects: Sequence[ScheduledObject], *, frame_rate: Fraction = Fraction(25)
    ) -> None:
        self._objects = tuple(sorted(objects, key=lambda item: item.track_id))
        self._half_frame = 1 / (2 * frame_rate)
        self._waiting = {item.track_id: list(item.prompts) for item in self._objects}
        self._unseen_absent = {item.track_id: list(item.absent) for item in self._objects}
        self._started: set[int] = set()

    @classmethod
    def from_frames(cls, prompts: Mapping[int, Sequence[Prompt]]) -> "PromptSchedule":
        """A schedule of prompts by frame index, in pixels of the frames delivered.

        Prompts without a track_id start a new object each, with the lowest free ids.

        Raises:
            PromptError: If there are no prompts, or an object is only ever absent.
        """
        taken = {item.track_id for given in prompts.values() for item in given if item.track_id}
        free = (number for number in count(1) if number not in taken)
        timed: dict[int, list[TimedPrompt]] = {}
        for index in sorted(prompts):
            for prompt in prompts[index]:
                track_id = prompt.track_id or next(free)
                moment = TimedPrompt(
                    TimeCode(frame_index=index), replace(prompt, track_id=track_id)
                )
                timed.setdefault(track_id, []).append(moment)
        if not timed:
            raise PromptError(NO_PROMPTS)
        for track_id, given in timed.items():
            if all(item.prompt.is_absent for item in given):
                raise PromptError(f"object {track_id} is absent but never prompted")
        return cls(
            [
                ScheduledObject(track_id, next((p.prompt.label for p in given), ""), tuple(given))
                for track_id, given in timed.items()
            ]
        )

    @property
    def objects(self) -> Sequence[ScheduledObject]:
        """All objects, by ascending track_id, with all their prompts."""
        return self._objects

    @property
    def half_frame(self) -> Fraction:
        """Seconds by which a frame may come before the time of a prompt that it takes."""
        return self._half_frame

    @property
    def names(self) -> Mapping[int, str]:
        """Names of the objects that have one, by track_id."""
        return {item.track_id: item.name for item in self._objects if item.name}

    def at(self, frame: Frame) -> Sequence[Prompt]:
        """The prompts of this frame, at most one an object, by ascending track_id.

        Every prompt is given once; an absent object that has been prompted before is said to be
        absent on every frame of the range that has no prompt of its own.
        """
        found: list[Prompt] = []
        for item in self._objects:
            waiting = self._waiting[item.track_id]
            due = [timed for timed in waiting if self._is_due(timed.at, frame)]
            if due:
                # A gap in the video may make several due at once: the latest counts as the last.
                due.sort(key=lambda timed: timed.at.value if timed.at.seconds else frame.time)
                self._waiting[item.track_id] = [timed for timed in waiting if timed not in due]
                self._started.add(item.track_id)
                found.append(_merge([timed.prompt for timed in due], item.title, frame.index))
            elif item.track_id in self._started and self._is_absent(item, frame):
                found.append(Prompt(is_absent=True, track_id=item.track_id, label=item.name))
        return found

    def unused(self) -> list[str]:
        """One line for each prompt or absent range that no frame so far has reached."""
        lines = []
        for item in self._objects:
            lines += [f"{item.title} at {timed.at}" for timed in self._waiting[item.track_id]]
            lines += [
                f"{item.title} absent from {start} to {end}"
                for start, end in self._unseen_absent[item.track_id]
            ]
        return lines

    def to_dict(self) -> dict[str, Any]:
        """What was asked for, as JSON can hold it."""
        return {"objects": [_object_dict(item) for item in self._objects]}

    def _is_due(self, time: TimeCode, frame: Frame) -> bool:
        if time.frame_index is not None:
            return time.frame_index == frame.index
        return frame.time >= time.value - self._half_frame

    def _is_absent(self, item: ScheduledObject, frame: Frame) -> bool:
        for start, end in item.absent:
            now = frame.time if start.frame_index is None else frame.index
            if start.value <= now < end.value:
                unseen = self._unseen_absent[item.track_id]
                self._unseen_absent[item.track_id] = [r for r in unseen if r != (start, end)]
                return True
        return False


def merge_prompts(prompts: Sequence[Prompt]) -> Prompt:
    """One prompt that says all that several say of one object on one frame.

    A mask wins over everything, then a later box or later logits over earlier ones; points add up.
    An absence counts only where nothing else is said.
    """
    real = [prompt for prompt in prompts if not prompt.is_absent]
    if len(real) <= 1:
        return (real or list(prompts))[-1]
    last = real[-1]
    for prompt in reversed(real):
        if prompt.mask is not None:
            return prompt
    return Prompt(
        points=np.concatenate([prompt.points for prompt in real]),
        labels=np.concatenate([prompt.labels for prompt in real]),
        box=next((p.box for p in reversed(real) if p.box is not None), None),
        logits=next((p.logits for p in reversed(real) if p.logits is not None), None),
        track_id=last.track_id,
        label=last.label,
    )


def _merge(prompts: Sequence[Prompt], title: str, frame_index: int) -> Prompt:
    for kind, words in (("box", "boxes"), ("mask", "masks")):
        if sum(getattr(prompt, kind) is not None for prompt in prompts) > 1:
            _log.warning(
                "%s has several %s on frame %d: the last is used", title, words, frame_index
            )
    return merge_prompts(prompts)


def _object_dict(item: ScheduledObject) -> dict[str, Any]:
    if item.spec is not None:
        prompts = [hints_dict(hints) for hints in item.spec.hints]
    else:
        prompts = [_prompt_dict(timed) for timed in item.prompts]
    said: dict[str, Any] = {"id": item.track_id, "name": item.name, "prompts": prompts}
    if item.absent:
        said["absent"] = [[str(start), str(end)] for start, end in item.absent]
    return said


def _prompt_dict(timed: TimedPrompt) -> dict[str, Any]:
    prompt = timed.prompt
    said: dict[str, Any] = {"at": str(timed.at)}
    if prompt.box is not None:
        said["box"] = prompt.box.tolist()
    if len(prompt.positive_points):
        said["points"] = prompt.positive_points.tolist()
    if len(prompt.negative_points):
        said["not"] = prompt.negative_points.tolist()
    if prompt.mask is not None:
        said["mask_pixels"] = int(np.count_nonzero(prompt.mask))
    if prompt.logits is not None:
        said["logits"] = list(prompt.logits.shape)
    if prompt.is_absent:
        said["absent"] = True
    return said

"""Boxes of files that other programs write, and the objects they stand for."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from track_anything.errors import PromptError
from track_anything.prompts.spec import Hints, ObjectSpec, TimeCode

_log = logging.getLogger(__name__)

MAX_ID = 65535
_LAST_NUMBER = re.compile(r"\d+(?=\D*$)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedBox:
    """One box of a file.

    Attributes:
        place: Where it stands, for messages: "gt.txt: line 3".
        picture: Name of its picture without folder and suffix; "" where only the frame is said.
        frame: Index of its frame; None where only the picture is said, and that has no number.
        box: x_min, y_min, x_max, y_max, max exclusive.
        is_relative: The box is in shares of width and height, not in pixels.
        track_id: None where the file has no ids.
        label: Class; "" for none.

    Raises:
        PromptError: If the box has no area or the id is out of range.
    """

    place: str
    picture: str = ""
    frame: int | None = None
    box: tuple[float, float, float, float]
    is_relative: bool = False
    track_id: int | None = None
    label: str = ""

    def __post_init__(self) -> None:
        """Check it."""
        left, top, right, bottom = self.box
        if not (np.isfinite(self.box).all() and right > left and bottom > top):
            raise PromptError(
                f"{self.place}: a box has width and height, got {right - left:g}x{bottom - top:g}"
            )
        if self.is_relative and not (0 <= (left + right) / 2 <= 1 and 0 <= (top + bottom) / 2 <= 1):
            raise PromptError(
                f"{self.place}: expected a box in shares of the picture, 0 to 1, "
                f"got one around {(left + right) / 2:g}, {(top + bottom) / 2:g}"
            )
        if self.track_id is not None and not 1 <= self.track_id <= MAX_ID:
            raise PromptError(f"{self.place}: an id is 1 to {MAX_ID}, got {self.track_id}")

    @property
    def hints(self) -> Hints:
        """The box as a prompt on its frame."""
        at = TimeCode(frame_index=self.frame or 0)
        return Hints(at=at, box=self.box, is_relative=self.is_relative)


@dataclass(frozen=True, slots=True)
class BoxFile:
    """The boxes of a file, in its order.

    Attributes:
        boxes: Of all pictures.
        classes: All that the file or what lies beside it knows, by number; () if it has none.
    """

    boxes: Sequence[ImportedBox]
    classes: tuple[str, ...] = ()


def objects_of_boxes(boxes: Sequence[ImportedBox], path: Path, *, every: bool) -> list[ObjectSpec]:
    """The objects that the boxes of a file stand for, with their ids.

    Boxes of one id are one object, prompted by the first of them, or by all. Where there are no
    ids, nothing says what is one object on two frames: each box of the first frame that has any is
    an object, and later ones are left out with a warning.

    Args:
        boxes: In any order.
        path: The file, for messages.
        every: Prompt with every box of an object, not only with its first.

    Raises:
        PromptError: If there is no box, one has no frame, some have ids and others have none, or
            an object has two boxes on one frame.
    """
    for box in boxes:
        if box.frame is None:
            raise PromptError(
                f"{box.place}: no number in the name {box.picture!r} says which frame it is"
            )
    ordered = sorted(boxes, key=lambda box: box.frame or 0)
    if not ordered:
        raise PromptError(f"{path}: has no boxes")
    if all(box.track_id is None for box in ordered):
        first = [[box] for box in ordered if box.frame == ordered[0].frame]
        if left_out := len(ordered) - len(first):
            _log.warning(
                "%s: has no ids, so %d boxes after frame %d are left out",
                path,
                left_out,
                ordered[0].frame,
            )
        return _named(first)
    tracks: dict[int, list[ImportedBox]] = {}
    for box in ordered:
        if box.track_id is None:
            raise PromptError(f"{box.place}: has no id, and other boxes have one")
        known = tracks.setdefault(box.track_id, [])
        if known and known[-1].frame == box.frame:
            raise PromptError(f"{box.place}: a second box of id {box.track_id} on its frame")
        known.append(box)
    return _named([tracks[key] if every else tracks[key][:1] for key in sorted(tracks)])


def frames_of_names(
    names: Iterable[str], path: Path, *, first: int | None = None
) -> Mapping[str, int | None]:
    """The frame index of every picture name: its last number, None where it has none.

    Args:
        names: Without suffix.
        path: Where they are from, for messages.
        first: The number of the first frame; None takes 0 where one of them is 0, else 1, as
            Ultralytics and FFmpeg count.

    Raises:
        PromptError: If two names have one number.
    """
    numbers: dict[str, int | None] = {}
    for name in names:
        match = _LAST_NUMBER.search(name)
        numbers[name] = int(match[0]) if match else None
    owners: dict[int, str] = {}
    for name, number in numbers.items():
        if number is not None and owners.setdefault(number, name) != name:
            raise PromptError(
                f"{path}: {owners[number]} and {name} are both frame {number}: "
                "give the files of one video"
            )
    if first is None:
        first = 0 if 0 in owners else 1
    return {name: None if n is None else n - first for name, n in numbers.items()}


def _named(tracks: Sequence[Sequence[ImportedBox]]) -> list[ObjectSpec]:
    """Objects with unique names: the class, and a number where several have it."""
    labels = [track[0].label for track in tracks]
    counts: dict[str, int] = {}
    objects = []
    for track, label in zip(tracks, labels, strict=True):
        counts[label] = counts.get(label, 0) + 1
        track_id = track[0].track_id
        name = label
        if label and labels.count(label) > 1:
            name = f"{label} {track_id or counts[label]}"
        hints = tuple(box.hints for box in track)
        objects.append(ObjectSpec(name=name, track_id=track_id, hints=hints))
    return objects

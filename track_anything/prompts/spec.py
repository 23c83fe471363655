"""What the user says of objects: time codes and hints, in pixels of the source.

Option strings become these in `options`, files in `file`; `build` checks
them against the video and makes the `schedule` that the frame loop asks.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from track_anything.errors import PromptError

TIME_FORMS = 'seconds ("12.5"), HH:MM:SS.ms or MM:SS ("00:01:02.500"), or a frame ("250f")'

_SECONDS = re.compile(r"\d+(\.\d*)?|\.\d+", re.ASCII)
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d*)?)", re.ASCII)
_FRAME = re.compile(r"(\d+)f", re.ASCII)


@dataclass(frozen=True, slots=True)
class TimeCode:
    """A moment of a video: either seconds in the source's timeline or a frame delivered.

    Attributes:
        seconds: Exact.
        frame_index: Counts from 0 at the first frame delivered.

    Raises:
        PromptError: If not exactly one of the two is given, or it is negative.
    """

    seconds: Fraction | None = None
    frame_index: int | None = None

    def __post_init__(self) -> None:
        """Check that it says one thing."""
        value = self.seconds if self.frame_index is None else self.frame_index
        if value is None or (self.seconds is not None and self.frame_index is not None):
            raise PromptError("a time code is either seconds or a frame index")
        if value < 0:
            raise PromptError(f"a time is 0 or later, got {value}")

    def __str__(self) -> str:
        """The text that `parse_time` reads back; seconds to the nanosecond."""
        if self.frame_index is not None:
            return f"{self.frame_index}f"
        nanoseconds = round((self.seconds or Fraction(0)) * 10**9)
        whole, rest = divmod(nanoseconds, 10**9)
        return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")

    @property
    def value(self) -> Fraction:
        """The number alone: comparable with others of the same unit."""
        return Fraction(self.seconds or self.frame_index or 0)


FIRST_FRAME = TimeCode(frame_index=0)

Moment = TimeCode | Fraction | float | str
"""A time code, seconds, or text: "12.5", "00:01:02.5", "250f"."""


def parse_time(text: str) -> TimeCode:
    """The moment that a text stands for.

    >>> parse_time("12.5").seconds, parse_time("01:02").seconds, parse_time("250f").frame_index
    (Fraction(25, 2), Fraction(62, 1), 250)

    Raises:
        PromptError: If the text has none of the three forms.
    """
    text = text.strip()
    if match := _FRAME.fullmatch(text):
        return TimeCode(frame_index=int(match[1]))
    if _SECONDS.fullmatch(text):
        return TimeCode(seconds=Fraction(text))
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds = int(match[1] or 0), int(match[2]), Fraction(match[3])
        if minutes < 60 and seconds < 60:
            return TimeCode(seconds=hours * 3600 + minutes * 60 + seconds)
    raise PromptError(f"a time is {TIME_FORMS}, got {text!r}")


def as_moment(given: Moment | None) -> TimeCode | None:
    """Any of the forms of Moment in one; None stays None.

    Raises:
        PromptError: If a text is no time, or it is negative.
    """
    if given is None or isinstance(given, TimeCode):
        return given
    if isinstance(given, str):
        return parse_time(given)
    return TimeCode(seconds=Fraction(given))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What is said of one object at one time, in pixels of the source.

    Attributes:
        at: When.
        box: x_min, y_min, x_max, y_max, max exclusive.
        points: (x, y) on the object.
        background_points: (x, y) not on the object.
        mask: A PNG of the source's size; the final answer, hints beside it are ignored.
        mask_label: The object is the pixels of this value in the mask; None: all that are not 0.
        is_relative: Box and points are in shares of the source's width and height, not in pixels.

    Raises:
        PromptError: If nothing is said or the box has no area.
    """

    at: TimeCode = FIRST_FRAME
    box: tuple[float, float, float, float] | None = None
    points: tuple[tuple[float, float], ...] = ()
    background_points: tuple[tuple[float, float], ...] = ()
    mask: Path | None = None
    mask_label: int | None = None
    is_relative: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked without the video."""
        numbers = (self.box or ()) + sum(self.points + self.background_points, ())
        if not np.isfinite(numbers).all():
            raise PromptError(f"coordinates are finite numbers, got {numbers}")
        if self.box is not None and not (self.box[2] > self.box[0] and self.box[3] > self.box[1]):
            raise PromptError(
                "a box is X0,Y0,X1,Y1 with X1 > X0 and Y1 > Y0, "
                f"got {','.join(f'{value:g}' for value in self.box)}"
            )
        if self.mask_label is not None and (self.mask is None or self.mask_label < 1):
            raise PromptError(f"mask_label is a value of a mask, 1 or more, got {self.mask_label}")
        if self.box is None and self.mask is None and not (self.points or self.background_points):
            raise PromptError(f"nothing is said at {self.at}: give a box, points or a mask")

    @property
    def is_positive(self) -> bool:
        """Whether it says where the object is, not only where it is not."""
        return self.box is not None or self.mask is not None or bool(self.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSpec:
    """One object: its hints over time and when it is not visible.

    Attributes:
        name: Unique in a run; "" for none.
        track_id: Fixed id; None takes the next free one.
        hints: In the order given.
        absent: (from inclusive, to exclusive), both seconds or both frames.
        splits_mask: A mask of several labels stands for one object per label.
        is_correction: Of an object that is known: it may be said only where it is not, or when it
            is absent.

    Raises:
        PromptError: If nothing says where the object is, one moment has two boxes or two masks,
            the id is out of range or a range is not one.
    """

    name: str = ""
    track_id: int | None = None
    hints: tuple[Hints, ...]
    absent: tuple[tuple[TimeCode, TimeCode], ...] = ()
    splits_mask: bool = False
    is_correction: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked without the video."""
        if not self.hints and not (self.is_correction and self.absent):
            raise PromptError(f"{self.title} has no prompts: give at least one box, point or mask")
        if self.track_id is not None and not 1 <= self.track_id <= 65535:
            raise PromptError(f"id is 1 to 65535, got {self.track_id}")
        for kind in ("box", "mask"):
            times = [hints.at for hints in self.hints if getattr(hints, kind) is not None]
            if twice := next((at for at in times if times.count(at) > 1), None):
                raise PromptError(f"{self.title} has more than one {kind} at {twice}: give one")
        if not self.is_correction and not any(hints.is_positive for hints in self.hints):
            raise PromptError(
                f"{self.title} has only background points: add a box, a point on it or a mask"
            )
        self._check_absent()

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"object {self.name!r}" if self.name else "an object without a name"

    def _check_absent(self) -> None:
        for start, end in self.absent:
            if (start.frame_index is None) is not (end.frame_index is None):
                raise PromptError(
                    "both ends of an absent range are frames or both are seconds, "
                    f"got {start} and {end}"
                )
            if start.value >= end.value:
                raise PromptError(f"an absent range ends after it begins, got {start} to {end}")
        by_unit = sorted(self.absent, key=lambda pair: (pair[0].frame_index is None, pair[0].value))
        for (start, end), (next_start, next_end) in pairwise(by_unit):
            same_unit = (start.frame_index is None) is (next_start.frame_index is None)
            if same_unit and next_start.value < end.value:
                raise PromptError(
                    f"absent ranges of one object do not overlap, got {start} to {end} "
                    f"and {next_start} to {next_end}"
                )


def hints_dict(hints: Hints) -> dict[str, Any]:
    """Hints with the keys of a prompt file."""
    said: dict[str, Any] = {"at": str(hints.at)}
    if hints.box is not None:
        said["box"] = list(hints.box)
    if hints.points:
        said["points"] = [list(point) for point in hints.points]
    if hints.background_points:
        said["not"] = [list(point) for point in hints.background_points]
    if hints.mask is not None:
        said["mask"] = str(hints.mask)
    if hints.mask_label is not None:
        said["mask_label"] = hints.mask_label
    if hints.is_relative:
        said["relative"] = True
    return said

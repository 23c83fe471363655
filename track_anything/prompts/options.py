"""Prompts as strings of the command line: --box, --point, --not and --mask."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from track_anything.errors import PromptError
from track_anything.prompts.spec import FIRST_FRAME, Hints, ObjectSpec, TimeCode, parse_time


@dataclass(frozen=True, slots=True)
class PromptSpec:
    """One option: a name, "" for none, and one hint."""

    name: str
    hints: Hints


def parse_box(text: str) -> PromptSpec:
    """What `--box [NAME=]X0,Y0,X1,Y1[@TIME]` says.

    >>> parse_box("ball=10,20,30,40@2.5").hints.box
    (10.0, 20.0, 30.0, 40.0)

    Raises:
        PromptError: If the text has another form.
    """
    form = "[NAME=]X0,Y0,X1,Y1[@TIME]"
    name, numbers, at = _parts(text, "--box", form)
    x0, y0, x1, y1 = _numbers(numbers, 4, text, "--box", form)
    return PromptSpec(name, _hints(text, "--box", at=at, box=(x0, y0, x1, y1)))


def parse_point(text: str) -> PromptSpec:
    """What `--point [NAME=]X,Y[@TIME]` says.

    Raises:
        PromptError: If the text has another form.
    """
    name, point, at = _point(text, "--point")
    return PromptSpec(name, _hints(text, "--point", at=at, points=(point,)))


def parse_background_point(text: str) -> PromptSpec:
    """What `--not [NAME=]X,Y[@TIME]` says.

    Raises:
        PromptError: If the text has another form.
    """
    name, point, at = _point(text, "--not")
    return PromptSpec(name, _hints(text, "--not", at=at, background_points=(point,)))


def parse_mask(text: str) -> PromptSpec:
    """What `--mask [NAME=]PNG[@TIME]` says.

    File names may hold "=" and "@". What exists as a file is the file; otherwise "@" begins a time
    only if the rest reads as one, and "=" ends a name only if no slash comes before it.

    Raises:
        PromptError: If no file is named.
    """
    rest, at = text.strip(), FIRST_FRAME
    head, sign, tail = rest.rpartition("@")
    if sign and not Path(rest).is_file() and (time := _time_or_none(tail)) is not None:
        rest, at = head, time
    name = ""
    head, sign, tail = rest.partition("=")
    if sign and not Path(rest).is_file() and not set(head) & set("/\\"):
        name, rest = head.strip(), tail
        if not name:
            raise PromptError(f"--mask {text!r}: the name before = is empty")
    if not rest:
        raise PromptError(f"--mask is [NAME=]PNG[@TIME], got {text!r}")
    return PromptSpec(name, Hints(at=at, mask=Path(rest)))


def objects_from_options(
    specs: Sequence[PromptSpec], *, corrects: bool = False
) -> list[ObjectSpec]:
    """The objects that the options of one command line stand for, in order of first mention.

    One name is one object. Without a name each box and each mask is an object of its own, and all
    points of one time are one object: the box's, where exactly one unnamed box has that time.

    Args:
        specs: In the order of the command line.
        corrects: Named objects may be known already, and be told only where they are not.

    Raises:
        PromptError: If an object is only told where it is not, or told two boxes at one time.
    """
    grouped: dict[tuple[object, ...], list[PromptSpec]] = {}
    for index, spec in enumerate(specs):
        grouped.setdefault(_group(index, spec, specs), []).append(spec)
    objects = []
    for group in grouped.values():
        name = group[0].name
        hints = _joined([spec.hints for spec in group])
        is_mask = hints[0].mask is not None
        objects.append(
            ObjectSpec(
                name=name,
                hints=hints,
                splits_mask=is_mask and not name,
                is_correction=corrects and bool(name),
            )
        )
    return objects


def _group(index: int, spec: PromptSpec, specs: Sequence[PromptSpec]) -> tuple[object, ...]:
    if spec.name:
        return "name", spec.name
    if spec.hints.box is not None or spec.hints.mask is not None:
        return "own", index
    at = spec.hints.at
    boxes = [
        number
        for number, other in enumerate(specs)
        if not other.name and other.hints.box is not None and other.hints.at == at
    ]
    return ("own", boxes[0]) if len(boxes) == 1 else ("points", at)


def _joined(hints: Sequence[Hints]) -> tuple[Hints, ...]:
    """Points of one time together, in the order of first mention; boxes and masks join them."""
    joined: dict[TimeCode, Hints] = {}
    for item in hints:
        known = joined.get(item.at)
        if known is None:
            joined[item.at] = item
            continue
        for kind in ("box", "mask"):
            if getattr(known, kind) is not None and getattr(item, kind) is not None:
                raise PromptError(f"one object has two {kind} options at {item.at}: give one")
        joined[item.at] = replace(
            known,
            box=known.box or item.box,
            mask=known.mask or item.mask,
            points=known.points + item.points,
            background_points=known.background_points + item.background_points,
        )
    return tuple(joined.values())


def _point(text: str, option: str) -> tuple[str, tuple[float, float], TimeCode]:
    form = "[NAME=]X,Y[@TIME]"
    name, numbers, at = _parts(text, option, form)
    x, y = _numbers(numbers, 2, text, option, form)
    return name, (x, y), at


def _parts(text: str, option: str, form: str) -> tuple[str, str, TimeCode]:
    # Numbers and times hold no "=", so names may.
    name, equals, rest = text.rpartition("=")
    name = name.strip()
    if equals and not name:
        raise PromptError(f"{option} {text!r}: the name before = is empty")
    numbers, sign, tail = rest.partition("@")
    try:
        return name, numbers, parse_time(tail) if sign else FIRST_FRAME
    except PromptError as error:
        raise PromptError(f"{option} {text!r} is not {form}: {error}") from error


def _numbers(text: str, count: int, whole: str, option: str, form: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise PromptError(f"{option} is {form}, got {whole!r}")
    return numbers


def _hints(
    text: str,
    option: str,
    *,
    at: TimeCode,
    box: tuple[float, float, float, float] | None = None,
    points: tuple[tuple[float, float], ...] = (),
    background_points: tuple[tuple[float, float], ...] = (),
) -> Hints:
    try:
        return Hints(at=at, box=box, points=points, background_points=background_points)
    except PromptError as error:
        raise PromptError(f"{option} {text!r}: {error}") from error


def _time_or_none(text: str) -> TimeCode | None:
    try:
        return parse_time(text)
    except PromptError:
        return None

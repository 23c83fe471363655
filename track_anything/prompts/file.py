"""Prompt files in YAML or JSON: objects, their prompts over time, and when they are absent."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from track_anything.errors import PromptError
from track_anything.files import write_whole
from track_anything.prompts.spec import (
    FIRST_FRAME,
    TIME_FORMS,
    Hints,
    ObjectSpec,
    TimeCode,
    hints_dict,
    parse_time,
)

_FILE_KEYS = ("objects",)
_OBJECT_KEYS = ("name", "id", "prompts", "absent")
_PROMPT_KEYS = ("at", "box", "points", "not", "mask", "mask_label", "relative")


@dataclass(frozen=True)
class _Place:
    """Where in the file something stands, for messages."""

    path: Path
    parts: tuple[str, ...] = ()

    def __truediv__(self, part: str) -> "_Place":
        return _Place(self.path, (*self.parts, part))

    def error(self, text: str) -> PromptError:
        return PromptError(f"{self.path}: {', '.join(self.parts)}{': ' * bool(self.parts)}{text}")


def read_prompt_file(path: Path, *, corrects: bool = False) -> list[ObjectSpec]:
    """The objects of a prompt file, in its order; mask files are relative to it.

    Args:
        path: The file.
        corrects: Objects with a name or an id may be known already, and be told only where they
            are not, or when they are absent.

    Raises:
        PromptError: If the file cannot be read or says something it may not.
    """
    place = _Place(path)
    document = _load(place)
    _check_keys(document, _FILE_KEYS, ("objects",), place)
    entries = _items(document["objects"], "objects", place)
    objects = [
        _object(entry, number, place, corrects=corrects) for number, entry in enumerate(entries, 1)
    ]
    for key in ("name", "track_id"):
        given = [value for item in objects if (value := getattr(item, key))]
        if twice := next((value for value in given if given.count(value) > 1), None):
            word = "name" if key == "name" else "id"
            raise place.error(f"two objects have the {word} {twice!r}: join them or change one")
    return objects


def write_prompt_file(path: Path, objects: Sequence[ObjectSpec]) -> None:
    """Write objects so that `read_prompt_file` gives them back; JSON for a .json name, else YAML.

    Masks are referred to, relative to the file where they lie beside or below it. Times are
    written to the nanosecond.

    Raises:
        OutputError: If it cannot be written.
    """
    document = {"objects": [_object_entry(item, path.parent) for item in objects]}
    if path.suffix.lower() == ".json":
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    else:
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    write_whole(path, text.encode())


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, but a key given twice is an error and not the last one's silent win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.MarkedYAMLError(problem=f"{twice!r} twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def _load(place: _Place) -> Mapping[str, Any]:
    try:
        text = place.path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise place.error("a prompt file is UTF-8 text") from error
    except OSError as error:
        raise place.error(f"cannot be read ({error.strerror})") from error
    suffix = place.path.suffix.lower()
    is_json = suffix == ".json" or (
        suffix not in (".yaml", ".yml") and text.lstrip().startswith("{")
    )
    try:
        document = (
            json.loads(text, object_pairs_hook=_unique)
            if is_json
            else yaml.load(text, _StrictLoader)
        )
    except json.JSONDecodeError as error:
        raise place.error(f"line {error.lineno}: not JSON ({error.msg})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or "cannot be parsed"
        raise place.error(f"{line}not YAML ({problem})") from error
    except PromptError as error:
        raise place.error(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise place.error(f"cannot be parsed ({error})") from error
    return _mapping(document, "a mapping with the key objects", place)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise PromptError(f"the key {twice!r} is given twice")
    return dict(pairs)


def _object(entry: Any, number: int, place: _Place, *, corrects: bool) -> ObjectSpec:
    place = place / f"object {number}"
    entry = _mapping(entry, f"a mapping with {_any_of(_OBJECT_KEYS)}", place)
    if isinstance(entry.get("name"), str) and entry["name"].strip():
        place = _Place(place.path, (f"object {number} ({entry['name'].strip()})",))
    is_correction = corrects and bool(entry.keys() & {"name", "id"})
    needed = "absent" if is_correction and "absent" in entry else "prompts"
    _check_keys(entry, _OBJECT_KEYS, (needed,), place)
    name, track_id = entry.get("name"), entry.get("id")
    if name is not None and not (isinstance(name, str) and name.strip()):
        raise (place / "name").error(f"expected text (quote it), got {name!r}")
    if track_id is not None and (not _is_int(track_id) or not 1 <= track_id <= 65535):
        raise (place / "id").error(f"expected a whole number, 1 to 65535, got {track_id!r}")
    prompts = _items(entry["prompts"], "prompts", place) if "prompts" in entry else []
    hints = [_hints(item, place / f"prompt {index}") for index, item in enumerate(prompts, 1)]
    absent = _ranges(entry.get("absent"), place / "absent")
    try:
        return ObjectSpec(
            name=name.strip() if name else "",
            track_id=track_id,
            hints=tuple(hints),
            absent=absent,
            is_correction=is_correction,
        )
    except PromptError as error:
        raise place.error(str(error)) from error


def _hints(entry: Any, place: _Place) -> Hints:
    entry = _mapping(entry, f"a mapping with {_any_of(_PROMPT_KEYS)}", place)
    _check_keys(entry, _PROMPT_KEYS, (), place)
    at = _time(entry["at"], place / "at") if "at" in entry else FIRST_FRAME
    box = None
    if "box" in entry:
        x0, y0, x1, y1 = _numbers(entry["box"], "[X0, Y0, X1, Y1]", 4, place / "box")
        box = x0, y0, x1, y1
    mask = entry.get("mask")
    if "mask" in entry and not (isinstance(mask, str) and mask):
        raise (place / "mask").error(f"expected the name of a PNG file, got {mask!r}")
    label, is_relative = entry.get("mask_label"), entry.get("relative", False)
    if label is not None and not _is_int(label):
        raise (place / "mask_label").error(f"expected a whole number, got {label!r}")
    if not isinstance(is_relative, bool):
        raise (place / "relative").error(f"expected true or false, got {is_relative!r}")
    try:
        return Hints(
            at=at,
            box=box,
            points=_points(entry, "points", place),
            background_points=_points(entry, "not", place),
            mask=place.path.parent / mask if mask else None,
            mask_label=label,
            is_relative=is_relative,
        )
    except PromptError as error:
        raise place.error(str(error)) from error


def _points(entry: Mapping[str, Any], key: str, place: _Place) -> tuple[tuple[float, float], ...]:
    if key not in entry:
        return ()
    place = place / key
    form = "[[X, Y], ...]"
    given = entry[key]
    if not isinstance(given, list) or not given:
        raise place.error(f"expected {form}, got {given!r}")
    pairs = (_numbers(item, form, 2, place) for item in given)
    return tuple((x, y) for x, y in pairs)


def _ranges(given: Any, place: _Place) -> tuple[tuple[TimeCode, TimeCode], ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        raise place.error(f"expected [FROM, TO] or a list of such pairs, got {given!r}")
    pairs = given if any(isinstance(item, list) for item in given) else [given]
    ranges = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise place.error(f"expected [FROM, TO] or a list of such pairs, got {given!r}")
        ranges.append((_time(pair[0], place), _time(pair[1], place)))
    return tuple(ranges)


def _time(value: Any, place: _Place) -> TimeCode:
    # YAML reads an unquoted 1:30 as 90: the same number of seconds.
    try:
        if isinstance(value, str):
            return parse_time(value)
        if _is_number(value):
            return TimeCode(seconds=Fraction(repr(value)))
    except (PromptError, ValueError) as error:
        raise place.error(f"a time is {TIME_FORMS}, got {value!r}") from error
    raise place.error(f"a time is {TIME_FORMS}, got {value!r}")


def _numbers(value: Any, form: str, count: int, place: _Place) -> list[float]:
    if not isinstance(value, list) or len(value) != count or not all(map(_is_number, value)):
        raise place.error(f"expected {form}, got {value!r}")
    return [float(number) for number in value]


def _mapping(value: Any, form: str, place: _Place) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise place.error(f"expected {form}, got {_brief(value)}")
    return value


def _items(value: Any, key: str, place: _Place) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise (place / key).error(f"expected a list with at least one entry, got {_brief(value)}")
    return value


def _check_keys(
    entry: Mapping[str, Any], allowed: Sequence[str], needed: Sequence[str], place: _Place
) -> None:
    for key in entry:
        if key not in allowed:
            raise place.error(f"unknown key {key!r}, allowed: {', '.join(allowed)}")
    for key in needed:
        if key not in entry:
            raise place.error(f"the key {key!r} is missing")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_int(value) or isinstance(value, float)


def _any_of(keys: Sequence[str]) -> str:
    return f"any of {', '.join(keys)}"


def _brief(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _object_entry(item: ObjectSpec, folder: Path) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    if item.name:
        entry["name"] = item.name
    if item.track_id is not None:
        entry["id"] = item.track_id
    entry["prompts"] = []
    for hints in item.hints:
        said = hints_dict(hints)
        if hints.mask is not None and hints.mask.is_relative_to(folder):
            said["mask"] = str(hints.mask.relative_to(folder))
        elif hints.mask is not None:
            said["mask"] = str(hints.mask.absolute())
        entry["prompts"].append(said)
    if item.absent:
        entry["absent"] = [[str(start), str(end)] for start, end in item.absent]
    return entry

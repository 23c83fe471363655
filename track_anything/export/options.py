"""The options of an export format: what its sink's constructor takes beside what it is given."""

import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from track_anything.errors import ConfigError
from track_anything.export.formats import ExportFormat

GIVEN = ("path", "info", "overwrite", "source", "start", "end", "stops_with_video", "settings")
"""Parameters of a sink that an export fills in; the others are the user's options."""

IMAGES_OPTION = "images"
"""An option of this name says whether pictures are written; the class can then not say it."""


@dataclass(frozen=True, kw_only=True)
class FormatOption:
    """One option of a format, as its sink's constructor has it.

    Attributes:
        name: As on the command line.
        kind: Its type.
        default: Its default; `inspect.Parameter.empty` if it must be given.
        text: What the constructor's docstring says of it.
    """

    name: str
    kind: Any
    default: Any
    text: str = ""

    @property
    def is_needed(self) -> bool:
        """Whether it must be given."""
        return self.default is inspect.Parameter.empty

    @property
    def default_text(self) -> str:
        """The default as it would be given."""
        return option_text(self.default)

    @property
    def values(self) -> str:
        """What may be given, in a few words."""
        return _kind_text(self.kind)


@dataclass(frozen=True, kw_only=True)
class LoadedFormat:
    """A format whose class has been imported.

    Attributes:
        sink: The class.
        takes: Which of GIVEN its constructor has.
        options: By name, in the order of the constructor.
    """

    format: ExportFormat
    sink: Callable[..., Any]
    takes: tuple[str, ...] = ()
    options: Mapping[str, FormatOption] = field(default_factory=dict)

    def needs_images(self, values: Mapping[str, Any]) -> bool:
        """Whether frames must be the real pictures: always, or where an option wants them."""
        if IMAGES_OPTION in self.options:
            return bool(values.get(IMAGES_OPTION, self.options[IMAGES_OPTION].default))
        return bool(getattr(self.sink, "needs_images", False))

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Options as the constructor takes them.

        Args:
            given: By name; texts are read as their kind, other values are taken as they are.

        Raises:
            ConfigError: If one is unknown or malformed, or one that must be given is not.
        """
        name = self.format.name
        for key in given:
            if key not in self.options:
                known = ", ".join(self.options) or "none"
                raise ConfigError(f"{name} has no option {key!r}; its options: {known}")
        for key, option in self.options.items():
            if option.is_needed and key not in given:
                raise ConfigError(f"{name} needs its option {key} ({option.text or option.values})")
        return {
            key: parsed_option(self.options[key].kind, value, f"{name}.{key}")
            if isinstance(value, str)
            else value
            for key, value in given.items()
        }


def load_format(one: ExportFormat) -> LoadedFormat:
    """A format with its class, imported now.

    Raises:
        ConfigError: If this installation has not got it.
    """
    module, _, name = one.target.partition(":")
    try:
        sink = getattr(import_module(module), name)
    except (AttributeError, ModuleNotFoundError) as error:
        if error.name not in (module, name):
            raise
        raise ConfigError(f"{one.name}: this version cannot write it (no {one.target})") from error
    parameters = inspect.signature(sink).parameters
    kinds = get_type_hints(sink.__init__)
    texts = _argument_texts(inspect.getdoc(sink.__init__) or "")
    takes = tuple(parameter for parameter in parameters if parameter in GIVEN)
    # The first is the path, whatever it is called; what no text can say is not for users.
    options = {
        name: FormatOption(
            name=name,
            kind=kinds.get(name, str),
            default=parameter.default,
            text=texts.get(name, ""),
        )
        for name, parameter in list(parameters.items())[1:]
        if name not in (*GIVEN, *one.hidden) and _is_plain(kinds.get(name, str))
    }
    return LoadedFormat(format=one, sink=sink, takes=takes, options=options)


def parsed_option(kind: Any, text: str, place: str) -> Any:
    """The value of a type that a text stands for.

    >>> parsed_option(tuple[int, ...], "3, 5", "x"), parsed_option(dict[str, int], "car:1", "x")
    ((3, 5), {'car': 1})

    Args:
        kind: A simple type, a Literal, an optional, a tuple or a mapping of them.
        text: As on the command line.
        place: What messages call it.

    Raises:
        ConfigError: If it is not one.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        values = {str(value): value for value in inner}
        if text in values:
            return values[text]
    elif origin in (Union, types.UnionType):
        return _first_that_fits(inner, text, place)
    elif origin is tuple:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        kinds = [inner[0]] * len(parts) if inner[-1] is Ellipsis else inner
        if len(parts) == len(kinds):
            return tuple(
                parsed_option(one, part, place) for one, part in zip(kinds, parts, strict=True)
            )
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        pairs = [part.rpartition(":") for part in text.split(",") if part.strip()]
        if all(colon for _, colon, _ in pairs):
            return {
                key.strip(): parsed_option(inner[1], value.strip(), place)
                for key, _, value in pairs
            }
    elif kind is bool and text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    elif kind in _SIMPLE and kind is not bool:
        try:
            return kind(text)
        except (ValueError, ZeroDivisionError) as error:
            raise ConfigError(f"{place} is {_kind_text(kind)}, got {text!r}") from error
    raise ConfigError(f"{place} is {_kind_text(kind)}, got {text!r}")


def option_text(value: Any) -> str:
    """The text that `parsed_option` reads as a value.

    >>> option_text(None), option_text(True), option_text((3, 5)), option_text({"car": 1})
    ('none', 'true', '3,5', 'car:1')
    """
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ",".join(f"{key}:{option_text(one)}" for key, one in value.items())
    if isinstance(value, tuple | list):
        return ",".join(map(option_text, value))
    return str(value)


def _is_plain(kind: Any) -> bool:
    """Whether a text can stand for a value of it."""
    inner = get_args(kind)
    if isinstance(kind, list):
        # The arguments of a Callable.
        return False
    if not inner:
        return kind in _SIMPLE or kind is types.NoneType
    if get_origin(kind) is Literal:
        return True
    return all(_is_plain(one) for one in inner if one is not Ellipsis)


_TRUTH = {"true": True, "yes": True, "on": True, "1": True} | {
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_SIMPLE: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Fraction: "a number",
    str: "a text",
    Path: "a path",
}


def _first_that_fits(kinds: tuple[Any, ...], text: str, place: str) -> Any:
    if types.NoneType in kinds and text.lower() == "none":
        return None
    for kind in kinds:
        if kind is types.NoneType:
            continue
        try:
            return parsed_option(kind, text, place)
        except ConfigError:
            continue
    raise ConfigError(f"{place} is {_kind_text(Union[kinds])}, got {text!r}")  # noqa: UP007


def _kind_text(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(map(str, inner)) if len(inner) < 3 else f"one of {', '.join(inner)}"
    if origin in (Union, types.UnionType):
        return " or ".join("none" if one is types.NoneType else _kind_text(one) for one in inner)
    if origin is tuple:
        count = "some" if inner[-1] is Ellipsis else str(len(inner))
        return f"{count} values with commas, each {_kind_text(inner[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"NAME:VALUE with commas, each value {_kind_text(inner[1])}"
    return _SIMPLE.get(kind, getattr(kind, "__name__", str(kind)))


def _argument_texts(docstring: str) -> dict[str, str]:
    """What the Args section of a docstring says of each argument."""
    texts: dict[str, str] = {}
    name = ""
    for line in _section(docstring):
        if line.startswith("    ") and not line.startswith("     "):
            name, _, text = line.strip().partition(":")
            texts[name] = text.strip()
        elif name:
            texts[name] = f"{texts[name]} {line.strip()}".strip()
    return texts


def _section(docstring: str) -> Iterator[str]:
    is_inside = False
    for line in docstring.splitlines():
        if line.strip() and not line.startswith(" "):
            is_inside = line.strip() == "Args:"
        elif is_inside and line.strip():
            yield line

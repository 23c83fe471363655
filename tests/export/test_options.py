"""Options of formats: read from the constructor of their sink, and from texts."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from track_anything.errors import ConfigError
from track_anything.export.formats import FOLDER, FORMATS, ExportFormat, find_format
from track_anything.export.options import LoadedFormat, load_format, option_text, parsed_option


class Sink:
    """A sink with options of every kind."""

    needs_images: ClassVar[bool] = True

    def __init__(
        self,
        folder: Path,
        info: object,
        *,
        count: int,
        shares: tuple[float, float] = (0.5, 0.5),
        how: Literal["a", "b"] = "a",
        names: Mapping[str, int] | None = None,
        paint: object = None,
        overwrite: bool = False,
    ) -> None:
        """Open it.

        Args:
            folder: Where.
            info: Of the frames.
            count: How many
                there are.
            how: a or b.

        Raises:
            OutputError: Never.
        """


class Pictures(Sink):
    """A sink whose option says whether pictures are shown."""

    def __init__(self, path: Path, *, images: bool = False) -> None:
        """Open it."""


def loaded(name: str = "Sink", **rest: Any) -> LoadedFormat:
    target = f"{__name__}:{name}"
    return load_format(ExportFormat(name="any", target=target, path="x", text="", **rest))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "12", 12),
        (float, ".5", 0.5),
        (Fraction, "1/3", Fraction(1, 3)),
        (str, "a,b", "a,b"),
        (bool, "Yes", True),
        (bool, "0", False),
        (Path, "a/b", Path("a/b")),
        (Literal["masks", "boxes"], "boxes", "boxes"),
        (int | None, "none", None),
        (int | None, "3", 3),
        (tuple[str, ...], "mask, box", ("mask", "box")),
        (tuple[str, ...], "", ()),
        (tuple[int, int] | None, "640,360", (640, 360)),
        (Mapping[str, int], "car 1:1,person:2", {"car 1": 1, "person": 2}),
        (Mapping[str, str] | None, "time 12:30:late", {"time 12:30": "late"}),
    ],
)
def test_a_text_is_read_as_the_kind_of_its_option(kind: Any, text: str, value: object) -> None:
    assert parsed_option(kind, text, "x") == value
    assert parsed_option(kind, option_text(value), "x") == value


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (int, "1.5", "x is a whole number, got '1.5'"),
        (float, "a", "x is a number"),
        (Fraction, "1/0", "x is a number"),
        (bool, "maybe", "x is true or false"),
        (Literal["a", "b"], "c", "x is a or b, got 'c'"),
        (Literal["a", "b", "c"], "d", "x is one of a, b, c"),
        (int | None, "some", "x is a whole number or none, got 'some'"),
        (tuple[int, int], "1,2,3", "x is 2 values with commas, each a whole number"),
        (tuple[int, ...], "1,a", "x is a whole number, got 'a'"),
        (Mapping[str, int], "car", "x is NAME:VALUE with commas"),
    ],
)
def test_a_text_of_another_kind_is_refused(kind: Any, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parsed_option(kind, text, "x")


def test_options_are_the_constructors_with_what_its_docstring_says_of_them() -> None:
    one = loaded()
    assert one.takes == ("info", "overwrite")
    assert list(one.options) == ["count", "shares", "how", "names"]
    assert one.options["count"].text == "How many there are."
    assert one.options["count"].is_needed
    assert one.options["how"].values == "a or b"
    assert one.options["shares"].default_text == "0.5,0.5"
    assert list(loaded(hidden=("names",)).options) == ["count", "shares", "how"]


def test_given_options_are_read_checked_and_passed_on() -> None:
    one = loaded()
    given = {"count": "3", "names": {"a": 1}, "shares": "1,0"}
    assert one.values(given) == {"count": 3, "names": {"a": 1}, "shares": (1.0, 0.0)}
    with pytest.raises(ConfigError, match="any has no option 'cuont'; its options: count, shares"):
        one.values({"cuont": "3"})
    with pytest.raises(ConfigError, match=r"any needs its option count \(How many there are\.\)"):
        one.values({})


def test_an_option_named_images_says_whether_pictures_are_needed() -> None:
    assert loaded().needs_images({})
    assert not loaded("Pictures").needs_images({})
    assert loaded("Pictures").needs_images({"images": True})


@pytest.mark.parametrize("target", ["track_anything.io.nowhere:Sink", f"{__name__}:Nothing"])
def test_a_format_that_is_not_installed_says_so_when_it_is_chosen(target: str) -> None:
    one = ExportFormat(name="any", target=target, path="x", text="")
    with pytest.raises(ConfigError, match="any: this version cannot write it"):
        load_format(one)


@pytest.mark.parametrize("one", FORMATS.values(), ids=FORMATS)
def test_every_format_loads_and_its_default_name_fits_it(one: ExportFormat) -> None:
    load = load_format(one)
    assert one.is_folder(Path(one.path)) == (Path(one.path).suffix == "")
    assert one.suffixes
    assert all(option.text for option in load.options.values())
    assert set(one.hidden).isdisjoint(load.options)
    # Defaults can be said.
    for option in load.options.values():
        if not option.is_needed:
            assert parsed_option(option.kind, option.default_text, option.name) == option.default


def test_no_two_formats_have_one_default_name() -> None:
    assert len({one.path for one in FORMATS.values()}) == len(FORMATS)


def test_the_suffix_says_whether_a_format_is_a_file_or_a_folder() -> None:
    both = ExportFormat(name="both", target="", path="x.mov", text="", suffixes=(".mov", FOLDER))
    assert not both.is_folder(Path("a.MOV"))
    assert both.is_folder(Path("pictures"))
    with pytest.raises(ConfigError, match=r"in \.mov, or without an ending for a folder; got"):
        both.is_folder(Path("a.mp4"))
    assert find_format("davis").is_folder(Path("pictures.v2"))
    with pytest.raises(ConfigError, match=r"mot: expected a name ending in \.txt, \.csv; got a"):
        find_format("mot").is_folder(Path("a"))


def test_every_format_and_every_option_is_described_in_the_documentation() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")
    for name, one in FORMATS.items():
        assert f"## {name}\n" in text
        section = text.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert f"exports/{one.path}" in section
        for option in load_format(one).options:
            assert f"`{option}`" in section, (name, option)

"""Prompt files: what they may say, and one line for what they may not."""

import json
from pathlib import Path

import pytest

from track_anything.errors import OutputError, PromptError
from track_anything.prompts import (
    Hints,
    ObjectSpec,
    parse_time,
    read_prompt_file,
    write_prompt_file,
)

EXAMPLE = """
objects:
  - name: ball
    id: 3
    prompts:
      - {at: 0f, box: [120, 80.5, 260, 310]}
      - {at: "00:02.000", mask: fixes/ball.png}
    absent: [["3.2", "4.0"], [150f, 175f]]
  - prompts:
      - {points: [[5, 6], [7, 8]], not: [[1, 2]]}
"""


def written(tmp_path: Path, text: str, name: str = "prompts.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def expected(folder: Path) -> list[ObjectSpec]:
    ball = ObjectSpec(
        name="ball",
        track_id=3,
        hints=(
            Hints(box=(120, 80.5, 260, 310)),
            Hints(at=parse_time("2"), mask=folder / "fixes/ball.png"),
        ),
        absent=(
            (parse_time("3.2"), parse_time("4")),
            (parse_time("150f"), parse_time("175f")),
        ),
    )
    other = ObjectSpec(hints=(Hints(points=((5, 6), (7, 8)), background_points=((1, 2),)),))
    return [ball, other]


def test_a_file_gives_its_objects_with_masks_beside_it(tmp_path: Path) -> None:
    assert read_prompt_file(written(tmp_path, EXAMPLE)) == expected(tmp_path)


@pytest.mark.parametrize("name", ["prompts.json", "prompts", "prompts.txt"])
def test_json_is_read_by_its_suffix_or_its_first_character(tmp_path: Path, name: str) -> None:
    text = '{"objects": [\n\t{"prompts": [{"at": 1.5, "box": [1, 2, 3, 4]}]}]}'
    (found,) = read_prompt_file(written(tmp_path, text, name))
    assert found == ObjectSpec(hints=(Hints(at=parse_time("1.5"), box=(1, 2, 3, 4)),))


@pytest.mark.parametrize(
    ("at", "time"), [("2", "2"), ("0.1", "0.1"), ("1:30", "90"), ("00:02.500", "2.5"), ("7f", "7f")]
)
def test_times_need_no_quotes_in_yaml(tmp_path: Path, at: str, time: str) -> None:
    path = written(tmp_path, f"objects: [{{prompts: [{{at: {at}, box: [1, 2, 3, 4]}}]}}]")
    assert read_prompt_file(path)[0].hints[0].at == parse_time(time)


def test_one_absent_range_needs_no_outer_list(tmp_path: Path) -> None:
    path = written(tmp_path, "objects: [{prompts: [{box: [1, 2, 3, 4]}], absent: [3.2, 4]}]")
    assert read_prompt_file(path)[0].absent == ((parse_time("3.2"), parse_time("4")),)


def entry(text: str) -> str:
    """A file with one object, whose keys are given."""
    return f"objects: [{{{text}}}]"


GOOD = "prompts: [{box: [1, 2, 3, 4]}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a mapping with the key objects, got nothing"),
        ("[1, 2]", r"expected a mapping with the key objects, got \[1, 2\]"),
        ("object: []", "unknown key 'object', allowed: objects"),
        ("objects: []", "objects: expected a list with at least one entry"),
        ("objects: [5]", "object 1: expected a mapping with any of name, id, prompts, absent"),
        (entry("name: a"), r"object 1 \(a\): the key 'prompts' is missing"),
        (entry("prompts: []"), "object 1, prompts: expected a list with at least one entry"),
        (entry(f"{GOOD}, colour: red"), "object 1: unknown key 'colour', allowed: name, id"),
        (entry(f"{GOOD}, name: 5"), r"object 1, name: expected text \(quote it\), got 5"),
        (entry(f"{GOOD}, name: ''"), "object 1, name: expected text"),
        (entry(f"{GOOD}, id: 0"), "object 1, id: expected a whole number, 1 to 65535, got 0"),
        (entry(f"{GOOD}, id: true"), "object 1, id: expected a whole number"),
        (entry("prompts: [{}]"), "object 1, prompt 1: nothing is said at 0f"),
        (entry("prompts: [{bx: 1}]"), "prompt 1: unknown key 'bx', allowed: at, box, points, not"),
        (entry("prompts: [{box: [1, 2, 3]}]"), r"prompt 1, box: expected \[X0, Y0, X1, Y1\]"),
        (entry("prompts: [{box: [1, 2, 3, a]}]"), "prompt 1, box: expected"),
        (entry("prompts: [{box: [1, 2, 3, .nan]}]"), "prompt 1: coordinates are finite"),
        (entry("prompts: [{box: [3, 2, 1, 4]}]"), "object 1, prompt 1: a box is"),
        (entry("prompts: [{points: [1, 2]}]"), r"prompt 1, points: expected \[\[X, Y\], ...\]"),
        (entry("prompts: [{mask: 5}]"), "prompt 1, mask: expected the name of a PNG file, got 5"),
        (entry("prompts: [{at: noon, box: [1, 2, 3, 4]}]"), "prompt 1, at: a time is .*250f"),
        (entry("prompts: [{at: -1, box: [1, 2, 3, 4]}]"), "prompt 1, at: a time is"),
        (entry("prompts: [{at: .inf, box: [1, 2, 3, 4]}]"), "prompt 1, at: a time is"),
        (entry("prompts: [{at: true, box: [1, 2, 3, 4]}]"), "prompt 1, at: a time is"),
        (entry("prompts: [{not: [[1, 2]]}]"), "object 1: .* has only background points"),
        (entry(f"{GOOD}, absent: 5"), r"object 1, absent: expected \[FROM, TO\]"),
        (entry(f"{GOOD}, absent: [1, 2, 3]"), r"object 1, absent: expected \[FROM, TO\]"),
        (entry(f"{GOOD}, absent: [[1, 2], 3]"), r"object 1, absent: expected \[FROM, TO\]"),
        (entry(f"{GOOD}, absent: [4, 3]"), "object 1: an absent range ends after it begins"),
        (entry(f"{GOOD}, absent: [[1, 3], [2, 4]]"), "absent ranges of one object do not overlap"),
        (f"objects: [{{name: a, {GOOD}}}, {{name: a, {GOOD}}}]", "two objects have the name 'a'"),
        (f"objects: [{{id: 2, {GOOD}}}, {{id: 2, {GOOD}}}]", "two objects have the id 2"),
        ("objects:\n  - name: a\n   bad: b", r"line \d: not YAML"),
        ("objects: [\n1,\n{a: 1, a: 2}]", "line 3: not YAML .*'a' twice"),
        ("objects: !!python/object:os.system {}", "line 1: not YAML"),
    ],
)
def test_what_a_file_may_not_say_is_one_line_with_the_place(
    tmp_path: Path, text: str, message: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(PromptError, match=message) as caught:
        read_prompt_file(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_json_that_does_not_parse_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"p\.json: line 2: not JSON"):
        read_prompt_file(written(tmp_path, '{"objects":\n[,]}', "p.json"))


def test_a_key_given_twice_is_refused_in_json_too(tmp_path: Path) -> None:
    text = '{"objects": [], "objects": []}'
    with pytest.raises(PromptError, match=r"p\.json: the key 'objects' is given twice"):
        read_prompt_file(written(tmp_path, text, "p.json"))


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="cannot be read"):
        read_prompt_file(tmp_path / "none.yaml")
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(PromptError, match="UTF-8"):
        read_prompt_file(binary)


@pytest.mark.parametrize("name", ["out.yaml", "out.json"])
def test_what_is_written_reads_back_the_same(tmp_path: Path, name: str) -> None:
    objects = [*expected(tmp_path), ObjectSpec(name="Müller: 7", hints=(Hints(box=(0, 0, 1, 1)),))]
    write_prompt_file(tmp_path / name, objects)
    assert read_prompt_file(tmp_path / name) == objects


def test_a_mask_beside_the_file_is_written_relative_to_it(tmp_path: Path) -> None:
    write_prompt_file(tmp_path / "out.json", expected(tmp_path))
    text = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert text["objects"][0]["prompts"][1]["mask"] == "fixes/ball.png"


def test_a_mask_elsewhere_is_found_from_the_written_file(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    spec = ObjectSpec(hints=(Hints(mask=tmp_path / "m.png"),))
    write_prompt_file(folder / "out.yaml", [spec])
    assert read_prompt_file(folder / "out.yaml") == [spec]


def test_a_file_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        write_prompt_file(tmp_path / "none" / "out.yaml", expected(tmp_path))

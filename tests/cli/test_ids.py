"""`track-anything ids`: identities corrected without the model."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from track_anything import read_tracks_csv

Run = Callable[..., Result]

BOXES = {"square": (8, 12, 32, 36), "corner": (90, 60, 120, 90)}


@pytest.fixture(scope="module")
def tracked(tables_only: Callable[..., Path]) -> Path:
    """Twelve frames of square (1) and corner (2), tables only."""
    return tables_only(BOXES)


@pytest.fixture
def folder(tracked: Path, tmp_path: Path) -> Path:
    """A copy of the run."""
    return Path(shutil.copytree(tracked, tmp_path / "run"))


def test_an_edit_is_told_in_a_line_and_what_is_old_in_another(run: Run, folder: Path) -> None:
    result = run("ids", folder, "swap", "square", "2", "--from", "6f")
    assert (result.exit_code, result.stdout) == (0, "swap 1 and 2 on frames 6 to 11\n")
    (line,) = result.stderr.splitlines()
    assert "Not changed" in line
    assert "tracks.csv, tracks.jsonl" in line


def test_rewriting_makes_the_tables_follow(run: Run, folder: Path) -> None:
    before = read_tracks_csv(folder / "tracks.csv")
    result = run("ids", folder, "drop", "corner", "--to", "0.2", "--rewrite")
    assert result.stdout == "drop 2 on frames 0 to 4\n"
    assert "Made anew" in result.stderr
    after = read_tracks_csv(folder / "tracks.csv")
    assert after == [row for row in before if row.track_id == 1 or row.frame >= 5]


def test_every_edit_is_in_the_log_until_it_is_undone(run: Run, folder: Path) -> None:
    run("ids", folder, "split", "1", "--at", "3f", "--new-id", "9")
    run("ids", folder, "rename", "9", "late")
    run("ids", folder, "merge", "1", "2", "into", "2")
    said = json.loads(run("ids", folder, "log", "--json").stdout)
    assert [entry["text"] for entry in said] == [
        "split 1 at frame 3, from there 9",
        "rename 9 to 'late'",
        "merge 1 into 2 on frames 0 to 11",
    ]
    assert run("ids", folder, "undo", "-q").stdout == "undone: merge 1 into 2 on frames 0 to 11\n"
    lines = run("ids", folder, "log").stdout.splitlines()
    assert [line.split("Z")[-1].split("  ")[-1] for line in lines] == [
        "split 1 at frame 3, from there 9",
        "rename 9 to 'late'",
    ]


def test_an_edit_is_there_as_json(run: Run, folder: Path) -> None:
    said = json.loads(run("ids", folder, "rename", "1", "dog", "--json").stdout)
    assert (said["kind"], said["arguments"]) == ("rename", {"ids": [1], "name": "dog"})
    assert said["stale"] == ["tracks.csv", "tracks.jsonl"]


def test_files_can_be_made_anew_later(run: Run, folder: Path) -> None:
    run("ids", folder, "rename", "1", "dog")
    result = run("ids", folder, "rewrite")
    assert result.exit_code == 0
    assert {row.name for row in read_tracks_csv(folder / "tracks.csv")} == {"dog", "corner"}


@pytest.mark.parametrize(
    "words",
    [("merge", "1"), ("merge", "1", "2", "3"), ("merge", "1", "2", "to", "1"), ("split", "1")],
)
def test_wrong_words_are_wrong_usage(run: Run, folder: Path, words: tuple[str, ...]) -> None:
    result = run("ids", folder, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


def test_an_object_that_is_not_there_is_one_line_and_exit_1(run: Run, folder: Path) -> None:
    result = run("ids", folder, "drop", "zebra")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: the run has no object 'zebra'")

"""`track-anything review`: where a run is doubtful."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]

BOXES = {"square": (8, 12, 32, 36)}


@pytest.fixture(scope="module")
def tracked(tables_only: Callable[..., Path]) -> Path:
    """Twelve frames of a square."""
    return tables_only(BOXES)


@pytest.fixture
def folder(tracked: Path, tmp_path: Path) -> Path:
    """A copy of the run."""
    return Path(shutil.copytree(tracked, tmp_path / "run"))


def test_the_page_is_named_and_the_lowest_told(run: Run, folder: Path) -> None:
    result = run("review", folder)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{folder / 'review.html'}: ")
    assert "The lowest mean confidence is that of square: " in result.stdout
    assert (folder / "review.csv").is_file()
    # The video is where it was: there is nothing to note.
    assert result.stderr == ""


def test_under_the_limit_it_exits_with_3_and_says_whose_mean(run: Run, folder: Path) -> None:
    result = run("review", folder, "--fail-under", "1")
    assert result.exit_code == 3
    (line,) = result.stderr.splitlines()
    assert line.startswith("The lowest mean confidence is that of square: 0.")
    assert line.endswith("under 1.")
    assert (folder / "review.html").is_file()
    assert run("review", folder, "--fail-under", "0", "--overwrite").exit_code == 0


def test_what_was_found_is_there_as_json(run: Run, folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = run("review", folder, "-o", page, "--json", "--fail-under", "0.999")
    said = json.loads(result.stdout)
    assert (said["page"], said["table"]) == (str(page), str(tmp_path / "page.csv"))
    assert said["objects"]["1"]["visible_frames"] == 12
    assert said["lowest"]["id"] == 1
    assert said["is_failed"] is True
    assert not (folder / "review.html").exists()


def test_a_page_that_exists_is_kept_unless_said(run: Run, folder: Path) -> None:
    run("review", folder)
    result = run("review", folder)
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert run("review", folder, "--overwrite").exit_code == 0


def test_a_folder_that_is_no_run_is_one_line(run: Run, tmp_path: Path) -> None:
    result = run("review", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1

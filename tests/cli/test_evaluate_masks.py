"""`track-anything evaluate masks`: scores as JSON and as a table."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from track_anything.label_png import write_palette_png
from track_anything.testing import MovingSquare

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Masks of a square on five frames."""
    folder = tmp_path / "square"
    folder.mkdir()
    source = MovingSquare(frame_count=5)
    for index in range(5):
        write_palette_png(folder / f"{index:05d}.png", source.truth(index).astype(np.uint8))
    return folder


def test_exact_masks_score_1_as_json(run: Run, folder: Path) -> None:
    result = run("evaluate", "masks", "--results", folder, "--truth", folder, "--json", "-q")
    assert (result.exit_code, result.stderr) == (0, "")
    scores = json.loads(result.stdout)
    assert scores["mean"]["J&F"] == 1
    assert list(scores["sequences"]["square"]["objects"]) == ["1"]


def test_scores_come_as_a_table_without_what_was_not_measured(run: Run, folder: Path) -> None:
    result = run("evaluate", "masks", "--results", folder, "--truth", folder, "--all-frames")
    assert result.exit_code == 0, result.stderr
    head, _, row, _, mean = result.stdout.splitlines()
    assert head.split() == [
        "sequence",
        "J&F",
        "J",
        "F",
        "J",
        "rec",
        "F",
        "rec",
        "J",
        "dec",
        "F",
        "dec",
    ]
    assert row.split()[:2] == ["square", "1.000"]
    assert mean.split()[0] == "mean"
    assert result.stderr == "square: J&F 1.000\n"


def test_a_missing_folder_is_one_line_and_exit_1(run: Run, folder: Path, tmp_path: Path) -> None:
    result = run("evaluate", "masks", "--results", tmp_path / "no", "--truth", folder)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {tmp_path / 'no'}: there is no such folder\n"

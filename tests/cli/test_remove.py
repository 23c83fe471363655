"""`track-anything remove` on a run that `track-anything track` made."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from track_anything_cli.remove import DILATE, LOOK

from track_anything import remove_objects
from track_anything.io.video import VideoSource

Run = Callable[..., Result]


@pytest.fixture
def folder(run: Run, clip: Path, tmp_path: Path) -> Path:
    """A run on the square."""
    words = ("--box", "square=8,12,32,36", "--no-video", "-q")
    result = run("track", clip, *words, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    return tmp_path / "run"


def brightest(path: Path) -> float:
    source = VideoSource(path)
    value = max(float(np.percentile(frame.image, 99.5)) for frame in source)
    source.close()
    return value


def test_the_square_is_gone_and_it_is_said_how(run: Run, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    result = run("remove", folder, "--objects", "square", "--dilate", "4", "-o", output)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{output}: 12 frames without 1 (12 changed) in ")
    assert "seen in other frames" in result.stdout
    # The square is brighter than 160 throughout, the background darker than 90.
    assert brightest(tmp_path / "clip.mp4") > 200
    assert brightest(output) < 150


def test_json_has_the_counts(run: Run, folder: Path, tmp_path: Path) -> None:
    words = ("--objects", "1", "--look", "3", "-o", tmp_path / "out.mp4", "--json", "-q")
    result = run("remove", folder, *words)
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["frames"], said["changed_frames"], said["objects"]) == (12, 12, [1])
    assert set(said["pixels"]) == {"seen", "carried", "invented"}


def test_what_is_wrong_is_one_line(run: Run, folder: Path, tmp_path: Path) -> None:
    for words, code, text in (
        (("--objects", "7", "-o", tmp_path / "a.mp4"), 1, "has no object '7'"),
        (("--objects", ",", "-o", tmp_path / "a.mp4"), 2, "--objects names no object"),
        (("--objects", "1", "-o", tmp_path / "clip.mp4", "--overwrite"), 1, "is the video"),
        (("--objects", "1", "-o", tmp_path / "a.avi"), 1, "ending in .mp4"),
        (("--objects", "1"), 2, "Missing option"),
    ):
        result = run("remove", folder, *words)
        assert result.exit_code == code, result.output
        assert text in result.stderr
        assert len([line for line in result.stderr.splitlines() if line.strip()]) == 1
    assert not (tmp_path / "a.mp4").exists()


def test_the_defaults_are_the_librarys() -> None:
    assert (DILATE, LOOK) == (remove_objects.DILATE, remove_objects.LOOK)

"""`track-anything info`: what a video is like."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Run = Callable[..., Result]


def test_a_video_is_told_in_lines(run: Run, clip: Path) -> None:
    result = run("info", clip)
    assert result.exit_code == 0
    lines = [line.split(maxsplit=1) for line in result.stdout.splitlines()]
    assert ["size", "128x96"] in lines
    assert ["codec", "h264 yuv420p"] in lines
    assert ["sound", "none"] in lines
    assert ["frames", "about 12"] in lines


def test_frames_are_counted_on_demand(run: Run, clip: Path) -> None:
    assert "12, counted; constant frame rate" in run("info", clip, "--count").stdout


def test_everything_is_there_as_json(run: Run, clip: Path) -> None:
    facts = json.loads(run("info", clip, "--json", "--count").stdout)
    assert (facts["width"], facts["height"], facts["frames"]["count"]) == (128, 96, 12)


def test_what_is_no_video_is_one_line_and_exit_1(run: Run, tmp_path: Path) -> None:
    result = run("info", tmp_path / "gone.mp4")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [f"Error: {tmp_path / 'gone.mp4'}: no such file"]

"""`track-anything everything`: what it writes, says and exits with."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from track_anything.label_png import read_label_png
from track_anything.masks import mask_iou
from track_anything.rle import rle_to_mask
from track_anything.testing import MovingSquare

SQUARE = MovingSquare(frame_count=12)
TINY = Path(__file__).resolve().parents[1] / "data" / "sam_tiny" / "sam_tiny.pth"
GRABCUT = ("--segmenter", "grabcut")
Run = Callable[..., Result]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """The first frame of the clip."""
    path = tmp_path / "picture.png"
    Image.fromarray(next(iter(SQUARE)).image).save(path)
    return path


def test_a_folder_and_a_line_an_object_come_of_a_picture(
    run: Run, picture: Path, tmp_path: Path
) -> None:
    result = run("everything", picture, *GRABCUT, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    said = json.loads((tmp_path / "out" / "objects.json").read_text())
    assert said["proposer"] == "regions"
    masks = [rle_to_mask(each["segmentation"]) for each in said["objects"]]
    assert max(mask_iou(mask, SQUARE.truth(0)) for mask in masks) > 0.9
    lines = result.stdout.splitlines()
    assert len(lines) == len(masks)
    assert lines[0].startswith("  1: box ")
    assert read_label_png(tmp_path / "out" / "labels.png").max() == len(masks)
    assert result.stderr == "Segmenter: grabcut, asked for. Proposer: regions.\n"


def test_a_frame_of_a_video_is_taken_by_its_time_and_what_moves_is_found(
    run: Run, clip: Path
) -> None:
    words = ("everything", clip, *GRABCUT, "--proposer", "motion", "--json", "-q")
    result = run(*words, "--at", "0.24")
    said = json.loads(result.stdout)
    assert said["time"] == pytest.approx(0.24)
    (square,) = said["objects"]
    assert mask_iou(rle_to_mask(square["segmentation"]), SQUARE.truth(6)) > 0.8
    assert result.stderr == ""


def test_the_grid_is_told_everything_on_the_command_line(run: Run, picture: Path) -> None:
    words = ("everything", picture, "--segmenter", TINY, "--device", "cpu", "--json", "-q")
    settings = ("--points-per-side", 3, "--predicted-iou", 0, "--stability", 0)
    one = json.loads(run(*words, *settings).stdout)
    assert one["proposer"] == "grid"
    assert all(each["point"] is not None for each in one["objects"])
    none = json.loads(run(*words, *settings, "--max-area", 0).stdout)
    assert none["objects"] == []


def test_settings_without_effect_are_warned_of(run: Run, picture: Path) -> None:
    words = ("everything", picture, *GRABCUT, "--json", "-q", "--crop-layers", 1)
    result = run(*words, "--least-motion", 2, "--max-regions", 3)
    assert result.exit_code == 0
    assert result.stderr == (
        "Warning: without effect on the proposer regions: --crop-layers, --least-motion\n"
    )
    assert len(json.loads(result.stdout)["objects"]) <= 3


def test_a_picture_with_nothing_in_it_says_so(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.fromarray(np.full((60, 80, 3), 90, np.uint8)).save(path)
    result = run("everything", path, *GRABCUT, "-o", tmp_path / "out", "-q", "--least-score", 0.9)
    assert result.stdout == "nothing found\n"
    assert not list((tmp_path / "out" / "masks").iterdir())


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ([], 2, "say what is wanted: -o or --json"),
        (["--json", "--points-per-side", "0"], 2, "points_per_side is 1 to 1024, got 0"),
        (["--json", "--granularity", "half"], 2, "--granularity"),
        (["--json", "--at", "soon"], 2, "--at: a time is seconds"),
        (["--json", "--max-side", "8"], 2, "max_side is 16 to 65535"),
        (["--json", "--segmenter", "none"], 1, "everything needs a segmenter"),
        (
            ["--json", "--proposer", "motion"],
            1,
            "there is no frame before 1f; name a later one of a video, or another proposer",
        ),
        (["-o", "old"], 1, "old: is not empty"),
        (["-o", "old", "--overwrite"], 1, "is none of ours"),
        (["-o", "nowhere/out"], 1, "there is no folder"),
    ],
)
def test_what_does_not_fit_is_one_line_and_nothing_is_written(
    run: Run,
    picture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "mine.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    result = run("everything", picture.name, "--segmenter", "grabcut", *words, "-q")
    assert (result.exit_code, result.stdout) == (code, ""), result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert text in line
    assert sorted(tmp_path.rglob("*")) == before

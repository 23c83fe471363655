"""`track-anything evaluate davis`: scores as JSON and as a table."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from track_anything_cli.evaluate import mean_of

from track_anything.testing import MovingSquare

Run = Callable[..., Result]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A DAVIS folder of two short sequences."""
    for name, velocity in (("slow", (1, 1)), ("fast", (4, 2))):
        images = tmp_path / "davis" / "JPEGImages" / "480p" / name
        annotations = tmp_path / "davis" / "Annotations" / "480p" / name
        images.mkdir(parents=True)
        annotations.mkdir(parents=True)
        source = MovingSquare(frame_count=5, velocity=velocity)
        for frame in source:
            Image.fromarray(frame.image).save(images / f"{frame.index:05d}.jpg", quality=95)
            truth = source.truth(frame.index).astype(np.uint8) * 255
            Image.fromarray(truth).save(annotations / f"{frame.index:05d}.png")
    return tmp_path / "davis"


def test_scores_come_as_json(run: Run, root: Path) -> None:
    result = run("evaluate", "davis", root, "--segmenter", "none", "--json", "--quiet")
    assert result.exit_code == 0, result.stderr
    scores = json.loads(result.stdout)
    assert {"J", "F", "J&F", "fps", "calls_per_100_frames"} <= scores["mean"].keys()
    assert set(scores["sequences"]) == {"slow", "fast"}
    assert scores["mean"]["J&F"] > 0.9
    assert scores["mean"]["calls_per_100_frames"] == 0
    assert scores["segmenter"]["name"] == "none"
    assert scores["options"]["tracker"]["reprompt"]["mode"] == "off"
    assert scores["machine"]["cores"] >= 1


def test_scores_come_as_a_table_of_the_sequences_asked_for(run: Run, root: Path) -> None:
    result = run("evaluate", "davis", root, "--segmenter", "none", "--sequence", "slow")
    assert result.exit_code == 0, result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines() if line[0] != "-"] == [
        "sequence",
        "slow",
        "mean",
    ]


def test_masks_and_scores_go_into_a_folder(run: Run, root: Path, tmp_path: Path) -> None:
    words = ("evaluate", "davis", root, "--segmenter", "none", "--sequence", "slow", "-o")
    assert run(*words, tmp_path / "out").exit_code == 0
    assert len(list((tmp_path / "out" / "masks" / "slow").glob("*.png"))) == 5
    scores = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert set(scores["sequences"]) == {"slow"}
    again = run(*words, tmp_path / "out")
    assert again.exit_code == 1
    assert "is not an empty folder" in again.stderr


def test_scores_of_several_seeds_are_averaged_and_told_apart(run: Run, root: Path) -> None:
    words = ("evaluate", "davis", root, "--segmenter", "none", "--sequence", "fast", "--json", "-q")
    both = json.loads(run(*words, "--seed", "1", "--seed", "2").stdout)
    one = json.loads(run(*words, "--seed", "1").stdout)
    assert set(both["seeds"]) == {"1", "2"}
    assert both["seeds"]["1"]["J"] == one["mean"]["J"]
    assert both["mean"]["J"] == pytest.approx(
        (both["seeds"]["1"]["J"] + both["seeds"]["2"]["J"]) / 2
    )


def test_means_go_through_nested_numbers() -> None:
    assert mean_of([{"a": 1.0, "b": {"c": 2.0}}, {"a": 3.0, "b": {"c": 6.0}}]) == {
        "a": 2.0,
        "b": {"c": 4.0},
    }


def test_a_folder_of_another_layout_is_one_line_and_exit_1(run: Run, tmp_path: Path) -> None:
    result = run("evaluate", "davis", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith(f"Error: {tmp_path}: expected a DAVIS folder")

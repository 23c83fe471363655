"""`track-anything evaluate davis`: scores as JSON and as a table."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

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


def test_several_seeds_in_one_call_have_a_line_each_a_mean_and_a_spread(
    run: Run, root: Path
) -> None:
    words = ("evaluate", "davis", root, "--segmenter", "none", "--sequence", "fast", "-q")
    scores = json.loads(run(*words, "--seed", "4", "--seeds", "3", "--json").stdout)
    assert list(scores["seeds"]) == ["4", "5", "6"]
    values = [one["J"] for one in scores["seeds"].values()]
    assert scores["mean"]["J"] == pytest.approx(np.mean(values))
    assert scores["spread"]["mean"]["J"] == pytest.approx(np.std(values, ddof=1))
    assert scores["spread"]["sequences"]["fast"]["J"] == scores["spread"]["mean"]["J"]
    lines = run(*words, "--seeds", "2").stdout.splitlines()
    assert [line.split("  ")[0] for line in lines[-4:]] == ["seed 0", "seed 1", "mean", "+-"]


def test_seeds_counted_and_seeds_named_are_not_mixed(run: Run, root: Path) -> None:
    result = run("evaluate", "davis", root, "--seed", "1", "--seed", "2", "--seeds", "3")
    assert result.exit_code == 2
    assert "give --seed once" in result.stderr


def test_a_simulated_segmenter_is_asked_by_the_clock_and_marked_everywhere(
    run: Run, root: Path, tmp_path: Path
) -> None:
    words = ("evaluate", "davis", root, "--sequence", "slow", "--segmenter", "simulated")
    table = run(*words, "--reprompt", "fixed:2", "-o", tmp_path / "out")
    assert table.exit_code == 0, table.stderr
    assert table.stdout.splitlines()[-1] == (
        "(simulated segmenter: it answers from the ground truth)"
    )
    assert all("simulated" in line for line in table.stderr.splitlines() if line.startswith("slow"))
    scores = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    # Frames 2 and 4 of five.
    assert scores["mean"]["calls_per_100_frames"] == 40
    assert scores["segmenter"]["name"] == "simulated"
    assert scores["simulated"].startswith("simulated segmenter")
    assert scores["options"]["tracker"]["reprompt"]["mode"] == "clock"
    assert scores["options"]["tracker"]["reprompt"]["clock_frames"] == 2
    plain = json.loads(run(*words[:-1], "none", "--json", "-q").stdout)
    assert "simulated" not in plain


@pytest.mark.parametrize("word", ["fixed", "fixed:0", "fixed:x", "fixed:-3", "never"])
def test_a_re_prompt_of_another_kind_is_wrong_usage(run: Run, root: Path, word: str) -> None:
    result = run("evaluate", "davis", root, "--reprompt", word)
    assert result.exit_code == 2
    assert "is not one of auto, on, off, fixed:N" in result.stderr


def test_simulated_is_for_evaluation_alone(run: Run, root: Path, tmp_path: Path) -> None:
    pictures = root / "JPEGImages" / "480p" / "slow"
    result = run(
        "track", pictures, "--segmenter", "simulated", "--box", "8,12,32,36", "-o", tmp_path / "o"
    )
    assert result.exit_code == 1
    assert "got 'simulated'" in result.stderr


def test_the_baseline_tracks_every_object_alone(run: Run, root: Path) -> None:
    words = ("evaluate", "davis", root, "--segmenter", "none", "--sequence", "slow", "--json", "-q")
    alone = json.loads(run(*words, "--baseline", "independent").stdout)
    together = json.loads(run(*words).stdout)
    assert (alone["baseline"], together["baseline"]) == ("independent", None)
    # With one object the baseline is the tracker itself.
    assert alone["mean"]["J"] == together["mean"]["J"]


def test_a_folder_of_another_layout_is_one_line_and_exit_1(run: Run, tmp_path: Path) -> None:
    result = run("evaluate", "davis", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith(f"Error: {tmp_path}: expected a DAVIS folder")

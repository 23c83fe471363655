"""`track-anything evaluate prompts`: scores as JSON and as a table."""

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
def stills(tmp_path: Path) -> Path:
    """A folder of two pictures with masks, side by side."""
    folder = tmp_path / "stills"
    folder.mkdir()
    source = MovingSquare(frame_count=2)
    for frame in source:
        Image.fromarray(frame.image).save(folder / f"{frame.index}.jpg", quality=95)
        Image.fromarray(source.truth(frame.index).astype(np.uint8)).save(
            folder / f"{frame.index}.png"
        )
    return folder


@pytest.fixture
def davis(tmp_path: Path) -> Path:
    """A DAVIS folder of one sequence of five frames."""
    images = tmp_path / "davis" / "JPEGImages" / "480p" / "slow"
    annotations = tmp_path / "davis" / "Annotations" / "480p" / "slow"
    images.mkdir(parents=True)
    annotations.mkdir(parents=True)
    source = MovingSquare(frame_count=5)
    for frame in source:
        Image.fromarray(frame.image).save(images / f"{frame.index:05d}.jpg", quality=95)
        truth = source.truth(frame.index).astype(np.uint8) * 255
        Image.fromarray(truth).save(annotations / f"{frame.index:05d}.png")
    return tmp_path / "davis"


def test_scores_of_a_video_come_as_json(run: Run, davis: Path) -> None:
    result = run(
        "evaluate", "prompts", davis, "--every", 2, "--segmenter", "grabcut", "--json", "--quiet"
    )
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    scores = json.loads(result.stdout)
    assert list(scores["segmenters"]) == ["grabcut"]
    assert set(scores["baselines"]) == {"ellipse", "given mask"}
    assert (scores["pictures"], scores["objects"]) == (3, 3)
    assert scores["segmenters"]["grabcut"]["kinds"]["tight box"]["IoU"] > 0.8
    assert len(scores["segmenters"]["grabcut"]["kinds"]) == 12
    assert scores["machine"]["cores"] >= 1


def test_scores_of_stills_come_as_a_table_of_the_kinds_asked_for(run: Run, stills: Path) -> None:
    words = ("evaluate", "prompts", stills, "--stills", "--kind", "tight box", "--seed", 3)
    result = run(*words, "--segmenter", "grabcut", "--seeds", 4)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split()[:7] == ["mean", "by", "kind", "of", "prompt", "n", "grabcut"]
    assert lines[2].split()[:3] == ["tight", "box", "4"]
    assert lines[3] == ""


def test_grabcut_stands_beside_unless_asked_not_to(
    run: Run, stills: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from track_anything import build

    spec = build.SegmenterSpec(name="bright", target="track_anything.testing:ThresholdSegmenter")
    monkeypatch.setattr(build, "SEGMENTERS", {**build.SEGMENTERS, "bright": spec})
    words = ("evaluate", "prompts", stills, "--stills", "--kind", "tight box", "-q", "--json")
    beside = json.loads(run(*words, "--segmenter", "bright").stdout)
    assert list(beside["segmenters"]) == ["bright", "grabcut"]
    alone = json.loads(run(*words, "--segmenter", "bright", "--alone").stdout)
    assert list(alone["segmenters"]) == ["bright"]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--segmenter", "none"), 1, "prompts need a segmenter"),
        (("--segmenter", "ellipse"), 1, "got 'ellipse'"),
        (("--segmenter", "missing.pth"), 1, "missing.pth: no such checkpoint"),
        (("--segmenter", "grabcut", "--kind", "scribble"), 1, "got 'scribble'"),
        (("--sequence", "slow"), 2, "--sequence is for videos"),
    ],
)
def test_what_cannot_be_is_one_line(
    run: Run, stills: Path, words: tuple[str, ...], code: int, text: str
) -> None:
    result = run("evaluate", "prompts", stills, "--stills", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert text in result.stderr.splitlines()[-1]
    assert result.stderr.splitlines()[-1].startswith("Error: ")

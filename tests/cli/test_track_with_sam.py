"""`track-anything track --segmenter CHECKPOINT`: the whole way with a network, an untrained one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from track_anything.label_png import read_label_png, write_mask_png
from track_anything.masks import mask_iou
from track_anything.testing import MovingSquare

TINY = Path(__file__).resolve().parents[1] / "data" / "sam_tiny" / "sam_tiny.pth"
SQUARE = MovingSquare(frame_count=12)
Run = Callable[..., Result]


@pytest.mark.parametrize("is_cached", [False, True], ids=["by path", "by name"])
def test_a_track_survives_a_checkpoint_that_answers_at_random(
    run: Run, clip: Path, tmp_path: Path, is_cached: bool
) -> None:
    name = str(TINY)
    if is_cached:
        name = "mine"
        assert run("weights", "import", TINY, "--name", name).exit_code == 0
    write_mask_png(tmp_path / "first.png", SQUARE.truth(0))
    config = tmp_path / "often.toml"
    config.write_text(
        "[tracker.reprompt]\nlongest_interval = 2\ncooldown_frames = 1\nbudget = 100.0\n"
    )
    result = run(
        *("track", clip, "--mask", f"square={tmp_path / 'first.png'}", "-o", tmp_path / "run"),
        *("--segmenter", name, "--device", "cpu", "--config", config, "--no-video", "--json"),
    )
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert (summary["segmenter"], summary["frames"]) == (name, 12)
    assert summary["event_counts"]["rejected"] > 0
    assert "reprompted" not in summary["event_counts"]
    for index in range(12):
        found = read_label_png(tmp_path / "run" / "masks" / f"{index:05d}.png") == 1
        assert mask_iou(found, SQUARE.truth(index)) > 0.8


def test_a_box_is_segmented_by_the_checkpoint_and_tracked(
    run: Run, clip: Path, tmp_path: Path
) -> None:
    result = run(
        *("track", clip, "--box", "8,12,32,36", "-o", tmp_path / "run", "--no-video", "--json"),
        *("--segmenter", TINY, "--device", "cpu"),
    )
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["frames"] == 12
    manifest = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert manifest["segmenter"] == {"name": str(TINY), "reason": "the checkpoint asked for"}
    assert manifest["status"] == "complete"


def test_a_checkpoint_that_is_damaged_is_one_line_and_nothing_is_written(
    run: Run, clip: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pth"
    broken.write_bytes(TINY.read_bytes()[:100_000])
    result = run(
        "track", clip, "--box", "8,12,32,36", "-o", tmp_path / "run", "--segmenter", broken
    )
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith(f"Error: {broken}: not a checkpoint")
    assert not (tmp_path / "run").exists()

"""`check`, and `track` with --direction and --check."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from track_anything.io.run_store import RunStore
from track_anything.testing import MovingSquare

Run = Callable[..., Result]


@pytest.fixture
def words(clip: Path, quick: Path) -> list[str]:
    """A command that tracks the square from frame 6 of 12."""
    box = ",".join(f"{side:g}" for side in MovingSquare().box(6))
    return ["track", str(clip), f"--box=square={box}@6f", "--config", str(quick), "--no-video"]


def test_both_directions_and_a_check_in_one_command(
    run: Run, words: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    result = run(*words, "-o", folder, "--direction", "both", "--check", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["frames"], said["objects"]["1"]["visible_frames"]) == (12, 12)
    assert said["check"]["objects"]["1"]["return_iou"] > 0.7
    with RunStore.open(folder) as store:
        assert store.tracks[0].first_frame == 0
        assert store.manifest["check"] == said["check"]


def test_check_prints_a_table_and_fails_under_a_limit(
    run: Run, words: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    assert run(*words, "-o", folder).exit_code == 0
    good = run("check", folder)
    assert good.exit_code == 0, good.output
    head, row = good.stdout.splitlines()[:2]
    assert head.split("  ")[0] == "object"
    assert row.startswith("1 square")
    assert row.split()[-1] == "5"
    bad = run("check", folder, "--fail-under", "1")
    assert bad.exit_code == 3
    assert "is under 1." in bad.stderr


def test_check_of_no_run_is_one_line(run: Run, tmp_path: Path) -> None:
    result = run("check", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1


def test_a_late_prompt_is_hinted_at_unless_it_is_followed_back(
    run: Run, long_clip: Path, tmp_path: Path
) -> None:
    late = ["track", long_clip, "--box=square=10,10,60,60@26f", "-o", tmp_path / "out"]
    late += ["-t", "30f", "--no-video", "--segmenter", "grabcut"]
    hint = "Hint: object 'square' is first prompted later than 1 s into the clip"
    soon = [word if "@26f" not in str(word) else "--box=square=10,10,60,60@25f" for word in late]
    said = {name: run(*line, "--dry-run").exit_code for name, line in (("late", late),)}
    assert said == {"late": 0}
    assert hint in run(*late, "-t", "28f").stderr
    assert hint not in run(*soon, "-t", "28f", "--overwrite").stderr

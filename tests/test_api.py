"""The calls most programs need, and names that load late."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import track_anything
from track_anything.api import as_prompts
from track_anything.config import DiscoveryConfig, RunConfig
from track_anything.errors import PromptError, VideoError
from track_anything.prompts import Hints, ObjectSpec
from track_anything.structures import Prompt
from track_anything.testing import RecordingSink

BOX = (8.0, 12.0, 32.0, 36.0)


def test_one_call_tracks_into_a_folder(pictures: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    summary = track_anything.track(
        pictures,
        {"square": BOX},
        tmp_path / "run",
        video_out=False,
        progress=lambda done, expected: told.append((done, expected)),
    )
    assert summary.frames == 6
    assert summary.objects[1]["name"] == "square"
    assert told == [(1, 6), (2, 6), (3, 6), (4, 6), (5, 6), (6, 6)]
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "masks",
        "run.json",
        "tracks.csv",
        "tracks.db",
        "tracks.jsonl",
    ]


def test_without_prompts_everything_on_the_first_frame_can_be_tracked(pictures: Path) -> None:
    results = list(track_anything.follow(pictures, everything=True, end="2f"))
    assert results[0].events[0].kind == "discovered"
    assert len(results[0].objects) == len(results[1].objects) >= 1
    with pytest.raises(PromptError, match="there are no prompts"):
        list(track_anything.follow(pictures))


def test_what_discovery_is_told_in_the_config_is_kept(pictures: Path, tmp_path: Path) -> None:
    config = RunConfig(discovery=DiscoveryConfig(every_frames=2))
    box = {"square": BOX}
    run = tmp_path / "run"
    track_anything.track(pictures, box, run, config=config, discover=True, video_out=False)
    said = json.loads((run / "run.json").read_text())["options"]["discovery"]
    assert (said["is_on"], said["everything"], said["every_frames"]) == (True, False, 2)


def test_own_sinks_get_every_result(pictures: Path) -> None:
    sink = RecordingSink()
    track_anything.track(pictures, {"square": BOX}, sinks=[sink], start="1f", end="3f")
    assert len(sink.results) == 2
    assert sink.close_count == 1


def test_results_can_be_followed_as_they_come(pictures: Path) -> None:
    results = track_anything.follow(pictures, {"square": BOX})
    first = next(results)
    assert first.frame.index == 0
    assert first.objects[0].label == "square"
    # Stopping early is no error and leaves no thread reading.
    results.close()  # type: ignore[attr-defined]


def test_following_ends_with_an_error_if_a_prompt_was_not_reached(pictures: Path) -> None:
    prompt = Prompt(box=np.array(BOX))
    results = track_anything.follow(pictures, {0: [prompt], 6: [prompt]})
    with pytest.raises(track_anything.UnreachedPromptError, match="6f"):
        list(results)


def test_a_missing_video_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no such file") as caught:
        track_anything.track(tmp_path / "gone.mp4", {"square": BOX})
    assert isinstance(caught.value, VideoError)


def test_every_form_of_prompts_becomes_one_that_a_job_keeps(tmp_path: Path) -> None:
    prompt = Prompt(box=np.array(BOX))
    spec = ObjectSpec(name="square", hints=(Hints(box=BOX),))
    file = tmp_path / "prompts.yaml"
    file.write_text("objects: [{name: square, prompts: [{box: [8, 12, 32, 36]}]}]")
    assert as_prompts(file) == as_prompts(str(file)) == (spec,)
    assert as_prompts({"square": BOX}) == as_prompts([spec]) == (spec,)
    assert as_prompts([prompt]) == as_prompts({0: [prompt]}) == {0: (prompt,)}
    assert as_prompts({3: [prompt]}) == {3: (prompt,)}


@pytest.mark.parametrize(
    ("prompts", "said"),
    [
        ({"square": (1, 2, 3)}, "'square': a box has 4 numbers"),
        ({"square": "box"}, "'square': a box has 4 numbers"),
        ({"square": (9, 9, 9, 20)}, "X1 > X0"),
        (7, r"prompts are a file.*got int"),
        ([(1, 2, 3, 4)], r"prompts are a file.*got list"),
        ({1.5: []}, r"prompts are a file.*got dict"),
    ],
)
def test_what_is_no_prompt_is_refused(prompts: Any, said: str) -> None:
    with pytest.raises(PromptError, match=said):
        as_prompts(prompts)


def test_a_run_is_corrected_by_its_folder_and_resumed_if_it_was_stopped(
    pictures: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"

    def interrupt(done: int, _: int | None) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        track_anything.track(pictures, {"square": BOX}, folder, video_out=False, progress=interrupt)
    told: list[int] = []
    summary = track_anything.resume_run(folder, progress=lambda done, _: told.append(done))
    assert summary is not None
    assert (summary.frames, told) == (6, [1, 2, 3, 4, 5, 6])
    assert track_anything.resume_run(folder) is None
    fixes = tmp_path / "fixes.yaml"
    fixes.write_text("objects: [{name: square, prompts: [{at: 3f, not: [[100, 80]]}]}]")
    lines: list[str] = []
    assert track_anything.correct_run(folder, fixes, tell=lines.append).frames == 6
    assert lines[0] == "object 1 'square': frames 3 to 5 tracked again."


def test_every_public_name_is_there_and_is_what_type_checkers_see() -> None:
    tree = ast.parse(Path(track_anything.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.name: node.module
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {*seen, "__version__"} == set(track_anything.__all__)
    for name, module in seen.items():
        __import__(str(module))
        assert getattr(track_anything, name) is getattr(sys.modules[str(module)], name)


def test_public_names_are_listed_once() -> None:
    public = [name for name in track_anything.__all__ if name != "__version__"]
    assert len(public) == len(set(public))
    assert dir(track_anything) == sorted(track_anything.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'trak'"):
        track_anything.trak  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_does_not_even_load_numpy() -> None:
    code = "import sys, track_anything; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

"""`track-anything track`: what it writes, says and exits with."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from click.testing import Result

BOX = ("--box", "8,12,32,36")
Run = Callable[..., Result]


def said(result: Result) -> list[str]:
    """Lines on standard error but the one that names the segmenter."""
    return [line for line in result.stderr.splitlines() if not line.startswith("Segmenter: ")]


def manifest(folder: Path) -> Any:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def test_a_box_gives_the_whole_run_folder(run: Run, clip: Path, tmp_path: Path) -> None:
    result = run("track", clip, *BOX, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.stderr
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "annotated.mp4",
        "masks",
        "run.json",
        "tracks.csv",
        "tracks.db",
        "tracks.jsonl",
    }
    assert len(list((tmp_path / "run" / "masks").iterdir())) == 12
    assert "12 frames" in result.stdout
    assert "1 (no name): seen on 12 frames" in result.stdout
    assert result.stderr.splitlines()[0] == (
        "Segmenter: compact, the embedded one: no weights of SAM are here."
    )


def test_parts_can_be_left_out_and_added(run: Run, clip: Path, tmp_path: Path) -> None:
    result = run(
        "track", clip, *BOX, "-o", tmp_path / "run", "--no-video", "--no-masks", "--object-masks"
    )
    assert result.exit_code == 0, result.stderr
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "objects",
        "run.json",
        "tracks.csv",
        "tracks.db",
        "tracks.jsonl",
    }


def test_json_is_all_there_is_on_standard_output(run: Run, clip: Path, tmp_path: Path) -> None:
    result = run("track", clip, *BOX, "-o", tmp_path / "run", "--json", "--no-video", "--quiet")
    summary = json.loads(result.stdout)
    assert (summary["frames"], summary["segmenter"]) == (12, "compact")
    assert summary["objects"]["1"]["visible_frames"] == 12
    assert result.stderr == ""


def test_a_dry_run_prints_the_plan_and_writes_nothing(run: Run, clip: Path, tmp_path: Path) -> None:
    words = ("track", clip, "--box", "dog=8,12,32,36@3f", "-o", tmp_path / "run", "--dry-run")
    result = run(*words)
    assert result.exit_code == 0, result.stderr
    assert "128x96" in result.stdout
    assert "dog: prompts at 3f" in result.stdout
    planned = json.loads(run(*words, "--json").stdout)
    assert planned["options"]["tracker"]["reprompt"]["evidence_gain"] == -0.25
    assert planned["prompts"]["objects"][0]["name"] == "dog"
    assert not (tmp_path / "run").exists()


def test_ids_count_in_the_order_of_the_command_line_whatever_the_kind(
    run: Run, clip: Path, tmp_path: Path
) -> None:
    result = run(
        *("track", clip, "-o", tmp_path / "run", "--dry-run", "--json"),
        *("--point", "one=20,20", "--box", "two=8,12,32,36", "--point=three=50,50"),
        *("--not", "one=100,80", "--box", "three=40,40,60,60"),
    )
    objects = json.loads(result.stdout)["prompts"]["objects"]
    assert [(one["id"], one["name"]) for one in objects] == [(1, "one"), (2, "two"), (3, "three")]
    assert objects[0]["prompts"] == [{"at": "0f", "points": [[20, 20]], "not": [[100, 80]]}]


def test_a_prompt_file_and_options_are_joined(run: Run, clip: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.yaml"
    prompts.write_text("objects: [{name: dog, prompts: [{box: [8, 12, 32, 36]}]}]")
    result = run(
        *("track", clip, "-o", tmp_path / "run", "--dry-run", "--json", "--prompts", prompts),
        *("--point", "dog=40,40@6f"),
    )
    (dog,) = json.loads(result.stdout)["prompts"]["objects"]
    assert [prompt["at"] for prompt in dog["prompts"]] == ["0f", "6f"]


def test_the_command_line_wins_over_the_config_file_and_that_over_the_defaults(
    run: Run, clip: Path, tmp_path: Path
) -> None:
    config = tmp_path / "settings.toml"
    config.write_text('seed = 5\n[write]\ncrf = 30\n[style]\nparts = ["box"]\n')
    result = run(
        *("track", clip, *BOX, "-o", tmp_path / "run", "--dry-run", "--json"),
        # 20 is the default: given, it still wins.
        *("--config", config, "--crf", "20", "--reprompt", "off"),
    )
    options = json.loads(result.stdout)["options"]
    assert (options["seed"], options["write"]["crf"]) == (5, 20)
    assert options["style"]["parts"] == ["box"]
    assert options["tracker"]["reprompt"]["mode"] == "off"
    assert options["read"]["max_side"] == 0


def test_the_trackers_options_are_settings(run: Run, clip: Path, tmp_path: Path) -> None:
    words = ("track", clip, *BOX, "-o", tmp_path / "run", "--dry-run", "--json")
    usual = json.loads(run(*words).stdout)["options"]["tracker"]
    assert (usual["reprompt"]["budget"], usual["look_back"]["frames"]) == (15, 24)
    assert (usual["cuts"], usual["overlaps"]) == ("reacquire", "first")
    result = run(
        *words,
        "--reprompt-budget",
        "2.5",
        "--look-back",
        "0",
        "--cuts",
        "end",
        "--overlaps",
        "keep",
    )
    told = json.loads(result.stdout)["options"]["tracker"]
    assert (told["reprompt"]["budget"], told["look_back"]["frames"]) == (2.5, 0)
    assert (told["cuts"], told["overlaps"]) == ("end", "keep")


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--reprompt-budget", "101", "101.0 is not in the range 0<=x<=100"),
        ("--look-back", "-1", "-1 is not in the range 0<=x<=1000"),
        ("--look-back", "2.5", "'2.5' is not a valid integer"),
        ("--cuts", "stop", "'stop' is not one of 'reacquire', 'end', 'ignore'"),
    ],
)
def test_a_tracker_option_out_of_range_is_wrong_usage(
    run: Run, clip: Path, tmp_path: Path, option: str, value: str, complaint: str
) -> None:
    result = run("track", clip, *BOX, "-o", tmp_path / "run", f"{option}={value}")
    assert result.exit_code == 2
    assert f"Error: Invalid value for '{option}'" in result.stderr
    assert complaint in result.stderr
    assert not (tmp_path / "run").exists()


def test_the_help_says_the_trackers_options_with_their_defaults(run: Run) -> None:
    text = " ".join(run("track", "--help").stdout.split())
    for words in (
        "--reprompt-budget N",
        "what a sure object does not need is saved up.",
        "More follows better, as far as the segmenter is good, and slower. [default: 15.0",
        "--look-back N",
        "0 mends nothing. [default: 24",
        "--cuts [reacquire|end|ignore]",
        "carries on as if nothing was. [default: reacquire]",
    ):
        assert words in text


def test_only_the_range_asked_for_is_tracked(run: Run, clip: Path, tmp_path: Path) -> None:
    result = run(
        *("track", clip, "--box", "14,16,38,40", "-o", tmp_path / "run", "--json", "-q"),
        *("-ss", "0.08", "-t", "0.2"),
    )
    assert json.loads(result.stdout)["frames"] == 5
    with av.open(str(tmp_path / "run" / "annotated.mp4")) as video:
        assert [frame.pts * frame.time_base * 25 for frame in video.decode(video=0)] == [*range(5)]


def test_a_run_below_the_confidence_asked_for_exits_with_3(
    run: Run, clip: Path, tmp_path: Path
) -> None:
    words = ("track", clip, *BOX, "--no-video", "-o")
    under = run(*words, tmp_path / "one", "--fail-under", "1")
    assert under.exit_code == 3
    assert said(under)[-1].endswith("is under 1.")
    assert run(*words, tmp_path / "two", "--fail-under", "0.1").exit_code == 0


def no_area(folder: Path) -> list[str]:
    path = folder / "prompts.yaml"
    path.write_text("objects: [{name: a, prompts: [{box: [8, 12, 8, 36]}]}]")
    return ["--prompts", str(path)]


def unknown_option(folder: Path) -> list[str]:
    path = folder / "prompts.yaml"
    path.write_text("objects: [{name: a, prompts: [{boxes: [8, 12, 8, 36]}]}]")
    return ["--prompts", str(path)]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--box", "200,1,220,30"], 1, "is outside the frame, 128x96"),
        (["--point", "128,1"], 1, "the point 128,1 is outside the frame"),
        (no_area, 1, "a box is X0,Y0,X1,Y1 with X1 > X0"),
        (unknown_option, 1, "unknown key 'boxes', allowed: at, box, points, not, mask"),
        (["--box", "8,12,8,36"], 2, "a box is X0,Y0,X1,Y1 with X1 > X0"),
        (["--box", "8,12,36"], 2, "--box is [NAME=]X0,Y0,X1,Y1[@TIME]"),
        (["--not", "8,12"], 2, "only background points"),
        ([], 2, "say what to follow with --box"),
        ([*BOX, "--style", "sparkles"], 2, "style is any of mask, contour"),
        ([*BOX, "--crf", "52"], 2, "0<=x<=51"),
        ([*BOX, "--max-side", "8"], 2, "max_side is 16 to 65535"),
        ([*BOX, "-ss", "soon"], 2, "-ss: a time is seconds"),
        ([*BOX, "--nonsense"], 2, "No such option '--nonsense'"),
        ([*BOX, "--segmenter", "magic"], 1, "a segmenter is auto, compact, grabcut, none"),
        ([*BOX, "--segmenter", "sam-base"], 1, "not downloaded unasked"),
        ([*BOX, "--segmenter", "none"], 1, "without a segmenter every prompt is a mask"),
        (["--box", "8,12,32,36@9"], 1, "the prompt at 9 is past the end"),
        (["--box", "8,12,32,36@90f"], 1, "past the end: the video has 12 frames"),
        ([*BOX, "-ss", "9"], 1, "the range starts at 9 s, but the last frame is at 0.440 s"),
        ([*BOX, "--config", "nowhere.toml"], 1, "nowhere.toml: cannot be read"),
        ([*BOX, "--prompts", "nowhere.yaml"], 1, "nowhere.yaml: cannot be read"),
        (["--mask", "nowhere.png"], 1, "nowhere.png: cannot be read"),
    ],
)
def test_what_does_not_fit_is_one_line_and_nothing_is_written(
    run: Run,
    clip: Path,
    tmp_path: Path,
    words: list[str] | Callable[[Path], list[str]],
    code: int,
    text: str,
) -> None:
    given = words if isinstance(words, list) else words(tmp_path)
    result = run("track", clip, *given, "-o", tmp_path / "run")
    assert (result.exit_code, result.stdout) == (code, ""), result.stderr
    (line,) = said(result)
    assert line.startswith("Error: ")
    assert text in line
    assert not (tmp_path / "run").exists()


def audio_only(path: Path) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=48000)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate, frame.pts = 48000, 0
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def no_frames(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 96, 128, "yuv420p"
        output.start_encoding()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "expected pictures"),
        (lambda path: path.write_text("hello\n" * 50), "not a video that FFmpeg can read"),
        (audio_only, "got only audio"),
        (no_frames, "clip.mp4"),
    ],
    ids=["missing", "folder without pictures", "text", "sound only", "no frames"],
)
def test_an_input_without_pictures_is_one_line_and_nothing_is_written(
    run: Run, tmp_path: Path, make: Callable[[Path], object], text: str
) -> None:
    video = tmp_path / "clip.mp4"
    make(video)
    result = run("track", video, *BOX, "-o", tmp_path / "run")
    assert result.exit_code == 1, result.stderr
    (line,) = said(result)
    assert line.startswith(f"Error: {video}: ")
    assert text in line
    assert not (tmp_path / "run").exists()


def test_a_truncated_input_is_tracked_as_far_as_it_goes_with_a_warning_and_exit_1(
    run: Run, clip: Path, tmp_path: Path
) -> None:
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 6 // 10])
    result = run("track", clip, *BOX, "-o", tmp_path / "run")
    assert result.exit_code == 1
    assert any(line.startswith(f"Warning: {clip}: cut off at") for line in said(result))
    assert {"annotated.mp4", "tracks.csv"} <= {p.name for p in (tmp_path / "run").iterdir()}
    report = manifest(tmp_path / "run")
    assert report["status"] == "complete"
    assert "cut off" in report["problems"][-1]
    assert 0 < report["frames"] < 12


@pytest.mark.parametrize("place", ["file", "filled", "input", "inside", "unwritable"])
def test_an_output_that_cannot_be_is_one_line_and_nothing_is_touched(
    run: Run, clip: Path, tmp_path: Path, place: str
) -> None:
    folder = tmp_path / "run"
    words: list[str] = []
    if place == "file":
        folder.write_text("mine")
    elif place == "filled":
        folder.mkdir()
        (folder / "tracks.csv").write_text("mine")
    elif place == "input":
        folder = clip
    elif place == "inside":
        folder, words = tmp_path, ["--overwrite"]
    else:
        (tmp_path / "blocked").write_text("mine")
        folder = tmp_path / "blocked" / "run"
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    result = run("track", clip, *BOX, "-o", folder, *words)
    assert result.exit_code == 1, result.stderr
    (line,) = said(result)
    assert line.startswith(f"Error: {folder}: ")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_overwriting_must_be_said(run: Run, clip: Path, tmp_path: Path) -> None:
    words = ("track", clip, *BOX, "-o", tmp_path / "run", "--no-video")
    assert run(*words).exit_code == 0
    assert run(*words).exit_code == 1
    assert run(*words, "--overwrite").exit_code == 0


def test_where_an_error_came_from_is_shown_only_when_asked(run: Run, tmp_path: Path) -> None:
    words = ("track", tmp_path / "gone.mp4", *BOX, "-o", tmp_path / "run")
    assert "Traceback" not in run(*words).stderr
    assert "Traceback" in run(*words, "-v").stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_partial_video_that_plays(
    long_clip: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    folder = tmp_path / "run"
    # A shell's background jobs, and their children, ignore SIGINT.
    code_text = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from track_anything_cli.main import main; main()"
    )
    program = [sys.executable, "-c", code_text]
    process = subprocess.Popen(
        [*program, "track", str(long_clip), *BOX, "-o", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    rows = folder / "tracks.partial.csv"
    deadline = time.monotonic() + 60
    # A header and ten frames: in the middle of the work.
    while not rows.exists() or rows.read_bytes().count(b"\n") < 11:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert "Interrupted: " in err
    assert "Traceback" not in err
    names = {path.name for path in folder.iterdir()}
    assert {"annotated.partial.mp4", "tracks.partial.csv", "run.json"} <= names
    assert not names & {"annotated.mp4", "tracks.csv", "tracks.jsonl"}
    assert manifest(folder)["status"] == "interrupted"
    with av.open(str(folder / "annotated.partial.mp4")) as video:
        assert 0 < sum(1 for _ in video.decode(video=0)) < 600

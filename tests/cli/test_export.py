"""`track-anything export` on a run that `track-anything track` made."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from track_anything_cli.main import program

from track_anything.export import FORMATS
from track_anything.io.tables import read_tracks_csv
from track_anything.testing import MovingSquare

Run = Callable[..., Result]


BOXES = ("--box", "square=8,12,32,36", "--box", "60,60,70,70", "--no-video")


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of twelve pictures."""
    pictures = tmp_path_factory.mktemp("pictures")
    for frame in MovingSquare(frame_count=12):
        Image.fromarray(frame.image).save(pictures / f"{frame.index:05d}.png")
    folder = tmp_path_factory.mktemp("tracked") / "run"
    words = ["track", str(pictures), *BOXES, "-o", str(folder)]
    result = CliRunner().invoke(program, words)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def folder(tracked: Path, tmp_path: Path) -> Path:
    """A copy of that run."""
    return Path(shutil.copytree(tracked, tmp_path / "run"))


def test_formats_go_into_the_run_or_where_they_are_told(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    result = run("export", folder, "--to", "davis", "--to", f"mot={tmp_path / 'a.txt'}")
    assert result.exit_code == 0, result.output
    assert f"davis    {folder / 'exports' / 'davis'}" in result.stdout
    assert result.stdout.startswith(f"{folder}: 12 frames, 2 objects in ")
    lines = (tmp_path / "a.txt").read_text().splitlines()
    frames = [line.split(",")[0] for line in lines if line.split(",")[1] == "1"]
    assert frames == [str(number) for number in range(1, 13)]
    for index in range(12):
        name = f"{index:05d}.png"
        exported = (folder / "exports" / "davis" / name).read_bytes()
        assert exported == (folder / "masks" / name).read_bytes()


def test_objects_times_stride_and_options_are_obeyed(run: Run, folder: Path) -> None:
    words = ("--objects", "square", "-ss", "2f", "-to", "0.4", "--stride", "3", "--json", "-q")
    options = ("--set", "mot.pixel_origin=0", "--set", "mot.layout=gt")
    result = run("export", folder, "--to", "csv", "--to", "mot", *words, *options)
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["frames"], said["objects"]) == (3, [1])
    rows = read_tracks_csv(folder / "exports" / "tracks.csv")
    assert [(row.frame, row.name) for row in rows] == [(2, "square"), (5, "square"), (8, "square")]
    first = (folder / "exports" / "mot.txt").read_text().splitlines()[0].split(",")
    assert rows[0].box is not None
    assert first[:4] == ["3", "1", f"{rows[0].box[0]:g}", f"{rows[0].box[1]:g}"]
    assert first[6:] == ["1", "1", "1"]


def test_the_video_is_painted_in_the_style_of_a_config_file(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    config = tmp_path / "style.toml"
    config.write_text('[style]\nparts = ["box"]\n[write]\ncrf = 0\n')
    for name, words in (("a", ()), ("b", ("--config", config))):
        path = tmp_path / f"{name}.mp4"
        result = run("export", folder, "--to", f"video={path}", *words)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "a.mp4").read_bytes() != (tmp_path / "b.mp4").read_bytes()
    config.write_text("[style]\nparts = 3\n")
    result = run("export", folder, "--to", "video=c.mp4", "--config", config)
    assert result.exit_code == 1
    assert "style.parts is a list" in result.stderr


def test_a_moved_video_is_one_line_and_input_says_where_it_is(
    run: Run, clip: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    assert run("track", clip, *BOXES, "-o", folder).exit_code == 0
    clip.rename(tmp_path / "moved.mp4")
    result = run("export", folder, "--to", "video")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.endswith("if the video has moved, say where it is (--input)")
    result = run("export", folder, "--to", "video", "--input", tmp_path / "moved.mp4")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "say a format with --to; --list tells them"),
        (("--to", "cocoa"), "--to: a format is davis, png16"),
        (("--to", "=a.txt"), "--to is FORMAT or FORMAT=PATH, got '=a.txt'"),
        (("--to", "mot="), "--to is FORMAT or FORMAT=PATH, got 'mot='"),
        (("--to", "mot", "--set", "layout=gt"), "--set is FORMAT.OPTION=VALUE"),
        (("--to", "mot", "--set", "csv.a=1"), "--set: 'csv' is not among the formats of --to"),
        (("--to", "mot", "-ss", "soon"), "-ss: a time is seconds"),
        (("--to", "mot", "--stride", "0"), "--stride"),
    ],
)
def test_wrong_usage_is_one_line_and_2(
    run: Run, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    result = run("export", tmp_path, *words)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert message in line


def test_a_folder_without_a_run_and_no_folder_are_one_line(run: Run, tmp_path: Path) -> None:
    for words, code in (((tmp_path,), 1), ((tmp_path / "none",), 1), ((), 2)):
        result = run("export", *words, "--to", "csv")
        assert result.exit_code == code
        (line,) = result.stderr.splitlines()
        assert line.startswith("Error: ")


def test_nothing_is_overwritten_unasked(run: Run, folder: Path) -> None:
    assert run("export", folder, "--to", "csv").exit_code == 0
    result = run("export", folder, "--to", "csv")
    assert result.exit_code == 1
    assert "--overwrite" in result.stderr
    assert run("export", folder, "--to", "csv", "--overwrite").exit_code == 0


def test_the_list_tells_every_format_where_it_goes_and_its_options(run: Run) -> None:
    lines = run("export", "--list").stdout.splitlines()
    assert [line.split()[0] for line in lines if line[0] != " "] == list(FORMATS)
    assert "RUN/exports/davis/" in "\n".join(lines)
    assert any(line.split()[0] == "mot.layout" for line in lines)
    rows = {row["format"]: row for row in json.loads(run("export", "--list", "--json").stdout)}
    assert rows["alpha"]["suffixes"] == [".mov", ".webm", ""]
    assert rows["mot"]["options"][0] == {
        "name": "layout",
        "values": "results or gt",
        "default": "results",
        "text": "Columns of a tracker's results, or those of ground truth.",
    }


def test_a_run_that_is_overwritten_takes_its_review_and_exports_with_it(
    run: Run, clip: Path, quick: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    words = ("track", clip, "--box=8,12,32,36", "--no-video", "--config", quick, "-o", folder)
    assert run(*words).exit_code == 0
    of_run = contents(folder)
    assert run("review", folder).exit_code == 0
    made = run("export", folder, *(word for name in FORMATS for word in ("--to", name)))
    assert made.exit_code == 0, made.output
    assert len(list((folder / "exports").iterdir())) == len(FORMATS)
    first = run(*words, "--overwrite")
    assert first.exit_code == 0, first.output
    assert contents(folder) == of_run
    assert "stays" not in first.stderr
    (folder / "notes.txt").write_text("mine")
    (folder / "exports" / "davis").mkdir(parents=True)
    (folder / "exports" / "davis" / "best.txt").write_text("mine")
    second = run(*words, "--overwrite")
    assert f"{folder}: what no run wrote stays: exports/davis/best.txt, notes.txt" in second.stderr
    assert contents(folder) == of_run | {"notes.txt", "exports/davis/best.txt"}


def contents(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

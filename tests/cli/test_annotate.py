"""`track-anything annotate`: what it writes, says and exits with."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def boxes(pictures: Path) -> Path:
    """A box on the first of six pictures, and one beside what there is."""
    path = pictures.parent / "boxes.csv"
    path.write_text("image,class,x1,y1,x2,y2\n00000.png,tile,8,12,32,36\nlost.png,tile,1,1,9,9\n")
    return path


def test_a_data_set_is_written_and_said(
    run: Run, pictures: Path, boxes: Path, tmp_path: Path
) -> None:
    result = run("annotate", pictures, "--boxes", boxes, "-o", tmp_path / "set")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        f"{tmp_path}/set: 1 masks on 1 pictures",
        "  5 pictures without boxes left out (--keep-empty takes them)",
        "  1 boxes for pictures that are not there",
    ]
    assert result.stderr == ("Segmenter: compact, the embedded one: no weights of SAM are here.\n")
    assert yaml.safe_load((tmp_path / "set/data.yaml").read_text())["names"] == {0: "tile"}


def test_json_says_the_same(run: Run, pictures: Path, boxes: Path, tmp_path: Path) -> None:
    words = ("--to", "coco", "-o", tmp_path / "a.json", "--json", "-q", "--keep-empty")
    result = run("annotate", pictures, "--boxes", boxes, *words)
    said = json.loads(result.stdout)
    assert (said["pictures"], said["objects"], said["without_picture"]) == (6, 1, 1)
    assert len(json.loads((tmp_path / "a.json").read_text())["images"]) == 6


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["-o", "new"], 2, "Missing option '--boxes'"),
        (["--boxes", "nowhere.txt", "-o", "new"], 1, "nowhere.txt: cannot be read"),
        (["--boxes", "boxes.csv", "-o", "new", "--to", "voc"], 2, "'voc' is not one of"),
        (["--boxes", "boxes.csv", "-o", "new", "--val-share", "1"], 2, "is not in the range"),
        (["--boxes", "boxes.csv", "-o", "boxes.csv"], 1, "boxes.csv: exists"),
        (["--boxes", "boxes.csv", "-o", "new", "--segmenter", "none"], 1, "need a segmenter"),
    ],
)
def test_what_does_not_fit_is_one_line_and_nothing_is_written(
    run: Run,
    pictures: Path,
    boxes: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    text: str,
) -> None:
    monkeypatch.chdir(boxes.parent)
    before = sorted(boxes.parent.rglob("*"))
    result = run("annotate", pictures.name, *words)
    assert (result.exit_code, result.stdout) == (code, ""), result.stderr
    (line,) = result.stderr.splitlines()
    assert text in line
    assert sorted(boxes.parent.rglob("*")) == before


def test_track_takes_boxes_of_mot_and_keeps_their_ids(
    run: Run, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "seq.txt").write_text("2,41,12,15,24,24,1,-1,-1,-1\n")
    words = ("--prompts", tmp_path / "seq.txt", "-o", tmp_path / "run", "--no-video", "-q")
    result = run("track", pictures, *words)
    assert result.exit_code == 0, result.stderr
    rows = (tmp_path / "run/tracks.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["1", "2", "3", "4", "5"]
    assert {row.split(",")[2] for row in rows} == {"41"}


def test_every_prompt_needs_a_file_to_read(run: Run, pictures: Path, tmp_path: Path) -> None:
    words = ("--box", "8,12,32,36", "--every-prompt", "-o", tmp_path / "run")
    result = run("track", pictures, *words)
    assert result.exit_code == 2
    assert "--every-prompt says how to read --prompts" in result.stderr

"""`track-anything segment`: what it writes, says and exits with."""

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

TINY = Path(__file__).resolve().parents[1] / "data" / "sam_tiny" / "sam_tiny.pth"
BOX = ("--box", "8,12,32,36")
SQUARE = MovingSquare(frame_count=12)
Run = Callable[..., Result]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """The first frame of the clip."""
    path = tmp_path / "picture.png"
    Image.fromarray(next(iter(SQUARE)).image).save(path)
    return path


def test_everything_asked_for_is_written(run: Run, picture: Path, tmp_path: Path) -> None:
    names = {"-o": "o.png", "--mask-out": "m.png", "--cutout": "c.png", "--candidates": "s.png"}
    words = [word for option, name in names.items() for word in (option, tmp_path / name)]
    asked = ("--point", "square=20,24", "--segmenter", "grabcut")
    result = run("segment", picture, *asked, *words)
    assert result.exit_code == 0, result.stderr
    assert all((tmp_path / name).is_file() for name in names.values())
    assert mask_iou(read_label_png(tmp_path / "m.png") > 0, SQUARE.truth(0)) > 0.95
    with Image.open(tmp_path / "c.png") as cutout:
        assert cutout.mode == "RGBA"
        assert mask_iou(np.asarray(cutout)[..., 3] > 0, SQUARE.truth(0)) > 0.95
    assert result.stdout.splitlines()[0].startswith("  1 square, mask 1: box ")
    assert len(result.stdout.splitlines()) > 1
    assert result.stderr == "Segmenter: grabcut, asked for.\n"


def test_one_line_an_object_says_where_and_how_sure(
    run: Run, picture: Path, tmp_path: Path
) -> None:
    result = run("segment", picture, *BOX, "-o", tmp_path / "o.jpg", "-q")
    (line,) = result.stdout.splitlines()
    assert line.startswith("  1 (no name): box 8,12,32,36, 576 pixels, predicted IoU ")
    assert result.stderr == ""


def test_json_alone_needs_no_file_and_is_one_line(run: Run, picture: Path) -> None:
    result = run("segment", picture, *BOX, "--json")
    (line,) = result.stdout.splitlines()
    said = json.loads(line)
    (square,) = said["objects"]
    mask = rle_to_mask(square["segmentation"])
    assert mask_iou(mask, SQUARE.truth(0)) > 0.95
    assert square["area"] == np.count_nonzero(mask)
    assert 0 <= square["predicted_iou"] <= 1
    assert square["stability_score"] is None


def test_a_frame_of_a_video_is_taken_by_its_time(run: Run, clip: Path, tmp_path: Path) -> None:
    box = ",".join(str(int(side)) for side in SQUARE.box(6))
    by_option = run("segment", clip, "--at", "0.24", "--box", box, "--json", "-q").stdout
    by_prompt = run("segment", clip, "--box", f"{box}@0.24", "--json", "-q").stdout
    assert by_option == by_prompt
    said = json.loads(by_option)
    assert said["time"] == pytest.approx(0.24)
    mask = rle_to_mask(said["objects"][0]["segmentation"])
    assert mask_iou(mask, SQUARE.truth(6)) > 0.9


def test_a_checkpoint_of_sam_gives_four_candidates_with_scores(run: Run, picture: Path) -> None:
    words = ("--segmenter", TINY, "--device", "cpu")
    sheet = picture.with_name("sheet.png")
    result = run("segment", picture, *BOX, *words, "--json", "--candidates", sheet)
    assert result.exit_code == 0, result.stderr
    (square,) = json.loads(result.stdout)["objects"]
    assert len(square["candidates"]) == 4
    assert all(0 <= each["stability_score"] <= 1 for each in square["candidates"])
    assert square["candidates"][0]["segmentation"] == square["segmentation"]


def test_a_mask_written_can_be_given_back_and_refined(
    run: Run, picture: Path, tmp_path: Path
) -> None:
    mask = tmp_path / "m.png"
    run("segment", picture, *BOX, "--mask-out", mask)
    words = ("segment", picture, "--mask", f"s={mask}", "--not", "s=100,80", "-q")
    final = run(*words, "-o", tmp_path / "o.png")
    assert final.stdout == "  1 s: box 8,12,32,36, 576 pixels\n"
    refined = run(*words, "-o", tmp_path / "o.png", "--overwrite", "--refine")
    assert "predicted IoU" in refined.stdout


def test_prompts_come_from_a_file_too(run: Run, picture: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.yaml"
    prompts.write_text("objects: [{name: square, prompts: [{box: [8, 12, 32, 36]}]}]")
    result = run("segment", picture, "--prompts", prompts, "--json")
    assert json.loads(result.stdout)["objects"][0]["name"] == "square"


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ([*BOX], 2, "say what is wanted: -o, --mask-out"),
        (["-o", "new.png"], 2, "say what to segment with --box"),
        ([*BOX, "-o", "new.gif"], 2, "the overlay is written as .png"),
        ([*BOX, "-o", "new.png", "--cutout", "new.png"], 2, "two outputs have one name"),
        ([*BOX, "-o", "picture.png"], 1, "picture.png: is an input"),
        ([*BOX, "-o", "picture.png", "--overwrite"], 1, "picture.png: is an input"),
        ([*BOX, "-o", "old.png"], 1, "old.png: exists"),
        ([*BOX, "-o", "nowhere/new.png"], 1, "there is no folder"),
        ([*BOX, "--json", "--at", "soon"], 2, "--at: a time is seconds"),
        ([*BOX, "--json", "--at", "9"], 1, "the range starts at 9 s"),
        ([*BOX, "--json", "--segmenter", "sam-base"], 1, "weights pull sam-base"),
        ([*BOX, "--json", "--segmenter", "magic"], 1, "a segmenter is auto"),
        ([*BOX, "--json", "--segmenter", "none"], 1, "every prompt is a mask"),
        ([*BOX, "--json", "--max-side", "8"], 2, "max_side is 16 to 65535"),
        (["--box", "500,1,600,30", "--json"], 1, "is outside the frame"),
        (["--box", "1,2,3", "--json"], 2, "--box is [NAME=]X0,Y0,X1,Y1[@TIME]"),
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
    (tmp_path / "old.png").write_text("mine")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = run("segment", picture.name, *words, "-q")
    assert (result.exit_code, result.stdout) == (code, ""), result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert text in line
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before

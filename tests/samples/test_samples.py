"""The samples run as they are, on a small drawn clip."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from track_anything.testing import MovingSquare

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


@pytest.fixture
def prompt_file(tmp_path: Path) -> Path:
    """A prompt file with the box of the square."""
    path = tmp_path / "prompts.yaml"
    path.write_text("objects: [{name: square, prompts: [{box: [8, 12, 32, 36]}]}]")
    return path


def main_of(name: str) -> Callable[..., Any]:
    main: Callable[..., Any] = runpy.run_path(str(SAMPLES / name))["main"]
    return main


def test_a_file_is_tracked_and_its_masks_are_measured(
    pictures: Path, prompt_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run")
    main_of("track_file.py")(str(pictures), str(prompt_file), run)
    said = capsys.readouterr().out
    assert "1 square: seen on 6 frames" in said
    assert said.splitlines()[-1].startswith("0.20 s: {'square': 5")

    main_of("measure_masks.py")(run)
    name, facts = capsys.readouterr().out.strip().split(": ")
    frames, pixels, speed = (float(part.split()[0]) for part in facts.split(", "))
    # 24 x 24 pixels; 3 right and 2 down a frame at 25 a second.
    assert (name, frames) == ("square", 6)
    assert pixels == pytest.approx(576, rel=0.05)
    assert speed == pytest.approx(25 * 13**0.5, rel=0.05)


def test_parts_put_together_by_hand_follow_the_square(capsys: pytest.CaptureFixture[str]) -> None:
    main_of("own_parts.py")()
    path = capsys.readouterr().out.strip().strip("()").split(") (")
    middles = [tuple(float(number) for number in text.split(", ")) for text in path]
    expected = [(20 + 3 * index, 24 + 2 * index) for index in range(10)]
    for found, wanted in zip(middles, expected, strict=True):
        assert found == pytest.approx(wanted, abs=1.5)


TINY = Path(__file__).resolve().parents[1] / "data" / "sam_tiny" / "sam_tiny.pth"


@pytest.mark.parametrize(("segmenter", "count"), [("auto", None), (str(TINY), 3)])
def test_a_picture_of_any_size_answers_the_three_questions_of_the_guide(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], segmenter: str, count: int | None
) -> None:
    # The guide's box, 240,340,400,500 of 1024, is 60,85,100,125 here; a light disc fills it.
    y, x = np.mgrid[:160, :256] + 0.5
    disc = (x - 80) ** 2 + (y - 105) ** 2 <= 20**2
    light, dark = np.array([240, 230, 220]), np.array([20, 40, 60])
    picture = np.where(disc[..., None], light, dark).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "picture.png")
    main_of("segment_image.py")(str(tmp_path / "picture.png"), segmenter, str(tmp_path / "o.png"))
    lines = capsys.readouterr().out.splitlines()
    names = ["a point", "a box", "a box without a part", "asked again"]
    assert [line.partition(":")[0] for line in lines] == names
    if count is None:
        pixels = int(lines[1].split()[-2])
        assert pixels == pytest.approx(np.count_nonzero(disc), rel=0.05)
    else:
        assert lines[0].startswith(f"a point: {count} masks")
        assert lines[1].startswith("a box: 1 masks")
    with Image.open(tmp_path / "o.png") as sheet:
        assert sheet.size == (3 * 256, 160)


def test_the_demo_says_where_the_results_are_and_how_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main_of("demo.py")(["-o", str(tmp_path / "demo"), "--seconds", "0.2"])
    said = capsys.readouterr().out
    (mean,) = [line.split() for line in said.splitlines() if line.split()[:1] == ["mean"]]
    assert 0.5 < float(mean[3]) <= 1
    assert float(mean[3]) == pytest.approx((float(mean[1]) + float(mean[2])) / 2, abs=0.001)
    assert (tmp_path / "demo" / "run" / "annotated.mp4").is_file()
    assert str(tmp_path / "demo" / "run" / "annotated.mp4") in said


def test_the_demo_measures_by_the_ids_of_the_drawing(tmp_path: Path) -> None:
    measure = runpy.run_path(str(SAMPLES / "demo.py"))["measure"]
    # Drawn as 3, it is the first object of the prompt file: its masks say 1.
    for folder, label in (("masks", 1), ("truth", 3)):
        (tmp_path / folder).mkdir()
        for index in range(4):
            square = MovingSquare().truth(index).astype("uint8")
            if folder == "masks" and index == 1:
                square[:] = 0
            picture = Image.fromarray(square * label, mode="P")
            picture.putpalette(bytes(768))
            picture.save(tmp_path / folder / f"{index:05d}.png")
    # Frame 0 has the prompt and is left out; frame 1 is missed; 2 and 3 are exact.
    assert measure(tmp_path / "masks", tmp_path / "truth", {3: 0}) == {
        3: (pytest.approx(2 / 3), pytest.approx(2 / 3))
    }
    assert measure(tmp_path / "masks", tmp_path / "truth", {3: 1}) == {3: (1.0, 1.0)}

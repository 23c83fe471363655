"""Pictures with masks, from every layout that is documented."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from track_anything.errors import DatasetError
from track_anything.evaluation.annotated_pictures import davis_pictures, still_pictures


def save(path: Path, array: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def picture(value: int = 0) -> NDArray[np.uint8]:
    return np.full((20, 30, 3), value, np.uint8)


def labels(*values: int) -> NDArray[np.uint8]:
    """A label map with a block of 5x5 a value."""
    found = np.zeros((20, 30), np.uint8)
    for index, value in enumerate(values):
        found[5:10, 6 * index : 6 * index + 5] = value
    return found


def read(root: Path) -> dict[str, dict[str, int]]:
    """The area of every object of every picture."""
    return {
        one.name: {name: int(mask.sum()) for name, mask in one.masks.items()}
        for one in still_pictures(root)
    }


def test_every_so_many_annotated_frames_are_taken(add_sequence, square) -> None:
    truths = [square(x) for x in range(10, 70, 10)]
    truths[4] = None
    root = add_sequence("bear", truths)
    found = list(davis_pictures(root, every=2))
    assert [one.name for one in found] == ["bear/00000", "bear/00002"]
    assert found[1].frame.index == 2
    assert found[1].frame.image.mean() == pytest.approx(10, abs=2)
    assert np.array_equal(found[1].masks["1"], square(30) > 0)


def test_objects_that_come_later_count_too(add_sequence, square) -> None:
    truths = [square(10, 1), square(10, 1), square(10, 1) + square(50, 2)]
    root = add_sequence("bear", truths, palette=True)
    assert [list(one.masks) for one in davis_pictures(root, every=1)] == [["1"], ["1"], ["1", "2"]]


def test_pictures_and_masks_in_two_folders(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.jpg", picture())
    save(tmp_path / "images" / "b.png", picture())
    save(tmp_path / "masks" / "a.png", labels(255))
    save(tmp_path / "masks" / "b.png", labels(1, 3, 255))
    assert read(tmp_path) == {"a": {"255": 25}, "b": {"1": 25, "3": 25}}


def test_pictures_and_masks_side_by_side(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", picture())
    save(tmp_path / "a.png", labels(1))
    (tmp_path / "readme.txt").write_text("not a picture")
    assert read(tmp_path) == {"a": {"1": 25}}


def test_a_manifest_says_which_masks_belong_to_a_picture(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.jpg", picture())
    save(tmp_path / "masks" / "a_parts.png", labels(1, 2))
    save(tmp_path / "masks" / "a_whole.png", labels(1))
    row = {"image": "images/a.jpg", "masks": ["masks/a_parts.png", "masks/a_whole.png"]}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(row) + "\n\n")
    assert read(tmp_path) == {"a": {"a_parts:1": 25, "a_parts:2": 25, "a_whole:1": 25}}


def test_a_picture_without_a_mask_is_named(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", picture())
    save(tmp_path / "b.jpg", picture())
    save(tmp_path / "a.png", labels(1))
    with pytest.raises(DatasetError, match=r"b\.jpg: there is no mask b\.png"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda root: None, "found no pair"),
        (lambda root: root.rmdir(), "there is no such folder"),
        (lambda root: (root / "manifest.jsonl").write_text("{}"), "line 1: expected"),
        (lambda root: (root / "manifest.jsonl").write_text("[1"), "line 1: expected"),
    ],
)
def test_another_layout_is_one_clear_line(tmp_path: Path, write, message: str) -> None:
    root = tmp_path / "stills"
    root.mkdir()
    write(root)
    with pytest.raises(DatasetError, match=message):
        read(root)


def test_a_mask_of_another_size_is_an_error(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", picture())
    save(tmp_path / "a.png", labels(1)[:10])
    with pytest.raises(DatasetError, match=r"a\.png: expected 30x20 pixels .* got 30x10"):
        read(tmp_path)

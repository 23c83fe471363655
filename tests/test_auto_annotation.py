"""Pictures and boxes to a data set: every picture by itself, in its own size."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image
from pycocotools import mask as coco_mask

from track_anything import auto_annotate
from track_anything.errors import ConfigError, OutputError, PromptError
from track_anything.structures import Frame, Proposal
from track_anything.testing import MovingSquare, ThresholdSegmenter

# pycocotools was built before NumPy 2 asked for `copy`.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SQUARES = {
    "big": MovingSquare(size=(120, 160), side=40, start=(30, 20)),
    "small": MovingSquare(size=(48, 64), side=12, start=(5, 6)),
    "other": MovingSquare(size=(60, 60), side=20, start=(20, 30)),
}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A PNG, a JPEG that is stored on its side, and a picture without boxes."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(SQUARES["big"].frame(0).image).save(folder / "big.png")
    turned = Image.fromarray(np.rot90(SQUARES["small"].frame(0).image))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(folder / "small.jpg", quality=98, subsampling=0, exif=exif)
    Image.fromarray(SQUARES["other"].frame(0).image).save(folder / "other.png")
    return folder


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """YOLO labels of two pictures: a square is class 1, and 0 is never seen."""
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "classes.txt").write_text("round\nsquare 2\n")
    # 30..70 of 160 and 20..60 of 120; 5..17 of 64 and 6..18 of 48.
    (folder / "big.txt").write_text("1 0.3125 0.333333 0.25 0.333333\n")
    (folder / "small.txt").write_text("1 0.171875 0.25 0.1875 0.25\n")
    return folder


def test_a_yolo_data_set_has_the_masks_of_the_boxes(
    photos: Path, labels: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    summary = auto_annotate(
        photos,
        tmp_path / "set",
        boxes=labels,
        segmenter=ThresholdSegmenter(),
        val_share=0.5,
        progress=lambda done, count: told.append((done, count)),
    )
    assert (summary.pictures, summary.objects, summary.without_boxes) == (2, 2, 1)
    assert told == [(1, 2), (2, 2)]
    for name, half in (("big", "train"), ("small", "val")):
        (text,) = (tmp_path / f"set/labels/{half}/{name}.txt").read_text().splitlines()
        number, *shares = text.split()
        picture = cv2.imread(str(next((tmp_path / f"set/images/{half}").glob(f"{name}.*"))))
        height, width = picture.shape[:2]
        assert (height, width) == SQUARES[name].info.size
        points = (np.array(shares, float).reshape(-1, 2) * [width, height]).astype(np.int32)
        canvas = np.zeros((height, width), np.uint8)
        cv2.fillPoly(canvas, [points], 1)
        assert number == "1"
        assert np.array_equal(canvas > 0, SQUARES[name].truth(0))
    document = yaml.safe_load((tmp_path / "set/data.yaml").read_text())
    # Classes keep their numbers, and a number in their name stays.
    assert document["names"] == {0: "round", 1: "square 2"}


def test_pictures_are_copied_as_they_are_unless_they_lie_on_their_side(
    photos: Path, labels: Path, tmp_path: Path
) -> None:
    auto_annotate(photos, tmp_path / "set", boxes=labels, segmenter=ThresholdSegmenter())
    copy = tmp_path / "set/images/train/big.png"
    assert copy.read_bytes() == (photos / "big.png").read_bytes()
    with Image.open(tmp_path / "set/images/val/small.jpg") as picture:
        assert picture.size == (64, 48)
        assert picture.getexif().get(0x0112, 1) == 1


def test_a_coco_file_names_the_pictures_and_has_no_tracks(
    photos: Path, labels: Path, tmp_path: Path
) -> None:
    auto_annotate(
        photos, tmp_path / "a.json", boxes=labels, to="coco", segmenter=ThresholdSegmenter()
    )
    document = json.loads((tmp_path / "a.json").read_text())
    names = {image["id"]: image["file_name"] for image in document["images"]}
    assert sorted(names.values()) == ["big.png", "small.jpg"]
    assert [each["name"] for each in document["categories"]] == ["round", "square 2"]
    for one in document["annotations"]:
        name = names[one["image_id"]].partition(".")[0]
        mask = coco_mask.decode(one["segmentation"]).astype(bool)
        assert np.array_equal(mask, SQUARES[name].truth(0))
        assert (one["category_id"], "track_id" in one) == (2, False)
    assert not (tmp_path / "a_images").exists()


def test_boxes_with_frames_alone_are_for_the_pictures_in_order(
    photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "mot.txt").write_text("1,1,31,21,40,40\n2,1,21,31,20,20\n9,1,1,1,5,5\n")
    summary = auto_annotate(
        photos, tmp_path / "set", boxes=tmp_path / "mot.txt", segmenter=ThresholdSegmenter()
    )
    assert (summary.pictures, summary.objects, summary.without_picture) == (2, 2, 1)
    found = {file.stem for file in (tmp_path / "set/labels").glob("*/*.txt")}
    assert found == {"big", "other"}


def test_pictures_without_boxes_are_of_nothing_where_that_is_wanted(
    photos: Path, labels: Path, tmp_path: Path
) -> None:
    summary = auto_annotate(
        photos,
        tmp_path / "set",
        boxes=labels,
        segmenter=ThresholdSegmenter(),
        keep_empty=True,
    )
    assert (summary.pictures, summary.without_boxes) == (3, 0)
    (empty,) = (tmp_path / "set/labels").glob("*/other.txt")
    assert empty.read_text() == ""


def test_a_box_with_nothing_in_it_is_counted(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("image,x1,y1,x2,y2\nbig.png,1,1,9,9\nbig.png,30,20,70,60\n")
    summary = auto_annotate(
        photos, tmp_path / "set", boxes=tmp_path / "b.csv", segmenter=ThresholdSegmenter()
    )
    assert (summary.objects, summary.without_mask) == (1, 1)


class BrightThing:
    """A proposer that knows where the square is, and the mask of that of one picture."""

    def propose(self, frame: Frame) -> Sequence[Proposal]:
        square = next(each for each in SQUARES.values() if each.info.size == frame.image.shape[:2])
        mask = square.truth(0) if square is SQUARES["other"] else None
        return [Proposal(square.box(0), 0.9, mask=mask, label="thing")]


def test_a_proposer_finds_objects_instead_of_boxes(photos: Path, tmp_path: Path) -> None:
    summary = auto_annotate(
        photos,
        tmp_path / "set",
        proposer=BrightThing(),
        segmenter=ThresholdSegmenter(),
    )
    assert (summary.pictures, summary.objects) == (3, 3)
    assert yaml.safe_load((tmp_path / "set/data.yaml").read_text())["names"] == {0: "thing"}


def test_what_does_not_fit_is_told_before_anything_is_written(
    photos: Path, labels: Path, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match="give boxes, or a proposer"):
        auto_annotate(photos, tmp_path / "set")
    with pytest.raises(OutputError, match="the pictures are in it"):
        auto_annotate(photos, tmp_path, boxes=labels, overwrite=True)
    with pytest.raises(OutputError, match="exists; name another"):
        auto_annotate(photos, labels, boxes=labels)
    with pytest.raises(ConfigError, match="need a segmenter"):
        auto_annotate(photos, tmp_path / "set", boxes=labels, segmenter="none")
    (labels / "big.txt").rename(labels / "gib.txt")
    (labels / "small.txt").unlink()
    with pytest.raises(PromptError, match="has no box for a picture of"):
        auto_annotate(photos, tmp_path / "set", boxes=labels)
    (labels / "gib.txt").rename(labels / "big.txt")
    (labels / "small.txt").write_text("")
    assert sorted(tmp_path.rglob("*")) == before


def test_two_pictures_of_one_name_are_refused(photos: Path, labels: Path, tmp_path: Path) -> None:
    (photos / "big.jpg").write_bytes((photos / "small.jpg").read_bytes())
    with pytest.raises(PromptError, match=r"big\.jpg and big\.png have one name"):
        auto_annotate(photos, tmp_path / "set", boxes=labels)


def test_what_was_done_before_a_picture_that_cannot_be_read_is_kept_as_partial(
    photos: Path, labels: Path, tmp_path: Path
) -> None:
    (photos / "small.jpg").write_bytes(b"no picture")
    with pytest.raises(OSError, match="not a picture that can be read"):
        auto_annotate(photos, tmp_path / "set", boxes=labels, segmenter=ThresholdSegmenter())
    assert not (tmp_path / "set").exists()
    assert (tmp_path / "set.partial/labels/train/big.txt").is_file()
    assert (tmp_path / "set.partial/data.yaml").is_file()

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from track_anything.config import GridConfig, RegionConfig
from track_anything.errors import ConfigError, OutputError, VideoError
from track_anything.everything import Everything, segment_everything
from track_anything.everything_files import EverythingFolder, labels_overlay
from track_anything.label_png import read_label_png
from track_anything.masks import mask_iou
from track_anything.proposers.region import Region
from track_anything.rle import rle_to_mask
from track_anything.structures import Frame
from track_anything.testing import MovingSquare, ThresholdSegmenter

TINY = Path(__file__).resolve().parent / "data" / "sam_tiny" / "sam_tiny.pth"
SQUARE = MovingSquare(frame_count=6)
# Bright pixels around a click are its answer: of a square of 24 x 24 only masks of that size stay.
GRID = GridConfig(points_per_side=12, predicted_iou=0.5, stability=0.5, max_area=0.2)


def rectangle(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((96, 128), bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture
def found() -> Everything:
    """A large object and a small one on top of it."""
    masks = rectangle(10, 10, 90, 80), rectangle(20, 20, 40, 40)
    return Everything(
        input="a.png",
        segmenter="grabcut",
        reason="asked for",
        proposer="regions",
        frame=Frame(0, Fraction(0), np.full((96, 128, 3), 100, np.uint8)),
        regions=[Region.of(mask, predicted_iou=0.5) for mask in masks],
    )


def test_the_grid_over_any_segmenter_finds_the_object(pictures: Path) -> None:
    found = segment_everything(
        pictures, at="2f", segmenter=ThresholdSegmenter(), proposer="grid", grid=GRID
    )
    (region,) = found.regions
    assert np.array_equal(region.mask, SQUARE.truth(2))
    assert (found.segmenter, found.reason, found.proposer) == ("threshold", "given", "grid")
    assert found.to_dict()["time"] == pytest.approx(0.08)


def test_auto_takes_the_grid_where_the_segmenter_is_made_for_it() -> None:
    image = next(iter(SQUARE)).image
    grid = GridConfig(points_per_side=2, predicted_iou=0, stability=0)
    assert segment_everything(image, segmenter=str(TINY), grid=grid).proposer == "grid"
    assert segment_everything(image, segmenter="grabcut").proposer == "regions"


def test_motion_finds_what_moved_since_the_frame_before(pictures: Path) -> None:
    found = segment_everything(pictures, at="3f", segmenter="grabcut", proposer="motion")
    (region,) = found.regions
    assert mask_iou(region.mask, SQUARE.truth(3)) > 0.9
    by_time = segment_everything(pictures, at=0.12, segmenter="grabcut", proposer="motion")
    assert np.array_equal(by_time.regions[0].mask, region.mask)


def test_without_a_moment_motion_looks_at_the_second_frame(pictures: Path) -> None:
    found = segment_everything(pictures, segmenter="grabcut", proposer="motion")
    assert found.frame.time == Fraction(1, 25)


@pytest.mark.parametrize("moment", ["0f", 0])
def test_motion_has_nothing_to_compare_the_first_frame_with(
    pictures: Path, moment: str | int
) -> None:
    with pytest.raises(VideoError, match="no frame before"):
        segment_everything(pictures, at=moment, segmenter="grabcut", proposer="motion")


def test_motion_is_not_seen_on_one_picture(pictures: Path) -> None:
    picture = pictures / "00000.png"
    with pytest.raises(VideoError, match=r"00000\.png"):
        segment_everything(picture, segmenter="grabcut", proposer="motion")
    with pytest.raises(ConfigError, match="between two frames"):
        segment_everything(np.zeros((9, 9, 3), np.uint8), segmenter="grabcut", proposer="motion")


def test_only_the_area_is_looked_at_by_every_proposer(pictures: Path) -> None:
    area = np.ones((96, 128), bool)
    area[SQUARE.truth(2)] = False
    for proposer, segmenter in (
        ("grid", ThresholdSegmenter()),
        ("regions", "grabcut"),
        ("motion", "grabcut"),
    ):
        found = segment_everything(
            pictures, at="2f", segmenter=segmenter, proposer=proposer, grid=GRID, area=area
        )
        assert all(mask_iou(one.mask, SQUARE.truth(2)) < 0.5 for one in found.regions)


def test_regions_come_largest_first() -> None:
    image = np.full((96, 128, 3), 90, np.uint8)
    image[rectangle(10, 10, 30, 30)] = (200, 40, 40)
    image[rectangle(60, 20, 110, 80)] = (40, 60, 200)
    found = segment_everything(image, segmenter="grabcut", regions=RegionConfig(min_area=50))
    areas = [region.area for region in found.regions]
    assert len(areas) >= 2
    assert areas == sorted(areas, reverse=True)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"proposer": "magic"}, "proposer is one of auto, grid, regions, motion, got 'magic'"),
        ({"granularity": "half"}, "granularity is one of all, whole, part, subpart, got 'half'"),
        ({"segmenter": "none"}, "everything needs a segmenter"),
        ({"area": np.ones((5, 6), bool)}, "the area is 6x5, the picture 128x96"),
        ({"max_side": 64}, "max_side scales files"),
    ],
)
def test_what_does_not_fit_is_said(settings: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        segment_everything(next(iter(SQUARE)).image, **{"segmenter": "grabcut"} | settings)  # type: ignore[arg-type]


def test_everything_is_written_and_reads_back(found: Everything, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    EverythingFolder(folder).write(found)
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) == [
        "labels.png",
        "masks/0001.png",
        "masks/0002.png",
        "objects.json",
        "overlay.jpg",
    ]
    labels = read_label_png(folder / "labels.png")
    # The small object lies on the large one: it has the higher id.
    assert np.array_equal(labels == 2, rectangle(20, 20, 40, 40))
    large = read_label_png(folder / "masks" / "0001.png")
    assert np.array_equal(large == 255, rectangle(10, 10, 90, 80))
    said = found.to_dict()
    assert [one["id"] for one in said["objects"]] == [1, 2]
    assert np.array_equal(rle_to_mask(said["objects"][0]["segmentation"]), large == 255)
    assert not list(tmp_path.glob("*.partial"))


def test_more_objects_than_a_palette_has_get_sixteen_bits(
    found: Everything, tmp_path: Path
) -> None:
    many = [
        Region.of(rectangle(x, y, x + 2, y + 2), predicted_iou=0.5)
        for y in range(0, 60, 3)
        for x in range(0, 60, 3)
    ]
    EverythingFolder(tmp_path / "out").write(replace(found, regions=many))
    assert read_label_png(tmp_path / "out" / "labels.png").max() == 400


def test_an_earlier_folder_is_replaced_only_when_allowed(found: Everything, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    EverythingFolder(folder).write(found)
    with pytest.raises(OutputError, match="is not empty"):
        EverythingFolder(folder)
    (folder / "masks" / "0003.png").write_bytes((folder / "masks" / "0002.png").read_bytes())
    EverythingFolder(folder, overwrite=True, overlay_suffix=".png").write(found)
    assert not (folder / "masks" / "0003.png").exists()
    assert not (folder / "overlay.jpg").exists()
    assert (folder / "overlay.png").exists()


def test_a_folder_with_anything_else_in_it_is_never_replaced(
    found: Everything, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    EverythingFolder(folder).write(found)
    (folder / "masks" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt: is none of ours"):
        EverythingFolder(folder, overwrite=True)


def test_what_cannot_be_a_place_is_refused_before_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    picture = tmp_path / "in" / "picture.png"
    picture.parent.mkdir()
    Image.new("RGB", (4, 4)).save(picture)
    with pytest.raises(OutputError, match="expected a folder"):
        EverythingFolder(tmp_path / "file")
    with pytest.raises(OutputError, match="there is no folder"):
        EverythingFolder(tmp_path / "nowhere" / "out")
    with pytest.raises(OutputError, match="an input lies in it"):
        EverythingFolder(picture.parent, inputs=[picture], overwrite=True)
    with pytest.raises(ConfigError, match=r"the overlay is written as .*got '\.gif'"):
        EverythingFolder(tmp_path / "out", overlay_suffix=".gif")


def test_the_overlay_leaves_the_background_as_it_is(found: Everything) -> None:
    labels = np.zeros((96, 128), np.uint16)
    labels[10:20, 10:20] = 1
    painted = labels_overlay(found.frame.image, labels)
    assert np.array_equal(painted[labels == 0], found.frame.image[labels == 0])
    # Half the grey of 100 and half of amber: (255, 196, 0).
    assert painted[15, 15].tolist() == pytest.approx([178, 148, 50], abs=1)

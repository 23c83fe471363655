"""Masks as PNG files: exact ids back, and the mode each file has."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from track_anything.errors import DatasetError, OutputError
from track_anything.io.png_masks import ObjectMaskSink, PaletteMaskSink, WideMaskSink, read_mask_png
from track_anything.label_png import write_mask_png, write_palette_png, write_wide_png
from track_anything.masks import label_colors, mask_box
from track_anything.structures import Frame, FrameResult, Mask, ObjectMask

Result = Callable[..., FrameResult]


@pytest.fixture
def result() -> Result:
    def make(masks: Mapping[int, Mask], index: int = 0) -> FrameResult:
        image = np.zeros((20, 30, 3), np.uint8)
        objects = [ObjectMask(i, mask, mask_box(mask), 1.0) for i, mask in masks.items()]
        return FrameResult(Frame(index, Fraction(index, 25), image), objects)

    return make


def columns(first: int, last: int) -> Mask:
    mask = np.zeros((20, 30), bool)
    mask[:, first:last] = True
    return mask


def test_ids_read_back_exactly_and_the_higher_id_is_on_top(tmp_path: Path, result: Result) -> None:
    PaletteMaskSink(tmp_path / "masks").write(
        result({1: columns(0, 10), 2: columns(8, 20), 254: columns(25, 30)}, index=7)
    )
    labels = read_mask_png(tmp_path / "masks" / "00007.png")
    assert labels.dtype == np.uint16
    assert labels[3].tolist() == [1] * 8 + [2] * 12 + [0] * 5 + [254] * 5


def test_files_up_to_id_254_are_in_the_colours_of_davis(tmp_path: Path, result: Result) -> None:
    PaletteMaskSink(tmp_path).write(result({254: columns(0, 5)}))
    with Image.open(tmp_path / "00000.png") as picture:
        assert picture.mode == "P"
        assert picture.getpalette() == label_colors().ravel().tolist()


@pytest.mark.parametrize("track_id", [255, 256, 65535])
def test_a_frame_with_an_id_above_254_is_16_bit(
    tmp_path: Path, result: Result, track_id: int
) -> None:
    sink = PaletteMaskSink(tmp_path)
    sink.write(result({1: columns(0, 5), track_id: columns(5, 9)}, index=0))
    sink.write(result({1: columns(0, 5), track_id: columns(0, 0)}, index=1))
    sink.write(result({1: columns(0, 5)}, index=2))
    modes = []
    for index in range(3):
        with Image.open(tmp_path / f"{index:05d}.png") as picture:
            modes.append(picture.mode)
    # The mode hangs on the objects reported, not on whether they are visible.
    assert modes == ["I;16", "I;16", "P"]
    assert read_mask_png(tmp_path / "00000.png")[0, :10].tolist() == [1] * 5 + [track_id] * 4 + [0]


def test_a_frame_without_objects_is_a_black_palette_file(tmp_path: Path, result: Result) -> None:
    PaletteMaskSink(tmp_path).write(result({}))
    assert not read_mask_png(tmp_path / "00000.png").any()


def test_every_object_has_its_own_file_and_overlaps_are_kept(
    tmp_path: Path, result: Result
) -> None:
    ObjectMaskSink(tmp_path).write(
        result({1: columns(0, 10), 12: columns(5, 20), 300: columns(0, 0)}, index=42)
    )
    first = read_mask_png(tmp_path / "0001" / "00042.png")
    second = read_mask_png(tmp_path / "0012" / "00042.png")
    assert np.array_equal(first, columns(0, 10) * 255)
    assert np.array_equal(second, columns(5, 20) * 255)
    assert not read_mask_png(tmp_path / "0300" / "00042.png").any()
    with Image.open(tmp_path / "0001" / "00042.png") as picture:
        assert picture.mode == "L"


def test_no_temporary_file_stays(tmp_path: Path, result: Result) -> None:
    PaletteMaskSink(tmp_path).write(result({1: columns(0, 10)}))
    assert [path.name for path in tmp_path.iterdir()] == ["00000.png"]


def test_a_file_that_cannot_be_written_is_one_clear_error(tmp_path: Path, result: Result) -> None:
    sink = PaletteMaskSink(tmp_path / "masks")
    (tmp_path / "masks").rmdir()
    with pytest.raises(OutputError, match=r"00000.png: cannot be written \(No such file"):
        sink.write(result({1: columns(0, 10)}))


def test_a_folder_that_cannot_be_created_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here first")
    with pytest.raises(OutputError, match="file/masks: cannot be created"):
        PaletteMaskSink(tmp_path / "file" / "masks")


def test_a_colour_picture_is_no_mask(tmp_path: Path) -> None:
    colors = np.zeros((4, 4, 3), np.uint8)
    colors[0, 0] = 1, 2, 3
    Image.fromarray(colors).save(tmp_path / "photo.png")
    with pytest.raises(DatasetError, match=r"photo.png: expected a palette or gray PNG"):
        read_mask_png(tmp_path / "photo.png")


def test_a_one_bit_picture_reads_as_0_and_255(tmp_path: Path) -> None:
    Image.fromarray(columns(0, 3)).save(tmp_path / "mask.png")
    assert read_mask_png(tmp_path / "mask.png")[0, :4].tolist() == [255, 255, 255, 0]


@pytest.mark.parametrize("top", [254, 65535])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (33, 65)])
def test_every_label_comes_back_whatever_the_size(
    tmp_path: Path, size: tuple[int, int], top: int
) -> None:
    labels = np.random.default_rng(0).integers(0, top + 1, size).astype(np.uint16)
    path = tmp_path / "labels.png"
    if top == 254:
        write_palette_png(path, labels.astype(np.uint8))
    else:
        write_wide_png(path, labels)
        decoded = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert decoded is not None
        assert np.array_equal(decoded, labels)
    assert np.array_equal(read_mask_png(path), labels)


def test_views_that_are_not_contiguous_are_written_right(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 60000, (20, 30)).astype(np.uint16)
    write_wide_png(tmp_path / "wide.png", labels[::2, ::-3])
    assert np.array_equal(read_mask_png(tmp_path / "wide.png"), labels[::2, ::-3])
    write_mask_png(tmp_path / "mask.png", labels.T[3:, 4:] > 30000)
    assert np.array_equal(read_mask_png(tmp_path / "mask.png") == 255, labels.T[3:, 4:] > 30000)


def test_wide_label_maps_are_16_bit_whatever_the_ids(tmp_path: Path, result: Result) -> None:
    sink = WideMaskSink(tmp_path)
    sink.write(result({1: columns(0, 10), 2: columns(8, 20)}, index=3))
    sink.write(result({65535: columns(0, 5)}, index=4))
    with Image.open(tmp_path / "00003.png") as picture:
        assert picture.mode == "I;16"
        assert np.asarray(picture)[7].tolist() == [1] * 8 + [2] * 12 + [0] * 10
    assert read_mask_png(tmp_path / "00004.png")[0].tolist() == [65535] * 5 + [0] * 25

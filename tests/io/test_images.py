"""ImageFolderSource: order, formats, sizes, ranges."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from track_anything.errors import VideoError
from track_anything.io.images import ImageFolderSource, read_image

RED = (200, 40, 30)


def save(path: Path, value: int = 0, size: tuple[int, int] = (12, 16)) -> None:
    PillowImage.fromarray(np.full((*size, 3), value, np.uint8)).save(path)


def levels(source: ImageFolderSource) -> list[int]:
    return [int(frame.image[0, 0, 0]) for frame in source]


def test_pictures_come_in_natural_order(tmp_path: Path) -> None:
    for name, value in (("shot10.png", 3), ("shot2.png", 2), ("Shot1.png", 1), ("shot11.bmp", 4)):
        save(tmp_path / name, value)
    assert levels(ImageFolderSource(tmp_path)) == [1, 2, 3, 4]


def test_other_files_are_skipped(tmp_path: Path) -> None:
    save(tmp_path / "1.png", 1)
    save(tmp_path / ".2.png", 2)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "folder.png").mkdir()
    assert levels(ImageFolderSource(tmp_path)) == [1]


@pytest.mark.parametrize("pattern", ["a*.png", "a%03d.png", "a%d.png", "a[0-9][0-9][0-9].png"])
def test_a_pattern_chooses(tmp_path: Path, pattern: str) -> None:
    for index in range(3):
        save(tmp_path / f"a{index:03}.png", index)
        save(tmp_path / f"b{index:03}.png", 100)
    assert levels(ImageFolderSource(str(tmp_path / pattern))) == [0, 1, 2]


def test_one_picture_is_one_frame_even_with_brackets_in_its_name(tmp_path: Path) -> None:
    save(tmp_path / "a[1].png", 7)
    source = ImageFolderSource(tmp_path / "a[1].png")
    assert source.info.frame_count == 1
    assert levels(source) == [7]


def test_time_is_number_over_frame_rate(tmp_path: Path) -> None:
    for index in range(10):
        save(tmp_path / f"{index}.png", index)
    rate = Fraction(30000, 1001)
    source = ImageFolderSource(tmp_path, frame_rate=rate, start_frame=3, end_frame=5)
    assert source.info.start_time == 3 / rate
    assert source.info.time_base == 1 / rate
    frames = list(source)
    assert [(f.index, f.time, int(f.image[0, 0, 0])) for f in frames] == [
        (0, 3 / rate, 3),
        (1, 4 / rate, 4),
    ]


def test_a_range_in_seconds_chooses_by_time(tmp_path: Path) -> None:
    for index in range(10):
        save(tmp_path / f"{index}.png", index)
    source = ImageFolderSource(tmp_path, start=Fraction("0.12"), end=Fraction("0.2"))
    assert levels(source) == [3, 4]


def test_a_size_that_differs_is_scaled_to_the_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path / "1.png", 10, (12, 16))
    save(tmp_path / "2.png", 20, (24, 20))
    save(tmp_path / "3.png", 30, (6, 8))
    frames = list(ImageFolderSource(tmp_path))
    assert [f.image.shape for f in frames] == [(12, 16, 3)] * 3
    assert [int(f.image[3, 3, 0]) for f in frames] == [10, 20, 30]
    assert len([r for r in caplog.records if "size changes" in r.getMessage()]) == 1


@pytest.mark.parametrize(("max_side", "size"), [(8, (6, 8)), (100, (12, 16))])
def test_max_side_scales_down_and_never_up(
    tmp_path: Path, max_side: int, size: tuple[int, int]
) -> None:
    save(tmp_path / "1.png", 10)
    source = ImageFolderSource(tmp_path, max_side=max_side)
    assert source.info.size == size
    assert (source.info.source_height, source.info.source_width) == (12, 16)
    assert next(iter(source)).image.shape == (*size, 3)


def test_the_camera_orientation_is_applied(tmp_path: Path) -> None:
    image = np.full((12, 16, 3), 100, np.uint8)
    image[:6, :8] = RED
    exif = PillowImage.Exif()
    exif[0x0112] = 6  # turn clockwise to look at it
    PillowImage.fromarray(image).save(tmp_path / "a.png", exif=exif)
    turned = read_image(tmp_path / "a.png")
    assert turned.shape == (16, 12, 3)
    assert tuple(turned[2, 9]) == RED


@pytest.mark.parametrize(
    ("name", "make", "expected"),
    [
        ("gray.png", lambda: PillowImage.new("L", (4, 4), 90), (90, 90, 90)),
        ("gray16.png", lambda: _gray16(0x5A80), (0x5A, 0x5A, 0x5A)),
        ("gray16.tif", lambda: _gray16(0xFFFF), (255, 255, 255)),
        ("alpha.png", lambda: PillowImage.new("RGBA", (4, 4), (*RED, 10)), RED),
        ("grayalpha.png", lambda: PillowImage.new("LA", (4, 4), (90, 10)), (90, 90, 90)),
        ("palette.png", lambda: PillowImage.new("RGB", (4, 4), RED).convert("P", palette=1), RED),
        ("binary.png", lambda: PillowImage.new("1", (4, 4), 1), (255, 255, 255)),
        ("print.tif", lambda: PillowImage.new("CMYK", (4, 4), (0, 255, 255, 0)), (255, 0, 0)),
        ("photo.jpg", lambda: PillowImage.new("RGB", (64, 64), RED), RED),
        ("photo.webp", lambda: PillowImage.new("RGB", (64, 64), RED), RED),
    ],
)
def test_every_kind_of_picture_becomes_8_bit_rgb(
    tmp_path: Path, name: str, make: Any, expected: tuple[int, int, int]
) -> None:
    make().save(tmp_path / name)
    image = read_image(tmp_path / name)
    assert image.dtype == np.uint8
    assert np.abs(image[2, 2].astype(int) - expected).max() <= 4


def _gray16(value: int) -> PillowImage.Image:
    return PillowImage.fromarray(np.full((4, 4), value, np.uint16))


def test_a_palette_with_transparency_is_read_without_a_warning(tmp_path: Path) -> None:
    picture = PillowImage.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, *RED])
    picture.save(tmp_path / "p.png", transparency=b"\x00\x80")
    assert tuple(read_image(tmp_path / "p.png")[1, 1]) == RED


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"expected pictures .*, got nothing"):
        ImageFolderSource(tmp_path)
    (tmp_path / "a.txt").touch()
    with pytest.raises(VideoError, match=r"expected pictures .*, got 1 other files"):
        ImageFolderSource(tmp_path)


def test_a_pattern_without_a_match_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="got nothing"):
        ImageFolderSource(str(tmp_path / "*.png"))


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    save(tmp_path / "1.png", 1, (200, 200))
    save(tmp_path / "2.png", 2, (200, 200))
    data = (tmp_path / "2.png").read_bytes()
    (tmp_path / "2.png").write_bytes(data[: len(data) // 2])
    (tmp_path / "3.png").write_text("no picture")
    source = iter(ImageFolderSource(tmp_path))
    next(source)
    with pytest.raises(VideoError, match=r"2\.png: cannot be read"):
        next(source)
    with pytest.raises(VideoError, match=r"3\.png: not a picture"):
        read_image(tmp_path / "3.png")


def test_a_range_past_the_last_picture_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "1.png")
    with pytest.raises(VideoError, match="starts at frame 5 of 1 frames"):
        ImageFolderSource(tmp_path, start_frame=5)

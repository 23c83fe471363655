"""CutoutSink: every object alone, tight, at its place."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from track_anything.errors import ConfigError, OutputError
from track_anything.io.cutout_sink import CutoutSink


def read(path: Path) -> tuple[np.ndarray[Any, Any], tuple[int, int]]:
    """Pixels, and the corner in the oFFs chunk."""
    data = path.read_bytes()
    x, y, unit = struct.unpack(">iiB", data[data.index(b"oFFs") + 4 :][:9])
    assert unit == 0
    with Image.open(path) as picture:
        assert picture.mode == "RGBA"
        return np.asarray(picture), (x, y)


def test_a_cutout_is_tight_and_exactly_the_object(drawn_run: Any, tmp_path: Path) -> None:
    drawn_run.write(CutoutSink(tmp_path / "c", drawn_run.info))
    names = sorted(str(p.relative_to(tmp_path / "c")) for p in (tmp_path / "c").rglob("*.png"))
    # Object 300 is reported but not visible on frame 3.
    assert names == [f"0001/{i:05d}.png" for i in range(6)] + [
        f"0300/{i:05d}.png" for i in (2, 4, 5)
    ]
    bar, corner = read(tmp_path / "c" / "0300" / "00004.png")
    assert (bar.shape, corner) == ((5, 40, 4), (0, 50))
    assert np.array_equal(bar[..., :3], drawn_run.image[50:55, :40])
    for index in range(6):
        pixels, (x, y) = read(tmp_path / "c" / "0001" / f"{index:05d}.png")
        rows = slice(y, y + pixels.shape[0])
        columns = slice(x, x + pixels.shape[1])
        mask = drawn_run.masks(index)[1]
        assert np.array_equal(pixels[..., 3], mask[rows, columns] * np.uint8(255))
        assert np.count_nonzero(pixels[..., 3]) == np.count_nonzero(mask)
        inside = mask[rows, columns]
        assert np.array_equal(pixels[inside, :3], drawn_run.image[mask])
        assert not pixels[~inside].any()


def test_padding_ends_where_the_frame_ends(drawn_run: Any, tmp_path: Path) -> None:
    drawn_run.write(CutoutSink(tmp_path / "c", drawn_run.info, padding=8))
    # The bar has rows 50 to 54 of 61 and columns 0 to 39 of 83: rows 42 to 60, columns 0 to 47.
    bar, corner = read(tmp_path / "c" / "0300" / "00004.png")
    assert (bar.shape, corner) == ((19, 48, 4), (0, 42))
    assert np.count_nonzero(bar[..., 3]) == 200


def test_a_folder_in_use_and_a_negative_padding_are_refused(drawn_run: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(OutputError, match="is not empty"):
        CutoutSink(tmp_path, drawn_run.info)
    with pytest.raises(OutputError, match="this is a file"):
        CutoutSink(tmp_path / "mine.txt", drawn_run.info)
    with pytest.raises(ConfigError, match="padding is 0 pixels or more, got -1"):
        CutoutSink(tmp_path / "c", drawn_run.info, padding=-1)

"""A video of 100 frames of 80x60, and a way to write mask files of its size."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from track_anything.structures import Frame, VideoInfo

Columns = Mapping[tuple[int, int], int]


@pytest.fixture
def info() -> VideoInfo:
    """25 frames/s, 4 seconds from time 0, 80 wide and 60 high."""
    return VideoInfo(80, 60, frame_rate=Fraction(25), frame_count=100, duration=Fraction(4))


@pytest.fixture
def frame() -> Callable[..., Frame]:
    """A frame by index, at index / 25 seconds unless a time is given."""
    image = np.zeros((60, 80, 3), np.uint8)

    def make(index: int, time: str | None = None) -> Frame:
        return Frame(index, Fraction(index, 25) if time is None else Fraction(time), image)

    return make


@pytest.fixture
def png(tmp_path: Path) -> Callable[..., Path]:
    """Write a PNG of one mode whose values are given from column to column; its path."""

    def write(
        name: str, values: Columns, *, mode: str = "L", size: tuple[int, int] = (60, 80)
    ) -> Path:
        pixels = np.zeros(size, np.uint8)
        for (first, last), value in values.items():
            pixels[:, first:last] = value
        picture = Image.frombytes(mode, size[::-1], pixels.tobytes())
        if mode == "P":
            # All 256 colours, or Pillow packs the values into fewer bits.
            picture.putpalette([value // 3 for value in range(768)])
        picture.save(tmp_path / name)
        return tmp_path / name

    return write

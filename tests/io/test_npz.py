"""Frames as .npz files: every array as documented, lazily, and the same bytes every time."""

import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from track_anything.errors import OutputError
from track_anything.io.npz import NpzSink
from track_anything.masks import mask_box
from track_anything.structures import (
    Frame,
    FrameResult,
    Mask,
    ObjectMask,
    Origin,
    State,
    VideoInfo,
)

INFO = VideoInfo(width=30, height=20)


def frame(index: int) -> Frame:
    return Frame(index, Fraction(1001 * index, 30000), np.zeros((20, 30, 3), np.uint8))


def columns(first: int, last: int) -> Mask:
    mask = np.zeros((20, 30), bool)
    mask[:, first:last] = True
    return mask


@pytest.fixture
def result() -> FrameResult:
    """Two objects that overlap, the second not sure, and one that is lost."""
    shown, over, gone = columns(0, 8), columns(6, 12), columns(0, 0)
    return FrameResult(
        frame(7),
        [
            ObjectMask(1, shown, mask_box(shown), 1.0, State.CONFIRMED, Origin.PROMPTED, "dög"),
            ObjectMask(300, over, mask_box(over), 1 / 3, State.WEAK, label="ball 12"),
            ObjectMask(65535, gone, mask_box(gone), 0.0, State.LOST),
        ],
    )


def test_every_array_is_as_documented(tmp_path: Path, result: FrameResult) -> None:
    NpzSink(tmp_path / "npz", INFO).write(result)
    with np.load(tmp_path / "npz" / "00007.npz", allow_pickle=False) as arrays:
        assert arrays["masks"].dtype == bool
        assert arrays["masks"].shape == (3, 20, 30)
        for mask, one in zip(arrays["masks"], result.objects, strict=True):
            assert (mask == one.mask).all()
        assert arrays["ids"].tolist() == [1, 300, 65535]
        assert arrays["names"].tolist() == ["dög", "ball 12", ""]
        assert arrays["boxes"].tolist() == [[0, 0, 8, 20], [6, 0, 12, 20], [0, 0, 0, 0]]
        assert arrays["confidences"].tolist() == [1.0, 1 / 3, 0.0]
        assert arrays["states"].tolist() == ["confirmed", "weak", "lost"]
        assert arrays["origins"].tolist() == ["prompted", "propagated", "propagated"]
        assert int(arrays["frame"]) == 7
        assert Fraction(*arrays["time"].tolist()) == result.frame.time


def test_a_frame_without_objects_has_arrays_of_none(tmp_path: Path) -> None:
    NpzSink(tmp_path, INFO).write(FrameResult(frame(0)))
    with np.load(tmp_path / "00000.npz", allow_pickle=False) as arrays:
        assert arrays["masks"].shape == (0, 20, 30)
        assert arrays["boxes"].shape == (0, 4)
        assert len(arrays["names"]) == 0


def test_only_the_array_asked_for_is_read(tmp_path: Path, result: FrameResult) -> None:
    NpzSink(tmp_path, INFO).write(result)
    path = tmp_path / "00007.npz"
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("masks.npy")
    data = bytearray(path.read_bytes())
    data[member.header_offset + 60] ^= 0xFF
    path.write_bytes(data)
    with np.load(path) as arrays:
        assert arrays["ids"].tolist() == [1, 300, 65535]
        with pytest.raises(Exception, match=r"CRC|decompress"):
            arrays["masks"]


def test_the_same_frame_gives_the_same_bytes(tmp_path: Path, result: FrameResult) -> None:
    NpzSink(tmp_path / "a", INFO).write(result)
    NpzSink(tmp_path / "b", INFO).write(result)
    first, second = (tmp_path / name / "00007.npz" for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_masks_are_compressed(tmp_path: Path, result: FrameResult) -> None:
    NpzSink(tmp_path, INFO).write(result)
    with zipfile.ZipFile(tmp_path / "00007.npz") as archive:
        member = archive.getinfo("masks.npy")
    assert member.compress_size < member.file_size / 5


def test_a_folder_that_cannot_be_created_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be created"):
        NpzSink(tmp_path / "file" / "npz", INFO)

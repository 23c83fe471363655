"""MatteSink: exactly 0 and 255, whatever the container."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from track_anything.errors import OutputError
from track_anything.io.matte_sink import MAX_VIDEOS, MatteSink
from track_anything.structures import FrameResult, ObjectMask

Decode = Callable[..., list[Any]]


def seconds(frame: Any) -> Fraction:
    return frame.pts * Fraction(frame.time_base)


def test_gray_video_is_the_union_exactly_at_exact_times(
    drawn_run: Any, decode: Decode, tmp_path: Path
) -> None:
    drawn_run.write(MatteSink(tmp_path / "m.mp4", drawn_run.info))
    frames = decode(tmp_path / "m.mp4")
    assert [seconds(frame) for frame in frames] == drawn_run.times
    assert {frame.format.name for frame in frames} == {"gray"}
    for index, frame in enumerate(frames):
        assert np.array_equal(frame.to_ndarray(), drawn_run.union(index) * np.uint8(255))


def test_matroska_has_the_same_pictures_at_milliseconds(
    drawn_run: Any, decode: Decode, tmp_path: Path
) -> None:
    drawn_run.write(MatteSink(tmp_path / "m.mkv", drawn_run.info))
    frames = decode(tmp_path / "m.mkv")
    assert [seconds(f) for f in frames] == [
        Fraction(round(time * 1000), 1000) for time in drawn_run.times
    ]
    for index, frame in enumerate(frames):
        assert np.array_equal(frame.to_ndarray(), drawn_run.union(index) * np.uint8(255))


def test_png_files_are_the_union_exactly(drawn_run: Any, tmp_path: Path) -> None:
    drawn_run.write(MatteSink(tmp_path / "m", drawn_run.info))
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == [f"{i:05d}.png" for i in range(6)]
    for index in range(6):
        with Image.open(tmp_path / "m" / f"{index:05d}.png") as picture:
            assert picture.mode == "L"
            assert np.array_equal(picture, drawn_run.union(index) * np.uint8(255))


def test_png_files_per_object_are_each_objects_own(drawn_run: Any, tmp_path: Path) -> None:
    drawn_run.write(MatteSink(tmp_path / "m", drawn_run.info, per_object=True))
    names = sorted(str(p.relative_to(tmp_path / "m")) for p in (tmp_path / "m").rglob("*.png"))
    assert names == [f"0001/{i:05d}.png" for i in range(6)] + [
        f"0300/{i:05d}.png" for i in range(2, 6)
    ]
    with Image.open(tmp_path / "m" / "0300" / "00004.png") as picture:
        assert np.array_equal(picture, drawn_run.masks(4)[300] * np.uint8(255))


def test_a_video_per_object_has_every_frame_black_where_it_is_not(
    drawn_run: Any, decode: Decode, tmp_path: Path
) -> None:
    drawn_run.write(MatteSink(tmp_path / "m.mp4", drawn_run.info, per_object=True))
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == [
        "m_0001.mp4",
        "m_0300.mp4",
    ]
    for track_id in (1, 300):
        frames = decode(tmp_path / f"m_{track_id:04d}.mp4")
        assert [seconds(frame) for frame in frames] == drawn_run.times
        for index, frame in enumerate(frames):
            mask = drawn_run.masks(index).get(track_id, np.zeros(drawn_run.size, bool))
            assert np.array_equal(frame.to_ndarray(), mask * np.uint8(255))


def test_an_object_that_ends_is_black_from_then_on(
    drawn_run: Any, decode: Decode, tmp_path: Path
) -> None:
    sink = MatteSink(tmp_path / "m.mp4", drawn_run.info, per_object=True)
    for result in drawn_run.results:
        one = [each for each in result.objects if result.frame.index < 3]
        sink.write(FrameResult(result.frame, one))
    sink.close()
    frames = decode(tmp_path / "m_0001.mp4")
    assert [bool(frame.to_ndarray().any()) for frame in frames] == [True] * 3 + [False] * 3


def test_a_range_starts_at_zero(drawn_run: Any, decode: Decode, tmp_path: Path) -> None:
    drawn_run.write(MatteSink(tmp_path / "m.mp4", drawn_run.info, start=drawn_run.times[0]))
    times = [seconds(frame) for frame in decode(tmp_path / "m.mp4")]
    assert times == [time - drawn_run.times[0] for time in drawn_run.times]


def test_too_many_videos_are_refused_in_one_line(drawn_run: Any, tmp_path: Path) -> None:
    sink = MatteSink(tmp_path / "m.mkv", drawn_run.info, per_object=True)
    first = drawn_run.results[0]
    mask = first.objects[0]
    many = [ObjectMask(track_id, mask.mask, mask.box, 0.9) for track_id in range(1, MAX_VIDEOS + 2)]
    with pytest.raises(OutputError, match=f"more than {MAX_VIDEOS} objects"):
        sink.write(FrameResult(first.frame, many))
    sink.abort()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("m.avi", {}, "ending in .mkv"),
        ("m.avi", {"per_object": True}, "ending in .mkv"),
        ("there", {}, "is not empty"),
        ("there.mkv", {}, "exists already"),
        ("v.mkv", {"per_object": True}, "v_0001.mkv: exists already"),
        ("no/m.mkv", {}, "does not exist"),
    ],
)
def test_what_may_not_be_written_is_refused_before_the_first_frame(
    drawn_run: Any, tmp_path: Path, name: str, options: dict[str, Any], message: str
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("precious")
    for file in ("there.mkv", "v_0001.mkv"):
        (tmp_path / file).write_bytes(b"precious")
    with pytest.raises(OutputError, match=message):
        MatteSink(tmp_path / name, drawn_run.info, **options)


def test_overwriting_replaces_pictures_and_nothing_else(drawn_run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    (folder / "0007").mkdir(parents=True)
    for name in ("00099.png", "0007/00001.png", "mine.png", "notes.txt"):
        (folder / name).write_bytes(b"old")
    drawn_run.write(MatteSink(folder, drawn_run.info, overwrite=True))
    names = sorted(p.name for p in folder.iterdir())
    assert names == [*(f"{i:05d}.png" for i in range(6)), "mine.png", "notes.txt"]


def test_aborting_keeps_a_partial_video_that_plays(
    drawn_run: Any, decode: Decode, tmp_path: Path
) -> None:
    sink = MatteSink(tmp_path / "m.mkv", drawn_run.info)
    for result in drawn_run.results[:3]:
        sink.write(result)
    sink.abort()
    sink.close()
    assert not (tmp_path / "m.mkv").exists()
    assert len(decode(tmp_path / "m.partial.mkv")) == 3

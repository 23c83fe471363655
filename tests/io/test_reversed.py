"""Videos and pictures from the last frame to the first."""

import weakref
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from track_anything.config import ReadConfig
from track_anything.errors import ConfigError, VideoError
from track_anything.io.frame_index import FrameIndex
from track_anything.io.reversed import ReversedSource, open_reversed
from track_anything.io.sources import open_source
from track_anything.structures import Frame, VideoInfo

PICTURE = 3 * 96 * 128
IN_LINE = ReadConfig(prefetch_frames=0)


def forwards(path: Path, **options: Any) -> list[Frame]:
    source = open_source(path, config=IN_LINE, **options)
    frames = list(source)
    source.close()
    return frames


def check_mirrored(path: Path, *, memory_bytes: int = 7 * PICTURE, **options: Any) -> list[Frame]:
    """Everything of every frame, against reading forwards."""
    expected = forwards(path, **options)
    source = open_reversed(path, memory_bytes=memory_bytes, **options)
    assert source.info.frame_count == len(expected)
    assert source.info.start_time == expected[0].time
    found = list(source)
    source.close()
    assert len(found) == len(expected)
    assert [frame.index for frame in found] == list(range(len(expected)))
    assert all(later.time > earlier.time for earlier, later in pairwise(found))
    for frame, original in zip(found, reversed(expected), strict=True):
        assert source.original_index(frame.index) == original.index
        assert source.original_time(frame.time) == original.time
        assert np.array_equal(frame.image, original.image)
        assert frame.is_corrupt == original.is_corrupt
    return found


@pytest.mark.parametrize("frames_in_memory", [0, 1, 4, 7, 1000])
@pytest.mark.parametrize("key_every", [1, 5, 250])
def test_frames_are_those_of_reading_forwards(
    clips: Any, frames_in_memory: int, key_every: int
) -> None:
    path = clips.make(count=23, key_every=key_every)
    found = check_mirrored(path, memory_bytes=frames_in_memory * PICTURE)
    assert [clips.number(frame.image) for frame in found] == list(range(22, -1, -1))


def test_a_mirrored_time_keeps_the_distances_and_both_ends(clips: Any) -> None:
    pts = [1000, 1007, 1050, 1051, 1400, 1433]
    path = clips.make("clip.mkv", count=6, pts=pts, time_base=Fraction(1, 1000))
    found = check_mirrored(path, memory_bytes=2 * PICTURE)
    mirrored = [1000, 1033, 1382, 1383, 1426, 1433]
    assert [frame.time for frame in found] == [Fraction(p, 1000) for p in mirrored]


@pytest.mark.parametrize(
    "part",
    [
        {"start_frame": 4, "end_frame": 19},
        {"start": Fraction(1, 5), "end": Fraction(3, 4)},
        {"end_frame": 3},
        {"start": Fraction(4, 5)},
        {"start_frame": 3, "end": Fraction(1, 2)},
    ],
)
def test_a_part_is_that_part(clips: Any, part: dict[str, Any]) -> None:
    check_mirrored(clips.make(count=23), **part)


def test_frames_are_scaled_as_forwards(clips: Any) -> None:
    path = clips.make(count=8)
    source = open_reversed(path, config=ReadConfig(max_side=64))
    frames = forwards(path)
    assert (source.info.size, source.info.source_width) == ((48, 64), 128)
    assert {frame.image.shape for frame in source} == {(48, 64, 3)}
    assert frames[0].image.shape == (96, 128, 3)


def test_a_turned_clip_comes_upright(clips: Any) -> None:
    check_mirrored(clips.make(rotation=90, count=9))


def test_interlaced_frames_are_made_whole_as_forwards(clips: Any) -> None:
    path = clips.make("interlaced.mkv", interlaced=True, count=12, codec="libx264")
    source = open_reversed(path, memory_bytes=4 * PICTURE)
    assert source.info.is_interlaced
    check_mirrored(path, memory_bytes=4 * PICTURE)


def test_a_stream_without_time_stamps_is_read_by_number(clips: Any) -> None:
    check_mirrored(clips.make("raw.h264", count=12), memory_bytes=5 * PICTURE)


def test_a_clock_that_starts_anew_is_no_obstacle(clips: Any) -> None:
    data = clips.make("a.ts", count=12).read_bytes() + clips.make("b.ts", count=5).read_bytes()
    (clips.folder / "ab.ts").write_bytes(data)
    check_mirrored(clips.folder / "ab.ts", memory_bytes=5 * PICTURE)


def test_a_clip_that_was_cut_off_begins_with_its_last_whole_frame(clips: Any) -> None:
    whole = clips.make("whole.mkv", count=40)
    part = clips.folder / "part.mkv"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    check_mirrored(part)


def test_pictures_are_read_from_the_last_to_the_first(pictures: Path) -> None:
    check_mirrored(pictures)
    check_mirrored(pictures, start_frame=1, end_frame=4, frame_rate=Fraction(10))
    # As forwards: every picture is scaled to the size of the first.
    PillowImage.new("RGB", (50, 50)).save(pictures / "00005.png")
    check_mirrored(pictures)


def test_no_more_frames_live_at_once_than_the_memory_holds() -> None:
    alive = most = 0
    sizes = []

    def free() -> None:
        nonlocal alive
        alive -= 1

    def draw(start: int, stop: int) -> Iterator[Frame]:
        nonlocal alive, most
        sizes.append(stop - start)
        for index in range(start, stop):
            image = np.zeros((2, 5, 3), np.uint8)
            weakref.finalize(image, free)
            alive += 1
            most = max(most, alive)
            yield Frame(index, Fraction(index), image)

    index = FrameIndex([Fraction(i) for i in range(50)])
    source = ReversedSource(draw, index, VideoInfo(5, 2), memory_bytes=8 * 30 + 29)
    assert sum(1 for _ in source) == 50
    assert sizes == [8] * 6 + [2]
    # Those of a piece, the one that the consumer holds, and the one being drawn.
    assert most <= 10
    assert alive <= 1


def test_pieces_begin_at_key_frames_where_one_is_near_enough() -> None:
    opened = []

    def draw(start: int, stop: int) -> Iterator[Frame]:
        opened.append((start, stop))
        for index in range(start, stop):
            yield Frame(index, Fraction(index), np.zeros((2, 5, 3), np.uint8))

    index = FrameIndex([Fraction(i) for i in range(50)], [0, 20, 25, 40, 45])
    list(ReversedSource(draw, index, VideoInfo(5, 2), memory_bytes=10 * 30))
    assert opened == [(40, 50), (30, 40), (20, 30), (10, 20), (0, 10)]
    opened.clear()
    list(ReversedSource(draw, index, VideoInfo(5, 2), memory_bytes=12 * 30))
    assert opened == [(40, 50), (28, 40), (20, 28), (8, 20), (0, 8)]


def test_a_video_whose_size_changes_is_scaled_to_the_first_frame() -> None:
    def draw(start: int, stop: int) -> Iterator[Frame]:
        for index in range(start, stop):
            side = (2, 5) if index < 3 else (4, 10)
            yield Frame(index, Fraction(index), np.full((*side, 3), index, np.uint8))

    index = FrameIndex([Fraction(i) for i in range(6)])
    images = [frame.image for frame in ReversedSource(draw, index, VideoInfo(5, 2))]
    assert [image.shape for image in images] == [(2, 5, 3)] * 6
    assert [int(image[0, 0, 0]) for image in images] == [5, 4, 3, 2, 1, 0]


def test_an_index_that_is_known_is_taken(clips: Any) -> None:
    path = clips.make(count=12)
    known = FrameIndex([Fraction(i, 25) for i in range(12)])
    numbers = [clips.number(f.image) for f in open_reversed(path, index=known)]
    assert numbers == list(range(11, -1, -1))


def test_a_video_that_has_other_frames_than_its_index_is_an_error(clips: Any) -> None:
    path = clips.make(count=12)
    wrong = FrameIndex([Fraction(i, 24) for i in range(12)])
    with pytest.raises(VideoError, match="the video was changed"):
        list(open_reversed(path, index=wrong))
    info = VideoInfo(5, 2, path="gone")
    short = ReversedSource(lambda start, stop: iter(()), FrameIndex([Fraction(0)]), info)
    with pytest.raises(VideoError, match="gone: expected frames 0 to 0, got 0 of them"):
        list(short)


def test_what_cannot_be_read_backwards_says_so(clips: Any) -> None:
    with pytest.raises(VideoError, match="standard input cannot be read backwards"):
        open_reversed("-")
    with pytest.raises(VideoError, match="no such file"):
        open_reversed(clips.folder / "none.mp4")
    with pytest.raises(VideoError, match="the range starts at frame 99 of 5 frames"):
        open_reversed(clips.make(count=5), start_frame=99)
    with pytest.raises(ConfigError, match="not after its start"):
        open_reversed(clips.make(count=5), start_frame=3, end_frame=3)
    with pytest.raises(VideoError, match="no frame to read backwards"):
        ReversedSource(lambda start, stop: iter(()), FrameIndex([]), VideoInfo(5, 2))


def test_closing_ends_the_iteration_in_the_middle_of_a_piece(clips: Any) -> None:
    source = open_reversed(clips.make(count=12))
    frames = iter(source)
    next(frames)
    source.close()
    assert list(frames) == []
    with pytest.raises(VideoError, match="open it again"):
        iter(source)


@pytest.mark.shared
def test_real_clips_are_equal_backwards(shared_data: Path) -> None:
    for name in ("03_skateboarder.mp4", "19_cyclist.mp4"):
        path = shared_data / "videos" / name
        expected = [(f.time, int(f.image[::5, ::5].sum())) for f in forwards(path)]
        source = open_reversed(path, memory_bytes=200 * 2**20)
        found = [(source.original_time(f.time), int(f.image[::5, ::5].sum())) for f in source]
        assert found[::-1] == expected

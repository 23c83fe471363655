"""What every FrameSource must do, whichever it is."""

import threading
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as PillowImage

from track_anything.errors import VideoError
from track_anything.interfaces import FrameSource
from track_anything.io.images import ImageFolderSource
from track_anything.io.prefetch import PrefetchSource
from track_anything.io.reversed import open_reversed
from track_anything.io.video import VideoSource

COUNT = 6
HEIGHT, WIDTH = 48, 64


def _picture(index: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), 30 * index + 20, np.uint8)


def _clip(folder: Path, order: Sequence[int]) -> Path:
    path = folder / "clip.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for place, index in enumerate(order):
            frame = av.VideoFrame.from_ndarray(_picture(index), "rgb24")
            frame.pts = place
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _video(folder: Path) -> FrameSource:
    return VideoSource(_clip(folder, range(COUNT)))


def _backwards(folder: Path) -> FrameSource:
    path = _clip(folder, range(COUNT - 1, -1, -1))
    return open_reversed(path, memory_bytes=2 * 3 * HEIGHT * WIDTH)


def _folder(folder: Path) -> FrameSource:
    for index in range(COUNT):
        PillowImage.fromarray(_picture(index)).save(folder / f"{index}.png")
    return ImageFolderSource(folder)


def _ahead_of_video(folder: Path) -> FrameSource:
    return PrefetchSource(_video(folder), frame_count=2)


def _ahead_of_folder(folder: Path) -> FrameSource:
    return PrefetchSource(_folder(folder), frame_count=1)


@pytest.fixture(params=[_video, _folder, _ahead_of_video, _ahead_of_folder, _backwards])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FrameSource]:
    make: Callable[[Path], FrameSource] = request.param
    before = set(threading.enumerate())
    opened = make(tmp_path)
    yield opened
    opened.close()
    assert set(threading.enumerate()) <= before, threading.enumerate()


def test_info_is_there_before_the_first_frame(source: FrameSource) -> None:
    info = source.info
    assert (info.height, info.width) == (info.source_height, info.source_width) == (HEIGHT, WIDTH)
    assert info.frame_rate == 25
    assert info.frame_count == COUNT
    assert info.duration == Fraction(COUNT, 25)
    assert info.start_time == 0


def test_every_frame_comes_once_in_order(source: FrameSource) -> None:
    frames = list(source)
    assert [frame.index for frame in frames] == list(range(COUNT))
    assert [frame.time for frame in frames] == [Fraction(i, 25) for i in range(COUNT)]
    levels = [float(frame.image.mean()) for frame in frames]
    assert levels == pytest.approx([30 * i + 20 for i in range(COUNT)], abs=3)


def test_images_are_contiguous_rgb_of_the_size_in_info(source: FrameSource) -> None:
    for frame in source:
        assert frame.image.shape == (*source.info.size, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous


def test_frames_do_not_share_memory(source: FrameSource) -> None:
    first, second, *_ = source
    assert not np.shares_memory(first.image, second.image)


def test_times_are_whole_ticks_of_the_time_base(source: FrameSource) -> None:
    assert all((frame.time / source.info.time_base).denominator == 1 for frame in source)


def test_a_second_iteration_is_refused(source: FrameSource) -> None:
    list(source)
    with pytest.raises(VideoError, match="open it again"):
        iter(source)


def test_iterating_a_closed_source_is_refused(source: FrameSource) -> None:
    source.close()
    with pytest.raises(VideoError):
        iter(source)


def test_closing_in_the_middle_and_twice_is_fine(source: FrameSource) -> None:
    frames = iter(source)
    next(frames)
    source.close()
    source.close()
    assert len(list(frames)) < COUNT

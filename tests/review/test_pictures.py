"""Single frames of a video, by their times."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from track_anything.errors import VideoError
from track_anything.review.moments import Instant
from track_anything.review.pictures import Pictures
from track_anything.structures import VideoInfo

INFO = VideoInfo(width=64, height=48, frame_rate=Fraction(10))


@pytest.fixture
def video(tmp_path: Path) -> str:
    """Twenty seconds, ten frames each: frame n is grey n, key frames every two seconds."""
    path = tmp_path / "grey.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=10, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = 20
        for index in range(200):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), index, np.uint8), "rgb24")
            picture.pts = index
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return str(path)


def instants(*frames: int) -> list[Instant]:
    return [Instant(frame, Fraction(frame, 10)) for frame in frames]


@pytest.mark.parametrize("is_interlaced", [False, True])
def test_frames_near_and_far_are_found(video: str, is_interlaced: bool) -> None:
    pictures = Pictures(video, (), replace(INFO, is_interlaced=is_interlaced))
    found = [
        (when.frame, float(image.mean()))
        for when, image in pictures.at(instants(3, 4, 9, 150, 199))
    ]
    assert [frame for frame, _ in found] == [3, 4, 9, 150, 199]
    assert all(abs(grey - frame) < 3 for frame, grey in found)


def test_what_is_not_there_is_passed_over(video: str) -> None:
    wanted = [*instants(3), Instant(4, Fraction(35, 100)), *instants(5)]
    assert [when.frame for when, _ in Pictures(video, (), INFO).at(wanted)] == [3, 5]


def test_a_first_one_that_is_not_there_is_passed_over(video: str) -> None:
    wanted = [Instant(3, Fraction(35, 100)), *instants(5, 6)]
    assert [when.frame for when, _ in Pictures(video, (), INFO).at(wanted)] == [5, 6]


def test_a_video_of_another_size_is_refused(video: str) -> None:
    with pytest.raises(VideoError, match="64x48, those tracked were 32x48"):
        list(Pictures(video, (), replace(INFO, width=32)).at(instants(3)))


def test_no_source_gives_no_pictures() -> None:
    assert list(Pictures(None, (), INFO).at(instants(1))) == []

"""open_source and probe: the right source for what the user names."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from track_anything.config import ReadConfig
from track_anything.errors import VideoError
from track_anything.io.images import ImageFolderSource
from track_anything.io.prefetch import PrefetchSource
from track_anything.io.sources import open_source, probe
from track_anything.io.video import VideoSource

IN_LINE = ReadConfig(prefetch_frames=0)


def pictures(folder: Path) -> Path:
    folder.mkdir()
    for index in range(4):
        PillowImage.fromarray(np.full((8, 10, 3), index, np.uint8)).save(folder / f"{index}.png")
    return folder


@pytest.mark.parametrize("name", ["", "*.png", "%d.png", "2.png"])
def test_pictures_are_read_as_pictures(tmp_path: Path, name: str) -> None:
    source = open_source(pictures(tmp_path / "shots") / name, config=IN_LINE)
    assert isinstance(source, ImageFolderSource)
    source.close()


def test_everything_else_is_read_as_video(clips: Any) -> None:
    for name, codec, pixel_format in (
        ("a.mp4", "libx264", "yuv420p"),
        ("a.gif", "gif", "rgb8"),
        ("no suffix", "libx264", "yuv420p"),
    ):
        made = clips.make(name if "." in name else "b.mkv", codec=codec, pixel_format=pixel_format)
        path = made.rename(clips.folder / name)
        source = open_source(path, config=IN_LINE)
        assert isinstance(source, VideoSource)
        source.close()


def test_frames_are_read_ahead_as_configured(clips: Any) -> None:
    source = open_source(clips.make(), start=Fraction(10, 25), end=Fraction(13, 25))
    assert isinstance(source, PrefetchSource)
    assert [clips.number(frame.image) for frame in source] == [10, 11, 12]
    source.close()


def test_size_and_rate_are_passed_on(tmp_path: Path, clips: Any) -> None:
    config = ReadConfig(max_side=64)
    video = open_source(clips.make(), config=config, start_frame=2, end_frame=4)
    assert video.info.size == (48, 64)
    assert [clips.number(frame.image) for frame in video] == [2, 3]
    video.close()
    shots = open_source(
        pictures(tmp_path / "shots"), frame_rate=Fraction(10), start_frame=1, end_frame=3
    )
    assert [frame.time for frame in shots] == [Fraction(1, 10), Fraction(2, 10)]
    shots.close()


def test_what_is_missing_is_one_clear_error(tmp_path: Path) -> None:
    for name in ("nothing.mp4", "nothing.png", "nothing"):
        with pytest.raises(VideoError, match="no such file"):
            open_source(tmp_path / name)


def test_probing_tells_the_info_of_videos_and_pictures(tmp_path: Path, clips: Any) -> None:
    info = probe(clips.make(rotation=90, audio="aac", rate=Fraction(30), time_base=Fraction(1, 30)))
    assert (info.width, info.height, info.rotation) == (96, 128, 90)
    assert (info.frame_rate, info.frame_count) == (30, 20)
    assert info.has_audio
    assert info.codec == "h264"
    assert probe(pictures(tmp_path / "shots")).size == (8, 10)

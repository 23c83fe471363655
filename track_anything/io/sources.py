"""The right frame source for whatever the user names."""

from contextlib import closing
from fractions import Fraction
from pathlib import Path

from track_anything.config import ReadConfig
from track_anything.interfaces import FrameSource
from track_anything.io.container import STDIN
from track_anything.io.images import DEFAULT_RATE, ImageFolderSource, is_image, is_pattern
from track_anything.io.prefetch import PrefetchSource
from track_anything.io.video import VideoSource
from track_anything.structures import VideoInfo

_DEFAULTS = ReadConfig()


def open_source(
    path: str | Path,
    *,
    config: ReadConfig = _DEFAULTS,
    start: Fraction | None = None,
    end: Fraction | None = None,
    start_frame: int | None = None,
    end_frame: int | None = None,
    frame_rate: Fraction = DEFAULT_RATE,
) -> FrameSource:
    """Frames of a video file, a folder of pictures, a pattern, one picture or "-" (standard input).

    Args:
        path: What to read.
        config: Size and reading ahead.
        start: First time delivered, in seconds of the source's own clock.
        end: First time left out.
        start_frame: Frames to skip; instead of start.
        end_frame: First frame left out; instead of end.
        frame_rate: Of pictures, which have no clock; videos have their own.

    Raises:
        VideoError: If it cannot be read, or nothing of it is in the range.
        ConfigError: If the range is empty in itself.
    """
    text = str(path)
    source: FrameSource
    if is_pictures(text):
        source = ImageFolderSource(
            text,
            frame_rate=frame_rate,
            start=start,
            end=end,
            start_frame=start_frame,
            end_frame=end_frame,
            max_side=config.max_side,
        )
    else:
        source = VideoSource(
            text,
            start=start,
            end=end,
            start_frame=start_frame,
            end_frame=end_frame,
            max_side=config.max_side,
        )
    if config.prefetch_frames:
        return PrefetchSource(source, frame_count=config.prefetch_frames)
    return source


def is_pictures(path: str) -> bool:
    """Whether a path names pictures: a folder, a pattern, or one file by its suffix."""
    return path != STDIN and (Path(path).is_dir() or is_pattern(path) or is_image(path))


def probe(path: str | Path) -> VideoInfo:
    """What is known of a video or of pictures before all of it is decoded.

    Raises:
        VideoError: If it cannot be read.
    """
    with closing(open_source(path, config=ReadConfig(prefetch_frames=0))) as source:
        return source.info

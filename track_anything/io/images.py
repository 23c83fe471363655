"""Frames from a folder of pictures, a pattern, or one picture."""

import logging
import re
import warnings
from collections.abc import Iterator
from fractions import Fraction
from glob import glob, has_magic
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps, UnidentifiedImageError

from track_anything.errors import VideoError
from track_anything.io.frame_range import FrameRange
from track_anything.structures import Frame, Image, VideoInfo

_log = logging.getLogger(__name__)

DEFAULT_RATE = Fraction(25)
_SUFFIXES = "avif bmp jp2 jpeg jpg pbm pgm png ppm tga tif tiff webp"
IMAGE_SUFFIXES = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())
_NUMBER_PATTERN = re.compile(r"%0?\d*d")


def is_image(path: str | Path) -> bool:
    """Whether a file is a picture by its name."""
    return Path(path).suffix.lower() in IMAGE_SUFFIXES


def is_pattern(path: str) -> bool:
    """Whether a path stands for several files: `*`, `?`, `[...]` or `%05d`, and is not a file."""
    return bool(has_magic(path) or _NUMBER_PATTERN.search(path)) and not Path(path).exists()


def image_paths(path: str | Path) -> list[Path]:
    """The pictures of a folder, a pattern or one file, in natural order (2 before 10).

    Raises:
        VideoError: If there is none.
    """
    text = str(path)
    if is_pattern(text):
        files = [Path(name) for name in glob(_NUMBER_PATTERN.sub("*", text))]
    elif Path(path).is_dir():
        files = list(Path(path).iterdir())
    else:
        if not Path(path).exists():
            raise VideoError(f"{path}: no such file")
        files = [Path(path)]
    # Names with a dot in front are thumbnails and resource forks of other systems.
    chosen = [f for f in files if is_image(f) and f.is_file() and not f.name.startswith(".")]
    if not chosen:
        what = f"{len(files)} other files" if files else "nothing"
        raise VideoError(f"{path}: expected pictures ({_SUFFIXES}), got {what}")
    return sorted(chosen, key=_natural_key)


def _natural_key(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts], path.name


def read_image(path: Path) -> Image:
    """A picture upright, as 8-bit RGB; alpha is ignored, 16 bits are scaled down.

    Raises:
        VideoError: If it cannot be read.
    """
    try:
        with warnings.catch_warnings():
            # Pillow only warns of a large picture; one too large raises.
            warnings.simplefilter("ignore", PillowImage.DecompressionBombWarning)
            with PillowImage.open(path) as picture:
                upright = ImageOps.exif_transpose(picture)
                return _rgb(upright)
    except UnidentifiedImageError as error:
        raise VideoError(f"{path}: not a picture that can be read") from error
    except (OSError, SyntaxError, ValueError, PillowImage.DecompressionBombError) as error:
        raise VideoError(f"{path}: cannot be read ({error})") from error


def _rgb(picture: PillowImage.Image) -> Image:
    if picture.mode.startswith("I"):
        # Pillow would clip 16-bit grey at 255 instead of scaling it.
        gray = (np.clip(np.asarray(picture), 0, 65535) >> 8).astype(np.uint8)
        return np.repeat(gray[:, :, None], 3, axis=2)
    if picture.mode == "F":
        raise ValueError("floating-point pictures have no fixed white")
    # A palette with transparency goes by way of RGBA, or Pillow warns.
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    return np.array(picture.convert("RGB"), np.uint8)


class ImageFolderSource:
    """Pictures as frames of one size, that of the first; time is number / frame rate."""

    def __init__(
        self,
        path: str | Path,
        *,
        frame_rate: Fraction = DEFAULT_RATE,
        start: Fraction | None = None,
        end: Fraction | None = None,
        start_frame: int | None = None,
        end_frame: int | None = None,
        max_side: int = 0,
    ) -> None:
        """Find the pictures and read the first.

        Args:
            path: A folder, a pattern (`shots/*.png`, `shots/%05d.png`) or one picture.
            frame_rate: Pictures per second.
            start: First time delivered.
            end: First time left out.
            start_frame: Pictures to skip; instead of start.
            end_frame: First picture left out; instead of end.
            max_side: Longest side of the frames delivered; 0 keeps the size of the first picture.

        Raises:
            VideoError: If there is no picture, or none in the range.
            ConfigError: If the range is empty in itself.
        """
        chosen = FrameRange(start=start, end=end, start_frame=start_frame, end_frame=end_frame)
        paths = image_paths(path)
        times = [number / frame_rate for number in range(len(paths))]
        self._pictures = [
            (file, time)
            for number, (file, time) in enumerate(zip(paths, times, strict=True))
            if not chosen.is_before(number, time, frame_rate)
            and not chosen.is_past(number, time, frame_rate)
        ]
        if not self._pictures:
            raise VideoError(f"{path}: {chosen.why_empty(len(paths), times[-1])}")
        self._is_read = False
        self._has_warned_size = False
        first = read_image(self._pictures[0][0])
        self._first_size = first.shape[:2]
        self._scale = _scale(self._first_size, max_side)
        height, width = self._size()
        self._info = VideoInfo(
            width=width,
            height=height,
            frame_rate=frame_rate,
            frame_count=len(self._pictures),
            time_base=1 / frame_rate,
            duration=len(self._pictures) / frame_rate,
            start_time=self._pictures[0][1],
            source_width=self._first_size[1],
            source_height=self._first_size[0],
            path=str(path),
        )

    def _size(self) -> tuple[int, int]:
        height, width = self._first_size
        return max(1, round(height * self._scale)), max(1, round(width * self._scale))

    @property
    def info(self) -> VideoInfo:
        """What is known before reading."""
        return self._info

    @property
    def problems(self) -> list[str]:
        """Always empty: a picture that cannot be read is an error."""
        return []

    def __iter__(self) -> Iterator[Frame]:
        """The pictures in order. May be called once.

        Raises:
            VideoError: If it is called again, or a picture cannot be read.
        """
        if self._is_read:
            raise VideoError(f"{self._info.path}: was already read; open it again")
        self._is_read = True
        return self._deliver()

    def _deliver(self) -> Iterator[Frame]:
        for index in range(len(self._pictures)):
            yield self.frame(index)

    def frame(self, index: int) -> Frame:
        """One picture by its index; pictures can be read in any order, and again.

        Raises:
            VideoError: If it cannot be read.
        """
        path, time = self._pictures[index]
        return Frame(index, time, self._fitted(read_image(path), path))

    def _fitted(self, image: Image, path: Path) -> Image:
        if image.shape[:2] != self._first_size and not self._has_warned_size:
            self._has_warned_size = True
            _log.warning(
                "%s: the picture size changes from %dx%d to %dx%d; scaled to the first",
                path,
                *self._first_size[::-1],
                *image.shape[1::-1],
            )
        height, width = self._info.size
        if image.shape[:2] == (height, width):
            return image
        shrinks = height < image.shape[0] or width < image.shape[1]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)

    def close(self) -> None:
        """Nothing stays open. May be called again."""
        self._is_read = True


def _scale(size: tuple[int, ...], max_side: int) -> Fraction:
    longest = max(size)
    return Fraction(max_side, longest) if 0 < max_side < longest else Fraction(1)

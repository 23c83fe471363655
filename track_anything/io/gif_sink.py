"""Animated GIF: small, looping, in true time."""

import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image as PillowImage

from track_anything.errors import ConfigError, OutputError
from track_anything.io.output_path import check_output
from track_anything.painting import overlay
from track_anything.structures import FrameResult, Image, VideoInfo

PALETTES = ("clip", "frame")
MAX_RATE = 50
"""Frames a second: browsers show what is shorter than 2/100 s for 10/100 s."""

_UNIT = Fraction(1, 100)
_SHORTEST = 2
_LONGEST = 0xFFFF
# Pixels that the palette of a clip is made from: enough for 256 colours, whatever its length.
_SAMPLE = 1 << 16
_SAMPLE_PER_FRAME = 1 << 12


class GifSink:
    """A GIF that shows every frame it takes for its true time, in hundredths of a second.

    GIF has 256 colours a picture. With the palette of the clip they are the same throughout:
    smaller and steadier; pictures are then kept in a temporary file beside the output until the end
    is known. With one of each frame colours are truer, and what is still may shimmer. Written under
    NAME.partial.gif; close gives it its name.
    """

    needs_images: ClassVar[bool] = True

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        paint: Callable[[FrameResult], Image] | None = None,
        max_side: int = 480,
        frame_rate: float = 12.5,
        palette: Literal["clip", "frame"] = "clip",
        dither: bool = True,
        overwrite: bool = False,
    ) -> None:
        """Check the output.

        Args:
            path: A name ending in .gif.
            info: Of the frames that will come.
            paint: Makes the picture of a frame, in the size of info; None paints masks over it.
            max_side: Longest side in pixels; smaller pictures are not enlarged.
            frame_rate: Most frames a second, 0.1 to 50; what is between is left out.
            palette: "clip" or "frame".
            dither: Mix colours that the palette lacks out of dots: smoother, larger.
            overwrite: Replace an existing file when the new one is complete.

        Raises:
            OutputError: If the output cannot or may not be written there.
            ConfigError: If a setting is out of range.
        """
        if palette not in PALETTES:
            raise ConfigError(f"palette is {' or '.join(PALETTES)}, got {palette!r}")
        if not 0.1 <= frame_rate <= MAX_RATE:
            raise ConfigError(f"frame_rate of a GIF is 0.1 to {MAX_RATE}, got {frame_rate:g}")
        if not 16 <= max_side <= _LONGEST:
            raise ConfigError(f"max_side of a GIF is 16 to {_LONGEST}, got {max_side}")
        self._path = path
        self._partial = path.with_name(f"{path.stem}.partial{path.suffix}")
        check_output(path, (".gif",), overwrite=overwrite)
        scale = min(1.0, max_side / max(info.width, info.height))
        self._size = max(1, round(info.width * scale)), max(1, round(info.height * scale))
        self._info = info
        self._paint = paint or _painted
        self._frame_rate = Fraction(frame_rate).limit_denominator(1000)
        self._dither = PillowImage.Dither.FLOYDSTEINBERG if dither else PillowImage.Dither.NONE
        self._first_time: Fraction | None = None
        self._end = Fraction(0)
        self._due = Fraction(0)
        self._is_ended = False
        self._encoder: _GifFile | None = None
        self._spill = _Spill(path.parent) if palette == "clip" else None

    def write(self, result: FrameResult) -> None:
        """Take one frame, if its time has come.

        Raises:
            OutputError: If it cannot be written, or the sink is closed.
        """
        if self._is_ended:
            raise OutputError(f"{self._path}: a result came after it was closed")
        if self._first_time is None:
            self._first_time = result.frame.time
        time = result.frame.time - self._first_time
        self._end = time + 1 / self._info.frame_rate
        if time < self._due:
            return
        self._due = (time * self._frame_rate // 1 + 1) / self._frame_rate
        image = self._paint(result)
        if image.shape[1::-1] != self._size:
            image = np.asarray(
                cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), np.uint8
            )
        hundredths = round(time / _UNIT)
        try:
            if self._spill is not None:
                self._spill.append(image, hundredths)
            else:
                self._encode(image, hundredths, None)
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"{self._path}: cannot be written ({error.strerror})") from error

    def _encode(self, image: Image, hundredths: int, palette: PillowImage.Image | None) -> None:
        if self._encoder is None:
            self._encoder = _GifFile(self._partial, self._size)
        picture = PillowImage.fromarray(image)
        if palette is None:
            # Without its own palette Pillow does not dither.
            palette = picture.quantize(256, method=PillowImage.Quantize.MEDIANCUT)
        self._encoder.write(picture.quantize(palette=palette, dither=self._dither), hundredths)

    def close(self) -> None:
        """Complete the file under its name. May be called again.

        Raises:
            OutputError: If it cannot be completed, or no frame came.
        """
        if self._is_ended:
            return
        if self._first_time is None:
            self.abort()
            raise OutputError(f"{self._path}: not written, for no frame came")
        try:
            self._finish()
            os.replace(self._partial, self._path)
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"{self._path}: cannot be completed ({error.strerror})") from error

    def abort(self) -> None:
        """Complete what there is under the partial name."""
        if self._is_ended:
            return
        try:
            self._finish()
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"{self._path}: cannot be completed ({error.strerror})") from error

    def _finish(self) -> None:
        self._is_ended = True
        try:
            if self._spill is not None and self._first_time is not None:
                palette = self._spill.palette()
                for image, hundredths in self._spill.images(self._size):
                    self._encode(image, hundredths, palette)
        finally:
            if self._spill is not None:
                self._spill.close()
            if self._encoder is not None:
                self._encoder.close(round(self._end / _UNIT))


class _GifFile:
    """The coded file: palette pictures at times in hundredths of a second."""

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self._path = path
        self._last = -_SHORTEST
        self._container: OutputContainer = av.open(f"file:{path}", "w", format="gif")
        self._stream: VideoStream = self._container.add_stream("gif", rate=100)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "pal8"
        self._stream.codec_context.time_base = _UNIT

    def write(self, picture: PillowImage.Image, hundredths: int) -> None:
        colors = np.zeros((256, 4), np.uint8)
        used = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
        colors[:, 0] = 255
        colors[: len(used), 1:] = used
        # PyAV's types do not know of pictures with a palette.
        indexed: Any = (np.asarray(picture), colors)
        frame = VideoFrame.from_ndarray(indexed, format="pal8")
        self._last = frame.pts = max(hundredths, self._last + _SHORTEST)
        frame.time_base = _UNIT
        self._container.mux(self._stream.encode(frame))

    def close(self, end: int) -> None:
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()
        # FFmpeg gives the last picture the time of the one before.
        _set_last_delay(self._path, min(max(end - self._last, _SHORTEST), _LONGEST))


class _Spill:
    """Pictures in a temporary file, and a fair sample of all their pixels."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  by close
        self._random = np.random.default_rng(0)
        self._sample = np.zeros((_SAMPLE, 3), np.uint8)
        self._seen = 0

    def append(self, image: Image, hundredths: int) -> None:
        data = zlib.compress(np.ascontiguousarray(image).tobytes(), 1)
        self._file.write(struct.pack("<qq", hundredths, len(data)))
        self._file.write(data)
        pixels = image.reshape(-1, 3)
        pixels = pixels[self._random.integers(0, len(pixels), _SAMPLE_PER_FRAME)]
        # Reservoir sampling: place k is kept with the same chance for every pixel seen.
        ranks = self._seen + np.arange(len(pixels))
        places = np.where(ranks < _SAMPLE, ranks, self._random.integers(0, ranks + 1))
        taken = places < _SAMPLE
        self._sample[places[taken]] = pixels[taken]
        self._seen += len(pixels)

    def palette(self) -> PillowImage.Image:
        """A picture that has the 256 colours."""
        sample = self._sample[: min(self._seen, _SAMPLE)].reshape(64, -1, 3)
        return PillowImage.fromarray(np.ascontiguousarray(sample)).quantize(
            256, method=PillowImage.Quantize.MEDIANCUT
        )

    def images(self, size: tuple[int, int]) -> Iterator[tuple[Image, int]]:
        width, height = size
        self._file.seek(0)
        while head := self._file.read(16):
            hundredths, length = struct.unpack("<qq", head)
            pixels: NDArray[np.uint8] = np.frombuffer(
                zlib.decompress(self._file.read(length)), np.uint8
            )
            yield pixels.reshape(height, width, 3), hundredths

    def close(self) -> None:
        self._file.close()


def _set_last_delay(path: Path, delay: int) -> None:
    """Write the time of the last picture of a GIF, found by walking its blocks (GIF89a, 20-26)."""
    with path.open("r+b") as file:

        def skip_color_table(flags: int) -> None:
            if flags & 0x80:
                file.seek(3 << ((flags & 7) + 1), os.SEEK_CUR)

        def skip_blocks() -> None:
            while length := file.read(1)[0]:
                file.seek(length, os.SEEK_CUR)

        head = file.read(13)
        skip_color_table(head[10])
        place = 0
        while (kind := file.read(1)) in (b"!", b","):
            if kind == b",":
                skip_color_table(file.read(9)[8])
                file.seek(1, os.SEEK_CUR)
            elif file.read(1) == b"\xf9":
                place = file.tell() + 2
            skip_blocks()
        if place:
            file.seek(place)
            file.write(struct.pack("<H", delay))


def _painted(result: FrameResult) -> Image:
    return overlay(result.frame.image, {one.track_id: one.mask for one in result.objects})

"""Pictures encoded one by one, each at exactly its time, into a file that even a kill leaves."""

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from track_anything.errors import OutputError, VideoError
from track_anything.io.audio_copy import AudioCopy
from track_anything.io.container import STDIN, UNSPECIFIED
from track_anything.io.output_path import check_output
from track_anything.io.pictures import BT709, color_matrix, pixel_aspect
from track_anything.structures import ColorTags, VideoInfo

_log = logging.getLogger(__name__)

# Every key frame begins a fragment that a killed run keeps; browsers seek to key frames.
_KEY_FRAME_SECONDS = 2
_LARGEST_TIMESCALE = 2**31 - 1
_FULL_RANGE = 2


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How pictures are coded.

    Attributes:
        codec: FFmpeg's name of the encoder.
        picture_format: Of the pictures that come: rgb24, rgba or gray.
        pixel_format: Of the coded pictures.
        formats: FFmpeg's name of the container, by the suffix of the file.
        options: Of the encoder.
        metadata: Of the video stream.
        has_even_sides: Whether odd sides are padded by repeating the edge.
        is_intra: Whether every frame is a key frame.
    """

    codec: str
    picture_format: str
    pixel_format: str
    formats: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    has_even_sides: bool = False
    is_intra: bool = False

    def shape(self, info: VideoInfo) -> tuple[int, ...]:
        """Of the arrays that stand for pictures of this video."""
        channels = {"rgb24": (3,), "rgba": (4,), "gray": ()}[self.picture_format]
        return (*info.size, *channels)


class VideoWriter:
    """Pictures as one video stream, each at exactly its time in the source, beside its audio.

    Written under NAME.partial.SUFFIX, in fragments, so that even a killed run leaves a file that
    plays; close gives it its name. In Matroska and WebM, times are rounded to their milliseconds.

    Attributes:
        partial_path: The name before close.
    """

    def __init__(
        self,
        path: str | Path,
        info: VideoInfo,
        encoding: Encoding,
        *,
        source: str | Path | None = None,
        start: Fraction | None = None,
        end: Fraction | None = None,
        stops_with_video: bool = False,
        overwrite: bool = False,
    ) -> None:
        """Check the output and prepare the encoder; nothing is on the disk before the first frame.

        Args:
            path: A name ending in one of the encoding's suffixes.
            info: Of the pictures that will come.
            encoding: How they are coded.
            source: The file whose audio is copied; None, pictures and "-" have none.
            start: Where the range read begins in the source; it becomes time 0 of the output, for
                audio as well. None keeps the source's times.
            end: Where it ends; audio from there on is left out.
            stops_with_video: Leave out audio after the last frame: for ranges given in frames.
            overwrite: Replace an existing output when the new one is complete.

        Raises:
            OutputError: If the output cannot or may not be written there.
        """
        self._path = Path(path)
        self._info = info
        self._encoding = encoding
        self._start = start
        self._stops_with_video = stops_with_video
        self.partial_path = self._path.with_name(f"{self._path.stem}.partial{self._path.suffix}")
        _check_source(self._path, self.partial_path, source)
        check_output(self._path, encoding.formats.keys(), overwrite=overwrite)
        self._frame_count = 0
        self._last_time = Fraction(0)
        self._last_pts: int | None = None
        self._shift = Fraction(0)
        self._is_ended = False
        self._has_failed = False
        self._reformatter = VideoReformatter()
        self._padding = (0, 0)
        if encoding.has_even_sides and (info.height % 2 or info.width % 2):
            self._padding = info.height % 2, info.width % 2
            _log.info(
                "%s: H.264 needs even sides; %dx%d is padded by repeating its edge",
                path,
                info.width,
                info.height,
            )
        self._open(source, end)

    def _open(self, source: str | Path | None, end: Fraction | None) -> None:
        options: dict[str, str] = {"flush_packets": "1"}
        try:
            self._container = av.open(
                f"file:{self.partial_path}",
                "w",
                format=self._encoding.formats[self._path.suffix.lower()],
                container_options=options,
            )
            self._stream = self._add_video(self._container)
            self._audio = self._add_audio(source, end)
        except (av.FFmpegError, ValueError) as error:
            raise OutputError(f"{self._path}: cannot be encoded ({error})") from error
        if self._container.format.name in ("mp4", "mov"):
            self._container.container_options.update(self._mp4_options())

    def _mp4_options(self) -> dict[str, str]:
        # The start of every stream is rounded to this unit, a millisecond by default.
        timescale = self._info.time_base.denominator
        rates = self._audio.sample_rates if self._audio else []
        common = math.lcm(timescale, *rates)
        # Fragments while it is written, an ordinary mp4 at the end. Without delay_moov all times
        # are late by the encoder's reordering.
        flags = "hybrid_fragmented+delay_moov"
        options = {"movie_timescale": str(common if common <= _LARGEST_TIMESCALE else timescale)}
        if self._encoding.is_intra:
            return {
                **options,
                "movflags": flags,
                "frag_duration": str(_KEY_FRAME_SECONDS * av.time_base),
            }
        return {**options, "movflags": f"{flags}+frag_keyframe"}

    def _add_video(self, container: OutputContainer) -> VideoStream:
        encoding = self._encoding
        rate = self._info.frame_rate.limit_denominator(100_000)
        stream = cast(VideoStream, container.add_stream(encoding.codec, rate=rate))
        stream.width = self._info.width + self._padding[1]
        stream.height = self._info.height + self._padding[0]
        stream.pix_fmt = encoding.pixel_format
        stream.options = dict(encoding.options)
        stream.metadata.update(encoding.metadata)
        context = stream.codec_context
        context.time_base = self._info.time_base
        if not encoding.is_intra:
            context.gop_size = max(1, round(_KEY_FRAME_SECONDS * rate))
        is_gray = encoding.picture_format == "gray"
        self._tags = ColorTags(range=_FULL_RANGE) if is_gray else _output_tags(self._info)
        context.color_range = self._tags.range or 0
        context.colorspace = UNSPECIFIED if self._tags.space is None else self._tags.space
        context.color_primaries = self._tags.primaries or UNSPECIFIED
        context.color_trc = self._tags.transfer or UNSPECIFIED
        return stream

    def _add_audio(self, source: str | Path | None, end: Fraction | None) -> AudioCopy | None:
        if source is None:
            return None
        if str(source) == STDIN or not self._info.codec:
            _log.info("%s: standard input and pictures have no audio to copy", self._path)
            return None
        try:
            aspect = pixel_aspect(str(source), self._info.rotation)
            if aspect is not None:
                self._stream.codec_context.sample_aspect_ratio = aspect
            audio = AudioCopy(str(source), self._container, start=self._start, end=end)
        except VideoError as error:
            _log.warning("no audio is copied: %s", error)
            return None
        if audio.stream_count:
            return audio
        _log.info("%s: no audio to copy", source)
        audio.close()
        return None

    def write(self, image: NDArray[np.uint8], time: Fraction) -> None:
        """Encode one picture.

        Args:
            image: (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) gray, as the encoding says.
            time: In the source.

        Raises:
            OutputError: If it cannot be written, or the file is closed.
        """
        if self._is_ended:
            raise OutputError(f"{self._path}: a result came after it was closed")
        expected = self._encoding.shape(self._info)
        if image.shape != expected or image.dtype != np.uint8:
            raise OutputError(
                f"{self._path}: expected {expected} uint8, got a picture of {image.shape} "
                f"{image.dtype}"
            )
        if not self._frame_count and self._start is not None:
            # The tolerance of a range may let in a frame just before its start.
            ticks = math.floor(min(self._start, time) / self._info.time_base)
            self._shift = ticks * self._info.time_base
        try:
            self._mux(self._coded_frame(image, time))
        except (av.FFmpegError, OSError) as error:
            self._has_failed = True
            raise OutputError(f"{self._path}: cannot be written ({error.strerror})") from error
        self._frame_count += 1
        self._last_time = time

    def _coded_frame(self, image: NDArray[np.uint8], time: Fraction) -> VideoFrame:
        if any(self._padding):
            bottom, right = self._padding
            image = np.asarray(
                cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE), np.uint8
            )
        encoding = self._encoding
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format=encoding.picture_format)
        # Both on the encoder and on every frame, or the pixels are made by another matrix than
        # the one the tag names.
        frame.colorspace = color_matrix(
            UNSPECIFIED if self._tags.space is None else self._tags.space, frame.width, frame.height
        )
        frame.color_range = self._tags.range or 0
        if encoding.pixel_format != encoding.picture_format:
            frame = self._reformatter.reformat(frame, format=encoding.pixel_format, threads=1)
        pts = round((time - self._shift) / self._info.time_base)
        if self._last_pts is not None and pts <= self._last_pts:
            pts = self._last_pts + 1
        self._last_pts = frame.pts = pts
        frame.time_base = self._info.time_base
        return frame

    def _mux(self, frame: VideoFrame | None) -> None:
        for packet in self._stream.encode(frame):
            if self._audio is not None and packet.dts is not None:
                # Beside the packet, not the frame: the encoder holds back a second or so, which
                # the muxer would have to keep in memory.
                time = packet.dts * Fraction(packet.time_base) + self._shift
                self._audio.write_until(time, shift=self._shift)
            self._container.mux(packet)

    def close(self) -> None:
        """Complete the file under its name. May be called again.

        Raises:
            OutputError: If it cannot be completed; what there is stays under the partial name.
        """
        if self._is_ended:
            return
        if self._has_failed:
            self.abort()
            return
        if not self._frame_count:
            self.abort()
            raise OutputError(f"{self._path}: not written, for no frame came")
        self._is_ended = True
        try:
            self._finalise(stops_with_video=self._stops_with_video)
            os.replace(self.partial_path, self._path)
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"{self._path}: cannot be completed ({error.strerror})") from error

    def abort(self) -> None:
        """Finish what there is so that it plays, under the partial name."""
        if self._is_ended:
            return
        self._is_ended = True
        try:
            self._finalise(stops_with_video=True)
        except (av.FFmpegError, OSError) as error:
            _log.warning("%s: left unfinished (%s)", self.partial_path, error.strerror)
            return
        if self._frame_count:
            _log.info("%s: what was written so far", self.partial_path)

    def _finalise(self, *, stops_with_video: bool) -> None:
        try:
            if not self._frame_count:
                return
            self._mux(None)
            if self._audio is not None:
                end = self._last_time + 1 / self._info.frame_rate if stops_with_video else None
                self._audio.write_until(end, shift=self._shift)
                self._audio.finish()
        finally:
            if self._audio is not None:
                self._audio.close()
            self._container.close()


def _output_tags(info: VideoInfo) -> ColorTags:
    """The source's colour tags, but for a matrix that YUV cannot be made with."""
    said = info.color.space
    if said is None or said == color_matrix(said, info.width, info.height):
        return info.color
    is_rgb = said == 0
    return ColorTags(
        range=1 if is_rgb else info.color.range,
        space=BT709 if is_rgb else color_matrix(said, info.width, info.height),
        primaries=info.color.primaries,
        transfer=info.color.transfer,
    )


def _check_source(path: Path, partial: Path, source: str | Path | None) -> None:
    for name in (path, partial):
        if source is not None and name.exists() and Path(source).exists() and name.samefile(source):
            raise OutputError(f"{name}: is the video that is read; choose another name")

"""Annotated video: H.264 with the time stamps, colour tags and audio of the source."""

import logging
import math
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from track_anything.config import WriteConfig
from track_anything.errors import OutputError, VideoError
from track_anything.io.audio_copy import AudioCopy
from track_anything.io.container import STDIN, UNSPECIFIED
from track_anything.io.pictures import BT709, color_matrix, pixel_aspect
from track_anything.structures import ColorTags, FrameResult, Image, VideoInfo

_log = logging.getLogger(__name__)

_DEFAULTS = WriteConfig()
_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
# Every key frame begins a fragment that a killed run keeps; browsers seek to key frames.
_KEY_FRAME_SECONDS = 2
_LARGEST_TIMESCALE = 2**31 - 1


class VideoSink:
    """Painted frames as H.264 yuv420p, each at exactly its time in the source.

    Written under NAME.partial.SUFFIX, in fragments, so that even a killed run leaves a file that
    plays; close gives it its name. In Matroska, times are rounded to its milliseconds.
    """

    def __init__(
        self,
        path: str | Path,
        info: VideoInfo,
        paint: Callable[[FrameResult], Image],
        *,
        source: str | Path | None = None,
        start: Fraction | None = None,
        end: Fraction | None = None,
        stops_with_video: bool = False,
        config: WriteConfig = _DEFAULTS,
        overwrite: bool = False,
    ) -> None:
        """Check the output and prepare the encoder; nothing is on the disk before the first frame.

        Args:
            path: A name ending in .mp4, .m4v, .mov or .mkv.
            info: Of the frames that will come.
            paint: Makes the picture of a frame, in the size of info.
            source: The file whose audio is copied; None, pictures and "-" have none.
            start: Where the range read begins in the source; it becomes time 0 of the output, for
                audio as well. None keeps the source's times.
            end: Where it ends; audio from there on is left out.
            stops_with_video: Leave out audio after the last frame: for ranges given in frames.
            config: Quality.
            overwrite: Replace an existing output when the new one is complete.

        Raises:
            OutputError: If the output cannot or may not be written there.
        """
        self._path = Path(path)
        self._info = info
        self._paint = paint
        self._start = start
        self._stops_with_video = stops_with_video
        self.partial_path = self._path.with_name(f"{self._path.stem}.partial{self._path.suffix}")
        _check_output(self._path, self.partial_path, source, overwrite)
        self._frame_count = 0
        self._last_time = Fraction(0)
        self._last_pts: int | None = None
        self._shift = Fraction(0)
        self._is_ended = False
        self._has_failed = False
        self._reformatter = VideoReformatter()
        self._padding = info.height % 2, info.width % 2
        if any(self._padding):
            _log.info(
                "%s: H.264 needs even sides; %dx%d is padded by repeating its edge",
                path,
                info.width,
                info.height,
            )
        self._open(source, end, config)

    def _open(self, source: str | Path | None, end: Fraction | None, config: WriteConfig) -> None:
        options: dict[str, str] = {"flush_packets": "1"}
        try:
            self._container = av.open(
                f"file:{self.partial_path}",
                "w",
                format=_FORMATS[self._path.suffix.lower()],
                container_options=options,
            )
            self._stream = self._add_video(self._container, config)
            self._audio = self._add_audio(source, end)
        except (av.FFmpegError, ValueError) as error:
            raise OutputError(f"{self._path}: cannot be encoded ({error})") from error
        if "matroska" not in self._container.format.name:
            self._container.container_options.update(self._mp4_options())

    def _mp4_options(self) -> dict[str, str]:
        # The start of every stream is rounded to this unit, a millisecond by default.
        timescale = self._info.time_base.denominator
        rates = self._audio.sample_rates if self._audio else []
        common = math.lcm(timescale, *rates)
        return {
            # Fragments while it is written, an ordinary mp4 at the end. Without delay_moov all
            # times are late by the encoder's reordering.
            "movflags": "hybrid_fragmented+frag_keyframe+delay_moov",
            "movie_timescale": str(common if common <= _LARGEST_TIMESCALE else timescale),
        }

    def _add_video(self, container: OutputContainer, config: WriteConfig) -> VideoStream:
        rate = self._info.frame_rate.limit_denominator(100_000)
        stream = container.add_stream("libx264", rate=rate)
        stream.width = self._info.width + self._padding[1]
        stream.height = self._info.height + self._padding[0]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(config.crf), "preset": config.preset}
        context = stream.codec_context
        context.time_base = self._info.time_base
        context.gop_size = max(1, round(_KEY_FRAME_SECONDS * rate))
        self._tags = _output_tags(self._info)
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

    def write(self, result: FrameResult) -> None:
        """Paint and encode one result.

        Raises:
            OutputError: If it cannot be written, or the sink is closed.
        """
        if self._is_ended:
            raise OutputError(f"{self._path}: a result came after it was closed")
        image = self._paint(result)
        expected = (*self._info.size, 3)
        if image.shape != expected or image.dtype != np.uint8:
            raise OutputError(
                f"{self._path}: expected {expected} uint8, got a picture of {image.shape} "
                f"{image.dtype}"
            )
        time = result.frame.time
        if not self._frame_count and self._start is not None:
            # The tolerance of a range may let in a frame just before its start.
            ticks = math.floor(min(self._start, time) / self._info.time_base)
            self._shift = ticks * self._info.time_base
        try:
            self._mux(self._encoded_frame(image, time))
        except (av.FFmpegError, OSError) as error:
            self._has_failed = True
            raise OutputError(f"{self._path}: cannot be written ({error.strerror})") from error
        self._frame_count += 1
        self._last_time = time

    def _encoded_frame(self, image: Image, time: Fraction) -> VideoFrame:
        if any(self._padding):
            bottom, right = self._padding
            image = np.asarray(
                cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE), np.uint8
            )
        rgb = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        # Both on the encoder and on every frame, or the pixels are made by another matrix than
        # the one the tag names.
        rgb.colorspace = color_matrix(
            UNSPECIFIED if self._tags.space is None else self._tags.space, rgb.width, rgb.height
        )
        rgb.color_range = self._tags.range or 0
        frame = self._reformatter.reformat(rgb, format="yuv420p", threads=1)
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
    """The source's colour tags, but for a matrix that yuv420p cannot be made with."""
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


def _check_output(path: Path, partial: Path, source: str | Path | None, overwrite: bool) -> None:
    if path.suffix.lower() not in _FORMATS:
        raise OutputError(f"{path}: expected a name ending in {', '.join(_FORMATS)}")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: its folder {path.parent} does not exist")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder")
    for name in (path, partial):
        if source is not None and name.exists() and Path(source).exists() and name.samefile(source):
            raise OutputError(f"{name}: is the video that is read; choose another name")
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; say overwrite to replace it")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path}: its folder is not writable")

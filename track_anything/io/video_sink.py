"""Annotated video: H.264 with the time stamps, colour tags and audio of the source."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from track_anything.config import WriteConfig
from track_anything.io.video_writer import Encoding, VideoWriter
from track_anything.structures import FrameResult, Image, VideoInfo

_DEFAULTS = WriteConfig()
_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}


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
        self._paint = paint
        self._writer = VideoWriter(
            path,
            info,
            h264(config),
            source=source,
            start=start,
            end=end,
            stops_with_video=stops_with_video,
            overwrite=overwrite,
        )

    @property
    def partial_path(self) -> Path:
        """The name before close."""
        return self._writer.partial_path

    def write(self, result: FrameResult) -> None:
        """Paint and encode one result.

        Raises:
            OutputError: If it cannot be written, or the sink is closed.
        """
        self._writer.write(self._paint(result), result.frame.time)

    def close(self) -> None:
        """Complete the file under its name. May be called again.

        Raises:
            OutputError: If it cannot be completed; what there is stays under the partial name.
        """
        self._writer.close()

    def abort(self) -> None:
        """Finish what there is so that it plays, under the partial name."""
        self._writer.abort()


def h264(config: WriteConfig = _DEFAULTS) -> Encoding:
    """What every player plays: H.264 yuv420p."""
    return Encoding(
        codec="libx264",
        picture_format="rgb24",
        pixel_format="yuv420p",
        formats=_FORMATS,
        options={"crf": str(config.crf), "preset": config.preset},
        has_even_sides=True,
    )

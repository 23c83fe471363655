"""The annotated video, painted again from what a run knows."""

from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from track_anything.annotate import Annotator
from track_anything.config import RunConfig, with_values
from track_anything.io.video_sink import VideoSink
from track_anything.structures import VideoInfo

_DEFAULTS = RunConfig()


class AnnotatedVideoSink(VideoSink):
    """As annotated.mp4 of a run, in a style of its own."""

    needs_images: ClassVar[bool] = True

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        style: tuple[str, ...] | None = None,
        opacity: float | None = None,
        box_width: int | None = None,
        trace: int | None = None,
        crf: int | None = None,
        preset: str | None = None,
        settings: RunConfig = _DEFAULTS,
        source: str | Path | None = None,
        start: Fraction | None = None,
        stops_with_video: bool = False,
        overwrite: bool = False,
    ) -> None:
        """Check the output and prepare the encoder.

        Args:
            path: A name ending in .mp4, .m4v, .mov or .mkv.
            info: Of the frames that will come.
            style: What is drawn: any of mask, contour, box, label, trace.
            opacity: Of the masks, 0 to 1.
            box_width: Width of lines in pixels at 720 lines.
            trace: Length of traces in frames.
            crf: Quality, 0 (lossless) to 51.
            preset: Of x264: slower ones make smaller files.
            settings: What is said by none of these.
            source: As VideoSink.
            start: As VideoSink.
            stops_with_video: As VideoSink.
            overwrite: As VideoSink.

        Raises:
            ConfigError: If a setting is out of range.
            OutputError: If the output cannot or may not be written there.
        """
        looks = with_values(
            settings.style,
            _said(parts=style, mask_opacity=opacity, box_width=box_width, trace_frames=trace),
        )
        coding = with_values(settings.write, _said(crf=crf, preset=preset))
        super().__init__(
            path,
            info,
            Annotator(looks, info.size).paint,
            source=source,
            start=start,
            stops_with_video=stops_with_video,
            config=coding,
            overwrite=overwrite,
        )


def _said(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}

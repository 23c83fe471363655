"""Every setting with its default, range and reason. Frozen dataclasses."""

from dataclasses import dataclass

from track_anything.errors import ConfigError


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {low:g} to {high:g}, got {value:g}")


@dataclass(frozen=True, kw_only=True)
class ReadConfig:
    """How a video is read.

    Attributes:
        max_side: Longest side of the frames delivered, in pixels; 0 keeps the source's size.
        prefetch_frames: Frames decoded ahead on a thread; 0 decodes in line. Eight 4K frames are
            200 MB, and more than a few never helped.
    """

    max_side: int = 0
    prefetch_frames: int = 8

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.max_side:
            _check("max_side", self.max_side, 16, 65535)
        _check("prefetch_frames", self.prefetch_frames, 0, 256)


@dataclass(frozen=True, kw_only=True)
class WriteConfig:
    """How results are written.

    Attributes:
        crf: Constant rate factor of H.264, 0 (lossless) to 51; 20 hides its artefacts.
        preset: x264 preset; veryfast keeps encoding below the cost of tracking on two cores.
        queue_frames: Results waiting for the writers; bounds memory when writing is slower.
    """

    crf: int = 20
    preset: str = "veryfast"
    queue_frames: int = 8

    def __post_init__(self) -> None:
        """Check ranges."""
        _check("crf", self.crf, 0, 51)
        _check("queue_frames", self.queue_frames, 1, 256)


STYLE_PARTS = ("mask", "contour", "box", "label", "trace")


@dataclass(frozen=True, kw_only=True)
class StyleConfig:
    """How results are drawn.

    Attributes:
        parts: Any of mask, contour, box, label, trace.
        mask_opacity: 0 to 1; .5 is supervision's.
        box_width: Line width in pixels at 720p, scaled with the frame.
        trace_frames: Length of the trace; 30 is supervision's.
    """

    parts: tuple[str, ...] = ("mask", "contour", "label")
    mask_opacity: float = 0.5
    box_width: int = 2
    trace_frames: int = 30

    def __post_init__(self) -> None:
        """Check names and ranges."""
        for part in self.parts:
            if part not in STYLE_PARTS:
                raise ConfigError(f"style is any of {', '.join(STYLE_PARTS)}, got {part!r}")
        _check("mask_opacity", self.mask_opacity, 0, 1)
        _check("box_width", self.box_width, 1, 50)
        _check("trace_frames", self.trace_frames, 2, 10000)

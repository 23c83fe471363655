"""Boxes as text of MOTChallenge: one line an object and frame."""

from pathlib import Path
from typing import ClassVar, Literal

from track_anything.errors import ConfigError
from track_anything.io.tables import TextSink
from track_anything.structures import FrameResult, ObjectMask, VideoInfo


class MotSink(TextSink):
    """FRAME,ID,LEFT,TOP,WIDTH,HEIGHT,... for every visible object, by frame, then by id.

    Frames count from 1: frame index + 1. The pixel in the top-left corner is (1, 1), as the
    benchmark's instructions say; many files that are called MOT count from (0, 0), which
    `pixel_origin` writes. Layout "results" ends with CONFIDENCE,-1,-1,-1; "gt" with
    1,CLASS,VISIBILITY, where the visibility is always 1 because nobody knows it.

    Lost: masks, names, states, and objects on the frames on which they are not visible.
    """

    needs_images: ClassVar[bool] = False

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        layout: Literal["results", "gt"] = "results",
        class_id: int = 1,
        pixel_origin: int = 1,
    ) -> None:
        """Open the partial file.

        Args:
            path: The final name.
            info: Of the frames that will come.
            layout: Columns of a tracker's results, or those of ground truth.
            class_id: Of every object in ground truth; 1 is a pedestrian in MOT16 and later.
            pixel_origin: What the left and top of a box in the corner are: 1 or 0.

        Raises:
            ConfigError: If an option is out of range.
            OutputError: If the file cannot be opened.
        """
        if layout not in ("results", "gt"):
            raise ConfigError(f"layout is results or gt, got {layout!r}")
        if pixel_origin not in (0, 1):
            raise ConfigError(f"pixel_origin is 0 or 1, got {pixel_origin}")
        if class_id < 1:
            raise ConfigError(f"class_id is 1 or more, got {class_id}")
        super().__init__(path)
        self._class_id = class_id if layout == "gt" else None
        self._pixel_origin = pixel_origin

    def write(self, result: FrameResult) -> None:
        """Add the frame's lines.

        Raises:
            OutputError: If they cannot be written.
        """
        lines = [
            self._line(result.frame.index, one) for one in result.objects if one.box[2] > one.box[0]
        ]
        self.append("".join(lines))

    def _line(self, index: int, one: ObjectMask) -> str:
        left, top, right, bottom = (round(float(side)) for side in one.box)
        origin = self._pixel_origin
        box = (left + origin, top + origin, right - left, bottom - top)
        if self._class_id is None:
            rest = f"{one.confidence:.6f},-1,-1,-1"
        else:
            rest = f"1,{self._class_id},1"
        return f"{','.join(map(str, (index + 1, one.track_id, *box)))},{rest}\n"

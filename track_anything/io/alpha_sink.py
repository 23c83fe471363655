"""The picture with the objects' masks as its transparency: ProRes 4444, VP9 or RGBA PNG files."""

from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from track_anything.errors import ConfigError, OutputError
from track_anything.io.picture_folder import PictureFolder
from track_anything.io.rgba import rgba_png, soft_alpha, union_mask, with_alpha
from track_anything.io.video_writer import Encoding, VideoWriter
from track_anything.structures import FrameResult, VideoInfo

BLEED = 16
"""Pixels of colour kept around the objects: a macroblock, so that no codec brings black inside."""
MAX_FEATHER = 100

_PRORES = Encoding(
    codec="prores_ks",
    picture_format="rgba",
    pixel_format="yuva444p10le",
    formats={".mov": "mov"},
    options={"profile": "4444", "alpha_bits": "16", "vendor": "apl0"},
    is_intra=True,
)
_VP9 = Encoding(
    codec="libvpx-vp9",
    picture_format="rgba",
    pixel_format="yuva420p",
    formats={".webm": "webm"},
    # Hidden reference frames would leave colour and alpha out of step.
    options={
        "crf": "15",
        "b": "0",
        "auto-alt-ref": "0",
        "deadline": "good",
        "cpu-used": "4",
        "row-mt": "1",
    },
    # FFmpeg writes the element of that name by itself; some players look for the tag.
    metadata={"alpha_mode": "1"},
)


class AlphaSink:
    """The objects on transparent ground, for laying over another picture.

    By the suffix of the path: .mov is ProRes 4444 (10 bits of colour, 16 of alpha, exact times),
    .webm is VP9 with alpha (times in milliseconds), no suffix is a folder of RGBA PNG files,
    FOLDER/00000.png by frame index. Alpha is straight (unassociated): colours are the picture's
    own, not multiplied. They are kept up to 16 pixels around the objects, so that edges stay clean;
    beyond, the picture is black. The video has no sound.
    """

    needs_images: ClassVar[bool] = True

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        feather: int = 0,
        start: Fraction | None = None,
        overwrite: bool = False,
    ) -> None:
        """Check the output.

        Args:
            path: A name ending in .mov or .webm, or, without a suffix, a folder.
            info: Of the frames that will come.
            feather: Pixels on either side of an edge over which it fades; 0 is a hard edge.
            start: Where the range written begins in the source; it becomes time 0 of videos. None
                keeps the source's times.
            overwrite: Whether what is there may be replaced.

        Raises:
            OutputError: If the output cannot or may not be written there.
            ConfigError: If the feather is out of range.
        """
        if not 0 <= feather <= MAX_FEATHER:
            raise ConfigError(f"feather is 0 to {MAX_FEATHER} pixels, got {feather}")
        self._feather = feather
        self._folder: PictureFolder | None = None
        self._writer: VideoWriter | None = None
        suffix = path.suffix.lower()
        if not suffix:
            self._folder = PictureFolder(path, overwrite=overwrite)
            return
        formats = {**_PRORES.formats, **_VP9.formats}
        encoding = _VP9 if suffix in _VP9.formats else _PRORES
        if suffix not in formats:
            raise OutputError(
                f"{path}: alpha goes into {' or '.join(formats)}, or into a folder (no suffix)"
            )
        self._writer = VideoWriter(path, info, encoding, start=start, overwrite=overwrite)

    def write(self, result: FrameResult) -> None:
        """Write one frame.

        Raises:
            OutputError: If it cannot be written.
        """
        image = result.frame.image
        mask = union_mask(result.objects, (image.shape[0], image.shape[1]))
        picture = with_alpha(image, soft_alpha(mask, self._feather), bleed=BLEED)
        if self._writer is not None:
            self._writer.write(picture, result.frame.time)
        if self._folder is not None:
            self._folder.write(rgba_png(picture), result.frame.index)

    def close(self) -> None:
        """Complete the file under its name. May be called again.

        Raises:
            OutputError: If it cannot be completed.
        """
        if self._writer is not None:
            self._writer.close()

    def abort(self) -> None:
        """Keep what is written; a video plays, under its partial name."""
        if self._writer is not None:
            self._writer.abort()

"""Every object cut out on its own: a small RGBA PNG an object and frame."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from track_anything.boxes import clip_box
from track_anything.errors import ConfigError
from track_anything.io.picture_folder import PictureFolder
from track_anything.io.rgba import rgba_png, soft_alpha, with_alpha
from track_anything.structures import FrameResult, VideoInfo


class CutoutSink:
    """FOLDER/0001/00000.png by track_id and frame index: the object on transparent ground.

    A file is as large as the object's box, with padding, inside the frame; where it was is in its
    oFFs chunk. What is not the object is transparent and black. An object has no file on a frame
    where it is not visible. Overlaps are kept.
    """

    needs_images: ClassVar[bool] = True

    def __init__(
        self, path: Path, info: VideoInfo, *, padding: int = 0, overwrite: bool = False
    ) -> None:
        """Create the folder.

        Args:
            path: The folder.
            info: Of the frames that will come.
            padding: Transparent pixels around the box; fewer where the frame ends.
            overwrite: Whether the pictures of an earlier export may be replaced.

        Raises:
            OutputError: If it cannot or may not be written there.
            ConfigError: If the padding is negative.
        """
        if padding < 0:
            raise ConfigError(f"padding is 0 pixels or more, got {padding}")
        self._size = info.size
        self._padding = padding
        self._folder = PictureFolder(path, overwrite=overwrite)

    def write(self, result: FrameResult) -> None:
        """Write a file for every visible object of the frame.

        Raises:
            OutputError: If one cannot be written.
        """
        outwards = np.array([-1, -1, 1, 1], np.float32) * self._padding
        for one in result.objects:
            if not one.box[2] > one.box[0]:
                continue
            box = clip_box(np.rint(one.box) + outwards, self._size)
            left, top, right, bottom = (int(side) for side in box)
            image = result.frame.image[top:bottom, left:right]
            alpha = soft_alpha(np.ascontiguousarray(one.mask[top:bottom, left:right]), 0)
            picture = rgba_png(with_alpha(image, alpha), corner=(left, top))
            self._folder.write(picture, result.frame.index, track_id=one.track_id)

    def close(self) -> None:
        """Nothing is left to do."""

    def abort(self) -> None:
        """Keep the files written: each is complete."""

"""Masks as PNG files, one a frame or one an object and frame, and back."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from track_anything.errors import OutputError
from track_anything.label_png import (
    read_label_png,
    write_label_png,
    write_mask_png,
    write_wide_png,
)
from track_anything.masks import label_map
from track_anything.structures import FrameResult


class PaletteMaskSink:
    """One label map a frame: FOLDER/00000.png by frame index; a pixel is its object's track_id.

    A file is an 8-bit palette PNG as in DAVIS where every object of its frame, visible or not, has
    a track_id up to 254, and a 16-bit gray PNG where one is above (255 is void in DAVIS). Where
    masks overlap the higher track_id is on top. Every file is complete the moment it has its name.
    """

    def __init__(self, folder: Path) -> None:
        """Create the folder.

        Raises:
            OutputError: If it cannot be created.
        """
        self._folder = _created(folder)

    def write(self, result: FrameResult) -> None:
        """Write the frame's file.

        Raises:
            OutputError: If it cannot be written.
        """
        size = (result.frame.image.shape[0], result.frame.image.shape[1])
        labels = label_map({one.track_id: one.mask for one in result.objects}, size)
        path = self._folder / _frame_name(result.frame.index)
        write_label_png(path, labels, max((one.track_id for one in result.objects), default=0))

    def close(self) -> None:
        """Nothing is left to do."""

    def abort(self) -> None:
        """Keep the files written: each is complete."""


class WideMaskSink:
    """One label map a frame, always 16-bit gray: FOLDER/00000.png by frame index.

    A pixel is its object's track_id; where masks overlap the higher one is on top. Every file is
    complete the moment it has its name.
    """

    def __init__(self, folder: Path) -> None:
        """Create the folder.

        Raises:
            OutputError: If it cannot be created.
        """
        self._folder = _created(folder)

    def write(self, result: FrameResult) -> None:
        """Write the frame's file.

        Raises:
            OutputError: If it cannot be written.
        """
        size = (result.frame.image.shape[0], result.frame.image.shape[1])
        labels = label_map({one.track_id: one.mask for one in result.objects}, size)
        write_wide_png(self._folder / _frame_name(result.frame.index), labels)

    def close(self) -> None:
        """Nothing is left to do."""

    def abort(self) -> None:
        """Keep the files written: each is complete."""


class ObjectMaskSink:
    """One 0/255 mask an object and frame: FOLDER/0001/00000.png by track_id and frame index.

    An object has a file on every frame it is reported on, black where it is not visible. Overlaps
    are kept.
    """

    def __init__(self, folder: Path) -> None:
        """Create the folder.

        Raises:
            OutputError: If it cannot be created.
        """
        self._folder = _created(folder)
        self._object_folders: dict[int, Path] = {}

    def write(self, result: FrameResult) -> None:
        """Write a file for every object of the frame.

        Raises:
            OutputError: If one cannot be written.
        """
        for one in result.objects:
            if one.track_id not in self._object_folders:
                folder = _created(self._folder / f"{one.track_id:04d}")
                self._object_folders[one.track_id] = folder
            folder = self._object_folders[one.track_id]
            write_mask_png(folder / _frame_name(result.frame.index), one.mask)

    def close(self) -> None:
        """Nothing is left to do."""

    def abort(self) -> None:
        """Keep the files written: each is complete."""


def read_mask_png(path: Path) -> NDArray[np.uint16]:
    """(H, W): the track_id of each pixel of a file of either sink; 255 in those of one object.

    Raises:
        DatasetError: If the file cannot be read or holds colours.
    """
    return read_label_png(path)


def _frame_name(index: int) -> str:
    return f"{index:05d}.png"


def _created(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({error.strerror})") from error
    return folder

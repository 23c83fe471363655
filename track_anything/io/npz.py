"""Masks as arrays: one .npz file a frame, for NumPy to read."""

import io
import zipfile
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from track_anything.errors import OutputError
from track_anything.files import write_whole
from track_anything.structures import FrameResult, VideoInfo

_EARLIEST = (1980, 1, 1, 0, 0, 0)


class NpzSink:
    """FOLDER/00000.npz by frame index; `np.load` reads each array when it is asked for.

    One file a frame, because the directory of a single archive would have to be kept in memory by
    writer and reader. Arrays of a frame of N objects, by ascending id:

    masks: (N, height, width) bool; overlaps are kept.
    ids: (N,) int64.
    names: (N,) text.
    boxes: (N, 4) float32: x_min, y_min, x_max, y_max, max exclusive; zeros if not visible.
    confidences: (N,) float64.
    states: (N,) text.
    origins: (N,) text.
    frame: () int64: the frame index.
    time: (2,) int64: numerator and denominator of the time in seconds.

    Every file is complete the moment it has its name. Lost: events.
    """

    needs_images: ClassVar[bool] = False

    def __init__(self, path: Path, info: VideoInfo) -> None:
        """Create the folder.

        Raises:
            OutputError: If it cannot be created.
        """
        self._folder = path
        self._size = info.size
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path}: cannot be created ({error.strerror})") from error

    def write(self, result: FrameResult) -> None:
        """Write the frame's file.

        Raises:
            OutputError: If it cannot be written.
        """
        write_whole(
            self._folder / f"{result.frame.index:05d}.npz", _archive(_arrays(result, self._size))
        )

    def close(self) -> None:
        """Nothing is left to do."""

    def abort(self) -> None:
        """Keep the files written: each is complete."""


def _arrays(result: FrameResult, size: tuple[int, int]) -> dict[str, NDArray[np.generic]]:
    objects, time = result.objects, result.frame.time
    count = len(objects)
    return {
        "masks": np.array([one.mask for one in objects], np.bool_).reshape(count, *size),
        "ids": np.array([one.track_id for one in objects], np.int64),
        "names": np.array([one.label for one in objects], np.str_),
        "boxes": np.array([one.box for one in objects], np.float32).reshape(count, 4),
        "confidences": np.array([one.confidence for one in objects], np.float64),
        "states": np.array([one.state.value for one in objects], np.str_),
        "origins": np.array([one.origin.value for one in objects], np.str_),
        "frame": np.array(result.frame.index, np.int64),
        "time": np.array([time.numerator, time.denominator], np.int64),
    }


def _archive(arrays: dict[str, NDArray[np.generic]]) -> bytes:
    """An .npz file, the same for the same arrays: `np.savez_compressed` stamps the time of day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            data = io.BytesIO()
            npy.write_array(data, array, allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", _EARLIEST),
                data.getbuffer(),
                compress_type=zipfile.ZIP_DEFLATED,
                compresslevel=1,
            )
    return buffer.getvalue()

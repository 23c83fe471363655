"""Frames as the picture files of a data set: what they are called, and the files."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import cv2

from track_anything.errors import OutputError
from track_anything.files import write_whole
from track_anything.structures import Frame, VideoInfo

JPEG_QUALITY = 95


class FramePictures:
    """A picture file for every frame: NAME_00012.jpg by frame index, NAME being the video's.

    Or names that are given, and files that are pictures already, which are copied as they are.
    """

    def __init__(
        self,
        info: VideoInfo,
        *,
        names: Mapping[int, str] | None = None,
        files: Mapping[int, Path] | None = None,
    ) -> None:
        """Take the name of the video.

        Args:
            info: Of the frames.
            names: By frame index, where they are not by video and frame index.
            files: Pictures by frame index, each with the pixels of its frame.
        """
        stem = Path(info.path).stem if info.path not in ("", "-") else ""
        # Spaces and the like break tools that read lists of files.
        clean = re.sub(r"[^\w.-]+", "_", stem).strip("_.-")
        self._prefix = f"{clean}_" if clean else ""
        self._names = dict(names or {})
        self._files = dict(files or {})

    def name_of(self, index: int) -> str:
        """The name of a frame's file."""
        return self._names.get(index) or f"{self._prefix}{index:05d}.jpg"

    def write(self, frame: Frame, folder: Path) -> None:
        """Write a frame's file into a folder.

        Raises:
            OutputError: If it cannot be written.
        """
        path = folder / self.name_of(frame.index)
        if frame.index not in self._files:
            write_jpeg(path, frame)
            return
        temporary = path.with_name(f".{path.name}.partial")
        try:
            shutil.copyfile(self._files[frame.index], temporary)
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def write_jpeg(path: Path, frame: Frame) -> None:
    """Write a frame as JPEG.

    Raises:
        OutputError: If it cannot be written.
    """
    bgr = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
    is_done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not is_done:
        height, width = bgr.shape[:2]
        raise OutputError(f"{path}: a picture of {width}x{height} cannot be JPEG")
    write_whole(path, data.tobytes())


def create_folder(folder: Path) -> Path:
    """A folder, created with its parents if it is not there.

    Raises:
        OutputError: If it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({error.strerror})") from error
    return folder

"""Mattes: white where the objects are, black elsewhere, as lossless gray video or PNG files."""

import array
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from track_anything.errors import OutputError
from track_anything.io.output_path import check_output
from track_anything.io.picture_folder import PictureFolder
from track_anything.io.rgba import union_mask
from track_anything.io.video_writer import Encoding, VideoWriter
from track_anything.label_png import write_mask_png
from track_anything.structures import FrameResult, Mask, VideoInfo

MAX_VIDEOS = 100
"""Of one object each: every one is an encoder and an open file."""

_FFV1 = Encoding(
    codec="ffv1",
    picture_format="gray",
    pixel_format="gray",
    formats={".mkv": "matroska", ".mp4": "mp4"},
    # With checksums, and slices that two threads can decode.
    options={"level": "3", "slicecrc": "1", "slices": "4"},
    is_intra=True,
)


class MatteSink:
    """Exactly 0 and 255: FFV1 gray video (.mkv, .mp4), or a folder of gray PNG files.

    The union of the objects, or a file an object: NAME_0001.mkv or FOLDER/0001/00000.png by
    track_id. A video of one object has every frame, black where the object is not visible; a folder
    of one object has the frames it is reported on. In .mkv times are rounded to milliseconds, in
    .mp4, which fewer programs read, they are exact.
    """

    needs_images: ClassVar[bool] = False

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        per_object: bool = False,
        start: Fraction | None = None,
        overwrite: bool = False,
    ) -> None:
        """Check the output.

        Args:
            path: A name ending in .mkv or .mp4, or, without a suffix, a folder for PNG files.
            info: Of the frames that will come.
            per_object: One matte an object instead of their union.
            start: Where the range written begins in the source; it becomes time 0 of videos. None
                keeps the source's times.
            overwrite: Whether what is there may be replaced.

        Raises:
            OutputError: If the output cannot or may not be written there.
        """
        self._sink: _Folder | _Video | _Videos
        if not path.suffix:
            self._sink = _Folder(path, per_object, overwrite)
        elif per_object:
            self._sink = _Videos(path, info, start, overwrite)
        else:
            self._sink = _Video(path, info, start, overwrite)

    def write(self, result: FrameResult) -> None:
        """Write one frame.

        Raises:
            OutputError: If it cannot be written.
        """
        self._sink.write(result)

    def close(self) -> None:
        """Complete the files under their names. May be called again.

        Raises:
            OutputError: If one cannot be completed.
        """
        self._sink.close()

    def abort(self) -> None:
        """Keep the files written; videos play, under their partial names."""
        self._sink.abort()


class _Folder:
    def __init__(self, path: Path, per_object: bool, overwrite: bool) -> None:
        self._folder = PictureFolder(path, overwrite=overwrite)
        self._per_object = per_object

    def write(self, result: FrameResult) -> None:
        index = result.frame.index
        if not self._per_object:
            mask = union_mask(result.objects, _size(result))
            write_mask_png(self._folder.file(index), mask)
            return
        for one in result.objects:
            write_mask_png(self._folder.file(index, track_id=one.track_id), one.mask)

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


class _Video:
    def __init__(
        self, path: Path, info: VideoInfo, start: Fraction | None, overwrite: bool
    ) -> None:
        self._writer = VideoWriter(path, info, _FFV1, start=start, overwrite=overwrite)

    def write(self, result: FrameResult) -> None:
        mask = union_mask(result.objects, _size(result))
        self._writer.write(_gray(mask), result.frame.time)

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        self._writer.abort()


class _Videos:
    """One video an object, begun when the object is first reported, with all frames before it."""

    def __init__(
        self, path: Path, info: VideoInfo, start: Fraction | None, overwrite: bool
    ) -> None:
        self._path, self._info, self._start, self._overwrite = path, info, start, overwrite
        self._writers: dict[int, VideoWriter] = {}
        earlier = sorted(path.parent.glob(f"{path.stem}_[0-9]*{path.suffix}"))
        if earlier and not overwrite:
            raise OutputError(f"{earlier[0]}: exists already; say overwrite to replace it")
        check_output(path, _FFV1.formats.keys(), overwrite=True)
        self._times = _Times()

    def write(self, result: FrameResult) -> None:
        visible = {one.track_id: one.mask for one in result.objects}
        black = np.zeros(self._info.size, np.uint8)
        for track_id in visible:
            if track_id not in self._writers:
                self._begin(track_id, black)
        for track_id, writer in self._writers.items():
            mask = visible.get(track_id)
            writer.write(black if mask is None else _gray(mask), result.frame.time)
        self._times.append(result.frame.time)

    def _begin(self, track_id: int, black: NDArray[np.uint8]) -> None:
        if len(self._writers) == MAX_VIDEOS:
            raise OutputError(
                f"{self._path}: more than {MAX_VIDEOS} objects: choose some of them, or write a "
                "folder of PNG files"
            )
        path = self._path.with_name(f"{self._path.stem}_{track_id:04d}{self._path.suffix}")
        writer = VideoWriter(path, self._info, _FFV1, start=self._start, overwrite=self._overwrite)
        self._writers[track_id] = writer
        for time in self._times:
            writer.write(black, time)

    def close(self) -> None:
        self._times.close()
        for writer in self._writers.values():
            writer.close()

    def abort(self) -> None:
        self._times.close()
        for writer in self._writers.values():
            writer.abort()


class _Times:
    """Times of frames, kept in a temporary file: they are as many as the video is long."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by close

    def append(self, time: Fraction) -> None:
        self._file.seek(0, 2)
        self._file.write(array.array("q", (time.numerator, time.denominator)).tobytes())

    def __iter__(self) -> Iterator[Fraction]:
        self._file.seek(0)
        while data := self._file.read(16):
            numerator, denominator = array.array("q", data)
            yield Fraction(numerator, denominator)

    def close(self) -> None:
        self._file.close()


def _size(result: FrameResult) -> tuple[int, int]:
    height, width = result.frame.image.shape[:2]
    return height, width


def _gray(mask: Mask) -> NDArray[np.uint8]:
    return mask.view(np.uint8) * np.uint8(255)

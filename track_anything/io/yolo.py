"""Masks as a segmentation data set of Ultralytics YOLO: pictures, polygons, data.yaml."""

import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import yaml

from track_anything.errors import ConfigError, OutputError
from track_anything.files import write_whole
from track_anything.io.class_names import ClassNames
from track_anything.io.frame_pictures import FramePictures, create_folder
from track_anything.io.spill import Spill
from track_anything.masks import mask_iou
from track_anything.polygons import Polygon, joined_polygon, part_polygons, polygon_mask
from track_anything.structures import FrameResult, Mask, ObjectMask, VideoInfo

_log = logging.getLogger(__name__)

Split = Literal["blocks", "spread"]
Parts = Literal["join", "separate"]

PARTS = ("images", "labels")
LIST_NAME = "data.yaml"
_SPILL_NAME = ".names.spill"
TRAIN, VAL = "train", "val"
MOST_BLOCKS = 5
"""Stretches of validation: each has two ends where neighbouring frames are in both halves."""
GOOD_IOU = 0.97
"""Polygons that rasterise to less than this of their mask are counted and told of."""

_HEADER = "# Written by track-anything; masks are polygons of the classes below.\n"
# Between the pixel and its far edge: a reader that cuts off and one that rounds both find the
# pixel, and neither falls to the one before it by the rounding of six decimals.
_INSIDE_PIXEL = 0.25


class YoloSink:
    """FOLDER/images/{train,val}, FOLDER/labels/{train,val} and FOLDER/data.yaml.

    A line of a label file is an object visible on the frame: class, then x y of a polygon in shares
    of width and height. Filled as Ultralytics fills it, the polygon gives back the mask: exactly
    where it is in one piece, whatever its holes. Pieces are joined as Ultralytics joins them, by
    thin lines from one to the next, where that brings more than it adds; `parts="separate"` writes
    a line for every piece instead, exact but an object more. A frame without objects has an empty
    file. Validation is a few stretches of the video, so that most of its frames have no neighbours
    in training.

    Everything is in FOLDER.partial until it is complete. A folder that this sink wrote earlier is
    replaced; any other that is not empty is refused.

    Lost: ids, confidences, states, events; which piece of an overlap is in front.
    """

    needs_images: ClassVar[bool] = True

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        val_share: float = 0.2,
        split: Split = "blocks",
        parts: Parts = "join",
        classes: Mapping[str, str] | None = None,
        class_order: tuple[str, ...] = (),
        pictures: FramePictures | None = None,
    ) -> None:
        """Create the partial folder.

        Args:
            path: The folder.
            info: Of the frames that will come.
            val_share: Share of the frames for validation, 0 up to, but not, 1.
            split: blocks: up to five stretches of the video; spread: single frames at equal
                distances, for pictures that have nothing to do with one another.
            parts: join: one line an object; separate: one line a piece.
            classes: Class by name of object, as ClassNames takes it.
            class_order: Classes that have the first numbers; others follow as they come.
            pictures: What the pictures are called, if not by video and frame index.

        Raises:
            ConfigError: If an option is out of range.
            OutputError: If the folder cannot be created, or has files that are not ours.
        """
        if not 0 <= val_share < 1:
            raise ConfigError(f"val_share is 0 up to, but not, 1, got {val_share:g}")
        if split not in ("blocks", "spread"):
            raise ConfigError(f"split is blocks or spread, got {split!r}")
        if parts not in ("join", "separate"):
            raise ConfigError(f"parts is join or separate, got {parts!r}")
        _check_replaceable(path)
        self._path = path
        self._partial = path.with_name(f"{path.name}.partial")
        _remove_own(self._partial)
        for part in PARTS:
            create_folder(self._partial / part / TRAIN)
        self._rate = max(1, round(info.frame_rate))
        self._val_share = val_share
        self._split = split
        self._joins = parts == "join"
        self._classes = ClassNames(classes, order=class_order)
        self._pictures = pictures or FramePictures(info)
        self._names = Spill(self._partial / _SPILL_NAME)
        self._frame_count = 0
        self._polygon_count = 0
        self._inexact_count = 0
        self._is_open = True

    def write(self, result: FrameResult) -> None:
        """Write the frame's picture and label file.

        Raises:
            OutputError: If they cannot be written.
        """
        if not self._is_open:
            raise OutputError(f"{self._path}: is closed, nothing can be added")
        frame = result.frame
        name = self._pictures.name_of(frame.index)
        self._pictures.write(frame, self._partial / "images" / TRAIN)
        lines = [line for one in result.objects for line in self._lines(one)]
        write_whole(self._partial / "labels" / TRAIN / _label_name(name), "".join(lines).encode())
        self._names.add(0, self._frame_count, name)
        self._frame_count += 1

    def close(self) -> None:
        """Set the validation frames apart and give the folder its name.

        Raises:
            OutputError: If it cannot be completed.
        """
        if not self._is_open:
            return
        self._finish()
        try:
            _remove_own(self._path)
            if self._path.is_dir():
                self._path.rmdir()
            os.replace(self._partial, self._path)
        except OSError as error:
            raise OutputError(
                f"{self._path}: cannot be completed ({error.strerror}); "
                f"what is written is in {self._partial}"
            ) from error

    def abort(self) -> None:
        """Leave a data set of what came in the partial folder.

        Raises:
            OutputError: If it cannot be completed.
        """
        if self._is_open:
            self._finish()

    def _finish(self) -> None:
        self._is_open = False
        try:
            for part in PARTS:
                create_folder(self._partial / part / VAL)
            for name in self._val_names():
                for part, file in zip(PARTS, (name, _label_name(name)), strict=True):
                    os.replace(
                        self._partial / part / TRAIN / file, self._partial / part / VAL / file
                    )
        except OSError as error:
            raise OutputError(f"{self._partial}: cannot be split ({error.strerror})") from error
        finally:
            self._names.close()
        write_whole(self._partial / LIST_NAME, self._list().encode())
        if self._inexact_count:
            _log.warning(
                "%s: %d of %d polygons miss their masks by more than %d %%, because the object is "
                "in pieces far apart; parts=separate writes them exactly",
                self._path,
                self._inexact_count,
                self._polygon_count,
                round(100 * (1 - GOOD_IOU)),
            )

    def _list(self) -> str:
        """The text of data.yaml; training stands in for validation where there is none."""
        has_val = any((self._partial / "images" / VAL).iterdir())
        # Without a path the folders are looked for beside this file, wherever it is moved to.
        document = {
            "train": f"images/{TRAIN}",
            "val": f"images/{VAL if has_val else TRAIN}",
            "names": dict(enumerate(self._classes.names)),
        }
        return _HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)

    def _val_names(self) -> Iterator[str]:
        chosen = (
            blocks_of_validation(self._frame_count, self._val_share, self._rate)
            if self._split == "blocks"
            else spread_of_validation(self._frame_count, self._val_share)
        )
        ranges = iter(chosen)
        current = next(ranges, range(0))
        for position, name in self._names.read(0):
            while position >= current.stop and current:
                current = next(ranges, range(0))
            if position in current:
                yield name

    def _lines(self, one: ObjectMask) -> Iterator[str]:
        if not one.box[2] > one.box[0]:
            return
        number = self._classes.number_of(one.label)
        polygons = [joined_polygon(one.mask)] if self._joins else part_polygons(one.mask)
        if self._joins:
            self._polygon_count += 1
            self._inexact_count += _iou(polygons[0], one) < GOOD_IOU
        for polygon in polygons:
            yield polygon_line(number, polygon, one.mask.shape)


def polygon_line(number: int, polygon: Polygon, size: Sequence[int]) -> str:
    """A line of a label file: the class, then x y of every point in shares of (height, width)."""
    # Fewer than three points would be read as no polygon.
    points = polygon[np.arange(max(3, len(polygon))) % len(polygon)]
    shares = (points + _INSIDE_PIXEL) / np.array([size[1], size[0]])
    return " ".join([str(number), *(f"{share:.6f}" for share in shares.ravel())]) + "\n"


def blocks_of_validation(frame_count: int, share: float, rate: int) -> list[range]:
    """Which of the frames are for validation: the ends of equal stretches of the video.

    Args:
        frame_count: Frames in all.
        share: For validation.
        rate: Frames a second: a block shorter than a second is not cut further.

    >>> blocks_of_validation(100, 0.2, 5)
    [range(20, 25), range(45, 50), range(70, 75), range(95, 100)]
    """
    wanted = _validation_count(frame_count, share)
    if not wanted:
        return []
    count = min(MOST_BLOCKS, max(1, wanted // rate))
    ends = [frame_count * (number + 1) // count for number in range(count)]
    lengths = [wanted * (n + 1) // count - wanted * n // count for n in range(count)]
    return [range(end - length, end) for end, length in zip(ends, lengths, strict=True)]


def spread_of_validation(frame_count: int, share: float) -> Iterator[range]:
    """Which of the frames are for validation: single ones at equal distances.

    >>> [each.start for each in spread_of_validation(10, 0.2)]
    [4, 9]
    """
    wanted = _validation_count(frame_count, share)
    for number in range(wanted):
        last = frame_count * (number + 1) // wanted - 1
        yield range(last, last + 1)


def _validation_count(frame_count: int, share: float) -> int:
    """Frames for validation: at least one where a share is wanted, never all."""
    if not share or frame_count < 2:
        return 0
    return min(max(1, round(share * frame_count)), frame_count - 1)


def _iou(polygon: Polygon, one: ObjectMask) -> float:
    """How much of a mask a polygon gives back; the mask's box holds both."""
    left, top, right, bottom = (int(side) for side in one.box)
    mask: Mask = one.mask[top:bottom, left:right]
    return mask_iou(
        polygon_mask([polygon - np.array([left, top], np.int32)], (bottom - top, right - left)),
        mask,
    )


def data_set_files(folder: Path) -> list[Path]:
    """All files of a data set that was written as a folder, or begun as one; else none."""
    partial = folder.with_name(f"{folder.name}.partial")
    places = [place for place in (folder, partial) if place == partial or _is_own(place)]
    return [
        file
        for place in places
        if not place.is_symlink()
        for part in (LIST_NAME, _SPILL_NAME, *PARTS)
        if not (place / part).is_symlink()
        for file in (sorted((place / part).rglob("*")) if part in PARTS else [place / part])
        if file.is_file()
    ]


def _label_name(picture: str) -> str:
    return f"{Path(picture).stem}.txt"


def _check_replaceable(path: Path) -> None:
    if path.is_dir() and not any(path.iterdir()):
        return
    if (path.exists() or path.is_symlink()) and not _is_own(path):
        raise OutputError(f"{path}: is not a data set that track-anything wrote; name a new folder")


def _is_own(path: Path) -> bool:
    try:
        return (path / LIST_NAME).read_text("utf-8").startswith(_HEADER)
    except (OSError, UnicodeDecodeError):
        return False


def _remove_own(folder: Path) -> None:
    """Delete what this sink writes, and the caches that Ultralytics puts beside labels."""
    for part in PARTS:
        if (folder / part).is_dir() and not (folder / part).is_symlink():
            shutil.rmtree(folder / part, ignore_errors=True)
    for file in (folder / LIST_NAME, folder / _SPILL_NAME):
        if file.is_file():
            file.unlink()

"""Masks as text of MOTS: one line an object and frame, with COCO's compressed run lengths."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar, Literal

from track_anything.errors import ConfigError, OutputError
from track_anything.io.tables import TextSink
from track_anything.rle import compress_counts, mask_counts
from track_anything.structures import FrameResult, Mask, ObjectMask, VideoInfo

_INSTANCES = 1000
IGNORED_CLASS = 10
"""What readers of MOTS take for a region to ignore, never for an object."""


class MotsSink(TextSink):
    """FRAME ID CLASS HEIGHT WIDTH RLE for every visible object, by frame, then by id.

    Frames count from 1: frame index + 1. The format forbids overlaps: a pixel of several objects
    goes to the highest track_id, as in label maps, and an object that is covered whole has no
    line.

    Lost: what overlaps hid, names (but for their classes), confidences, states, and objects on the
    frames on which they are not visible.
    """

    needs_images: ClassVar[bool] = False

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        class_id: int = 2,
        classes: Mapping[str, int] | None = None,
        ids: Literal["track", "class"] = "track",
    ) -> None:
        """Open the partial file.

        Args:
            path: The final name.
            info: Of the frames that will come.
            class_id: Of objects whose name is not in classes; the benchmark has 1 car and 2
                pedestrian.
            classes: Class ids by names of objects, where `*` and `?` stand for anything; the first
                that fits is taken.
            ids: "track" writes the track_id; "class" writes 1000 times the class and the track_id,
                as the benchmark's own files have it.

        Raises:
            ConfigError: If an option is out of range.
            OutputError: If the file cannot be opened.
        """
        if ids not in ("track", "class"):
            raise ConfigError(f"ids is track or class, got {ids!r}")
        self._classes = dict(classes or {})
        for number in (class_id, *self._classes.values()):
            if number < 1 or number == IGNORED_CLASS:
                raise ConfigError(
                    f"a class is 1 or more and not {IGNORED_CLASS}, which is ignored; got {number}"
                )
        super().__init__(path)
        self._path_text = str(path)
        self._class_id = class_id
        self._has_class_ids = ids == "class"

    def write(self, result: FrameResult) -> None:
        """Add the frame's lines.

        Raises:
            OutputError: If they cannot be written, or an id does not fit beside its class.
        """
        lines = []
        for one, mask in apart(result.objects):
            class_id = self._class_of(one.label)
            height, width = mask.shape
            object_id = self._object_id(one.track_id, class_id)
            fields = (result.frame.index + 1, object_id, class_id, height, width)
            counts = compress_counts(mask_counts(mask)).decode("ascii")
            lines.append(f"{' '.join(map(str, fields))} {counts}\n")
        self.append("".join(lines))

    def _class_of(self, label: str) -> int:
        fitting = (number for name, number in self._classes.items() if fnmatchcase(label, name))
        return next(fitting, self._class_id)

    def _object_id(self, track_id: int, class_id: int) -> int:
        if not self._has_class_ids:
            return track_id
        if track_id >= _INSTANCES:
            raise OutputError(
                f"{self._path_text}: ids with their class hold tracks up to {_INSTANCES - 1}, got "
                f"{track_id}; write ids=track"
            )
        return class_id * _INSTANCES + track_id


def apart(objects: Sequence[ObjectMask]) -> Iterator[tuple[ObjectMask, Mask]]:
    """Objects by ascending track_id with the part of each that no higher track_id covers.

    Those of which nothing is left are left out.
    """
    visible: list[tuple[ObjectMask, Mask]] = []
    covered: Mask | None = None
    for one in reversed(objects):
        if not one.box[2] > one.box[0]:
            continue
        mask = one.mask if covered is None else one.mask & ~covered
        if mask.any():
            visible.append((one, mask))
        covered = one.mask if covered is None else covered | one.mask
    yield from reversed(visible)

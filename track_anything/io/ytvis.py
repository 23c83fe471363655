"""Masks as a YouTube-VIS file: a list of masks for every track."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from track_anything.io.class_names import ClassNames
from track_anything.io.coco import box_of, categories, images_folder, json_line
from track_anything.io.frame_pictures import FramePictures, create_folder
from track_anything.io.spill import SpilledSink, joined
from track_anything.rle import mask_to_compressed_rle
from track_anything.structures import FrameResult, ObjectMask, VideoInfo

_FILE_NAMES = 0
_LISTS = ("segmentations", "bboxes", "areas")


class YtvisSink(SpilledSink):
    """instances.json: one video, an annotation for every track that was ever visible, categories.

    An annotation's id is the track_id. "segmentations" (compressed run lengths), "bboxes" (left,
    top, width, height) and "areas" have an entry for every frame of the video, null where the track
    is not visible. The video has "file_names" and, besides the format, "frame_indices".

    Lost: confidences, states, events; tracks that were never visible.
    """

    needs_images: bool = False

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        images: bool = False,
        classes: Mapping[str, str] | None = None,
        class_order: tuple[str, ...] = (),
    ) -> None:
        """Create the folder of the pictures, if there is to be one.

        Args:
            path: The final name; a file of that name is replaced on close.
            info: Of the frames that will come.
            images: Also write every frame as JPEG into NAME_images/VIDEO beside the file.
            classes: Class by name of object, as ClassNames takes it.
            class_order: Classes that have the first numbers; others follow as they come.

        Raises:
            OutputError: If something cannot be created.
        """
        super().__init__(path)
        self.needs_images = images
        self._info = info
        self._pictures = FramePictures(info)
        self._video = Path(info.path).stem or "video"
        self._folder = create_folder(images_folder(path) / self._video) if images else None
        self._classes = ClassNames(classes, order=class_order)
        self._categories: dict[int, int] = {}
        self._frame_count = 0

    def write(self, result: FrameResult) -> None:
        """Keep the frame's masks, each with those of its track.

        Raises:
            OutputError: If they cannot be written.
        """
        frame, number = result.frame, self._frame_count
        self._frame_count += 1
        name = f"{self._video}/{self._pictures.name_of(frame.index)}"
        self._keep(_FILE_NAMES, number, json_line([name, frame.index]))
        for one in result.objects:
            if one.box[2] > one.box[0]:
                self._keep_object(number, one)
        if self._folder is not None:
            self._pictures.write(frame, self._folder)

    def pieces(self) -> Iterable[str]:
        """The file."""
        info = self._info
        size = f'"width": {info.width}, "height": {info.height}, "length": {self._frame_count}'
        yield '{"info": {"description": "track-anything"},\n"licenses": [],\n'
        yield f'"videos": [\n{{"id": 1, {size}, "file_names": ['
        yield from joined(self._of_frames(0), ", ")
        yield '],\n"frame_indices": ['
        yield from joined(self._of_frames(1), ", ")
        yield ']}\n],\n"annotations": [\n'
        for count, (track_id, category) in enumerate(sorted(self._categories.items())):
            yield ",\n" * bool(count)
            yield f'{{"id": {track_id}, "video_id": 1, "category_id": {category}, "iscrowd": 0, '
            yield size
            for part, key in enumerate(_LISTS):
                yield f',\n"{key}": ['
                yield from joined(self._of_track(_list_number(track_id, part)), ", ")
                yield "]"
            yield "}"
        yield f'\n],\n"categories": {json_line(categories(self._classes))}}}\n'

    def _keep_object(self, number: int, one: ObjectMask) -> None:
        self._categories.setdefault(one.track_id, self._classes.number_of(one.label) + 1)
        values = (mask_to_compressed_rle(one.mask), box_of(one), int(np.count_nonzero(one.mask)))
        for part, value in enumerate(values):
            self._keep(_list_number(one.track_id, part), number, json_line(value))

    def _of_frames(self, part: int) -> Iterator[str]:
        """File names (0) or frame indices (1)."""
        for _, text in self._spill.read(_FILE_NAMES):
            name, _, index = text[1:-1].rpartition(", ")
            yield (name, index)[part]

    def _of_track(self, number: int) -> Iterator[str]:
        """One of a track's lists, with null for the frames between."""
        position = 0
        for known, text in self._spill.read(number):
            yield from ("null" for _ in range(position, known))
            yield text
            position = known + 1
        yield from ("null" for _ in range(position, self._frame_count))


def _list_number(track_id: int, part: int) -> int:
    """Where the spill has one list of a track; ids begin with 1, and 0 has the file names."""
    return len(_LISTS) * track_id + part

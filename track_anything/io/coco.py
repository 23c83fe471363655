"""Masks as a COCO file of instances, the form of detectors and of pycocotools."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from track_anything.io.class_names import ClassNames
from track_anything.io.frame_pictures import FramePictures, create_folder
from track_anything.io.spill import SpilledSink, joined
from track_anything.masks import mask_box
from track_anything.rle import mask_to_compressed_rle
from track_anything.structures import FrameResult, ObjectMask, State, VideoInfo

_IMAGES, _ANNOTATIONS = 0, 1


class CocoSink(SpilledSink):
    """instances.json: images, annotations with compressed run lengths, categories.

    An image is a frame, its id the frame index + 1; besides what COCO says it has "frame_index" and
    "time" in seconds. An annotation is an object visible on it: "segmentation", "bbox" (left, top,
    width, height), "area", "iscrowd" 0, "category_id" from 1 on, "score" (the confidence), and
    "track_id", which is also among the "attributes" that CVAT reads. Annotations have the order of
    frames and then of ids; overlaps are kept.

    Lost: states, events, and objects on the frames on which they are not visible.
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
        has_track_ids: bool = True,
        pictures: FramePictures | None = None,
    ) -> None:
        """Create the folder of the pictures, if there is to be one.

        Args:
            path: The final name; a file of that name is replaced on close.
            info: Of the frames that will come.
            images: Also write every frame as JPEG into NAME_images beside the file.
            classes: Class by name of object, as ClassNames takes it.
            class_order: Classes that have the first numbers; others follow as they come.
            has_track_ids: Whether ids mean the same object from frame to frame; without them
                images have no time either.
            pictures: What the pictures are called, if not by video and frame index.

        Raises:
            OutputError: If something cannot be created.
        """
        super().__init__(path)
        self.needs_images = images
        self._folder = create_folder(images_folder(path)) if images else None
        self._pictures = pictures or FramePictures(info)
        self._classes = ClassNames(classes, order=class_order)
        self._has_track_ids = has_track_ids
        self._count = 0

    def write(self, result: FrameResult) -> None:
        """Keep the frame's image and annotations.

        Raises:
            OutputError: If they cannot be written.
        """
        frame = result.frame
        height, width = frame.image.shape[:2]
        image: dict[str, Any] = {
            "id": frame.index + 1,
            "file_name": self._pictures.name_of(frame.index),
            "width": width,
            "height": height,
            "frame_index": frame.index,
        }
        if self._has_track_ids:
            image["time"] = round(float(frame.time), 6)
        self._keep(_IMAGES, frame.index, json_line(image))
        for one in result.objects:
            if one.box[2] > one.box[0]:
                self._count += 1
                annotation = self._annotation(frame.index, one)
                self._keep(_ANNOTATIONS, self._count, json_line(annotation))
        if self._folder is not None:
            self._pictures.write(frame, self._folder)

    def pieces(self) -> Iterable[str]:
        """The file."""
        yield '{"info": {"description": "track-anything"},\n"licenses": [],\n"images": [\n'
        yield from joined((text for _, text in self._spill.read(_IMAGES)), ",\n")
        yield '\n],\n"annotations": [\n'
        yield from joined((text for _, text in self._spill.read(_ANNOTATIONS)), ",\n")
        yield f'\n],\n"categories": {json_line(categories(self._classes))}}}\n'

    def _annotation(self, index: int, one: ObjectMask) -> dict[str, Any]:
        annotation: dict[str, Any] = {
            "id": self._count,
            "image_id": index + 1,
            "category_id": self._classes.number_of(one.label) + 1,
            "bbox": box_of(one),
            "area": int(np.count_nonzero(one.mask)),
            "iscrowd": 0,
            "score": round(float(one.confidence), 6),
            "segmentation": mask_to_compressed_rle(one.mask),
        }
        if self._has_track_ids:
            annotation["track_id"] = one.track_id
            annotation["attributes"] = {
                "track_id": one.track_id,
                "occluded": one.state is State.OCCLUDED,
            }
        return annotation


def images_folder(path: Path) -> Path:
    """Where the pictures of a COCO or YouTube-VIS file go."""
    return path.with_name(f"{path.stem}_images")


def categories(classes: ClassNames) -> list[dict[str, Any]]:
    """The categories of COCO and YouTube-VIS: ids count from 1."""
    return [
        {"id": number, "name": name, "supercategory": ""}
        for number, name in enumerate(classes.names, start=1)
    ]


def box_of(one: ObjectMask) -> list[int]:
    """[left, top, width, height] around a mask."""
    left, top, right, bottom = (int(side) for side in mask_box(one.mask))
    return [left, top, right - left, bottom - top]


def json_line(value: object) -> str:
    """JSON in one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)

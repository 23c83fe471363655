"""Masks as labelme files: one JSON a frame, with masks or polygons as shapes."""

import base64
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from track_anything.errors import ConfigError, OutputError
from track_anything.files import write_whole
from track_anything.io.class_names import ClassNames
from track_anything.io.coco import json_line
from track_anything.io.frame_pictures import FramePictures, create_folder
from track_anything.polygons import part_polygons
from track_anything.structures import FrameResult, Mask, ObjectMask, VideoInfo

Shapes = Literal["masks", "polygons"]

# The first of labelme with masks as shapes; later ones read its files.
_VERSION = "5.3.0"


class LabelmeSink:
    """FOLDER/NAME_00012.json by frame index, and the JPEG it names beside it.

    A shape has the class as its label and the track_id as its group_id. Masks are shapes of type
    "mask": two corners, both in the mask, and a PNG of what is between them; exact. Polygons are
    one shape for every piece of an object, holes reached by a cut; their points are pixels of the
    mask. A frame without objects has a file without shapes; every file is complete the moment it
    has its name.

    Lost: confidences, states, events.
    """

    needs_images: bool = True

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        shapes: Shapes = "masks",
        images: bool = True,
        classes: Mapping[str, str] | None = None,
    ) -> None:
        """Create the folder.

        Args:
            path: The folder.
            info: Of the frames that will come.
            shapes: masks or polygons.
            images: Also write the JPEG of every frame; without it labelme finds no picture unless
                one of that name is put there.
            classes: Class by name of object, as ClassNames takes it.

        Raises:
            ConfigError: If an option is out of range.
            OutputError: If the folder cannot be created.
        """
        if shapes not in ("masks", "polygons"):
            raise ConfigError(f"shapes is masks or polygons, got {shapes!r}")
        self.needs_images = images
        self._folder = create_folder(path)
        self._writes_masks = shapes == "masks"
        self._classes = ClassNames(classes)
        self._pictures = FramePictures(info)
        self._is_open = True

    def write(self, result: FrameResult) -> None:
        """Write the frame's picture and file.

        Raises:
            OutputError: If they cannot be written.
        """
        if not self._is_open:
            raise OutputError(f"{self._folder}: is closed, nothing can be added")
        frame = result.frame
        height, width = frame.image.shape[:2]
        name = self._pictures.name_of(frame.index)
        if self.needs_images:
            self._pictures.write(frame, self._folder)
        document = {
            "version": _VERSION,
            "flags": {},
            "shapes": [shape for one in result.objects for shape in self._shapes(one)],
            "imagePath": name,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        path = self._folder / f"{Path(name).stem}.json"
        write_whole(path, json_line(document).encode())

    def close(self) -> None:
        """Nothing is left to do."""
        self._is_open = False

    def abort(self) -> None:
        """Keep the files written: each is complete."""
        self._is_open = False

    def _shapes(self, one: ObjectMask) -> Iterator[dict[str, Any]]:
        left, top, right, bottom = (int(side) for side in one.box)
        if right <= left:
            return
        shape = {
            "label": self._classes.name_of(one.label),
            "group_id": one.track_id,
            "description": "",
            "flags": {},
        }
        if self._writes_masks:
            yield shape | {
                "shape_type": "mask",
                "points": [[left, top], [right - 1, bottom - 1]],
                "mask": _mask_text(one.mask[top:bottom, left:right]),
            }
            return
        for polygon in part_polygons(one.mask):
            # labelme calls what has fewer than three points no polygon.
            points = polygon[np.arange(max(3, len(polygon))) % len(polygon)]
            yield shape | {"shape_type": "polygon", "points": points.tolist(), "mask": None}


def _mask_text(mask: Mask) -> str:
    """A mask as PNG, 1 on the object, in base64: labelme takes any number but 0 as the object."""
    data = io.BytesIO()
    Image.fromarray(mask.view(np.uint8)).save(data, "PNG", compress_level=3)
    return base64.b64encode(data.getvalue()).decode("ascii")

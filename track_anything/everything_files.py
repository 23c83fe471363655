"""Everything on one picture as files: overlay, table, label map, a PNG for every mask."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.errors import ConfigError, OutputError
from track_anything.everything import Everything
from track_anything.files import write_whole
from track_anything.label_png import write_label_png, write_mask_png
from track_anything.painting import track_color
from track_anything.segmentation_files import OVERLAY_SUFFIXES, write_picture
from track_anything.structures import Image

TABLE_NAME = "objects.json"
LABELS_NAME = "labels.png"
MASKS_NAME = "masks"
OVERLAY_NAME = "overlay"
_OPACITY = 0.5


class EverythingFolder:
    """A folder with overlay.jpg, objects.json, labels.png and masks/0001.png ...

    It appears whole: until then it is FOLDER.partial.
    """

    def __init__(
        self,
        path: Path,
        *,
        overlay_suffix: str = ".jpg",
        inputs: Sequence[Path] = (),
        overwrite: bool = False,
    ) -> None:
        """Refuse what cannot or must not be written, before work begins.

        Args:
            path: The folder.
            overlay_suffix: Of the overlay: .png, .jpg or .jpeg.
            inputs: What it is made from: never overwritten.
            overwrite: Whether an earlier folder of this kind may be replaced.

        Raises:
            OutputError: If it cannot or must not be written.
            ConfigError: If the overlay has the wrong suffix.
        """
        if overlay_suffix not in OVERLAY_SUFFIXES:
            raise ConfigError(
                f"the overlay is written as {', '.join(OVERLAY_SUFFIXES)}, got {overlay_suffix!r}"
            )
        self.path = path
        self._overlay_name = OVERLAY_NAME + overlay_suffix
        self._partial = path.with_name(f"{path.name}.partial")
        if any(each.exists() and path.resolve() in each.resolve().parents for each in inputs):
            raise OutputError(f"{path}: an input lies in it: name another folder")
        for place in (path, self._partial):
            if place.is_symlink() or (place.exists() and not place.is_dir()):
                raise OutputError(f"{place}: expected a folder, this is a file or a link")
        if path.is_dir() and any(path.iterdir()):
            if not overwrite:
                raise OutputError(f"{path}: is not empty; name another, or allow overwriting")
            strange = next(_strangers(path), None)
            if strange is not None:
                raise OutputError(f"{strange}: is none of ours; name another folder")
        if not path.absolute().parent.is_dir():
            raise OutputError(f"{path}: there is no folder {path.absolute().parent}")

    def write(self, everything: Everything) -> None:
        """Write it.

        Raises:
            OutputError: If it cannot be written.
        """
        try:
            # What an earlier attempt left under the partial name.
            _clear(self._partial)
            (self._partial / MASKS_NAME).mkdir(parents=True)
            self._write_parts(self._partial, everything)
            _clear(self.path)
            os.replace(self._partial, self.path)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror})") from error

    def _write_parts(self, folder: Path, everything: Everything) -> None:
        labels = np.zeros(everything.frame.image.shape[:2], np.uint16)
        for number, region in enumerate(everything.regions, start=1):
            mask = region.mask
            labels[mask] = number
            write_mask_png(folder / MASKS_NAME / f"{number:04d}.png", mask)
        write_label_png(folder / LABELS_NAME, labels, len(everything.regions))
        write_picture(folder / self._overlay_name, labels_overlay(everything.frame.image, labels))
        text = json.dumps(everything.to_dict(), ensure_ascii=False, allow_nan=False)
        write_whole(folder / TABLE_NAME, text.encode())


def labels_overlay(image: Image, labels: NDArray[np.uint16]) -> Image:
    """A copy of a picture with an (H, W) label map painted over it, 0 left as it is."""
    count = int(labels.max())
    colors = np.array([(0, 0, 0), *(track_color(n) for n in range(1, count + 1))], np.uint8)
    tint = colors[labels]
    painted = cv2.addWeighted(image, 1 - _OPACITY, tint, _OPACITY, 0)
    background = labels == 0
    painted[background] = image[background]
    width = max(1, round(min(image.shape[:2]) / 360))
    kernel = np.ones((2 * (width // 2) + 3,) * 2, np.uint8)
    is_edge = cv2.dilate(labels, kernel) != cv2.erode(labels, kernel)
    edge = is_edge & ~background
    painted[edge] = (tint[edge].astype(np.uint16) * 4 + 255) // 5
    return np.asarray(painted, np.uint8)


def _strangers(folder: Path) -> Iterator[Path]:
    """Files in a folder that are not of the kind written here."""
    own = {TABLE_NAME, LABELS_NAME, *(OVERLAY_NAME + suffix for suffix in OVERLAY_SUFFIXES)}
    for path in sorted(folder.iterdir()):
        if path.name == MASKS_NAME and path.is_dir():
            yield from (p for p in path.iterdir() if not (p.suffix == ".png" and p.stem.isdigit()))
        elif path.name not in own:
            yield path


def _clear(folder: Path) -> None:
    """Remove a folder that holds only what is written here; leave nothing half-removed else."""
    if folder.is_dir():
        strange = next(_strangers(folder), None)
        if strange is not None:
            raise OutputError(f"{strange}: is none of ours; name another folder")
        shutil.rmtree(folder)

"""A segmentation as pictures: overlay, mask, cut-out, and all candidates side by side."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from track_anything.errors import ConfigError, OutputError
from track_anything.files import write_whole
from track_anything.label_png import write_label_png, write_mask_png
from track_anything.masks import label_map
from track_anything.painting import overlay
from track_anything.segmentation import Segmentation, SegmentedObject
from track_anything.structures import Image

OVERLAY_SUFFIXES = (".png", ".jpg", ".jpeg")
SHEET_SIDE = 640
"""Longer side of one candidate on the sheet: four of them side by side fill a screen."""
_GAP = 8
_TEXT_HEIGHT = 26
_GROUND = 32


@dataclass(frozen=True, kw_only=True)
class SegmentationFiles:
    """What is written of a segmentation; None is not written.

    Attributes:
        overlay: The picture with the masks painted over it.
        mask: One object: 255 on it, 0 elsewhere. Several: each pixel is its object's id, in a
            palette PNG, in 16-bit gray for ids above 254; later objects on top.
        cutout: The objects alone, on transparent ground, in the size of the picture.
        candidates: A row per object with all candidates and their scores.
    """

    overlay: Path | None = None
    mask: Path | None = None
    cutout: Path | None = None
    candidates: Path | None = None

    def paths(self) -> dict[str, Path]:
        """The files to be written, by what they are."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: path for name, path in given.items() if path is not None}

    def check(self, *, inputs: Sequence[Path] = (), overwrite: bool = False) -> None:
        """Refuse what cannot or must not be written, before work begins.

        Args:
            inputs: Files that the segmentation is made from: never overwritten.
            overwrite: Whether files that are there may be replaced.

        Raises:
            OutputError: If a file cannot or must not be written.
            ConfigError: If two outputs are one file, or a name has the wrong suffix.
        """
        paths = self.paths()
        if len({path.resolve() for path in paths.values()}) < len(paths):
            raise ConfigError("two outputs have one name: give each its own file")
        for name, path in paths.items():
            suffixes = OVERLAY_SUFFIXES if name == "overlay" else (".png",)
            if path.suffix.lower() not in suffixes:
                raise ConfigError(f"{path}: the {name} is written as {' or '.join(suffixes)}")
            if any(each.exists() and path.exists() and path.samefile(each) for each in inputs):
                raise OutputError(f"{path}: is an input: name another file")
            if path.is_dir():
                raise OutputError(f"{path}: is a folder: name a file")
            if not path.parent.is_dir():
                raise OutputError(f"{path}: there is no folder {path.parent}")
            if path.exists() and not overwrite:
                raise OutputError(f"{path}: exists; name another file, or allow overwriting")

    def write(self, segmentation: Segmentation) -> None:
        """Write them, each whole or not at all.

        Raises:
            OutputError: If one cannot be written.
        """
        if self.overlay is not None:
            write_picture(self.overlay, overlay_of(segmentation))
        if self.mask is not None:
            _write_mask(self.mask, segmentation)
        if self.cutout is not None:
            write_picture(self.cutout, cutout_of(segmentation))
        if self.candidates is not None:
            write_picture(self.candidates, candidate_sheet(segmentation))


def overlay_of(segmentation: Segmentation) -> Image:
    """The picture with the best masks painted over it."""
    return overlay(segmentation.frame.image, segmentation.masks)


def cutout_of(segmentation: Segmentation) -> NDArray[np.uint8]:
    """(H, W, 4) RGBA: the objects, and nothing around them."""
    image = segmentation.frame.image
    shown = np.zeros(image.shape[:2], np.bool_)
    for mask in segmentation.masks.values():
        shown |= mask
    cutout = np.zeros((*shown.shape, 4), np.uint8)
    cutout[shown, :3] = image[shown]
    cutout[shown, 3] = 255
    return cutout


def candidate_sheet(segmentation: Segmentation) -> Image:
    """All candidates side by side, a row per object, with what the segmenter thinks of them."""
    rows = [_row(segmentation, each) for each in segmentation.objects]
    width = max(row.shape[1] for row in rows)
    wide = [
        np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=_GROUND)
        for row in rows
    ]
    return np.concatenate(wide)


def write_picture(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an RGB or RGBA picture as its suffix says.

    Raises:
        OutputError: If it cannot be written.
    """
    data = io.BytesIO()
    is_png = path.suffix.lower() == ".png"
    # Pillow's level 6 takes four times as long as 3 for a few per cent.
    options = {"compress_level": 3} if is_png else {"quality": 92}
    PillowImage.fromarray(image).save(data, "PNG" if is_png else "JPEG", **options)
    write_whole(path, data.getvalue())


def _row(segmentation: Segmentation, each: SegmentedObject) -> Image:
    image = segmentation.frame.image
    shrink = min(1.0, SHEET_SIDE / max(image.shape[:2]))
    width, height = (max(1, round(side * shrink)) for side in image.shape[1::-1])
    tiles = []
    for number, candidate in enumerate(each.candidates, start=1):
        painted = overlay(image, {each.track_id: candidate.mask})
        small = cv2.resize(painted, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
        facts = [f"{each.name or each.track_id}, {number}"]
        if not each.prompt.is_answer:
            facts.append(f"IoU {candidate.predicted_iou:.3f}")
        stability = getattr(candidate, "stability_score", None)
        if stability is not None:
            facts.append(f"stability {stability:.3f}")
        tiles.append(_captioned(small, ", ".join(facts)))
    return np.concatenate(tiles, axis=1)


def _captioned(image: Image, text: str) -> Image:
    """A picture in a frame, with a line of text above it, cut off at its edges."""
    tile = _padded(image, top=_TEXT_HEIGHT, bottom=_GAP, left=_GAP, right=_GAP)
    place = (_GAP, _TEXT_HEIGHT - 8)
    cv2.putText(tile, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (235,) * 3, 1, cv2.LINE_AA)
    return tile


def _padded(image: Image, *, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> Image:
    return np.pad(image, ((top, bottom), (left, right), (0, 0)), constant_values=_GROUND)


def _write_mask(path: Path, segmentation: Segmentation) -> None:
    masks = segmentation.masks
    if len(masks) == 1:
        write_mask_png(path, next(iter(masks.values())))
        return
    height, width = segmentation.frame.image.shape[:2]
    write_label_png(path, label_map(masks, (height, width)), max(masks))

"""Single pictures with the true masks of their objects, from videos and folders of stills."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from track_anything.errors import DatasetError
from track_anything.evaluation.datasets import BINARY_LABEL, DavisSequences, read_image
from track_anything.label_png import read_label_png
from track_anything.structures import Frame, Mask

MANIFEST = "manifest.jsonl"

_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedPicture:
    """One picture and its objects.

    Attributes:
        name: Tells it from the others: SEQUENCE/00010, or the file's stem.
        frame: The picture; index and time count within its sequence, 0 for stills.
        masks: The objects that can be seen, by the name of each.
    """

    name: str
    frame: Frame
    masks: Mapping[str, Mask]


def davis_pictures(
    root: Path, *, every: int = 10, sequences: Sequence[str] | None = None
) -> Iterator[AnnotatedPicture]:
    """Every so many frames of a DAVIS-layout folder that are annotated, from the first on.

    Args:
        root: As DavisSequences.
        every: Frames 0, this, twice this, ... of every sequence.
        sequences: As DavisSequences.

    Raises:
        DatasetError: If the layout is another, or a file cannot be read.
    """
    for sequence in DavisSequences(root, sequences=sequences):
        for index in range(0, len(sequence.images), every):
            if index not in sequence.annotations:
                continue
            truth = sequence.truth(index)
            masks = {str(i): truth == i for i in map(int, np.unique(truth)) if i}
            name = f"{sequence.name}/{sequence.images[index].stem}"
            yield AnnotatedPicture(name, sequence.frame(index), masks)


def still_pictures(root: Path) -> Iterator[AnnotatedPicture]:
    """The pictures of a folder of stills, by name.

    The folder has one of these layouts; in each a mask file is 0 and 255 (or 0 and one label) for
    one object, or a label map of several, where 255 is void.

    - manifest.jsonl: a line {"image": PATH, "masks": [PATH, ...]} a picture, paths from the folder.
    - images/NAME.jpg (or another suffix) and masks/NAME.png.
    - NAME.jpg and NAME.png side by side.

    Raises:
        DatasetError: If the layout is another, a file cannot be read, or sizes differ.
    """
    for image_path, mask_paths in _still_files(root):
        image = read_image(image_path)
        masks: dict[str, Mask] = {}
        for path in mask_paths:
            found = _read_masks(path, (image.shape[0], image.shape[1]))
            prefix = f"{path.stem}:" if len(mask_paths) > 1 else ""
            masks |= {f"{prefix}{label}": mask for label, mask in found.items()}
        name = image_path.stem
        yield AnnotatedPicture(name, Frame(0, Fraction(0), image), masks)


def _read_masks(path: Path, size: tuple[int, int]) -> dict[int, Mask]:
    labels = read_label_png(path)
    if labels.shape != size:
        raise DatasetError(
            f"{path}: expected {size[1]}x{size[0]} pixels like its picture, got "
            f"{labels.shape[1]}x{labels.shape[0]}"
        )
    values = [int(value) for value in np.unique(labels) if value]
    if len(values) > 1 and values[-1] == BINARY_LABEL:
        values.pop()
    return {value: labels == value for value in values}


def _still_files(root: Path) -> list[tuple[Path, list[Path]]]:
    """Every picture with its mask files."""
    if not root.is_dir():
        raise DatasetError(f"{root}: there is no such folder")
    if (root / MANIFEST).is_file():
        return list(_manifest_files(root))
    if (root / "images").is_dir() and (root / "masks").is_dir():
        images, masks = _by_stem(root / "images"), _by_stem(root / "masks", (".png",))
    else:
        masks = _by_stem(root, (".png",))
        images = _by_stem(root, tuple(s for s in _IMAGE_SUFFIXES if s != ".png"))
    pairs = [(images[stem], [masks[stem]]) for stem in images if stem in masks]
    if not pairs:
        raise DatasetError(
            f"{root}: expected images/NAME.jpg and masks/NAME.png, NAME.jpg and NAME.png side by "
            f"side, or {MANIFEST}; found no pair"
        )
    if len(pairs) < len(images):
        alone = next(path for stem, path in images.items() if stem not in masks)
        raise DatasetError(f"{alone}: there is no mask {alone.stem}.png for it")
    return pairs


def _manifest_files(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    path = root / MANIFEST
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read ({error})") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            yield root / row["image"], [root / name for name in row["masks"]]
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(
                f'{path}, line {number}: expected {{"image": PATH, "masks": [PATH, ...]}}, '
                f"got {line[:80]!r}"
            ) from error


def _by_stem(folder: Path, suffixes: Sequence[str] = _IMAGE_SUFFIXES) -> dict[str, Path]:
    return {
        path.stem: path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in suffixes and not path.name.startswith(".")
    }

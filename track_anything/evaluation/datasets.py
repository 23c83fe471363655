"""Folders of ground truth: sequences of pictures with annotated masks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.errors import DatasetError
from track_anything.label_png import read_label_png
from track_anything.structures import Frame, Image, Prompt, VideoInfo

FRAME_RATE = Fraction(24)
"""The frame rate of the DAVIS videos; the folders do not say it."""

BINARY_LABEL = 255
"""The object in 0/255 annotations; in label maps the same value is void."""

_IMAGES, _ANNOTATIONS = "JPEGImages", "Annotations"
_IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})


@dataclass(frozen=True, slots=True)
class DavisSequence:
    """One sequence, from its first annotated frame on.

    Attributes:
        name: Of its folder.
        images: One file a frame.
        annotations: By frame index; the first is 0, frames between may be missing.
        object_ids: Objects of the first annotation, ascending. A 0/255 annotation is object 1.
        is_binary: Annotations are 0/255.
        size: (height, width).
    """

    name: str
    images: tuple[Path, ...]
    annotations: Mapping[int, Path]
    object_ids: tuple[int, ...]
    is_binary: bool
    size: tuple[int, int]

    @property
    def info(self) -> VideoInfo:
        """What a tracker is told before the first frame."""
        height, width = self.size
        return VideoInfo(
            width=width,
            height=height,
            frame_rate=FRAME_RATE,
            frame_count=len(self.images),
            path=str(self.images[0].parent),
        )

    @property
    def scored_frames(self) -> tuple[int, ...]:
        """Annotated frames but the first, which is given, and the last, as DAVIS does."""
        return tuple(self.annotations)[1:-1]

    def frames(self) -> Iterator[Frame]:
        """Frames in order, decoded one at a time.

        Raises:
            DatasetError: If one cannot be read or has another size.
        """
        for index in range(len(self.images)):
            yield self.frame(index)

    def frame(self, index: int) -> Frame:
        """One frame.

        Raises:
            DatasetError: As frames.
        """
        path = self.images[index]
        image = read_image(path)
        if image.shape[:2] != self.size:
            raise DatasetError(_size_text(path, self.size, image.shape))
        return Frame(index, index / FRAME_RATE, image)

    def truth(self, index: int) -> NDArray[np.uint16]:
        """(H, W): the annotated object of each pixel of one annotated frame, 0 for none.

        Raises:
            DatasetError: If the frame is not annotated, or the annotation cannot be read or has
                another size.
        """
        if index not in self.annotations:
            raise DatasetError(f"{self.name}: frame {index} is not annotated")
        labels = read_label_png(self.annotations[index])
        if labels.shape != self.size:
            raise DatasetError(_size_text(self.annotations[index], self.size, labels.shape))
        if self.is_binary:
            return np.asarray(labels == BINARY_LABEL, np.uint16)
        return np.where(labels == BINARY_LABEL, np.uint16(0), labels)

    def prompts(self) -> tuple[Prompt, ...]:
        """The exact masks of the first frame."""
        truth = self.truth(0)
        return tuple(Prompt(mask=truth == i, track_id=i) for i in self.object_ids)


class DavisSequences:
    """The sequences of a DAVIS-layout folder, by name.

    The folder holds JPEGImages/LEVEL/SEQUENCE/*.jpg and Annotations/LEVEL/SEQUENCE/*.png. LEVEL is
    480p if there is one, else Full-Resolution, else the only one; it may be missing. Annotations
    are 0/255 or label maps (palette or gray) where 255 is void. ImageSets is not read.
    """

    def __init__(self, root: Path, *, sequences: Sequence[str] | None = None) -> None:
        """Find the folders; pictures are read later.

        Args:
            root: Holds JPEGImages and Annotations.
            sequences: Names, in the order wanted; None takes all.

        Raises:
            DatasetError: If the layout is another or a sequence is missing.
        """
        self._images, level = sequence_folders(root, _IMAGES)
        self._annotations, _ = sequence_folders(root, _ANNOTATIONS, level)
        self.names = tuple(dict.fromkeys(self._images if sequences is None else sequences))
        for name in self.names:
            if name not in self._images:
                known = ", ".join(self._images)
                raise DatasetError(f"{root}: there is no sequence {name!r}; there are {known}")
            if name not in self._annotations:
                raise DatasetError(f"{root}: sequence {name!r} has images but no annotations")

    def __len__(self) -> int:
        """How many there are."""
        return len(self.names)

    def __iter__(self) -> Iterator[DavisSequence]:
        """Every sequence; its first annotation is read.

        Raises:
            DatasetError: If a sequence cannot be scored.
        """
        for name in self.names:
            yield _load_sequence(name, self._images[name], self._annotations[name])


def read_image(path: Path) -> Image:
    """A picture file, standard form.

    Raises:
        DatasetError: If it cannot be read.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise DatasetError(f"{path}: cannot be read as a picture")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def sequence_folders(
    root: Path, kind: str, level: str | None = None
) -> tuple[dict[str, Path], str]:
    """Folders of files by sequence name, and the name of the resolution level ("" for none).

    `level` is tried first: annotations belong to the images' resolution.
    """
    top = root / kind
    if not top.is_dir():
        raise DatasetError(f"{root}: expected a DAVIS folder with {kind}/ in it; there is none")
    if level and (top / level).is_dir():
        levels = [level]
    else:
        levels = [name for name in ("480p", "Full-Resolution") if (top / name).is_dir()][:1]
    if not levels:
        folders = _folders(top)
        if any(_files(folder) for folder in folders):
            levels = [""]
        else:
            levels = [f.name for f in folders if any(_files(inner) for inner in _folders(f))]
    if len(levels) > 1:
        raise DatasetError(f"{top}: expected one resolution, or 480p; got {', '.join(levels)}")
    sequences = {f.name: f for name in levels for f in _folders(top / name) if _files(f)}
    if not sequences:
        raise DatasetError(f"{top}: expected folders of pictures, one a sequence; found none")
    return sequences, levels[0]


def _load_sequence(name: str, images: Path, annotations: Path) -> DavisSequence:
    files = _files(images)
    index_of = {path.stem: index for index, path in enumerate(files)}
    annotated: dict[int, Path] = {}
    for path in _files(annotations):
        if path.stem not in index_of:
            raise DatasetError(f"{path}: there is no image of this name in {images}")
        annotated[index_of[path.stem]] = path
    if len(annotated) < 3:
        raise DatasetError(
            f"{annotations}: a sequence needs 3 annotated frames or more (the first is given, the "
            f"last not scored), got {len(annotated)}"
        )
    first = min(annotated)
    labels = read_label_png(annotated[first])
    values = [int(value) for value in np.unique(labels) if value]
    is_binary = values == [BINARY_LABEL]
    object_ids = (1,) if is_binary else tuple(v for v in values if v != BINARY_LABEL)
    if not object_ids:
        raise DatasetError(f"{annotated[first]}: the first annotation shows no object")
    return DavisSequence(
        name=name,
        images=tuple(files[first:]),
        annotations={index - first: path for index, path in annotated.items()},
        object_ids=object_ids,
        is_binary=is_binary,
        size=(labels.shape[0], labels.shape[1]),
    )


def _folders(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))


def _files(folder: Path) -> list[Path]:
    return sorted(
        f
        for f in folder.iterdir()
        if f.suffix.lower() in _IMAGE_SUFFIXES and not f.name.startswith(".")
    )


def _size_text(path: Path, expected: tuple[int, int], shape: tuple[int, ...]) -> str:
    return f"{path}: expected {expected[1]}x{expected[0]} pixels, got {shape[1]}x{shape[0]}"

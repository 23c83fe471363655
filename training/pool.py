"""The photographs with their instance masks, in memory, and the list of objects worth prompting."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

_HELD_OUT_ONE_IN = 20
_SMALLEST_AREA = 120
_LARGEST_SHARE = 0.92


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture and which object each pixel belongs to.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        ids: (H, W) uint16, 0 is background.
    """

    image: np.ndarray
    ids: np.ndarray


@dataclass(frozen=True, slots=True)
class Instance:
    """One object of a picture: its id and its box (x_min, y_min, x_max, y_max)."""

    picture: Picture
    label: int
    box: tuple[int, int, int, int]
    area: int


@dataclass(frozen=True)
class Pool:
    """Instances by where they come from: coco, person, garment, nuclei."""

    training: dict[str, list[Instance]]
    held_out: dict[str, list[Instance]]

    @property
    def backgrounds(self) -> list[np.ndarray]:
        """Photographs to put objects on."""
        seen = {
            id(one.picture.image): one.picture.image
            for name in ("coco", "person")
            for one in self.training[name]
        }
        return list(seen.values())


def load_pool(root: Path) -> Pool:
    """Everything in a folder with a manifest.jsonl; one picture in twenty is held out."""
    training: dict[str, list[Instance]] = {}
    held_out: dict[str, list[Instance]] = {}
    for line in (root / "manifest.jsonl").read_text().splitlines():
        row = json.loads(line)
        image = _read(root / row["image"], cv2.IMREAD_COLOR)[..., ::-1].copy()
        is_held_out = zlib.crc32(row["image"].encode()) % _HELD_OUT_ONE_IN == 0
        for name in row["masks"]:
            kind = _kind(row["set"], name)
            picture = Picture(image, _read(root / name, cv2.IMREAD_UNCHANGED).astype(np.uint16))
            target = held_out if is_held_out else training
            target.setdefault(kind, []).extend(instances_of(picture))
    return Pool(training, held_out)


def instances_of(picture: Picture) -> Sequence[Instance]:
    """The objects of a picture that are neither specks nor nearly all of it."""
    found = []
    labels, counts = np.unique(picture.ids, return_counts=True)
    for label, area in zip(labels.tolist(), counts.tolist(), strict=True):
        if not label or area < _SMALLEST_AREA or area > _LARGEST_SHARE * picture.ids.size:
            continue
        x, y, width, height = cv2.boundingRect((picture.ids == label).astype(np.uint8))
        if min(width, height) >= 8:
            found.append(Instance(picture, label, (x, y, x + width, y + height), area))
    return found


def _kind(name: str, mask: str) -> str:
    if name == "ccp":
        return "person" if "_person" in mask else "garment"
    return {"coco": "coco", "dsb2018": "nuclei"}[name]


def _read(path: Path, flags: int) -> np.ndarray:
    values = cv2.imread(str(path), flags)
    if values is None:
        raise FileNotFoundError(f"{path}: no picture there, or not readable")
    return np.asarray(values)

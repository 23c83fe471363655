"""Small DAVIS-layout folders, drawn."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

AddSequence = Callable[..., Path]


@pytest.fixture
def add_sequence(tmp_path: Path) -> AddSequence:
    """Adds a sequence with these label maps to a folder and returns the folder."""

    def add(
        name: str,
        truths: Sequence[NDArray[np.uint8] | None],
        *,
        level: str = "480p",
        palette: bool = False,
        root: str = "davis",
    ) -> Path:
        images = tmp_path / root / "JPEGImages" / level / name
        annotations = tmp_path / root / "Annotations" / level / name
        images.mkdir(parents=True)
        annotations.mkdir(parents=True)
        shape = next(truth.shape for truth in truths if truth is not None)
        for index, truth in enumerate(truths):
            gray = np.full((*shape, 3), index * 5, np.uint8)
            Image.fromarray(gray).save(images / f"{index:05d}.jpg")
            if truth is None:
                continue
            annotation = Image.fromarray(truth)
            if palette:
                # All 256 colours: Pillow stores fewer bits a pixel for a shorter palette.
                annotation.putpalette(bytes(range(256)) * 3)
            annotation.save(annotations / f"{index:05d}.png")
        return tmp_path / root

    return add


@pytest.fixture
def square() -> Callable[..., NDArray[np.uint8]]:
    """A 100x100 label map with a 10x10 square of a label at (x, 40)."""

    def draw(x: int, label: int = 255) -> NDArray[np.uint8]:
        labels = np.zeros((100, 100), np.uint8)
        labels[40:50, x : x + 10] = label
        return labels

    return draw

"""A made-up data folder in the layout that the training reads."""

import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

# The training is not installed: it is found once here, and by what is imported from it after.
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
try:
    import training
finally:
    sys.path.remove(str(ROOT))
assert training

KINDS = {"coco": 3, "ccp": 2, "dsb2018": 2}
LICENCES = (None, "Attribution License", "Attribution-ShareAlike License")
SIZE = (150, 200)


def _name(kind: str, number: int, *, held_out: bool) -> str:
    """The first name after a number that is held out, or is not: one in twenty is."""
    while (zlib.crc32(f"images/{kind}_{number}.png".encode()) % 20 == 0) != held_out:
        number += 1
    return f"{kind}_{number}"


def _draw(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Three ellipses of their own colours on a mottled ground; picture and ids."""
    height, width = SIZE
    ground = cv2.GaussianBlur(random.normal(0, 1, (height, width, 3)), (0, 0), 6)
    image = 110 + 25 * ground / ground.std()
    ids = np.zeros(SIZE, np.uint8)
    for label in (1, 2, 3):
        centre = (
            30 + 55 * (label - 1) + int(random.integers(-5, 15)),
            int(random.integers(50, 100)),
        )
        axes = random.integers(14, 30, 2).tolist()
        cv2.ellipse(ids, centre, axes, float(random.uniform(0, 180)), 0, 360, label, -1)
        image[ids == label] = random.uniform(0, 255, 3)
    return np.clip(image + random.normal(0, 4, image.shape), 0, 255).astype(np.uint8), ids


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """OpenCV's threads as they were: a training takes them away."""
    count = cv2.getNumThreads()
    yield
    cv2.setNumThreads(count)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a few pictures of every set, one of each held out. Not to be changed."""
    root = tmp_path_factory.mktemp("train")
    (root / "images").mkdir()
    (root / "masks").mkdir()
    random, rows = np.random.default_rng(4), []
    for kind, count in KINDS.items():
        for place in range(count):
            name = _name(kind, 100 * place, held_out=place == 0)
            image, ids = _draw(random)
            cv2.imwrite(str(root / f"images/{name}.png"), image)
            masks = {f"masks/{name}_ids0.png": ids}
            if kind == "ccp":
                masks[f"masks/{name}_person1.png"] = (ids > 0).astype(np.uint8)
            for path, values in masks.items():
                cv2.imwrite(str(root / path), values)
            row = {"set": kind, "image": f"images/{name}.png", "masks": list(masks)}
            if kind == "coco":
                row |= {
                    "licence": (None, "Attribution License", "Attribution-ShareAlike License")[
                        place
                    ],
                    "source": f"http://example.com/{name}.jpg",
                }
            rows.append(row | {"width": SIZE[1], "height": SIZE[0]})
    (root / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root

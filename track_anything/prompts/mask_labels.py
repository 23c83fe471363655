"""Label maps of PNG files as prompts: which pixel belongs to which object."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from track_anything.errors import DatasetError, PromptError
from track_anything.label_png import read_label_png
from track_anything.prompts.imported import frames_of_names
from track_anything.prompts.spec import Hints, ObjectSpec, TimeCode

Labels = NDArray[np.uint16]


def read_object_labels(path: Path) -> Labels:
    """(H, W): 0 background; one mask has the label 1 only, and "void" belongs to nothing.

    Raises:
        PromptError: If it cannot be read.
    """
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            mode = picture.mode
        labels = read_label_png(path)
    except OSError as error:
        raise PromptError(
            f"{path}: cannot be read as a PNG mask ({error.strerror or 'not a PNG'})"
        ) from error
    except DatasetError as error:
        raise PromptError(str(error)) from error
    found = np.flatnonzero(np.bincount(labels.reshape(-1)))
    if set(found.tolist()) <= {0, 255}:
        return (labels > 0).astype(np.uint16)
    if mode in ("L", "RGB", "RGBA", "LA") and 255 in found:
        # Gray up to white is one mask with soft edges, not a map of 255 labels.
        return (labels > 127).astype(np.uint16)
    if mode == "P":
        # 255 is "void" in palette files: belongs to nothing.
        return np.where(labels == 255, np.uint16(0), labels)
    return labels


def read_mask_folder(folder: Path, *, every: bool) -> list[ObjectSpec]:
    """The objects of a folder of label maps, as DAVIS has them: 00000.png by frame index.

    A pixel's value is its object's id. An object is prompted by its mask on the first frame on
    which it is seen, or by all of them.

    Args:
        folder: Every PNG in it is a label map.
        every: Prompt with every mask of an object, not only with its first.

    Raises:
        PromptError: If a file cannot be read, its name has no number, or there is no object.
    """
    files = sorted(folder.glob("*.png"))
    frames = frames_of_names([file.stem for file in files], folder, first=0)
    numbered = []
    for file in files:
        frame = frames[file.stem]
        if frame is None:
            raise PromptError(f"{file}: no number in the name says which frame it is")
        numbered.append((frame, file))
    hints: dict[int, list[Hints]] = {}
    for frame, file in sorted(numbered):
        labels = read_object_labels(file)
        for track_id in np.flatnonzero(np.bincount(labels.reshape(-1))).tolist():
            if track_id and (every or track_id not in hints):
                at = TimeCode(frame_index=frame)
                given = Hints(at=at, mask=file, mask_label=track_id)
                hints.setdefault(track_id, []).append(given)
    if not hints:
        raise PromptError(f"{folder}: has no label map with an object")
    return [ObjectSpec(track_id=track_id, hints=tuple(given)) for track_id, given in hints.items()]

"""Prompts and boxes from a file of any form, told apart by name and content."""

import json
from pathlib import Path

from track_anything.errors import PromptError
from track_anything.prompts.file import read_prompt_file
from track_anything.prompts.import_coco import coco_boxes
from track_anything.prompts.import_text import label_files, read_text_boxes, read_yolo_folder
from track_anything.prompts.imported import BoxFile, objects_of_boxes
from track_anything.prompts.mask_labels import read_mask_folder
from track_anything.prompts.spec import ObjectSpec

_FORMS = "MOT text, a table, COCO JSON, YOLO labels"


def read_prompts(path: Path, *, every: bool = False, corrects: bool = False) -> list[ObjectSpec]:
    """The objects of a prompt file, or of a file or folder that another program wrote.

    Boxes of MOT text, a table with a header, COCO JSON, or YOLO labels (a file, a folder, a data
    set), or masks of a folder of label maps as DAVIS has them. Objects keep their ids; each is
    prompted on the first frame that has it. Frames are counted from the first frame delivered.

    Args:
        path: The file or folder.
        every: Prompt with all that is there of an object; what is in a prompt file always counts.
        corrects: As read_prompt_file.

    Raises:
        PromptError: If it cannot be read or says something it may not.
    """
    if path.is_dir() and not _is_box_folder(path):
        if not any(path.glob("*.png")):
            raise PromptError(f"{path}: expected YOLO labels (.txt) or label maps (.png) in it")
        return read_mask_folder(path, every=every)
    found = _boxes(path)
    if found is None:
        return read_prompt_file(path, corrects=corrects)
    return objects_of_boxes(found.boxes, path, every=every)


def read_boxes(path: Path) -> BoxFile:
    """The boxes of MOT text, a table with a header, COCO JSON, or YOLO labels.

    Raises:
        PromptError: If it cannot be read or is none of these.
    """
    found = None if path.is_dir() and not _is_box_folder(path) else _boxes(path)
    if found is None:
        raise PromptError(f"{path}: expected {_FORMS}")
    return found


def _boxes(path: Path) -> BoxFile | None:
    """The boxes of a file; None if it is of another kind."""
    if path.is_dir():
        truth = path / "gt" / "gt.txt"
        return read_text_boxes(truth) if truth.is_file() else read_yolo_folder(path)
    if path.suffix.lower() in (".txt", ".csv"):
        return read_text_boxes(path)
    if path.suffix.lower() != ".json":
        return None
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        # The reader of prompt files says what is wrong with it.
        return None
    is_coco = isinstance(document, dict) and bool({"annotations", "videos"} & document.keys())
    return coco_boxes(document, path) if is_coco else None


def _is_box_folder(path: Path) -> bool:
    labels = path / "labels"
    return (path / "gt" / "gt.txt").is_file() or any(
        label_files(labels if labels.is_dir() else path)
    )

"""Boxes from a COCO file of instances."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from track_anything.errors import PromptError
from track_anything.prompts.imported import BoxFile, ImportedBox, frames_of_names

_FRAME_KEYS = ("frame_index", "frame_id")
_ID_KEYS = ("track_id", "instance_id")


def coco_boxes(document: Mapping[str, Any], path: Path) -> BoxFile:
    """The boxes of a COCO document; crowds are left out.

    The frame of an image is its "frame_index" or "frame_id", else the number in its file name. The
    id of an object is its "track_id", there or among its attributes, or its "instance_id".

    Raises:
        PromptError: If it is no COCO file, or an annotation has no box or no image.
    """
    if "videos" in document and "images" not in document:
        raise PromptError(f"{path}: is a YouTube-VIS file; a COCO file has images and annotations")
    images = _by_id(document, "images", path)
    names = {
        number: str(one["name"]) for number, one in _by_id(document, "categories", path).items()
    }
    stems = {number: Path(str(one.get("file_name", ""))).stem for number, one in images.items()}
    frames = _frames(images, stems, path)
    found = []
    for number, one in enumerate(_list(document, "annotations", path), start=1):
        place = f"{path}: annotation {number}"
        if not isinstance(one, dict):
            raise PromptError(f"{place}: expected an object, got {one!r:.60}")
        if one.get("iscrowd"):
            continue
        image = one.get("image_id")
        if image not in images:
            raise PromptError(f"{place}: there is no image with the id {image!r}")
        left, top, width, height = _box(one.get("bbox"), place)
        found.append(
            ImportedBox(
                place=place,
                picture=stems[image],
                frame=frames[image],
                box=(left, top, left + width, top + height),
                track_id=_track_id(one, place),
                label=names.get(one.get("category_id"), ""),
            )
        )
    return BoxFile(found, tuple(names[number] for number in sorted(names)))


def _frames(
    images: Mapping[Any, Mapping[str, Any]], stems: Mapping[Any, str], path: Path
) -> Mapping[Any, int | None]:
    for key in _FRAME_KEYS:
        if images and all(isinstance(one.get(key), int) for one in images.values()):
            return {number: int(one[key]) for number, one in images.items()}
    try:
        numbered = frames_of_names(stems.values(), path)
    except PromptError:
        # Pictures of several folders: fine where they are found by name and not by number.
        return dict.fromkeys(images)
    return {number: numbered[stem] for number, stem in stems.items()}


def _box(value: Any, place: str) -> list[float]:
    is_numbers = isinstance(value, list) and all(isinstance(v, int | float) for v in value)
    if not is_numbers or len(value) != 4:
        raise PromptError(f"{place}: expected bbox [LEFT, TOP, WIDTH, HEIGHT], got {value!r:.60}")
    return [float(side) for side in value]


def _track_id(one: Mapping[str, Any], place: str) -> int | None:
    attributes = one.get("attributes")
    places = [one, attributes if isinstance(attributes, dict) else {}]
    value = next((d[key] for d in places for key in _ID_KEYS if d.get(key) is not None), None)
    if value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise PromptError(f"{place}: an id is a whole number, got {value!r:.60}") from error


def _by_id(document: Mapping[str, Any], key: str, path: Path) -> dict[Any, Mapping[str, Any]]:
    found: dict[Any, Mapping[str, Any]] = {}
    for number, one in enumerate(_list(document, key, path), start=1):
        needed = ("id", "name") if key == "categories" else ("id",)
        if not isinstance(one, dict) or not all(each in one for each in needed):
            raise PromptError(f"{path}: {key}, entry {number}: expected {' and '.join(needed)}")
        found[one["id"]] = one
    return found


def _list(document: Mapping[str, Any], key: str, path: Path) -> Sequence[Any]:
    value = document.get(key, [] if key == "categories" else None)
    if not isinstance(value, list):
        raise PromptError(f"{path}: expected a COCO file with a list of {key}")
    return value

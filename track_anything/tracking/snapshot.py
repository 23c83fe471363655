"""The propagator's state as bytes and back: NumPy archives, no pickle."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from track_anything.config import PropagatorConfig
from track_anything.errors import TrackingError
from track_anything.structures import Image
from track_anything.tracking.appearance import SampleMemory
from track_anything.tracking.carried import Carried, new_object
from track_anything.tracking.features import FEATURE_COUNT, Rect
from track_anything.tracking.state_archive import pack_state, unpack_state

FORMAT = 5
_NUMBERS = (
    "level",
    "area",
    "key_area",
    "key_elongation",
    "compactness",
    "side",
    "frames_since_key",
    "first_frame",
    "lost_frames",
    "found_count",
    "is_touched",
)
_RECTS = ("rect", "lost_rect", "found_rect")


@dataclass(frozen=True, slots=True, eq=False)
class ObjectParts:
    """All that is kept of one object.

    Attributes:
        fields: Ready for JSON.
        arrays: By name.
    """

    fields: dict[str, Any]
    arrays: dict[str, np.ndarray]


def pack_objects(
    objects: Mapping[int, ObjectParts], previous: Image | None, size: tuple[int, int]
) -> bytes:
    """Everything the next frame depends on."""
    arrays: dict[str, np.ndarray] = {}
    meta: dict[str, Any] = {
        "format": FORMAT,
        "features": FEATURE_COUNT,
        "size": list(size),
        "objects": {},
    }
    if previous is not None:
        arrays["previous"] = previous
    for track_id, parts in sorted(objects.items()):
        meta["objects"][str(track_id)] = parts.fields
        for name, values in parts.arrays.items():
            arrays[f"{track_id}/{name}"] = values
    return pack_state(meta, arrays)


def unpack_objects(
    state: bytes, config: PropagatorConfig
) -> tuple[dict[int, Carried], Image | None, tuple[int, int]]:
    """What pack_objects was given.

    Raises:
        TrackingError: If the bytes are not such a state, or of another version.
    """
    try:
        said, arrays = unpack_state(state)
        meta = dict(said)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        # TypeError: a lone .npy array, or meta that is no mapping.
        raise TrackingError(f"not a saved state of this propagator ({error})") from error
    if meta.get("format") != FORMAT or meta.get("features") != FEATURE_COUNT:
        raise TrackingError(
            f"saved state has format {meta.get('format')} with {meta.get('features')} features, "
            f"expected {FORMAT} with {FEATURE_COUNT}: track again from the start"
        )
    objects = {
        int(track_id): from_parts(
            int(track_id), ObjectParts(fields, _arrays_of(track_id, arrays)), config
        )
        for track_id, fields in meta["objects"].items()
    }
    return objects, arrays.get("previous"), (meta["size"][0], meta["size"][1])


def _arrays_of(track_id: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    own = f"{track_id}/"
    return {name.removeprefix(own): a for name, a in arrays.items() if name.startswith(own)}


def to_parts(carried: Carried) -> ObjectParts:
    """What from_parts makes the same object of; its arrays are the object's own."""
    fields: dict[str, Any] = {name: getattr(carried, name) for name in _NUMBERS}
    for name in _RECTS:
        rect = getattr(carried, name)
        fields[name] = rect and [rect.x_min, rect.y_min, rect.x_max, rect.y_max]
    fields["random"] = carried.random.bit_generator.state
    fields["step_count"] = carried.model.step_count
    fields["counts"] = [carried.keys.count, carried.recent.count]
    arrays = {
        "soft": carried.soft,
        "colors": carried.colors,
        "keys": carried.keys.filled,
        "recent": carried.recent.filled,
    }
    if carried.hidden is not None:
        arrays["hidden"] = carried.hidden
    return ObjectParts(fields, {**arrays, **carried.model.arrays()})


def from_parts(track_id: int, parts: ObjectParts, config: PropagatorConfig) -> Carried:
    """The object that to_parts was given.

    Raises:
        TrackingError: If it was made with other settings of the appearance model.
    """
    carried = new_object(config, 0, track_id, np.ones((1, 1), bool))
    fields, own = parts.fields, parts.arrays
    for name in _NUMBERS:
        setattr(carried, name, fields[name])
    for name in _RECTS:
        setattr(carried, name, Rect(*fields[name]) if fields[name] else None)
    carried.colors = own["colors"]
    carried.soft, carried.hidden = own["soft"], own.get("hidden")
    carried.random.bit_generator.state = fields["random"]
    _fill_memory(carried.keys, own["keys"], fields["counts"][0])
    _fill_memory(carried.recent, own["recent"], fields["counts"][1])
    carried.model.load_arrays(own)
    carried.model.step_count = fields["step_count"]
    return carried


def _fill_memory(memory: SampleMemory, filled: np.ndarray, count: int) -> None:
    if filled.shape[1:] != memory.samples.shape[1:] or len(filled) > len(memory.samples):
        raise TrackingError("saved state was made with other settings of the appearance model")
    memory.samples[: len(filled)] = filled
    memory.count = count

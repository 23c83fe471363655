"""Results that are held back as bytes and back: all but their pictures, which are given again."""

import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from track_anything.errors import DatasetError, TrackingError
from track_anything.masks import mask_box, whole_logits
from track_anything.rle import mask_to_compressed_rle, rle_to_mask
from track_anything.structures import (
    Event,
    EventKind,
    Floats,
    Frame,
    FrameResult,
    LogitsPart,
    ObjectMask,
    Origin,
    State,
)
from track_anything.tracking.state_archive import pack_state, unpack_state

Held = tuple[FrameResult, Mapping[int, Floats | LogitsPart], frozenset[int], frozenset[int]]
"""A result, the logits behind its masks by track_id, which tracks are doubted, which are final."""


def pack_held(held: Sequence[Held]) -> bytes:
    """Everything about results that are held back but their frames."""
    arrays: dict[str, np.ndarray] = {}
    said = []
    for number, (result, logits, doubted, final) in enumerate(held):
        fills = {}
        for track_id, found in logits.items():
            values = whole_logits(found)
            # Nearly all of it is one value, far from the object: only the rest is kept.
            fill = values.flat[0]
            x_min, y_min, x_max, y_max = mask_box(values != fill).astype(int).tolist()
            arrays[f"{number}/{track_id}"] = values[y_min:y_max, x_min:x_max]
            fills[str(track_id)] = [float(fill), list(values.shape), y_min, x_min]
        said.append(
            {
                "objects": [_object_record(one) for one in result.objects],
                "events": [[one.kind, one.track_id, one.detail] for one in result.events],
                "doubted": sorted(doubted),
                "final": sorted(final),
                "logits": fills,
            }
        )
    return pack_state(said, arrays)


def unpack_held(data: bytes, frames: Sequence[Frame]) -> list[Held]:
    """What pack_held was given, on these frames.

    Raises:
        TrackingError: If the bytes are no such results, or of another number of frames.
    """
    try:
        said, arrays = unpack_state(data)
        if len(said) != len(frames):
            raise TrackingError(
                f"saved state holds back {len(said)} results, got {len(frames)} frames"
            )
        return [
            _held(number, one, frame, arrays)
            for number, (one, frame) in enumerate(zip(said, frames, strict=True))
        ]
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        zipfile.BadZipFile,
        DatasetError,
    ) as error:
        raise TrackingError(f"not results that were held back ({error})") from error


def _held(number: int, said: Mapping[str, Any], frame: Frame, arrays: Mapping[str, Any]) -> Held:
    events = [Event(EventKind(kind), track_id, detail) for kind, track_id, detail in said["events"]]
    logits = {}
    for name, (fill, size, y_min, x_min) in said["logits"].items():
        part = arrays[f"{number}/{name}"]
        values = np.full(size, fill, np.float32)
        values[y_min : y_min + part.shape[0], x_min : x_min + part.shape[1]] = part
        logits[int(name)] = values
    objects = [_object(one) for one in said["objects"]]
    result = FrameResult(frame, objects, events)
    return result, logits, frozenset(said["doubted"]), frozenset(said["final"])


def _object_record(one: ObjectMask) -> dict[str, Any]:
    return {
        "id": one.track_id,
        "mask": mask_to_compressed_rle(one.mask),
        "box": one.box.tolist(),
        "confidence": float(one.confidence),
        "state": one.state,
        "origin": one.origin,
        "label": one.label,
    }


def _object(said: Mapping[str, Any]) -> ObjectMask:
    return ObjectMask(
        track_id=said["id"],
        mask=rle_to_mask(said["mask"]),
        box=np.array(said["box"], np.float32),
        confidence=said["confidence"],
        state=State(said["state"]),
        origin=Origin(said["origin"]),
        label=said["label"],
    )

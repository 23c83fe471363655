"""A schedule as JSON and back, complete: masks and logits are in it, no file is needed."""

import base64
from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from track_anything.errors import PromptError
from track_anything.prompts.schedule import PromptSchedule, ScheduledObject, TimedPrompt
from track_anything.prompts.spec import Hints, ObjectSpec, TimeCode
from track_anything.rle import mask_to_compressed_rle, rle_to_mask
from track_anything.structures import Prompt

FORMAT = 1


def schedule_record(schedule: PromptSchedule) -> dict[str, Any]:
    """All that a schedule was made of, as JSON can hold it; what was asked already included."""
    return {
        "format": FORMAT,
        "half_frame": _fraction_text(schedule.half_frame),
        "objects": [_object_record(item) for item in schedule.objects],
    }


def schedule_of(record: Mapping[str, Any]) -> PromptSchedule:
    """A schedule that nothing was asked of yet, from schedule_record.

    Raises:
        PromptError: If it is no such record, or of another version.
    """
    if record.get("format") != FORMAT:
        raise PromptError(f"stored prompts have format {record.get('format')}, expected {FORMAT}")
    try:
        objects = [_object(one) for one in record["objects"]]
        frame_rate = 1 / (2 * Fraction(record["half_frame"]))
    except (KeyError, TypeError) as error:
        raise PromptError(f"stored prompts are incomplete ({error!r})") from error
    return PromptSchedule(objects, frame_rate=frame_rate)


def moment_record(moment: TimeCode) -> dict[str, Any]:
    """A time code, exact."""
    if moment.frame_index is not None:
        return {"frame": moment.frame_index}
    return {"seconds": _fraction_text(moment.value)}


def moment_of(record: Mapping[str, Any]) -> TimeCode:
    """What moment_record was given."""
    if "frame" in record:
        return TimeCode(frame_index=record["frame"])
    return TimeCode(seconds=Fraction(record["seconds"]))


def _object_record(item: ScheduledObject) -> dict[str, Any]:
    return {
        "id": item.track_id,
        "name": item.name,
        "prompts": [
            {"at": moment_record(timed.at), **_prompt_record(timed.prompt)}
            for timed in item.prompts
        ],
        "absent": _ranges_record(item.absent),
        "said": None if item.spec is None else _spec_record(item.spec),
    }


def _object(record: Mapping[str, Any]) -> ScheduledObject:
    prompts = [TimedPrompt(moment_of(one["at"]), _prompt(one)) for one in record["prompts"]]
    spec = None if record["said"] is None else _spec(record["said"])
    return ScheduledObject(
        record["id"], record["name"], tuple(prompts), _ranges(record["absent"]), spec
    )


def _prompt_record(prompt: Prompt) -> dict[str, Any]:
    logits = None
    if prompt.logits is not None:
        data = np.ascontiguousarray(prompt.logits, "<f4")
        text = base64.b64encode(data.tobytes()).decode("ascii")
        logits = {"size": list(data.shape), "float32": text}
    return {
        "points": prompt.points.tolist(),
        "labels": prompt.labels.tolist(),
        "box": None if prompt.box is None else prompt.box.tolist(),
        "logits": logits,
        "mask": None if prompt.mask is None else mask_to_compressed_rle(prompt.mask),
        "is_absent": prompt.is_absent,
        "track_id": prompt.track_id,
        "label": prompt.label,
    }


def _prompt(record: Mapping[str, Any]) -> Prompt:
    logits = None
    if record["logits"] is not None:
        data = base64.b64decode(record["logits"]["float32"])
        logits = np.frombuffer(data, "<f4").astype(np.float32).reshape(record["logits"]["size"])
    return Prompt(
        points=np.array(record["points"], np.float32).reshape(-1, 2),
        labels=np.array(record["labels"], np.int64),
        box=None if record["box"] is None else np.array(record["box"], np.float32),
        logits=logits,
        mask=None if record["mask"] is None else rle_to_mask(record["mask"]),
        is_absent=record["is_absent"],
        track_id=record["track_id"],
        label=record["label"],
    )


def _spec_record(spec: ObjectSpec) -> dict[str, Any]:
    said = {field.name: getattr(spec, field.name) for field in fields(spec)}
    return said | {
        "hints": [_hints_record(hints) for hints in spec.hints],
        "absent": _ranges_record(spec.absent),
    }


def _spec(record: Mapping[str, Any]) -> ObjectSpec:
    hints = tuple(_hints(one) for one in record["hints"])
    return ObjectSpec(**{**record, "hints": hints, "absent": _ranges(record["absent"])})


def _hints_record(hints: Hints) -> dict[str, Any]:
    said = {field.name: getattr(hints, field.name) for field in fields(hints)}
    mask = None if hints.mask is None else str(hints.mask)
    return said | {"at": moment_record(hints.at), "mask": mask}


def _hints(record: Mapping[str, Any]) -> Hints:
    said = {name: _tuples(value) for name, value in record.items() if name not in ("at", "mask")}
    mask = None if record["mask"] is None else Path(record["mask"])
    return Hints(at=moment_of(record["at"]), mask=mask, **said)


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples they were."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _ranges_record(ranges: tuple[tuple[TimeCode, TimeCode], ...]) -> list[list[dict[str, Any]]]:
    return [[moment_record(start), moment_record(end)] for start, end in ranges]


def _ranges(record: Any) -> tuple[tuple[TimeCode, TimeCode], ...]:
    return tuple((moment_of(start), moment_of(end)) for start, end in record)


def _fraction_text(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"

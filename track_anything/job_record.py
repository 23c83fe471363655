"""A job as JSON in the run store, complete: what resuming and continuing a run start from."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from track_anything.build import CHECKPOINT_SUFFIXES, OutputParts
from track_anything.config import RunConfig, with_values
from track_anything.errors import ConfigError, DatasetError, VideoError
from track_anything.io.container import STDIN
from track_anything.io.fingerprint import check_unchanged, fingerprint
from track_anything.job import Job, Plan
from track_anything.prompts.stored import moment_of, moment_record, schedule_of, schedule_record

FORMAT = 1
_MOMENTS = ("start", "end", "duration")

# What changes no mask: a run may go on with other values, since all files are written anew.
_FREE = ("parts", "config.write", "config.style", "config.read.prefetch_frames")


def job_record(plan: Plan) -> dict[str, Any]:
    """Everything a plan was made of, with everything automatic decided."""
    job = plan.job
    return {
        "format": FORMAT,
        "folder": os.getcwd(),
        "input": job.input,
        "fingerprint": None if job.input == STDIN else fingerprint(job.input),
        "prompts": schedule_record(plan.schedule),
        "config": asdict(job.config),
        "device": job.device,
        "parts": asdict(job.parts),
        **{
            name: None if moment is None else moment_record(moment)
            for name in _MOMENTS
            for moment in [getattr(job, name)]
        },
    }


def job_of(record: Mapping[str, Any], output: Path) -> Job:
    """The job of a record, with an input that may be in another place relative to here.

    Raises:
        DatasetError: If it is no such record, or of another version.
    """
    if record.get("format") != FORMAT:
        raise DatasetError(
            f"{output}: its job has format {record.get('format')}, expected {FORMAT}: it was "
            "written by another version of track-anything"
        )
    folder = record["folder"]
    try:
        config = with_values(RunConfig(), record["config"])
    except ConfigError as error:
        raise DatasetError(
            f"{output}: its settings are not those of this version ({error})"
        ) from error
    moments: dict[str, Any] = {
        name: None if record[name] is None else moment_of(record[name]) for name in _MOMENTS
    }
    return Job(
        input=_from(folder, record["input"]),
        prompts=schedule_of(record["prompts"]),
        output=output,
        config=replace(config, segmenter=_segmenter(folder, config.segmenter)),
        device=record["device"],
        parts=OutputParts(**record["parts"]),
        **moments,
    )


def check_input(record: Mapping[str, Any], path: str, sha256: str | None) -> None:
    """Refuse an input that is not the one the record was made with.

    Raises:
        VideoError: If it was changed, or came from standard input.
    """
    known = record["fingerprint"]
    if known is None:
        raise VideoError(
            "a run on standard input cannot be gone on with: what came is gone; track again"
        )
    check_unchanged(path, known, sha256)


def difference(asked: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """The first thing in which two records would give other masks, in words; "" if none."""
    left, right = dict(_flat(asked)), dict(_flat(known))
    for key in [*left, *(key for key in right if key not in left)]:
        if key in ("folder", "input") or key.startswith(("fingerprint", *_FREE)) or ".said." in key:
            continue
        if left.get(key) == right.get(key):
            continue
        if key.startswith("prompts"):
            return "other prompts"
        return f"{key.removeprefix('config.')} {right.get(key)}, not {left.get(key)}"
    return ""


def _flat(record: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(record, Mapping):
        for key, value in record.items():
            yield from _flat(value, f"{place}.{key}" if place else str(key))
    elif isinstance(record, list | tuple):
        for number, value in enumerate(record):
            yield from _flat(value, f"{place}.{number}")
    else:
        yield place, record


def _from(folder: str, path: str) -> str:
    """A path that was relative to another folder."""
    return path if os.getcwd() == folder else os.path.join(folder, path)


def _segmenter(folder: str, name: str) -> str:
    is_path = Path(name).suffix.lower() in CHECKPOINT_SUFFIXES or os.sep in name
    return _from(folder, name) if is_path else name

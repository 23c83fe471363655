"""Prompts: what the user says of objects, from text and files to the frames it belongs to."""

from track_anything.prompts.build import build_schedule, join_objects
from track_anything.prompts.file import read_prompt_file, write_prompt_file
from track_anything.prompts.imported import BoxFile, ImportedBox
from track_anything.prompts.importing import read_boxes, read_prompts
from track_anything.prompts.options import (
    PromptSpec,
    objects_from_options,
    parse_background_point,
    parse_box,
    parse_mask,
    parse_point,
)
from track_anything.prompts.schedule import (
    PromptSchedule,
    ScheduledObject,
    TimedPrompt,
    merge_prompts,
)
from track_anything.prompts.spec import (
    FIRST_FRAME,
    Hints,
    Moment,
    ObjectSpec,
    TimeCode,
    as_moment,
    parse_time,
)

__all__ = [
    "FIRST_FRAME",
    "BoxFile",
    "Hints",
    "ImportedBox",
    "Moment",
    "ObjectSpec",
    "PromptSchedule",
    "PromptSpec",
    "ScheduledObject",
    "TimeCode",
    "TimedPrompt",
    "as_moment",
    "build_schedule",
    "join_objects",
    "merge_prompts",
    "objects_from_options",
    "parse_background_point",
    "parse_box",
    "parse_mask",
    "parse_point",
    "parse_time",
    "read_boxes",
    "read_prompt_file",
    "read_prompts",
    "write_prompt_file",
]

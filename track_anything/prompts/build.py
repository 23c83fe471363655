"""A schedule from what the user said, checked against the video before the first frame."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from track_anything.boxes import box_area, clip_box
from track_anything.errors import PromptError
from track_anything.prompts.mask_labels import Labels, read_object_labels
from track_anything.prompts.schedule import (
    NO_PROMPTS,
    PromptSchedule,
    ScheduledObject,
    TimedPrompt,
)
from track_anything.prompts.spec import Hints, ObjectSpec, TimeCode
from track_anything.structures import Floats, Mask, Prompt, VideoInfo

_log = logging.getLogger(__name__)


def build_schedule(objects: Sequence[ObjectSpec], info: VideoInfo) -> PromptSchedule:
    """The prompts of all objects, by frame, in pixels of the frames delivered.

    Objects of one name are one object. Ids count from 1 in the order of first mention, around
    those that are fixed. A mask of several labels that has no name becomes one object per label.

    Raises:
        PromptError: If there are none, two objects claim one id, or a box, point, mask or time is
            not inside the video.
    """
    masks = _MaskFiles((info.source_height, info.source_width))
    in_pixels = [_in_pixels(item, info) for item in join_objects(objects)]
    split = [part for item in in_pixels for part in _split_labels(item, masks)]
    if not split:
        raise PromptError(NO_PROMPTS)
    fixed = [item.track_id for item, _ in split if item.track_id is not None]
    if twice := next((track_id for track_id in fixed if fixed.count(track_id) > 1), None):
        raise PromptError(f"two objects have the id {twice}: give each its own or none")
    free = (number for number in count(1) if number not in fixed)
    scheduled = []
    for item, label in split:
        track_id = item.track_id or next(free)
        title = item.title if item.name else f"object {track_id}"
        _check_times(item, title, info)
        prompts = [
            TimedPrompt(hints.at, _prompt(hints, label, item.name, track_id, title, info, masks))
            for hints in item.hints
        ]
        scheduled.append(ScheduledObject(track_id, item.name, tuple(prompts), item.absent, item))
    return PromptSchedule(scheduled, frame_rate=info.frame_rate)


def join_objects(objects: Sequence[ObjectSpec]) -> list[ObjectSpec]:
    """The same objects with those of one name made one, in the order of first mention.

    Raises:
        PromptError: If two parts of one object contradict each other.
    """
    joined: list[ObjectSpec] = []
    for item in objects:
        known = next((i for i, other in enumerate(joined) if item.name == other.name != ""), None)
        if known is None:
            joined.append(item)
            continue
        other = joined[known]
        if item.track_id and other.track_id and item.track_id != other.track_id:
            raise PromptError(
                f"{item.title} has two ids, {other.track_id} and {item.track_id}: give one"
            )
        joined[known] = replace(
            other,
            track_id=other.track_id or item.track_id,
            hints=other.hints + item.hints,
            absent=other.absent + item.absent,
        )
    return joined


class _MaskFiles:
    """Label maps of mask files, each read once."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._known: dict[Path, Labels] = {}

    def labels(self, path: Path) -> Labels:
        """(H, W): 0 background; one mask has the label 1 only."""
        if path not in self._known:
            self._known[path] = _read_labels(path, self._size)
        return self._known[path]


def _read_labels(path: Path, size: tuple[int, int]) -> Labels:
    labels = read_object_labels(path)
    if labels.shape != size:
        height, width = labels.shape
        raise PromptError(
            f"{path}: a mask has the size of the video, {size[1]}x{size[0]}, got {width}x{height}"
        )
    if not labels.any():
        raise PromptError(
            f"{path}: the mask is empty; where an object is not visible, say so with absent"
        )
    return labels


def _in_pixels(item: ObjectSpec, info: VideoInfo) -> ObjectSpec:
    """An object whose boxes and points are all in pixels of the source."""
    if not any(hints.is_relative for hints in item.hints):
        return item
    width, height = info.source_width, info.source_height
    moved = []
    for hints in item.hints:
        if hints.is_relative:
            box = hints.box
            if box is not None:
                box = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
            points = tuple((x * width, y * height) for x, y in hints.points)
            background = tuple((x * width, y * height) for x, y in hints.background_points)
            hints = replace(
                hints, box=box, points=points, background_points=background, is_relative=False
            )
        moved.append(hints)
    return replace(item, hints=tuple(moved))


def _split_labels(item: ObjectSpec, masks: _MaskFiles) -> list[tuple[ObjectSpec, int | None]]:
    if not item.splits_mask or item.name:
        return [(item, None)]
    paths = [hints.mask for hints in item.hints if hints.mask is not None]
    found = sorted({int(label) for path in paths for label in np.unique(masks.labels(path))} - {0})
    return [(item, label) for label in found]


def _prompt(
    hints: Hints,
    label: int | None,
    name: str,
    track_id: int,
    title: str,
    info: VideoInfo,
    masks: _MaskFiles,
) -> Prompt:
    mask = None
    if hints.mask is not None:
        labels = masks.labels(hints.mask)
        value = label if hints.mask_label is None else hints.mask_label
        given_mask = labels > 0 if value is None else labels == value
        if not given_mask.any():
            raise PromptError(f"{hints.mask}: no pixel has the value {value}")
        mask = _scaled_mask(given_mask, info)
        if not mask.any():
            raise PromptError(f"{hints.mask}: nothing is left at {info.width}x{info.height}")
    scale = np.array([info.width / info.source_width, info.height / info.source_height], np.float32)
    where = f"{title} at {hints.at}"
    box = None
    if hints.box is not None:
        box = _clipped(hints.box, where, info) * np.tile(scale, 2)
    given = [*hints.points, *hints.background_points]
    for x, y in given:
        if not (0 <= x < info.source_width and 0 <= y < info.source_height):
            raise PromptError(
                f"{where}: the point {x:g},{y:g} is outside the frame, "
                f"{info.source_width}x{info.source_height}"
            )
    labels_of_points = [1] * len(hints.points) + [0] * len(hints.background_points)
    return Prompt(
        points=np.array(given, np.float32).reshape(-1, 2) * scale,
        labels=np.array(labels_of_points, np.int64),
        box=box,
        mask=mask,
        track_id=track_id,
        label=name,
    )


def _clipped(box: tuple[float, float, float, float], where: str, info: VideoInfo) -> Floats:
    given = np.array(box, np.float32)
    clipped = clip_box(given, (info.source_height, info.source_width))
    text = ",".join(f"{value:g}" for value in box)
    frame = f"{info.source_width}x{info.source_height}"
    if not box_area(clipped):
        raise PromptError(f"{where}: the box {text} is outside the frame, {frame}")
    if not np.array_equal(given, clipped):
        _log.warning("%s: the box %s reaches outside the frame, %s: cut off", where, text, frame)
    return clipped


def _scaled_mask(mask: Mask, info: VideoInfo) -> Mask:
    if mask.shape == info.size:
        return mask
    scaled = cv2.resize(
        mask.view(np.uint8), (info.width, info.height), interpolation=cv2.INTER_NEAREST
    )
    return np.asarray(scaled > 0)


def _check_times(item: ObjectSpec, title: str, info: VideoInfo) -> None:
    for hints in item.hints:
        _check_time(hints.at, f"{title}: the prompt at {hints.at}", info)
    if not item.is_correction:
        _check_beginning(item, title, info)
    for start, end in item.absent:
        _check_time(start, f"{title}: absent from {start}", info, may_be_early=True)
        if end.seconds is not None and end.seconds <= info.start_time:
            raise PromptError(
                f"{title}: absent until {end} ends before the first frame, "
                f"at {_text(info.start_time)} s"
            )


def _check_beginning(item: ObjectSpec, title: str, info: VideoInfo) -> None:
    first = min(item.hints, key=lambda hints: _seconds(hints.at, info))
    together = [hints for hints in item.hints if hints.at == first.at]
    if not any(hints.is_positive for hints in together):
        raise PromptError(
            f"{title} begins at {first.at} with background points only: "
            "add a box, a point on it or a mask there"
        )


def _check_time(time: TimeCode, what: str, info: VideoInfo, *, may_be_early: bool = False) -> None:
    # Containers estimate their length and round their times: one frame of tolerance.
    frame = 1 / info.frame_rate
    if time.frame_index is not None:
        if info.frame_count is not None and time.frame_index > info.frame_count:
            raise PromptError(
                f"{what} is past the end: the video has {info.frame_count} frames, 0f to "
                f"{info.frame_count - 1}f"
            )
        return
    if time.value < info.start_time - frame and not may_be_early:
        raise PromptError(
            f"{what} is before the first frame, which is at {_text(info.start_time)} s; "
            "times count in the source's own timeline"
        )
    if info.duration is not None and time.value > info.start_time + info.duration + frame:
        raise PromptError(
            f"{what} is past the end: the video lasts {_text(info.duration)} s, until "
            f"{_text(info.start_time + info.duration)} s"
        )


def _seconds(time: TimeCode, info: VideoInfo) -> Fraction:
    if time.frame_index is None:
        return time.value
    return info.start_time + time.frame_index / info.frame_rate


def _text(seconds: Fraction) -> str:
    return f"{float(seconds):.3f}".rstrip("0").rstrip(".")

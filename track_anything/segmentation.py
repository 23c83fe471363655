"""Masks on one picture: `segment` reads it, asks a segmenter, and returns all that came of it."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from track_anything.api import PromptsGiven, as_prompts
from track_anything.boxes import grow_box
from track_anything.build import SegmenterSpec, build_segmenter, choose_segmenter
from track_anything.config import ReadConfig
from track_anything.errors import ConfigError, PromptError, VideoError
from track_anything.interfaces import Segmenter
from track_anything.io.sources import open_source
from track_anything.job import Prompts
from track_anything.masks import mask_box, mask_logits
from track_anything.prompts import (
    FIRST_FRAME,
    Moment,
    ObjectSpec,
    PromptSchedule,
    TimeCode,
    as_moment,
    build_schedule,
)
from track_anything.rle import mask_to_rle
from track_anything.structures import Frame, Image, Mask, MaskPrediction, Prompt, VideoInfo

ROUGH_MASK_SIDE = 256
"""Longer side of the logits a rough mask becomes: what SAM takes."""
ROUGH_BOX_GROWTH = 0.1
"""A rough mask may be too small; its box is grown by this share on each side."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentedObject:
    """One object of a picture.

    Attributes:
        track_id: As in a run with the same prompts.
        name: "" for none.
        prompt: What the segmenter was told, in pixels of the picture.
        candidates: Its answers, best first, at least one.
    """

    track_id: int
    name: str
    prompt: Prompt
    candidates: Sequence[MaskPrediction]

    @property
    def mask(self) -> Mask:
        """The best candidate's."""
        return self.candidates[0].mask

    def to_dict(self, *, all_candidates: bool = False) -> dict[str, Any]:
        """Ready for JSON; masks are COCO run lengths, predicted_iou is None for a given mask."""
        best, *_ = described = [self._describe(each) for each in self.candidates]
        said = {"id": self.track_id, "name": self.name, **best}
        return said | {"candidates": described} if all_candidates else said

    def _describe(self, candidate: MaskPrediction) -> dict[str, Any]:
        stability = getattr(candidate, "stability_score", None)
        return {
            "box": mask_box(candidate.mask).tolist(),
            "area": int(np.count_nonzero(candidate.mask)),
            "predicted_iou": None if self.prompt.is_answer else round(candidate.predicted_iou, 4),
            "stability_score": None if stability is None else round(stability, 4),
            "segmentation": mask_to_rle(candidate.mask),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Segmentation:
    """What came of one picture.

    Attributes:
        input: As given; "" for an array.
        segmenter: Its name.
        reason: Why that one, in one line.
        frame: The picture.
        objects: By ascending track_id.
    """

    input: str
    segmenter: str
    reason: str
    frame: Frame
    objects: Sequence[SegmentedObject]

    @property
    def masks(self) -> Mapping[int, Mask]:
        """The best mask of every object, by track_id."""
        return {each.track_id: each.mask for each in self.objects}

    def to_dict(self, *, all_candidates: bool = False) -> dict[str, Any]:
        """Ready for JSON; boxes and masks are in pixels of the picture as it was segmented."""
        height, width = self.frame.image.shape[:2]
        return {
            "input": self.input,
            "time": float(self.frame.time),
            "width": width,
            "height": height,
            "segmenter": self.segmenter,
            "objects": [each.to_dict(all_candidates=all_candidates) for each in self.objects],
        }


def segment(
    picture: str | Path | Image,
    prompts: PromptsGiven,
    *,
    at: Moment | None = None,
    segmenter: str | Segmenter = "auto",
    device: str = "auto",
    max_side: int = 0,
    refine: bool = False,
    seed: int = 0,
) -> Segmentation:
    """Segment objects on one picture, or on one frame of a video.

    Args:
        picture: A file that `track` would take, or an image in the standard form.
        prompts: As `track` takes them. Of prompts for several moments those for `at` count; if
            none is for it, those without a time.
        at: Which frame of a video; None is the one moment that the prompts are for.
        segmenter: A name as on the command line, the path of a checkpoint, or a segmenter.
        device: Where a segmenter with weights runs: auto, cpu, cuda, mps.
        max_side: Scale the picture down to this longest side; 0 keeps the size.
        refine: Masks among the prompts are rough and the segmenter improves them, with the boxes
            and points beside them; without it they are final.
        seed: Fixes every random choice.

    Raises:
        VideoError: If the picture cannot be read.
        PromptError: If the prompts do not fit it.
        ConfigError: If a setting does not fit.
        WeightsError: If the segmenter's weights are not here.
    """
    moment, given = _at_moment(as_prompts(prompts), as_moment(at))
    chosen, reason = _chosen(segmenter)
    info, frame = _read(picture, moment, max_side)
    asked = [_rough(each, info.size) if refine else each for each in _prompts(given, info, frame)]
    hints = [each for each in asked if each.mask is None]
    answers = iter(_answers(chosen, frame, hints, seed=seed, device=device) if hints else ())
    return Segmentation(
        input=info.path,
        segmenter=chosen.name,
        reason=reason,
        frame=frame,
        objects=[
            SegmentedObject(
                track_id=each.track_id or 0,
                name=each.label,
                prompt=each,
                candidates=next(answers) if each.mask is None else _as_given(each.mask),
            )
            for each in asked
        ],
    )


def array_frame(image: Image, *, max_side: int = 0) -> Frame:
    """An image that is in memory as the only frame there is.

    Args:
        image: Standard form.
        max_side: As for files; an image has the size it is to have, so that 0 alone fits.

    Raises:
        ConfigError: If it is not in the standard form, or is to be scaled.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ConfigError(f"an image is (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}")
    if max_side:
        raise ConfigError("max_side scales files: give an image in the size it is to have")
    return Frame(0, Fraction(0), image)


def _at_moment(prompts: Prompts, at: TimeCode | None) -> tuple[TimeCode, Prompts]:
    """The moment of the picture, and its prompts, as those of the first frame read."""
    if isinstance(prompts, Mapping):
        times = [TimeCode(frame_index=index) for index in prompts]
    else:
        times = [hints.at for item in prompts for hints in item.hints]
    times = list(dict.fromkeys(times))
    said = ", ".join(map(str, times))
    if at is None and len(times) > 1:
        raise PromptError(f"the prompts are for several moments, {said}: say at which")
    at = at or next(iter(times), FIRST_FRAME)
    wanted = at if at in times else FIRST_FRAME
    if wanted not in times:
        raise PromptError(f"no prompt is for {at}; there are prompts for {said or 'nothing'}")
    left_out = [time for time in times if time != wanted]
    if left_out:
        _log.warning("left out: prompts for %s", ", ".join(map(str, left_out)))
    if isinstance(prompts, Mapping):
        return at, {0: prompts[wanted.frame_index or 0]}
    return at, _moved(prompts, wanted)


def _moved(objects: Sequence[ObjectSpec], moment: TimeCode) -> list[ObjectSpec]:
    moved = []
    for item in objects:
        hints = tuple(replace(hint, at=FIRST_FRAME) for hint in item.hints if hint.at == moment)
        if hints:
            moved.append(replace(item, hints=hints, absent=()))
    return moved


def _read(picture: str | Path | Image, at: TimeCode, max_side: int) -> tuple[VideoInfo, Frame]:
    if isinstance(picture, np.ndarray):
        alone = array_frame(picture, max_side=max_side)
        height, width = picture.shape[:2]
        return VideoInfo(width=width, height=height), alone
    start: dict[str, Any] = {}
    if at.seconds is not None:
        start["start"] = at.seconds
    elif at.frame_index:
        start["start_frame"] = at.frame_index
    config = ReadConfig(max_side=max_side, prefetch_frames=0)
    with closing(open_source(picture, config=config, **start)) as source:
        frame = next(iter(source), None)
        if frame is None:
            raise VideoError(f"{picture}: no picture at {at}")
        return source.info, replace(frame, index=0)


def _prompts(given: Prompts, info: VideoInfo, frame: Frame) -> Sequence[Prompt]:
    if isinstance(given, Mapping):
        for prompt in given[0]:
            if prompt.mask is not None and prompt.mask.shape != info.size:
                height, width = prompt.mask.shape
                raise PromptError(
                    f"a mask is {width}x{height}, the picture {info.width}x{info.height}"
                )
        schedule = PromptSchedule.from_frames(given)
    else:
        schedule = build_schedule(given, info)
    # The schedule asks when a frame is shown; this one is shown when its prompts are due.
    return [each for each in schedule.at(frame) if not each.is_absent]


def _chosen(segmenter: str | Segmenter) -> tuple[SegmenterSpec | Segmenter, str]:
    return choose_segmenter(segmenter) if isinstance(segmenter, str) else (segmenter, "given")


def _answers(
    chosen: SegmenterSpec | Segmenter,
    frame: Frame,
    prompts: Sequence[Prompt],
    *,
    seed: int,
    device: str,
) -> Sequence[Sequence[MaskPrediction]]:
    """The candidates for every prompt; a segmenter with weights loads them now."""
    asked = (
        build_segmenter(chosen, seed=seed, device=device)
        if isinstance(chosen, SegmenterSpec)
        else chosen
    )
    if asked is None:
        raise PromptError("without a segmenter every prompt is a mask: choose one, or give masks")
    return asked.decode(asked.embed(frame), prompts)


def _rough(prompt: Prompt, size: tuple[int, int]) -> Prompt:
    """A prompt whose mask is a hint: soft, with a box around it unless there is one."""
    if prompt.mask is None:
        return prompt
    shrink = min(1.0, ROUGH_MASK_SIDE / max(size))
    small = (max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink)))
    box = prompt.box
    if box is None and prompt.mask.any():
        box = grow_box(mask_box(prompt.mask), ROUGH_BOX_GROWTH, size)
    return replace(prompt, mask=None, logits=mask_logits(prompt.mask, small), box=box)


def _as_given(mask: Mask) -> Sequence[MaskPrediction]:
    """The only candidate for a mask that is final."""
    return (MaskPrediction(mask, mask_logits(mask, (mask.shape[0], mask.shape[1])), 1.0),)

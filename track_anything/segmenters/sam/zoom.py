"""Which prompts are worth a closer look: crops around objects small against the frame."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from track_anything.boxes import clip_box
from track_anything.masks import mask_box
from track_anything.segmenters.sam.geometry import Crop
from track_anything.structures import Floats, Prompt

OBJECT_SHARE = 1 / 3
"""Of a crop's side that an object alone in it takes: SAM wants to see what is around it."""
SMALLEST_SHARE = 1 / 8
"""Of a crop's side that an object takes at least, where several share the crop."""
LEAST_GAIN = 3.0
"""How many times larger a crop must make things than the whole frame does, to be worth it."""
MOST_MAGNIFICATION = 4.0
"""Input pixels for one of the frame along a side; beyond it there is nothing more to see."""
GROUP_MARGIN = 0.25
"""Of its side that is added around several objects that share a crop."""


@dataclass(frozen=True)
class ZoomPlan:
    """Where each prompt is to be decoded.

    Attributes:
        crops: Parts of the frame, each with the indices of its prompts.
        whole: Indices of the prompts for the whole frame.
    """

    crops: tuple[tuple[Crop, tuple[int, ...]], ...] = ()
    whole: tuple[int, ...] = ()


@dataclass
class _Group:
    """Prompts that share a crop."""

    box: Floats
    largest: float
    smallest: float
    indices: list[int] = field(default_factory=list)


def plan_zoom(
    prompts: Sequence[Prompt],
    frame_size: tuple[int, int],
    *,
    input_size: int,
    encode_budget: int,
    is_whole_ready: bool,
) -> ZoomPlan:
    """Decide where each prompt is decoded.

    A prompt is small if a crop three times as wide as its object is still at least LEAST_GAIN
    times smaller than the frame. Small prompts near one another share a crop. If that takes more
    encodings than the budget, the crops of the largest objects go back to the whole frame.

    Args:
        prompts: Of one frame.
        frame_size: (height, width).
        input_size: Side of the network's input.
        encode_budget: Encodings of this frame allowed, the whole frame's included.
        is_whole_ready: The whole frame is encoded already and costs nothing more.
    """
    extents = [prompt_extent(prompt, frame_size) for prompt in prompts]
    longest = max(frame_size)
    limit = longest / LEAST_GAIN
    least_side = input_size / MOST_MAGNIFICATION
    small = {
        index: extent
        for index, extent in enumerate(extents)
        if extent is not None and max(_side(extent) / OBJECT_SHARE, least_side) <= limit
    }
    groups: list[_Group] = []
    for index in sorted(small, key=lambda index: _side(small[index])):
        _join(groups, small[index], index, limit, least_side)
    groups = _within_budget(groups, len(prompts), encode_budget, is_whole_ready)
    zoomed = {index for group in groups for index in group.indices}
    return ZoomPlan(
        crops=tuple(
            (_crop(group, least_side, frame_size), tuple(sorted(group.indices))) for group in groups
        ),
        whole=tuple(index for index in range(len(prompts)) if index not in zoomed),
    )


def prompt_extent(prompt: Prompt, frame_size: tuple[int, int]) -> Floats | None:
    """The box an object is expected in; None if the prompt does not tell, as points do not."""
    height, width = frame_size
    if prompt.box is not None:
        box = clip_box(prompt.box, frame_size)
    elif prompt.logits is not None:
        rows, columns = prompt.logits.shape
        scale = np.array([width / columns, height / rows] * 2, np.float32)
        box = mask_box(prompt.logits > 0) * scale
    else:
        return None
    if _side(box) <= 0:
        return None
    points = prompt.positive_points
    if len(points):
        low, high = np.minimum(box[:2], points.min(0)), np.maximum(box[2:], points.max(0) + 1)
        box = clip_box(np.concatenate([low, high]).astype(np.float32), frame_size)
    return box


def _side(box: Floats) -> float:
    return float(max(box[2] - box[0], box[3] - box[1]))


def _join(
    groups: list[_Group], extent: Floats, index: int, limit: float, least_side: float
) -> None:
    """Put a prompt into the first group whose crop can take it, or into one of its own."""
    side = _side(extent)
    for group in groups:
        box = np.concatenate(
            [np.minimum(group.box[:2], extent[:2]), np.maximum(group.box[2:], extent[2:])]
        )
        joined = _Group(box, max(group.largest, side), min(group.smallest, side))
        crop_side = _crop_side(joined, least_side, alone=False)
        if crop_side <= min(limit, max(joined.smallest / SMALLEST_SHARE, least_side)):
            group.box, group.largest, group.smallest = box, joined.largest, joined.smallest
            group.indices.append(index)
            return
    groups.append(_Group(extent, side, side, [index]))


def _crop_side(group: _Group, least_side: float, *, alone: bool) -> float:
    around = 0.0 if alone else _side(group.box) * (1 + GROUP_MARGIN)
    return max(group.largest / OBJECT_SHARE, around, least_side)


def _within_budget(
    groups: list[_Group], prompt_count: int, budget: int, is_whole_ready: bool
) -> list[_Group]:
    """The groups of the smallest objects that can be encoded within the budget."""
    kept = sorted(groups, key=lambda group: group.largest)
    while kept:
        zoomed = sum(len(group.indices) for group in kept)
        needs_whole = zoomed < prompt_count and not is_whole_ready
        if len(kept) + needs_whole <= budget:
            return kept
        kept.pop()
    return kept


def _crop(group: _Group, least_side: float, frame_size: tuple[int, int]) -> Crop:
    """A square around the group, moved into the frame; narrower where the frame is."""
    side = round(_crop_side(group, least_side, alone=len(group.indices) == 1))
    bounds = []
    for axis, length in ((0, frame_size[1]), (1, frame_size[0])):
        span = min(side, length)
        centre = float(group.box[axis] + group.box[axis + 2]) / 2
        first = min(max(round(centre - span / 2), 0), length - span)
        bounds.append((first, first + span))
    (left, right), (top, bottom) = bounds
    return left, top, right, bottom

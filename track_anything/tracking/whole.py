"""A compact object of which only a part is followed: asked about at its whole size."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from track_anything.boxes import clip_box, grow_box
from track_anything.config import RepromptConfig
from track_anything.masks import mask_box, mask_share
from track_anything.structures import Mask, MaskPrediction, Prompt
from track_anything.tracking.association import Verdict
from track_anything.tracking.reprompt import inmost_point

SLACK = 0.15
"""A side of the carried box that lacks less than this share of the whole one's is whole."""
LEAST_CONTAINED = 0.6
"""Share of the carried part that an answer must contain."""
LEAST_KNOWN = 0.3
"""Share of an answer that the carried part must be: the last corner of what goes behind another
object does not tell the two apart."""
LEAST_LIKE_IT = 0.6
"""How much the whole object that is answered must be like it in colours, size and shape."""
SPARED, COMPACT_SPARED = 0.6, 0.9
"""Share of another object that must be left when the answer takes pixels from it; the second where
that is compact itself: of a cup nothing can be spared."""


def whole_prompts(
    track_id: int, mask: Mask, extent: tuple[float, float], config: RepromptConfig
) -> list[Prompt]:
    """Prompts with boxes of the object's whole size, one for each way the carried part may lie.

    Args:
        track_id: The track.
        mask: Its carried mask, not empty.
        extent: Width and height of its box when it was last seen whole.
        config: How far the boxes are grown.
    """
    size = mask.shape[0], mask.shape[1]
    x_min, y_min, x_max, y_max = (float(value) for value in mask_box(mask))
    width, height = max(extent[0], x_max - x_min), max(extent[1], y_max - y_min)
    point = inmost_point(mask)
    prompts = []
    for left, top in product(_places(x_min, x_max, width), _places(y_min, y_max, height)):
        whole = clip_box(np.array([left, top, left + width, top + height], np.float32), size)
        whole = grow_box(whole, config.box_growth, size)
        prompts.append(
            Prompt(box=whole, points=point[None], labels=np.array([1]), track_id=track_id)
        )
    return prompts


def _places(low: float, high: float, length: float) -> list[float]:
    """Where the whole may begin that a part from low to high belongs to."""
    slack = length - (high - low)
    if slack < SLACK * length:
        return [low - slack / 2]
    return [low - slack, low - slack / 2, low]


def judge_whole(
    answer: MaskPrediction,
    *,
    carried: Mask,
    resemblances: tuple[float, float],
    others: Sequence[tuple[Mask, bool]],
    config: RepromptConfig,
) -> Verdict:
    """Whether an answer is the whole object of which a part was carried.

    Args:
        answer: Without what belongs to older objects.
        carried: The part.
        resemblances: How much the answer and the part are like the object, 0 to 1.
        others: Masks of the objects that began with it, and whether they are compact.
        config: The limits.
    """
    if not answer.mask.any():
        return Verdict(False, "the answer is empty")
    least = config.accept_predicted_iou
    if answer.predicted_iou < least:
        return Verdict(False, f"predicted IoU {answer.predicted_iou:.2f} is under {least:.2f}")
    held = mask_share(carried, answer.mask)
    if held < LEAST_CONTAINED:
        return Verdict(False, f"contains {held:.2f} of the carried part")
    found, before = resemblances
    if found < max(LEAST_LIKE_IT, before):
        return Verdict(False, f"{found:.2f} like the object in colours, size and shape")
    for other, is_compact in others:
        left = mask_share(other, ~answer.mask)
        if left < (COMPACT_SPARED if is_compact else SPARED):
            return Verdict(False, f"would leave {left:.2f} of another object", is_compact)
    known = mask_share(answer.mask, carried)
    if known < LEAST_KNOWN:
        return Verdict(False, f"of the answer only {known:.2f} were carried")
    return Verdict(True, f"{found:.2f} like the whole object, of which a part was followed")

"""The user's prompts: given ids, and answered by the segmenter."""

from collections.abc import Sequence
from dataclasses import replace

from track_anything.errors import PromptError, TrackingError
from track_anything.interfaces import Segmenter
from track_anything.masks import mask_logits, whole_logits
from track_anything.structures import Floats, Frame, LogitsPart, Mask, MaskPrediction, Prompt


def with_ids(prompts: Sequence[Prompt], next_id: int) -> tuple[list[Prompt], int]:
    """The prompts, all with a track_id, and the next id that is free.

    Args:
        prompts: Those without a track_id are new objects.
        next_id: The lowest id that may be given; ids that prompts have are never given again.
    """
    given = [prompt.track_id for prompt in prompts if prompt.track_id is not None]
    next_id = max([next_id, *(track_id + 1 for track_id in given)])
    out = []
    for prompt in prompts:
        if prompt.track_id is None:
            prompt = replace(prompt, track_id=next_id)
            next_id += 1
        out.append(prompt)
    return out, next_id


def id_of(prompt: Prompt) -> int:
    """The track_id of a prompt that has one.

    Raises:
        TrackingError: If it has none.
    """
    if prompt.track_id is None:
        raise TrackingError("a prompt has no track_id yet")
    return prompt.track_id


def best_answers(
    segmenter: Segmenter | None, frame: Frame, prompts: Sequence[Prompt]
) -> dict[int, MaskPrediction]:
    """By track_id the segmenter's best answer to each prompt, all decoded together.

    Raises:
        PromptError: If there is no segmenter, or it finds nothing for a prompt.
    """
    if not prompts:
        return {}
    if segmenter is None:
        raise PromptError(
            "without a segmenter an object is prompted by its mask, not by a box or points: "
            "choose a segmenter or give masks"
        )
    candidates = segmenter.decode(segmenter.embed(frame), prompts)
    best = {id_of(p): found[0] for p, found in zip(prompts, candidates, strict=True)}
    for track_id, answer in best.items():
        if not answer.mask.any():
            raise PromptError(
                f"frame {frame.index}: nothing was found for object {track_id}: "
                "give a tighter box or more points"
            )
    return best


def refining(prompt: Prompt, carried: Mask, logits: Floats | LogitsPart | None) -> Prompt:
    """A prompt that corrects the mask that is there, if it is of points alone; else as it is.

    Args:
        prompt: A hint.
        carried: The mask of the object, as the user sees it.
        logits: Behind the mask; without them the mask stands for them.
    """
    if prompt.box is not None or prompt.logits is not None or not carried.any():
        return prompt
    return replace(prompt, logits=logits_behind(carried, logits))


def logits_behind(mask: Mask, logits: Floats | LogitsPart | None) -> Floats:
    """The logits of a mask; where there are none, a quarter of its size and made of it."""
    if logits is not None:
        return whole_logits(logits)
    height, width = mask.shape
    return mask_logits(mask, (max(height // 4, 1), max(width // 4, 1)))


def check_size(mask: Mask, size: tuple[int, int], track_id: int) -> None:
    """Refuse a user's mask that is not of the frame's size.

    Raises:
        PromptError: If it is not.
    """
    if mask.shape != size:
        raise PromptError(
            f"the mask of object {track_id} is {mask.shape[1]}x{mask.shape[0]}, "
            f"expected the frame's size"
        )

"""Whether a new mask is the old object, and which object a contested pixel belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from track_anything.config import RepromptConfig
from track_anything.masks import (
    box_slices,
    frame_part,
    mask_box,
    mask_iou,
    probability,
    resize_logits,
)
from track_anything.structures import Floats, LogitsPart, Mask, MaskPrediction

LEAST_OVERLAP_FACTOR = 0.5
"""However bad a carried mask, an answer must overlap it by this share of `accept_iou`."""

LEAST_RESEMBLANCE = 0.45
"""An answer about a lost object must be so much like it, or something else would be taken up; so
must one where hardly anything was left of an object: that is mostly of what covers it. A vaulter
behind a post had .35, a cyclist half behind trees .86."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer is taken, and why not.

    Attributes:
        is_accepted: Whether it is.
        reason: Why, or why not.
        is_anothers: Whether all speaks for it but that it is another object.
    """

    is_accepted: bool
    reason: str
    is_anothers: bool = False


def judge_answer(
    answer: Mask,
    predicted_iou: float,
    *,
    carried: Mask,
    carried_iou: float,
    answer_support: float,
    carried_support: float,
    config: RepromptConfig,
    resemblance: float = 1.0,
) -> Verdict:
    """Whether a segmenter's answer replaces the carried mask of a doubted track.

    Args:
        answer: The segmenter's mask.
        predicted_iou: Its own estimate.
        carried: The propagator's mask; empty while the object is searched for.
        carried_iou: Its estimated IoU: a right answer overlaps it by about as much.
        answer_support: How well the answer fits what the object has looked like, in [-1, 1].
        carried_support: The same for the carried mask.
        config: The limits.
        resemblance: How much the answer is like the object in colours, size and shape, 0 to 1.
    """
    if not answer.any():
        return Verdict(False, "the answer is empty")
    if predicted_iou < config.accept_predicted_iou:
        return Verdict(
            False, f"predicted IoU {predicted_iou:.2f} is under {config.accept_predicted_iou:.2f}"
        )
    overlap = mask_iou(answer, carried)
    least = config.accept_iou * max(carried_iou, LEAST_OVERLAP_FACTOR)
    if carried.any() and overlap < least:
        return Verdict(False, f"IoU {overlap:.2f} with the carried mask is under {least:.2f}")
    if resemblance < LEAST_RESEMBLANCE:
        return Verdict(False, f"{resemblance:.2f} like the object in colours, size and shape")
    gain = answer_support - carried_support
    if gain < config.evidence_gain:
        return Verdict(False, f"fits the object's looks by {gain:+.2f} against the carried mask")
    return Verdict(True, f"IoU {overlap:.2f} with the carried mask, predicted {predicted_iou:.2f}")


def blended(answer: MaskPrediction, carried: Floats, share: float) -> MaskPrediction:
    """An answer drawn towards the carried mask: errors of one that the other does not share go.

    Args:
        answer: The segmenter's.
        carried: (h, w) logits of the carried mask.
        share: Of the answer, in 0 to 1; the carried mask has the rest.
    """
    if share == 1.0:
        return answer
    size = (answer.mask.shape[0], answer.mask.shape[1])
    p = share * probability(resize_logits(answer.logits, size), limit=12)
    p += (1 - share) * probability(resize_logits(carried, size), limit=12)
    small = cv2.resize(p, answer.logits.shape[::-1], interpolation=cv2.INTER_AREA)
    small = np.clip(small, 1e-4, 1 - 1e-4)
    return replace(answer, mask=p > 0.5, logits=np.asarray(np.log(small / (1 - small)), np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """One object's claim to pixels of a frame.

    Attributes:
        track_id: Standard form.
        mask: Standard form.
        box: Tight around it.
        logits: Behind the mask; None for a mask that is certain.
        first_frame: When the track began.
        is_final: The user gave the mask: nothing is taken from it.
    """

    track_id: int
    mask: Mask
    box: Floats
    logits: Floats | LogitsPart | None
    first_frame: int
    is_final: bool = False


def settle_overlaps(claims: Sequence[Claim]) -> list[Claim]:
    """The same claims in the same order, of which no two share a pixel, but for the user's.

    A track loses pixels to tracks that began before it, and to surer ones that began with it;
    never to younger ones. Masks given by the user keep every pixel.
    """
    settled = {claim.track_id: claim for claim in claims}
    ordered = sorted(claims, key=lambda claim: (claim.first_frame, claim.track_id))
    for index, claim in enumerate(ordered):
        for older in ordered[:index]:
            left, top = np.maximum(older.box[:2], claim.box[:2])
            right, bottom = np.minimum(older.box[2:], claim.box[2:])
            if left < right and top < bottom:
                part = box_slices(np.array([left, top, right, bottom]))
                _settle_pair(older.track_id, claim.track_id, settled, part)
    return [settled[claim.track_id] for claim in claims]


def _settle_pair(
    older_id: int, younger_id: int, settled: dict[int, Claim], part: tuple[slice, slice]
) -> None:
    older, younger = settled[older_id], settled[younger_id]
    shared = older.mask[part] & younger.mask[part]
    if not shared.any():
        return
    if older.first_frame < younger.first_frame or older.is_final or younger.is_final:
        is_older = np.ones_like(shared)
        if younger.is_final and not older.is_final and older.first_frame == younger.first_frame:
            is_older = np.zeros_like(shared)
    else:
        is_older = _sureness(older, part) >= _sureness(younger, part)
    if not younger.is_final:
        settled[younger_id] = _without(younger, shared & is_older, part)
    if not older.is_final:
        settled[older_id] = _without(older, shared & ~is_older, part)


def _without(claim: Claim, lost: Mask, part: tuple[slice, slice]) -> Claim:
    within = box_slices(claim.box)
    # Only the pages that are written are got: a whole frame costs several times as much to copy.
    mask = np.zeros(claim.mask.shape, np.bool_)
    mask[within] = claim.mask[within]
    mask[part] &= ~lost
    return replace(claim, mask=mask, box=mask_box(mask, within=within))


def _sureness(claim: Claim, part: tuple[slice, slice]) -> Floats:
    """The logits behind a mask on a part of the frame."""
    size = (claim.mask.shape[0], claim.mask.shape[1])
    if claim.logits is None:
        return np.full(claim.mask[part].shape, np.inf, np.float32)
    known = frame_part(claim.logits, size)
    return resize_logits(claim.logits, size)[part] if known is None else known.on(part)

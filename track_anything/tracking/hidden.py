"""What of an object is behind others: carried by its own motion until it comes out again."""

import cv2
import numpy as np

from track_anything.masks import mask_box
from track_anything.structures import Floats, Mask
from track_anything.tracking.carried import Carried
from track_anything.tracking.features import Rect
from track_anything.tracking.motion import own_motion, shift_soft_mask
from track_anything.tracking.rivals import Logits, Rivals

THINNEST = 0.08
"""Parts of a rival thinner than this share of its side, as ropes and arms, are not filled up."""
EDGE = 3
"""How far beyond what is known of a rival an object is taken to be behind it, in pixels."""
FADING = 0.7
"""What is hidden fades by this on a frame where no rival is seen in front of it.

A rival's mask has gaps for a frame or two; what has stayed in the open for longer is not there.
"""
HIDDEN_SHARE = 0.25
"""From this share of it hidden on, an object's motion is not well seen and its place doubted."""
DOUBT = 0.9
"""How much less its place counts against an object that is all but hidden."""


def expected_place(
    carried: Carried, warped: Logits, rivals: Rivals, flow: Floats | None
) -> tuple[Floats, Mask]:
    """The object's place with what is hidden of it, and where a rival is in front of that.

    Flow follows what is in front. So where rivals lie the mask of the last frame, and what was
    hidden already, goes on with the motion of what is still seen of the object.

    Args:
        carried: The object, with its masks of the last frame.
        warped: Its visible mask, carried by the flow.
        rivals: Theirs, on the part of that.
        flow: As `carry_soft_mask`.

    Returns:
        (h, w) object probability on the part of `warped`, and a mask of the same size.
    """
    assert carried.rect is not None
    seen = warped.values + np.float32(0.5)
    shift = own_motion(seen, warped.rect, flow, warped.size)
    covered = occluded_area(rivals)
    behind = shift_soft_mask(carried.extent, carried.rect, shift, warped.rect)
    behind[~covered] = 0
    if carried.hidden is not None:
        before = shift_soft_mask(carried.hidden, carried.rect, shift, warped.rect)
        np.maximum(behind, before, out=behind)
    return np.maximum(seen, behind), covered & (warped.values < 0)


def widened_prior(prior: Floats, carried: Carried, covered: Mask, *, least: float) -> None:
    """Change a prior for an object of which a part is hidden, in place.

    Args:
        prior: (h, w) logits.
        carried: The object.
        covered: Where a rival is in front of it: looks alone decide there, place says nothing for
            the object.
        least: Logits under this forbid and stay.
    """
    if carried.hidden is not None:
        hidden = float(np.count_nonzero(carried.hidden > 0.5))
        share = hidden / max(hidden + carried.area, 1.0)
        outside = (prior < 0) & (prior > least)
        prior[outside] *= np.float32(
            1 - DOUBT * max(share - HIDDEN_SHARE, 0.0) / (1 - HIDDEN_SHARE)
        )
    prior[covered & (prior > 0)] = 0


def hidden_part(soft: Floats, place: Floats, rivals: Rivals) -> Floats | None:
    """(h, w): how probably the object is at a pixel behind a rival; None if it is nowhere.

    Args:
        soft: (h, w) what is seen of it.
        place: Where it was expected.
        rivals: Its rivals there.
    """
    behind = (soft < 0.5) & (place > 0.5)
    if not behind.any():
        return None
    behind &= occluded_area(rivals)
    if not behind.any():
        return None
    in_the_open = ~_grown(rivals.together())
    hidden = np.where(behind, place, np.float32(0))
    hidden[in_the_open] *= np.float32(FADING)
    return hidden


def hidden_share(soft: Floats, hidden: Floats) -> float:
    """The share of an object that is behind others, 0 to 1."""
    behind = float(np.count_nonzero(hidden > 0.5))
    return behind / max(behind + float(np.count_nonzero(soft > 0.5)), 1.0)


def occluded_area(rivals: Rivals) -> Mask:
    """(h, w): where rivals may hide the object: their masks, filled up and a little beyond.

    A rival that is not known well has holes; nobody looks through them.
    """
    covered = rivals.together().view(np.uint8)
    for mask, part in rivals.masks():
        side = int(THINNEST * np.sqrt(np.count_nonzero(mask))) | 1
        thick = _without_thin_parts(mask, part, side, covered.shape)
        if thick is not None:
            cv2.fillConvexPoly(covered, cv2.convexHull(thick), 1)
    return _grown(covered.view(np.bool_))


def _without_thin_parts(
    mask: Mask, part: tuple[slice, slice], side: int, size: tuple[int, ...]
) -> np.ndarray | None:
    """(N, 2) int32 x and y: the ends of the rows of what is left of a mask; None if nothing is.

    Args:
        mask: Not empty, on a part of (h, w).
        part: That part.
        side: What is thinner goes.
        size: h and w.
    """
    box = mask_box(mask).astype(int) + np.tile([part[1].start, part[0].start], 2)
    # A margin of background on each side, but not beyond the picture: there the mask may go on.
    around = Rect(*box.tolist()).grown(side, (size[0], size[1]))
    whole = np.zeros(size, np.uint8)
    whole[part] = mask
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    left = cv2.morphologyEx(whole[around.slices], cv2.MORPH_OPEN, kernel)
    rows = np.flatnonzero(left.any(axis=1))
    if not len(rows):
        return None
    first = left[rows].argmax(axis=1)
    last = left.shape[1] - 1 - left[rows, ::-1].argmax(axis=1)
    ends = np.stack([np.concatenate([first, last]), np.tile(rows, 2)], axis=1)
    return np.asarray(ends + np.array([around.x_min, around.y_min]), np.int32)


def _grown(mask: Mask) -> Mask:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * EDGE + 1, 2 * EDGE + 1))
    return np.asarray(cv2.dilate(mask.view(np.uint8), kernel).view(np.bool_))

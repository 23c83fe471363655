"""What of an object is behind others: carried by its own motion until it comes out again."""

from functools import cache

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
    behind = shift_soft_mask(carried.extent, carried.rect, shift, warped.rect)
    covered = occluded_area(rivals, behind > 0)
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
    behind &= occluded_area(rivals, behind)
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


def occluded_area(rivals: Rivals, asked: Mask) -> Mask:
    """(h, w): where rivals may hide the object: their masks, filled up and a little beyond.

    A rival that is not known well has holes; nobody looks through them.

    Args:
        rivals: The rivals.
        asked: (h, w) where it matters; elsewhere rivals may be left out.
    """
    covered = np.zeros(asked.shape, np.uint8)
    size = asked.shape[0], asked.shape[1]
    around = _rect_of(asked).grown(EDGE, size)
    for mask, part in rivals.masks():
        where = _rect_of(mask).within(part)
        if where.overlaps(around):
            _cover(covered, mask, part, where)
    return _grown(covered.view(np.bool_))


def _cover(covered: np.ndarray, mask: Mask, part: Rect, where: Rect) -> None:
    """Add one rival to what is covered: its mask, and what lies between its thick parts."""
    covered[part.slices] |= mask
    side = int(THINNEST * np.sqrt(np.count_nonzero(mask))) | 1
    # A margin of background on each side, but not beyond the picture: there the mask may go on.
    around = where.grown(side, (covered.shape[0], covered.shape[1]))
    whole = np.zeros((around.height, around.width), np.uint8)
    whole[where.inside(around)] = mask[where.inside(part)]
    thick = cv2.morphologyEx(whole, cv2.MORPH_OPEN, _ellipse(side))
    rows = np.flatnonzero(thick.any(axis=1))
    if not len(rows):
        return
    # The ends of the rows have the same hull as all of it.
    first = thick[rows].argmax(axis=1)
    last = thick.shape[1] - 1 - thick[rows, ::-1].argmax(axis=1)
    ends = np.stack([np.concatenate([first, last]), np.tile(rows, 2)], axis=1)
    ends += np.array([around.x_min, around.y_min])
    cv2.fillConvexPoly(covered, cv2.convexHull(ends.astype(np.int32)), 1)


def _rect_of(mask: Mask) -> Rect:
    return Rect(*(int(side) for side in mask_box(mask)))


@cache
def _ellipse(side: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _grown(mask: Mask) -> Mask:
    return np.asarray(cv2.dilate(mask.view(np.uint8), _ellipse(2 * EDGE + 1)).view(np.bool_))

"""Where an object went that is no longer seen: out of the frame, behind another, or unknown."""

from collections.abc import Iterable

import numpy as np

from track_anything.boxes import box_area, clip_box
from track_anything.structures import EventKind, Floats, Mask, State
from track_anything.tracking.roster import Roster
from track_anything.tracking.step import Step
from track_anything.tracking.track import Track

_BORDER = 0.01
"""Share of the frame's longer side from its border within which a box touches it."""
_COVERED = 0.25
"""Share of the box in which an object was last seen that others fill when they hide it."""

_GONE = {
    State.LEFT: (EventKind.LEFT, "through the border of the frame"),
    State.OCCLUDED: (EventKind.OCCLUDED, "behind another object"),
    State.LOST: (EventKind.LOST, "no longer found"),
}
GONE_KINDS = frozenset(kind for kind, _ in _GONE.values())
"""Events that tell that an object is no longer seen."""


def say_gone(now: Step, roster: Roster, track: Track, confidence: float) -> None:
    """Tell where an object went that was seen until now."""
    if track.seen_at:
        box = np.array(track.seen_at, np.float32)
        track.state = where_gone(box, now.size, roster.older_masks(now, track))
    kind, detail = _GONE[track.state]
    now.say(kind, track.track_id, f"{detail}, confidence {confidence:.2f}")


def where_gone(box: Floats, size: tuple[int, int], others: Iterable[Mask]) -> State:
    """LEFT if it was at the border, OCCLUDED if others are where it was, else LOST.

    Args:
        box: Around its last mask.
        size: (height, width) of the frame.
        others: Masks of other objects now.
    """
    if not box_area(box):
        return State.LOST
    covered = sum(_share_in(box, other) for other in others)
    if covered >= _COVERED:
        return State.OCCLUDED
    return State.LEFT if _is_at_border(box, size) else State.LOST


def _share_in(box: Floats, mask: Mask) -> float:
    """The share of a box that a mask fills."""
    size = (mask.shape[0], mask.shape[1])
    x0, y0, x1, y1 = (round(float(v)) for v in clip_box(box, size))
    part = mask[y0:y1, x0:x1]
    return np.count_nonzero(part) / max(part.size, 1)


def _is_at_border(box: Floats, size: tuple[int, int]) -> bool:
    reach = max(1.0, _BORDER * max(size))
    height, width = size
    far = (box[0] <= reach, box[1] <= reach, width - box[2] <= reach, height - box[3] <= reach)
    return bool(any(far))

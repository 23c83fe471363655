"""The predicted IoU set right, by kind of prompt."""

import math
from collections.abc import Mapping

from track_anything.segmenters.hints import Hints

KINDS = ("box", "box and points", "previous", "points")
CORRECTIONS: Mapping[str, tuple[float, float]] = {
    "box": (1.0, 0.0),
    "box and points": (1.0, 0.0),
    "previous": (1.0, 0.0),
    "points": (1.0, 0.0),
}
"""Scale and offset of the logit, as `python -m training.calibrate` fits them."""
_SUREST = 1e-6


def prompt_kind(hints: Hints) -> str:
    """Which of KINDS hints that are not empty belong to."""
    if hints.previous is not None:
        return "previous"
    if hints.box is None:
        return "points"
    return "box and points" if len(hints.points) + len(hints.background_points) else "box"


def calibrated(score: float, kind: str) -> float:
    """The score that is true on average of what the network says, both in 0 to 1."""
    scale, offset = CORRECTIONS[kind]
    if (scale, offset) == (1.0, 0.0):
        return score
    return 1 / (1 + math.exp(-(scale * logit(score) + offset)))


def uncalibrated(score: float, kind: str) -> float:
    """What the network said where `calibrated` says a score."""
    scale, offset = CORRECTIONS[kind]
    if (scale, offset) == (1.0, 0.0):
        return score
    return 1 / (1 + math.exp(-(logit(score) - offset) / scale))


def logit(score: float) -> float:
    """Of a score in 0 to 1, finite at both ends."""
    clipped = min(max(score, _SUREST), 1 - _SUREST)
    return math.log(clipped / (1 - clipped))

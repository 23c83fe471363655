"""Region similarity J and boundary F of DAVIS, and their statistics over a sequence.

Source of the definitions: Perazzi et al., A Benchmark Dataset and Evaluation Methodology for Video
Object Segmentation, CVPR 2016, section 4.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.structures import Mask

BOUNDARY_SHARE = 0.008
"""How far a boundary may be off and still match, as a share of the frame's diagonal."""


def region_similarity(mask: Mask, truth: Mask) -> float:
    """J: intersection over union; 1 if both are empty.

    >>> region_similarity(np.array([[1, 1, 0]], bool), np.array([[0, 1, 1]], bool))
    0.3333333333333333
    """
    union = int(np.count_nonzero(mask | truth))
    return int(np.count_nonzero(mask & truth)) / union if union else 1.0


def boundary_f(mask: Mask, truth: Mask) -> float:
    """F: harmonic mean of the shares of either boundary that lies near the other.

    Near is within `BOUNDARY_SHARE` of the diagonal, rounded up to whole pixels. 1 if neither mask
    has a boundary, 0 if only one has.
    """
    height, width = mask.shape
    reach = math.ceil(BOUNDARY_SHARE * math.hypot(height, width))
    # Only what lies around the two objects matters, and dilation costs by the pixel.
    rows, columns = _window(mask, truth, reach)
    found, wanted = _boundary(mask, rows, columns), _boundary(truth, rows, columns)
    found_count, wanted_count = cv2.countNonZero(found), cv2.countNonZero(wanted)
    if not found_count or not wanted_count:
        return float(found_count == wanted_count)
    disk = _disk(reach)
    matched = cv2.bitwise_and(found, cv2.dilate(wanted, disk))
    reached = cv2.bitwise_and(wanted, cv2.dilate(found, disk))
    precision = cv2.countNonZero(matched) / found_count
    recall = cv2.countNonZero(reached) / wanted_count
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def score_recall(scores: NDArray[np.float64]) -> float:
    """Share of the frames that score above .5.

    >>> score_recall(np.array([0.2, 0.5, 0.6, 0.9]))
    0.5
    """
    return float(np.mean(scores > 0.5))


def score_decay(scores: NDArray[np.float64]) -> float:
    """Mean of the first quarter of the frames less that of the last: 0 if nothing is lost.

    The quarters share their end frames, as in the official evaluation.

    >>> round(score_decay(np.array([1.0, 0.8, 0.6, 0.4, 0.2])), 6)
    0.6
    """
    edges = np.floor(np.linspace(1, len(scores), 5) + 0.5 + 1e-10).astype(int) - 1
    first = scores[edges[0] : edges[1] + 1]
    last = scores[edges[3] : edges[4] + 1]
    return float(first.mean() - last.mean())


def _window(mask: Mask, truth: Mask, reach: int) -> tuple[slice, slice]:
    x, y, width, height = cv2.boundingRect((mask | truth).view(np.uint8))
    # Boundary pixels lie one pixel up and left of the object at most.
    return (
        slice(max(y - 1 - reach, 0), y + height + reach),
        slice(max(x - 1 - reach, 0), x + width + reach),
    )


def _boundary(mask: Mask, rows: slice, columns: slice) -> NDArray[np.uint8]:
    """Pixels that differ from their right, lower or lower right neighbour, as 0 and 1.

    At the right and lower edge of the frame only the neighbour inside counts.
    """
    part = mask.view(np.uint8)[rows, columns]
    # Outside the window is background, or beyond the frame, where the edge is repeated.
    padded = np.asarray(cv2.copyMakeBorder(part, 0, 1, 0, 1, cv2.BORDER_REPLICATE), np.uint8)
    right, below, diagonal = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    return np.asarray((part ^ right) | (part ^ below) | (part ^ diagonal), np.uint8)


def _disk(radius: int) -> NDArray[np.uint8]:
    steps = np.arange(-radius, radius + 1)
    return np.asarray(steps[:, None] ** 2 + steps**2 <= radius**2, np.uint8)

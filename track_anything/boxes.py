"""Plain functions on boxes: (4,) or (N, 4) float32, x_min y_min x_max y_max, max exclusive."""

import numpy as np

from track_anything.structures import Floats


def grow_box(box: Floats, fraction: float, size: tuple[int, int]) -> Floats:
    """Grow a box on every side by a fraction of its side, inside a frame of (height, width).

    >>> grow_box(np.array([10, 10, 20, 30], np.float32), 0.5, (100, 100)).tolist()
    [5.0, 0.0, 25.0, 40.0]
    """
    pad_x, pad_y = fraction * (box[2] - box[0]), fraction * (box[3] - box[1])
    grown = np.array([box[0] - pad_x, box[1] - pad_y, box[2] + pad_x, box[3] + pad_y])
    return clip_box(grown.astype(np.float32), size)


def clip_box(box: Floats, size: tuple[int, int]) -> Floats:
    """The part of a box inside a frame of (height, width); may have no area.

    >>> clip_box(np.array([-5, 2, 200, 50], np.float32), (40, 100)).tolist()
    [0.0, 2.0, 100.0, 40.0]
    """
    height, width = size
    limits = np.array([width, height, width, height], np.float32)
    return np.clip(box, np.float32(0), limits).astype(np.float32)


def box_area(box: Floats) -> float:
    """Area in square pixels; 0 for a box turned inside out."""
    return float(max(box[2] - box[0], 0) * max(box[3] - box[1], 0))


def box_iou(first: Floats, second: Floats) -> float:
    """Intersection over union of two boxes; 0 if both have no area.

    >>> box_iou(np.array([0, 0, 2, 2], np.float32), np.array([1, 0, 3, 2], np.float32))
    0.3333333333333333
    """
    intersection = _shared_area(first, second)
    union = box_area(first) + box_area(second) - intersection
    return intersection / union if union > 0 else 0.0


def box_share(first: Floats, second: Floats) -> float:
    """The share of the smaller of two boxes that lies in the other; 0 if one has no area.

    >>> box_share(np.array([0, 0, 4, 2], np.float32), np.array([3, 0, 5, 2], np.float32))
    0.5
    """
    smaller = min(box_area(first), box_area(second))
    return _shared_area(first, second) / smaller if smaller else 0.0


def _shared_area(first: Floats, second: Floats) -> float:
    low = np.maximum(first[:2], second[:2])
    high = np.minimum(first[2:], second[2:])
    return float(np.prod(np.maximum(high - low, 0)))

"""The prompt by which a segmenter is asked again about a track."""

from collections.abc import Sequence

import cv2
import numpy as np

from track_anything.boxes import grow_box
from track_anything.config import RepromptConfig
from track_anything.errors import TrackingError
from track_anything.masks import largest_component, mask_box, resize_logits
from track_anything.structures import Floats, Mask, Prompt

SURE_LOGIT = 1.0
"""Inside points come from where the carried mask is at least this sure, if anywhere."""


def reprompt(
    track_id: int, mask: Mask, logits: Floats, neighbours: Sequence[Mask], config: RepromptConfig
) -> Prompt:
    """Box of the carried mask, grown; its logits; an inside point; a point in each neighbour.

    Args:
        track_id: The track.
        mask: Its carried mask, not empty.
        logits: Behind the mask.
        neighbours: Masks of other objects; those whose inside lies in the box become negative
            points.
        config: How far the box is grown.
    """
    size = (mask.shape[0], mask.shape[1])
    box = grow_box(mask_box(mask), config.box_growth, size)
    sure = mask & (resize_logits(logits, size) >= SURE_LOGIT)
    points, labels = [inmost_point(sure if sure.any() else mask)], [1]
    for neighbour in neighbours:
        if not neighbour.any():
            continue
        point = inmost_point(neighbour)
        if box[0] <= point[0] < box[2] and box[1] <= point[1] < box[3]:
            points.append(point)
            labels.append(0)
    return Prompt(
        box=box, points=np.array(points), labels=np.array(labels), logits=logits, track_id=track_id
    )


def inmost_point(mask: Mask) -> Floats:
    """(2,) float32: the pixel of a mask's largest part that is farthest from its edge.

    Raises:
        TrackingError: If the mask is empty.
    """
    if not mask.any():
        raise TrackingError("an empty mask has no inside")
    box = mask_box(mask).astype(int)
    cropped = np.ascontiguousarray(mask[box[1] : box[3], box[0] : box[2]])
    part = np.pad(largest_component(cropped), 1).view(np.uint8)
    distance = cv2.distanceTransform(part, cv2.DIST_L2, 3)
    _, _, _, (x, y) = cv2.minMaxLoc(distance)
    # Minus the padding, plus half a pixel: the centre of the pixel.
    return np.array([x - 0.5 + box[0], y - 0.5 + box[1]], np.float32)

"""A prompt brought inside the frame, as the segmenters without an image encoder read it."""

from dataclasses import dataclass

import numpy as np

from track_anything.boxes import box_area, clip_box
from track_anything.masks import mask_box, resize_logits
from track_anything.structures import Floats, Prompt


@dataclass(frozen=True, eq=False)
class Hints:
    """A prompt brought inside the frame.

    Attributes:
        points: (P, 2) on the object.
        background_points: (Q, 2) not on it.
        box: None if not given.
        previous: (H, W) logits; None if not given or nowhere above 0.
    """

    points: Floats
    background_points: Floats
    box: Floats | None = None
    previous: Floats | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said to be the object."""
        return self.box is None and self.previous is None and not len(self.points)

    @property
    def anchor(self) -> Floats:
        """Whole pixels around everything that is said to be the object; not for empty hints."""
        boxes = [self.box] if self.box is not None else []
        if self.previous is not None and not boxes:
            boxes.append(mask_box(self.previous > 0))
        corners = np.concatenate([box.reshape(2, 2) for box in boxes] + [self.points])
        low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
        return np.concatenate([low, np.maximum(high, low + 1)]).astype(np.float32)


def inside_frame(prompt: Prompt, size: tuple[int, int]) -> Hints:
    """What of a prompt lies in a frame of (height, width)."""

    def kept(points: Floats) -> Floats:
        limits = np.array(size[::-1], np.float32)
        return np.asarray(points[((points >= 0) & (points < limits)).all(axis=1)], np.float32)

    box = None if prompt.box is None else clip_box(prompt.box, size)
    if box is not None and not box_area(box):
        box = None
    previous = None
    if prompt.logits is not None:
        previous = resize_logits(prompt.logits.astype(np.float32), size)
        previous = previous if (previous > 0).any() else None
    return Hints(kept(prompt.positive_points), kept(prompt.negative_points), box, previous)

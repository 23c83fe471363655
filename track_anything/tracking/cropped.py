"""Results that are kept for a while, without what is empty around their masks."""

from dataclasses import replace

import numpy as np

from track_anything.masks import box_slices
from track_anything.structures import Frame, FrameResult, ObjectMask


class CroppedResult:
    """A result of which every mask is kept in its box alone: whole, ten of 720p are 9 MB."""

    def __init__(self, result: FrameResult) -> None:
        """Take a result; its masks are copied."""
        objects = [
            replace(one, mask=one.mask[box_slices(one.box)].copy()) for one in result.objects
        ]
        self._cropped = replace(result, objects=objects)

    @property
    def frame(self) -> Frame:
        """Its frame."""
        return self._cropped.frame

    @property
    def whole(self) -> FrameResult:
        """The result with masks in the standard form, new ones each time."""
        objects = [self._whole(one) for one in self._cropped.objects]
        return replace(self._cropped, objects=objects)

    def _whole(self, one: ObjectMask) -> ObjectMask:
        mask = np.zeros(self.frame.image.shape[:2], np.bool_)
        mask[box_slices(one.box)] = one.mask
        return replace(one, mask=mask)

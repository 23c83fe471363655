"""Dense optical flow between neighbouring frames, shared by all objects."""

import cv2
import numpy as np

from track_anything.small_gray import small_gray
from track_anything.structures import Floats, Image

FLOW_SIDE = 428
"""Longest side at which flow is computed: half of 480p. DIS there is as good for tracking as at
full resolution and four times cheaper."""


class FlowEstimator:
    """Backward flow from each frame to the one before it.

    DIS, Kroeger et al., ECCV 2016, as in OpenCV, at its ULTRAFAST preset.
    """

    def __init__(self) -> None:
        """Make an estimator that has seen no frame."""
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._previous: Image | None = None

    def reset(self) -> None:
        """Forget the last frame."""
        self._previous = None

    def next(self, image: Image) -> Floats | None:
        """(h, w, 2) float32 in its own pixels; None on the first frame.

        The pixel (x, y) of this frame was at (x + dx, y + dy) in the one before.
        """
        gray = small_gray(image, FLOW_SIDE)
        previous, self._previous = self._previous, gray
        if previous is None or previous.shape != gray.shape:
            return None
        flow = np.zeros((*gray.shape, 2), np.float32)
        return np.asarray(self._dis.calc(gray, previous, flow), np.float32)

    @property
    def previous(self) -> Image | None:
        """The gray picture of the last frame seen, (h, w) uint8."""
        return self._previous

    @previous.setter
    def previous(self, gray: Image | None) -> None:
        self._previous = gray

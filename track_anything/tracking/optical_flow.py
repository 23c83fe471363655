"""Dense optical flow between neighbouring frames, shared by all objects."""

import cv2
import numpy as np

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
        gray = flow_image(image)
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


def flow_image(image: Image) -> Image:
    """(h, w) uint8 gray picture on which flow is computed, longest side FLOW_SIDE at most."""
    height, width = image.shape[:2]
    scale = min(1.0, FLOW_SIDE / max(height, width))
    # DIS needs room for its coarsest patches.
    size = max(round(width * scale), 32), max(round(height * scale), 32)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)

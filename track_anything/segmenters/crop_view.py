"""A part of the frame at working size, and the ways between the two."""

from dataclasses import dataclass

import cv2
import numpy as np

from track_anything.boxes import grow_box
from track_anything.guided_filter import guided_filter
from track_anything.structures import Floats, Image

# Background beside the box, as a share of the box: enough for its colours, no farther.
_MARGIN = 0.35
_MIN_MARGIN = 6.0
# Below this the superpixels are as big as the parts of the object.
_MIN_SIDE = 64


@dataclass(frozen=True, eq=False)
class CropView:
    """A part of the frame at working size.

    Attributes:
        corners: (x_min, y_min, x_max, y_max), whole pixels of the frame.
        lab: (h, w, 3) uint8, CIE Lab, at working size.
        full: (H, W, 3): the same part at the size it has in the frame.
    """

    corners: tuple[int, int, int, int]
    lab: Image
    full: Image

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) at working size."""
        return self.lab.shape[0], self.lab.shape[1]

    @property
    def _scale(self) -> Floats:
        height, width = self.full.shape[:2]
        return np.array([self.size[1] / width, self.size[0] / height], np.float32)

    def points(self, points: Floats) -> Floats:
        """The points of the frame that lie in the view, in pixels of the view."""
        moved = (points - np.array(self.corners[:2], np.float32)) * self._scale
        limits = np.array(self.size[::-1], np.float32)
        return np.asarray(moved[((moved >= 0) & (moved < limits)).all(axis=1)], np.float32)

    def box(self, box: Floats) -> Floats:
        """A box of the frame in pixels of the view."""
        corner = np.array(self.corners[:2], np.float32)
        return np.asarray(((box.reshape(2, 2) - corner) * self._scale).reshape(4), np.float32)

    def shrink(self, values: Floats) -> Floats:
        """An (H, W) array of the whole frame: this part of it at working size."""
        x0, y0, x1, y1 = self.corners
        part = values[y0:y1, x0:x1]
        return np.asarray(
            cv2.resize(part, self.size[::-1], interpolation=cv2.INTER_AREA), np.float32
        )

    def sharpen(self, p: Floats) -> Floats:
        """Probabilities at working size, brought to full size along the edges of the picture."""
        height, width = self.full.shape[:2]
        large = np.asarray(
            cv2.resize(p, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
        )
        zoom = height / self.size[0]
        if zoom <= 1:
            return large
        return guided_filter(self.full[..., 0], large, radius=max(1, round(2 * zoom)))


def crop_around(lab: Image, box: Floats, *, max_side: int) -> CropView:
    """The surroundings of a box, at most max_side pixels long at working size."""
    height, width = lab.shape[:2]
    grown = grow_box(box, _MARGIN, (height, width))
    x0, y0 = np.maximum(np.floor(np.minimum(grown[:2], box[:2] - _MIN_MARGIN)), 0).astype(int)
    x1, y1 = np.ceil(np.maximum(grown[2:], box[2:] + _MIN_MARGIN)).astype(int)
    x1, y1 = min(int(x1), width), min(int(y1), height)
    full = lab[y0:y1, x0:x1]
    long_side = max(full.shape[:2])
    scale = min(max_side / long_side, max(1.0, _MIN_SIDE / long_side))
    size = [max(1, round(side * scale)) for side in full.shape[:2]]
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(full, size[::-1], interpolation=interpolation)
    return CropView((int(x0), int(y0), x1, y1), np.asarray(small, np.uint8), full)

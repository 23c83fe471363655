"""Where a grid looks: layers of overlapping crops, and the clicks in each."""

import math
from dataclasses import dataclass

import numpy as np

from track_anything.structures import Floats

EDGE_TOLERANCE = 20.0
"""A box this near to the edge of a crop, in pixels, is taken to be cut off by it."""


@dataclass(frozen=True)
class LayerCrop:
    """A part of the frame: whole pixels, right and bottom exclusive.

    Attributes:
        layer: 0 is the whole frame.
    """

    left: int
    top: int
    right: int
    bottom: int
    layer: int

    @property
    def box(self) -> Floats:
        """Standard form."""
        return np.array([self.left, self.top, self.right, self.bottom], np.float32)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.bottom - self.top, self.right - self.left

    def cuts(self, box: Floats, frame_size: tuple[int, int]) -> bool:
        """Whether the crop's edge, where it is not the frame's, cuts what is in a box.

        Args:
            box: Tight around a mask, in pixels of the frame.
            frame_size: (height, width).
        """
        height, width = frame_size
        # As in segment-anything the box ends on the mask's last pixel.
        inclusive = box - (0, 0, 1, 1)
        frame_box = np.array([0, 0, width, height], np.float32)
        is_near_crop = np.abs(inclusive - self.box) <= EDGE_TOLERANCE
        is_near_frame = np.abs(inclusive - frame_box) <= EDGE_TOLERANCE
        return bool((is_near_crop & ~is_near_frame).any())


def layer_crops(size: tuple[int, int], layers: int, overlap: float) -> list[LayerCrop]:
    """The frame of (height, width), then (2^n)^2 crops for every layer n.

    Args:
        size: Of the frame.
        layers: Besides the frame itself.
        overlap: Of neighbours in the first layer, as a share of the short side; halved with each.

    Source: segment-anything, utils/amg.py (Apache-2.0): the sizes and places of the crops.
    """
    height, width = size
    crops = [LayerCrop(0, 0, width, height, 0)]
    for layer in range(1, layers + 1):
        per_side = 2**layer
        shared = int(overlap * min(size) * (2 / per_side))
        crop_width = math.ceil((shared * (per_side - 1) + width) / per_side)
        crop_height = math.ceil((shared * (per_side - 1) + height) / per_side)
        for column in range(per_side):
            for row in range(per_side):
                left, top = column * (crop_width - shared), row * (crop_height - shared)
                right, bottom = min(left + crop_width, width), min(top + crop_height, height)
                crops.append(LayerCrop(left, top, right, bottom, layer))
    return crops


def point_grid(per_side: int) -> Floats:
    """(per_side^2, 2): the middles of as many cells of the unit square, row by row.

    >>> point_grid(2).tolist()
    [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    """
    along = (np.arange(per_side) + 0.5) / per_side
    x, y = np.meshgrid(along, along)
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)

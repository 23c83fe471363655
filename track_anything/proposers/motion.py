"""Objects that move by themselves, from two consecutive frames."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from track_anything.boxes import box_area, box_iou, clip_box
from track_anything.config import RegionConfig
from track_anything.interfaces import Segmenter
from track_anything.proposers.refinement import picked, refined
from track_anything.proposers.region import Region, RegionProposals
from track_anything.proposers.residual import MotionField, Residual
from track_anything.proposers.suppression import INSIDE, overlap_area
from track_anything.structures import Floats, Frame, Image, Mask, Proposal

_DEFAULTS = RegionConfig()
# Parts of one object rarely all move: gaps up to this share of the working size are closed.
_GAP = 0.012
# Motion is seen a few pixels around what moves: the boxes are shrunk by as much.
_HALO = 3.0
_LEAST_PIXELS = 40
# Boxes that overlap by more are one; no more are asked about.
_SAME_BOX, _MOST_BOXES = 0.7, 60
# Share of a region in which motion was seen: of DAVIS' objects .58 and more; of what only lags half
# of this, which a car's wheels and shadow have, and the sky above a wall beside the road has not.
_LEAST_SHARE = 0.2
# What better regions fill to this share is not another thing that holds them.
_FUSED = 0.4
# Height over width of what stands on the ground where only its foot was seen to lag, and how
# wide that may be, as a share of the frame.
_STANDING, _STANDING_SIDE = 0.8, 0.4
_STANDING_WIDTH = 0.2


class MotionProposer:
    """What moves otherwise than the camera makes everything move, as a segmenter sees it."""

    def __init__(self, segmenter: Segmenter, *, config: RegionConfig = _DEFAULTS) -> None:
        """Get ready.

        Args:
            segmenter: Makes masks of boxes around what moves.
            config: How many, how fast, and which are kept.
        """
        self._segmenter = segmenter
        self._config = config
        self._field = MotionField()

    def reset(self) -> None:
        """Forget the last frame: the next is of another shot."""
        self._field = MotionField()

    def watch(self, frame: Frame) -> None:
        """Take notice of a frame that comes right before the next, without proposing."""
        self._field.watch(frame.image)

    def save(self) -> bytes:
        """The frames seen, for restore."""
        return self._field.save()

    def restore(self, state: bytes) -> None:
        """Go on from what save returned.

        Raises:
            TrackingError: If it is no such state.
        """
        self._field.restore(state)

    def propose(self, frame: Frame, *, area: Mask | None = None) -> Sequence[Proposal]:
        """Proposals on this frame, best first; none on the first frame.

        Frames come in order, near to one another: the frame of the call before is compared with.

        Args:
            frame: Of the size of the one before.
            area: Only what lies in it for the most part; None is everywhere.
        """
        return RegionProposals(self.regions(frame, area=area))

    def regions(self, frame: Frame, *, area: Mask | None = None) -> list[Region]:
        """The same with all that is known of them, their masks as run lengths."""
        residual = self.look(frame)
        if residual is None:
            return []
        size = frame.image.shape[0], frame.image.shape[1]
        boxes = moving_boxes(residual, size)
        if area is not None:
            boxes = np.array([box for box in boxes if _lies_in(box, area)], np.float32)
        found = refined(self._segmenter, frame, boxes.reshape(-1, 4), self._config)
        moving = [seen for one in found if (seen := _seen_moving(one, residual)) is not None]
        return without_fused(
            picked(moving, self._config, least_score=self._config.least_moving_score)
        )

    def look(self, frame: Frame) -> Residual | None:
        """What moves on this frame, without asking the segmenter; None on the first.

        For frames between those that proposals are asked for.
        """
        return self._field.step(frame.image, least_motion=self._config.least_motion)


def moving_boxes(residual: Residual, size: tuple[int, int]) -> Floats:
    """(N, 4) boxes on a frame of (height, width) around what moves, largest first.

    What moves in parts is boxed together. On a drive it is boxed in its parts as well: cars in a
    row are near to one another.
    """
    height, width = residual.is_moving.shape
    scale = np.array([size[1] / width, size[0] / height] * 2)
    reach = max(1, round(_GAP * max(height, width)))
    moving = residual.is_moving.view(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    closed, opened = (
        np.asarray(cv2.morphologyEx(moving, how, kernel), np.uint8)
        for how in (cv2.MORPH_CLOSE, cv2.MORPH_OPEN)
    )
    boxes = _boxes_of_parts(closed, residual)
    for apart in (moving, opened) if residual.on_drive else ():
        for box in _boxes_of_parts(apart, residual):
            if all(box_iou(box, other) < _SAME_BOX for other in boxes):
                boxes.append(box)
    boxes = sorted(boxes[:_MOST_BOXES], key=lambda box: -float(box_area(box)))
    clipped = [clip_box((box * scale).astype(np.float32), size) for box in boxes]
    return np.array(clipped, np.float32).reshape(-1, 4)


def _boxes_of_parts(mask: Image, residual: Residual) -> list[Floats]:
    """Boxes at working size around the parts of a mask in which enough moves, most first."""
    width = mask.shape[1]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    moving = np.bincount(labels[residual.is_moving], minlength=count)
    slow = np.bincount(labels[residual.is_slow], minlength=count)
    boxes = []
    for index in np.argsort(-moving, kind="stable"):
        if index == 0 or moving[index] < _LEAST_PIXELS:
            continue
        x, y, wide, high = stats[index, :4].astype(float)
        halo = min(_HALO, wide / 5, high / 5)
        box = np.array([x + halo, y + halo, x + wide - halo, y + high - halo])
        if slow[index] > moving[index] / 2 and wide < _STANDING_WIDTH * width:
            box[1] = min(box[1], box[3] - _STANDING * (box[2] - box[0]))
            # Often one wheel is seen to lag, or the shadow.
            side = _STANDING_SIDE * (box[2] - box[0])
            boxes.append(box + np.array([-side, -side, side, 0]))
        boxes.append(box)
    return boxes


def without_fused(regions: Sequence[Region]) -> list[Region]:
    """Regions, best first, without those that are better ones and what is between them."""
    kept: list[Region] = []
    for place, region in enumerate(regions):
        inside = [one for one in regions[:place] if _holds(region, one)]
        if sum(one.area for one in inside) < _FUSED * region.area:
            kept.append(region)
    return kept


def _seen_moving(region: Region, residual: Residual) -> Region | None:
    """A region with how it was seen to move; None if next to nothing of it moves."""
    height, width = residual.is_moving.shape
    small = cv2.resize(region.mask.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    inside = small.view(np.bool_)
    moving = np.count_nonzero(residual.is_moving & inside)
    lags = bool(np.count_nonzero(residual.is_slow & inside) > moving / 2)
    least = _LEAST_SHARE * np.count_nonzero(inside)
    if moving <= (least / 2 if lags else least):
        return None
    return replace(region, on_drive=residual.on_drive)


def _holds(region: Region, other: Region) -> bool:
    return overlap_area(region.counts, other.counts) >= INSIDE * other.area


def _lies_in(box: Floats, area: Mask) -> bool:
    left, top, right, bottom = np.rint(box).astype(int)
    part = area[top:bottom, left:right]
    return bool(part.size) and float(part.mean()) > 0.5

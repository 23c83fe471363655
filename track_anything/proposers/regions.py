"""Objects on a single picture without weights: regions closed by edges, improved by a segmenter."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.config import RegionConfig
from track_anything.interfaces import Segmenter
from track_anything.proposers.merging import MergedRegions, merge_regions
from track_anything.proposers.refinement import picked, refined
from track_anything.proposers.region import Region, RegionProposals
from track_anything.structures import Floats, Frame, Mask, Proposal

_DEFAULTS = RegionConfig()
# A logistic line through the columns of `merging.measure`, fitted on 130,000 regions of 60 COCO
# photos: whether one covers an annotated object with an IoU above a half. On other photos the
# first 50 hold .34 of the objects (.04 of a random 50), all of them together .55.
_WEIGHTS = np.array(
    [0.22, 0.70, 0.84, 4.11, 2.51, -0.98, 1.89, -2.40, 0.46, -0.94, -0.29, -0.51, 0.19]
)
_BIAS = -2.90
_SAME = 0.7


class RegionProposer:
    """Regions that edges close and that differ from what is around, as a segmenter sees them."""

    def __init__(self, segmenter: Segmenter, *, config: RegionConfig = _DEFAULTS) -> None:
        """Get ready.

        Args:
            segmenter: Improves each region from its box.
            config: How many, and which are kept.
        """
        self._segmenter = segmenter
        self._config = config

    def propose(self, frame: Frame, *, area: Mask | None = None) -> Sequence[Proposal]:
        """Proposals on this frame, best first; each mask is made dense when it is asked for.

        Args:
            frame: Of any size.
            area: Only regions that lie in it for the most part; None is everywhere.
        """
        return RegionProposals(self.regions(frame, area=area))

    def regions(self, frame: Frame, *, area: Mask | None = None) -> list[Region]:
        """The same with all that is known of them, their masks as run lengths."""
        lab = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2LAB), np.uint8)
        merged = merge_regions(lab)
        likelihoods = 1 / (1 + np.exp(-(merged.evidence @ _WEIGHTS + _BIAS)))
        if area is not None:
            likelihoods = np.where(_lies_in(merged, area), likelihoods, 0)
        chosen = _distinct(merged, likelihoods, self._config.candidates)
        scale = np.array(frame.image.shape[1::-1]) / np.array(merged.labels.shape[::-1])
        boxes = (merged.boxes[chosen].reshape(-1, 2, 2) * scale).reshape(-1, 4)
        likely = likelihoods[chosen].tolist()
        config = self._config
        found = refined(
            self._segmenter, frame, boxes.astype(np.float32), config, likelihoods=likely
        )
        return picked(found, config, least_score=config.least_score)


def _lies_in(merged: MergedRegions, area: Mask) -> NDArray[np.bool_]:
    size = merged.labels.shape[::-1]
    share = cv2.resize(area.view(np.uint8).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    count = merged.members.shape[1]
    wanted = np.bincount(merged.labels.ravel(), share.ravel(), count)
    return np.asarray(merged.members @ wanted > 0.5 * (merged.members @ merged.areas))


def _distinct(merged: MergedRegions, likelihoods: Floats, most: int) -> NDArray[np.int64]:
    """Indices of the likeliest candidates that are not like likelier ones."""
    members = merged.members.astype(np.float32)
    areas = members @ merged.areas
    kept: list[int] = []
    for index in np.argsort(-likelihoods, kind="stable"):
        if len(kept) == most or likelihoods[index] <= 0:
            break
        shared = members[kept] @ (members[index] * merged.areas)
        if (shared <= _SAME * (areas[kept] + areas[index] - shared)).all():
            kept.append(int(index))
    return np.array(kept, np.int64)

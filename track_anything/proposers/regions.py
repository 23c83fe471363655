"""Objects on a single picture without weights: regions closed by edges, improved by a segmenter."""

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.config import RegionConfig
from track_anything.interfaces import Segmenter
from track_anything.proposers.merging import MergedRegions, merge_regions
from track_anything.proposers.refinement import (
    Place,
    answers_at,
    looked_at_again,
    of_area,
    picked,
)
from track_anything.proposers.region import Region, RegionProposals
from track_anything.structures import Floats, Frame, Image, Mask, Proposal

_DEFAULTS = RegionConfig()
# A logistic line through the columns of `merging.measure`, fitted on 130,000 regions of 60 COCO
# photos: whether one covers an annotated object with an IoU above a half. On other photos the
# first 50 hold .34 of the objects (.04 of a random 50), all of them together .55.
_WEIGHTS = np.array(
    [0.22, 0.70, 0.84, 4.11, 2.51, -0.98, 1.89, -2.40, 0.46, -0.94, -0.29, -0.51, 0.19]
)
_BIAS = -2.90
_SAME = 0.7
ASKING_SIDE = 640
"""Longest side at which the segmenter is asked about all places: the compact one sees crops of 128
pixels, and time goes with the area. What it finds is looked at again on the frame itself."""


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
        config = self._config
        small = _reduced(frame)
        places = likely_places(small.image, config.candidates, area=area)
        answers = answers_at(self._segmenter, small, places, clicked=config.clicks)
        by_region = {id(answer.region): answer for answer in answers}
        scale = frame.image.size / small.image.size
        limits = replace(config, min_area=math.floor(config.min_area / scale))
        regions = of_area([answer.region for answer in answers], limits)
        best = picked(regions, limits, least_score=config.least_score)
        chosen = [by_region[id(region)] for region in best]
        # Masks that were told apart on the small picture may have become alike.
        found = of_area(looked_at_again(self._segmenter, frame, chosen), config)
        return picked(found, config, least_score=config.least_score)


def likely_places(image: Image, most: int, *, area: Mask | None = None) -> list[Place]:
    """Where edges close and colours differ from those around, likeliest first.

    Args:
        image: Standard form.
        most: No more than these.
        area: (h, w) of the same shape as the picture or larger; only what lies in it for the most
            part. None is everywhere.
    """
    merged = merge_regions(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), np.uint8))
    likelihoods = 1 / (1 + np.exp(-(merged.evidence @ _WEIGHTS + _BIAS)))
    if area is not None:
        likelihoods = np.where(_lies_in(merged, area), likelihoods, 0)
    scale = np.array(image.shape[1::-1]) / np.array(merged.labels.shape[::-1])
    return [
        Place(
            box=np.asarray(merged.boxes[index] * np.tile(scale, 2), np.float32),
            middle=np.asarray(_middle(merged.members[index][merged.labels]) * scale, np.float32),
            likelihood=float(likelihoods[index]),
        )
        for index in _distinct(merged, likelihoods, most)
    ]


def _middle(mask: Mask) -> Floats:
    """(2,): the point of a mask that is farthest from what is not of it and from the rim."""
    framed = np.pad(mask.view(np.uint8), 1)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, 3)[1:-1, 1:-1]
    row, column = np.unravel_index(int(distance.argmax()), distance.shape)
    return np.array([column + 0.5, row + 0.5], np.float32)


def _reduced(frame: Frame) -> Frame:
    """The frame at the size at which places are asked about: the frame itself if it is small."""
    height, width = frame.image.shape[:2]
    scale = ASKING_SIDE / max(height, width)
    if scale >= 1:
        return frame
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Frame(frame.index, frame.time, small)


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

"""Rough places of objects, made into masks by a segmenter, and the best of them picked."""

from collections.abc import Sequence

import numpy as np

from track_anything.config import RegionConfig
from track_anything.interfaces import Segmenter
from track_anything.proposers.region import Region
from track_anything.proposers.suppression import mask_overlap, overlap_area
from track_anything.structures import Floats, Frame, Prompt

# Fitted on 720 regions of COCO photos, the embedded segmenter's answers against the truth: area
# under the curve .81, by the first alone .71, by the second alone .75. How well the answer and
# the region agree added nothing.
_OF_LIKELIHOOD, _OF_PREDICTED_IOU, _BIAS = 2.0, 2.9, -5.1


def refined(
    segmenter: Segmenter,
    frame: Frame,
    boxes: Floats,
    config: RegionConfig,
    *,
    likelihoods: Sequence[float] | None = None,
) -> list[Region]:
    """What a segmenter makes of boxes, best first.

    Args:
        segmenter: Asked about all boxes together.
        frame: Of any size.
        boxes: (N, 4).
        config: The limits of area.
        likelihoods: For each box the chance, 0 to 1, that it holds an object, to rank the answers
            by the chance that they are one. None ranks them by what the segmenter says of them.
    """
    if not len(boxes):
        return []
    answers = segmenter.decode(segmenter.embed(frame), [Prompt(box=box) for box in boxes])
    most = config.max_area * frame.image.shape[0] * frame.image.shape[1]
    regions = []
    for place, (best, *_) in enumerate(answers):
        score = best.predicted_iou
        if likelihoods is not None:
            score = object_chance(likelihoods[place], best.predicted_iou)
        region = Region.of(best.mask, predicted_iou=best.predicted_iou, score=score)
        if max(config.min_area, 1) <= region.area <= most:
            regions.append(region)
    return sorted(regions, key=lambda region: -region.score)


def object_chance(likelihood: float, predicted_iou: float) -> float:
    """Chance that the mask made of a likely box is an object."""
    evidence = _OF_LIKELIHOOD * likelihood + _OF_PREDICTED_IOU * predicted_iou + _BIAS
    return float(1 / (1 + np.exp(-evidence)))


def picked(regions: Sequence[Region], config: RegionConfig, *, least_score: float) -> list[Region]:
    """The best that are neither like a better one nor a fragment of one.

    Args:
        regions: Best first.
        config: Limits.
        least_score: Worse ones are dropped.
    """
    kept: list[Region] = []
    for region in regions:
        if len(kept) == config.max_regions or region.score < least_score:
            break
        if not any(_is_covered(region, better, config) for better in kept):
            kept.append(region)
    return kept


def _is_covered(region: Region, better: Region, config: RegionConfig) -> bool:
    if mask_overlap(region, better) > config.mask_nms:
        return True
    shared = overlap_area(region.counts, better.counts)
    is_part = region.area < config.part_share * better.area
    return not is_part and shared > config.fragment_share * region.area

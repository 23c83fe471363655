"""Rough places of objects, made into masks by a segmenter, and the best of them picked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from track_anything.config import RegionConfig
from track_anything.interfaces import Segmenter
from track_anything.proposers.region import Region
from track_anything.proposers.suppression import mask_overlap, overlap_area
from track_anything.structures import Floats, Frame, Prompt

Line = tuple[float, float, float]
"""What a likelihood and a predicted IoU say of an object, and what is added: a logistic line."""

# Fitted on the compact segmenter's answers about 60 boxes and 60 clicks on each of 10 photos of
# COCO; area under the curve .70 on photos left out. The area of the mask, and how many answers
# agree, added nothing.
BOX: Line = (3.2, 1.35, -5.65)
CLICK: Line = (1.3, 8.1, -6.8)
BOX_ALONE: Line = (2.0, 2.9, -5.1)
"""Where nothing is clicked. Fitted on 720 regions of COCO photos: area under the curve .81."""

# A lone click tells it one colour, at a tenth of a second each.
_BY_BOX_ALONE = frozenset({"grabcut"})
_ON_OBJECT = np.ones(1, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where an object may be.

    Attributes:
        box: Around it, standard form.
        middle: (2,) the point farthest from its border.
        likelihood: The chance, 0 to 1, that it is one.
    """

    box: Floats
    middle: Floats
    likelihood: float


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A segmenter's mask, with its logits as an earlier mask for another look."""

    region: Region
    logits: Floats


def refined(
    segmenter: Segmenter, frame: Frame, boxes: Floats, config: RegionConfig
) -> list[Region]:
    """What a segmenter makes of boxes, best first by what it says of its masks.

    Args:
        segmenter: Asked about all boxes together.
        frame: Of any size.
        boxes: (N, 4).
        config: The limits of area.
    """
    if not len(boxes):
        return []
    answers = segmenter.decode(segmenter.embed(frame), [Prompt(box=box) for box in boxes])
    regions = [Region.of(best.mask, predicted_iou=best.predicted_iou) for best, *_ in answers]
    return sorted(of_area(regions, config), key=lambda region: -region.score)


def of_area(regions: Sequence[Region], config: RegionConfig) -> list[Region]:
    """Those that are neither too small nor too large."""
    return [
        region
        for region in regions
        if max(config.min_area, 1) <= region.area <= config.max_area * np.prod(region.size)
    ]


def answers_at(
    segmenter: Segmenter, frame: Frame, places: Sequence[Place], *, clicked: int
) -> list[Answer]:
    """What a segmenter makes of boxes around places and of clicks on them, likeliest object first.

    A click finds what the edges divide, as a person in clothes of many colours; a box what a
    click's surroundings hide, as one of many bags.

    Args:
        segmenter: Asked about all of them together.
        frame: Of any size.
        places: Likeliest first.
        clicked: How many of them are clicked on as well; a segmenter that is no good at it is not
            asked to.
    """
    if segmenter.name in _BY_BOX_ALONE:
        clicked = 0
    of_box = BOX if clicked else BOX_ALONE
    prompts = [Prompt(box=place.box) for place in places]
    prompts += [Prompt(points=each.middle[None], labels=_ON_OBJECT) for each in places[:clicked]]
    told = segmenter.decode(segmenter.embed(frame), prompts) if prompts else []
    found = []
    for number, candidates in enumerate(told):
        place, is_click = places[number % len(places)], number >= len(places)
        for one in candidates if is_click else candidates[:1]:
            line = CLICK if is_click else of_box
            score = object_chance(place.likelihood, one.predicted_iou, line)
            point = place.middle if is_click else None
            region = Region.of(one.mask, predicted_iou=one.predicted_iou, score=score, point=point)
            if region.area:
                found.append(Answer(region, one.logits))
    return sorted(found, key=lambda answer: -answer.region.score)


def object_chance(likelihood: float, predicted_iou: float, line: Line) -> float:
    """Chance that the mask made of a likely place is an object."""
    of_likelihood, of_predicted_iou, bias = line
    evidence = of_likelihood * likelihood + of_predicted_iou * predicted_iou + bias
    return float(1 / (1 + np.exp(-evidence)))


def looked_at_again(segmenter: Segmenter, frame: Frame, answers: Sequence[Answer]) -> list[Region]:
    """The answers on a smaller picture, each improved on the frame itself; scores stay.

    Args:
        segmenter: Asked about all of them together.
        frame: What the smaller picture was made of.
        answers: Of the same segmenter.
    """
    if not answers:
        return []
    height, width = frame.image.shape[:2]
    scales = [np.array((width, height)) / each.region.size[::-1] for each in answers]
    prompts = [
        Prompt(box=each.region.box * np.tile(scale, 2).astype(np.float32), logits=each.logits)
        for each, scale in zip(answers, scales, strict=True)
    ]
    told = segmenter.decode(segmenter.embed(frame), prompts)
    regions = []
    for (best, *_), answer, scale in zip(told, answers, scales, strict=True):
        region = answer.region
        point = None if region.point is None else np.asarray(region.point * scale, np.float32)
        regions.append(
            Region.of(best.mask, predicted_iou=best.predicted_iou, score=region.score, point=point)
        )
    return regions


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

"""Masks of everything from a grid of clicks: SAM's automatic mask generator over any segmenter.

Source: Kirillov et al., Segment Anything, ICCV 2023, and segment-anything (Apache-2.0): the steps,
their order and their constants.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from track_anything.config import GridConfig
from track_anything.errors import ConfigError
from track_anything.interfaces import ClickSegmenter, Segmenter
from track_anything.proposers.crops import LayerCrop, layer_crops, point_grid
from track_anything.proposers.region import Region, RegionProposals
from track_anything.proposers.suppression import (
    clean_regions,
    crop_scores,
    distinct_regions,
    of_level,
    one_of_each_click,
)
from track_anything.structures import (
    Floats,
    Frame,
    ImageEmbedding,
    Mask,
    Prompt,
    Proposal,
)

_DEFAULTS = GridConfig()
_ON_OBJECT = np.ones(1, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """One mask of a crop that passed the filters of quality."""

    click: int
    mask: Mask
    predicted_iou: float
    stability_score: float


class GridProposer:
    """Clicks everywhere, keeps what is sure and stable, and of what is alike the best."""

    def __init__(
        self,
        segmenter: Segmenter,
        *,
        config: GridConfig = _DEFAULTS,
        grids: Sequence[Floats] | None = None,
    ) -> None:
        """Get ready.

        Args:
            segmenter: Asked about every click. A ClickSegmenter is asked only for masks that are
                predicted well enough.
            config: Which clicks and which filters.
            grids: Other clicks than config's: (N, 2) in the unit square for every layer.

        Raises:
            ConfigError: If there are not as many grids as layers.
        """
        layers = config.crop_layers + 1
        if grids is None:
            sides = [config.points_per_side / config.crop_points_divisor**n for n in range(layers)]
            grids = [point_grid(max(1, int(side))) for side in sides]
        if len(grids) != layers:
            raise ConfigError(
                f"{config.crop_layers} crop layers need {layers} point grids, got {len(grids)}"
            )
        self._segmenter = segmenter
        self._config = config
        self._grids = [np.asarray(grid, np.float32).reshape(-1, 2) for grid in grids]

    def propose(self, frame: Frame, *, area: Mask | None = None) -> Sequence[Proposal]:
        """Proposals on this frame, best first; each mask is made dense when it is asked for.

        Args:
            frame: Of any size.
            area: Clicks are made only where it is True; None is everywhere. What a click finds
                may reach beyond.
        """
        return RegionProposals(self.regions(frame, area=area))

    def regions(self, frame: Frame, *, area: Mask | None = None) -> list[Region]:
        """The same with all that is known of them, their masks as run lengths.

        Raises:
            ConfigError: If the area has not the size of the frame.
        """
        config = self._config
        size = frame.image.shape[0], frame.image.shape[1]
        if area is not None and area.shape != size:
            raise ConfigError(
                f"the area is {area.shape[1]}x{area.shape[0]}, the frame {size[1]}x{size[0]}"
            )
        found: list[list[Region]] = []
        # The whole frame comes last: its embedding then is the one that the segmenter remembers.
        for crop in reversed(layer_crops(size, config.crop_layers, config.crop_overlap)):
            found.append(self._in_crop(frame, crop, area))
        regions = [region for part in reversed(found) for region in part]
        if config.crop_layers:
            regions = distinct_regions(regions, crop_scores(regions), config.crop_nms)
        if config.min_region_area:
            limit = max(config.box_nms, config.crop_nms)
            regions = clean_regions(regions, config.min_region_area, limit)
        regions = of_level(regions, config.granularity)
        return sorted(regions, key=lambda region: -region.predicted_iou)

    def _in_crop(self, frame: Frame, crop: LayerCrop, area: Mask | None) -> list[Region]:
        points = self._clicks(crop, area)
        if not len(points):
            return []
        embedding = self._segmenter.embed(_part(frame, crop))
        regions: list[Region] = []
        for start in range(0, len(points), self._config.points_per_batch):
            batch = points[start : start + self._config.points_per_batch]
            regions += self._in_batch(frame, crop, embedding, batch)
        scores = [region.predicted_iou for region in regions]
        return distinct_regions(regions, scores, self._config.box_nms)

    def _clicks(self, crop: LayerCrop, area: Mask | None) -> Floats:
        """(N, 2) in pixels of the crop."""
        height, width = crop.size
        points = self._grids[crop.layer] * np.array([width, height], np.float32)
        if area is None:
            return np.asarray(points, np.float32)
        last = np.array([width, height]) - 1
        column, row = np.minimum(points.astype(np.int64), last).T
        wanted = area[crop.top : crop.bottom, crop.left : crop.right][row, column]
        return np.asarray(points[wanted], np.float32)

    def _in_batch(
        self, frame: Frame, crop: LayerCrop, embedding: ImageEmbedding, points: Floats
    ) -> list[Region]:
        """Regions of some clicks: only these masks are dense at a time."""
        size = frame.image.shape[0], frame.image.shape[1]
        least, most = self._config.min_area, self._config.max_area * size[0] * size[1]
        by_click: defaultdict[int, list[Region]] = defaultdict(list)
        for candidate in self._candidates(embedding, points):
            mask = candidate.mask
            if crop.layer:
                mask = np.zeros(size, np.bool_)
                mask[crop.top : crop.bottom, crop.left : crop.right] = candidate.mask
            region = Region.of(
                mask,
                predicted_iou=candidate.predicted_iou,
                stability_score=candidate.stability_score,
                point=points[candidate.click] + crop.box[:2],
                crop=crop.box,
            )
            if max(least, 1) <= region.area <= most and not crop.cuts(region.box, size):
                by_click[candidate.click].append(region)
        granularity = self._config.granularity
        return [one for each in by_click.values() for one in one_of_each_click(each, granularity)]

    def _candidates(self, embedding: ImageEmbedding, points: Floats) -> Iterator[_Candidate]:
        """Masks of the crop that are predicted well enough and stable enough."""
        offset, least = self._config.stability_offset, self._config.stability
        if not isinstance(self._segmenter, ClickSegmenter):
            yield from self._plain_candidates(embedding, points)
            return
        # As in segment-anything 0 is no limit: networks predict below it too.
        limit = self._config.predicted_iou or -math.inf
        for found in self._segmenter.decode_clicks(embedding, points, least_predicted_iou=limit):
            stability = _stability(found.logits, offset)
            if stability >= least:
                mask = np.asarray(found.logits > 0)
                yield _Candidate(found.click, mask, found.predicted_iou, stability)

    def _plain_candidates(self, embedding: ImageEmbedding, points: Floats) -> Iterator[_Candidate]:
        """The same of a segmenter that knows prompts alone; its logits may be coarse."""
        offset, least = self._config.stability_offset, self._config.stability
        prompts = [Prompt(points=point[None], labels=_ON_OBJECT) for point in points]
        for click, answers in enumerate(self._segmenter.decode(embedding, prompts)):
            for answer in answers:
                stability = _stability(answer.logits, offset)
                if answer.predicted_iou > self._config.predicted_iou and stability >= least:
                    yield _Candidate(click, answer.mask, answer.predicted_iou, stability)


def _part(frame: Frame, crop: LayerCrop) -> Frame:
    """The frame of a crop; the frame itself, whose embedding may be there already, of layer 0."""
    if not crop.layer:
        return frame
    image = frame.image[crop.top : crop.bottom, crop.left : crop.right]
    return Frame(frame.index, Fraction(frame.time), np.ascontiguousarray(image))


def _stability(logits: Floats, offset: float) -> float:
    """IoU of the masks at thresholds of +offset and -offset; 0 if both are empty."""
    lax = int(np.count_nonzero(logits > -offset))
    return int(np.count_nonzero(logits > offset)) / lax if lax else 0.0

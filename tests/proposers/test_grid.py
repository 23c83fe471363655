from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from track_anything.config import GridConfig
from track_anything.errors import ConfigError
from track_anything.interfaces import ClickSegmenter, Proposer
from track_anything.proposers.grid import GridProposer
from track_anything.rle import rle_to_mask
from track_anything.segmenters.sam.segmenter import SamSegmenter
from track_anything.segmenters.sam.weights import SamWeights
from track_anything.structures import (
    ClickMask,
    Floats,
    Frame,
    ImageEmbedding,
    Mask,
    MaskPrediction,
    Prompt,
)
from track_anything.testing import MovingSquare, ThresholdSegmenter


class Answers:
    """A segmenter that answers every click on a frame of 40 x 30 with the same given masks."""

    name = "answers"

    def __init__(self, *given: tuple[Mask, float, float]) -> None:
        """Take masks with their predicted IoU and how far their logits are from 0."""
        self.given = given
        self.embedded: list[tuple[int, int]] = []
        self.batches: list[int] = []

    def embed(self, frame: Frame) -> ImageEmbedding:
        self.embedded.append((frame.image.shape[0], frame.image.shape[1]))
        return ImageEmbedding(self.embedded[-1], None)

    def decode(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
    ) -> Sequence[Sequence[MaskPrediction]]:
        raise AssertionError("clicks are asked for together")

    def decode_clicks(
        self, embedding: ImageEmbedding, points: Floats, *, least_predicted_iou: float = 0.0
    ) -> Iterator[ClickMask]:
        self.batches.append(len(points))
        for click in range(len(points)):
            for candidate, (mask, predicted_iou, sureness) in enumerate(self.given):
                if predicted_iou > least_predicted_iou:
                    logits = np.where(mask, sureness, -sureness).astype(np.float32)
                    yield ClickMask(click, candidate, predicted_iou, logits)


BLANK = Frame(0, Fraction(0), np.zeros((30, 40, 3), np.uint8))


def rectangle(left: int, top: int, right: int, bottom: int) -> Mask:
    mask = np.zeros((30, 40), bool)
    mask[top:bottom, left:right] = True
    return mask


def found(*given: tuple[Mask, float, float], **settings: Any) -> list[tuple[float, ...]]:
    config = GridConfig(points_per_side=2, **settings)
    regions = GridProposer(Answers(*given), config=config).regions(BLANK)
    return [tuple(region.box.astype(int).tolist()) for region in regions]


SMALL, MIDDLE, LARGE = rectangle(2, 2, 8, 8), rectangle(1, 1, 14, 14), rectangle(0, 0, 24, 24)


@pytest.mark.parametrize(
    ("network", "settings"),
    [
        ("tiny", {"points": 5, "predicted_iou": 0.1, "stability": 0.513, "offset": 0.01, "nms": 1}),
        ("vivid", {"points": 6, "predicted_iou": 0.1, "stability": 0.513, "offset": 0.1, "nms": 1}),
        (
            "vivid",
            {"points": 10, "predicted_iou": 0.1, "stability": 0.613, "offset": 0.01, "nms": 0.8},
        ),
        (
            "vivid",
            {
                "points": 4,
                "predicted_iou": 0.15,
                "stability": 0.613,
                "offset": 0.01,
                "nms": 0.8,
                "layers": 2,
            },
        ),
    ],
    ids=["as it is", "vivid", "suppressed", "crops"],
)
def test_masks_and_scores_are_those_of_the_reference_generator(
    network: str,
    settings: dict[str, Any],
    request: pytest.FixtureRequest,
    reference: Callable[[SamWeights], Callable[..., list[dict[str, Any]]]],
    frame: Frame,
) -> None:
    weights: SamWeights = request.getfixturevalue(network)
    wanted = reference(weights)(**settings)
    config = GridConfig(
        points_per_side=settings["points"],
        predicted_iou=settings["predicted_iou"],
        stability=settings["stability"],
        stability_offset=settings["offset"],
        box_nms=settings["nms"],
        crop_nms=settings["nms"],
        crop_layers=settings.get("layers", 0),
    )
    regions = GridProposer(SamSegmenter(weights, device="cpu"), config=config).regions(frame)
    assert len(regions) == len(wanted) > 1
    # Scores a few millionths apart may change places.
    wanted.sort(key=lambda one: (one["box"], one["crop"], round(one["score"], 3)))
    regions.sort(
        key=lambda one: (
            (one.box - (0, 0, 1, 1)).tolist(),
            tuple(one.crop.tolist()),
            round(one.predicted_iou, 3),
        )
    )
    for ours, theirs in zip(regions, wanted, strict=True):
        assert ours.predicted_iou == pytest.approx(theirs["score"], abs=1e-4)
        assert ours.crop.tolist() == list(theirs["crop"])
        # A logit of 0 to the last bit falls on either side.
        assert np.count_nonzero(ours.mask ^ rle_to_mask(theirs["rle"])) <= 2


def test_a_mask_must_be_predicted_above_the_limit_and_be_stable() -> None:
    sure, wrong = (SMALL, 0.9, 5.0), (LARGE, 0.88, 5.0)
    # Logits of +-0.5 lie between the thresholds: stricter there is nothing, laxer everything.
    vague = (MIDDLE, 0.95, 0.5)
    assert found(sure, wrong, vague) == [(2, 2, 8, 8)]
    assert (1, 1, 14, 14) in found(sure, wrong, vague, stability=0.0)
    assert (0, 0, 24, 24) in found(sure, wrong, vague, predicted_iou=0.8)


def test_a_limit_of_zero_lets_predictions_below_zero_pass() -> None:
    assert found((SMALL, -0.2, 5.0)) == []
    assert found((SMALL, -0.2, 5.0), predicted_iou=0.0) == [(2, 2, 8, 8)]


def test_of_boxes_that_overlap_too_much_the_better_predicted_stays() -> None:
    # 10 x 10 and 12 x 10 pixels: their boxes, a pixel short, share 81 of 99.
    first, second = rectangle(4, 4, 14, 14), rectangle(4, 4, 16, 14)
    both = ((first, 0.9, 5.0), (second, 0.95, 5.0))
    assert found(*both, box_nms=0.8) == [(4, 4, 16, 14)]
    assert found(*both, box_nms=0.82) == [(4, 4, 16, 14), (4, 4, 14, 14)]


def test_masks_outside_the_limits_of_area_are_dropped() -> None:
    three = tuple((mask, 0.9, 5.0) for mask in (SMALL, MIDDLE, LARGE))
    # 36, 169 and 576 of 1200 pixels.
    assert found(*three, min_area=37) == [(1, 1, 14, 14), (0, 0, 24, 24)]
    assert found(*three, max_area=0.47) == [(2, 2, 8, 8), (1, 1, 14, 14)]
    assert found((np.zeros((30, 40), bool), 0.9, 5.0), stability=0.0) == []


@pytest.mark.parametrize(
    ("granularity", "wanted"),
    [
        ("all", [(2, 2, 8, 8), (1, 1, 14, 14), (0, 0, 24, 24)]),
        ("whole", [(0, 0, 24, 24)]),
        ("part", [(1, 1, 14, 14)]),
        ("subpart", [(2, 2, 8, 8)]),
    ],
)
def test_granularity_picks_one_level(granularity: str, wanted: list[tuple[int, ...]]) -> None:
    three = tuple((mask, 0.9, 5.0) for mask in (SMALL, MIDDLE, LARGE))
    assert found(*three, granularity=granularity) == wanted


def test_clicks_come_in_batches_of_the_size_asked_for() -> None:
    segmenter = Answers((SMALL, 0.9, 5.0))
    config = GridConfig(points_per_side=5, points_per_batch=10)
    GridProposer(segmenter, config=config).regions(BLANK)
    assert segmenter.batches == [10, 10, 5]


def test_clicks_are_made_only_in_the_area() -> None:
    segmenter = Answers((SMALL, 0.9, 5.0))
    # Clicks at x 10 and 30, y 7.5 and 22.5: one of the four lies here.
    area = rectangle(25, 20, 40, 30)
    regions = GridProposer(segmenter, config=GridConfig(points_per_side=2)).regions(
        BLANK, area=area
    )
    assert segmenter.batches == [1]
    assert regions[0].point is not None
    assert regions[0].point.tolist() == [30.0, 22.5]


def test_a_picture_without_clicks_is_not_even_embedded() -> None:
    segmenter = Answers((SMALL, 0.9, 5.0))
    proposer = GridProposer(segmenter, config=GridConfig(points_per_side=2, crop_layers=1))
    assert proposer.regions(BLANK, area=np.zeros((30, 40), bool)) == []
    assert segmenter.embedded == []


def test_an_area_of_another_size_is_refused() -> None:
    with pytest.raises(ConfigError, match="the area is 20x10, the frame 40x30"):
        GridProposer(Answers()).regions(BLANK, area=np.ones((10, 20), bool))


def test_the_whole_frame_is_embedded_last_so_that_its_embedding_is_the_one_kept() -> None:
    segmenter = Answers()
    GridProposer(segmenter, config=GridConfig(points_per_side=1, crop_layers=1)).regions(BLANK)
    assert len(segmenter.embedded) == 5
    assert segmenter.embedded[-1] == (30, 40)


def test_point_grids_of_ones_own_take_the_place_of_the_regular_ones() -> None:
    segmenter = Answers((SMALL, 0.9, 5.0))
    proposer = GridProposer(segmenter, grids=[np.array([[0.25, 0.5]], np.float32)])
    (region,) = proposer.regions(BLANK)
    assert region.point is not None
    assert region.point.tolist() == [10.0, 15.0]
    with pytest.raises(ConfigError, match="1 crop layers need 2 point grids, got 1"):
        GridProposer(segmenter, config=GridConfig(crop_layers=1), grids=[np.zeros((1, 2))])


def test_holes_and_islands_are_removed_and_the_mask_measured_again() -> None:
    mask = rectangle(0, 0, 20, 20)
    mask[5:7, 5:7] = False
    mask[28, 38] = True
    config = GridConfig(points_per_side=1, min_region_area=5)
    (region,) = GridProposer(Answers((mask, 0.9, 5.0)), config=config).regions(BLANK)
    assert np.array_equal(region.mask, rectangle(0, 0, 20, 20))
    assert region.area == 400
    assert region.box.tolist() == [0, 0, 20, 20]


def test_proposals_have_dense_masks_made_when_asked_for() -> None:
    proposer: Proposer = GridProposer(
        Answers((SMALL, 0.9, 5.0), (LARGE, 1.02, 5.0)), config=GridConfig(points_per_side=1)
    )
    proposals = proposer.propose(BLANK)
    assert [proposal.score for proposal in proposals] == [1.0, 0.9]
    assert np.array_equal(proposals[0].mask, LARGE)
    assert proposals[0].mask is not proposals[0].mask
    assert len(proposals[:1]) == 1


def test_a_segmenter_that_knows_prompts_alone_is_asked_click_by_click() -> None:
    square = MovingSquare()
    segmenter = ThresholdSegmenter()
    assert not isinstance(segmenter, ClickSegmenter)
    config = GridConfig(points_per_side=16, predicted_iou=0.5, stability=0.5, max_area=0.2)
    (region,) = GridProposer(segmenter, config=config).regions(next(iter(square)))
    assert np.array_equal(region.mask, square.truth(0))


def test_sam_makes_no_masks_that_are_not_predicted_well_enough(
    vivid: SamWeights, frame: Frame
) -> None:
    segmenter = SamSegmenter(vivid, device="cpu")
    assert isinstance(segmenter, ClickSegmenter)
    embedding = segmenter.embed(frame)
    points = np.array([[50, 60], [200, 150], [350, 20]], np.float32)
    every = list(segmenter.decode_clicks(embedding, points))
    assert [(one.click, one.candidate) for one in every] == [
        (click, candidate) for click in range(3) for candidate in range(3)
    ]
    limit = sorted(one.predicted_iou for one in every)[5]
    some = list(segmenter.decode_clicks(embedding, points, least_predicted_iou=limit))
    assert [(one.click, one.candidate) for one in some] == [
        (one.click, one.candidate) for one in every if one.predicted_iou > limit
    ]
    wanted = next(one for one in every if one.predicted_iou > limit)
    assert np.array_equal(some[0].logits, wanted.logits)
    assert some[0].logits.shape == (300, 400)

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from track_anything.config import GridConfig
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
        ("tiny", {"points": 9, "predicted_iou": 0.1, "stability": 0.513, "offset": 0.01, "nms": 1}),
        ("vivid", {"points": 9, "predicted_iou": 0.1, "stability": 0.513, "offset": 0.1, "nms": 1}),
        (
            "vivid",
            {"points": 12, "predicted_iou": 0.15, "stability": 0.613, "offset": 0.01, "nms": 0.8},
        ),
        (
            "vivid",
            {
                "points": 8,
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

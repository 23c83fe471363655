from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np
import pytest

from track_anything.config import RegionConfig
from track_anything.interfaces import Proposer
from track_anything.masks import mask_iou
from track_anything.proposers.merging import merge_regions
from track_anything.proposers.refinement import BOX, BOX_ALONE, CLICK, object_chance, picked
from track_anything.proposers.region import Region
from track_anything.proposers.regions import RegionProposer, likely_places
from track_anything.rle import rle_to_mask
from track_anything.segmenters.grabcut import GrabCutSegmenter
from track_anything.structures import Frame, ImageEmbedding, Mask, MaskPrediction, Prompt


def rectangle(left: int, top: int, right: int, bottom: int) -> Mask:
    mask = np.zeros((150, 200), bool)
    mask[top:bottom, left:right] = True
    return mask


CARD, COIN = rectangle(20, 30, 80, 110), rectangle(130, 60, 165, 95)


@pytest.fixture(scope="module")
def frame() -> Frame:
    """A red card and a yellow coin, square, on a grey table with a little noise."""
    noise = np.random.default_rng(0).integers(0, 10, (150, 200, 3))
    image = np.full((150, 200, 3), 110) + noise
    image[CARD] = (190, 40, 40)
    image[COIN] = (220, 200, 40)
    return Frame(0, Fraction(0), image.astype(np.uint8))


def best(regions: list[Region], truth: Mask) -> float:
    return max(mask_iou(region.mask, truth) for region in regions)


def region(*corners: int, score: float) -> Region:
    return Region.of(rectangle(*corners), predicted_iou=score)


def test_what_edges_close_is_found_whole(frame: Frame) -> None:
    regions = RegionProposer(GrabCutSegmenter()).regions(frame)
    assert best(regions, CARD) > 0.95
    assert best(regions, COIN) > 0.9
    assert len(regions) <= 4
    scores = [each.score for each in regions]
    assert scores == sorted(scores, reverse=True)
    assert max(regions, key=lambda each: each.area).area < 0.5 * 150 * 200


def test_only_what_lies_in_the_area_is_proposed(frame: Frame) -> None:
    regions = RegionProposer(GrabCutSegmenter()).regions(frame, area=rectangle(110, 0, 200, 150))
    assert best(regions, COIN) > 0.9
    assert best(regions, CARD) < 0.1


def test_proposals_are_the_regions_with_dense_masks(frame: Frame) -> None:
    proposer: Proposer = RegionProposer(GrabCutSegmenter())
    proposals = proposer.propose(frame)
    regions = RegionProposer(GrabCutSegmenter()).regions(frame)
    assert [p.score for p in proposals] == [r.score for r in regions]
    assert all(np.array_equal(p.mask, r.mask) for p, r in zip(proposals, regions, strict=True))


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (9, 9), (60, 40)])
def test_no_picture_is_too_small(size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    RegionProposer(GrabCutSegmenter()).regions(Frame(0, Fraction(0), image))


def test_the_merging_offers_every_object_among_its_regions(frame: Frame) -> None:
    merged = merge_regions(cv2.cvtColor(frame.image, cv2.COLOR_RGB2LAB).astype(np.uint8))
    for truth in (CARD, COIN):
        inside = np.bincount(merged.labels.ravel(), truth.ravel(), merged.members.shape[1])
        shared = merged.members @ inside
        areas = merged.members @ merged.areas
        assert (shared / (areas + truth.sum() - shared)).max() > 0.9
    assert merged.members.any(axis=1).all()
    assert np.isfinite(merged.evidence).all()
    everything = merged.members.all(axis=1)
    assert merged.boxes[everything].tolist() == [[0, 0, 200, 150]]


def test_likely_boxes_with_sure_masks_are_likely_objects() -> None:
    for line in (BOX, CLICK, BOX_ALONE):
        chances = [
            object_chance(likelihood, predicted_iou, line)
            for likelihood, predicted_iou in ((0.9, 0.8), (0.9, 0.4), (0.3, 0.4))
        ]
        assert 1 > chances[0] > chances[1] > chances[2] > 0


def test_of_masks_alike_and_of_fragments_the_best_stay_and_small_parts_do() -> None:
    whole = region(0, 0, 100, 100, score=0.9)
    alike = region(0, 0, 100, 90, score=0.8)
    fragment = region(0, 0, 100, 40, score=0.7)
    part = region(10, 10, 30, 30, score=0.6)
    other = region(150, 0, 190, 40, score=0.5)
    unlikely = region(150, 100, 190, 140, score=0.1)
    every = [whole, alike, fragment, part, other, unlikely]
    assert picked(every, RegionConfig(), least_score=0.3) == [whole, part, other]
    assert picked(every, RegionConfig(max_regions=2), least_score=0.3) == [whole, part]
    assert picked(every, RegionConfig(part_share=0.0), least_score=0.3) == [whole, other]


def test_a_region_is_described_ready_for_json() -> None:
    described = region(10, 20, 30, 60, score=0.12341).to_dict()
    assert described["box"] == [10.0, 20.0, 30.0, 60.0]
    assert (described["area"], described["score"]) == (800, 0.1234)
    assert described["point"] is None
    assert described["stability_score"] is None
    assert described["crop_box"] == [0.0, 0.0, 200.0, 150.0]
    assert np.array_equal(rle_to_mask(described["segmentation"]), rectangle(10, 20, 30, 60))


class Told:
    """A segmenter that notes what it is asked, and answers with what is red or yellow there."""

    def __init__(self) -> None:
        self.name = "told"
        self.asked: list[tuple[tuple[int, int], Sequence[Prompt]]] = []

    def embed(self, frame: Frame) -> ImageEmbedding:
        return ImageEmbedding((frame.image.shape[0], frame.image.shape[1]), frame.image)

    def decode(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
    ) -> Sequence[Sequence[MaskPrediction]]:
        self.asked.append((embedding.size, prompts))
        is_thing = np.asarray(embedding.features)[..., 0] > 150
        _, labels = cv2.connectedComponents(is_thing.astype(np.uint8))
        return [[self._answer(labels, prompt)] for prompt in prompts]

    def _answer(self, labels: np.ndarray, prompt: Prompt) -> MaskPrediction:
        if prompt.box is None:
            x, y = prompt.points[0]
        else:
            x, y = (prompt.box[:2] + prompt.box[2:]) / 2
        label = labels[int(y), int(x)]
        mask = (labels == label) & (label > 0)
        return MaskPrediction(mask, np.where(mask, 5, -5).astype(np.float32), 0.9)


def large(frame: Frame) -> Frame:
    """The same six times as large: 1200 x 900."""
    image = np.repeat(np.repeat(frame.image, 6, axis=0), 6, axis=1)
    return Frame(0, Fraction(0), image)


def test_places_are_asked_about_on_a_small_picture_and_the_best_again_on_the_frame(
    frame: Frame,
) -> None:
    segmenter = Told()
    regions = RegionProposer(segmenter).regions(large(frame))
    (small, first), (size, second) = segmenter.asked
    assert (small, size) == ((480, 640), (900, 1200))
    assert all((prompt.box is None) != (len(prompt.points) == 0) for prompt in first)
    assert len(second) == len(regions) == 2
    for prompt in second:
        assert prompt.box is not None
        assert prompt.logits is not None
    card = np.repeat(np.repeat(CARD, 6, axis=0), 6, axis=1)
    found = max(regions, key=lambda each: each.area)
    assert np.array_equal(found.mask, card)
    if found.point is not None:
        assert card[int(found.point[1]), int(found.point[0])]


@pytest.mark.parametrize("clicks", [0, 2])
def test_the_likeliest_places_are_clicked_on_as_well(frame: Frame, clicks: int) -> None:
    segmenter = Told()
    RegionProposer(segmenter, config=RegionConfig(candidates=5, clicks=clicks)).regions(frame)
    _, prompts = segmenter.asked[0]
    assert [prompt.box is None for prompt in prompts] == [False] * 5 + [True] * clicks


def test_a_click_is_made_where_a_place_is_widest(frame: Frame) -> None:
    places = likely_places(large(frame).image, 20)
    likelihoods = [place.likelihood for place in places]
    assert likelihoods == sorted(likelihoods, reverse=True)
    card = np.array([20, 30, 80, 110], np.float32) * 6
    around = [place for place in places if np.abs(place.box - card).max() < 25]
    assert around
    for place in around:
        # The border is 180 px from its middle line.
        x, y = place.middle
        assert min(x - 120, 480 - x, y - 180, 660 - y) > 110


def test_a_segmenter_that_a_click_tells_little_is_asked_about_boxes_alone(
    frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = Told()
    monkeypatch.setattr(segmenter, "name", "grabcut")
    RegionProposer(segmenter).regions(frame)
    assert all(prompt.box is not None for prompt in segmenter.asked[0][1])


def test_the_least_area_is_in_pixels_of_the_frame_however_it_is_asked_about(frame: Frame) -> None:
    # The coin has 35 x 35 x 36 = 44100 pixels there.
    for least, count in ((44_000, 2), (45_000, 1)):
        proposer = RegionProposer(Told(), config=RegionConfig(min_area=least))
        assert len(proposer.regions(large(frame))) == count

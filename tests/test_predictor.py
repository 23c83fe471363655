"""A predictor with SAM's words over any segmenter."""

from pathlib import Path

import numpy as np
import pytest

from track_anything.errors import ConfigError, PromptError, SegmenterError
from track_anything.predictor import Predictor
from track_anything.segmenters.sam.segmenter import SamSegmenter
from track_anything.structures import Image
from track_anything.testing import MovingSquare, ThresholdSegmenter

BOX = [8, 12, 32, 36]
TINY = Path(__file__).parent / "data" / "sam_tiny" / "sam_tiny.pth"


@pytest.fixture
def image() -> Image:
    """A bright square in BOX."""
    return next(iter(MovingSquare())).image


@pytest.fixture(scope="session")
def sam() -> SamSegmenter:
    return SamSegmenter(TINY, device="cpu", zoom="off")


def test_a_box_gives_one_mask_with_its_score_and_logits(image: Image) -> None:
    predictor = Predictor(ThresholdSegmenter())
    embedding = predictor.embed(image)
    masks, scores, logits = predictor.predict(embedding, box=BOX, multimask_output=False)
    expected = np.zeros(image.shape[:2], bool)
    expected[12:36, 8:32] = True
    assert np.array_equal(masks, expected[None])
    assert (scores.shape, scores.dtype) == ((1,), np.float32)
    assert (logits.ndim, logits.dtype, len(logits)) == (3, np.float32, 1)


def test_embeddings_are_values_and_are_asked_in_any_order(image: Image) -> None:
    predictor = Predictor(ThresholdSegmenter())
    first, second = predictor.embed(image), predictor.embed(image[:, ::-1])
    predictor.embed(np.zeros_like(image))
    for embedding, x in ((second, image.shape[1] - 21), (first, 20)):
        masks, _, _ = predictor.predict(
            embedding, point_coords=[[x, 20]], point_labels=[1], multimask_output=False
        )
        assert masks[0][20, x]
        assert masks[0].sum() == 24 * 24


def test_a_picture_changed_after_embedding_is_not_looked_at_again(
    image: Image, sam: SamSegmenter
) -> None:
    lazy = SamSegmenter(TINY, device="cpu", zoom="auto")
    for segmenter in (sam, lazy):
        predictor = Predictor(segmenter)
        mine = image.copy()
        embedding, copied = predictor.embed(mine), predictor.embed(image)
        mine[:] = 0
        wanted, _, _ = predictor.predict(copied, box=[0, 0, 120, 90])
        found, _, _ = predictor.predict(embedding, box=[0, 0, 120, 90])
        assert np.array_equal(found, wanted)


def test_bgr_is_turned_round(image: Image, sam: SamSegmenter) -> None:
    predictor = Predictor(sam)
    rgb, bgr = predictor.embed(image), predictor.embed(image[..., ::-1], image_format="BGR")
    for one, other in zip(
        predictor.predict(rgb, box=BOX), predictor.predict(bgr, box=BOX), strict=True
    ):
        assert np.array_equal(one, other)
    with pytest.raises(ConfigError, match="RGB or BGR, got 'GBR'"):
        predictor.embed(image, image_format="GBR")


@pytest.mark.parametrize(
    "prompt", [{"box": BOX}, {"point_coords": [[20, 20]], "point_labels": [1]}]
)
def test_of_sam_many_are_masks_1_to_3_in_their_order_and_one_is_mask_0(
    image: Image, sam: SamSegmenter, prompt: dict[str, object]
) -> None:
    predictor = Predictor(sam)
    embedding = predictor.embed(image)
    given = {key.removeprefix("point_").replace("coords", "points"): v for key, v in prompt.items()}
    from track_anything.structures import Prompt

    (all_four,) = sam.decode(embedding, [Prompt(**given)])  # type: ignore[arg-type]
    by_index = {each.index: each for each in all_four}
    for multimask, indices in ((True, [1, 2, 3]), (False, [0])):
        masks, scores, logits = predictor.predict(
            embedding,
            multimask_output=multimask,
            **prompt,  # type: ignore[arg-type]
        )
        assert np.array_equal(masks, [by_index[index].mask for index in indices])
        assert np.array_equal(logits, [by_index[index].logits for index in indices])
        assert scores == pytest.approx([by_index[index].predicted_iou for index in indices])


def test_logits_are_taken_back_as_a_mask_input(image: Image, sam: SamSegmenter) -> None:
    predictor = Predictor(sam)
    embedding = predictor.embed(image)
    plain, _, logits = predictor.predict(embedding, box=BOX, multimask_output=False)
    flat, *_ = predictor.predict(embedding, box=BOX, mask_input=logits[0], multimask_output=False)
    deep, *_ = predictor.predict(embedding, box=BOX, mask_input=logits, multimask_output=False)
    assert np.array_equal(flat, deep)
    assert not np.array_equal(flat, plain)


def test_a_segmenter_that_keeps_one_mask_cannot_give_three(image: Image) -> None:
    predictor = Predictor(SamSegmenter(TINY, device="cpu", candidate_count=1))
    with pytest.raises(SegmenterError, match="keeps 1 of its masks: make it with all"):
        predictor.predict(predictor.embed(image), box=BOX)


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ({}, "a prompt needs a box, points"),
        ({"point_coords": [[1, 2], [3, 4]]}, "2 points need 2 labels, got 0"),
        ({"point_coords": [1, 2], "point_labels": [1]}, r"point_coords is \(N, 2\), got \(2,\)"),
        ({"point_coords": [[1, 2]], "point_labels": [-1]}, "point labels are 1"),
        ({"box": [1, 2, 3]}, "a box has 4 numbers"),
        ({"mask_input": np.zeros((3, 4, 4))}, r"mask_input is \(h, w\) or \(1, h, w\)"),
    ],
)
def test_malformed_prompts_are_refused(image: Image, prompt: dict[str, object], text: str) -> None:
    predictor = Predictor(ThresholdSegmenter())
    with pytest.raises(PromptError, match=text):
        predictor.predict(predictor.embed(image), **prompt)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
    ids=["gray", "float", "empty"],
)
def test_what_is_no_image_is_refused(given: Image) -> None:
    with pytest.raises(PromptError, match=r"an image is \(H, W, 3\) uint8, got"):
        Predictor(ThresholdSegmenter()).embed(given)


def test_segmenters_are_named_as_on_the_command_line() -> None:
    assert Predictor().segmenter.name == "compact"
    assert Predictor(str(TINY), device="cpu").segmenter.name == "sam"
    with pytest.raises(ConfigError, match="a segmenter is needed, got 'none'"):
        Predictor("none")

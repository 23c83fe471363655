"""One suite that every segmenter passes: add a new one to SEGMENTERS.

The first part is about form: shapes, types, order, sameness, errors. Those that find plain objects
without weights are in FINDERS too and pass the second part, about quality.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from track_anything.errors import SegmenterError
from track_anything.evaluation.simulated import SimulatedSegmenter
from track_anything.interfaces import Segmenter
from track_anything.masks import logits_mask, mask_iou, mask_logits
from track_anything.segmenters.compact.segmenter import CompactSegmenter
from track_anything.segmenters.grabcut import GrabCutSegmenter
from track_anything.segmenters.sam.segmenter import SamSegmenter
from track_anything.structures import Frame, Image, ImageEmbedding, Mask, MaskPrediction, Prompt
from track_anything.testing import ThresholdSegmenter

TINY = Path(__file__).resolve().parents[1] / "data" / "sam_tiny" / "sam_tiny.pth"


def _simulated() -> Segmenter:
    """Knows the disc of `truth` on frames of every size."""

    def disc(frame: Frame) -> np.ndarray:
        y, x = np.mgrid[: frame.image.shape[0], : frame.image.shape[1]] + 0.5
        return ((x - 55) ** 2 + (y - 45) ** 2 <= 25**2).astype(np.uint16)

    segmenter = SimulatedSegmenter()
    segmenter.begin(disc)
    return segmenter


FINDERS: dict[str, Callable[[], Segmenter]] = {
    "compact": partial(CompactSegmenter, device="cpu"),
    "grabcut": GrabCutSegmenter,
    "threshold": ThresholdSegmenter,
}
SEGMENTERS: dict[str, Callable[[], Segmenter]] = {
    **FINDERS,
    # Its weights are random: what it answers is of the right form and means nothing.
    "sam": partial(SamSegmenter, TINY, device="cpu"),
    "simulated": _simulated,
}
HEIGHT, WIDTH = 90, 120
BOX = np.array([30, 20, 80, 70], np.float32)
POINT = np.array([[55, 45]], np.float32)
ON, OFF = np.array([1]), np.array([0])
PROMPTS = (
    Prompt(box=BOX),
    Prompt(box=BOX, points=POINT, labels=ON),
    Prompt(box=BOX, points=np.array([[55, 45], [33, 23]]), labels=np.array([1, 0])),
    Prompt(points=POINT, labels=ON),
)
KINDS = ("box", "box and point", "box, point and background point", "point")


@pytest.fixture(params=SEGMENTERS.values(), ids=SEGMENTERS.keys())
def segmenter(request: pytest.FixtureRequest) -> Segmenter:
    """Every segmenter in turn, fresh."""
    made: Segmenter = request.param()
    return made


@pytest.fixture(params=FINDERS.values(), ids=FINDERS.keys())
def finder(request: pytest.FixtureRequest) -> Segmenter:
    """Every segmenter that knows what an object is, fresh."""
    made: Segmenter = request.param()
    return made


@pytest.fixture
def truth() -> Mask:
    """A disc that fills BOX."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return np.asarray((x - 55) ** 2 + (y - 45) ** 2 <= 25**2)


@pytest.fixture
def frame(truth: Mask) -> Frame:
    """The disc, light, on a dark and slightly noisy ground."""
    noise = np.random.default_rng(0).integers(0, 12, (HEIGHT, WIDTH, 3))
    image = (noise + np.where(truth[..., None], (240, 235, 225), (20, 40, 30))).clip(0, 255)
    return Frame(0, Fraction(0), image.astype(np.uint8))


def decode(segmenter: Segmenter, frame: Frame, *prompts: Prompt) -> list[list[MaskPrediction]]:
    return [list(found) for found in segmenter.decode(segmenter.embed(frame), prompts)]


def check(predictions: list[MaskPrediction], size: tuple[int, int]) -> None:
    """The form that every answer has."""
    assert predictions
    for prediction in predictions:
        assert prediction.mask.shape == size
        assert prediction.mask.dtype == np.bool_
        assert prediction.logits.ndim == 2
        assert prediction.logits.dtype == np.float32
        assert np.isfinite(prediction.logits).all()
        assert 0 <= prediction.predicted_iou <= 1


def test_it_has_a_short_name(segmenter: Segmenter) -> None:
    assert segmenter.name
    assert segmenter.name == segmenter.name.lower().strip()


def test_an_embedding_has_the_size_of_its_frame(segmenter: Segmenter, frame: Frame) -> None:
    assert segmenter.embed(frame).size == (HEIGHT, WIDTH)


def test_embedding_the_same_frame_again_gives_the_same_embedding(
    segmenter: Segmenter, frame: Frame
) -> None:
    assert segmenter.embed(frame) is segmenter.embed(frame)


def test_an_equal_index_is_not_the_same_frame(segmenter: Segmenter, frame: Frame) -> None:
    first = segmenter.embed(frame)
    assert segmenter.embed(Frame(0, Fraction(0), frame.image[::-1].copy())) is not first


@pytest.mark.parametrize("prompt", PROMPTS, ids=KINDS)
def test_every_kind_of_prompt_has_answers_of_the_same_form(
    segmenter: Segmenter, frame: Frame, prompt: Prompt
) -> None:
    (found,) = decode(segmenter, frame, prompt)
    check(found, (HEIGHT, WIDTH))


def test_an_embedding_may_be_decoded_after_another_was_made(
    segmenter: Segmenter, frame: Frame
) -> None:
    embedding = segmenter.embed(frame)
    (first,) = segmenter.decode(embedding, [Prompt(box=BOX)])
    for index in range(1, 4):
        other = segmenter.embed(Frame(index, Fraction(index), np.zeros((50, 60, 3), np.uint8)))
        segmenter.decode(other, [Prompt(box=np.array([5, 5, 40, 40]))])
    (again,) = segmenter.decode(embedding, [Prompt(box=BOX)])
    for one, other_one in zip(first, again, strict=True):
        assert np.array_equal(one.mask, other_one.mask)


def test_the_logits_stand_for_the_mask(segmenter: Segmenter, frame: Frame) -> None:
    ((found, *_),) = decode(segmenter, frame, Prompt(box=BOX))
    assert mask_iou(logits_mask(found.logits, (HEIGHT, WIDTH)), found.mask) > 0.9


def test_every_prompt_gets_its_candidates_in_order(segmenter: Segmenter, frame: Frame) -> None:
    far = Prompt(box=np.array([90, 5, 115, 25], np.float32))
    alone = decode(segmenter, frame, far)[0]
    both = decode(segmenter, frame, Prompt(box=BOX), far)
    assert len(both) == 2
    assert [np.array_equal(a.mask, b.mask) for a, b in zip(alone, both[1], strict=True)] == [
        True
    ] * len(alone)


def test_candidates_come_best_first(segmenter: Segmenter, frame: Frame) -> None:
    (found,) = decode(segmenter, frame, Prompt(points=POINT, labels=ON))
    # SAM's mask for clear prompts, number 0, comes after its three for a click, whatever it scores.
    ranked = [prediction for prediction in found if getattr(prediction, "index", None) != 0]
    scores = [prediction.predicted_iou for prediction in ranked]
    assert len(found) - len(ranked) <= 1
    assert scores == sorted(scores, reverse=True)


def test_no_prompts_give_no_answers(segmenter: Segmenter, frame: Frame) -> None:
    assert decode(segmenter, frame) == []


def test_the_same_prompt_gives_the_same_answer(segmenter: Segmenter, frame: Frame) -> None:
    prompt = Prompt(box=BOX - 7, points=POINT, labels=ON)
    first = decode(segmenter, frame, prompt)[0][0]
    decode(segmenter, frame, Prompt(box=BOX + 9))
    cv2.setRNGSeed(12345)
    again = decode(segmenter, frame, prompt)[0][0]
    assert np.array_equal(first.mask, again.mask)
    assert np.array_equal(first.logits, again.logits)
    assert first.predicted_iou == again.predicted_iou


def test_the_picture_is_left_as_it_was(segmenter: Segmenter, frame: Frame) -> None:
    before = frame.image.copy()
    frame.image.setflags(write=False)
    decode(segmenter, frame, Prompt(box=BOX), Prompt(points=POINT, labels=ON))
    assert np.array_equal(frame.image, before)


@pytest.mark.parametrize(
    "image",
    [
        np.full((HEIGHT, WIDTH, 3), 128, np.uint8),
        np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((3, 200, 3), np.uint8),
    ],
    ids=["one colour", "noise", "one pixel", "three lines"],
)
@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(box=np.array([0.2, 0.2, 0.9, 0.9])),
        Prompt(box=np.array([0, 0, WIDTH, HEIGHT])),
        Prompt(box=np.array([-50, -50, 500, 500])),
        Prompt(box=np.array([-50, -50, -10, -10])),
        Prompt(points=np.array([[0, 0]]), labels=ON),
        Prompt(points=np.array([[-5, 999]]), labels=ON),
        Prompt(points=np.array([[0, 0]]), labels=OFF),
        Prompt(points=np.array([[0, 0], [0, 0]]), labels=np.array([1, 0])),
        Prompt(box=np.array([0, 0, 1, 1]), points=np.array([[100, 80]]), labels=ON),
        Prompt(box=np.array([0, 0, 9, 9]), points=np.array([[4, 4]] * 3), labels=[0, 0, 0]),
        Prompt(logits=np.full((4, 4), -9, np.float32)),
        Prompt(logits=np.full((4, 4), 9, np.float32)),
        Prompt(logits=np.full((300, 2), 9, np.float32), points=POINT, labels=OFF),
    ],
    ids=str,
)
def test_no_prompt_on_no_picture_crashes_it(
    segmenter: Segmenter, image: Image, prompt: Prompt
) -> None:
    (found,) = decode(segmenter, Frame(0, Fraction(0), image), prompt)
    check(found, (image.shape[0], image.shape[1]))


def test_another_segmenters_embedding_is_refused(segmenter: Segmenter) -> None:
    foreign = ImageEmbedding((HEIGHT, WIDTH), object())
    with pytest.raises(SegmenterError, match=segmenter.name):
        segmenter.decode(foreign, [Prompt(box=BOX)])


# --- Quality -----------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", PROMPTS, ids=KINDS)
def test_a_plain_object_is_found(
    finder: Segmenter, frame: Frame, truth: Mask, prompt: Prompt
) -> None:
    (found,) = decode(finder, frame, prompt)
    assert mask_iou(found[0].mask, truth) > 0.9


def test_a_previous_mask_is_brought_onto_the_object(
    finder: Segmenter, frame: Frame, truth: Mask
) -> None:
    shifted = np.roll(truth, 5, axis=1)
    grown = BOX + np.array([-6, -6, 12, 6], np.float32)
    prompt = Prompt(box=grown, logits=mask_logits(shifted, (23, 30)))
    (found,) = decode(finder, frame, prompt)
    assert mask_iou(found[0].mask, truth) > 0.9

"""The simulated segmenter: right when the prompt is, wrong when it is not, the same every time."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from track_anything.config import RepromptConfig
from track_anything.errors import SegmenterError
from track_anything.evaluation.simulated import SimulatedSegmenter, degraded, prompt_fit
from track_anything.masks import mask_box, mask_iou, mask_logits
from track_anything.structures import Frame, ImageEmbedding, Mask, MaskPrediction, Prompt
from track_anything.tracking.reprompt import reprompt

HEIGHT, WIDTH = 120, 200


def disc(x: int, y: int, radius: int) -> Mask:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


LEFT, RIGHT = disc(60, 60, 30), disc(150, 60, 25)


def labels(**masks: Mask) -> NDArray[np.uint16]:
    """Label maps from masks named o1, o2 ..."""
    out = np.zeros((HEIGHT, WIDTH), np.uint16)
    for name, mask in masks.items():
        out[mask] = int(name[1:])
    return out


BOTH = labels(o1=LEFT, o2=RIGHT)


def frame(index: int = 0) -> Frame:
    return Frame(index, Fraction(index), np.zeros((HEIGHT, WIDTH, 3), np.uint8))


def question(carried: Mask, track_id: int = 1, others: Sequence[Mask] = ()) -> Prompt:
    """As the tracker asks about a track with this carried mask."""
    logits = mask_logits(carried, (HEIGHT // 4, WIDTH // 4))
    return reprompt(track_id, carried, logits, others, RepromptConfig())


def answer(
    prompt: Prompt, truth: NDArray[np.uint16] = BOTH, *, index: int = 0, seed: int = 0
) -> MaskPrediction:
    segmenter = SimulatedSegmenter(seed=seed)
    segmenter.begin(lambda _: truth)
    ((found,),) = segmenter.decode(segmenter.embed(frame(index)), [prompt])
    return found


def test_the_tracker_s_own_question_about_a_good_mask_is_answered_right() -> None:
    found = [answer(question(LEFT), index=index) for index in range(40)]
    ious = [mask_iou(one.mask, LEFT) for one in found]
    assert np.mean(ious) == pytest.approx(0.9, abs=0.015)
    assert 0.02 < np.std(ious) < 0.05
    assert min(ious) > 0.78
    assert max(ious) < 0.98
    assert all(0.85 <= one.predicted_iou <= 0.97 for one in found)


def test_a_mask_that_lags_by_a_third_of_the_object_is_still_a_right_question() -> None:
    # The box, 61 a side, grown by a tenth and 20 pixels off: 47.1 * 61 of 6206 shared, .46.
    carried = disc(40, 60, 30)
    prompt = question(carried)
    expected = (0.463 + mask_iou(carried, LEFT) + 1) / 3
    assert prompt_fit(prompt, LEFT) == pytest.approx(expected, abs=0.02)
    for index in range(10):
        assert mask_iou(answer(prompt, index=index).mask, LEFT) > 0.75


def test_a_small_part_of_an_object_is_not_answered_with_the_object() -> None:
    # A box of a thirtieth of the area, though the point in it lies on the object.
    part = disc(60, 40, 6)
    assert prompt_fit(question(part), LEFT) < 0.5
    for index in range(10):
        assert mask_iou(answer(question(part), index=index).mask, LEFT) < 0.3


@pytest.mark.parametrize("seed", range(3))
def test_a_question_about_nothing_is_answered_with_something_wrong(seed: int) -> None:
    for index in range(10):
        found = answer(question(disc(105, 20, 12)), index=index, seed=seed)
        assert found.mask.any()
        assert max(mask_iou(found.mask, truth) for truth in (LEFT, RIGHT)) < 0.3
        assert 0.5 <= found.predicted_iou <= 0.9


def test_wrong_answers_are_what_the_logits_say_a_neighbour_or_a_blob() -> None:
    # A cross, unlike any blob, about a box that holds the right object but is far too large for it.
    carried = np.zeros((HEIGHT, WIDTH), bool)
    carried[8:112, 104:116] = carried[52:68, 80:196] = True
    found = [answer(question(carried), index=index).mask for index in range(30)]
    echoes = [mask_iou(mask, carried) > 0.6 for mask in found]
    assert 5 < sum(echoes) < 25
    assert not any(mask_iou(mask, RIGHT) > 0.8 for mask in found)
    both = labels(o1=disc(170, 95, 14), o2=RIGHT)
    found = [answer(question(carried), both, index=index).mask for index in range(30)]
    neighbours = [mask_iou(mask, disc(170, 95, 14)) > 0.7 for mask in found]
    echoes = [mask_iou(mask, carried) > 0.6 for mask in found]
    assert 3 < sum(neighbours) < 20
    assert 3 < sum(echoes) < 20
    assert sum(neighbours) + sum(echoes) < 28


def test_what_it_says_of_its_answers_follows_their_iou() -> None:
    found = [(answer(question(LEFT), index=i), LEFT) for i in range(40)]
    found += [(answer(question(disc(105, 20, 12)), index=i), LEFT) for i in range(40)]
    said = [one.predicted_iou for one, _ in found]
    true = [mask_iou(one.mask, truth) for one, truth in found]
    assert 0.6 < np.corrcoef(said, true)[0, 1] < 0.97
    # Among the right ones it knows only a part of it, as SAM does.
    assert 0.3 < np.corrcoef(said[:40], true[:40])[0, 1] < 0.9


def test_a_track_that_sits_on_its_neighbour_is_given_the_neighbour() -> None:
    assert mask_iou(answer(question(RIGHT, track_id=1)).mask, RIGHT) > 0.8


def test_an_object_that_is_not_visible_is_never_found() -> None:
    for index in range(10):
        found = answer(question(LEFT), labels(o2=RIGHT), index=index)
        assert mask_iou(found.mask, RIGHT) < 0.5
        assert found.predicted_iou <= 0.9


def test_one_point_on_an_object_is_enough_and_one_beside_it_is_not() -> None:
    on = Prompt(points=np.array([[60, 60]]), labels=np.array([1]))
    off = Prompt(points=np.array([[105, 15]]), labels=np.array([1]))
    assert mask_iou(answer(on).mask, LEFT) > 0.8
    assert mask_iou(answer(off).mask, LEFT) < 0.3


def test_a_negative_point_on_the_object_takes_the_positive_one_back() -> None:
    points = np.array([[50, 60], [70, 60]])
    assert prompt_fit(Prompt(points=points, labels=np.array([1, 1])), LEFT) == 1
    assert prompt_fit(Prompt(points=points, labels=np.array([1, 0])), LEFT) == 0


def test_a_box_alone_fits_by_its_iou() -> None:
    box = mask_box(LEFT)
    half = box.copy()
    half[2] = (box[0] + box[2]) / 2
    assert prompt_fit(Prompt(box=box), LEFT) == 1
    assert prompt_fit(Prompt(box=half), LEFT) == pytest.approx(0.5)


def test_answers_depend_on_seed_frame_and_prompt_and_on_nothing_else() -> None:
    prompt, other = question(LEFT), question(disc(62, 60, 30))
    segmenter = SimulatedSegmenter(seed=0)
    segmenter.begin(lambda _: BOTH)
    embedding = segmenter.embed(frame(3))
    segmenter.decode(embedding, [other, other])
    _, (second,) = segmenter.decode(embedding, [other, prompt])
    alone = answer(prompt, index=3)
    assert np.array_equal(second.mask, alone.mask)
    assert second.predicted_iou == alone.predicted_iou
    for different in (
        answer(prompt, index=4),
        answer(prompt, index=3, seed=1),
        answer(other, index=3),
    ):
        assert not np.array_equal(different.mask, alone.mask)


@pytest.mark.parametrize("wanted", [0.6, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("mask", [LEFT, disc(5, 60, 20), np.eye(HEIGHT, WIDTH, dtype=bool)])
def test_a_degraded_mask_has_the_iou_asked_for(mask: Mask, wanted: float) -> None:
    reached = mask_iou(degraded(mask, wanted, np.random.default_rng(1)), mask)
    # The last is a line one pixel wide: every step is a large one.
    assert reached == pytest.approx(wanted, abs=0.02 if mask.sum() > 500 else 0.2)


def test_an_object_of_one_pixel_is_answered() -> None:
    dot = np.zeros((HEIGHT, WIDTH), bool)
    dot[50, 50] = True
    found = answer(Prompt(points=np.array([[50.5, 50.5]]), labels=np.array([1])), labels(o1=dot))
    assert found.mask.any()


def test_without_a_truth_or_with_one_of_another_size_it_says_so() -> None:
    segmenter = SimulatedSegmenter()
    with pytest.raises(SegmenterError, match="begin comes first"):
        segmenter.embed(frame())
    segmenter.begin(lambda _: np.zeros((10, 20), np.uint16))
    with pytest.raises(SegmenterError, match="frame 0 is 200x120, its truth 20x10"):
        segmenter.embed(frame())


def test_another_one_s_embedding_is_refused() -> None:
    with pytest.raises(SegmenterError, match="another one's embedding"):
        SimulatedSegmenter().decode(ImageEmbedding((2, 2), None), [question(LEFT)])

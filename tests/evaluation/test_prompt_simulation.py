"""Prompts made from masks: where they lie, what they say, and that the seed decides."""

import numpy as np
import pytest

from track_anything.errors import PromptError
from track_anything.evaluation.datasets import DavisSequences
from track_anything.evaluation.prompt_simulation import (
    CLICKS,
    PREVIOUS_KINDS,
    corrected,
    degraded_mask,
    prompt_kinds,
    shifted_mask,
    simulate,
)
from track_anything.masks import logits_mask, mask_box, mask_iou, mask_logits
from track_anything.structures import Mask, MaskPrediction, Prompt

AT_ONCE = [kind for kind in prompt_kinds() if kind not in CLICKS]


@pytest.fixture
def figure() -> Mask:
    """A body of 40x30 with a leg of 10x40 below, in the middle of 200x160."""
    mask = np.zeros((160, 200), bool)
    mask[40:80, 80:110] = True
    mask[80:120, 80:90] = True
    return mask


def answer(mask: Mask) -> MaskPrediction:
    return MaskPrediction(mask, mask_logits(mask, (40, 50)), 0.5)


def values(prompt: Prompt) -> list[list[float]]:
    parts = (prompt.points, prompt.labels, prompt.box, prompt.logits)
    return [[] if part is None else part.ravel().tolist() for part in parts]


def test_the_kinds_are_those_of_the_reports_in_their_order() -> None:
    assert prompt_kinds() == (
        "tight box",
        "box + 10 %",
        "box + 1 point",
        "box + 3 points",
        "box + 3 + 3",
        "previous mask shifted",
        "previous mask degraded",
        "one point",
        "two clicks",
        "three clicks",
        "four clicks",
        "five clicks",
    )


@pytest.mark.parametrize("kind", AT_ONCE)
def test_the_same_seed_gives_the_same_prompt(figure: Mask, kind: str) -> None:
    assert values(simulate(kind, figure, [3, 4])) == values(simulate(kind, figure, [3, 4]))
    assert values(simulate(kind, figure, 7)) == values(simulate(kind, figure, [7]))


@pytest.mark.parametrize("kind", [k for k in AT_ONCE if k not in ("tight box", "box + 10 %")])
def test_another_seed_gives_another_prompt(figure: Mask, kind: str) -> None:
    seen = {str(values(simulate(kind, figure, seed))) for seed in range(5)}
    assert len(seen) > 1


def test_boxes_are_exact_or_grown_by_a_tenth_of_their_sides(figure: Mask) -> None:
    tight, grown = (simulate(kind, figure, 0).box for kind in ("tight box", "box + 10 %"))
    assert tight is not None
    assert tight.tolist() == [80, 40, 110, 120]
    assert grown is not None
    assert grown.tolist() == [77, 32, 113, 128]


@pytest.mark.parametrize(
    ("kind", "positive", "negative"),
    [("box + 1 point", 1, 0), ("box + 3 points", 3, 0), ("box + 3 + 3", 3, 3), ("one point", 1, 0)],
)
def test_clicks_lie_on_what_they_are_meant_for(
    figure: Mask, kind: str, positive: int, negative: int
) -> None:
    for seed in range(20):
        prompt = simulate(kind, figure, seed)
        assert prompt.labels.tolist() == [1] * positive + [0] * negative
        assert len({tuple(point) for point in prompt.points.tolist()}) == positive + negative
        for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
            assert figure[int(y), int(x)] == bool(label)
            assert 77 <= x < 113
            assert 32 <= y < 128


def test_clicks_spread_over_the_object(figure: Mask) -> None:
    on_leg = [
        (simulate("box + 3 points", figure, seed).points[:, 1] > 80).any() for seed in range(20)
    ]
    assert all(on_leg)


def test_a_lone_point_lies_near_the_middle_of_the_widest_place(figure: Mask) -> None:
    points = np.array([simulate("one point", figure, seed).points[0] for seed in range(200)])
    # The widest place is along the middle of the body, x 95, 15 from its sides: a click misses it
    # by 3.75 (standard deviation).
    assert points[:, 0].mean() == pytest.approx(95, abs=1)
    assert points[:, 0].std() == pytest.approx(3.75, abs=0.8)
    assert (points[:, 1] < 80).mean() > 0.95


@pytest.mark.parametrize("kind", PREVIOUS_KINDS)
def test_a_previous_mask_comes_as_half_size_logits_with_its_box(figure: Mask, kind: str) -> None:
    prompt = simulate(kind, figure, 1)
    assert prompt.logits is not None
    assert prompt.logits.shape == (80, 100)
    assert prompt.box is not None
    assert np.abs(mask_box(logits_mask(prompt.logits, (160, 200))) - prompt.box).max() <= 1
    assert not len(prompt.points)


def test_a_shifted_mask_is_moved_by_2_to_11_percent_of_the_root_of_its_area() -> None:
    square = np.zeros((300, 300), bool)
    square[100:200, 100:200] = True
    lengths = []
    for seed in range(50):
        found = shifted_mask(square, np.random.default_rng(seed))
        moved = mask_box(found) - mask_box(square)
        assert moved[:2] == pytest.approx(moved[2:], abs=1)
        lengths.append(float(np.hypot(*moved[:2])))
    assert 1.3 < min(lengths) < 4
    assert 9 < max(lengths) < 11.8


def test_a_degraded_mask_has_parts_too_much_and_parts_missing(figure: Mask) -> None:
    for seed in range(20):
        found = degraded_mask(figure, np.random.default_rng(seed))
        assert found.any()
        assert (figure & ~found).any()
        assert (found & ~figure).any()
        assert 0.3 < mask_iou(found, figure) < 0.9


@pytest.mark.parametrize("kind", AT_ONCE)
def test_a_single_pixel_in_a_corner_can_be_prompted_for(kind: str) -> None:
    mask = np.zeros((20, 30), bool)
    mask[0, 29] = True
    prompt = simulate(kind, mask, 0)
    assert all(mask[int(y), int(x)] for x, y in prompt.positive_points)
    assert prompt.box is None or prompt.box[2] <= 30


def test_an_object_that_fills_the_frame_has_no_clicks_on_the_background() -> None:
    prompt = simulate("box + 3 + 3", np.ones((20, 30), bool), 0)
    assert prompt.labels.tolist() == [1, 1, 1]


def test_the_next_click_goes_to_the_middle_of_the_largest_error(figure: Mask) -> None:
    without_leg = figure.copy()
    without_leg[80:] = False
    without_leg[45:50, 85:90] = False
    first = simulate("one point", figure, 0)
    second = corrected(first, answer(without_leg), figure)
    assert second is not None
    assert second.labels.tolist() == [1, 1]
    assert second.points[0].tolist() == first.points[0].tolist()
    # The leg is x 80 to 90, y 80 to 120: its middle line is at 85, give or take half a pixel.
    assert second.points[1, 0] in (84.5, 85.5)
    assert 84 <= second.points[1, 1] <= 116
    assert second.box is None
    assert np.array_equal(second.logits, answer(without_leg).logits)

    too_much = figure.copy()
    too_much[40:80, 110:160] = True
    third = corrected(second, answer(too_much), figure)
    assert third is not None
    assert third.labels.tolist() == [1, 1, 0]
    assert 125 < third.points[2, 0] < 145


def test_an_answer_without_an_error_needs_no_click(figure: Mask) -> None:
    assert corrected(simulate("one point", figure, 0), answer(figure), figure) is None


def test_clicks_that_depend_on_answers_and_unknown_kinds_are_refused(figure: Mask) -> None:
    for kind in ("two clicks", "scribble"):
        with pytest.raises(PromptError, match=f"tight box, .*; got '{kind}'"):
            simulate(kind, figure, 0)


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(PromptError, match="without a pixel"):
        simulate("tight box", np.zeros((4, 4), bool), 0)


@pytest.mark.shared
def test_spoiled_masks_are_as_bad_as_documented(shared_data) -> None:
    own: dict[str, list[float]] = {kind: [] for kind in PREVIOUS_KINDS}
    for number, sequence in enumerate(DavisSequences(shared_data / "davis16-dev")):
        for index in range(0, len(sequence.images), 10):
            truth = sequence.truth(index) > 0
            for kind, scores in own.items():
                prompt = simulate(kind, truth, [0, number, index])
                assert prompt.logits is not None
                scores.append(mask_iou(logits_mask(prompt.logits, truth.shape), truth))
    assert np.mean(own["previous mask shifted"]) == pytest.approx(0.71, abs=0.025)
    assert np.mean(own["previous mask degraded"]) == pytest.approx(0.62, abs=0.025)

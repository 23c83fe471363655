"""J and F against values worked out by hand and against vos-benchmark."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from vos_benchmark.evaluator import Evaluator

from track_anything.evaluation.metrics import (
    boundary_f,
    region_similarity,
    score_decay,
    score_recall,
)
from track_anything.structures import Mask


def rectangle(size: tuple[int, int], x0: int, y0: int, x1: int, y1: int) -> Mask:
    mask = np.zeros(size, bool)
    mask[y0:y1, x0:x1] = True
    return mask


def official(mask: Mask, truth: Mask) -> tuple[float, float]:
    evaluator = Evaluator()
    evaluator.feed_frame(mask.astype(np.uint8), truth.astype(np.uint8))
    return evaluator.object_iou[1][0], evaluator.boundary_f[1][0]


def blob(random: np.random.Generator, size: tuple[int, int]) -> Mask:
    noise = random.standard_normal(size).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), random.uniform(1, 15))
    return np.asarray(smooth > np.quantile(smooth, random.uniform(0.2, 0.98)))


def test_j_is_intersection_over_union() -> None:
    # 10x10 squares, 4 columns apart: 60 shared pixels, 140 together.
    first, second = rectangle((40, 40), 5, 5, 15, 15), rectangle((40, 40), 9, 5, 19, 15)
    assert region_similarity(first, second) == 60 / 140


@pytest.mark.parametrize("metric", [region_similarity, boundary_f])
def test_an_empty_mask_is_right_only_where_nothing_is_there(metric) -> None:  # type: ignore[no-untyped-def]
    empty, square = np.zeros((40, 40), bool), rectangle((40, 40), 5, 5, 15, 15)
    assert metric(empty, empty) == 1
    assert metric(square, empty) == 0
    assert metric(empty, square) == 0


def test_f_forgives_a_shift_up_to_the_bound_and_no_further() -> None:
    # Diagonal of 300x400 is 500: 0.008 of it is 4 pixels.
    truth = rectangle((300, 400), 100, 100, 200, 200)
    assert boundary_f(rectangle((300, 400), 104, 100, 204, 200), truth) == 1
    assert boundary_f(rectangle((300, 400), 105, 100, 205, 200), truth) < 1


def test_f_is_the_harmonic_mean_of_precision_and_recall() -> None:
    # Lines as objects, diagonal 500, reach 4. A boundary is the line and the pixels up and left of
    # it: two rows of n + 1 pixels for a line n long. The found line of 20 (42 boundary pixels)
    # lies whole on the wanted one of 40 (82); the disk brings 4 more columns of wanted on either
    # side in reach: 2 * (21 + 4 + 4) = 58.
    found = rectangle((300, 400), 110, 100, 130, 101)
    truth = rectangle((300, 400), 100, 100, 140, 101)
    recall = 58 / 82
    assert boundary_f(found, truth) == pytest.approx(2 * recall / (1 + recall), abs=1e-12)


def test_j_and_f_equal_vos_benchmark_on_random_shapes() -> None:
    random = np.random.default_rng(0)
    for _ in range(60):
        size = tuple(random.integers(5, 220, 2))
        mask, truth = blob(random, size), blob(random, size)
        assert (region_similarity(mask, truth), boundary_f(mask, truth)) == official(mask, truth)


def test_j_and_f_equal_vos_benchmark_at_the_edges_of_the_frame() -> None:
    size = (120, 200)
    shapes = [
        rectangle(size, 0, 0, 200, 120),
        rectangle(size, 0, 0, 30, 30),
        rectangle(size, 170, 90, 200, 120),
        rectangle(size, 199, 119, 200, 120),
        rectangle(size, 0, 60, 200, 61),
        rectangle(size, 2, 2, 198, 118),
        np.zeros(size, bool),
    ]
    for mask in shapes:
        for truth in shapes[:-1]:
            ours = region_similarity(mask, truth), boundary_f(mask, truth)
            assert ours == official(mask, truth)


def test_j_and_f_equal_vos_benchmark_on_a_person_like_shape() -> None:
    truth = np.zeros((480, 854), np.uint8)
    cv2.ellipse(truth, (420, 120), (30, 38), 0, 0, 360, 1, -1)
    cv2.rectangle(truth, (390, 150), (450, 300), 1, -1)
    for x, angle in ((400, 8), (440, -12)):
        cv2.ellipse(truth, (x, 360), (14, 80), angle, 0, 360, 1, -1)
    turn = cv2.getRotationMatrix2D((420, 240), 7, 1.03)
    found = cv2.warpAffine(truth, turn, (854, 480), flags=cv2.INTER_NEAREST)
    mask, wanted = found > 0, truth > 0
    ours = region_similarity(mask, wanted), boundary_f(mask, wanted)
    assert ours == official(mask, wanted)
    assert 0.2 < ours[1] < 0.8


def test_recall_counts_only_frames_above_a_half() -> None:
    assert score_recall(np.array([0.5, 0.51, 0.2, 1.0])) == 0.5


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        # Eight frames: the edges are frames 1, 3 (2.75), 5 (4.5), 6 (6.25) and 8.
        ([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], 0.9 - 0.4),
        ([0.7], 0.0),
        ([1.0, 0.0], 1.0),
    ],
)
def test_decay_is_the_first_quarter_less_the_last(scores: list[float], expected: float) -> None:
    values: NDArray[np.float64] = np.array(scores)
    assert score_decay(values) == pytest.approx(expected)


def test_decay_holds_beyond_256_frames() -> None:
    # 400 frames: the edges are 1, 101 (100.75), 201 (200.5), 300 (300.25), 400; 101 frames in the
    # first quarter and 101 in the last, of which one is still good.
    scores = np.array([1.0] * 300 + [0.0] * 100)
    assert score_decay(scores) == pytest.approx(1 - 1 / 101)

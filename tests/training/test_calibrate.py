"""The fit of the predicted IoU, by hand and on made-up pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch

from track_anything.masks import mask_iou
from track_anything.segmenters.compact.calibration import KINDS, prompt_kind
from track_anything.segmenters.compact.network import CompactNetwork
from track_anything.segmenters.compact.segmenter import CompactSegmenter
from track_anything.segmenters.compact.weights import save_network
from track_anything.segmenters.hints import inside_frame
from training.calibrate import Asked, ask, calibration, fit, prompt_for, report
from training.pool import load_pool


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def test_a_known_correction_is_found_again() -> None:
    said = np.random.default_rng(0).normal(1, 1, 500)
    scale, offset = fit(said, sigmoid(0.6 * said - 0.4))
    assert scale == pytest.approx(0.6, abs=1e-3)
    assert offset == pytest.approx(-0.4, abs=1e-3)


def test_the_means_become_equal_whatever_the_truth() -> None:
    random = np.random.default_rng(1)
    for true in (random.random(300), np.zeros(300) + 0.2, np.ones(300), random.random(300) < 0.1):
        said = random.normal(0, 2, 300)
        scale, offset = fit(said, np.asarray(true, float))
        assert 0.1 <= scale <= 4
        assert sigmoid(scale * said + offset).mean() == pytest.approx(np.mean(true), abs=2e-3)


def test_scores_that_say_nothing_become_the_mean() -> None:
    random = np.random.default_rng(2)
    said, true = random.normal(0, 1, 4000), random.uniform(0.2, 0.6, 4000)
    scale, _ = fit(said, true)
    assert scale == pytest.approx(0.1, abs=0.02)


def test_kinds_are_fitted_apart_and_judged_before_and_after() -> None:
    random, answers = np.random.default_rng(3), []
    for number in range(200):
        said = float(random.normal(1, 1))
        answers.append(Asked("box", number % 9, said, float(sigmoid(np.array(said - 1)))))
        answers.append(Asked("points", number % 9, said, float(sigmoid(np.array(said)))))
    answers += [Asked("previous", 0, 0.0, 0.5)] * 3
    found = calibration(answers)
    assert tuple(found) == ("box", "points")
    box = found["box"]
    assert (box["scale"], box["offset"]) == (1.0, -1.0)
    assert box["before"]["gap"] > 0.15
    assert box["after"]["ECE"] == pytest.approx(0, abs=1e-3)
    assert box["crossed"]["RMSE"] == pytest.approx(0, abs=1e-3)
    assert (box["prompts"], box["pictures"]) == (200, 9)
    assert found["points"]["before"]["gap"] == pytest.approx(0, abs=1e-6)
    lines = list(report(found))
    # Ready to paste: what was not measured is left as it is.
    assert lines[-6:] == [
        "CORRECTIONS: Mapping[str, tuple[float, float]] = {",
        '    "box": (1.0, -1.0),',
        '    "box and points": (1.0, 0.0),',
        '    "previous": (1.0, 0.0),',
        '    "points": (1.0, 0.0),',
        "}",
    ]


def test_prompts_are_of_their_kind_and_about_their_object(data: Path) -> None:
    random, held_out = np.random.default_rng(4), load_pool(data).held_out["coco"]
    for one in held_out * 6:
        truth = one.picture.ids == one.label
        for kind in KINDS:
            prompt = prompt_for(one, kind, random)
            assert prompt_kind(inside_frame(prompt, truth.shape)) == kind
            x, y = np.floor(prompt.positive_points).astype(int).T
            assert truth[y, x].all()
            x, y = np.floor(prompt.negative_points).astype(int).T
            assert not truth[y, x].any()
            if prompt.logits is not None:
                assert mask_iou(prompt.logits > 0, truth) > 0.15


def test_every_object_is_asked_for_with_every_kind(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_network(CompactNetwork().state_dict(), tmp_path / "w.safetensors")
    segmenter = CompactSegmenter(device="cpu", path=tmp_path / "w.safetensors")
    counts = {"coco": 5, "person": 2}
    held_out = load_pool(data).held_out
    first, again = (
        ask(segmenter, held_out, np.random.default_rng(0), counts=counts) for _ in range(2)
    )
    assert first == again
    assert [one.kind for one in first] == [*KINDS] * 7
    assert {one.picture for one in first} == {0, 1}
    assert all(0 <= one.true <= 1 for one in first)

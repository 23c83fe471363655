"""Losses by hand, a run that goes on where it was, and a whole run in small."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from track_anything.segmenters.compact.segmenter import CompactSegmenter
from training import validation
from training.curves import draw_curves
from training.export import export
from training.loader import Batch, stack
from training.pool import load_pool
from training.sampler import Sampler
from training.train import Recipe, Trainer, losses, run

CPU = torch.device("cpu")
RECIPE = Recipe(samples=64, batch=4, workers=1)


@pytest.fixture(scope="module")
def batch(data: Path) -> Batch:
    pool = load_pool(data)
    sampler = Sampler(pool.training, pool.backgrounds, 3)
    return stack([sampler.draw() for _ in range(4)])


@pytest.fixture
def target() -> torch.Tensor:
    """Two masks of 8 x 8: the left half, and nine pixels."""
    target = torch.zeros(2, 8, 8)
    target[0, :, :4] = 1
    target[1, 2:5, 2:5] = 1
    return target


def loss(logits: torch.Tensor, target: torch.Tensor, **given: torch.Tensor) -> dict[str, float]:
    valid = given.get("valid", torch.ones_like(target))
    area = given.get("area", target.sum((1, 2)))
    quality = given.get("quality", torch.zeros(len(target)))
    return {k: float(v) for k, v in losses(logits, quality, target, valid, area).items()}


def test_a_perfect_mask_costs_next_to_nothing(target: torch.Tensor) -> None:
    found = loss((target - 0.5) * 40, target, quality=torch.full((2,), 20.0))
    assert found["bce"] == pytest.approx(0, abs=1e-6)
    assert found["dice"] == pytest.approx(0, abs=1e-6)
    assert found["iou"] == pytest.approx(0, abs=1e-6)
    assert found["true_iou"] == 1


def test_an_undecided_mask_costs_what_chance_costs(target: torch.Tensor) -> None:
    found = loss(torch.zeros_like(target), target)
    assert found["bce"] == pytest.approx(np.log(2))
    # Half of everything: (2 * 16 + 1) / (32 + 32 + 1) and (2 * 4.5 + 1) / (32 + 9 + 1) are shared.
    assert found["dice"] == pytest.approx(1 - (33 / 65 + 10 / 42) / 2)
    # Nothing is above 0, so nothing is found; the estimate is a half.
    assert found["true_iou"] == 0
    assert found["iou"] == pytest.approx(np.log(2))


def test_the_estimate_is_taught_the_true_iou(target: torch.Tensor) -> None:
    # The upper three quarters of the left half: 24 of 32 pixels; and the nine of nine.
    answer = target.clone()
    answer[0, 6:] = 0
    right = torch.logit(torch.tensor([0.75, 1 - 1e-6]))
    found = loss((answer - 0.5) * 40, target, quality=right)
    assert found["true_iou"] == pytest.approx((0.75 + 1) / 2)
    for off in (-0.5, 0.5):
        other = loss((answer - 0.5) * 40, target, quality=right + torch.tensor([off, 0]))
        assert other["iou"] > found["iou"]


def test_what_lies_beyond_the_crop_lowers_the_iou(target: torch.Tensor) -> None:
    # Of an object of 64 pixels the crop shows 32: half of it at most can be found.
    area = torch.tensor([64.0, 9.0])
    assert loss((target - 0.5) * 40, target, area=area)["true_iou"] == pytest.approx(0.75)


def test_what_lies_beyond_the_frame_does_not_count(target: torch.Tensor) -> None:
    valid = torch.ones_like(target)
    valid[:, :, 6:] = 0
    answer = (target - 0.5) * 40
    answer[:, :, 6:] = 40
    found = loss(answer, target, valid=valid)
    assert found["bce"] == pytest.approx(0, abs=1e-6)
    assert found["true_iou"] == 1


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(batch: Batch, tmp_path: Path) -> None:
    trainer = Trainer(RECIPE, CPU)
    # Late enough for second looks, which draw from the run's own source of chance.
    trainer.step = 12
    trainer.learn(batch)
    trainer.save(tmp_path / "last.pt")
    assert [one.name for one in tmp_path.iterdir()] == ["last.pt"]
    other = Trainer(Recipe(samples=64, batch=4, workers=1, seed=9), CPU)
    other.load(tmp_path / "last.pt")
    assert (other.step, other.sample_count) == (13, 52)
    assert trainer.learn(batch) == other.learn(batch)
    for one, two in ((trainer.network, other.network), (trainer.average, other.average)):
        state = two.state_dict()
        assert all(torch.equal(v, state[name]) for name, v in one.state_dict().items())


def test_the_rate_rises_and_falls() -> None:
    trainer, rates = Trainer(Recipe(samples=40000, batch=40, rate=1.0), CPU), []
    for trainer.step in (0, 149, 500, 1000):
        rates.append(trainer._rate())
    half_way = 0.5 + 0.5 * np.cos(np.pi * 0.149)
    assert rates == pytest.approx([1 / 300, 0.5 * half_way, 0.5, 0], abs=1e-4)


def test_the_average_follows_the_network(batch: Batch) -> None:
    trainer = Trainer(RECIPE, CPU)
    before = trainer.average.head.weight.clone()
    trainer.learn(batch)
    now = trainer.network.head.weight
    assert not torch.equal(now, before)
    # After the first step the average keeps 2 of 11 parts of what it was.
    assert torch.allclose(trainer.average.head.weight, now + 2 / 11 * (before - now), atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_small_run_leaves_a_log_curves_and_weights_that_work(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {"coco": 12, "person": 4, "garment": 2, "nuclei": 2}
    monkeypatch.setattr(validation, "_SHARES", shares)
    out = tmp_path / "run"
    recipe = Recipe(samples=8, batch=4, workers=1)
    run(recipe, data, out, CPU, resumes=False)
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert rows[0]["recipe"]["samples"] == 8
    assert rows[0]["machine"]["device"] == "cpu"
    assert [row["samples"] for row in rows[1:]] == [4, 8]
    assert {f"held-out {name}" for name in ("box", "points", "previous", "correlation")} < set(
        rows[1]
    )
    assert all(np.isfinite(value) for row in rows[1:] for value in row.values())
    assert (out / "curves.png").stat().st_size > 5000
    # Resumed, it has nothing left to do and says so in the log.
    run(recipe, data, out, CPU, resumes=True)
    assert len((out / "log.jsonl").read_text().splitlines()) == 4
    weights = tmp_path / "w.safetensors"
    checksum = export(out / "last.pt", weights)
    assert len(checksum) == 64
    assert CompactSegmenter(device="cpu", path=weights).name == "compact"


def test_a_log_without_measurements_draws_nothing(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"recipe": {}}\n')
    draw_curves(tmp_path / "log.jsonl", tmp_path / "curves.png")
    assert not (tmp_path / "curves.png").exists()

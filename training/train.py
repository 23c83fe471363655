"""Train the compact network: `python -m training.train --out DIR --samples 70000`.

Everything random follows from the seed. A run that was stopped goes on with --resume. The data are
read from TRAIN_DATA or --data: a folder with manifest.jsonl, see training/README.md.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from track_anything.segmenters.compact.network import CompactNetwork, parameter_groups
from training.corrections import corrected
from training.curves import draw_curves
from training.loader import Batch, BatchLoader
from training.machine import describe_machine
from training.sampler import MODE_WEIGHTS, MODES
from training.validation import Validation

_WARM_UP_STEPS = 300
_SECOND_LOOK_SHARE = 0.25
_SECOND_LOOKS_FROM = 0.15
"""Share of the run after which the network's own answers are worth correcting."""
_CLIP = 1.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a run is made of.

    Attributes:
        samples: Length of the run.
        batch: Samples a step.
        rate: Peak learning rate.
        decay: Weight decay of kernels and matrices.
        seed: Of everything random.
        ema: Decay of the average of the weights, which is what is kept.
        workers: Processes that make samples.
        modes: How often each kind of prompt of sampler.MODES comes, as shares.
    """

    samples: int
    batch: int = 64
    rate: float = 2e-3
    decay: float = 0.03
    seed: int = 0
    ema: float = 0.9985
    workers: int = 2
    modes: tuple[float, ...] = MODE_WEIGHTS


class Trainer:
    """The network, its average, and how far it has come."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.device, self.step, self.seconds = recipe, device, 0, 0.0
        memory = torch.channels_last
        self.network = CompactNetwork().to(device, memory_format=memory)  # type: ignore[call-overload]
        self.average = CompactNetwork().to(device, memory_format=memory)  # type: ignore[call-overload]
        self.average.load_state_dict(self.network.state_dict())
        self.average.eval()
        groups = parameter_groups(self.network, recipe.decay)
        self.optimiser = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.99))
        self.random = np.random.default_rng((recipe.seed, 77))

    @property
    def sample_count(self) -> int:
        """Samples seen."""
        return self.step * self.recipe.batch

    @property
    def share_done(self) -> float:
        """Of the run."""
        return min(self.sample_count / self.recipe.samples, 1.0)

    def learn(self, batch: Batch) -> dict[str, float]:
        """One step; the losses."""
        rate = self._rate()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        channels, target = self._second_looks(batch), self._put(batch.target).float() / 255
        self.network.train()
        with self._half():
            logits, quality = self.network(channels)
        parts = losses(
            logits.float().squeeze(1),
            quality.float(),
            target,
            channels[:, -1].float(),
            self._put(batch.area),
        )
        total = parts["bce"] * 2 + parts["dice"] + parts["iou"]
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
        self.optimiser.step()
        self.step += 1
        self._update_average()
        return {name: float(part.detach()) for name, part in parts.items()} | {"rate": rate}

    def start_from(self, path: Path) -> None:
        """Begin with weights as the package ships them instead of random ones."""
        for network in (self.network, self.average):
            weights = {name: values.float() for name, values in load_file(path).items()}
            network.load_state_dict({**network.state_dict(), **weights})

    def save(self, path: Path) -> None:
        """Everything a run goes on from."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": self.random.bit_generator.state,
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, path.with_suffix(".partial"))
        path.with_suffix(".partial").replace(path)

    def load(self, path: Path) -> None:
        """Go on from what was saved."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.random.bit_generator.state = state["random"]
        self.step, self.seconds = state["step"], state["seconds"]

    def _rate(self) -> float:
        warm = min((self.step + 1) / _WARM_UP_STEPS, 1.0)
        return self.recipe.rate * warm * (0.5 + 0.5 * float(np.cos(np.pi * self.share_done)))

    def _half(self) -> Any:
        return torch.autocast(self.device.type, torch.bfloat16)

    def _put(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(self.device, non_blocking=True)

    def _second_looks(self, batch: Batch) -> Tensor:
        """The batch's channels, some replaced by a second look at the network's own answer."""
        channels = batch.channels
        if self.share_done >= _SECOND_LOOKS_FROM:
            count = int(len(channels) * _SECOND_LOOK_SHARE)
            chosen = self.random.choice(len(channels), count, replace=False)
            self.average.eval()
            with torch.inference_mode(), self._half():
                shown = self._put(channels[chosen]).float()
                answers = self.average(shown.contiguous(memory_format=torch.channels_last))[0]
            logits = answers.float().squeeze(1).cpu().numpy()
            channels = channels.copy()
            channels[chosen] = corrected(batch, chosen, logits, self.random)
        return self._put(channels).float().contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        pairs = zip(
            self.average.state_dict().values(), self.network.state_dict().values(), strict=True
        )
        for kept, new in pairs:
            if kept.is_floating_point():
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)


def losses(
    logits: Tensor, quality: Tensor, target: Tensor, valid: Tensor, area: Tensor
) -> dict[str, Tensor]:
    """Cross-entropy and Dice of the masks, cross-entropy of the predicted IoU.

    Args:
        logits: (N, H, W).
        quality: (N,) logits of the predicted IoU.
        target: (N, H, W) in 0 to 1.
        valid: (N, H, W): what lies beyond the frame does not count.
        area: (N,) of the whole object: a crop that shows half of it gets half the IoU at most, so
            that the right one of several crops around a click can be known.
    """
    pixel = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    share = (pixel * valid).sum((1, 2)) / valid.sum((1, 2)).clamp(min=1)
    p = torch.sigmoid(logits) * valid
    overlap = 2 * (p * target).sum((1, 2)) + 1
    dice = 1 - overlap / (p.sum((1, 2)) + target.sum((1, 2)) + 1)
    with torch.no_grad():
        found, true = (logits > 0) & (valid > 0.5), target > 0.5
        shared = (found & true).sum((1, 2))
        beyond = (area - true.sum((1, 2))).clamp(min=0)
        iou = shared / ((found | true).sum((1, 2)) + beyond).clamp(min=1)
    estimate = functional.binary_cross_entropy_with_logits(quality, iou)
    return {"bce": share.mean(), "dice": dice.mean(), "iou": estimate, "true_iou": iou.mean()}


def run(
    recipe: Recipe,
    data: Path,
    out: Path,
    device: torch.device,
    *,
    resumes: bool,
    weights: Path | None = None,
) -> None:
    """Train to the end, leaving last.pt, log.jsonl and curves.png in a folder.

    Args:
        recipe: What the run is made of.
        data: Folder of the pictures.
        out: Where the results go.
        device: Where to train.
        resumes: Whether to go on from last.pt.
        weights: What to begin with; None is random weights.
    """
    out.mkdir(parents=True, exist_ok=True)
    trainer, log = Trainer(recipe, device), out / "log.jsonl"
    if weights is not None:
        trainer.start_from(weights)
    if resumes:
        trainer.load(out / "last.pt")
    elif log.exists():
        log.unlink()
    validation = Validation(data)
    _write(log, {"recipe": vars(recipe), "machine": describe_machine(device)})
    loader = BatchLoader(
        data,
        batch=recipe.batch,
        seed=recipe.seed,
        workers=recipe.workers,
        first_batch=trainer.step,
        modes=recipe.modes,
    )
    with closing(loader):
        _learn(trainer, iter(loader), validation, out)
    trainer.save(out / "last.pt")
    draw_curves(log, out / "curves.png")


def _learn(trainer: Trainer, batches: Iterator[Batch], validation: Validation, out: Path) -> None:
    log, began = out / "log.jsonl", time.perf_counter() - trainer.seconds
    recent: list[dict[str, float]] = []
    last_saved = time.perf_counter()
    every = max(1, min(trainer.recipe.samples // 20, 16000) // trainer.recipe.batch)
    while trainer.sample_count < trainer.recipe.samples:
        recent.append(trainer.learn(next(batches)))
        trainer.seconds = time.perf_counter() - began
        is_last = trainer.sample_count >= trainer.recipe.samples
        if trainer.step % every == 0 or is_last:
            means = {name: float(np.mean([r[name] for r in recent])) for name in recent[0]}
            row = {"samples": trainer.sample_count, "seconds": round(trainer.seconds, 1), **means}
            _write(log, row | validation.measure(trainer.average, trainer.device))
            recent = []
        if time.perf_counter() - last_saved > 240:
            trainer.save(out / "last.pt")
            draw_curves(log, out / "curves.png")
            last_saved = time.perf_counter()


def _write(log: Path, row: dict[str, Any]) -> None:
    rounded = {k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}
    with log.open("a") as file:
        file.write(json.dumps(rounded) + "\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("TRAIN_DATA"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--batch", type=int, default=Recipe.batch)
    parser.add_argument("--rate", type=float, default=Recipe.rate)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--workers", type=int, default=Recipe.workers)
    parser.add_argument(
        "--modes", type=float, nargs=len(MODES), default=MODE_WEIGHTS, help=f"shares of {MODES}"
    )
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0: all it finds")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--weights", type=Path, help="begin with these, not with random ones")
    given = parser.parse_args()
    if given.data is None:
        parser.error("no data: set TRAIN_DATA or give --data FOLDER with a manifest.jsonl")
    if given.threads:
        torch.set_num_threads(given.threads)
    recipe = Recipe(
        samples=given.samples,
        batch=given.batch,
        rate=given.rate,
        seed=given.seed,
        workers=given.workers,
        modes=tuple(given.modes),
    )
    run(
        recipe,
        Path(given.data),
        given.out,
        torch.device(given.device),
        resumes=given.resume,
        weights=given.weights,
    )


if __name__ == "__main__":
    main()

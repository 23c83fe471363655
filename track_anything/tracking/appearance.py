"""The online appearance model: which pixels look like the object, learned while tracking."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from track_anything.config import AppearanceConfig
from track_anything.errors import TrackingError
from track_anything.structures import Floats

SMOOTHED = 0.02
"""Labels are SMOOTHED and 1 - SMOOTHED: logits stay finite and errors can be unlearned."""

Samples = NDArray[np.float32]
"""(S, C): one row of features a pixel."""


@contextmanager
def single_thread() -> Iterator[None]:
    """Let torch compute on the calling thread alone.

    The products here are too small to share out: two threads gain a tenth on an idle machine, and
    lose a factor of ten on a busy one, waiting for one another at every step. The numbers also
    stay the same whatever the number of cores.
    """
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)


class SampleMemory:
    """Pixels of remembered frames: a ring of fixed-size sets, each half object, half background."""

    def __init__(self, slots: int, per_class: int, channels: int, *, keeps_first: bool) -> None:
        """Room for the pixels of `slots` frames, per_class of the object and of the background."""
        self.samples = np.zeros((slots, 2, per_class, channels), np.float32)
        self.count = 0
        self._keeps_first = keeps_first

    def add(self, background: Samples, foreground: Samples) -> None:
        """Remember one frame, forgetting the oldest (never the first, where that is kept)."""
        slot = self._slot(self.count)
        self.samples[slot, 0], self.samples[slot, 1] = background, foreground
        self.count += 1

    def _slot(self, number: int) -> int:
        """Where the frame of this number goes."""
        slots = len(self.samples)
        if self._keeps_first and number >= slots > 1:
            return 1 + (number - slots) % (slots - 1)
        return number % slots

    @property
    def newest(self) -> Samples:
        """(2, S, C): the frame added last, background first."""
        newest: Samples = self.samples[self._slot(self.count - 1)]
        return newest

    def clear(self) -> None:
        """Forget everything."""
        self.count = 0

    @property
    def filled(self) -> Samples:
        """(frames, 2, S, C): what is remembered, background first."""
        return self.samples[: min(self.count, len(self.samples))]

    def draw(self, random: np.random.Generator, label: int, count: int) -> Samples:
        """(count, C): random pixels of one class from the frames remembered."""
        filled = self.filled[:, label]
        rows = filled.reshape(-1, filled.shape[-1])
        return rows[random.integers(0, len(rows), count)]


class AppearanceModel:
    """A two-layer perceptron on pixel features, trained by Adam on one object.

    Gradients are written out: at this size autograd costs more than the arithmetic.
    """

    def __init__(
        self, channels: int, config: AppearanceConfig, random: np.random.Generator
    ) -> None:
        """Random weights; statistics of the features are set by `standardise`."""
        self.config = config
        self._random = random
        hidden = config.hidden
        first = random.standard_normal((hidden, channels)) * np.sqrt(2 / channels)
        second = random.standard_normal((1, hidden)) * np.sqrt(1 / hidden)
        self.weights = [
            torch.from_numpy(values.astype(np.float32))
            for values in (first, np.zeros((hidden, 1)), second, np.zeros((1, 1)))
        ]
        self.moments = [[torch.zeros_like(w), torch.zeros_like(w)] for w in self.weights]
        self.step_count = 0
        self.mean = np.zeros(channels, np.float32)
        self.deviation = np.ones(channels, np.float32)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Everything that `load_arrays` needs, by name."""
        arrays = {"mean": self.mean, "deviation": self.deviation}
        for index, (weight, moments) in enumerate(zip(self.weights, self.moments, strict=True)):
            arrays[f"weight{index}"] = weight.numpy()
            arrays[f"first{index}"], arrays[f"second{index}"] = (m.numpy() for m in moments)
        return arrays

    def load_arrays(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over what `arrays` returned.

        Raises:
            TrackingError: If they are of a model of another shape.
        """
        for index, weight in enumerate(self.weights):
            if arrays[f"weight{index}"].shape != tuple(weight.shape):
                raise TrackingError(
                    "saved state was made with other settings of the appearance model"
                )
        self.mean, self.deviation = arrays["mean"], arrays["deviation"]
        for index, moments in enumerate(self.moments):
            self.weights[index] = torch.from_numpy(arrays[f"weight{index}"].copy())
            moments[0] = torch.from_numpy(arrays[f"first{index}"].copy())
            moments[1] = torch.from_numpy(arrays[f"second{index}"].copy())

    def standardise(self, features: Floats) -> None:
        """Take the scale of each channel from (C, P) features."""
        self.mean = features.mean(axis=1)
        self.deviation = np.maximum(features.std(axis=1), 1e-3)

    @torch.inference_mode()
    def logits(self, features: Floats) -> Floats:
        """(P,) float32 for planar (C, P) features; above 0 is object."""
        w1, b1, w2, b2 = self.weights
        # The standardisation is folded into the first layer: one pass over the features less.
        folded = w1 / torch.from_numpy(self.deviation)
        bias = b1 - folded @ torch.from_numpy(self.mean)[:, None]
        hidden = torch.addmm(bias, folded, torch.from_numpy(features)).relu_()
        out: Floats = torch.addmm(b2, w2, hidden)[0].numpy()
        return out

    @torch.inference_mode()
    def train(self, memories: list[tuple[SampleMemory, float]], *, steps: int, rate: float) -> None:
        """Fit to remembered pixels; each memory gives its share of every batch."""
        rows, labels = self._batches(memories, steps)
        for step in range(steps):
            self._step(rows[step], labels, rate)

    def _batches(
        self, memories: list[tuple[SampleMemory, float]], steps: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        parts: list[Samples] = []
        labels: list[NDArray[np.float32]] = []
        for memory, share in memories:
            count = round(self.config.batch * share / 2)
            for label, target in ((0, SMOOTHED), (1, 1 - SMOOTHED)):
                drawn = memory.draw(self._random, label, count * steps)
                parts.append(drawn.reshape(steps, count, -1))
                labels.append(np.full(count, target, np.float32))
        rows = np.concatenate(parts, axis=1)
        rows -= self.mean
        rows /= self.deviation
        return torch.from_numpy(rows), torch.from_numpy(np.concatenate(labels))

    def _step(self, rows: torch.Tensor, labels: torch.Tensor, rate: float) -> None:
        w1, b1, w2, b2 = self.weights
        hidden = torch.addmm(b1.T, rows, w1.T).relu_()
        error = (torch.addmm(b2, hidden, w2.T)[:, 0].sigmoid_() - labels).div_(len(labels))[:, None]
        back = (error @ w2).mul_(hidden > 0)
        gradients = [
            back.T @ rows,
            back.sum(dim=0)[:, None],
            error.T @ hidden,
            error.sum().reshape(1, 1),
        ]
        self._adam(gradients, rate)

    def _adam(self, gradients: list[torch.Tensor], rate: float) -> None:
        # Kingma and Ba, 2015, with their constants.
        self.step_count += 1
        unbias1 = 1 - 0.9**self.step_count
        unbias2 = 1 - 0.999**self.step_count
        for weight, gradient, (first, second) in zip(
            self.weights, gradients, self.moments, strict=True
        ):
            first.lerp_(gradient, 0.1)
            second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            denominator = (second / unbias2).sqrt_().add_(1e-8)
            weight.addcdiv_(first, denominator, value=-rate / unbias1)

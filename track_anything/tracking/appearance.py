"""The online appearance model: which pixels look like the object, learned while tracking."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from track_anything.config import AppearanceConfig
from track_anything.errors import TrackingError
from track_anything.structures import Floats

SMOOTHED = 0.02
"""Labels are SMOOTHED and 1 - SMOOTHED: logits stay finite and errors can be unlearned."""

STEPS_AT_ONCE = 3
"""Batches put together at a time, so that they stay in the cache until they are used."""
PIXELS_AT_ONCE = 2048
"""Pixels looked at together: what lies between the layers stays in the cache."""
BLOCK = 16
"""Rows of a memory that are drawn together: pixels of one frame, themselves chosen at random. To
copy them takes half the time of as many rows from everywhere."""

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
    """Pixels of remembered frames: a ring of fixed-size sets, each half object, half background.

    They are kept as the model takes them (`AppearanceModel.scaled`).
    """

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

    def draw(self, random: np.random.Generator, label: int, count: int, steps: int) -> "_Blocks":
        """Random pixels of one class and of the frames remembered, `count` a step."""
        frames, _, per_class, channels = self.filled.shape
        block = math.gcd(BLOCK, per_class, count)
        per_frame = per_class // block
        drawn = random.integers(0, frames * per_frame, (steps, count // block))
        drawn += (drawn // per_frame + label) * per_frame
        return _Blocks(self.samples.reshape(-1, block * channels), drawn)


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """Blocks of rows drawn for every step.

    Attributes:
        held: (N, rows * C): a memory, block by block.
        drawn: (steps, blocks): numbers of those.
    """

    held: Samples
    drawn: NDArray[np.int64]


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
        self._parameters = _Parameters(channels, hidden)
        self._gradients = _Parameters(channels, hidden)
        self._moments = _Parameters(channels, hidden), _Parameters(channels, hidden)
        self.weights[0].copy_(torch.from_numpy(first))
        self.weights[2].copy_(torch.from_numpy(second))
        self.step_count = 0
        self.mean = np.zeros(channels, np.float32)
        self.deviation = np.ones(channels, np.float32)

    @property
    def weights(self) -> list[torch.Tensor]:
        """(hidden, C), (hidden, 1), (1, hidden), (1, 1): weights and biases of both layers."""
        return self._parameters.parts

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Everything that `load_arrays` needs, by name."""
        arrays = {"mean": self.mean, "deviation": self.deviation}
        for name, held in self._held():
            for index, part in enumerate(held.parts):
                arrays[f"{name}{index}"] = np.ascontiguousarray(part.numpy())
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
        for name, held in self._held():
            for index, part in enumerate(held.parts):
                part.copy_(torch.from_numpy(arrays[f"{name}{index}"]))

    def _held(self) -> tuple[tuple[str, "_Parameters"], ...]:
        first, second = self._moments
        return ("weight", self._parameters), ("first", first), ("second", second)

    def standardise(self, features: Floats) -> None:
        """Take the scale of each channel from (C, P) features."""
        self.mean = features.mean(axis=1)
        self.deviation = np.maximum(features.std(axis=1), 1e-3)

    def scaled(self, rows: Samples) -> Samples:
        """(S, C) features, each channel standardised; the rows themselves are changed."""
        rows -= self.mean
        rows /= self.deviation
        return rows

    @torch.inference_mode()
    def logits(self, features: Floats) -> Floats:
        """(P,) float32 for planar (C, P) features; above 0 is object."""
        w1, b1, w2, b2 = self.weights
        # The standardisation is folded into the first layer: one pass over the features less.
        folded = w1 / torch.from_numpy(self.deviation)
        bias = b1 - folded @ torch.from_numpy(self.mean)[:, None]
        pixels, count = torch.from_numpy(features), features.shape[1]
        out = torch.empty(1, count)
        hidden = torch.empty(len(w1), min(count, PIXELS_AT_ONCE))
        for first in range(0, count, PIXELS_AT_ONCE):
            some = slice(first, min(first + PIXELS_AT_ONCE, count))
            part = hidden[:, : some.stop - first]
            torch.addmm(bias, folded, pixels[:, some], out=part).relu_()
            torch.addmm(b2, w2, part, out=out[:, some])
        answer: Floats = out[0].numpy()
        return answer

    @torch.inference_mode()
    def train(
        self,
        memories: list[tuple[SampleMemory, float]],
        *,
        steps: int,
        rate: float,
        learned: float = 0.0,
    ) -> None:
        """Fit to remembered pixels.

        Args:
            memories: Each with its share of every batch.
            steps: Batches.
            rate: Learning rate.
            learned: Mean error of the first STEPS_AT_ONCE batches under which they are enough.
        """
        labels, batches = self._batches(memories, steps)
        missed = 0.0
        for number, rows in enumerate(batches, 1):
            missed += self._step(rows, labels, rate)
            if number == STEPS_AT_ONCE and missed < learned * number:
                break

    def _batches(
        self, memories: list[tuple[SampleMemory, float]], steps: int
    ) -> tuple[torch.Tensor, Iterator[torch.Tensor]]:
        """Labels of the rows of every batch, and the batches."""
        draws: list[_Blocks] = []
        labels: list[NDArray[np.float32]] = []
        for memory, share in memories:
            count = round(self.config.batch * share / 2)
            for label, target in ((0, SMOOTHED), (1, 1 - SMOOTHED)):
                draws.append(memory.draw(self._random, label, count, steps))
                labels.append(np.full(count, target, np.float32))
        return torch.from_numpy(np.concatenate(labels)), self._filled(draws, steps)

    def _filled(self, draws: list[_Blocks], steps: int) -> Iterator[torch.Tensor]:
        size = sum(blocks.drawn.shape[1] * blocks.held.shape[1] for blocks in draws)
        # One for all: fresh memory is slower to get than to fill.
        buffer = np.empty((STEPS_AT_ONCE, size), np.float32)
        batches = torch.from_numpy(buffer).view(STEPS_AT_ONCE, -1, len(self.mean))
        for first in range(0, steps, STEPS_AT_ONCE):
            count = min(STEPS_AT_ONCE, steps - first)
            start = 0
            for blocks in draws:
                drawn = blocks.drawn[first : first + count]
                end = start + drawn.shape[1] * blocks.held.shape[1]
                buffer[:count, start:end] = blocks.held[drawn].reshape(count, -1)
                start = end
            yield from batches[:count]

    def _step(self, rows: torch.Tensor, labels: torch.Tensor, rate: float) -> float:
        """Learn from one batch; the mean distance of its probabilities from its labels before."""
        w1, b1, w2, b2 = self.weights
        hidden = torch.addmm(b1.T, rows, w1.T).relu_()
        error = torch.mv(hidden, w2[0]).add_(b2[0]).sigmoid_().sub_(labels).div_(len(labels))
        of_w1, of_b1, of_w2, of_b2 = self._gradients.parts
        torch.mv(hidden.T, error, out=of_w2[0])
        of_b2.copy_(error.sum())
        missed = float(error.abs().sum())
        # Unit by unit: does it pass the gradient on, how much of it, and how wrong was the pixel?
        back = hidden.sign_().mul_(w2).mul_(error[:, None])
        torch.sum(back, dim=0, out=of_b1[:, 0])
        torch.mm(rows.T, back, out=of_w1.T)
        self._adam(rate)
        return missed

    def _adam(self, rate: float) -> None:
        # Kingma and Ba, 2015, with their constants.
        self.step_count += 1
        unbias1 = 1 - 0.9**self.step_count
        unbias2 = 1 - 0.999**self.step_count
        gradient, (first, second) = self._gradients.flat, (m.flat for m in self._moments)
        first.lerp_(gradient, 0.1)
        second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        denominator = (second / unbias2).sqrt_().add_(1e-8)
        self._parameters.flat.addcdiv_(first, denominator, value=-rate / unbias1)


class _Parameters:
    """Numbers for both layers that lie in one vector, so that Adam goes over them at once.

    Those of the first layer lie input by input: products with rows of pixels are faster that way.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        """All zeros."""
        inputs = channels * hidden
        self.flat = torch.zeros(inputs + 2 * hidden + 1)
        self.parts = [
            self.flat[:inputs].view(channels, hidden).T,
            self.flat[inputs : inputs + hidden].view(hidden, 1),
            self.flat[inputs + hidden : -1].view(1, hidden),
            self.flat[-1:].view(1, 1),
        ]

"""Matrix products with a bias, in place where they can be, and the buffers they write to."""

import math
from collections.abc import Mapping
from typing import Protocol

import torch
import torch.nn.functional as functional

Shape = tuple[int, ...]
Parameters = tuple[torch.Tensor, torch.Tensor]
"""Weight and bias."""


class Buffers:
    """Tensors kept between calls: on a CPU, fresh pages cost as much as the arithmetic."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        """Start with none."""
        self.device, self.dtype = device, dtype
        self._tensors: dict[str, torch.Tensor] = {}

    def take(self, name: str, *shape: int) -> torch.Tensor:
        """The tensor of this name, contiguous, whatever was last written to it.

        Only CPUs keep them: a recorded CUDA graph must own what it writes to.
        """
        if self.device.type != "cpu":
            return torch.empty(shape, device=self.device, dtype=self.dtype)
        size = math.prod(shape)
        kept = self._tensors.get(name)
        if kept is None or kept.numel() < size:
            kept = torch.empty(size, device=self.device, dtype=self.dtype)
            self._tensors[name] = kept
        return kept[:size].view(shape)


class Linear(Protocol):
    """x W + b on rows."""

    def into(self, rows: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Write the outcome over out."""
        ...

    def add_into(self, rows: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Add the outcome to out."""
        ...


class FloatLinear:
    """x W + b in the tensors' own type. Shares their memory."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        """Take a (out, in) weight and an (out,) bias."""
        self.weight, self.bias = weight.t(), bias

    def into(self, rows: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Write the outcome over out."""
        return torch.addmm(self.bias, rows, self.weight, out=out)

    def add_into(self, rows: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Add the outcome to out."""
        return out.addmm_(rows, self.weight).add_(self.bias)


class Int8Linear:
    """x W + b with rows and weight rounded to 8 bits, each row and each column by its own scale."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        """Round a (out, in) weight."""
        self.scale = weight.abs().amax(1).clamp_min(1e-8) / 127
        self.weight = (weight / self.scale[:, None]).round().to(torch.int8).t()
        self.bias = bias

    def into(self, rows: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Write the outcome over out."""
        return torch.addcmul(self.bias, self._product(rows), self.scale, out=out)

    def add_into(self, rows: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Add the outcome to out."""
        return out.addcmul_(self._product(rows), self.scale).add_(self.bias)

    def _product(self, rows: torch.Tensor) -> torch.Tensor:
        scale = rows.abs().amax(1, keepdim=True).clamp_min(1e-8) / 127
        rounded = (rows / scale).round_().to(torch.int8)
        return torch._int_mm(rounded, self.weight).to(rows.dtype).mul_(scale)


def tensors_under(
    tensors: Mapping[str, torch.Tensor], prefix: str, device: torch.device, dtype: torch.dtype
) -> dict[str, torch.Tensor]:
    """Those whose names start with the prefix, without it, moved; not copied where they fit."""
    return {
        name.removeprefix(prefix): value.to(device=device, dtype=dtype)
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def parameters(tensors: Mapping[str, torch.Tensor], name: str) -> Parameters:
    """A layer's weight and bias."""
    return tensors[f"{name}.weight"], tensors[f"{name}.bias"]


def norm(rows: torch.Tensor, layer: Parameters, epsilon: float) -> torch.Tensor:
    """Layer normalisation of the last axis."""
    weight, bias = layer
    return functional.layer_norm(rows, rows.shape[-1:], weight, bias, epsilon)

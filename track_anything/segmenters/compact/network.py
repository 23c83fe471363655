"""The network: channels of a square crop in, mask logits and predicted IoU out."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

CROP_SIDE = 128
"""Pixels of the square crop: at 160 a crop costs 1.6 times as much."""
CHANNELS = ("red", "green", "blue", "box", "positive", "negative", "previous", "colour", "valid")

_WIDTHS = (32, 64, 96, 160)
_DEPTHS = (0, 1, 2, 2)
_DECODER_WIDTHS = (96, 64, 32)
_POOLED_COUNT = 6


class CompactNetwork(nn.Module):
    """U-shaped: down to 8 x 8, attention there, and up again beside the way down.

    Everything below half resolution is free of pixels: a crop is unshuffled by two before the
    first convolution and shuffled back after the last.
    """

    def __init__(self) -> None:
        """Random weights; see `weights.load_network` for the trained ones."""
        super().__init__()
        widths, up = _WIDTHS, _DECODER_WIDTHS
        self.stem = _convolution(4 * len(CHANNELS), widths[0])
        self.entry = _stage(widths[0], _DEPTHS[0])
        self.down = nn.ModuleList(
            nn.Sequential(_convolution(fine, coarse, stride=2), _stage(coarse, depth))
            for fine, coarse, depth in zip(widths, widths[1:], _DEPTHS[1:], strict=False)
        )
        self.attention = _Attention(widths[-1], (CROP_SIDE // 16) ** 2)
        self.lateral = nn.ModuleList(
            nn.Conv2d(coarse, fine, 1) for coarse, fine in zip((widths[-1], *up), up, strict=False)
        )
        self.skip = nn.ModuleList(
            nn.Conv2d(width, fine, 1) for width, fine in zip(widths[-2::-1], up, strict=True)
        )
        self.up = nn.ModuleList(_convolution(width, width) for width in up)
        self.head = nn.Conv2d(up[-1], 4, 1)
        self.quality = nn.Sequential(
            nn.Linear(widths[-1] + up[0] + _POOLED_COUNT, 96),
            nn.ReLU(),
            nn.Linear(96, 48),
            nn.ReLU(),
            nn.Linear(48, 1),
        )

    def forward(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """Mask logits and the logit of the predicted IoU.

        Args:
            channels: (N, 9, 128, 128) as `channels.stack_channels` makes them.

        Returns:
            (N, 1, 128, 128) logits and (N,) logits; no gradient goes from the second into the
            features it looks at.
        """
        maps = [self.entry(self.stem(functional.pixel_unshuffle(channels, 2)))]
        for stage in self.down:
            maps.append(stage(maps[-1]))
        top = self.attention(maps.pop())
        y, coarse = top, None
        for lateral, skip, up in zip(self.lateral, self.skip, self.up, strict=True):
            raised = functional.interpolate(lateral(y), scale_factor=2.0, mode="bilinear")
            y = up(functional.relu(raised + skip(maps.pop())))
            coarse = y if coarse is None else coarse
        logits = functional.pixel_shuffle(self.head(y), 2)
        assert coarse is not None
        return logits, self._quality(top.detach(), coarse.detach(), logits.detach())

    def _quality(self, top: Tensor, coarse: Tensor, logits: Tensor) -> Tensor:
        """The logit of the IoU, from the features where the mask is and how sure the mask is."""
        p = torch.sigmoid(logits.float())
        small = functional.avg_pool2d(p, CROP_SIDE // coarse.shape[-1])
        inside = (coarse * small).sum((2, 3)) / (small.sum((2, 3)) + 1e-3)
        area = p.mean((1, 2, 3))
        sure = (p > 0.7).float().sum((1, 2, 3)) / ((p > 0.3).float().sum((1, 2, 3)) + 1)
        surest = (p > 0.9).float().sum((1, 2, 3)) / ((p > 0.1).float().sum((1, 2, 3)) + 1)
        doubt = (p * (1 - p)).mean((1, 2, 3)) / (area + 1e-3)
        numbers = [area, sure, surest, doubt, p.amax((1, 2, 3)), area.sqrt()]
        pooled = [top.mean((2, 3)), inside, torch.stack(numbers, 1)]
        answer: Tensor = self.quality(torch.cat([part.to(p.dtype) for part in pooled], 1))
        return answer.squeeze(1)


class _Attention(nn.Module):
    """One pre-norm transformer layer over the places of the coarsest map."""

    def __init__(self, width: int, place_count: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.zeros(1, place_count, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        batch, width, height, breadth = x.shape
        tokens = x.flatten(2).transpose(1, 2) + self.places
        qkv = self.qkv(self.norms[0](tokens)).reshape(batch, -1, 3, 4, width // 4)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(q, k, v)
        tokens = tokens + self.out(seen.transpose(1, 2).reshape(batch, -1, width))
        tokens = tokens + self.mlp(self.norms[1](tokens))
        out: Tensor = tokens.transpose(1, 2).reshape(batch, width, height, breadth)
        return out


class _Residual(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)))


def _stage(width: int, depth: int) -> nn.Sequential:
    return nn.Sequential(*(_Residual(width) for _ in range(depth)))


def _convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def parameter_groups(network: nn.Module, decay: float) -> Sequence[dict[str, object]]:
    """For an optimiser: weight decay on matrices and kernels only."""
    wide = [p for p in network.parameters() if p.ndim > 1]
    rest = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": wide, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]

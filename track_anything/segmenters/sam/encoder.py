"""SAM's image encoder as plain torch calls: the same numbers, without a framework around them."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as functional

from track_anything.segmenters.sam import attention
from track_anything.segmenters.sam.architecture import PIXEL_MEAN, PIXEL_STD
from track_anything.segmenters.sam.layers import (
    Buffers,
    FloatLinear,
    Int8Linear,
    Linear,
    Parameters,
    norm,
    parameters,
    tensors_under,
)
from track_anything.segmenters.sam.weights import SamWeights

NORM_EPSILON = 1e-6
CHUNK_ROWS = 512
"""Patches that go through an MLP together on a CPU: its hidden rows stay in the cache."""


@dataclass(frozen=True)
class _Block:
    """One transformer block, ready to run."""

    norm1: Parameters
    norm2: Parameters
    qkv: Linear
    qkv_bias: torch.Tensor
    proj: Linear
    lin1: Linear
    lin2: Linear
    table: attention.RelativeTable
    is_global: bool


class ImageEncoder:
    """Padded images to embeddings."""

    def __init__(
        self,
        weights: SamWeights,
        *,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        tiled: bool = True,
        int8: bool = False,
    ) -> None:
        """Take the weights of the network.

        Args:
            weights: Shared, not copied, where device and dtype allow.
            device: Where to run.
            dtype: Of everything between the pixels and the embedding.
            tiled: Attention in tiles, best on CPUs; else in one call, best on GPUs.
            int8: Round the blocks' projections to 8 bits. CPU only.
        """
        self.config = weights.config
        self.device, self.dtype, self.tiled = device, dtype, tiled
        self._buffers = Buffers(device, dtype)
        tensors = tensors_under(weights.tensors, "image_encoder.", device, dtype)
        config = weights.config
        self._shape = attention.AttentionShape(config.grid, config.head_count, config.head_dim)
        linear = Int8Linear if int8 else FloatLinear
        self._blocks = [
            _block(tensors, f"blocks.{index}.", index in config.global_blocks, linear)
            for index in range(config.depth)
        ]
        # (row, column, channel) of a patch as one axis, to match the image's own order.
        self._patch = tensors["patch_embed.proj.weight"].permute(2, 3, 1, 0).flatten(0, 2)
        position = tensors["pos_embed"].flatten(0, 2)
        self._offset = position + tensors["patch_embed.proj.bias"]
        self._neck1 = tensors["neck.0.weight"].flatten(1).t()
        self._neck2 = tensors["neck.2.weight"].contiguous(memory_format=torch.channels_last)
        self._neck_norm1 = parameters(tensors, "neck.1")
        self._neck_norm2 = parameters(tensors, "neck.3")
        self._mean = torch.from_numpy(PIXEL_MEAN).to(device)
        self._std = torch.from_numpy(PIXEL_STD).to(device)

    def normalized(self, image: torch.Tensor) -> torch.Tensor:
        """An (h, w, 3) uint8 image as the (size, size, 3) input: normalised, then padded by 0."""
        height, width = image.shape[:2]
        size = self.config.image_size
        pixels = (image.to(self.device).float() - self._mean) / self._std
        return functional.pad(pixels, (0, 0, 0, size - width, 0, size - height)).to(self.dtype)

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """The embedding, (grid^2, channels) in the encoder's dtype, of what normalized gave."""
        grid, patch = self.config.grid, self.config.patch_size
        patches = pixels.view(grid, patch, grid, patch, 3).transpose(1, 2)
        rows = self._buffers.take("rows", grid * grid, self.config.embed_dim)
        torch.addmm(self._offset, patches.reshape(grid * grid, -1), self._patch, out=rows)
        for block in self._blocks:
            self._attention(block, rows)
        return self._neck(rows)

    def _attention(self, block: _Block, rows: torch.Tensor) -> None:
        """One block, in place."""
        buffers, dim = self._buffers, self.config.embed_dim
        qkv = buffers.take("qkv", len(rows), 3 * dim)
        for chunk in self._chunks(len(rows)):
            block.qkv.into(norm(rows[chunk], block.norm1, NORM_EPSILON), qkv[chunk])
        if self.tiled:
            attended = buffers.take("mixed", len(rows), dim)
            if block.is_global:
                attention.tiled_global(self._shape, block.table, qkv, attended, buffers)
            else:
                attention.tiled_windows(
                    self._shape, block.table, block.qkv_bias, qkv, attended, buffers
                )
        elif block.is_global:
            attended = attention.fused_global(self._shape, block.table, qkv, buffers)
        else:
            attended = attention.fused_windows(
                self._shape, block.table, block.qkv_bias, qkv, buffers
            )
        for chunk in self._chunks(len(rows)):
            part = block.proj.add_into(attended[chunk], rows[chunk])
            hidden = buffers.take("hidden", len(part), self.config.mlp_dim)
            block.lin1.into(norm(part, block.norm2, NORM_EPSILON), hidden)
            torch.ops.aten.gelu_(hidden)
            block.lin2.add_into(hidden, part)

    def _chunks(self, count: int) -> list[slice]:
        step = CHUNK_ROWS * torch.get_num_threads() if self.tiled else count
        return [slice(start, start + step) for start in range(0, count, step)]

    def _neck(self, rows: torch.Tensor) -> torch.Tensor:
        grid, channels = self.config.grid, self.config.channels
        thin = norm(rows @ self._neck1, self._neck_norm1, NORM_EPSILON)
        image = thin.view(1, grid, grid, channels).permute(0, 3, 1, 2)
        image = functional.conv2d(image, self._neck2, padding=1)
        flat = image.permute(0, 2, 3, 1).reshape(grid * grid, channels)
        return norm(flat, self._neck_norm2, NORM_EPSILON)


def _block(
    tensors: Mapping[str, torch.Tensor],
    prefix: str,
    is_global: bool,
    linear: type[FloatLinear] | type[Int8Linear],
) -> _Block:
    def part(name: str) -> Parameters:
        return parameters(tensors, f"{prefix}{name}")

    return _Block(
        norm1=part("norm1"),
        norm2=part("norm2"),
        qkv=linear(*part("attn.qkv")),
        qkv_bias=tensors[f"{prefix}attn.qkv.bias"],
        proj=linear(*part("attn.proj")),
        lin1=linear(*part("mlp.lin1")),
        lin2=linear(*part("mlp.lin2")),
        table=attention.RelativeTable.of(
            tensors[f"{prefix}attn.rel_pos_h"], tensors[f"{prefix}attn.rel_pos_w"]
        ),
        is_global=is_global,
    )

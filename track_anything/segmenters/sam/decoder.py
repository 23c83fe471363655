"""SAM's mask decoder as plain torch calls."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as functional

from track_anything.segmenters.sam.cross_attention import CrossAttention, ProjectedImage
from track_anything.segmenters.sam.layers import (
    Buffers,
    Parameters,
    norm,
    parameters,
    tensors_under,
)
from track_anything.segmenters.sam.weights import SamWeights

NORM_EPSILON = 1e-5
UPSCALING_EPSILON = 1e-6
CHUNK_ROWS = 512
"""Image tokens upscaled together on a CPU: 16 times as many pixels stay in the cache."""


@dataclass(frozen=True)
class PreparedImage:
    """An image as the first layer wants it where there is no mask in the prompt.

    Attributes:
        keys: (1, grid^2, channels).
        to_image: What tokens are compared with and see.
        to_tokens: What the image compares tokens with.
    """

    keys: torch.Tensor
    to_image: ProjectedImage
    to_tokens: ProjectedImage


class MaskDecoder:
    """Tokens and an embedding to masks."""

    def __init__(
        self,
        weights: SamWeights,
        *,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        position: torch.Tensor,
    ) -> None:
        """Take the weights of the network.

        Args:
            weights: Shared, not copied, where device and dtype allow.
            device: Where to run.
            dtype: Of all products but the last, which gives float32 logits.
            position: (grid^2, channels): where each patch is.
        """
        config = weights.config
        self.config, self.dtype = config, dtype
        self._buffers = Buffers(device, dtype)
        self._chunked = device.type == "cpu"
        tensors = tensors_under(weights.tensors, "mask_decoder.", device, dtype)
        heads = config.decoder_head_count
        names = [f"transformer.layers.{index}." for index in range(config.decoder_depth)]
        self._layers = [_Layer.of(tensors, name, heads) for name in names]
        self._final = CrossAttention.of(
            tensors, "transformer.final_attn_token_to_image.", heads, image_asks=False
        )
        self._final_norm = parameters(tensors, "transformer.norm_final_attn")
        self._position = position.to(dtype)
        self._own_tokens = torch.cat([tensors["iou_token.weight"], tensors["mask_tokens.weight"]])
        # (in, out, 2, 2) kernels as (in, 2 2 out): each image token becomes a square of four.
        self._up1 = tensors["output_upscaling.0.weight"].permute(0, 2, 3, 1).flatten(1)
        self._up1_bias = tensors["output_upscaling.0.bias"].repeat(4)
        self._up_norm = parameters(tensors, "output_upscaling.1")
        self._up2 = tensors["output_upscaling.3.weight"].permute(0, 2, 3, 1).flatten(1)
        self._up2_bias = tensors["output_upscaling.3.bias"].repeat(4)
        self._hyper = _stacked_mlps(tensors, config.candidate_count)
        self._iou = [
            parameters(tensors, f"iou_prediction_head.layers.{index}")
            for index in range(config.iou_depth)
        ]

    def prepare(self, image: torch.Tensor) -> "PreparedImage":
        """What the first layer's attention needs of an image, before there is a prompt.

        Args:
            image: (1, grid^2, channels): the embedding plus the vector for "no mask".
        """
        keys = image.to(self.dtype)
        placed = keys + self._position
        first = self._layers[0]
        return PreparedImage(
            keys, first.to_image.project(placed, keys), first.to_tokens.project(placed, None)
        )

    def decode(
        self,
        image: "torch.Tensor | PreparedImage",
        tokens: torch.Tensor,
        *,
        least_predicted_iou: float | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """All candidates for a batch of prompts.

        Args:
            image: (B, grid^2, channels), the embedding plus the prompts' masks; or prepared.
            tokens: (B, N, channels) of the prompts.
            least_predicted_iou: Where no candidate but the first is predicted above it, no mask
                is made: that is two fifths of the work. None makes them all.

        Returns:
            (B, candidates, mask_size, mask_size) float32 logits, (B, 0, mask_size, mask_size) if
            none were made, and (B, candidates) float32 predicted IoUs.
        """
        count, own = len(tokens), len(self._own_tokens)
        tokens = torch.cat([self._own_tokens.expand(count, -1, -1), tokens.to(self.dtype)], 1)
        prepared = image if isinstance(image, PreparedImage) else None
        keys = image.keys if isinstance(image, PreparedImage) else image.to(self.dtype)
        keys = keys.expand(count, -1, -1)
        queries, buffers = tokens, self._buffers
        for index, layer in enumerate(self._layers):
            queries = layer.attend_itself(queries, None if index == 0 else tokens)
            source: torch.Tensor | ProjectedImage
            if prepared is not None and index == 0:
                source = prepared.to_tokens
                attended = layer.to_image.tokens_to_projected(
                    queries + tokens, prepared.to_image, buffers
                )
            else:
                source = self._placed(keys)
                attended = layer.to_image.tokens_to_image(queries + tokens, source, keys, buffers)
            queries = norm(queries + attended, layer.norms[1], NORM_EPSILON)
            queries = norm(queries + layer.mlp(queries), layer.norms[2], NORM_EPSILON)
            changed = layer.to_tokens.image_to_tokens(
                source, keys, queries + tokens, queries, buffers
            )
            keys = norm(changed, layer.norms[3], NORM_EPSILON)
        attended = self._final.tokens_to_image(queries + tokens, self._placed(keys), keys, buffers)
        queries = norm(queries + attended, self._final_norm, NORM_EPSILON)
        predicted = queries[:, 0]
        for index, (weight, bias) in enumerate(self._iou):
            predicted = predicted.relu() if index else predicted
            predicted = functional.linear(predicted, weight, bias)
        predicted = predicted.float()
        if least_predicted_iou is not None and float(predicted[:, 1:].max()) <= least_predicted_iou:
            size = self.config.mask_size
            return torch.empty(count, 0, size, size), predicted
        return self._masks(keys, queries[:, 1:own]), predicted

    def _placed(self, keys: torch.Tensor) -> torch.Tensor:
        out = self._buffers.take("placed", *keys.shape)
        return torch.add(keys, self._position, out=out)

    def _masks(self, keys: torch.Tensor, mask_tokens: torch.Tensor) -> torch.Tensor:
        """Upscale 4 x 4 and take the product with each mask token's own vector."""
        count = len(keys)
        vectors = mask_tokens.transpose(0, 1)
        for index, (weight, bias) in enumerate(self._hyper):
            vectors = vectors.relu() if index else vectors
            vectors = torch.baddbmm(bias, vectors, weight)
        vectors = vectors.transpose(0, 1).float()
        candidates = vectors.shape[1]
        grid = self.config.grid
        # A token is a square of 2 x 2 squares of 2 x 2 pixels: (y, i, k, x, j, l) in the image.
        size = (count, candidates, 4 * grid, 4 * grid)
        masks = torch.empty(size, device=keys.device, dtype=torch.float32)
        sorted_out = masks.view(count, candidates, grid, 2, 2, grid, 2, 2)
        rows = max(1, CHUNK_ROWS // grid) if self._chunked else grid
        for top in range(0, grid, rows):
            pixels = self._upscale(keys[:, top * grid : (top + rows) * grid])
            part = (vectors @ pixels.transpose(1, 2)).view(count, candidates, -1, grid, 2, 2, 2, 2)
            sorted_out[:, :, top : top + rows].copy_(part.permute(0, 1, 2, 4, 6, 3, 5, 7))
        return masks

    def _upscale(self, keys: torch.Tensor) -> torch.Tensor:
        """(B, 16 n, channels / 8) float32 of (B, n, channels)."""
        count, length, channels = keys.shape
        rows = self._buffers.take("up1", count * length, channels)
        torch.addmm(self._up1_bias, keys.reshape(-1, channels), self._up1, out=rows)
        pixels = norm(rows.view(-1, channels // 4), self._up_norm, UPSCALING_EPSILON)
        torch.ops.aten.gelu_(pixels)
        fine = self._buffers.take("up2", len(pixels), channels // 2)
        torch.addmm(self._up2_bias, pixels, self._up2, out=fine)
        torch.ops.aten.gelu_(fine)
        return fine.view(count, 16 * length, channels // 8).float()


@dataclass(frozen=True)
class _Layer:
    """One two-way layer."""

    self_attention: tuple[Parameters, Parameters, Parameters, Parameters]
    head_count: int
    to_image: CrossAttention
    to_tokens: CrossAttention
    lin1: Parameters
    lin2: Parameters
    norms: tuple[Parameters, ...]

    @classmethod
    def of(cls, tensors: Mapping[str, torch.Tensor], prefix: str, heads: int) -> "_Layer":
        query, key, value, out = (
            parameters(tensors, f"{prefix}self_attn.{part}_proj") for part in ("q", "k", "v", "out")
        )
        return cls(
            self_attention=(query, key, value, out),
            head_count=heads,
            to_image=CrossAttention.of(
                tensors, f"{prefix}cross_attn_token_to_image.", heads, image_asks=False
            ),
            to_tokens=CrossAttention.of(
                tensors, f"{prefix}cross_attn_image_to_token.", heads, image_asks=True
            ),
            lin1=parameters(tensors, f"{prefix}mlp.lin1"),
            lin2=parameters(tensors, f"{prefix}mlp.lin2"),
            norms=tuple(parameters(tensors, f"{prefix}norm{n}") for n in range(1, 5)),
        )

    def attend_itself(self, queries: torch.Tensor, tokens: torch.Tensor | None) -> torch.Tensor:
        """Self attention; the first layer (no tokens) has neither positions nor a residual."""
        placed = queries if tokens is None else queries + tokens
        query, key, value, out = self.self_attention
        size = (*queries.shape[:2], self.head_count, queries.shape[2] // self.head_count)
        q, k, v = (
            functional.linear(source, *part).view(size).transpose(1, 2)
            for source, part in ((placed, query), (placed, key), (queries, value))
        )
        attended = functional.scaled_dot_product_attention(q, k, v)
        attended = functional.linear(attended.transpose(1, 2).flatten(2), *out)
        attended = attended if tokens is None else queries + attended
        return norm(attended, self.norms[0], NORM_EPSILON)

    def mlp(self, queries: torch.Tensor) -> torch.Tensor:
        return functional.linear(functional.linear(queries, *self.lin1).relu_(), *self.lin2)


def _stacked_mlps(tensors: Mapping[str, torch.Tensor], count: int) -> list[Parameters]:
    """The mask tokens' MLPs, layer by layer: (count, in, out) and (count, 1, out)."""
    stacked = []
    for layer in range(3):
        names = [f"output_hypernetworks_mlps.{index}.layers.{layer}" for index in range(count)]
        parts = [parameters(tensors, name) for name in names]
        weight = torch.stack([weight.t() for weight, _ in parts])
        stacked.append((weight, torch.stack([bias for _, bias in parts])[:, None]))
    return stacked

"""SAM's prompt encoder as plain torch calls, always float32: half precision merges pixels."""

import math

import torch
import torch.nn.functional as functional

from track_anything.segmenters.sam.execution import PADDING_LABEL
from track_anything.segmenters.sam.layers import tensors_under
from track_anything.segmenters.sam.weights import SamWeights

NORM_EPSILON = 1e-6
PIXEL_CENTRE = 0.5


class PromptEncoder:
    """Points, boxes and previous masks to tokens and image-shaped features."""

    def __init__(self, weights: SamWeights, *, device: torch.device) -> None:
        """Take the weights of the network."""
        config = weights.config
        self.config, self.device = config, device
        tensors = tensors_under(weights.tensors, "prompt_encoder.", device, torch.float32)
        self._frequencies = tensors["pe_layer.positional_encoding_gaussian_matrix"]
        # Rows: background, object, then the padding point at -1, so that a label is an index.
        names = ["point_embeddings.0", "point_embeddings.1", "not_a_point_embed"]
        self._kinds = torch.cat([tensors[f"{name}.weight"] for name in names])
        corners = [tensors[f"point_embeddings.{index}.weight"] for index in (2, 3)]
        self._corners = torch.stack(corners, 1)
        self.no_mask = tensors["no_mask_embed.weight"]
        self._down = {
            name.removeprefix("mask_downscaling."): value
            for name, value in tensors.items()
            if name.startswith("mask_downscaling.")
        }
        steps = (torch.arange(config.grid, device=device) + PIXEL_CENTRE) / config.grid
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        self.position = self._encode(torch.stack([x, y], -1).view(-1, 2))
        """(grid^2, channels): where each patch is."""

    def tokens(
        self, points: torch.Tensor, labels: torch.Tensor, boxes: torch.Tensor | None
    ) -> torch.Tensor:
        """The prompt's tokens.

        Args:
            points: (B, N, 2) float32 in pixels of the input.
            labels: (B, N) int64: 1, 0, or -1 for padding.
            boxes: (B, 4) float32, or None.

        Returns:
            (B, N, channels), or (B, N + 2, channels) with boxes.
        """
        size = self.config.image_size
        where = self._encode((points + PIXEL_CENTRE) / size)
        where = where.masked_fill((labels == PADDING_LABEL)[..., None], 0.0)
        tokens = where + self._kinds[labels]
        if boxes is None:
            return tokens
        corners = self._encode((boxes.view(-1, 2, 2) + PIXEL_CENTRE) / size) + self._corners
        return torch.cat([tokens, corners], 1)

    def dense(self, masks: torch.Tensor) -> torch.Tensor:
        """(B, grid^2, channels) of (B, mask_size, mask_size) previous logits.

        Both strided convolutions read disjoint 2 x 2 squares: each is one matrix product.
        """
        count, side = masks.shape[:2]
        image = masks.view(count, side, side, 1)
        for conv, norm in (("0", "1"), ("3", "4")):
            weight = self._down[f"{conv}.weight"]
            height, channels = image.shape[1] // 2, image.shape[3]
            squares = image.view(count, height, 2, height, 2, channels).transpose(2, 3)
            rows = squares.reshape(-1, 4 * channels)
            kernel = weight.permute(2, 3, 1, 0).reshape(4 * channels, -1)
            rows = torch.addmm(self._down[f"{conv}.bias"], rows, kernel)
            scale, shift = self._down[f"{norm}.weight"], self._down[f"{norm}.bias"]
            rows = functional.layer_norm(rows, rows.shape[-1:], scale, shift, NORM_EPSILON)
            image = functional.gelu(rows).view(count, height, height, -1)
        kernel = self._down["6.weight"].flatten(1).t()
        rows = torch.addmm(self._down["6.bias"], image.reshape(-1, image.shape[-1]), kernel)
        return rows.view(count, -1, self.config.channels)

    def _encode(self, places: torch.Tensor) -> torch.Tensor:
        """(..., channels) of (..., 2) places in [0, 1]: sines, then cosines."""
        angles = ((2 * places - 1) @ self._frequencies) * (2 * math.pi)
        return torch.cat([angles.sin(), angles.cos()], -1)

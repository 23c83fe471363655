"""SAM's weights in one form: checked float32 tensors under Meta's names, and their sizes."""

import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as functional
from safetensors import SafetensorError
from safetensors.torch import save_file

from track_anything.errors import OutputError, WeightsError
from track_anything.segmenters.sam.architecture import (
    SamConfig,
    Shape,
    detect_config,
    published_config,
    tensor_shapes,
)
from track_anything.segmenters.sam.formats import read_checkpoint

FORMAT = "track-anything-sam-1"


@dataclass(frozen=True, eq=False)
class SamWeights:
    """One SAM network.

    Attributes:
        config: Its sizes.
        tensors: float32, on the CPU, under Meta's names; exactly those of tensor_shapes(config).
    """

    config: SamConfig
    tensors: Mapping[str, torch.Tensor]

    def resized(self, image_size: int) -> "SamWeights":
        """The same network for another side of the input, position tables interpolated.

        Raises:
            WeightsError: If the size is not one this network can be run at.
        """
        if image_size == self.config.image_size:
            return self
        config = self.config.resized(image_size)
        tensors = dict(self.tensors)
        name = "image_encoder.pos_embed"
        table = tensors[name].permute(0, 3, 1, 2)
        table = functional.interpolate(table, (config.grid, config.grid), mode="bilinear")
        tensors[name] = table.permute(0, 2, 3, 1).contiguous()
        for index in config.global_blocks:
            for axis in "hw":
                name = f"image_encoder.blocks.{index}.attn.rel_pos_{axis}"
                line = tensors[name].t()[None]
                line = functional.interpolate(line, 2 * config.grid - 1, mode="linear")
                tensors[name] = line[0].t().contiguous()
        return SamWeights(config, tensors)


def read_weights(path: str | Path, *, decoder_head_count: int | None = None) -> SamWeights:
    """The network in a checkpoint of any kind.

    Args:
        path: Meta's `.pth`; safetensors under Meta's, Hugging Face's or our own names; KerasCV's
            `.weights.h5`; or a directory with one of them and its config.json.
        decoder_head_count: Heads of the decoder where nothing in or beside the file tells it and
            the model is not a published one.

    Raises:
        WeightsError: If the file is missing, damaged, holds code, or is not a whole SAM; the text
            names the first tensor that is missing, unknown or of the wrong shape.
    """
    path = Path(path).expanduser()
    checkpoint = read_checkpoint(path)
    heads = decoder_head_count or checkpoint.decoder_head_count
    try:
        return checked_weights(checkpoint.tensors, decoder_head_count=heads)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error


def checked_weights(
    tensors: Mapping[str, torch.Tensor], *, decoder_head_count: int | None = None
) -> SamWeights:
    """A network from tensors under Meta's names.

    Raises:
        WeightsError: If a tensor is missing, unknown, of the wrong shape or not of floats.
    """
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    config = detect_config(shapes, decoder_head_count=decoder_head_count)
    expected = tensor_shapes(config)
    for name, shape in expected.items():
        if name not in shapes:
            raise WeightsError(f"{name} is missing")
        if shapes[name] != shape:
            raise WeightsError(f"{name} has shape {shapes[name]}, expected {shape}")
        if not tensors[name].is_floating_point():
            raise WeightsError(f"{name} holds {tensors[name].dtype}, expected floats")
    unknown = sorted(shapes.keys() - expected.keys())
    if unknown:
        raise WeightsError(f"{unknown[0]} is not a tensor of SAM ({len(unknown)} unknown)")
    plain = {name: tensors[name].detach().to(torch.float32).contiguous() for name in expected}
    return SamWeights(config, plain)


def save_weights(weights: SamWeights, path: Path) -> None:
    """Write safetensors under Meta's names; the file appears whole or not at all.

    Raises:
        OutputError: If it cannot be written.
    """
    metadata = {"format": FORMAT, "config": json.dumps(weights.config.as_dict())}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".part", dir=path.parent)
        os.close(handle)
        partial = Path(name)
        try:
            save_file(dict(weights.tensors), partial, metadata=metadata)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{path}: the weights cannot be written ({error})") from error


def random_weights(config: SamConfig | str, *, seed: int = 0) -> SamWeights:
    """A network that answers at random: for speed, for tests, never for masks.

    Args:
        config: The sizes, or the name of a published model: base, large, huge.
        seed: Of the generator.
    """
    if isinstance(config, str):
        config = published_config(config)
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}
    for name, shape in tensor_shapes(config).items():
        value = torch.randn(shape, generator=generator)
        is_norm = len(shape) == 1 and name.endswith(".weight")
        tensors[name] = 1 + 0.1 * value if is_norm else value * _spread(name, shape)
    return SamWeights(config, tensors)


def _spread(name: str, shape: Shape) -> float:
    """A scale that keeps activations near 1 through the depth, as in trained networks."""
    if name.endswith("gaussian_matrix"):
        return 1.0
    if len(shape) == 1 or "_pos" in name or "pos_" in name:
        return 0.1
    return float(math.prod(shape[1:]) ** -0.5)

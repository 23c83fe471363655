"""SAM as KerasCV runs it: the reference. The only module that imports keras and keras_cv."""

import importlib
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from track_anything.errors import DependencyError, WeightsError
from track_anything.segmenters.sam.architecture import PIXEL_MEAN, SamConfig
from track_anything.segmenters.sam.execution import SamAnswer, SamPrompt
from track_anything.segmenters.sam.keras_layout import KerasTensor, keras_tensors
from track_anything.segmenters.sam.weights import SamWeights, checked_weights
from track_anything.structures import Image


def import_keras_cv() -> Any:
    """The keras_cv module, on the torch backend.

    Raises:
        DependencyError: If it is not installed, or Keras already runs on another backend.
    """
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "torch")
    # TensorFlow, which keras_cv imports and this project never uses, talks on standard error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        keras = importlib.import_module("keras")
        backend = keras.backend.backend()
        if backend != "torch":
            raise DependencyError(
                f"SAM runs on Keras's torch backend, but it is {backend}: set KERAS_BACKEND=torch "
                "before keras is imported"
            )
        return importlib.import_module("keras_cv")
    except ImportError as error:
        if isinstance(error, DependencyError):
            raise
        raise DependencyError(
            f"KerasCV is needed for this and cannot be imported ({error}): "
            "pip install keras keras-cv tensorflow-cpu"
        ) from error


class KerasSamModel:
    """KerasCV's SegmentAnythingModel with given weights, prompted part by part."""

    def __init__(self, weights: SamWeights) -> None:
        """Build the network and copy the tensors into it.

        Raises:
            DependencyError: As import_keras_cv.
        """
        self.config = weights.config
        self.model = _build(import_keras_cv(), weights.config)
        variables = _variables(self.model, keras_tensors(weights.config))
        for entry, variable in variables:
            variable.assign(entry.to_keras(weights.tensors[entry.name]))

    def weights(self) -> SamWeights:
        """The network's tensors under Meta's names."""
        return _weights_of(self.model, self.config)

    def save(self, path: Path) -> None:
        """Write a `.weights.h5` file."""
        self.model.save_weights(path)

    def save_preset(self, path: Path) -> None:
        """Write a preset directory: what KerasCV's from_preset reads."""
        presets = importlib.import_module("keras_cv.src.utils.preset_utils")
        presets.save_to_preset(self.model, str(path))

    def encode(self, image: Image) -> torch.Tensor:
        """The embedding of an image that fits the input, padded at the right and bottom.

        Args:
            image: Standard form, its longer side as long as the network's input.

        Returns:
            (1, grid, grid, channels) float32.
        """
        size = self.config.image_size
        # Normalisation happens inside: only the mean pixel becomes zero there.
        padded = np.broadcast_to(PIXEL_MEAN, (1, size, size, 3)).copy()
        padded[0, : image.shape[0], : image.shape[1]] = image
        with torch.inference_mode():
            embedding: torch.Tensor = self.model.backbone(torch.from_numpy(padded))
            return embedding

    def decode(
        self,
        embedding: torch.Tensor,
        prompts: Sequence[SamPrompt],
        *,
        least_predicted_iou: float | None = None,  # leaves nothing out
    ) -> list[SamAnswer]:
        """All candidate masks for every prompt, one prompt at a time."""
        with torch.inference_mode():
            return [self._decode(embedding, prompt) for prompt in prompts]

    def _decode(self, embedding: torch.Tensor, prompt: SamPrompt) -> SamAnswer:
        device = embedding.device
        boxes = prompt.box[None] if prompt.box is not None else np.zeros((0, 4), np.float32)
        inputs = {
            "points": torch.tensor(prompt.points, device=device)[None],
            "labels": torch.tensor(prompt.labels, device=device, dtype=torch.float32)[None],
            "boxes": torch.tensor(boxes, device=device).reshape(1, -1, 2, 2),
        }
        size = self.config.mask_size
        masks = prompt.mask if prompt.mask is not None else np.zeros((0, size, size), np.float32)
        inputs["masks"] = torch.tensor(masks, device=device).reshape(1, -1, size, size, 1)
        encoded = self.model.prompt_encoder(inputs)
        answer = self.model.mask_decoder(
            {
                "image_embeddings": embedding,
                "image_pe": encoded["dense_positional_embeddings"],
                "sparse_prompt_embeddings": encoded["sparse_embeddings"],
                "dense_prompt_embeddings": encoded["dense_embeddings"],
            }
        )
        return SamAnswer(answer["masks"][0].cpu().numpy(), answer["iou_pred"][0].cpu().numpy())


def preset_weights(preset: str) -> SamWeights:
    """The weights of a KerasCV preset: a published name, fetched, or a directory.

    Raises:
        WeightsError: If it cannot be had or is not a SAM.
        DependencyError: As import_keras_cv.
    """
    keras_cv = import_keras_cv()
    try:
        model = keras_cv.models.SegmentAnythingModel.from_preset(preset)
    except Exception as error:  # the fetcher's and Keras's errors share no base
        raise WeightsError(
            f"the KerasCV preset {preset} cannot be had ({_first_line(error)})"
        ) from error
    return _weights_of(model, _config_of(model))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__


def _build(keras_cv: Any, config: SamConfig) -> Any:
    models, size = keras_cv.models, config.image_size
    backbone = models.ViTDetBackbone(
        include_rescaling=True,
        input_shape=(size, size, 3),
        patch_size=config.patch_size,
        embed_dim=config.embed_dim,
        depth=config.depth,
        mlp_dim=config.mlp_dim,
        num_heads=config.head_count,
        out_chans=config.channels,
        window_size=config.window_size,
        global_attention_indices=list(config.global_blocks),
    )
    prompt_encoder = models.SAMPromptEncoder(
        embed_dim=config.channels,
        image_embedding_size=(config.grid, config.grid),
        input_image_size=(size, size),
        mask_in_chans=config.mask_channels,
    )
    transformer = models.TwoWayTransformer(
        depth=config.decoder_depth,
        embed_dim=config.channels,
        num_heads=config.decoder_head_count,
        mlp_dim=config.decoder_mlp_dim,
        attention_downsample_rate=config.channels // config.decoder_inner_dim,
    )
    mask_decoder = models.SAMMaskDecoder(
        transformer_dim=config.channels,
        transformer=transformer,
        num_multimask_outputs=config.candidate_count - 1,
        iou_head_depth=config.iou_depth,
        iou_head_hidden_dim=config.iou_hidden_dim,
    )
    return models.SegmentAnythingModel(
        backbone=backbone, prompt_encoder=prompt_encoder, mask_decoder=mask_decoder
    )


def _config_of(model: Any) -> SamConfig:
    """The counts and heads of a live model; the other sizes are read from its tensors."""
    decoder = model.mask_decoder
    return SamConfig(
        depth=model.backbone.depth,
        decoder_depth=decoder.transformer.depth,
        decoder_head_count=decoder.transformer.num_heads,
        candidate_count=decoder.num_mask_tokens,
        iou_depth=decoder.iou_head_depth,
    )


def _weights_of(model: Any, config: SamConfig) -> SamWeights:
    tensors = {
        entry.name: entry.to_meta(variable.value.detach().cpu()).clone()
        for entry, variable in _variables(model, keras_tensors(config))
    }
    return checked_weights(tensors, decoder_head_count=config.decoder_head_count)


def _variables(model: Any, entries: Iterable[KerasTensor]) -> list[tuple[KerasTensor, Any]]:
    """The Keras variable of every entry, found by the path Keras itself saves it under."""
    found = []
    for entry in entries:
        node: Any = _named(model.layers)
        for part in entry.layer.split("/"):
            if isinstance(node, dict):
                node = node[part]
            else:
                child = getattr(node, part)
                node = _named(child) if isinstance(child, list) else child
        found.append((entry, node.variables[entry.index]))
    return found


def _named(layers: Iterable[Any]) -> dict[str, Any]:
    """Layers by class, numbered: Keras's naming of a list of layers in a weights file."""
    counts: dict[str, int] = {}
    named = {}
    for layer in layers:
        name = _snake_case(type(layer).__name__)
        index = counts.get(name, 0)
        counts[name] = index + 1
        named[f"{name}_{index}" if index else name] = layer
    return named


def _snake_case(name: str) -> str:
    name = re.sub(
        r"(.)([A-Z][a-z]+)", r"\1_\2", name.replace("LayerNormalization", "Layer_normalization")
    )
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()

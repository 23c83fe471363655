"""The names and axes KerasCV's SegmentAnythingModel gives to SAM's tensors.

One table serves two readers: a `.weights.h5` file read without Keras, and the variables of a
live model. Dense kernels are transposed, convolution kernels are (height, width, in, out).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from track_anything.segmenters.sam.architecture import SamConfig

H5_MARK = "layers/sam_mask_decoder"
"""A group every `.weights.h5` file of the model has in the layout read here."""

_ATTENTION_PARTS = {
    "q_proj": "query_proj",
    "k_proj": "key_proj",
    "v_proj": "value_proj",
    "out_proj": "out_proj",
}
# Meta's index -> KerasCV's name.
_POINT_EMBEDDINGS = (
    "background_point",
    "foreground_point",
    "top_left_corner",
    "bottom_right_corner",
)


@dataclass(frozen=True)
class KerasTensor:
    """Where one of Meta's tensors lies in the KerasCV model.

    Attributes:
        name: Meta's name.
        layer: Path of the layer that owns it, as in a `.weights.h5` file.
        index: Which of the layer's variables.
        kind: How its axes are ordered: plain, dense or conv.
    """

    name: str
    layer: str
    index: int
    kind: str

    @property
    def h5_path(self) -> str:
        """Path of the data set in a `.weights.h5` file."""
        return f"layers/{self.layer}/vars/{self.index}"

    def to_meta(self, value: torch.Tensor) -> torch.Tensor:
        """The value with Meta's order of axes."""
        return _TO_META[self.kind](value)

    def to_keras(self, value: torch.Tensor) -> torch.Tensor:
        """The value with KerasCV's order of axes."""
        return _TO_KERAS[self.kind](value)


_TO_META: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "plain": lambda value: value,
    "dense": lambda value: value.t(),
    "conv": lambda value: value.permute(3, 2, 0, 1),
}
_TO_KERAS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "plain": lambda value: value,
    "dense": lambda value: value.t(),
    "conv": lambda value: value.permute(2, 3, 1, 0),
}


def keras_tensors(config: SamConfig) -> list[KerasTensor]:
    """One entry for every tensor of the network."""
    return [*_encoder(config), *_prompt_encoder(config), *_decoder(config)]


def _numbered(name: str, index: int) -> str:
    return f"{name}_{index}" if index else name


def _pair(name: str, layer: str, kind: str) -> Iterator[KerasTensor]:
    yield KerasTensor(f"{name}.weight", layer, 0, kind)
    yield KerasTensor(f"{name}.bias", layer, 1, "plain")


def _mlp(name: str, layer: str, parts: Sequence[str]) -> Iterator[KerasTensor]:
    for index, part in enumerate(parts):
        dense = f"{layer}/dense_net/layers/{_numbered('dense', index)}"
        yield from _pair(f"{name}.{part}", dense, "dense")


def _encoder(c: SamConfig) -> Iterator[KerasTensor]:
    root = "image_encoder"
    yield KerasTensor(f"{root}.pos_embed", "add_positional_embedding", 0, "plain")
    yield from _pair(
        f"{root}.patch_embed.proj", "vi_t_det_patching_and_embedding/projection", "conv"
    )
    for index in range(c.depth):
        block = f"{root}.blocks.{index}"
        layer = _numbered("windowed_transformer_encoder", index)
        yield from _pair(f"{block}.norm1", f"{layer}/layer_norm1", "plain")
        relative = f"{layer}/attention/add_decomposed_reative_pe"
        yield KerasTensor(f"{block}.attn.rel_pos_h", relative, 0, "plain")
        yield KerasTensor(f"{block}.attn.rel_pos_w", relative, 1, "plain")
        yield from _pair(f"{block}.attn.qkv", f"{layer}/attention/qkv", "dense")
        yield from _pair(f"{block}.attn.proj", f"{layer}/attention/projection", "dense")
        yield from _pair(f"{block}.norm2", f"{layer}/layer_norm2", "plain")
        yield from _mlp(f"{block}.mlp", f"{layer}/mlp_block", ("lin1", "lin2"))
    neck = "sequential/layers"
    yield KerasTensor(f"{root}.neck.0.weight", f"{neck}/conv2d", 0, "conv")
    yield from _pair(f"{root}.neck.1", f"{neck}/layer_normalization", "plain")
    yield KerasTensor(f"{root}.neck.2.weight", f"{neck}/conv2d_1", 0, "conv")
    yield from _pair(f"{root}.neck.3", f"{neck}/layer_normalization_1", "plain")


def _prompt_encoder(c: SamConfig) -> Iterator[KerasTensor]:
    root, layer = "prompt_encoder", "sam_prompt_encoder"
    yield KerasTensor(
        f"{root}.pe_layer.positional_encoding_gaussian_matrix",
        f"{layer}/positional_embedding_layer",
        0,
        "plain",
    )
    for index, name in enumerate(_POINT_EMBEDDINGS):
        meta = f"{root}.point_embeddings.{index}.weight"
        yield KerasTensor(meta, f"{layer}/{name}_embed", 0, "plain")
    for name in ("not_a_point_embed", "no_mask_embed"):
        yield KerasTensor(f"{root}.{name}.weight", f"{layer}/{name}", 0, "plain")
    down, layers = f"{root}.mask_downscaling", f"{layer}/mask_downscaler/layers"
    yield from _pair(f"{down}.0", f"{layers}/conv2d", "conv")
    yield from _pair(f"{down}.1", f"{layers}/layer_normalization", "plain")
    yield from _pair(f"{down}.3", f"{layers}/conv2d_1", "conv")
    yield from _pair(f"{down}.4", f"{layers}/layer_normalization_1", "plain")
    yield from _pair(f"{down}.6", f"{layers}/conv2d_2", "conv")


def _attention(name: str, layer: str) -> Iterator[KerasTensor]:
    for meta, keras in _ATTENTION_PARTS.items():
        yield from _pair(f"{name}.{meta}", f"{layer}/{keras}", "dense")


def _decoder(c: SamConfig) -> Iterator[KerasTensor]:
    root, keras_root = "mask_decoder", "sam_mask_decoder"
    transformer, keras_transformer = f"{root}.transformer", f"{keras_root}/transformer"
    for index in range(c.decoder_depth):
        meta = f"{transformer}.layers.{index}"
        layer = f"{keras_transformer}/layers/{_numbered('two_way_multi_head_attention', index)}"
        yield from _attention(f"{meta}.self_attn", f"{layer}/self_attention")
        for way in ("token_to_image", "image_to_token"):
            yield from _attention(f"{meta}.cross_attn_{way}", f"{layer}/cross_attention_{way}")
        for number in range(1, 5):
            yield from _pair(f"{meta}.norm{number}", f"{layer}/layer_norm{number}", "plain")
        yield from _mlp(f"{meta}.mlp", f"{layer}/mlp_block", ("lin1", "lin2"))
    final = "final_attention_token_to_image"
    yield from _attention(
        f"{transformer}.final_attn_token_to_image", f"{keras_transformer}/{final}"
    )
    yield from _pair(
        f"{transformer}.norm_final_attn", f"{keras_transformer}/final_layer_norm", "plain"
    )
    for name in ("iou_token", "mask_tokens"):
        yield KerasTensor(f"{root}.{name}.weight", f"{keras_root}/{name}", 0, "plain")
    up, layers = f"{root}.output_upscaling", f"{keras_root}/output_upscaling/layers"
    yield from _pair(f"{up}.0", f"{layers}/conv2d_transpose", "conv")
    yield from _pair(f"{up}.1", f"{layers}/layer_normalization", "plain")
    yield from _pair(f"{up}.3", f"{layers}/conv2d_transpose_1", "conv")
    parts = [f"layers.{index}" for index in range(3)]
    for index in range(c.candidate_count):
        layer = f"{keras_root}/output_hypernetworks_mlps/{_numbered('mlp', index)}"
        yield from _mlp(f"{root}.output_hypernetworks_mlps.{index}", layer, parts)
    parts = [f"layers.{index}" for index in range(c.iou_depth)]
    yield from _mlp(f"{root}.iou_prediction_head", f"{keras_root}/iou_prediction_head", parts)

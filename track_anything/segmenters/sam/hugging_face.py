"""Hugging Face's names for SAM's tensors, in Meta's."""

import re
from collections.abc import Mapping

import torch

Tensors = dict[str, torch.Tensor]

MARK = "vision_encoder.patch_embed.projection.weight"
"""A tensor every Hugging Face SamModel has."""

_SHARED_POSITION = "shared_image_embedding.positional_embedding"
_TIED_POSITION = "prompt_encoder.shared_embedding.positional_embedding"

# Applied in order, each to the outcome of the one before.
_RULES = (
    (r"^vision_encoder\.layers\.(\d+)\.layer_norm", r"image_encoder.blocks.\1.norm"),
    (r"^vision_encoder\.layers\.", "image_encoder.blocks."),
    (r"^vision_encoder\.patch_embed\.projection\.", "image_encoder.patch_embed.proj."),
    (r"^vision_encoder\.neck\.conv1\.", "image_encoder.neck.0."),
    (r"^vision_encoder\.neck\.layer_norm1\.", "image_encoder.neck.1."),
    (r"^vision_encoder\.neck\.conv2\.", "image_encoder.neck.2."),
    (r"^vision_encoder\.neck\.layer_norm2\.", "image_encoder.neck.3."),
    (r"^vision_encoder\.", "image_encoder."),
    (r"^prompt_encoder\.point_embed\.", "prompt_encoder.point_embeddings."),
    (r"^prompt_encoder\.mask_embed\.conv1\.", "prompt_encoder.mask_downscaling.0."),
    (r"^prompt_encoder\.mask_embed\.layer_norm1\.", "prompt_encoder.mask_downscaling.1."),
    (r"^prompt_encoder\.mask_embed\.conv2\.", "prompt_encoder.mask_downscaling.3."),
    (r"^prompt_encoder\.mask_embed\.layer_norm2\.", "prompt_encoder.mask_downscaling.4."),
    (r"^prompt_encoder\.mask_embed\.conv3\.", "prompt_encoder.mask_downscaling.6."),
    (r"^(mask_decoder\.transformer)\.layer_norm_final_attn\.", r"\1.norm_final_attn."),
    (r"^(mask_decoder\.transformer\.layers\.\d+)\.layer_norm", r"\1.norm"),
    (r"^mask_decoder\.upscale_conv1\.", "mask_decoder.output_upscaling.0."),
    (r"^mask_decoder\.upscale_layer_norm\.", "mask_decoder.output_upscaling.1."),
    (r"^mask_decoder\.upscale_conv2\.", "mask_decoder.output_upscaling.3."),
)
_MLP = re.compile(
    r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d+|iou_prediction_head))"
    r"\.(proj_in|proj_out|layers\.(\d+))\.(weight|bias)$"
)


def from_hugging_face(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """The same tensors under Meta's names; names that fit no rule stay as they are."""
    deepest: dict[str, int] = {}
    for name in tensors:
        match = _MLP.match(name)
        if match and match[3] is not None:
            deepest[match[1]] = max(deepest.get(match[1], -1), int(match[3]))
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        if name == _TIED_POSITION and _SHARED_POSITION in tensors:
            continue  # the same matrix under a second name
        renamed[_meta_name(name, deepest)] = tensor
    return renamed


def _meta_name(name: str, deepest: Mapping[str, int]) -> str:
    if name in (_SHARED_POSITION, _TIED_POSITION):
        return "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
    match = _MLP.match(name)
    if match:
        # proj_in, layers.0 ... layers.n, proj_out are Meta's layers 0, 1 ... n + 1, n + 2.
        last = deepest.get(match[1], -1) + 2
        index = {"proj_in": 0, "proj_out": last}.get(match[2])
        if index is None:
            index = int(match[3]) + 1
        return f"{match[1]}.layers.{index}.{match[4]}"
    for pattern, replacement in _RULES:
        name = re.sub(pattern, replacement, name)
    return name

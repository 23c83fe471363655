"""A tiny SAM whose masks are of many sizes, and transformers' mask generation over the same."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from track_anything.segmenters.sam.hugging_face import from_hugging_face
from track_anything.segmenters.sam.weights import SamWeights, read_weights
from track_anything.structures import Frame

TINY = Path(__file__).resolve().parents[1] / "data" / "sam_tiny"
Reference = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def tiny() -> SamWeights:
    """The fixture as it is: masks of most of the picture."""
    return read_weights(TINY / "sam_tiny.pth")


@pytest.fixture(scope="session")
def vivid(tiny: SamWeights) -> SamWeights:
    """The fixture with its last layers turned up: masks of a pixel up to the whole picture."""
    tensors = dict(tiny.tensors)
    for name in tensors:
        if "cross_attn_image_to_token" in name and ("q_proj" in name or "k_proj" in name):
            tensors[name] = tensors[name] * 6
        if "cross_attn_image_to_token.out_proj.weight" in name:
            tensors[name] = tensors[name] * 6
        if "output_hypernetworks_mlps" in name and ".layers.2." in name:
            tensors[name] = tensors[name] * 20 - (0.7 if name.endswith("bias") else 0)
    tensors["mask_decoder.output_upscaling.3.bias"] = (
        tensors["mask_decoder.output_upscaling.3.bias"] + 1
    )
    return replace(tiny, tensors=tensors)


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """The drawn 400 x 300 picture of the fixture."""
    with Image.open(TINY / "image.png") as image:
        return image.convert("RGB")


@pytest.fixture(scope="session")
def frame(picture: Image.Image) -> Frame:
    """The same as a frame."""
    return Frame(0, Fraction(0), np.asarray(picture))


@pytest.fixture(scope="session")
def reference(picture: Image.Image) -> Callable[[SamWeights], Reference]:
    """transformers' generator over a network, with segment-anything's suppression."""

    def over(weights: SamWeights) -> Reference:
        pipeline = _pipeline(weights)

        def generate(**given: Any) -> list[dict[str, Any]]:
            return _generate(pipeline, picture, **given)

        return generate

    return over


def _pipeline(weights: SamWeights) -> Any:
    transformers = pytest.importorskip("transformers")
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil
    from transformers.pipelines.mask_generation import MaskGenerationPipeline

    settings = transformers.SamConfig(
        vision_config={
            "hidden_size": 64,
            "output_channels": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 256,
            "mlp_dim": 256,
            "global_attn_indexes": [1],
            "num_pos_feats": 32,
        },
        prompt_encoder_config={"hidden_size": 64, "image_size": 256},
        mask_decoder_config={
            "hidden_size": 64,
            "mlp_dim": 128,
            "num_attention_heads": 4,
            "iou_head_hidden_dim": 64,
            "layer_norm_eps": 1e-5,  # Meta's, which transformers' default is not
        },
    )
    model = transformers.SamModel(settings).eval()
    state = model.state_dict()
    names = list(state)
    # Which of their names stands for which of Meta's, by sending each its own number.
    places = from_hugging_face({name: torch.tensor(n) for n, name in enumerate(names)})
    for meta_name, place in places.items():
        name = names[int(place)]
        state[name].copy_(weights.tensors[meta_name].reshape(state[name].shape))
    position = state["shared_image_embedding.positional_embedding"]
    model.prompt_encoder.shared_embedding.positional_embedding.data.copy_(position)
    prepare = SamImageProcessorPil(
        size={"longest_edge": 256}, pad_size={"height": 256, "width": 256}
    )
    return MaskGenerationPipeline(model=model, image_processor=prepare, device="cpu")


def _generate(
    pipeline: Any,
    picture: Image.Image,
    *,
    points: int,
    predicted_iou: float,
    stability: float,
    offset: float,
    nms: float,
    layers: int = 0,
    divisor: int = 1,
) -> list[dict[str, Any]]:
    """Masks by falling score. The pipeline's own suppression needs torchvision and knows no
    preference for small crops: segment-anything's two steps are written out instead."""
    by_crop: dict[tuple[float, ...], list[dict[str, Any]]] = {}
    with torch.inference_mode():
        for inputs in pipeline.preprocess(
            picture,
            points_per_crop=points,
            crops_n_layers=layers,
            crop_n_points_downscale_factor=divisor,
        ):
            crop = tuple(inputs["input_boxes"][0].tolist())
            outcome = pipeline._forward(
                inputs,
                pred_iou_thresh=predicted_iou,
                stability_score_thresh=stability,
                stability_score_offset=offset,
            )
            found = zip(
                outcome["masks"],
                outcome["iou_scores"].tolist(),
                outcome["boxes"].tolist(),
                strict=True,
            )
            by_crop.setdefault(crop, []).extend(
                {"rle": rle, "score": score, "box": box, "crop": crop} for rle, score, box in found
            )
    kept = []
    for masks in by_crop.values():
        kept += _greedy(masks, [one["score"] for one in masks], nms)
    if layers:
        kept = _greedy(kept, [1 / _area(one["crop"]) for one in kept], nms)
    return sorted(kept, key=lambda one: -one["score"])


def _greedy(
    masks: list[dict[str, Any]], scores: Sequence[float], limit: float
) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for index in sorted(range(len(masks)), key=lambda index: -scores[index]):
        if all(_iou(masks[index]["box"], other["box"]) <= limit for other in kept):
            kept.append(masks[index])
    return kept


def _area(box: Sequence[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _iou(first: Sequence[float], second: Sequence[float]) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0) * max(height, 0)
    union = _area(first) + _area(second) - shared
    return shared / union if union else 0.0

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from track_anything.errors import WeightsError
from track_anything.segmenters.sam.execution import SamPrompt
from track_anything.segmenters.sam.lean import LeanSam
from track_anything.segmenters.sam.weights import read_weights

NO_POINTS = (np.zeros((0, 2), np.float32), np.zeros(0, np.int64))


@pytest.fixture(scope="module")
def theirs() -> Any:
    """A small SamModel of transformers with random weights."""
    transformers = pytest.importorskip("transformers")
    config = transformers.SamConfig(
        vision_config={
            "hidden_size": 64,
            "output_channels": 32,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "image_size": 256,
            "mlp_dim": 96,
            "global_attn_indexes": [2],
            "num_pos_feats": 16,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": 256, "mask_input_channels": 8},
        mask_decoder_config={
            "hidden_size": 32,
            "mlp_dim": 48,
            "num_attention_heads": 4,
            "iou_head_depth": 4,
            "iou_head_hidden_dim": 24,
            "layer_norm_eps": 1e-5,  # Meta's, which transformers' default is not
        },
    )
    torch.manual_seed(0)
    model = transformers.SamModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # its own are nearly all zero
            parameter.normal_(std=0.2 if parameter.ndim > 1 else 0.5)
    return model


@pytest.fixture
def folder(theirs: Any, tmp_path: Path) -> Path:
    theirs.save_pretrained(tmp_path)
    return tmp_path


def _pixels(sam: LeanSam, image: np.ndarray) -> torch.Tensor:
    return sam.encoder.normalized(torch.from_numpy(image)).permute(2, 0, 1)[None]


def test_a_model_of_transformers_gives_the_same_answers(theirs: Any, folder: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 256, 3), np.uint8)
    sam = LeanSam(read_weights(folder))
    assert sam.config.decoder_head_count == 4
    assert sam.config.iou_depth == 4
    embedding = sam.encode(image)
    box = np.array([20, 30, 150, 160], np.float32)
    points = np.array([[60, 70], [100, 20]], np.float32)
    with torch.inference_mode():
        wanted = theirs.get_image_embeddings(_pixels(sam, image))
        by_box, by_points = (
            theirs(image_embeddings=wanted, multimask_output=True, **prompt)
            for prompt in (
                {"input_boxes": torch.from_numpy(box)[None, None]},
                {
                    "input_points": torch.from_numpy(points)[None, None],
                    "input_labels": torch.tensor([[[1, 0]]]),
                },
            )
        )
    found = embedding.embedding.view(16, 16, 32).permute(2, 0, 1)
    np.testing.assert_allclose(found, wanted[0], rtol=0, atol=1e-4)
    padded = np.concatenate([points, np.zeros((1, 2), np.float32)])
    answers = sam.decode(
        embedding, [SamPrompt(*NO_POINTS, box), SamPrompt(padded, np.array([1, 0, -1]))]
    )
    for answer, outcome in zip(answers, (by_box, by_points), strict=True):
        np.testing.assert_allclose(answer.logits[1:], outcome.pred_masks[0, 0], rtol=0, atol=1e-4)
        np.testing.assert_allclose(
            answer.predicted_iou[1:], outcome.iou_scores[0, 0], rtol=0, atol=1e-4
        )


def test_the_fixture_under_these_names_is_answered_as_by_meta(
    theirs: Any, tiny_path: Path, tmp_path: Path, assert_as_meta: Callable[..., None]
) -> None:
    import transformers

    config = transformers.SamConfig(
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
        },
    )
    model = transformers.SamModel(config)
    renamed = _transformers_names(torch.load(tiny_path, weights_only=True))
    missing, unexpected = model.load_state_dict(renamed, strict=False)
    assert not unexpected
    assert set(missing) <= {"prompt_encoder.shared_embedding.positional_embedding"}
    model.save_pretrained(tmp_path)
    assert_as_meta(LeanSam(read_weights(tmp_path)))


def _transformers_names(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Meta's names in transformers', by the table of its own conversion script."""
    table = {
        "iou_prediction_head.layers.0": "iou_prediction_head.proj_in",
        "iou_prediction_head.layers.1": "iou_prediction_head.layers.0",
        "iou_prediction_head.layers.2": "iou_prediction_head.proj_out",
        "mask_decoder.output_upscaling.0": "mask_decoder.upscale_conv1",
        "mask_decoder.output_upscaling.1": "mask_decoder.upscale_layer_norm",
        "mask_decoder.output_upscaling.3": "mask_decoder.upscale_conv2",
        "mask_downscaling.0": "mask_embed.conv1",
        "mask_downscaling.1": "mask_embed.layer_norm1",
        "mask_downscaling.3": "mask_embed.conv2",
        "mask_downscaling.4": "mask_embed.layer_norm2",
        "mask_downscaling.6": "mask_embed.conv3",
        "point_embeddings": "point_embed",
        "pe_layer.positional_encoding_gaussian_matrix": "shared_embedding.positional_embedding",
        "image_encoder": "vision_encoder",
        "neck.0": "neck.conv1",
        "neck.1": "neck.layer_norm1",
        "neck.2": "neck.conv2",
        "neck.3": "neck.layer_norm2",
        "patch_embed.proj": "patch_embed.projection",
        "norm_final_attn": "layer_norm_final_attn",
        ".norm": ".layer_norm",
        "blocks": "layers",
    }
    renamed = {}
    for name, value in tensors.items():
        if "output_hypernetworks_mlps" in name:
            for layer, new in enumerate(("proj_in", "layers.0", "proj_out")):
                if f".layers.{layer}." in name:
                    name = name.replace(f".layers.{layer}.", f".{new}.")
                    break
        for old, new in table.items():
            name = name.replace(old, new)
        renamed[name] = value
    shared = renamed["prompt_encoder.shared_embedding.positional_embedding"]
    return renamed | {"shared_image_embedding.positional_embedding": shared}


def test_a_tensor_missing_under_these_names_is_named(theirs: Any, tmp_path: Path) -> None:
    tensors = {n: v for n, v in theirs.state_dict().items() if "upscale_conv2.bias" not in n}
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"mask_decoder\.output_upscaling\.3\.bias is missing"):
        read_weights(tmp_path / "pytorch_model.bin", decoder_head_count=4)

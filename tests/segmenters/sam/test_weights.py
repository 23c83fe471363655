import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from track_anything.errors import WeightsError
from track_anything.segmenters.sam.architecture import published_config
from track_anything.segmenters.sam.weights import (
    SamWeights,
    checked_weights,
    random_weights,
    read_weights,
    save_weights,
)


def test_sizes_are_found_out_from_the_tensors(tiny: SamWeights) -> None:
    config = tiny.config
    assert (config.image_size, config.patch_size, config.embed_dim, config.depth) == (
        256,
        16,
        64,
        2,
    )
    assert (config.head_count, config.mlp_dim, config.window_size) == (2, 256, 14)
    assert (config.global_blocks, config.channels, config.decoder_head_count) == ((1,), 64, 4)
    assert config.size_name == "custom"


@pytest.mark.parametrize(
    ("name", "parameters", "global_blocks"),
    [
        ("base", 93_735_728, (2, 5, 8, 11)),
        ("large", 312_343_088, (5, 11, 17, 23)),
        ("huge", 641_090_864, (7, 15, 23, 31)),
    ],
)
def test_published_models_have_the_published_number_of_parameters(
    name: str, parameters: int, global_blocks: tuple[int, ...]
) -> None:
    config = published_config(name)
    assert config.parameter_count() == parameters
    assert config.global_blocks == global_blocks
    assert config.size_name == name


def test_saved_weights_come_back_bit_for_bit_without_a_config_beside(
    tiny: SamWeights, tmp_path: Path
) -> None:
    save_weights(tiny, tmp_path / "new" / "tiny.safetensors")
    back = read_weights(tmp_path / "new" / "tiny.safetensors")
    assert back.config == tiny.config
    assert all(torch.equal(back.tensors[name], tiny.tensors[name]) for name in tiny.tensors)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tiny.safetensors"]


def test_half_precision_files_are_read_as_float32(tiny: SamWeights, tmp_path: Path) -> None:
    save_file({n: v.half() for n, v in tiny.tensors.items()}, tmp_path / "half.safetensors")
    back = read_weights(tmp_path / "half.safetensors", decoder_head_count=4)
    assert {value.dtype for value in back.tensors.values()} == {torch.float32}


@pytest.mark.parametrize("wrapper", ["model", "state_dict"])
def test_training_wrappers_around_the_tensors_are_taken_off(
    tiny: SamWeights, tmp_path: Path, wrapper: str
) -> None:
    named = {f"module.{name}": value for name, value in tiny.tensors.items()}
    torch.save({wrapper: named, "epoch": 3}, tmp_path / "tuned.pth")
    assert read_weights(tmp_path / "tuned.pth", decoder_head_count=4).config == tiny.config


def test_heads_come_from_the_config_beside_the_file(
    tiny: SamWeights, tiny_path: Path, tmp_path: Path
) -> None:
    shutil.copy(tiny_path, tmp_path / "t.pth")
    with pytest.raises(WeightsError, match="number of heads must be in a config"):
        read_weights(tmp_path / "t.pth")
    (tmp_path / "config.json").write_text(json.dumps({"decoder": {"num_heads": 4}}))
    assert read_weights(tmp_path / "t.pth").config == tiny.config


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.pth: there is no such checkpoint"):
        read_weights(tmp_path / "none.pth")


@pytest.mark.parametrize("keep", [0, 5, 1000, 700_000])
def test_a_truncated_pth_is_said(tiny_path: Path, tmp_path: Path, keep: int) -> None:
    (tmp_path / "cut.pth").write_bytes(tiny_path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"cut\.pth: not a checkpoint, or damaged"):
        read_weights(tmp_path / "cut.pth")


@pytest.mark.parametrize("keep", [100, 40_000])
def test_truncated_safetensors_are_said(tiny: SamWeights, tmp_path: Path, keep: int) -> None:
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    save_weights(tiny, whole)
    cut.write_bytes(whole.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"cut\.safetensors: not a checkpoint, or damaged"):
        read_weights(cut)


def test_a_picture_is_not_a_checkpoint(tiny_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"image\.png: not a checkpoint, or damaged"):
        read_weights(tiny_path.with_name("image.png"))


class _Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("exit 1",)


@pytest.mark.parametrize("in_zip", [True, False])
def test_a_pickle_with_code_in_it_is_refused_unrun(tmp_path: Path, in_zip: bool) -> None:
    path = tmp_path / "bad.pth"
    if in_zip:
        torch.save({"image_encoder.pos_embed": _Code()}, path)
    else:
        path.write_bytes(pickle.dumps({"x": _Code()}, protocol=2))
    with pytest.raises(WeightsError, match="refused, it is a pickle with code in it") as error:
        read_weights(path)
    assert "\n" not in str(error.value)


def test_the_missing_tensor_is_named(tiny: SamWeights) -> None:
    tensors = dict(tiny.tensors)
    del tensors["mask_decoder.iou_token.weight"]
    with pytest.raises(WeightsError, match=r"^mask_decoder\.iou_token\.weight is missing$"):
        checked_weights(tensors, decoder_head_count=4)


def test_another_network_is_refused_by_the_first_tensor_it_lacks() -> None:
    with pytest.raises(WeightsError, match=r"has no image_encoder\.pos_embed: it is not a whole"):
        checked_weights({"conv1.weight": torch.zeros(64, 3, 7, 7)})


def test_the_unknown_tensor_is_named(tiny: SamWeights) -> None:
    tensors = dict(tiny.tensors) | {"mask_decoder.hq_token.weight": torch.zeros(1, 64)}
    with pytest.raises(
        WeightsError, match=r"mask_decoder\.hq_token\.weight is not a tensor of SAM"
    ):
        checked_weights(tensors, decoder_head_count=4)


def test_the_tensor_of_a_wrong_shape_is_named(tiny: SamWeights) -> None:
    name = "mask_decoder.iou_prediction_head.layers.2.weight"
    tensors = dict(tiny.tensors) | {name: torch.zeros(3, 64)}
    with pytest.raises(WeightsError, match=rf"{name} has shape \(3, 64\), expected \(4, 64\)"):
        checked_weights(tensors, decoder_head_count=4)


def test_integers_are_refused(tiny: SamWeights) -> None:
    name = "image_encoder.neck.1.bias"
    tensors = dict(tiny.tensors) | {name: torch.zeros(64, dtype=torch.int64)}
    with pytest.raises(WeightsError, match=rf"{name} holds torch.int64, expected floats"):
        checked_weights(tensors, decoder_head_count=4)


def test_another_input_size_stretches_the_position_tables(tiny: SamWeights) -> None:
    tensors = dict(tiny.tensors)
    # A ramp stays a ramp: what is at the edges of the picture stays there.
    ramp = torch.arange(16.0)[None, :, None, None].expand(1, 16, 16, 64).contiguous()
    tensors["image_encoder.pos_embed"] = ramp
    small = SamWeights(tiny.config, tensors).resized(128)
    assert small.config.image_size == 128
    row = small.tensors["image_encoder.pos_embed"][0, :, 3, 0]
    # Two old rows become one: their mean.
    assert row.tolist() == [0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5, 14.5]
    assert small.tensors["image_encoder.blocks.1.attn.rel_pos_h"].shape == (15, 32)
    assert small.tensors["image_encoder.blocks.0.attn.rel_pos_h"].shape == (27, 32)


@pytest.mark.parametrize("size", [100, 272, 250])
def test_input_sizes_that_cannot_be_run_are_refused(tiny: SamWeights, size: int) -> None:
    with pytest.raises(WeightsError, match="input size is a multiple of 16 from 128 to 256"):
        tiny.resized(size)


def test_random_weights_are_those_of_their_seed(tiny: SamWeights) -> None:
    first, again = random_weights(tiny.config, seed=1), random_weights(tiny.config, seed=1)
    other = random_weights(tiny.config, seed=2)
    name = "image_encoder.blocks.0.attn.qkv.weight"
    assert torch.equal(first.tensors[name], again.tensors[name])
    assert not torch.equal(first.tensors[name], other.tensors[name])


def test_a_file_that_cannot_be_opened_is_said(
    tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(WeightsError, match=r"sam_tiny\.pth: cannot be read \(Permission denied\)"):
        read_weights(tiny_path)

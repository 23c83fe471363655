"""Checkpoint files of every kind as named tensors: what is in them, not yet checked."""

import importlib
import json
import pickle
import re
import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from track_anything.errors import DependencyError, WeightsError
from track_anything.segmenters.sam import hugging_face
from track_anything.segmenters.sam.architecture import SamConfig
from track_anything.segmenters.sam.keras_layout import H5_MARK, keras_tensors

Tensors = dict[str, torch.Tensor]

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_WRAPPERS = ("model", "state_dict", "model_state_dict")
_DIRECTORY_FILES = ("model.safetensors", "model.weights.h5", "pytorch_model.bin")


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds, under Meta's names.

    Attributes:
        tensors: As stored.
        decoder_head_count: Where the file or the config.json beside it tells; else None.
    """

    tensors: Tensors
    decoder_head_count: int | None


def read_checkpoint(path: Path) -> Checkpoint:
    """The tensors of a checkpoint file or directory.

    Args:
        path: A `.pth`, `.safetensors` or `.weights.h5` file, whatever its suffix; or a directory
            of Hugging Face or of KerasCV with its config.json.

    Raises:
        WeightsError: If there is no such file, it is damaged, or it is of another kind.
    """
    if path.is_dir():
        return _read_directory(path)
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such checkpoint")
    metadata: Mapping[str, str] = {}
    kind = _kind(path)
    if kind == "safetensors":
        tensors, metadata = _read_safetensors(path)
    elif kind == "hdf5":
        tensors = _read_h5(path)
    else:
        tensors = _read_torch(path)
    if hugging_face.MARK in tensors:
        tensors = hugging_face.from_hugging_face(tensors)
    return Checkpoint(tensors, _decoder_heads(path, metadata))


def _kind(path: Path) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    if start.startswith(_HDF5_MAGIC):
        return "hdf5"
    if len(start) == 9 and start[8:9] == b"{":
        (length,) = struct.unpack("<Q", start[:8])
        if length < 100_000_000:  # the limit of the format itself
            return "safetensors"
    return "torch"


def _read_directory(path: Path) -> Checkpoint:
    for name in _DIRECTORY_FILES:
        if (path / name).is_file():
            return read_checkpoint(path / name)
    raise WeightsError(f"{path}: expected one of {', '.join(_DIRECTORY_FILES)} in this directory")


def _read_torch(path: Path) -> Tensors:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if _asks_for_code(error):
            raise WeightsError(
                f"{path}: refused, it is a pickle with code in it; only plain tensors are read"
            ) from error
        raise WeightsError(_damaged(path)) from error
    except (RuntimeError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise WeightsError(_damaged(path)) from error
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path}: expected named tensors, got {type(content).__name__}")
    return {
        str(name).removeprefix("module."): value
        for name, value in content.items()
        if isinstance(value, torch.Tensor)
    }


def _damaged(path: Path) -> str:
    return f"{path}: not a checkpoint, or damaged (a download that stopped?): get it again"


def _asks_for_code(error: Exception) -> bool:
    return bool(re.search(r"GLOBAL|global|class|function", str(error).partition("\n")[2]))


def _read_safetensors(path: Path) -> tuple[Tensors, Mapping[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(_damaged(path)) from error


def _read_h5(path: Path) -> Tensors:
    try:
        h5py: Any = importlib.import_module("h5py")
    except ImportError as error:
        raise DependencyError(f"{path}: reading it needs h5py; pip install h5py") from error
    try:
        with h5py.File(path, "r") as file:
            if H5_MARK not in file:
                raise WeightsError(
                    f"{path}: no {H5_MARK} in it: not the weights of a KerasCV "
                    "SegmentAnythingModel as Keras 3 saves them"
                )
            tensors: Tensors = {}
            for entry in keras_tensors(_h5_depths(file)):
                if entry.h5_path not in file:
                    raise WeightsError(f"{path}: {entry.name} is missing ({entry.h5_path})")
                value = torch.from_numpy(file[entry.h5_path][()])
                tensors[entry.name] = entry.to_meta(value).contiguous()
            return tensors
    except (OSError, RuntimeError, KeyError) as error:
        raise WeightsError(_damaged(path)) from error


def _h5_depths(file: Any) -> SamConfig:
    """The counts that decide which tensors there are; all other sizes are left at defaults."""

    def count(group: Iterable[str], stem: str) -> int:
        return sum(1 for name in group if re.fullmatch(rf"{stem}(_\d+)?", name))

    decoder = file[H5_MARK]
    return SamConfig(
        depth=count(file["layers"], "windowed_transformer_encoder"),
        decoder_depth=count(decoder["transformer/layers"], "two_way_multi_head_attention"),
        candidate_count=count(decoder["output_hypernetworks_mlps"], "mlp"),
        iou_depth=count(decoder["iou_prediction_head/dense_net/layers"], "dense"),
    )


def _decoder_heads(path: Path, metadata: Mapping[str, str]) -> int | None:
    """The number of heads from our own metadata, or from a config.json beside the file."""
    if "config" in metadata:
        return SamConfig.from_dict(json.loads(metadata["config"])).decoder_head_count
    beside = path.parent / "config.json"
    if not beside.is_file():
        return None
    try:
        config = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{beside}: cannot be read as JSON ({error})") from error
    return _heads_in(config)


def _heads_in(config: Any) -> int | None:
    """Plain, Hugging Face's and KerasCV's ways of saying how many heads the decoder has."""
    for keys in (
        ("decoder", "num_heads"),
        ("mask_decoder_config", "num_attention_heads"),
        ("config", "mask_decoder", "config", "transformer", "config", "num_heads"),
    ):
        value = config
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, int):
            return value
    return None

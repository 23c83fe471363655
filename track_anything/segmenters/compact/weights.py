"""The trained weights: in the package, checked, and made ready to run."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from track_anything.errors import WeightsError
from track_anything.files import write_whole
from track_anything.segmenters.compact.network import CompactNetwork

WEIGHTS = Path(__file__).with_name("compact.safetensors")
SHA256 = "9315bfd98fb73dcd157a3a54cf537c30115be74817a33aa59ef7c0b3db71ccfe"
"""Of the file in the package."""
_COUNTER = "num_batches_tracked"


def load_network(device: torch.device, *, path: Path = WEIGHTS) -> CompactNetwork:
    """The network in evaluation mode, its batch norms folded into the convolutions.

    float32 on a CPU, half precision elsewhere.

    Raises:
        WeightsError: If the file is missing, damaged or of another network.
    """
    network = CompactNetwork()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{path}: the compact network's weights cannot be read ({error.strerror}); "
            "install the package again"
        ) from error
    if path == WEIGHTS and hashlib.sha256(content).hexdigest() != SHA256:
        raise WeightsError(f"{path}: is not the file this version came with; install it again")
    try:
        state = {name: values.float() for name, values in load(content).items()}
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a whole safetensors file ({error})") from error
    _fill(network, state, path)
    network.eval().requires_grad_(False)
    fold_norms(network)
    half = torch.float32 if device.type == "cpu" else torch.float16
    network.to(device=device, dtype=half, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def keep_in_bfloat16(network: nn.Module) -> None:
    """Store kernels and matrices as autocast would make them for every single forward pass."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.to(torch.bfloat16)


def _fill(network: CompactNetwork, state: Mapping[str, Tensor], path: Path) -> None:
    """Take the weights of a file, all of them and no others."""
    # Counters of the training are not kept.
    own = network.state_dict()
    counters = {name: own[name] for name in own if name.endswith(_COUNTER)}
    wanted = {name: values.shape for name, values in own.items() if name not in counters}
    missing, unknown = wanted.keys() - state.keys(), state.keys() - wanted.keys()
    shared = wanted.keys() & state.keys()
    misshapen = {name for name in shared if state[name].shape != wanted[name]}
    faults = [
        f"{len(names)} {what}, such as {min(names)}"
        for names, what in ((missing, "missing"), (unknown, "unknown"), (misshapen, "misshapen"))
        if names
    ]
    if faults:
        raise WeightsError(f"{path}: not weights of this compact network ({'; '.join(faults)})")
    network.load_state_dict({**counters, **state})


def save_network(state: Mapping[str, Tensor], path: Path) -> str:
    """Write weights as load_network reads them; the SHA-256 of the file.

    Kernels and matrices are kept in half precision, which changes a mask by less than a pixel in a
    thousand; norms and biases in single.

    Raises:
        OutputError: If the file cannot be written.
    """
    kept = {
        name: values.detach().cpu().to(torch.float16 if values.ndim > 1 else torch.float32)
        for name, values in state.items()
        if not name.endswith(_COUNTER)
    }
    # Not save_file: it lets nobody but the owner read what it wrote.
    content = save({name: values.contiguous() for name, values in kept.items()})
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def fold_norms(module: nn.Module) -> None:
    """Fold every batch norm that follows a convolution into it, in place."""
    for child in module.children():
        fold_norms(child)
    if not isinstance(module, nn.Sequential):
        return
    for place in range(len(module) - 1):
        first, second = module[place], module[place + 1]
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            module[place], module[place + 1] = fuse_conv_bn_eval(first, second), nn.Identity()

"""Where networks run."""

import torch

from track_anything.errors import ConfigError

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(device: str) -> torch.device:
    """The torch device a name stands for; auto takes a GPU where there is one.

    Raises:
        ConfigError: If the name is unknown, or there is no such device here.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        return torch.device(next(name for name, is_here in available.items() if is_here))
    name, _, number = device.partition(":")
    if name not in available or (number and not number.isdigit()):
        raise ConfigError(f"device is one of {', '.join(DEVICES)}, got {device!r}")
    if not available[name]:
        raise ConfigError(f"torch {torch.__version__} finds no {name} device here; use device auto")
    return torch.device(device)


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself; elsewhere it is slower than float32."""
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))

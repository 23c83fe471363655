"""How much memory a network takes, and how much there is."""

from pathlib import Path

import torch

from track_anything.errors import SegmenterError
from track_anything.segmenters.sam.architecture import SamConfig

_MEMINFO = Path("/proc/meminfo")
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_CGROUP_USE = Path("/sys/fs/cgroup/memory.current")
SLACK_BYTES = 300_000_000
"""Torch itself, and what the libraries below it keep."""


def needed_memory(config: SamConfig, *, execution: str = "lean", bytes_per_number: int = 4) -> int:
    """Bytes an engine takes at most while it encodes, weights included.

    The reference holds the scores of all heads three times over (KerasCV 0.9.0); the lean
    execution holds a tile of them.
    """
    patches = config.grid**2
    weights = config.parameter_count()
    rows = patches * (8 * config.embed_dim + config.mlp_dim)
    scores = 3 * config.head_count * patches**2 if execution == "reference" else 256 * patches
    copies = 2 if execution == "reference" else 1
    return bytes_per_number * (copies * weights + rows + scores) + SLACK_BYTES


def free_memory(device: torch.device) -> int | None:
    """Bytes that can still be had on a device; None where nobody tells."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    if device.type != "cpu" or not _MEMINFO.is_file():
        return None
    lines = _MEMINFO.read_text(encoding="ascii").splitlines()
    free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    limit = _CGROUP_LIMIT.read_text(encoding="ascii").strip() if _CGROUP_LIMIT.is_file() else "max"
    if limit != "max" and _CGROUP_USE.is_file():
        free = min(free, int(limit) - int(_CGROUP_USE.read_text(encoding="ascii")))
    return free


def check_file(path: Path) -> None:
    """Refuse a file that clearly does not fit, before it is read.

    Raises:
        SegmenterError: If less memory is free than the file is long.
    """
    free, needed = free_memory(torch.device("cpu")), path.stat().st_size + SLACK_BYTES
    if path.is_file() and free is not None and free < needed:
        raise SegmenterError(
            f"{path}: reading it takes about {needed / 1e9:.1f} GB, {max(free, 0) / 1e9:.1f} GB of "
            "memory are free: use a smaller model"
        )


def check_memory(
    config: SamConfig,
    *,
    device: torch.device,
    execution: str = "lean",
    bytes_per_number: int = 4,
) -> None:
    """Refuse a network that clearly does not fit, before it is read.

    Raises:
        SegmenterError: If less is free than it takes.
    """
    free = free_memory(device)
    needed = needed_memory(config, execution=execution, bytes_per_number=bytes_per_number)
    if free is not None and free < needed:
        raise SegmenterError(
            f"SAM {config.size_name} at {config.image_size} pixels takes about "
            f"{needed / 1e9:.1f} GB, {max(free, 0) / 1e9:.1f} GB of {device.type} memory are free: "
            "use a smaller model or input size"
        )

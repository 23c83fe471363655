"""What a training ran on, for its log."""

import os

import torch

from track_anything.evaluation.report import machine


def describe_machine(device: torch.device) -> dict[str, object]:
    """Processor, cores, versions and date; the GPU's name where there is one."""
    described = machine() | {"torch threads": torch.get_num_threads(), "device": str(device)}
    if device.type == "cuda":
        described["gpu"] = torch.cuda.get_device_name(device)
    if hasattr(os, "sched_getaffinity"):
        described["cores"] = len(os.sched_getaffinity(0))
    return described

"""A network with weights of its own making: what it answers is of the right form, no more."""

from pathlib import Path

import pytest
import torch

from track_anything.segmenters.compact.network import CompactNetwork
from track_anything.segmenters.compact.weights import save_network


@pytest.fixture(scope="session")
def random_network() -> CompactNetwork:
    """In evaluation mode, with batch norms that have seen something. Not to be changed."""
    generator = torch.Generator().manual_seed(5)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network = CompactNetwork()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.copy_(torch.randn(module.num_features, generator=generator) * 0.2)
            module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def random_weights(
    random_network: CompactNetwork, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Its weights as a file. Not to be changed."""
    path = tmp_path_factory.mktemp("compact") / "random.safetensors"
    save_network(random_network.state_dict(), path)
    return path

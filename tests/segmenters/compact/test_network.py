"""The network's shapes, and what learns from what."""

import copy

import pytest
import torch

from track_anything.segmenters.compact.network import CompactNetwork, parameter_groups
from track_anything.segmenters.compact.weights import fold_norms


@pytest.fixture
def channels() -> torch.Tensor:
    return torch.randn(3, 9, 128, 128, generator=torch.Generator().manual_seed(1))


def test_a_batch_of_crops_gives_masks_and_one_number_each(
    random_network: CompactNetwork, channels: torch.Tensor
) -> None:
    logits, quality = random_network(channels)
    assert logits.shape == (3, 1, 128, 128)
    assert quality.shape == (3,)
    assert torch.isfinite(logits).all()
    assert torch.isfinite(quality).all()


def test_a_crop_is_answered_alike_alone_and_among_others(
    random_network: CompactNetwork, channels: torch.Tensor
) -> None:
    logits, quality = random_network(channels)
    alone, alone_quality = random_network(channels[1:2])
    assert torch.allclose(alone[0], logits[1], atol=1e-4)
    assert torch.allclose(alone_quality[0], quality[1], atol=1e-4)


def test_the_quality_head_teaches_itself_alone(channels: torch.Tensor) -> None:
    torch.manual_seed(0)
    network = CompactNetwork()
    network(channels)[1].sum().backward()
    taught = {name for name, p in network.named_parameters() if p.grad is not None}
    assert taught == {name for name, _ in network.named_parameters() if "quality." in name}


def test_the_masks_teach_everything_but_the_quality_head(channels: torch.Tensor) -> None:
    torch.manual_seed(0)
    network = CompactNetwork()
    network(channels)[0].sum().backward()
    untaught = {name for name, p in network.named_parameters() if p.grad is None}
    assert untaught == {name for name, _ in network.named_parameters() if "quality." in name}


def test_folded_batch_norms_give_the_same_answers(
    random_network: CompactNetwork, channels: torch.Tensor
) -> None:
    folded = copy.deepcopy(random_network)
    fold_norms(folded)
    assert not [m for m in folded.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for one, other in zip(folded(channels), random_network(channels), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_only_kernels_and_matrices_decay() -> None:
    network = CompactNetwork()
    wide, rest = parameter_groups(network, 0.03)
    assert (wide["weight_decay"], rest["weight_decay"]) == (0.03, 0.0)
    assert {p.ndim for p in rest["params"]} == {1}
    assert min(p.ndim for p in wide["params"]) == 2
    assert len(wide["params"]) + len(rest["params"]) == len(list(network.parameters()))

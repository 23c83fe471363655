"""The weights file: whole, ours, checked, and loaded without the heavy frameworks."""

import copy
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from track_anything.errors import WeightsError
from track_anything.segmenters.compact import weights
from track_anything.segmenters.compact.network import CompactNetwork
from track_anything.segmenters.compact.segmenter import CompactSegmenter
from track_anything.segmenters.compact.weights import (
    SHA256,
    WEIGHTS,
    fold_norms,
    load_network,
    save_network,
)

CPU = torch.device("cpu")
MOST_BYTES = 6_000_000


def test_the_packaged_weights_are_those_of_this_version_and_small() -> None:
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == SHA256
    assert WEIGHTS.stat().st_size < MOST_BYTES
    assert load_network(CPU).head.weight.dtype == torch.float32


def test_a_saved_network_is_small_readable_and_answers_alike(
    random_network: CompactNetwork, tmp_path: Path
) -> None:
    path = tmp_path / "w.safetensors"
    checksum = save_network(random_network.state_dict(), path)
    assert checksum == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.stat().st_size < MOST_BYTES
    # Nothing is left over, and others may read it.
    assert [one.name for one in tmp_path.iterdir()] == ["w.safetensors"]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    expected = copy.deepcopy(random_network)
    for values in expected.state_dict().values():
        if values.ndim > 1:
            values.copy_(values.half())
    fold_norms(expected)
    loaded = load_network(CPU, path=path)
    channels = torch.randn(2, 9, 128, 128, generator=torch.Generator().manual_seed(3))
    for one, other in zip(loaded(channels), expected(channels), strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    exact = random_network(channels)[0]
    assert ((loaded(channels)[0] > 0) != (exact > 0)).float().mean() < 0.01


def test_a_loaded_network_is_ready_to_run(random_weights: Path) -> None:
    network = load_network(CPU, path=random_weights)
    assert not network.training
    assert not [p for p in network.parameters() if p.requires_grad]
    assert not [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]


def test_kernels_are_kept_in_half_precision_and_counters_not_at_all(random_weights: Path) -> None:
    kept = load_file(random_weights)
    assert {v.dtype for v in kept.values() if v.ndim > 1} == {torch.float16}
    assert {v.dtype for v in kept.values() if v.ndim <= 1} == {torch.float32}
    assert not [name for name in kept if "batches" in name]


def refusal(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        CompactSegmenter(device="cpu", path=path)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    return text


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.safetensors")


@pytest.mark.parametrize("kept", [0, 5, 300, -1], ids=["empty", "5 bytes", "header", "all but 1"])
def test_a_truncated_file_is_refused(random_weights: Path, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(random_weights.read_bytes()[:kept])
    assert "not a whole safetensors file" in refusal(path)


def test_a_damaged_file_is_refused(random_weights: Path, tmp_path: Path) -> None:
    content = bytearray(random_weights.read_bytes())
    content[8:20] = b"\xff" * 12
    path = tmp_path / "w.safetensors"
    path.write_bytes(bytes(content))
    assert "not a whole safetensors file" in refusal(path)


def test_another_networks_weights_are_refused(random_weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"conv1.weight": torch.zeros(3, 3)}, path)
    text = refusal(path)
    assert "missing, such as attention" in text
    assert "1 unknown, such as conv1.weight" in text


def test_weights_of_another_width_are_refused(random_weights: Path, tmp_path: Path) -> None:
    state = load_file(random_weights)
    state["head.weight"] = torch.zeros(4, 48, 1, 1)
    path = tmp_path / "w.safetensors"
    save_file(state, path)
    assert "(1 misshapen, such as head.weight)" in refusal(path)


def test_a_packaged_file_that_was_changed_is_refused(
    random_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "WEIGHTS", random_weights)
    assert "not the file this version came with" in refusal(random_weights)


def test_a_file_of_the_users_own_needs_no_checksum(random_weights: Path) -> None:
    assert CompactSegmenter(device="cpu", path=random_weights).name == "compact"


def test_it_runs_without_the_heavy_frameworks(random_weights: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom fractions import Fraction\n"
        "import numpy as np\n"
        "from track_anything.segmenters.compact.segmenter import CompactSegmenter\n"
        "from track_anything.structures import Frame, Prompt\n"
        f"segmenter = CompactSegmenter(device='cpu', path=Path({str(random_weights)!r}))\n"
        "frame = Frame(0, Fraction(0), np.zeros((20, 30, 3), np.uint8))\n"
        "segmenter.decode(segmenter.embed(frame), [Prompt(box=np.array([2, 2, 9, 9]))])\n"
        "heavy = {'keras', 'keras_cv', 'tensorflow', 'transformers', 'av', 'supervision'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[3],
        timeout=120,
    )
    assert done.stdout.strip() == "[]"

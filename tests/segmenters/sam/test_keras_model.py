import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from track_anything.errors import DependencyError, WeightsError
from track_anything.segmenters.sam.execution import SamPrompt
from track_anything.segmenters.sam.keras_model import (
    KerasSamModel,
    import_keras_cv,
    preset_weights,
)
from track_anything.segmenters.sam.lean import LeanSam
from track_anything.segmenters.sam.weights import SamWeights, read_weights

# Keras 3.15 writes torch variables through an old NumPy protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def reference(tiny: SamWeights) -> KerasSamModel:
    return KerasSamModel(tiny)


def test_every_prompt_kind_is_answered_as_by_meta(
    reference: KerasSamModel, assert_as_meta: Callable[..., None]
) -> None:
    assert_as_meta(reference)


def test_tensors_come_back_bit_for_bit(reference: KerasSamModel, tiny: SamWeights) -> None:
    back = reference.weights()
    assert back.config == tiny.config
    assert all(torch.equal(back.tensors[name], tiny.tensors[name]) for name in tiny.tensors)


def test_a_weights_file_is_read_without_keras_and_answered_as_by_meta(
    reference: KerasSamModel, tmp_path: Path, assert_as_meta: Callable[..., None]
) -> None:
    path = tmp_path / "sam.weights.h5"
    reference.save(path)
    with pytest.raises(WeightsError, match="number of heads must be in a config"):
        read_weights(path)
    weights = read_weights(path, decoder_head_count=4)
    assert_as_meta(LeanSam(weights))
    assert_as_meta(KerasSamModel(weights))


def test_a_preset_directory_is_read_with_and_without_keras(
    reference: KerasSamModel, tiny: SamWeights, tmp_path: Path
) -> None:
    reference.save_preset(tmp_path / "preset")
    for weights in (read_weights(tmp_path / "preset"), preset_weights(str(tmp_path / "preset"))):
        assert weights.config == tiny.config
        assert all(torch.equal(weights.tensors[n], tiny.tensors[n]) for n in tiny.tensors)


def test_a_damaged_weights_file_is_said(reference: KerasSamModel, tmp_path: Path) -> None:
    reference.save(tmp_path / "sam.weights.h5")
    cut = tmp_path / "cut.weights.h5"
    cut.write_bytes((tmp_path / "sam.weights.h5").read_bytes()[:200_000])
    with pytest.raises(WeightsError, match="damaged"):
        read_weights(cut)


def test_at_another_input_size_both_executions_agree(
    tiny: SamWeights, expected: dict[str, np.ndarray]
) -> None:
    small = tiny.resized(192)
    image = expected["resized"][:144, :192]
    reference, lean = KerasSamModel(small), LeanSam(small)
    wanted = reference.encode(image)
    found = lean.encode(image)
    np.testing.assert_allclose(found.embedding.view(wanted.shape), wanted, rtol=0, atol=1e-4)
    mask = np.linspace(-4, 4, 48 * 48, dtype=np.float32).reshape(48, 48)
    prompt = SamPrompt(
        np.array([[90, 50]], np.float32),
        np.array([1]),
        np.array([20, 30, 120, 100], np.float32),
        mask,
    )
    (theirs,), (ours,) = reference.decode(wanted, [prompt]), lean.decode(found, [prompt])
    np.testing.assert_allclose(ours.logits, theirs.logits, rtol=0, atol=1e-5)


def test_an_unknown_preset_is_said_in_one_line() -> None:
    with pytest.raises(WeightsError, match="the KerasCV preset no_such_sam cannot be had") as error:
        preset_weights("no_such_sam")
    assert "\n" not in str(error.value)


def test_another_backend_is_refused_in_one_line() -> None:
    code = (
        "import os; os.environ['KERAS_BACKEND'] = 'tensorflow'; import keras\n"
        "from track_anything.segmenters.sam.keras_model import import_keras_cv\n"
        "import_keras_cv()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert "SAM runs on Keras's torch backend, but it is tensorflow" in done.stderr


def test_a_missing_keras_cv_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras_cv", None)
    with pytest.raises(DependencyError, match="KerasCV is needed for this"):
        import_keras_cv()

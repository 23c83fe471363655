from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from track_anything.segmenters.sam import graphs
from track_anything.segmenters.sam.execution import SamPrompt
from track_anything.segmenters.sam.graphs import Arguments, Replay
from track_anything.segmenters.sam.lean import LeanSam
from track_anything.segmenters.sam.weights import SamWeights


class FakeRecorder:
    """Records as CUDA does: later runs read the same inputs and write over the same outcome."""

    def __init__(self) -> None:
        self.recordings = 0

    def __call__(
        self, function: Callable[..., Any], inputs: Arguments
    ) -> tuple[Callable[[], None], Any]:
        self.recordings += 1
        outcome = function(*inputs)
        kept = outcome if isinstance(outcome, tuple) else (outcome,)

        def run() -> None:
            again = function(*inputs)
            for place, value in zip(
                kept, again if isinstance(again, tuple) else (again,), strict=True
            ):
                place.copy_(value)

        return run, outcome


def test_without_a_recorder_it_is_the_function() -> None:
    double = Replay(lambda value: 2 * value)
    first = double(torch.tensor([3.0]))
    double(torch.tensor([4.0]))
    assert first.item() == 6


def test_every_combination_of_shapes_and_types_is_recorded_once() -> None:
    recorder = FakeRecorder()
    add = Replay(lambda one, other: one if other is None else one + other, recorder)
    for one, other, wanted in [
        (torch.ones(2), torch.ones(2), 2),
        (2 * torch.ones(2), torch.ones(2), 3),
        (torch.ones(2), None, 1),
        (torch.ones(3), torch.ones(3), 2),
        (torch.ones(2, dtype=torch.int64), torch.ones(2), 2),
    ]:
        assert (add(one, other) == wanted).all()
    assert recorder.recordings == 4


def test_a_recorded_outcome_is_overwritten_by_the_next_call() -> None:
    double = Replay(lambda value: 2 * value, FakeRecorder())
    first = double(torch.tensor([3.0]))
    double(torch.tensor([4.0]))
    assert first.item() == 8


def test_inputs_are_not_written_to() -> None:
    double = Replay(lambda value: 2 * value, FakeRecorder())
    value = torch.tensor([3.0])
    double(value)
    double(torch.tensor([4.0]))
    assert value.item() == 3


def test_beyond_the_limit_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "MOST_RECORDINGS", 2)
    recorder = FakeRecorder()
    double = Replay(lambda value: 2 * value, recorder)
    for size in (1, 2, 3, 4, 1):
        assert (double(torch.ones(size)) == 2).all()
    assert recorder.recordings == 2


def test_recorded_the_network_answers_as_by_meta(
    tiny: SamWeights, assert_as_meta: Callable[..., None]
) -> None:
    sam = LeanSam(tiny, batched=True)
    sam._encode = Replay(sam.encoder.encode, FakeRecorder())
    sam._decode = Replay(sam._decode_batch, FakeRecorder())
    assert_as_meta(sam)
    assert_as_meta(sam)


def test_recorded_answers_and_embeddings_outlive_the_next_call(
    tiny: SamWeights, expected: dict[str, np.ndarray], sam_prompt: Callable[[str | int], SamPrompt]
) -> None:
    sam = LeanSam(tiny, batched=True)
    sam._encode = Replay(sam.encoder.encode, FakeRecorder())
    sam._decode = Replay(sam._decode_batch, FakeRecorder())
    image = sam.encode(expected["resized"])
    sam.encode(255 - expected["resized"])
    (first,) = sam.decode(image, [sam_prompt(0)])
    (second,) = sam.decode(image, [sam_prompt(1)])
    (masked,) = sam.decode(image, [sam_prompt("box_mask")])
    for answer, wanted in (
        (masked, expected["box_mask.logits"][0]),
        (first, expected["boxes.logits"][0]),
        (second, expected["boxes.logits"][1]),
    ):
        np.testing.assert_allclose(answer.logits[:, ::3, ::3], wanted, rtol=0, atol=1e-5)

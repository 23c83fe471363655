from collections.abc import Callable

import numpy as np
import pytest
import torch

from track_anything.errors import ConfigError, SegmenterError
from track_anything.segmenters.device import choose_device
from track_anything.segmenters.sam.execution import SamPrompt
from track_anything.segmenters.sam.lean import LeanSam, choose_dtype
from track_anything.segmenters.sam.weights import SamWeights


@pytest.mark.parametrize("batched", [False, True])
def test_every_prompt_kind_is_answered_as_by_meta(
    tiny: SamWeights, batched: bool, assert_as_meta: Callable[..., None]
) -> None:
    assert_as_meta(LeanSam(tiny, batched=batched))


def test_several_threads_change_nothing(
    tiny: SamWeights, assert_as_meta: Callable[..., None]
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert_as_meta(LeanSam(tiny))
    finally:
        torch.set_num_threads(before)


def test_a_second_image_leaves_no_trace_in_the_first_embedding(
    tiny: SamWeights, expected: dict[str, np.ndarray], sam_prompt: Callable[[str], SamPrompt]
) -> None:
    sam = LeanSam(tiny)
    embedding = sam.encode(expected["resized"])
    sam.encode(255 - expected["resized"])
    (answer,) = sam.decode(embedding, [sam_prompt("box")])
    np.testing.assert_allclose(
        answer.logits[:, ::3, ::3], expected["box.logits"][0], rtol=0, atol=1e-5
    )


def test_answers_stay_as_they_are_when_more_is_decoded(
    tiny: SamWeights, expected: dict[str, np.ndarray], sam_prompt: Callable[[str], SamPrompt]
) -> None:
    sam = LeanSam(tiny)
    embedding = sam.encode(expected["resized"])
    (answer,) = sam.decode(embedding, [sam_prompt("box")])
    before = answer.logits.copy()
    sam.decode(embedding, [sam_prompt("points_mask")])
    np.testing.assert_array_equal(answer.logits, before)


def test_a_mask_alone_is_a_prompt(tiny: SamWeights, expected: dict[str, np.ndarray]) -> None:
    prompt = SamPrompt(
        np.zeros((0, 2), np.float32), np.zeros(0, np.int64), mask=expected["mask_input"][0, 0]
    )
    answers = []
    for batched in (False, True):
        sam = LeanSam(tiny, batched=batched)
        answers.append(sam.decode(sam.encode(expected["resized"]), [prompt])[0].logits)
    np.testing.assert_allclose(answers[0], answers[1], rtol=0, atol=1e-6)


def test_batches_of_mixed_prompts_come_back_in_order(
    tiny: SamWeights, expected: dict[str, np.ndarray], sam_prompt: Callable[[str | int], SamPrompt]
) -> None:
    sam = LeanSam(tiny, batched=True)
    prompts = [sam_prompt(case) for case in ("point", 0, "points", 1, 2, "box_mask")]
    answers = sam.decode(sam.encode(expected["resized"]), prompts)
    names = {0: "point", 2: "points", 5: "box_mask"}
    for place, name in names.items():
        np.testing.assert_allclose(
            answers[place].logits[:, ::3, ::3], expected[f"{name}.logits"][0], rtol=0, atol=1e-5
        )
    for place, box in ((1, 0), (3, 1), (4, 2)):
        np.testing.assert_allclose(
            answers[place].logits[:, ::3, ::3], expected["boxes.logits"][box], rtol=0, atol=1e-5
        )


def test_no_prompts_give_no_answers(tiny: SamWeights, expected: dict[str, np.ndarray]) -> None:
    for batched in (False, True):
        sam = LeanSam(tiny, batched=batched)
        assert sam.decode(sam.encode(expected["resized"]), []) == []


@pytest.mark.parametrize("batched", [False, True])
def test_bfloat16_stays_near(
    tiny: SamWeights, batched: bool, assert_as_meta: Callable[..., None]
) -> None:
    # 8 bits of mantissa on embeddings up to 4 and logits up to .24.
    assert_as_meta(
        LeanSam(tiny, dtype=torch.bfloat16, batched=batched), embedding=0.15, logits=0.03
    )


def test_int8_is_off_by_about_two_percent(
    tiny: SamWeights, expected: dict[str, np.ndarray]
) -> None:
    found = LeanSam(tiny, int8=True).encode(expected["resized"]).embedding.numpy()
    wanted = expected["embedding"].reshape(found.shape)
    error = np.linalg.norm(found - wanted) / np.linalg.norm(wanted)
    assert 1e-4 < error < 0.03


def test_an_overflow_in_half_precision_is_said(tiny: SamWeights) -> None:
    name = "image_encoder.blocks.0.mlp.lin2.weight"
    loud = SamWeights(tiny.config, dict(tiny.tensors) | {name: tiny.tensors[name] * 1e6})
    with pytest.raises(SegmenterError, match="the embedding overflows in"):
        LeanSam(loud, dtype=torch.float16).encode(np.full((256, 256, 3), 90, np.uint8))


def test_a_smaller_input_is_nearly_the_same_picture(tiny: SamWeights) -> None:
    resized = tiny.resized(192)
    sam = LeanSam(resized)
    assert sam.encode(np.zeros((144, 192, 3), np.uint8)).embedding.shape == (1, 12 * 12, 64)


@pytest.mark.parametrize(
    ("device", "text"),
    [("gpu", "device is one of auto, cpu, cuda, mps, got 'gpu'"), ("cuda:x", "device is one of")],
)
def test_unknown_devices_are_refused(device: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        choose_device(device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_here_is_refused() -> None:
    with pytest.raises(ConfigError, match="finds no cuda device here"):
        choose_device("cuda")


def test_half_precision_is_for_cuda_unless_asked_for() -> None:
    assert choose_dtype("auto", torch.device("cpu")) == torch.float32
    assert choose_dtype("auto", torch.device("cuda")) == torch.float16
    assert choose_dtype("bfloat16", torch.device("cpu")) == torch.bfloat16
    with pytest.raises(ConfigError, match="dtype is one of"):
        choose_dtype("half", torch.device("cpu"))


def test_int8_is_refused_in_half_precision(tiny: SamWeights) -> None:
    with pytest.raises(ConfigError, match="int8 runs on a CPU with float32 only"):
        LeanSam(tiny, dtype=torch.bfloat16, int8=True)

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from track_anything.segmenters.sam.execution import SamPrompt
from track_anything.segmenters.sam.geometry import Fit, stability_score
from track_anything.segmenters.sam.lean import LeanSam
from track_anything.segmenters.sam.weights import SamWeights
from track_anything.structures import Frame, Prompt


def _whole(height: int, width: int, input_size: int = 1024) -> Fit:
    return Fit((height, width), (0, 0, width, height), input_size)


@pytest.mark.parametrize(
    ("size", "resized"),
    [((1080, 1920), (576, 1024)), ((1920, 1080), (1024, 576)), ((300, 401), (766, 1024))],
)
def test_the_longer_side_fills_the_input(size: tuple[int, int], resized: tuple[int, int]) -> None:
    assert _whole(*size).resized == resized


def test_the_picture_is_resized_as_by_meta(
    frame: Frame, expected: dict[str, np.ndarray], tiny: SamWeights
) -> None:
    found = Fit.whole((300, 400), tiny.config).image(frame.image)
    assert hashlib.sha256(found.tobytes()).hexdigest() == expected["resized_sha256"]


def test_full_size_masks_are_those_of_meta(
    expected: dict[str, np.ndarray], tiny: SamWeights, sam_prompt: Callable[[str], SamPrompt]
) -> None:
    fit, sam = Fit.whole((300, 400), tiny.config), LeanSam(tiny)
    cases = ("point", "points", "box", "box_points", "box_mask", "points_mask", "box_points_mask")
    answers = sam.decode(sam.encode(expected["resized"]), [sam_prompt(case) for case in cases])
    for number, (case, answer) in enumerate(zip(cases, answers, strict=True)):
        wanted = np.unpackbits(expected[f"{case}.mask"]).reshape(300, 400)
        found = fit.mask_out(answer.logits[number % 4])
        assert (found == wanted.astype(bool)).mean() > 0.999, case


@pytest.mark.parametrize("size", [(1080, 1920), (333, 217), (47, 31)])
def test_masks_are_enlarged_as_torch_enlarges_them(size: tuple[int, int]) -> None:
    fit = _whole(*size)
    logits = np.random.default_rng(0).standard_normal((256, 256)).astype(np.float32)
    height, width = fit.resized
    large = functional.interpolate(
        torch.from_numpy(logits)[None, None], (1024, 1024), mode="bilinear"
    )
    wanted = functional.interpolate(large[..., :height, :width], size, mode="bilinear")
    # Which side of 0 a pixel falls to may differ where it is 0 but for rounding.
    assert (fit.mask_out(logits) == (wanted[0, 0] > 0).numpy()).mean() > 0.9999


def test_points_and_boxes_move_with_the_picture() -> None:
    # 200 x 100 becomes 1024 x 512: 5.12 times.
    prompt = _whole(100, 200).prompt(
        Prompt(points=[[10, 20]], labels=[1], box=[50, 25, 100, 50])  # type: ignore[arg-type]
    )
    np.testing.assert_allclose(prompt.points, [[51.2, 102.4]], rtol=1e-6)
    np.testing.assert_allclose(prompt.box, [256, 128, 512, 256], rtol=1e-6)
    assert prompt.labels.tolist() == [1]


def test_points_without_a_box_get_one_padding_point() -> None:
    prompt = _whole(100, 200).prompt(Prompt(points=[[10, 20], [3, 4]], labels=[1, 0]))  # type: ignore[arg-type]
    assert prompt.labels.tolist() == [1, 0, -1]
    assert prompt.points[2].tolist() == [0, 0]


def test_logits_alone_get_no_padding_point() -> None:
    prompt = _whole(100, 200).prompt(Prompt(logits=np.ones((5, 10), np.float32)))
    assert len(prompt.points) == 0
    assert prompt.box is None


def test_logits_leave_without_the_padding() -> None:
    # 576 of 1024 rows are picture: 144 of 256.
    logits = np.arange(256 * 256, dtype=np.float32).reshape(256, 256)
    np.testing.assert_array_equal(_whole(1080, 1920).logits_out(logits), logits[:144])


@pytest.mark.parametrize(
    ("size", "tolerance"), [((1080, 1920), 0.0), ((300, 400), 0.0), ((333, 500), 0.02)]
)
def test_logits_out_and_in_again_are_the_same(size: tuple[int, int], tolerance: float) -> None:
    # 333 x 500 is 682 x 1024: 170.5 rows of logits, which 171 stand for.
    fit = _whole(*size)
    y, x = np.mgrid[:256, :256].astype(np.float32)
    logits = 8 * np.sin(x / 40) * np.cos(y / 30)
    back = fit.logits_in(fit.logits_out(logits))
    rows, columns = (side // 4 for side in fit.resized)
    np.testing.assert_allclose(
        back[:rows, :columns], logits[:rows, :columns], rtol=0, atol=max(tolerance, 1e-6)
    )
    assert (back[rows + 1 :] < -7).all()


@pytest.mark.parametrize("shape", [(72, 128), (1080, 1920), (300, 100)])
def test_logits_of_any_size_are_stretched_over_the_frame(shape: tuple[int, int]) -> None:
    # The left half is object: the left 128 of 256 columns, in the upper 144 rows.
    logits = np.full(shape, -6, np.float32)
    logits[:, : shape[1] // 2] = 6
    canvas = _whole(1080, 1920).logits_in(logits)
    object_share = (canvas > 0)[:144].mean(0)
    assert (object_share[:127] == 1).all()
    assert (object_share[129:] == 0).all()
    assert (canvas[144:] < 0).all()


def test_a_crop_sees_prompts_from_its_own_corner() -> None:
    fit = Fit((1080, 1920), (600, 300, 856, 556), 1024)
    prompt = fit.prompt(Prompt(points=[[610, 320]], labels=[1], box=[700, 400, 728, 464]))  # type: ignore[arg-type]
    np.testing.assert_allclose(prompt.points, [[40, 80]])
    np.testing.assert_allclose(prompt.box, [400, 400, 512, 656])


def test_negative_points_outside_a_crop_are_left_out() -> None:
    fit = Fit((1080, 1920), (600, 300, 856, 556), 1024)
    prompt = fit.prompt(
        Prompt(points=[[10, 20], [610, 320]], labels=[0, 0], box=[700, 400, 728, 464])  # type: ignore[arg-type]
    )
    np.testing.assert_allclose(prompt.points, [[40, 80]])


def test_a_crops_mask_lands_where_the_crop_is() -> None:
    fit = Fit((1080, 1920), (600, 300, 856, 556), 1024)
    logits = np.full((256, 256), -5, np.float32)
    logits[64:128, 32:96] = 5  # of 256: one logit is one pixel of the frame
    mask = fit.mask_out(logits)
    assert mask.shape == (1080, 1920)
    assert mask.sum() == 64 * 64
    assert mask[364:428, 632:696].all()


def test_a_crops_logits_go_out_over_the_frame_and_in_again() -> None:
    fit = Fit((1080, 1920), (600, 300, 856, 556), 1024)
    y, x = np.mgrid[:256, :256].astype(np.float32)
    logits = 8 * np.sin(x / 40) * np.cos(y / 30)
    out = fit.logits_out(logits)
    assert out.shape == (576, 1024)
    assert (out[:, :319] < 0).all()
    assert (out[:158] < 0).all()
    # A logit of the frame is 1.875 of the crop: its own detail, but not finer, survives.
    np.testing.assert_allclose(fit.logits_in(out)[4:-4, 4:-4], logits[4:-4, 4:-4], atol=0.1)


def test_the_stability_score_is_the_iou_of_two_thresholds() -> None:
    # Above 1: two; above -1: three.
    assert stability_score(np.array([[5, 2, 0, -3]], np.float32)) == pytest.approx(2 / 3)
    assert stability_score(np.full((2, 2), -9, np.float32)) == 1

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from track_anything.errors import (
    ConfigError,
    PromptError,
    SegmenterError,
    WeightsError,
)
from track_anything.segmenters.sam import memory
from track_anything.segmenters.sam.architecture import published_config
from track_anything.segmenters.sam.cache import import_file
from track_anything.segmenters.sam.segmenter import SamSegmenter, candidate_order
from track_anything.segmenters.sam.weights import SamWeights
from track_anything.structures import Frame, Prompt


@pytest.fixture(scope="module")
def segmenter(tiny: SamWeights) -> SamSegmenter:
    return SamSegmenter(tiny, device="cpu", zoom="off")


def _prompt(expected: dict[str, np.ndarray], case: str) -> Prompt:
    words = case.split("_")
    count = 3 if "points" in words else 1 if "point" in words else 0
    # The fixture's mask covers the padded input; 48 of 64 rows are picture.
    return Prompt(
        points=expected["points"][:count],
        labels=expected["labels"][:count],
        box=expected["box"] if "box" in words else None,
        logits=expected["mask_input"][0, 0, :48] if "mask" in words else None,
    )


@pytest.mark.parametrize(
    ("case", "kept_mask"), [("point", 0), ("points", 1), ("box", 2), ("box_points", 3)]
)
def test_masks_are_those_of_meta(
    segmenter: SamSegmenter,
    frame: Frame,
    expected: dict[str, np.ndarray],
    case: str,
    kept_mask: int,
) -> None:
    wanted = np.unpackbits(expected[f"{case}.mask"]).reshape(300, 400)
    (candidates,) = segmenter.decode(segmenter.embed(frame), [_prompt(expected, case)])
    assert len(candidates) == 4
    for candidate in candidates:
        if candidate.index == kept_mask:
            assert (candidate.mask == wanted.astype(bool)).mean() > 0.999
        # 48 of 64 rows are picture; every third is kept.
        np.testing.assert_allclose(
            candidate.logits[::3, ::3],
            expected[f"{case}.logits"][0, candidate.index, :16],
            atol=1e-5,
        )


def test_the_reference_gives_the_same_masks(
    tiny: SamWeights, segmenter: SamSegmenter, frame: Frame, expected: dict[str, np.ndarray]
) -> None:
    reference = SamSegmenter(tiny, execution="reference", zoom="off")
    prompts = [_prompt(expected, case) for case in ("points", "box_mask", "point")]
    found = segmenter.decode(segmenter.embed(frame), prompts)
    wanted = reference.decode(reference.embed(frame), prompts)
    for ours, theirs in zip(found, wanted, strict=True):
        assert [candidate.index for candidate in ours] == [candidate.index for candidate in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert (one.mask == other.mask).mean() > 0.9999
            np.testing.assert_allclose(one.logits, other.logits, atol=1e-5)


def test_several_objects_of_one_call_are_answered_as_one_by_one(
    segmenter: SamSegmenter, frame: Frame, expected: dict[str, np.ndarray]
) -> None:
    embedding = segmenter.embed(frame)
    prompts = [Prompt(box=box) for box in expected["boxes"]]
    together = segmenter.decode(embedding, prompts)
    for prompt, candidates in zip(prompts, together, strict=True):
        ((alone, *_),) = segmenter.decode(embedding, [prompt])
        np.testing.assert_array_equal(candidates[0].mask, alone.mask)


def test_a_lone_click_gets_the_most_promising_of_three() -> None:
    predicted = np.array([0.9, 0.2, 0.7, 0.4], np.float32)
    assert candidate_order(predicted, is_lone_click=True) == [2, 3, 1, 0]
    assert candidate_order(predicted, is_lone_click=False) == [0, 2, 3, 1]


def test_a_clear_prompt_gets_the_mask_meant_for_it(
    segmenter: SamSegmenter, frame: Frame, expected: dict[str, np.ndarray]
) -> None:
    click, box, refined = segmenter.decode(
        segmenter.embed(frame),
        [_prompt(expected, "point"), _prompt(expected, "box"), _prompt(expected, "point_mask")],
    )
    # Of the click's three, the third has the best predicted IoU, .317.
    assert [candidate.index for candidate in click] == [3, 2, 1, 0]
    assert click[0].predicted_iou == pytest.approx(0.317368, abs=1e-5)
    assert box[0].index == 0
    assert refined[0].index == 0


def test_predicted_ious_are_scores(
    segmenter: SamSegmenter, frame: Frame, expected: dict[str, np.ndarray]
) -> None:
    # The network says -.13 for mask 0 of the click.
    (candidates,) = segmenter.decode(segmenter.embed(frame), [_prompt(expected, "point")])
    assert candidates[-1].predicted_iou == 0
    assert all(0 <= candidate.stability_score <= 1 for candidate in candidates)


def test_logits_given_back_steer_the_next_answer(
    segmenter: SamSegmenter, frame: Frame, expected: dict[str, np.ndarray]
) -> None:
    embedding = segmenter.embed(frame)
    ((first, *_),) = segmenter.decode(embedding, [_prompt(expected, "box")])
    ((second, *_),) = segmenter.decode(
        embedding, [Prompt(box=expected["box"], logits=first.logits)]
    )
    assert second.logits.shape == first.logits.shape == (48, 64)
    assert not np.allclose(second.logits, first.logits, atol=1e-3)


def test_embedding_the_same_frame_again_costs_nothing(
    segmenter: SamSegmenter, frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = segmenter.embed(frame)

    def fail(image: object) -> None:
        raise AssertionError("encoded again")

    monkeypatch.setattr(segmenter._sam, "encode", fail)
    assert segmenter.embed(frame) is first


def test_another_frame_with_the_same_number_is_another_frame(
    segmenter: SamSegmenter, frame: Frame
) -> None:
    other = Frame(frame.index, Fraction(0), 255 - frame.image)
    assert segmenter.embed(other) is not segmenter.embed(frame)


def test_candidates_can_be_limited(
    tiny: SamWeights, frame: Frame, expected: dict[str, np.ndarray]
) -> None:
    segmenter = SamSegmenter(tiny, candidate_count=1)
    (candidates,) = segmenter.decode(segmenter.embed(frame), [_prompt(expected, "box")])
    assert [candidate.index for candidate in candidates] == [0]


def test_the_embedding_of_another_segmenter_is_refused(
    tiny: SamWeights, segmenter: SamSegmenter, frame: Frame, expected: dict[str, np.ndarray]
) -> None:
    other = SamSegmenter(tiny)
    with pytest.raises(SegmenterError, match="sam did not make this embedding"):
        segmenter.decode(other.embed(frame), [_prompt(expected, "box")])


def test_answers_are_refused(segmenter: SamSegmenter, frame: Frame) -> None:
    with pytest.raises(PromptError, match="is an answer"):
        segmenter.decode(segmenter.embed(frame), [Prompt(mask=np.ones((300, 400), bool))])


def test_an_object_alone_in_a_wide_frame_is_encoded_in_a_crop(
    tiny: SamWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = SamSegmenter(tiny, device="cpu", zoom="auto")
    image = np.random.default_rng(0).integers(0, 256, (540, 960, 3), np.uint8)
    frame = Frame(0, Fraction(0), image)
    seen: list[np.ndarray] = []
    encode = segmenter._sam.encode
    monkeypatch.setattr(segmenter._sam, "encode", lambda part: (seen.append(part), encode(part))[1])
    box = np.array([400, 200, 440, 240], np.float32)
    ((best, *_),) = segmenter.decode(segmenter.embed(frame), [Prompt(box=box)])
    # Side 3 x 40 around (420, 220), fitted into 256.
    assert [part.shape for part in seen] == [(256, 256, 3)]
    assert best.mask.shape == (540, 960)
    outside = best.mask.copy()
    outside[160:280, 360:480] = False
    assert not outside.any()
    # The same answer as a segmenter gives on the crop as a frame of its own.
    alone = SamSegmenter(tiny, zoom="off")
    crop = Frame(0, Fraction(0), np.ascontiguousarray(image[160:280, 360:480]))
    corner = np.array([360, 160, 360, 160], np.float32)
    ((wanted, *_),) = alone.decode(alone.embed(crop), [Prompt(box=box - corner)])
    np.testing.assert_array_equal(best.mask[160:280, 360:480], wanted.mask)


def test_names_tell_the_size(segmenter: SamSegmenter) -> None:
    assert segmenter.name == "sam"
    assert published_config("huge").size_name == "huge"


def test_a_checkpoint_path_will_do(tiny_path: Path, frame: Frame) -> None:
    segmenter = SamSegmenter(tiny_path, input_size=128)
    (candidates,) = segmenter.decode(
        segmenter.embed(frame), [Prompt(points=np.array([[9, 9]]), labels=np.array([1]))]
    )
    assert candidates[0].mask.shape == (300, 400)
    assert candidates[0].logits.shape == (24, 32)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"execution": "fast"}, "execution is one of lean, reference"),
        ({"zoom": "on"}, "zoom is one of auto, off"),
        ({"candidate_count": 0}, "candidate_count is 1 or more"),
        ({"execution": "reference", "int8": True}, "the reference runs in float32 only"),
    ],
)
def test_options_that_do_not_exist_are_refused(
    tiny: SamWeights, options: dict[str, object], text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        SamSegmenter(tiny, **options)  # type: ignore[arg-type]


def test_an_unknown_name_of_weights_is_refused() -> None:
    with pytest.raises(WeightsError, match="sam-gigantic: no such file, and weights have one of"):
        SamSegmenter("sam-gigantic")


def test_a_network_that_does_not_fit_is_refused_in_one_line(
    tiny: SamWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda device: 200_000_000)
    with pytest.raises(SegmenterError, match=r"takes about .* of cpu memory are free: use"):
        SamSegmenter(tiny, device="cpu")


def test_huge_takes_three_gigabytes_and_the_reference_much_more() -> None:
    huge = published_config("huge")
    assert 2.9e9 < memory.needed_memory(huge) < 3.4e9
    assert memory.needed_memory(huge, execution="reference") > 8e9


def test_a_cached_model_starts_without_keras(tiny_path: Path) -> None:
    import_file(tiny_path, name="tiny")
    code = (
        "import sys, numpy as np\n"
        "from fractions import Fraction\n"
        "from track_anything.segmenters.sam.segmenter import SamSegmenter\n"
        "from track_anything.structures import Frame, Prompt\n"
        "s = SamSegmenter('tiny', device='cpu')\n"
        "e = s.embed(Frame(0, Fraction(0), np.zeros((90, 160, 3), np.uint8)))\n"
        "s.decode(e, [Prompt(box=np.array([1, 2, 90, 80]))])\n"
        "heavy = {'keras', 'keras_cv', 'tensorflow', 'transformers', 'h5py', 'torchvision'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_huge_is_refused_before_it_is_fetched_where_it_does_not_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda device: 2_000_000_000)
    with pytest.raises(SegmenterError) as error:
        SamSegmenter("sam-huge", device="cpu")
    assert str(error.value) == (
        "SAM huge at 1024 pixels takes about 3.1 GB, 2.0 GB of cpu memory are free: "
        "use a smaller model or input size"
    )


def test_a_file_larger_than_the_free_memory_is_not_read(
    tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda device: 1_000_000)
    with pytest.raises(SegmenterError, match=r"sam_tiny\.pth: reading it takes about 0\.3 GB"):
        SamSegmenter(tiny_path, device="cpu")


def test_two_threads_may_share_a_segmenter(
    segmenter: SamSegmenter, frame: Frame, expected: dict[str, np.ndarray]
) -> None:
    embedding = segmenter.embed(frame)
    prompts = [Prompt(box=box) for box in expected["boxes"]]
    alone = [segmenter.decode(embedding, [prompt])[0][0].mask for prompt in prompts]
    with ThreadPoolExecutor(4) as pool:
        many = pool.map(
            lambda index: segmenter.decode(embedding, [prompts[index]])[0][0].mask,
            [0, 1, 2, 3] * 10,
        )
    for place, mask in enumerate(many):
        np.testing.assert_array_equal(mask, alone[place % 4])


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3)])
@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(box=np.array([-50, -50, -10, -10])),
        Prompt(box=np.array([0.2, 0.2, 0.9, 0.9])),
        Prompt(points=np.array([[-5, 999]]), labels=np.array([1])),
        Prompt(points=np.array([[0, 0]]), labels=np.array([0])),
        Prompt(logits=np.full((4, 4), -9, np.float32)),
        Prompt(logits=np.full((300, 2), 9, np.float32), points=np.array([[5, 5]]), labels=[0]),  # type: ignore[arg-type]
    ],
    ids=["outside", "less than a pixel", "far point", "negative", "empty mask", "odd mask"],
)
@pytest.mark.parametrize("zoom", ["off", "auto"])
def test_no_prompt_on_no_picture_crashes_it(
    tiny: SamWeights, size: tuple[int, int], prompt: Prompt, zoom: str
) -> None:
    segmenter = SamSegmenter(tiny, zoom=zoom)
    image = np.full((*size, 3), 90, np.uint8)
    (candidates,) = segmenter.decode(segmenter.embed(Frame(0, Fraction(0), image)), [prompt])
    for candidate in candidates:
        assert candidate.mask.shape == size
        assert np.isfinite(candidate.logits).all()
        assert 0 <= candidate.predicted_iou <= 1

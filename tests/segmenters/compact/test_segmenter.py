"""The compact segmenter: what it shows to its network and what it makes of the answers."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from track_anything.errors import ConfigError, SegmenterError
from track_anything.masks import mask_iou, mask_logits
from track_anything.segmenters.compact import calibration
from track_anything.segmenters.compact import window as window_module
from track_anything.segmenters.compact.network import CHANNELS
from track_anything.segmenters.compact.segmenter import CompactSegmenter
from track_anything.segmenters.grabcut import GrabCutSegmenter
from track_anything.structures import Frame, Image, Mask, MaskPrediction, Prompt

PREVIOUS, VALID = CHANNELS.index("previous"), CHANNELS.index("valid")
HEIGHT, WIDTH = 100, 120
BOX = np.array([40, 30, 80, 70], np.float32)
POINT = np.array([[60, 50]], np.float32)
ON, OFF = np.array([1]), np.array([0])
EMPTY_PROMPTS = {
    "background alone": Prompt(points=POINT, labels=OFF),
    "box outside": Prompt(box=np.array([-50, -50, -10, -10])),
    "point outside": Prompt(points=np.array([[500, 5]]), labels=ON),
    "empty earlier mask": Prompt(logits=np.full((4, 4), -9, np.float32)),
}

Answer = Callable[[Tensor], Tensor]


class Scripted:
    """In the network's place: finds what is red, says the scores it was given, keeps all it saw."""

    def __init__(self, *, answer: Answer | None = None, scores: Sequence[float] = ()) -> None:
        self.head = SimpleNamespace(weight=torch.zeros(1))
        self.seen: list[Tensor] = []
        self._answer = answer or (lambda channels: torch.where(channels[:, 0] > 1, 8.0, -8.0))
        self._scores = scores

    def __call__(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        self.seen.append(channels.clone())
        told = [*self._scores, *[0.0] * len(channels)]
        return self._answer(channels)[:, None], torch.tensor(told[: len(channels)])


@pytest.fixture(autouse=True)
def _no_corrections(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scores are the network's own."""
    plain = dict.fromkeys(calibration.KINDS, (1.0, 0.0))
    monkeypatch.setattr(calibration, "CORRECTIONS", plain)


@pytest.fixture
def segmenter(random_weights: Path) -> CompactSegmenter:
    return CompactSegmenter(device="cpu", path=random_weights)


@pytest.fixture
def scripted(segmenter: CompactSegmenter) -> Callable[..., tuple[CompactSegmenter, Scripted]]:
    """A segmenter with a scripted network, and the network."""

    def make(**script: object) -> tuple[CompactSegmenter, Scripted]:
        network = Scripted(**script)  # type: ignore[arg-type]
        segmenter._network = network  # type: ignore[assignment]
        return segmenter, network

    return make


@pytest.fixture
def square() -> tuple[Image, Mask]:
    """A red square that fills BOX, on gray; its mask."""
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[30:70, 40:80] = True
    image[mask] = (250, 20, 20)
    return image, mask


@pytest.fixture
def noise() -> Image:
    random = np.random.default_rng(0)
    blurred = cv2.GaussianBlur(random.normal(0, 1, (HEIGHT, WIDTH, 3)), (0, 0), 3)
    return np.clip(128 + 60 * blurred / blurred.std(), 0, 255).astype(np.uint8)


def decode(segmenter: CompactSegmenter, image: Image, *prompts: Prompt) -> list[list]:
    embedding = segmenter.embed(Frame(0, Fraction(0), image))
    return [list(found) for found in segmenter.decode(embedding, prompts)]


def same(first: MaskPrediction, second: MaskPrediction) -> bool:
    return (
        np.array_equal(first.mask, second.mask)
        and np.array_equal(first.logits, second.logits)
        and first.predicted_iou == second.predicted_iou
    )


# --- With a scripted network -------------------------------------------------------------------


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(box=BOX),
        Prompt(box=BOX + np.array([-9, -3, 4, 8], np.float32)),
        Prompt(points=POINT, labels=ON),
        Prompt(box=BOX, points=np.array([[60, 50], [42, 32]]), labels=[1, 0]),
    ],
    ids=["box", "loose box", "point", "box and points"],
)
def test_what_the_network_finds_in_the_crop_is_at_its_place_in_the_frame(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]],
    square: tuple[Image, Mask],
    prompt: Prompt,
) -> None:
    image, mask = square
    ((found, *_),) = decode(scripted()[0], image, prompt)
    assert mask_iou(found.mask, mask) > 0.97
    assert found.logits.shape == (HEIGHT // 2, WIDTH // 2)


def test_a_large_object_ends_at_the_edges_of_the_picture_not_of_the_crops_pixels(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]],
) -> None:
    image = np.full((1000, 1000, 3), 90, np.uint8)
    cv2.circle(image, (500, 500), 303, (250, 20, 20), -1)
    truth = image[..., 0] == 250

    def coarse(channels: Tensor) -> Tensor:
        # Right, but in blocks of two pixels of the crop: 13 of the frame's.
        shares = torch.nn.functional.avg_pool2d((channels[:, 0] > 1).float(), 2)
        return (shares - 0.5).repeat_interleave(2, 1).repeat_interleave(2, 2) * 6

    box = np.array([197, 197, 804, 804])
    ((found,),) = decode(scripted(answer=coarse)[0], image, Prompt(box=box))
    wrong = np.count_nonzero(found.mask != truth)
    assert wrong < 1.5 * (2 * np.pi * 303)


def test_a_second_look_is_shown_the_first_answer(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]], square: tuple[Image, Mask]
) -> None:
    segmenter, network = scripted()
    decode(segmenter, square[0], Prompt(box=BOX))
    first, second = network.seen
    assert not first[0, PREVIOUS].any()
    shown = second[0, PREVIOUS]
    red = second[0, 0] > 1
    assert shown[red].mean() > 0.9
    assert shown[~red].mean() < -0.9


def test_there_is_no_second_look_with_an_earlier_mask_nor_where_nothing_was_found(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]], square: tuple[Image, Mask]
) -> None:
    segmenter, network = scripted()
    earlier = mask_logits(square[1], (25, 30))
    decode(segmenter, square[0], Prompt(box=BOX, logits=earlier))
    assert len(network.seen) == 1
    assert network.seen[0][0, PREVIOUS].amax() > 0.9
    segmenter, network = scripted()
    ((found,),) = decode(segmenter, np.full_like(square[0], 90), Prompt(box=BOX))
    assert len(network.seen) == 1
    assert not found.mask.any()


def test_an_earlier_mask_alone_says_where_to_look(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]], square: tuple[Image, Mask]
) -> None:
    segmenter, network = scripted()
    ((found,),) = decode(
        segmenter, square[0], Prompt(logits=mask_logits(square[1], (HEIGHT, WIDTH)))
    )
    assert mask_iou(found.mask, square[1]) > 0.97
    # The window is the box grown 1.4 times: the square is 128 / 1.4 pixels wide in it.
    width = (network.seen[0][0, 0, 64] > 1).sum()
    assert int(width) == pytest.approx(128 / 1.4, abs=2)


def test_around_a_lone_click_two_sizes_are_looked_at(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]], square: tuple[Image, Mask]
) -> None:
    segmenter, network = scripted()
    decode(segmenter, square[0], Prompt(points=POINT, labels=ON))
    assert network.seen[0].shape[0] == 2
    # Squares of 40 and 120 pixels around (60, 50), and what it takes to whole pixels: the first is
    # all red, the other reaches beyond a frame of 120 x 100.
    red = (network.seen[0][:, 0] > 1).float().mean((1, 2))
    assert red.tolist() == pytest.approx([(40 / 41) ** 2, (40 / 121) ** 2], abs=0.02)
    valid = network.seen[0][:, VALID].mean((1, 2))
    assert valid.tolist() == pytest.approx([1, 120 * 100 / 121**2], abs=0.02)
    assert network.seen[1].shape[0] == 1


def _rings(channels: Tensor) -> Tensor:
    """A disc of 30 and of 50 pixels of the crop; in a second look one of 40."""
    y, x = torch.meshgrid(torch.arange(128) - 63.5, torch.arange(128) - 63.5, indexing="ij")
    radii = (30, 50) if len(channels) == 2 else (40,) * len(channels)
    return torch.stack([torch.where(x**2 + y**2 < r**2, 8.0, -8.0) for r in radii])


def test_candidates_of_a_lone_click_are_different_and_the_best_is_first(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]], square: tuple[Image, Mask]
) -> None:
    segmenter, _ = scripted(answer=_rings, scores=[1.0, 0.0])
    (found,) = decode(segmenter, square[0], Prompt(points=POINT, labels=ON))
    scores = [one.predicted_iou for one in found]
    # Of the second look the mask is kept, of the first the score: 1 / (1 + e^-1) and 1 / 2.
    assert scores == pytest.approx([0.7311, 0.5], abs=1e-4)
    # Radii in the frame: 50 of 128 times 120 is 47, nearly as high as the frame. 30 of 128 times 40
    # is 9.4; the second look is in a window 1.4 times as wide as that, 27 pixels, and there says 40
    # of 128.
    areas = [np.count_nonzero(one.mask) for one in found]
    assert areas[0] == pytest.approx(np.pi * (40 / 128 * 27) ** 2, rel=0.08)
    assert areas[1] == pytest.approx(np.pi * (50 / 128 * 120) ** 2, rel=0.03)
    assert mask_iou(found[0].mask, found[1].mask) < 0.8


def test_an_answer_that_is_sure_is_not_looked_at_again(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]], square: tuple[Image, Mask]
) -> None:
    segmenter, _ = scripted(answer=_rings, scores=[0.0, 2.0])
    (found,) = decode(segmenter, square[0], Prompt(points=POINT, labels=ON))
    # The first look's own 50 of 128 times 120 pixels, not what a second look would say: the window
    # around that disc is 131 pixels, 40 of 128 of which are 41.
    assert np.count_nonzero(found[0].mask) == pytest.approx(np.pi * 46.9**2, rel=0.03)


def test_candidates_that_are_the_same_are_given_once(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]], square: tuple[Image, Mask]
) -> None:
    # A second look at the larger crop's answer sees the square as the smaller crop does.
    segmenter, _ = scripted(scores=[0.0, 1.0])
    (found,) = decode(segmenter, square[0], Prompt(points=POINT, labels=ON))
    assert [round(one.predicted_iou, 2) for one in found] == [0.73]


@pytest.mark.parametrize("prompt", EMPTY_PROMPTS.values(), ids=EMPTY_PROMPTS.keys())
def test_a_prompt_that_says_nothing_of_the_frame_gets_an_empty_mask_and_no_look(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]],
    square: tuple[Image, Mask],
    prompt: Prompt,
) -> None:
    segmenter, network = scripted()
    empty, (found,) = decode(segmenter, square[0], prompt, Prompt(box=BOX))
    assert mask_iou(found.mask, square[1]) > 0.97
    assert [len(seen) for seen in network.seen] == [1, 1]
    assert len(empty) == 1
    assert not empty[0].mask.any()
    assert (empty[0].logits < 0).all()
    assert empty[0].predicted_iou == 0


def test_answers_are_taken_as_they_are(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]], square: tuple[Image, Mask]
) -> None:
    segmenter, network = scripted()
    mask = np.roll(square[1], 9, axis=0)
    given, absent = decode(
        segmenter, square[0], Prompt(box=BOX, mask=mask), Prompt(is_absent=True, track_id=1)
    )
    assert np.array_equal(given[0].mask, mask)
    assert not absent[0].mask.any()
    assert given[0].predicted_iou == absent[0].predicted_iou == 1
    assert not network.seen


def test_many_prompts_go_in_batches_of_a_bounded_size(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]], square: tuple[Image, Mask]
) -> None:
    segmenter, network = scripted()
    found = decode(segmenter, square[0], *[Prompt(box=BOX)] * 70)
    assert len(found) == 70
    assert all(mask_iou(one[0].mask, square[1]) > 0.97 for one in found)
    assert [len(seen) for seen in network.seen] == [32, 32, 32, 32, 6, 6]


def test_the_score_is_corrected_by_the_kind_of_prompt(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]],
    square: tuple[Image, Mask],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corrections = {"box": (0.5, 1.0), "points": (1.0, -1.0), "box and points": (1.0, 0.0)}
    monkeypatch.setattr(calibration, "CORRECTIONS", corrections)
    segmenter, _ = scripted(scores=[2.0, 2.0, 2.0, 2.0, 2.0])
    box, both, click = decode(
        segmenter,
        square[0],
        Prompt(box=BOX),
        Prompt(box=BOX, points=POINT, labels=ON),
        Prompt(points=POINT, labels=ON),
    )
    # The logit 2 becomes 2, stays 2, and becomes 1.
    assert box[0].predicted_iou == pytest.approx(0.8808, abs=1e-4)
    assert both[0].predicted_iou == pytest.approx(0.8808, abs=1e-4)
    assert click[0].predicted_iou == pytest.approx(0.7311, abs=1e-4)


# --- With the network itself, whatever its weights ---------------------------------------------


PROMPTS = (
    Prompt(box=BOX),
    Prompt(points=POINT, labels=ON),
    Prompt(box=BOX - 20, points=np.array([[30, 30], [24, 14]]), labels=[1, 0]),
    Prompt(logits=np.pad(np.full((3, 3), 6, np.float32), 4, constant_values=-6)),
    Prompt(points=np.array([[20, 20], [90, 80]]), labels=[1, 1]),
    Prompt(box=BOX + 15, logits=np.pad(np.full((3, 3), 6, np.float32), 4, constant_values=-6)),
)


def test_the_same_prompt_gets_the_same_answer_to_the_bit(
    random_weights: Path, noise: Image
) -> None:
    first = CompactSegmenter(device="cpu", path=random_weights)
    other = CompactSegmenter(device="cpu", path=random_weights)
    for one, two in zip(
        decode(first, noise, *PROMPTS), decode(other, noise, *PROMPTS), strict=True
    ):
        assert len(one) == len(two)
        assert all(same(*pair) for pair in zip(one, two, strict=True))


def test_prompts_are_answered_alike_together_and_alone(
    segmenter: CompactSegmenter, noise: Image
) -> None:
    for prompt, together in zip(PROMPTS, decode(segmenter, noise, *PROMPTS), strict=True):
        (alone,) = decode(segmenter, noise, prompt)
        for one, other in zip(alone, together, strict=True):
            assert np.count_nonzero(one.mask != other.mask) <= 4
            assert np.allclose(one.logits, other.logits, atol=1e-3)
            assert one.predicted_iou == pytest.approx(other.predicted_iou, abs=1e-4)


@pytest.mark.parametrize("size", [(8, 8), (1, 1), (8, 300), (HEIGHT, WIDTH)], ids=str)
@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(box=np.array([0.3, 0.3, 0.9, 0.9])),
        Prompt(box=np.array([7, 7, 8, 8])),
        Prompt(box=np.array([-1e6, -1e6, 1e6, 1e6])),
        Prompt(points=np.array([[0, 0]]), labels=ON),
        Prompt(points=np.array([[0, 0]] * 40), labels=[1, 0] * 20),
        Prompt(logits=np.full((2, 2), 1e9, np.float32), points=np.array([[3, 3]]), labels=OFF),
    ],
    ids=["a pixel", "the corner", "huge", "point", "many points", "everything"],
)
def test_odd_prompts_on_tiny_frames_have_answers_of_the_right_form(
    segmenter: CompactSegmenter, noise: Image, size: tuple[int, int], prompt: Prompt
) -> None:
    image = cv2.resize(noise, size[::-1])
    for one in decode(segmenter, image, prompt)[0]:
        assert one.mask.shape == size
        assert one.mask.dtype == bool
        assert one.logits.dtype == np.float32
        assert np.isfinite(one.logits).all()
        assert 0 <= one.predicted_iou <= 1


def test_gray_pictures_are_pictures(segmenter: CompactSegmenter, noise: Image) -> None:
    gray = np.repeat(noise[..., :1], 3, axis=2)
    for found in decode(segmenter, gray, *PROMPTS):
        assert 0 <= found[0].predicted_iou <= 1
        assert np.isfinite(found[0].logits).all()


def test_windows_of_an_enormous_frame_are_found_in_bounded_memory(
    scripted: Callable[..., tuple[CompactSegmenter, Scripted]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A window of 7000 x 3500 on a strip; at its own resolution each of its float32 pictures would
    # have 98 MB.
    image = np.full((60, 5000, 3), 90, np.uint8)
    image[:, 1000:4000] = (250, 20, 20)
    sizes: list[int] = []
    gray = window_module.Window.gray

    def watched(window: window_module.Window, of: Image) -> Image:
        sizes.append(gray(window, of).size)
        return gray(window, of)

    monkeypatch.setattr(window_module.Window, "gray", watched)
    monkeypatch.setattr(window_module, "_MOST_PIXELS", 2**20)
    ((found,),) = decode(scripted()[0], image, Prompt(box=np.array([0, 0, 5000, 60])))
    assert sizes
    assert max(sizes) <= 2**20
    assert mask_iou(found.mask, image[..., 0] == 250) > 0.5
    assert not found.mask[:, :900].any()
    assert not found.mask[:, 4100:].any()


def test_a_frame_is_embedded_once(segmenter: CompactSegmenter, noise: Image) -> None:
    frame = Frame(0, Fraction(0), noise)
    embedding = segmenter.embed(frame)
    assert segmenter.embed(frame) is embedding
    assert segmenter.embed(Frame(0, Fraction(0), noise)) is not embedding


def test_an_embedding_of_another_segmenter_is_refused(
    segmenter: CompactSegmenter, noise: Image
) -> None:
    foreign = GrabCutSegmenter().embed(Frame(0, Fraction(0), noise))
    with pytest.raises(SegmenterError, match="compact decodes what CompactSegmenter"):
        segmenter.decode(foreign, [Prompt(box=BOX)])


def test_an_unknown_device_is_refused(random_weights: Path) -> None:
    with pytest.raises(ConfigError, match="abacus"):
        CompactSegmenter(device="abacus", path=random_weights)


# --- With the weights of the package -----------------------------------------------------------


@pytest.fixture(scope="module")
def trained() -> CompactSegmenter:
    return CompactSegmenter(device="cpu")


def test_the_trained_network_finds_a_plain_object_from_every_prompt_and_is_sure_of_it(
    trained: CompactSegmenter,
) -> None:
    image = np.clip(np.random.default_rng(1).normal(90, 8, (200, 240, 3)), 0, 255).astype(np.uint8)
    drawn = np.zeros((200, 240), np.uint8)
    cv2.ellipse(drawn, (110, 95), (45, 30), 20, 0, 360, 1, -1)
    truth = drawn.astype(bool)
    image[truth] = np.clip(image[truth] + np.array([120, -20, -40]), 0, 255)
    box = np.array([64, 60, 156, 130], np.float32)
    shifted = mask_logits(np.roll(truth, 6, axis=1), (50, 60))
    for prompt in (
        Prompt(box=box),
        Prompt(box=box, points=np.array([[110, 95], [68, 64]]), labels=[1, 0]),
        Prompt(points=np.array([[110, 95]]), labels=ON),
        Prompt(logits=shifted),
    ):
        ((found, *_),) = decode(trained, image, prompt)
        assert mask_iou(found.mask, truth) > 0.9
        assert found.predicted_iou > 0.6


def test_the_trained_network_follows_a_background_click(trained: CompactSegmenter) -> None:
    image = np.full((160, 200, 3), 70, np.uint8)
    image[50:110, 40:95] = (220, 60, 50)
    image[50:110, 105:160] = (60, 80, 220)
    prompt = Prompt(
        box=np.array([38, 48, 162, 112]), points=np.array([[66, 80], [132, 80]]), labels=[1, 0]
    )
    ((found, *_),) = decode(trained, image, prompt)
    assert found.mask[80, 66]
    assert not found.mask[80, 132]


def test_with_an_earlier_mask_left_and_right_are_alike(
    segmenter: CompactSegmenter, noise: Image
) -> None:
    # Random weights know left from right; a mirrored picture gets the mirrored answer all the same.
    earlier = np.full((HEIGHT, WIDTH), -6, np.float32)
    earlier[30:70, 40:80] = 6
    (there,), (back,) = (
        decode(segmenter, np.ascontiguousarray(picture), Prompt(logits=np.ascontiguousarray(mask)))[
            0
        ]
        for picture, mask in ((noise, earlier), (noise[:, ::-1], earlier[:, ::-1]))
    )
    assert back.predicted_iou == pytest.approx(there.predicted_iou, abs=1e-4)
    assert np.allclose(back.logits, there.logits[:, ::-1], atol=1e-2)


def test_a_processor_with_bfloat16_finds_the_same_as_in_float32(trained: CompactSegmenter) -> None:
    image = np.full((120, 160, 3), 200, np.uint8)
    cv2.circle(image, (80, 60), 30, (160, 40, 30), -1)
    exact = CompactSegmenter(device="cpu", is_exact=True)
    box = Prompt(box=np.array([48, 28, 112, 92]))
    ((one,),), ((other,),) = (decode(segmenter, image, box) for segmenter in (trained, exact))
    assert mask_iou(one.mask, other.mask) > 0.99
    assert one.predicted_iou == pytest.approx(other.predicted_iou, abs=0.02)

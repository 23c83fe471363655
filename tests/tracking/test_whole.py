import numpy as np
import pytest

from track_anything.config import RepromptConfig
from track_anything.masks import mask_logits
from track_anything.structures import Mask, MaskPrediction
from track_anything.tracking.whole import judge_whole, whole_prompts

SIZE = (100, 200)
CONFIG = RepromptConfig(box_growth=0.0, accept_predicted_iou=0.5)


def block(x: int, y: int, width: int, height: int) -> Mask:
    mask = np.zeros(SIZE, np.bool_)
    mask[y : y + height, x : x + width] = True
    return mask


def answer(mask: Mask, predicted_iou: float = 0.9) -> MaskPrediction:
    return MaskPrediction(mask, mask_logits(mask, SIZE), predicted_iou)


def test_a_part_that_lacks_its_upper_or_lower_half_may_lie_in_three_ways() -> None:
    prompts = whole_prompts(7, block(60, 50, 40, 20), (40.0, 40.0), CONFIG)
    boxes = [prompt.box.tolist() for prompt in prompts if prompt.box is not None]
    assert boxes == [[60, 30, 100, 70], [60, 40, 100, 80], [60, 50, 100, 90]]
    assert all(prompt.track_id == 7 for prompt in prompts)


def test_a_part_that_lacks_something_on_both_sides_is_asked_about_in_nine_ways() -> None:
    prompts = whole_prompts(7, block(60, 40, 20, 20), (40.0, 40.0), CONFIG)
    boxes = {tuple(prompt.box.tolist()) for prompt in prompts if prompt.box is not None}
    assert len(boxes) == 9
    assert (50, 30, 90, 70) in boxes


def test_every_box_holds_the_part_and_a_point_inside_it_and_stays_in_the_picture() -> None:
    part = block(0, 0, 10, 30)
    for prompt in whole_prompts(1, part, (30.0, 40.0), CONFIG):
        assert prompt.box is not None
        assert prompt.points is not None
        x, y = prompt.points[0]
        assert part[int(y), int(x)]
        assert prompt.box[0] <= 0
        assert prompt.box[2] >= 10
        assert (prompt.box >= 0).all()


PART, WHOLE = block(60, 50, 40, 20), block(60, 30, 40, 40)


def test_an_answer_like_the_whole_object_is_taken() -> None:
    verdict = judge_whole(
        answer(WHOLE), carried=PART, resemblances=(0.9, 0.5), others=[], config=CONFIG
    )
    assert verdict.is_accepted


@pytest.mark.parametrize(
    ("found", "predicted", "resemblances", "reason"),
    [
        (block(0, 0, 0, 0), 0.9, (0.9, 0.5), "empty"),
        (WHOLE, 0.4, (0.9, 0.5), "predicted IoU"),
        (block(60, 30, 40, 30), 0.9, (0.9, 0.5), "of the carried part"),
        (block(20, 10, 140, 60), 0.9, (0.9, 0.5), "only 0.10 were carried"),
        (WHOLE, 0.9, (0.5, 0.1), "like the object"),
        (WHOLE, 0.9, (0.7, 0.8), "like the object"),
    ],
)
def test_an_answer_that_is_no_better_is_not(
    found: Mask, predicted: float, resemblances: tuple[float, float], reason: str
) -> None:
    verdict = judge_whole(
        answer(found, predicted),
        carried=PART,
        resemblances=resemblances,
        others=[],
        config=CONFIG,
    )
    assert not verdict.is_accepted
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("width", "is_compact", "is_accepted"),
    [(100, False, True), (70, False, False), (100, True, False), (500, True, True)],
)
def test_pixels_are_taken_only_from_those_that_can_spare_them(
    width: int, is_compact: bool, is_accepted: bool
) -> None:
    """The upper half of the whole, 20 rows of 40, lies on a strip of 20 rows."""
    strip = np.zeros(SIZE, np.bool_)
    strip[30:50, 60 : 60 + min(width, 140)] = True
    if width > 140:
        strip[:30] = True
    verdict = judge_whole(
        answer(WHOLE),
        carried=PART,
        resemblances=(0.9, 0.5),
        others=[(strip, is_compact)],
        config=CONFIG,
    )
    assert verdict.is_accepted is is_accepted

import numpy as np
import pytest

from track_anything.segmenters.sam.zoom import ZoomPlan, plan_zoom, prompt_extent
from track_anything.structures import Prompt

SIZE = (1080, 1920)


def _box(x: float, y: float, width: float, height: float) -> Prompt:
    return Prompt(box=np.array([x, y, x + width, y + height], np.float32))


def _plan(
    prompts: list[Prompt], *, budget: int = 8, ready: bool = False, input_size: int = 1024
) -> ZoomPlan:
    return plan_zoom(
        prompts, SIZE, input_size=input_size, encode_budget=budget, is_whole_ready=ready
    )


def test_a_small_object_takes_a_third_of_its_crop() -> None:
    plan = _plan([_box(900, 500, 60, 120)])
    # Centre 930, 560; side 3 x 120.
    assert plan == ZoomPlan(crops=(((750, 380, 1110, 740), (0,)),))


def test_a_large_object_is_looked_at_in_the_whole_frame() -> None:
    # 214 x 3 is more than a third of 1920.
    assert _plan([_box(100, 100, 214, 100)]) == ZoomPlan(whole=(0,))


def test_a_tiny_object_is_not_magnified_beyond_four_times() -> None:
    ((crop, _),) = _plan([_box(900, 500, 10, 10)]).crops
    assert crop == (777, 377, 1033, 633)


def test_a_crop_at_the_edge_is_moved_into_the_frame() -> None:
    ((crop, _),) = _plan([_box(0, 1000, 60, 80)]).crops
    assert crop == (0, 824, 256, 1080)


def test_near_objects_share_a_crop_and_far_ones_do_not() -> None:
    plan = _plan([_box(400, 400, 60, 100), _box(520, 420, 60, 100), _box(1700, 900, 60, 100)])
    assert [indices for _, indices in plan.crops] == [(0, 1), (2,)]
    left, top, right, bottom = plan.crops[0][0]
    assert left <= 400
    assert top <= 400
    assert right >= 580
    assert bottom >= 520


def test_objects_too_small_for_a_shared_crop_get_their_own() -> None:
    # Together 340 x 1.25 = 425 wide; the smaller, of 10, allows 80, or what is not magnified.
    plan = _plan([_box(400, 400, 10, 10), _box(680, 400, 60, 60)])
    assert len(plan.crops) == 2


def test_beyond_the_budget_the_largest_goes_to_the_whole_frame() -> None:
    prompts = [_box(100, 100, 40, 40), _box(900, 900, 90, 90), _box(1700, 100, 60, 60)]
    plan = _plan(prompts, budget=2)
    assert [indices for _, indices in plan.crops] == [(0,)]
    assert plan.whole == (1, 2)


def test_a_whole_frame_that_is_there_already_costs_nothing() -> None:
    prompts = [_box(100, 100, 40, 40), _box(900, 900, 90, 90), _box(1700, 100, 60, 60)]
    plan = _plan(prompts, budget=2, ready=True)
    assert plan.whole == (1,)


def test_points_do_not_tell_a_size() -> None:
    prompt = Prompt(points=np.array([[5, 5]], np.float32), labels=np.array([1]))
    assert prompt_extent(prompt, SIZE) is None
    assert _plan([prompt]) == ZoomPlan(whole=(0,))


def test_logits_tell_where_the_object_is() -> None:
    logits = np.full((108, 192), -3, np.float32)
    logits[50:54, 100:106] = 2
    extent = prompt_extent(Prompt(logits=logits), SIZE)
    assert extent is not None
    assert extent.tolist() == [1000, 500, 1060, 540]


def test_empty_logits_tell_nothing() -> None:
    assert prompt_extent(Prompt(logits=np.full((9, 16), -3, np.float32)), SIZE) is None


def test_a_positive_point_outside_the_box_widens_it() -> None:
    prompt = Prompt(
        box=np.array([100, 100, 120, 130], np.float32),
        points=np.array([[150, 90], [1900, 1000]], np.float32),
        labels=np.array([1, 0]),
    )
    extent = prompt_extent(prompt, SIZE)
    assert extent is not None
    assert extent.tolist() == [100, 90, 151, 130]


@pytest.mark.parametrize("seed", range(5))
def test_every_crop_lies_in_the_frame_around_its_objects(seed: int) -> None:
    random = np.random.default_rng(seed)
    prompts = [
        _box(random.uniform(0, 1880), random.uniform(0, 1040), *random.uniform(5, 40, 2))
        for _ in range(12)
    ]
    plan = _plan(prompts)
    for (left, top, right, bottom), indices in plan.crops:
        assert 0 <= left < right <= 1920
        assert 0 <= top < bottom <= 1080
        for index in indices:
            box = prompts[index].box
            assert box is not None
            assert box[0] >= left
            assert box[1] >= top
            assert box[2] <= right
            assert box[3] <= bottom
    everyone = [index for _, indices in plan.crops for index in indices] + list(plan.whole)
    assert sorted(everyone) == list(range(12))

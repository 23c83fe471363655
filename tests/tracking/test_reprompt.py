import numpy as np

from track_anything.config import RepromptConfig
from track_anything.masks import mask_logits
from track_anything.structures import Mask
from track_anything.tracking.reprompt import SURE_LOGIT, inmost_point, reprompt, reprompts_anew

SIZE = (60, 80)


def square(x: int, y: int, side: int) -> Mask:
    mask = np.zeros(SIZE, np.bool_)
    mask[y : y + side, x : x + side] = True
    return mask


def test_the_inmost_point_is_the_centre_of_the_pixel_farthest_from_the_edge() -> None:
    assert inmost_point(square(10, 20, 9)).tolist() == [14.5, 24.5]
    assert inmost_point(square(10, 20, 9)).dtype == np.float32


def test_the_inmost_point_of_one_pixel_is_its_centre() -> None:
    assert inmost_point(square(79, 59, 1)).tolist() == [79.5, 59.5]


def test_the_inmost_point_is_on_the_largest_part_and_on_the_mask() -> None:
    # The ring is thin and has more pixels than the block, which is thick.
    ring = square(10, 10, 41)
    ring[13:48, 13:48] = False
    block = square(60, 40, 9)
    x, y = inmost_point(ring | block).astype(int)
    assert ring[y, x]


def test_a_mask_that_touches_the_border_ends_there() -> None:
    # 9 columns of the frame's full height: the middle column, not the border's.
    mask = np.zeros(SIZE, np.bool_)
    mask[:, :9] = True
    assert inmost_point(mask)[0] == 4.5


def test_a_question_has_the_grown_box_the_logits_and_a_point_inside() -> None:
    mask = square(20, 10, 20)
    logits = mask_logits(mask, (30, 40))
    prompt = reprompt(5, mask, logits, [], RepromptConfig(box_growth=0.1))
    assert prompt.track_id == 5
    assert prompt.box is not None
    assert prompt.box.tolist() == [18, 8, 42, 32]
    assert prompt.logits is logits
    assert prompt.labels.tolist() == [1]
    x, y = prompt.points[0].astype(int)
    assert mask[y, x]


def test_the_point_is_where_the_carried_mask_is_sure() -> None:
    mask = square(10, 10, 30)
    logits = np.where(mask, np.float32(SURE_LOGIT / 2), np.float32(-4))
    logits[12:19, 30:37] = SURE_LOGIT
    assert reprompt(1, mask, logits, [], RepromptConfig()).points.tolist() == [[33.5, 15.5]]


def test_a_mask_that_is_nowhere_sure_has_its_point_in_its_middle() -> None:
    mask = square(10, 10, 31)
    logits = np.where(mask, np.float32(0.2), np.float32(-4))
    assert reprompt(1, mask, logits, [], RepromptConfig()).points.tolist() == [[25.5, 25.5]]


def test_only_neighbours_inside_the_box_become_background_points() -> None:
    mask = square(20, 20, 20)
    # The box is 18 to 42: the middles of the first two lie inside, of the third at (46.5, 30.5)
    # outside, of the fourth above.
    neighbours = [square(36, 30, 5), square(20, 38, 3), square(42, 26, 9), square(20, 0, 17)]
    empty = np.zeros(SIZE, np.bool_)
    prompt = reprompt(1, mask, mask_logits(mask, SIZE), [*neighbours, empty], RepromptConfig())
    assert prompt.negative_points.tolist() == [[38.5, 32.5], [21.5, 39.5]]
    assert len(prompt.positive_points) == 1


def test_asked_anew_are_the_point_without_logits_and_a_box_without_fringe_alone() -> None:
    # A block of 20 x 20 and a thread of 10 pixels on its right: under 5 in a hundred.
    mask = square(20, 10, 20)
    mask[15, 40:50] = True
    logits = mask_logits(mask, SIZE)
    first, second = reprompts_anew(5, mask, logits, [], RepromptConfig(box_growth=0.0))
    assert (first.track_id, second.track_id) == (5, 5)
    assert first.logits is None
    assert second.logits is None
    assert first.box is not None
    assert second.box is not None
    assert first.box.tolist() == [20, 10, 50, 30]
    # From the 5th to the 95th of a hundred pixels, by column and by row.
    assert second.box.tolist() == [21, 11, 40, 29]
    assert first.labels.tolist() == [1]
    assert not len(second.points)


def test_questions_asked_anew_keep_the_background_points() -> None:
    mask, neighbours = square(20, 20, 20), [square(36, 30, 5), square(42, 26, 9)]
    asked = reprompts_anew(1, mask, mask_logits(mask, SIZE), neighbours, RepromptConfig())
    assert [prompt.negative_points.tolist() for prompt in asked] == [[[38.5, 32.5]]] * 2


def test_the_box_is_never_larger_than_the_frame() -> None:
    mask = np.ones(SIZE, np.bool_)
    prompt = reprompt(1, mask, mask_logits(mask, SIZE), [], RepromptConfig(box_growth=0.5))
    assert prompt.box is not None
    assert prompt.box.tolist() == [0, 0, 80, 60]

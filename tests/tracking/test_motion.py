from collections.abc import Callable

import numpy as np
import pytest

from track_anything.config import PropagatorConfig
from track_anything.structures import Floats, Mask
from track_anything.tracking.features import Rect
from track_anything.tracking.motion import (
    FORBIDDEN,
    carry_soft_mask,
    flow_on,
    object_rect,
    prior_logits,
    stray_parts,
)

SIZE = (60, 80)
WHOLE = Rect(0, 0, 80, 60)


def square(x: int, y: int, side: int, *, size: tuple[int, int] = SIZE) -> Floats:
    soft = np.zeros(size, np.float32)
    soft[max(y, 0) : y + side, max(x, 0) : x + side] = 1
    return soft


def steady(x: float, y: float, size: tuple[int, int] = SIZE) -> Floats:
    return np.full((*size, 2), (x, y), np.float32)


def on_whole(soft: Floats, rect: Rect) -> Floats:
    out = np.zeros(SIZE, np.float32)
    out[rect.slices] = soft
    return out


def test_the_rect_of_an_object_is_its_mask_and_a_margin() -> None:
    soft = square(3, 4, 10)[:, :20]
    # Lies with its corner at (30, 10): the object at (33, 14).
    assert object_rect(soft, Rect(30, 10, 50, 70), 0, SIZE) == Rect(33, 14, 43, 24)
    assert object_rect(soft, Rect(30, 10, 50, 70), 20, SIZE) == Rect(13, 0, 63, 44)


def test_the_rect_of_a_mask_that_is_nowhere_sure_is_where_it_is_surest() -> None:
    soft = np.full((10, 10), 0.1, np.float32)
    soft[4, 6] = 0.3
    assert object_rect(soft, Rect(0, 0, 10, 10), 0, (10, 10)) == Rect(6, 4, 7, 5)


@pytest.mark.parametrize("scale", [1, 2])
def test_a_square_lands_where_the_flow_takes_it(scale: int) -> None:
    # It was 5 to the left and 3 below; a flow at half the size says so in half as many pixels.
    flow = steady(-5 / scale, 3 / scale, (SIZE[0] // scale, SIZE[1] // scale))
    rect = Rect(10, 5, 60, 50)
    soft, where = carry_soft_mask(square(30, 20, 12)[rect.slices], rect, flow, SIZE, 6)
    assert np.allclose(on_whole(soft, where), square(35, 17, 12), atol=1e-5)
    # Old and new place, and 6 pixels around.
    assert where == Rect(24, 11, 53, 38)


def test_without_flow_a_mask_stays_where_it_was() -> None:
    soft, where = carry_soft_mask(square(30, 20, 12), WHOLE, None, SIZE, 6)
    assert where == Rect(24, 14, 48, 38)
    assert np.array_equal(on_whole(soft, where), square(30, 20, 12))


def test_a_fraction_of_a_pixel_is_carried_softly() -> None:
    soft, where = carry_soft_mask(square(30, 20, 12), WHOLE, steady(-0.25, 0), SIZE, 6)
    row = on_whole(soft, where)[25]
    assert row[30] == pytest.approx(0.75)
    assert row[42] == pytest.approx(0.25)
    assert row[29] == row[43] == 0


def test_what_leaves_the_frame_is_gone_and_nothing_comes_in_from_outside() -> None:
    soft, where = carry_soft_mask(square(0, 20, 12), WHOLE, steady(4, 0), SIZE, 6)
    assert np.allclose(on_whole(soft, where), square(-4, 20, 12), atol=1e-5)
    soft, where = carry_soft_mask(square(0, 20, 12), WHOLE, steady(-4, 0), SIZE, 6)
    assert np.allclose(on_whole(soft, where), square(4, 20, 12), atol=1e-5)


def test_a_flow_out_of_the_picture_leaves_nothing_and_looks_where_the_object_was() -> None:
    soft, where = carry_soft_mask(square(70, 20, 8), WHOLE, steady(-500, -500), SIZE, 6)
    inside = Rect(70, 20, 78, 28)
    assert where.common(inside) == inside
    assert soft.shape == (where.height, where.width)
    assert not soft.any()


def test_flow_on_a_part_of_a_grid_is_in_pixels_of_that_grid() -> None:
    flow = np.zeros((30, 40, 2), np.float32)
    flow[:, 20:, 0] = 6
    flow[..., 1] = 3
    along_x, along_y = flow_on(flow, Rect(0, 0, 80, 60), SIZE)
    assert along_x.shape == along_y.shape == (60, 80)
    assert (along_x[:, :38] == 0).all()
    assert np.allclose(along_x[:, 42:], 12)
    assert np.allclose(along_y, 6)
    part, _ = flow_on(flow, Rect(50, 10, 70, 30), SIZE)
    assert np.allclose(part, along_x[10:30, 50:70], atol=1e-5)
    some, _ = flow_on(flow, Rect(30, 10, 70, 33), SIZE, step=4)
    assert np.allclose(some, along_x[10:33:4, 30:70:4], atol=1e-5)


def test_the_prior_is_the_clipped_distance_to_the_edge_of_the_carried_mask() -> None:
    config = PropagatorConfig(prior_slope=5, prior_inside=2, prior_outside=4, search=30)
    warped = np.zeros((9, 101), np.float32)
    warped[:, 40:80] = 0.9
    prior = prior_logits(warped, config)[4]
    # OpenCV's 3x3 distance counts 0.955 for a step along a row.
    step = 0.955 / 5
    assert prior.dtype == np.float32
    assert prior[40:45].tolist() == pytest.approx([step, 2 * step, 3 * step, 4 * step, 5 * step])
    assert prior[39:34:-1].tolist() == pytest.approx([-n * step for n in (1, 2, 3, 4, 5)])
    assert prior[60] == 2
    assert prior[40 - 25] == -4
    # 32 pixels away is 30.56 by that count: beyond the search.
    assert prior[40 - 31] == -4
    assert prior[40 - 32] == prior[0] == np.float32(FORBIDDEN)


def test_between_objects_that_touch_the_prior_counts_twice_but_forbids_no_more() -> None:
    config = PropagatorConfig(touched_weight=2.0)
    warped = square(30, 20, 12)
    alone, touched = (prior_logits(warped, config, is_touched=t) for t in (False, True))
    is_allowed = alone > FORBIDDEN
    assert np.allclose(touched[is_allowed], 2 * alone[is_allowed])
    assert np.array_equal(touched > FORBIDDEN, is_allowed)


def test_a_mask_that_is_nowhere_sure_has_its_prior_where_it_is_surest() -> None:
    warped = np.full((20, 20), 0.1, np.float32)
    warped[4, 6] = 0.3
    prior = prior_logits(warped, PropagatorConfig())
    assert np.argwhere(prior > 0).tolist() == [[4, 6]]


def test_an_empty_mask_forbids_everything() -> None:
    assert (prior_logits(np.zeros((20, 20), np.float32), PropagatorConfig()) == FORBIDDEN).all()


def test_a_mask_without_edge_has_the_highest_prior_everywhere() -> None:
    config = PropagatorConfig()
    assert (prior_logits(np.ones((20, 20), np.float32), config) == config.prior_inside).all()


# The main part is 20x20: unsupported parts may be 0.3 * 20 = 6 pixels away, any 0.5 * side.


def strays(soft: Floats, warped: Floats) -> list[tuple[int, int]] | None:
    """The corners of the parts that are strays."""
    found = stray_parts(soft, warped, PropagatorConfig())
    if found is None:
        return None
    ys, xs = np.nonzero(found)
    return sorted({(int(x) // 10 * 10, int(y) // 10 * 10) for x, y in zip(xs, ys, strict=True)})


def test_one_part_is_never_stray() -> None:
    assert strays(square(10, 10, 20), square(50, 40, 5)) is None
    assert strays(np.zeros(SIZE, np.float32), square(50, 40, 5)) is None


def test_a_far_part_the_carried_mask_does_not_support_is_stray_as_a_whole() -> None:
    leak = square(60, 40, 8)
    soft = square(10, 10, 20) + leak
    found = stray_parts(soft, square(10, 10, 20), PropagatorConfig())
    assert found is not None
    assert np.array_equal(found, leak > 0)


def test_a_near_part_is_kept_although_nothing_supports_it() -> None:
    assert strays(square(10, 10, 20) + square(34, 20, 5), square(10, 10, 20)) is None
    assert strays(square(10, 10, 20) + square(39, 20, 5), square(10, 10, 20)) is not None


def test_a_supported_part_is_kept_at_a_distance_at_which_another_is_not() -> None:
    # 9 pixels from the main part: within half of the side of both together, sqrt(500) / 2 = 11.
    part = square(39, 20, 10)
    soft = square(10, 10, 20) + part
    assert strays(soft, square(10, 10, 20) + part) is None
    assert strays(soft, square(10, 10, 20)) == [(30, 20), (40, 20)]


def test_even_a_supported_part_is_stray_when_it_is_very_far() -> None:
    part = square(60, 30, 10)
    soft = square(10, 10, 20) + part
    assert strays(soft, soft) == [(60, 30)]


def test_where_nothing_is_supported_nothing_is_stray() -> None:
    soft = square(0, 0, 10) + square(60, 40, 8)
    assert strays(soft, np.zeros(SIZE, np.float32)) is None


def test_the_best_supported_part_is_the_main_one_even_if_it_is_smaller() -> None:
    soft = square(10, 10, 20) + square(60, 40, 8)
    assert strays(soft, square(60, 40, 8)) == [(10, 10), (10, 20), (20, 10), (20, 20)]


def test_a_mask_carried_beside_its_part_still_makes_it_the_main_one() -> None:
    # Most of what was carried lies on background: 64 pixels of it do not.
    soft = square(10, 5, 20) + square(60, 40, 8)
    assert strays(soft, square(40, 20, 35)) == [
        (10, 0),
        (10, 10),
        (10, 20),
        (20, 0),
        (20, 10),
        (20, 20),
    ]


def liker(part: Floats, fit: float, other: float) -> Callable[[Mask], float]:
    """The part has so much of the object's colours, any other so much."""
    return lambda mask: fit if np.array_equal(mask, part > 0) else other


@pytest.mark.parametrize(
    ("fit", "other", "is_taken"),
    [(0.9, 0.8, True), (0.85, 0.8, False), (0.79, 0.3, False)],
    ids=["liker", "hardly liker", "liker but unlike"],
)
def test_of_two_parts_far_apart_the_smaller_is_the_object_if_it_is_clearly_liker(
    fit: float, other: float, is_taken: bool
) -> None:
    small, large = square(60, 40, 14), square(10, 10, 20)
    soft = small + large
    config = PropagatorConfig()
    found = stray_parts(soft, soft, config, likeness=liker(small, fit, other), usual_area=400)
    assert found is not None
    assert np.array_equal(found, (large if is_taken else small) > 0)


def test_a_part_far_too_small_to_be_the_object_is_not_taken_for_it() -> None:
    small, large = square(60, 40, 6), square(10, 10, 20)
    soft = small + large
    found = stray_parts(
        soft, soft, PropagatorConfig(), likeness=liker(small, 1.0, 0.2), usual_area=400
    )
    assert found is not None
    assert np.array_equal(found, small > 0)


def test_parts_near_one_another_are_the_object_however_unlike_one_is() -> None:
    small, large = square(36, 10, 14), square(10, 10, 20)
    soft = small + large
    likeness = liker(small, 1.0, 0.2)
    assert stray_parts(soft, soft, PropagatorConfig(), likeness=likeness, usual_area=400) is None

import numpy as np
import pytest

from track_anything.structures import Floats
from track_anything.tracking.features import Rect
from track_anything.tracking.rivals import STRONGEST, Logits, Rivals

SIZE = (20, 30)


def whole(values: Floats | float) -> Logits:
    full = np.broadcast_to(np.asarray(values, np.float32), SIZE).copy()
    return Logits(full, Rect(0, 0, 30, 20), SIZE)


def square(x: int, y: int, side: int, *, inside: float = 4, outside: float = -8) -> Logits:
    values = np.full(SIZE, outside, np.float32)
    values[y : y + side, x : x + side] = inside
    return whole(values)


def test_an_object_without_rivals_keeps_its_logits() -> None:
    own = whole(2)
    logits, contested = Rivals(own, []).yielded()
    assert np.array_equal(logits, own.values)
    assert contested is None


def test_the_logits_are_those_of_a_softmax_with_the_background() -> None:
    logits, contested = Rivals(whole(2), [whole(1)]).yielded()
    # own against (background or rival): 2 - log(1 + e)
    assert logits.dtype == np.float32
    assert np.allclose(logits, 2 - np.log(1 + np.e), atol=1e-5)
    logits, _ = Rivals(whole(2), [whole(1), whole(-1)]).yielded()
    assert np.allclose(logits, 2 - np.log(1 + np.e + 1 / np.e), atol=1e-5)
    assert contested is not None


def test_the_probabilities_of_all_sum_to_one() -> None:
    values = (2.0, 1.0, -1.5)
    shares = []
    for index, own in enumerate(values):
        rivals = [whole(v) for other, v in enumerate(values) if other != index]
        logits, _ = Rivals(whole(own), rivals).yielded()
        shares.append(1 / (1 + np.exp(-logits[0, 0])))
    background = 1 / (1 + sum(np.exp(v) for v in values))
    assert sum(shares) + background == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("rival", "is_contested"), [(0.1, True), (-0.1, False)])
def test_a_pixel_is_contested_where_a_rival_claims_it_more_than_not(
    rival: float, is_contested: bool
) -> None:
    _, contested = Rivals(whole(2), [whole(rival)]).yielded()
    assert contested is not None
    assert (contested == is_contested).all()


def test_only_the_rivals_pixels_are_lost() -> None:
    logits, contested = Rivals(whole(3), [square(10, 5, 6, inside=9)]).yielded()
    assert contested is not None
    expected = square(10, 5, 6).values > 0
    assert np.array_equal(contested, expected)
    assert np.array_equal(logits < 0, expected)


def test_a_rival_elsewhere_costs_nothing_not_even_a_bit() -> None:
    own = whole(2)
    far = Logits(np.full((5, 5), 9, np.float32), Rect(40, 40, 45, 45), (60, 90))
    nowhere = whole(-8)
    left_of_it = Logits(np.full((4, 4), 9, np.float32), Rect(0, 0, 4, 4), SIZE)
    part = Logits(own.values[:, 20:].copy(), Rect(20, 0, 30, 20), SIZE)
    for mine, rival in ((part, far), (own, nowhere), (part, left_of_it)):
        logits, contested = Rivals(mine, [rival]).yielded()
        assert logits is mine.values
        assert contested is None


def test_a_rival_on_a_coarser_grid_is_brought_onto_the_own_one() -> None:
    # 4x4 pixels of a grid half as fine at (6, 4): 8x8 at (12, 8).
    rival = Logits(np.full((4, 4), 20, np.float32), Rect(6, 4, 10, 8), (10, 15))
    logits, _ = Rivals(whole(3), [rival]).yielded()
    ys, xs = np.nonzero(logits < 0)
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (12, 19, 8, 15)


def test_a_rival_on_part_of_the_own_grid_takes_its_pixels_alone() -> None:
    rival = Logits(np.full((4, 6), 9, np.float32), Rect(8, 5, 14, 9), SIZE)
    part = Logits(np.full((10, 10), 3, np.float32), Rect(10, 2, 20, 12), SIZE)
    logits, _ = Rivals(part, [rival]).yielded()
    ys, xs = np.nonzero(logits < 0)
    # Columns 10 to 13 and rows 5 to 8 of the frame; elsewhere nothing is lost.
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (0, 3, 3, 6)
    assert (logits[:, 4:] == 3).all()


def test_no_logit_is_too_large_to_compare() -> None:
    logits, contested = Rivals(whole(-1000), [whole(1e9)]).yielded()
    assert contested is not None
    assert contested.all()
    assert np.allclose(logits, -1000 - STRONGEST)


@pytest.mark.parametrize(("gap", "touches"), [(0, True), (3, True), (4, False)])
def test_masks_touch_within_reach(gap: int, touches: bool) -> None:
    # Dilated by 4: the pixel `gap + 1` columns away is reached up to 4.
    own, rival = square(4, 6, 5), square(9 + gap, 6, 5)
    assert Rivals(own, [rival]).touch(4) == touches
    assert Rivals(own, [whole(-8), rival]).touch(4) == touches


def test_nothing_touches_without_rivals() -> None:
    assert not Rivals(square(4, 6, 5), []).touch(4)

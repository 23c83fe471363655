import cv2
import numpy as np
import pytest

from track_anything.structures import Mask
from track_anything.tracking.compactness import (
    COMPACT,
    compactness,
    cut_outgrowths,
    is_partly_seen,
    outgrowths,
)


def disc(radius: int = 30, at: tuple[int, int] = (80, 80), size: int = 160) -> Mask:
    drawn = np.zeros((size, size), np.uint8)
    cv2.circle(drawn, at, radius, 1, -1)
    return drawn.astype(bool)


def bar(*, length: int = 40, width: int = 10) -> Mask:
    """A bar that leaves the disc to the right."""
    mask = np.zeros((160, 160), np.bool_)
    mask[80 - width // 2 : 80 + width // 2, 105 : 105 + length] = True
    return mask


def test_a_ball_is_compact_and_so_is_a_square() -> None:
    square = np.zeros((160, 160), np.bool_)
    square[50:110, 50:110] = True
    assert compactness(disc()) > 0.99
    # Only the corners are lost: of a square of side s, (4 - pi) / 16 of s squared.
    assert compactness(square) == pytest.approx(1 - (4 - np.pi) / 16, abs=0.02)
    assert min(compactness(disc()), compactness(square)) > COMPACT


def test_a_ball_with_an_arm_and_a_thin_bar_are_not_compact() -> None:
    assert compactness(disc() | bar(length=50)) < COMPACT
    assert compactness(bar(length=60)) == 0
    assert compactness(np.zeros((20, 20), np.bool_)) == 0


def test_an_object_is_as_compact_in_large_as_in_small() -> None:
    large = np.kron(disc(), np.ones((12, 12), np.bool_))
    assert compactness(large) == pytest.approx(compactness(disc()), abs=0.02)


def test_the_border_of_the_picture_is_no_edge_of_the_object() -> None:
    corner = np.zeros((160, 160), np.bool_)
    corner[:60, :60] = True
    # Two of its sides and three of its corners lie at the border: one corner is lost.
    assert compactness(corner) == pytest.approx(1 - (4 - np.pi) / 64, abs=0.01)


def test_what_grows_out_of_a_ball_is_found_and_the_ball_is_left() -> None:
    ball, arm = disc(), bar()
    found = outgrowths(ball | arm, ball, ball.sum())
    assert found is not None
    assert not (found & ball).any()
    # A rim of a tenth of the ball's side counts as its edge.
    assert (found & arm).sum() > 0.75 * (arm & ~ball).sum()


def test_a_second_ball_that_touches_is_an_outgrowth_wherever_it_lies() -> None:
    first, second = disc(at=(60, 80)), disc(at=(120, 80))
    for place, other in ((first, second), (second, first)):
        found = outgrowths(first | second, place, first.sum())
        assert found is not None
        assert (found & other).sum() > 0.8 * other.sum()
        assert not (found & place).any()


def test_a_whole_ball_has_no_outgrowths() -> None:
    assert outgrowths(disc(), disc(), disc().sum()) is None
    assert outgrowths(np.zeros((9, 9), np.bool_), np.zeros((9, 9), np.bool_), 9.0) is None


def test_a_part_behind_something_may_be_thin() -> None:
    """Of less than half of the ball nothing is cut, though discs do not fit everywhere."""
    part = disc() & np.tile(np.arange(160) < 72, (160, 1))
    assert outgrowths(part, disc(), disc().sum()) is None


def test_what_is_cut_is_neither_carried_on_nor_learned() -> None:
    ball, arm = disc(), bar()
    soft = np.where(ball | arm, 0.95, 0.05).astype(np.float32)
    before = soft.copy()
    cut_outgrowths(soft, ball.astype(np.float32), float(ball.sum()))
    changed = soft != before
    assert changed.any()
    assert not (changed & ball).any()
    assert ((soft[changed] < 0.5) & (soft[changed] > 0.2)).all()


def test_only_compact_objects_are_known_to_be_seen_in_part() -> None:
    assert is_partly_seen(0.97, 70.0, 100.0)
    assert not is_partly_seen(0.97, 80.0, 100.0)
    assert not is_partly_seen(0.6, 10.0, 100.0)

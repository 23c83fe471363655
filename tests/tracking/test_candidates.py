"""Candidates: carried by flow, linked by overlap, dropped when they are not seen again."""

import numpy as np
import pytest

from track_anything.structures import Floats, Mask
from track_anything.tracking.candidates import (
    MOST_MISSED,
    MOST_UNPROPOSED,
    Candidates,
)
from track_anything.tracking.sightings import Sighting

SIZE = (60, 100)


def block(x: int, y: int, width: int = 20, height: int = 20) -> Mask:
    mask = np.zeros(SIZE, bool)
    mask[y : y + height, x : x + width] = True
    return mask


def sighting(mask: Mask, *, is_proposed: bool = True, score: float = 0.8) -> Sighting:
    return Sighting(mask, mask, score, True, is_proposed)


def still() -> Floats:
    return np.zeros((*SIZE, 2), np.float32)


def moving(mask: Mask, x: float, y: float, *, camera: tuple[float, float] = (0, 0)) -> Floats:
    """Backward flow of what is in the mask now, and of the rest."""
    flow = np.zeros((*SIZE, 2), np.float32)
    flow[:] = (-camera[0], -camera[1])
    flow[mask] = (-x, -y)
    return flow


def link(candidates: Candidates, *sightings: Sighting, at: int = 0) -> dict[int, Sighting]:
    before = list(candidates.waiting)
    seen = candidates.link(sightings, at, least_iou=0.35)
    candidates.miss([one for one in before if one not in seen])
    return {place: seen[one] for place, one in enumerate(candidates.waiting) if one in seen}


def test_what_moves_is_linked_where_the_flow_carried_it() -> None:
    candidates = Candidates()
    link(candidates, sighting(block(10, 20)))
    for step in range(1, 6):
        candidates.carry(moving(block(10 + 5 * step, 20), 5, 0))
    # 25 pixels on: where it was it would not overlap at all.
    link(candidates, sighting(block(35, 20)), at=5)
    (one,) = candidates.waiting
    assert (one.seen, one.proposed, one.first_frame) == (2, 2, 0)
    np.testing.assert_array_equal(one.small, block(35, 20))


def test_the_path_is_told_against_the_surroundings() -> None:
    candidates = Candidates()
    link(candidates, sighting(block(40, 20)))
    candidates.carry(moving(block(43, 21), 3, 1, camera=(3, 1)))
    (one,) = candidates.waiting
    assert one.farthest == 0
    candidates.carry(moving(block(46, 22), 3, 1, camera=(-1, 1)))
    assert one.path == pytest.approx((4, 0))
    assert one.farthest == pytest.approx(4)


def test_the_pair_that_overlaps_most_is_linked_first() -> None:
    candidates = Candidates()
    link(candidates, sighting(block(10, 20)), sighting(block(40, 20)))
    near, nearer = sighting(block(36, 20)), sighting(block(41, 20))
    seen = link(candidates, near, nearer, at=1)
    assert seen[1] is nearer
    # The other is new: the candidate at 10 was not seen.
    assert [one.seen for one in candidates.waiting] == [1, 2, 1]
    assert [one.missed for one in candidates.waiting] == [1, 0, 0]


def test_two_things_together_are_no_look_at_one_of_them() -> None:
    candidates = Candidates()
    link(candidates, sighting(block(10, 20)))
    # IoU with the whole is a half.
    link(candidates, sighting(block(10, 20, width=40)), at=1)
    assert [one.seen for one in candidates.waiting] == [1, 1]


def test_what_is_not_seen_again_is_dropped() -> None:
    candidates = Candidates()
    link(candidates, sighting(block(10, 20)))
    for _ in range(MOST_MISSED):
        link(candidates)
        assert len(candidates.waiting) == 1
    link(candidates)
    assert not candidates.waiting


def test_what_no_longer_moves_is_dropped_in_the_end() -> None:
    candidates = Candidates()
    link(candidates, sighting(block(10, 20)))
    for count in range(MOST_UNPROPOSED + 1):
        assert len(candidates.waiting) == 1, count
        link(candidates, sighting(block(10, 20), is_proposed=False), at=count)
    assert not candidates.waiting


def test_an_answer_alone_makes_no_candidate() -> None:
    candidates = Candidates()
    link(candidates, sighting(block(10, 20), is_proposed=False))
    assert not candidates.waiting


def test_what_leaves_the_picture_is_dropped() -> None:
    candidates = Candidates()
    link(candidates, sighting(block(80, 20)))
    for _ in range(3):
        candidates.carry(np.full((*SIZE, 2), (-10.0, 0.0), np.float32))
    assert not candidates.waiting


def test_the_score_is_the_mean_over_the_looks() -> None:
    candidates = Candidates()
    for score in (0.5, 0.9, 0.7):
        link(candidates, sighting(block(10, 20), score=score))
        candidates.carry(still())
    assert candidates.waiting[0].score == pytest.approx(0.7)

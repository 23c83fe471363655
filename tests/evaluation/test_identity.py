"""Frames on another object and switches, counted by hand."""

import numpy as np
from numpy.typing import NDArray

from track_anything.evaluation.identity import IdentityCount

TRUTH = np.array([[1, 1, 1, 1, 2, 2, 2, 2]], np.uint16)


def counted(*frames: list[int]) -> tuple[dict[int, int], dict[int, int]]:
    count = IdentityCount([1, 2])
    for frame in frames:
        count.add(np.array([frame], np.uint16), TRUTH)
    return count.switches, count.frames_on_another


def test_tracks_on_their_own_objects_do_not_switch() -> None:
    assert counted([1, 1, 1, 1, 2, 2, 2, 2], [0, 1, 0, 0, 0, 0, 0, 2]) == (
        {1: 0, 2: 0},
        {1: 0, 2: 0},
    )


def test_exchanged_tracks_switch_once_each_and_are_astray_until_they_are_back() -> None:
    exchanged, right = [2, 2, 2, 2, 1, 1, 1, 1], [1, 1, 1, 1, 2, 2, 2, 2]
    assert counted(right, exchanged, exchanged) == ({1: 1, 2: 1}, {1: 2, 2: 2})
    assert counted(exchanged, right) == ({1: 2, 2: 2}, {1: 1, 2: 1})


def test_a_track_is_astray_only_with_more_than_half_of_what_it_shares() -> None:
    assert counted([0, 0, 1, 1, 1, 1, 0, 0])[1] == {1: 0, 2: 0}
    assert counted([0, 0, 2, 2, 2, 2, 0, 0])[1] == {1: 0, 2: 0}
    assert counted([0, 0, 0, 1, 1, 1, 0, 0])[1] == {1: 1, 2: 0}


def test_a_frame_without_a_mask_keeps_where_the_track_was() -> None:
    astray, empty = [0, 0, 0, 0, 1, 1, 0, 0], [0] * 8
    assert counted(astray, empty, astray) == ({1: 1, 2: 0}, {1: 2, 2: 0})


def test_background_alone_is_no_object() -> None:
    count = IdentityCount([1])
    truth: NDArray[np.uint16] = np.array([[1, 0, 0]], np.uint16)
    count.add(np.array([[0, 1, 1]], np.uint16), truth)
    assert (count.switches, count.frames_on_another) == ({1: 0}, {1: 0})

"""Sliding windows: every frame once, few others kept, matrices that fit."""

import weakref
from fractions import Fraction

import numpy as np
import pytest

from track_anything.errors import VideoError
from track_anything.removal.window import REFERENCES, MaskedFrame, dilated, sliding_windows


def test_every_frame_is_a_target_once_and_in_order(pan):
    windows = list(sliding_windows(lambda: iter(pan), look=3))
    assert [window.target.index for window in windows] == list(range(pan.frame_count))


def test_references_are_the_frames_within_the_look(pan):
    windows = list(sliding_windows(lambda: iter(pan), look=3))
    found = [[one.frame.index for one in window.references] for window in windows]
    assert found[0] == [1, 2, 3]
    assert found[10] == [7, 8, 9, 11, 12, 13]
    assert found[-1] == [20, 21, 22]
    assert not any(window.references for window in sliding_windows(lambda: iter(pan), look=0))


def test_matrices_lead_from_the_target_into_each_reference(pan):
    windows = list(sliding_windows(lambda: iter(pan), look=6))
    for reference in windows[8].references:
        wanted = np.linalg.inv(pan.matrix(reference.frame.index)) @ pan.matrix(8)
        middle = np.array([80, 60, 1])
        found, truth = reference.from_target @ middle, wanted @ middle
        assert np.abs(found[:2] / found[2] - truth[:2] / truth[2]).max() < 1
    previous = windows[8].to_previous @ middle
    assert (
        np.abs(previous[:2] - (np.linalg.inv(pan.matrix(7)) @ pan.matrix(8) @ middle)[:2]).max()
        < 0.5
    )


def test_a_cut_parts_the_scenes(pan):
    def frames():
        for frame in pan:
            if frame.index < 10:
                yield frame
            else:
                image = 255 - frame.image // 2
                yield MaskedFrame(frame.index, frame.time, image, frame.mask)

    windows = list(sliding_windows(frames, look=4))
    assert [one.frame.index for one in windows[9].references] == [5, 6, 7, 8]
    assert [one.frame.index for one in windows[10].references] == [11, 12, 13, 14]
    assert windows[10].to_previous is None


def test_memory_is_bounded_however_far_it_looks():
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (40, 60, 3), np.uint8)
    alive: weakref.WeakSet[MaskedFrame] = weakref.WeakSet()

    class Seen(MaskedFrame):
        pass

    def frames():
        for index in range(400):
            frame = Seen(index, Fraction(index, 25), image, np.zeros((40, 60), bool))
            alive.add(frame)
            yield frame

    most = 0
    for window in sliding_windows(frames, look=150):
        most = max(most, len(alive))
        assert len(window.references) <= 2 * REFERENCES + 1
    # The references, the target, and one each in the hands of the two readings.
    assert most <= 2 * REFERENCES + 4


@pytest.mark.parametrize("counts", [(5, 6), (6, 5)])
def test_a_video_that_changes_between_two_readings_is_an_error(pan, counts):
    left = list(counts)

    def frames():
        count = left.pop(0)
        return (pan.masked(index) for index in range(count))

    with pytest.raises(VideoError, match="not the same frames both times"):
        list(sliding_windows(frames, look=10))


def test_masks_grow_by_round_distances():
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    grown = dilated(mask, 3)
    # Pixels within 3 of the middle: 29, among them (4, 7) but not (6, 7).
    assert np.count_nonzero(grown) == 29
    assert grown[4, 7]
    assert not grown[7, 6]
    assert dilated(mask, 0) is mask

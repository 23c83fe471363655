"""Pieces of other frames: where they belong, in the light of the target."""

from fractions import Fraction

import numpy as np
import pytest

from track_anything.removal.alignment import Region, aligned, spread
from track_anything.removal.window import MaskedFrame


def test_a_piece_is_the_background_although_the_matrix_is_two_pixels_off(pan):
    target, other = pan.masked(4), pan.masked(12)
    matrix = np.linalg.inv(pan.matrix(12)) @ pan.matrix(4)
    off = matrix + np.array([[0, 0, 2], [0, 0, -1.5], [0, 0, 0]])
    region = Region(20, 10, 130, 115)
    truth = pan.background(4)[region.slices].astype(float)
    errors = []
    for refines in (False, True):
        piece = aligned(target, other, off, region, refines=refines)
        hole = target.mask[region.slices] & piece.seen
        errors.append(np.abs(piece.picture - truth)[hole].mean())
    assert errors[1] < 3
    assert errors[1] < errors[0] / 5


def test_what_is_masked_or_outside_is_not_seen(pan):
    target, other = pan.masked(0), pan.masked(1)
    piece = aligned(
        target,
        other,
        np.array([[1.0, 0, -30], [0, 1, 0], [0, 0, 1]]),
        Region(0, 0, 160, 120),
        refines=False,
    )
    wanted = np.zeros(pan.size, bool)
    wanted[:, 30:] = ~other.mask[:, :-30]
    assert np.array_equal(piece.seen, wanted)


def test_another_light_is_taken_off(pan):
    target = pan.masked(3)
    bright = (target.image * 0.8).astype(np.uint8)
    other = MaskedFrame(9, Fraction(9, 25), bright, np.zeros(pan.size, bool))
    region = Region(20, 10, 130, 115)
    piece = aligned(target, other, np.eye(3), region)
    ring = ~target.mask[region.slices]
    assert np.abs(piece.picture - target.image[region.slices])[ring].mean() < 2
    assert piece.difference < 3


def test_frames_with_nothing_in_common_say_so(pan):
    far = np.array([[1.0, 0, 1000], [0, 1, 0], [0, 0, 1]])
    piece = aligned(pan.masked(0), pan.masked(1), far, Region(0, 0, 160, 120))
    assert piece.difference == float("inf")
    assert not piece.seen.any()


def test_values_are_continued_smoothly():
    values = np.zeros((16, 32, 2), np.float32)
    weights = np.zeros((16, 32), np.float32)
    weights[:, 0] = weights[:, -1] = 1
    values[:, 0], values[:, -1] = (0, 4), (8, 4)
    found = spread(values, weights)
    assert found[..., 1] == pytest.approx(4)
    assert found[:, 0, 0] == pytest.approx(0, abs=1e-3)
    assert found[:, -1, 0] == pytest.approx(8, abs=1e-3)
    row = found[8, :, 0]
    assert (np.diff(row) > -0.5).all()
    assert row[16] == pytest.approx(4, abs=1.5)


def test_nothing_known_is_zero():
    assert not spread(np.ones((5, 7, 3), np.float32), np.zeros((5, 7), np.float32)).any()

from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np
import pytest

from track_anything.config import RegionConfig
from track_anything.errors import TrackingError
from track_anything.interfaces import Proposer
from track_anything.masks import mask_iou
from track_anything.proposers.motion import MotionProposer
from track_anything.segmenters.grabcut import GrabCutSegmenter
from track_anything.structures import Frame, Image, Mask

HEIGHT, WIDTH = 180, 320


@pytest.fixture(scope="module")
def ground() -> Image:
    """A textured ground, larger than the frame."""
    random = np.random.default_rng(3)
    fine = random.integers(40, 130, (HEIGHT + 80, WIDTH + 80, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(fine, (0, 0), 1.5), np.uint8)


def disc(x: float, y: float, radius: float) -> Mask:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


def clip(ground: Image, *, speed: tuple[int, int], pan: int = 0) -> Iterator[tuple[Frame, Mask]]:
    """A light disc with a speed over a ground that the camera pans along."""
    for index in range(4):
        image = ground[20 : 20 + HEIGHT, 20 + pan * index : 20 + pan * index + WIDTH].copy()
        mask = disc(100 + speed[0] * index, 90 + speed[1] * index, 22)
        image[mask] = (235, 215, 60)
        yield Frame(index, Fraction(index, 25), image), mask


def test_nothing_is_proposed_on_the_first_frame(ground: Image) -> None:
    frame, _ = next(clip(ground, speed=(4, 0)))
    proposer: Proposer = MotionProposer(GrabCutSegmenter())
    assert len(proposer.propose(frame)) == 0


@pytest.mark.parametrize("pan", [0, 5], ids=["still", "panning"])
def test_what_moves_otherwise_than_the_camera_is_found_alone(ground: Image, pan: int) -> None:
    proposer = MotionProposer(GrabCutSegmenter())
    for frame, mask in clip(ground, speed=(6, 2), pan=pan):
        regions = proposer.regions(frame)
        if frame.index:
            assert len(regions) == 1
            assert mask_iou(regions[0].mask, mask) > 0.9


def test_a_camera_that_pans_over_what_stands_still_proposes_nothing(ground: Image) -> None:
    proposer = MotionProposer(GrabCutSegmenter())
    for frame, _ in clip(ground, speed=(-5, 0), pan=5):
        assert proposer.regions(frame) == []


def test_what_is_small_and_fast_is_found_where_it_is_and_not_where_it_was(ground: Image) -> None:
    proposer = MotionProposer(GrabCutSegmenter(), config=RegionConfig(least_moving_score=0.3))
    for index in range(4):
        image = ground[:HEIGHT, :WIDTH].copy()
        mask = disc(60 + 60 * index, 60, 6)
        image[mask] = 250
        regions = proposer.regions(Frame(index, Fraction(index, 25), image))
    (ball,) = regions
    assert mask_iou(ball.mask, mask) > 0.5


def test_only_what_lies_in_the_area_is_proposed(ground: Image) -> None:
    for wanted in (True, False):
        proposer = MotionProposer(GrabCutSegmenter())
        for frame, mask in clip(ground, speed=(6, 2)):
            area = np.full((HEIGHT, WIDTH), not wanted)
            area[mask] = wanted
            regions = proposer.regions(frame, area=area)
        assert len(regions) == wanted


def test_after_a_reset_the_next_frame_is_a_first_one(ground: Image) -> None:
    frames = [frame for frame, _ in clip(ground, speed=(6, 2))]
    proposer = MotionProposer(GrabCutSegmenter())
    assert proposer.look(frames[0]) is None
    assert proposer.look(frames[1]) is not None
    proposer.reset()
    assert proposer.look(frames[2]) is None


def test_what_was_watched_counts_and_goes_through_save_and_restore(ground: Image) -> None:
    frames = [frame for frame, _ in clip(ground, speed=(6, 2))]
    whole, first, second = (MotionProposer(GrabCutSegmenter()) for _ in range(3))
    assert whole.look(frames[0]) is None
    whole.look(frames[1])
    wanted = whole.look(frames[2])
    first.restore(first.save())
    first.watch(frames[0])
    second.restore(first.save())
    second.watch(frames[1])
    first.restore(second.save())
    found = first.look(frames[2])
    assert wanted is not None
    assert found is not None
    assert wanted.is_moving.any()
    np.testing.assert_array_equal(found.is_moving, wanted.is_moving)
    with pytest.raises(TrackingError, match="not the saved state of a motion field"):
        first.restore(b"x")


def test_a_new_size_is_a_first_frame_too(ground: Image) -> None:
    proposer = MotionProposer(GrabCutSegmenter())
    proposer.look(Frame(0, Fraction(0), ground[:180, :320].copy()))
    assert proposer.look(Frame(1, Fraction(1), ground[:160, :320].copy())) is None

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from track_anything.structures import Image
from track_anything.tracking.optical_flow import FlowEstimator


@pytest.fixture
def texture() -> Callable[[int, int], Image]:
    """A smooth texture, 120x160, moved by whole pixels to the right and down."""
    noise = np.random.default_rng(1).integers(0, 256, (200, 240, 3)).astype(np.uint8)
    smooth = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2.5), None, 0, 255, cv2.NORM_MINMAX)

    def moved(x: int, y: int) -> Image:
        return np.ascontiguousarray(smooth[40 - y : 160 - y, 40 - x : 200 - x], np.uint8)

    return moved


def test_a_first_frame_has_no_flow(texture: Callable[[int, int], Image]) -> None:
    assert FlowEstimator().next(texture(0, 0)) is None


def test_the_flow_points_back_to_where_a_pixel_was(
    texture: Callable[[int, int], Image],
) -> None:
    estimator = FlowEstimator()
    estimator.next(texture(0, 0))
    # What is seen has moved 4 to the right and 3 up: it was 4 to the left and 3 below.
    flow = estimator.next(texture(4, -3))
    assert flow is not None
    assert (flow.shape, flow.dtype) == ((120, 160, 2), np.float32)
    inner = flow[20:-20, 20:-20]
    assert np.allclose(np.median(inner, axis=(0, 1)), (-4, 3), atol=0.3)


def test_flow_is_always_to_the_frame_before(texture: Callable[[int, int], Image]) -> None:
    estimator = FlowEstimator()
    for x in (0, 8):
        estimator.next(texture(x, 0))
    flow = estimator.next(texture(10, 0))
    assert flow is not None
    assert np.median(flow[20:-20, 20:-20, 0]) == pytest.approx(-2, abs=0.3)


def test_after_reset_the_next_frame_is_a_first_one(texture: Callable[[int, int], Image]) -> None:
    estimator = FlowEstimator()
    estimator.next(texture(0, 0))
    estimator.reset()
    assert estimator.previous is None
    assert estimator.next(texture(1, 0)) is None


def test_a_frame_of_another_size_is_a_first_one(texture: Callable[[int, int], Image]) -> None:
    estimator = FlowEstimator()
    estimator.next(texture(0, 0))
    assert estimator.next(texture(0, 0)[:100]) is None
    assert estimator.next(texture(0, 0)[:100]) is not None


def test_a_given_previous_picture_is_gone_on_from(texture: Callable[[int, int], Image]) -> None:
    first, second = FlowEstimator(), FlowEstimator()
    first.next(texture(0, 0))
    second.previous = first.previous
    ours, theirs = (one.next(texture(3, 1)) for one in (first, second))
    assert ours is not None
    assert theirs is not None
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("size", [(17, 33), (1, 1), (10, 2000), (33, 31)])
def test_no_size_of_frame_is_too_odd_for_flow(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    estimator = FlowEstimator()
    estimator.next(random.integers(0, 256, (*size, 3)).astype(np.uint8))
    flow = estimator.next(random.integers(0, 256, (*size, 3)).astype(np.uint8))
    assert flow is not None
    assert np.isfinite(flow).all()

"""CameraMotion: the pan that was drawn, whatever moves by itself."""

import cv2
import numpy as np
import pytest

from track_anything.removal.camera import CameraMotion


def truth(pan, index):
    """Where pixels of a frame were in the one before."""
    return np.linalg.inv(pan.matrix(index - 1)) @ pan.matrix(index)


def worst(found, wanted, size):
    """Largest distance in pixels at the corners of the frame."""
    corners = np.array([[0, 0, 1], [size[1], 0, 1], [0, size[0], 1], [size[1], size[0], 1]]).T
    first, second = found @ corners, wanted @ corners
    return np.abs(first[:2] / first[2] - second[:2] / second[2]).max()


def test_steps_are_within_a_third_of_a_pixel_of_the_truth_with_the_disc_masked(pan):
    camera = CameraMotion()
    assert camera.step(pan.masked(0).image, pan.masked(0).mask) is None
    for index in range(1, 8):
        frame = pan.masked(index)
        step = camera.step(frame.image, frame.mask)
        assert step is not None
        assert worst(step, truth(pan, index), pan.size) < 0.34


def test_frames_that_are_made_smaller_to_be_compared_give_steps_in_their_own_pixels(pan):
    camera = CameraMotion()
    images = [
        cv2.resize(pan.background(i), (1280, 960), interpolation=cv2.INTER_CUBIC) for i in (0, 1)
    ]
    nothing = np.zeros(images[0].shape[:2], bool)
    camera.step(images[0], nothing)
    step = camera.step(images[1], nothing)
    # Pixel x of the small frame is the pixels 8x to 8x + 7 of the large one.
    grow = np.array([[8, 0, 3.5], [0, 8, 3.5], [0, 0, 1]])
    wanted = grow @ truth(pan, 1) @ np.linalg.inv(grow)
    assert worst(step, wanted, nothing.shape) < 3


def test_a_cut_has_no_step(pan):
    camera = CameraMotion()
    nothing = np.zeros(pan.size, bool)
    camera.step(pan.background(0), nothing)
    assert camera.step(255 - pan.background(0) // 2, nothing) is None
    assert camera.step(255 - pan.background(1) // 2, nothing) is not None


@pytest.mark.parametrize("level", [0, 128])
def test_what_has_no_corners_stands_still(level):
    camera = CameraMotion()
    image, nothing = np.full((60, 80, 3), level, np.uint8), np.zeros((60, 80), bool)
    camera.step(image, nothing)
    assert np.array_equal(camera.step(image, nothing), np.eye(3))


def test_a_frame_that_is_masked_all_over_stands_still(pan):
    camera = CameraMotion()
    everything = np.ones(pan.size, bool)
    camera.step(pan.background(0), everything)
    assert np.array_equal(camera.step(pan.background(1), everything), np.eye(3))


def test_a_camera_on_a_stand_does_not_move_at_all(pan):
    camera, nothing = CameraMotion(), np.zeros(pan.size, bool)
    random = np.random.default_rng(0)
    for _ in range(4):
        noise = random.normal(0, 2, (*pan.size, 3))
        image = (pan.background(0) + noise).clip(0, 255).astype(np.uint8)
        step = camera.step(image, nothing)
    assert np.array_equal(step, np.eye(3))

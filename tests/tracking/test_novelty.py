"""What is new at its place: a ball in flight, and nothing that rests or hangs on what rests."""

import cv2
import numpy as np
import pytest

from track_anything.masks import mask_iou
from track_anything.structures import Floats, Image, Mask
from track_anything.tracking.novelty import AGES, Novelty, Spot

SIZE = (180, 320)
STILL = np.zeros((90, 160, 2), np.float32)
GROUND = cv2.GaussianBlur(
    np.random.default_rng(0).integers(60, 140, (*SIZE, 3), np.uint8), (0, 0), 1.5
)


def disc(x: float, y: float, radius: float = 6) -> Mask:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


def drawn(*masks: Mask, color: tuple[int, int, int] = (240, 240, 240)) -> Image:
    image = GROUND.copy()
    for mask in masks:
        image[mask] = color
    return np.asarray(image, np.uint8)


def seen(images: list[Image], *, flow: Floats | None = STILL) -> list[Spot]:
    """What is new on the last."""
    novelty = Novelty()
    for number, image in enumerate(images):
        spots = novelty.next(image, flow if number else None)
    return spots


@pytest.mark.parametrize("step", [4, 25], ids=["slow", "fast"])
def test_a_ball_is_seen_whole_where_it_is_and_nowhere_it_was(step: int) -> None:
    places = [disc(40 + step * index, 60 + index) for index in range(8)]
    (spot,) = seen([drawn(one) for one in places])
    assert mask_iou(spot.mask(SIZE), places[-1]) > 0.8
    assert spot.middle == pytest.approx((40 + step * 7, 67), abs=1.5)
    assert spot.color == pytest.approx((240, 240, 240), abs=20)


def test_the_mask_of_a_spot_lies_where_it_does_on_a_larger_frame() -> None:
    size = (720, 1280)
    rows, columns = np.mgrid[: size[0], : size[1]]
    background = cv2.resize(GROUND, size[::-1], interpolation=cv2.INTER_CUBIC)
    images = []
    for index in range(6):
        image = background.copy()
        ball = np.asarray((columns - 200 - 90 * index) ** 2 + (rows - 300) ** 2 <= 14**2)
        image[ball] = 240
        images.append(image)
    (spot,) = seen(images)
    assert mask_iou(spot.mask(size), ball) > 0.85


def test_nothing_is_new_before_enough_frames_were_seen() -> None:
    images = [drawn(disc(40 + 25 * index, 60)) for index in range(max(AGES))]
    assert seen(images) == []


def test_what_rests_is_not_new() -> None:
    assert seen([drawn(disc(100, 60))] * 8) == []


def test_nothing_is_new_while_the_camera_moves() -> None:
    flow = np.full((90, 160, 2), 1.0, np.float32)
    assert seen([drawn(disc(40 + 25 * index, 60)) for index in range(8)], flow=flow) == []


def test_a_hand_at_the_end_of_an_arm_is_no_thing_by_itself() -> None:
    images = []
    for index in range(8):
        arm = np.zeros(SIZE, bool)
        arm[20 + 15 * index : 26 + 15 * index, :100] = True
        images.append(drawn(disc(104, 23 + 15 * index, 8), arm))
    assert seen(images) == []
    assert len(seen([drawn(disc(104, 23 + 15 * index, 8)) for index in range(8)])) == 1


def test_what_is_right_beside_something_large_that_moves_is_no_thing_by_itself() -> None:
    for gap, count in ((3, 0), (40, 1)):
        images = []
        for index in range(8):
            body = np.zeros(SIZE, bool)
            body[20 * index : 20 * index + 18, 20:120] = True
            images.append(drawn(disc(120 + gap + 5, 20 * index + 9, 5), body))
        assert len(seen(images)) == count


def test_a_tail_that_goes_on_as_a_dog_is_no_thing_by_itself() -> None:
    dog = np.zeros(SIZE, bool)
    dog[80:130, 60:260] = True
    images = [drawn(dog, disc(90 + 20 * index, 80, 7), color=(200, 180, 160)) for index in range(8)]
    assert seen(images) == []


def test_how_much_of_a_mask_is_new_is_told() -> None:
    novelty = Novelty()
    for index in range(8):
        novelty.next(drawn(disc(40 + 25 * index, 60)), STILL if index else None)
    assert novelty.share(disc(40 + 25 * 7, 60)) > 0.95
    assert novelty.share(disc(100, 150)) == 0
    novelty.next(drawn(), None)
    # Nothing is known any more: nothing is held against anything.
    assert novelty.share(disc(100, 150)) == 1

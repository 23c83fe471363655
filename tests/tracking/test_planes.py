import numpy as np

from track_anything.structures import Frame
from track_anything.tracking.features import FramePyramid, Rect
from track_anything.tracking.planes import SLACK, PlaneMemory


def test_memory_that_was_given_back_is_given_out_again_the_smallest_that_fits() -> None:
    memory = PlaneMemory()
    small, large = memory.take(100), memory.take(1000)
    assert (len(small), len(large)) == (100 * SLACK, 1000 * SLACK)
    for values in (large, small):
        memory.give_back(values)
    assert memory.take(90) is small
    assert memory.take(90) is large
    assert memory.take(90) is not large


def test_what_is_too_small_makes_room_for_what_is_asked() -> None:
    memory = PlaneMemory()
    small = memory.take(100)
    memory.give_back(small)
    large = memory.take(1000)
    memory.give_back(large)
    assert memory.take(1) is large
    assert memory.take(1) is not small


def test_features_in_memory_used_before_are_the_same_to_the_bit() -> None:
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (60, 80, 3)).astype(np.uint8)
    pyramid, memory = FramePyramid(Frame(0, 0, image)), PlaneMemory()  # type: ignore[arg-type]
    pixels = np.arange(0, 600, 7)
    for rect in (Rect(0, 0, 40, 30), Rect(30, 20, 80, 60), Rect(10, 10, 40, 30)):
        fresh, again = pyramid.features(0, rect), pyramid.features(0, rect, memory=memory)
        assert np.array_equal(fresh.grid(2), again.grid(2))
        assert np.array_equal(fresh.at(pixels), again.at(pixels))
        again.release()

import numpy as np
import pytest

from track_anything.small_gray import small_gray, small_size


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((480, 854), (241, 428)),  # 480 * 428 / 854 = 240.6
        ((1920, 1080), (428, 241)),  # 1080 * 428 / 1920 = 240.75
        ((120, 160), (120, 160)),
        ((17, 33), (32, 33)),
        ((1, 1), (32, 32)),
        ((10, 2000), (32, 428)),
    ],
)
def test_flow_is_computed_at_a_bounded_size(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    gray = small_gray(np.full((*size, 3), 77, np.uint8), 428)
    assert small_size(size, 428) == gray.shape == expected
    assert gray.dtype == np.uint8
    assert (gray == 77).all()


def test_a_pixel_is_the_mean_brightness_of_those_it_stands_for() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32:2] = 200
    image[32:, :, 0] = 100
    gray = small_gray(image, 32)
    assert (gray[:16] == 100).all()
    # Red is .299 of the brightness.
    assert (gray[16:] == 30).all()

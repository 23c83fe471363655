from fractions import Fraction

import cv2
import numpy as np
import pytest

from track_anything.structures import Frame, Image
from track_anything.tracking.features import (
    FEATURE_COUNT,
    GRADIENT_WINDOWS,
    NEIGHBOURS,
    WINDOWS,
    FramePyramid,
    Rect,
    level_size,
)

STATISTICS = 3 + 6 * len(WINDOWS)
GRADIENTS = STATISTICS + 6 * len(GRADIENT_WINDOWS)


def pyramid(image: Image) -> FramePyramid:
    return FramePyramid(Frame(0, Fraction(0), image))


def noise(height: int, width: int, seed: int = 0) -> Image:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (height, width, 3)).astype(np.uint8)


def whole(pictures: FramePyramid, level: int) -> Rect:
    height, width = level_size(pictures.size, level)
    return Rect(0, 0, width, height)


def test_a_rect_counts_its_columns_rows_and_pixels() -> None:
    rect = Rect(2, 3, 7, 5)
    assert (rect.width, rect.height, rect.area) == (5, 2, 10)
    assert np.zeros((10, 10))[rect.slices].shape == (2, 5)
    assert np.argwhere(np.arange(100).reshape(10, 10)[rect.slices] == 32).tolist() == [[0, 0]]


def test_a_rect_grows_inside_the_grid_only() -> None:
    assert Rect(2, 3, 7, 5).grown(1, (10, 10)) == Rect(1, 2, 8, 6)
    assert Rect(2, 3, 7, 5).grown(4, (6, 9)) == Rect(0, 0, 9, 6)


def test_rects_that_only_meet_at_an_edge_do_not_overlap() -> None:
    rect = Rect(2, 3, 7, 5)
    assert rect.overlaps(Rect(6, 4, 20, 20))
    for beside in (Rect(7, 3, 9, 5), Rect(2, 5, 7, 9), Rect(0, 3, 2, 5), Rect(2, 0, 7, 3)):
        assert not rect.overlaps(beside)
        assert not beside.overlaps(rect)


def test_what_two_rects_share_is_a_rect() -> None:
    assert Rect(2, 3, 7, 5).common(Rect(4, 0, 9, 4)) == Rect(4, 3, 7, 4)
    assert Rect(2, 3, 7, 5).common(Rect(0, 0, 9, 9)) == Rect(2, 3, 7, 5)


def test_bands_cover_a_rect_once_from_top_to_bottom() -> None:
    # Ten columns: three rows make 30 pixels.
    rect = Rect(2, 3, 12, 10)
    assert list(rect.bands(30)) == [Rect(2, 3, 12, 6), Rect(2, 6, 12, 9), Rect(2, 9, 12, 10)]
    assert list(rect.bands(39)) == list(rect.bands(30))
    assert list(rect.bands(1000)) == [rect]
    # Never less than a row.
    assert len(list(rect.bands(4))) == 7


def test_a_rect_times_two_covers_the_same_part_of_a_finer_grid() -> None:
    assert Rect(2, 3, 7, 5).times(2) == Rect(4, 6, 14, 10)


@pytest.mark.parametrize(
    ("size", "level", "expected"),
    [
        ((480, 854), 0, (480, 854)),
        ((480, 856), 2, (120, 214)),
        ((17, 33), 1, (8, 16)),
        ((17, 33), 4, (8, 8)),
        ((1, 100), 0, (8, 100)),
    ],
)
def test_a_level_halves_the_size_down_to_eight(
    size: tuple[int, int], level: int, expected: tuple[int, int]
) -> None:
    assert level_size(size, level) == expected


def test_lab_is_planar_and_the_frames_own_at_level_zero() -> None:
    image = noise(40, 50)
    lab = pyramid(image).lab(0)
    assert (lab.shape, lab.dtype) == ((3, 40, 50), np.uint8)
    assert lab.flags.c_contiguous
    assert np.array_equal(lab.transpose(1, 2, 0), cv2.cvtColor(image, cv2.COLOR_RGB2LAB))


def test_red_is_on_the_red_side_of_lab() -> None:
    red = np.zeros((20, 20, 3), np.uint8)
    red[..., 0] = 255
    _, a, b = pyramid(red).lab(0)[:, 5, 5]
    assert a > 150
    assert b > 150


def test_a_gray_picture_has_the_size_asked_for() -> None:
    image = np.full((40, 50, 3), 90, np.uint8)
    pictures = pyramid(image)
    for size in ((40, 50), (20, 25), (61, 77)):
        gray = pictures.gray(size)
        assert (gray.shape, gray.dtype) == (size, np.uint8)
        assert (gray == 90).all()


def test_features_of_one_colour_are_that_colour_and_nothing_else() -> None:
    image = np.full((50, 60, 3), (200, 40, 90), np.uint8)
    pictures = pyramid(image)
    lab = pictures.lab(0)[:, 0, 0].astype(np.float32)
    features = pictures.features(0, Rect(0, 0, 60, 50))
    assert (features.shape, features.dtype) == ((FEATURE_COUNT, 50, 60), np.float32)
    assert features.flags.c_contiguous
    means = features[3 : 3 + 3 * len(WINDOWS)].reshape(len(WINDOWS), 3, -1)
    assert np.array_equal(features[:3], np.broadcast_to(lab[:, None, None], (3, 50, 60)))
    assert np.allclose(means, lab[None, :, None], atol=1e-3)
    assert np.allclose(features[3 + 3 * len(WINDOWS) : STATISTICS], 0, atol=0.1)
    assert np.allclose(features[STATISTICS:GRADIENTS], 0)
    neighbours = features[GRADIENTS:].reshape(len(NEIGHBOURS), 3, -1)
    assert np.allclose(neighbours, lab[None, :, None], atol=1e-3)


def test_statistics_are_those_of_the_window_around_a_pixel() -> None:
    pictures = pyramid(noise(60, 70))
    x, y = 33, 28
    features = pictures.features(0, Rect(x, y, x + 1, y + 1))[:, 0, 0]
    count = 3 * len(WINDOWS)
    for index, side in enumerate(WINDOWS):
        half = side // 2
        lab = pictures.lab(0)[:, y - half : y + half + 1, x - half : x + half + 1]
        means = features[3 + 3 * index : 6 + 3 * index]
        deviations = features[3 + count + 3 * index : 6 + count + 3 * index]
        assert np.allclose(means, lab.mean(axis=(1, 2)), atol=1e-3)
        assert np.allclose(deviations, lab.std(axis=(1, 2)), atol=1e-2)


def test_neighbours_are_the_colours_eight_pixels_away() -> None:
    pictures = pyramid(noise(60, 70))
    x, y = 33, 28
    features = pictures.features(0, Rect(x, y, x + 1, y + 1))[GRADIENTS:, 0, 0]
    assert len(set(NEIGHBOURS)) == 8
    for index, (dx, dy) in enumerate(NEIGHBOURS):
        assert max(abs(dx), abs(dy)) == 8
        place = np.s_[:, y + dy - 2 : y + dy + 3, x + dx - 2 : x + dx + 3]
        expected = pictures.lab(0)[place].mean(axis=(1, 2))
        assert np.allclose(features[3 * index : 3 * index + 3], expected, atol=1e-3)


def test_gradients_are_signed_first_and_absolute_after() -> None:
    # Lightness falls to the right and does not change downwards.
    ramp = np.repeat(np.arange(250, 50, -4, dtype=np.uint8)[None], 40, axis=0)
    features = pyramid(np.repeat(ramp[..., None], 3, axis=2)).features(0, Rect(20, 20, 21, 21))
    for index in range(len(GRADIENT_WINDOWS)):
        first = STATISTICS + 6 * index
        along_x, along_y, size_x, size_y, of_a, of_b = features[first : first + 6, 0, 0]
        assert along_x < -20
        assert size_x == pytest.approx(-along_x)
        assert (along_y, size_y) == (0, 0)
        assert max(of_a, of_b) < 8


def test_features_do_not_depend_on_what_was_asked_before() -> None:
    image = noise(61, 75)
    rect = Rect(13, 9, 40, 37)
    asked_often = pyramid(image)
    for other in (whole(asked_often, 1), Rect(14, 9, 30, 20), Rect(0, 0, 1, 1)):
        asked_often.features(1 if other.width > 30 else 0, other)
    ours, theirs = asked_often.features(0, rect), pyramid(image).features(0, rect)
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_features_of_a_part_are_that_part_of_the_frames_features(level: int) -> None:
    pictures = pyramid(noise(97, 131))
    all_of_it = pictures.features(level, whole(pictures, level))
    height, width = level_size((97, 131), level)
    random = np.random.default_rng(level)
    for _ in range(30):
        x_min, x_max = sorted(int(x) for x in random.choice(width + 1, 2, replace=False))
        y_min, y_max = sorted(int(y) for y in random.choice(height + 1, 2, replace=False))
        rect = Rect(x_min, y_min, x_max, y_max)
        part = pictures.features(level, rect)
        # Vectorised and single pixels are rounded differently in the last bit.
        assert np.allclose(part, all_of_it[:, *rect.slices], atol=2e-3, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (17, 33)])
def test_frames_smaller_than_the_windows_have_features(size: tuple[int, int]) -> None:
    pictures = pyramid(noise(*size))
    for level in (0, 1, 4):
        features = pictures.features(level, whole(pictures, level))
        assert np.isfinite(features).all()

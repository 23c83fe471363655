from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import cv2
import numpy as np
import pytest

from track_anything.structures import Frame, Image
from track_anything.tracking import features as features_module
from track_anything.tracking.features import (
    FEATURE_COUNT,
    GRADIENT_WINDOWS,
    NEIGHBOURS,
    OVERVIEW_STEP,
    PLACE,
    PLACE_PIXELS,
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


def test_a_part_of_a_rect_is_found_in_arrays_over_that_rect() -> None:
    outer, part = Rect(10, 20, 30, 40), Rect(13, 22, 18, 29)
    rows, columns = np.mgrid[20:40, 10:30]
    place = part.inside(outer)
    assert (rows[place].min(), rows[place].max()) == (22, 28)
    assert (columns[place].min(), columns[place].max()) == (13, 17)
    # Of every fourth pixel, rows 20, 24, 28, ... and columns 10, 14, 18, ..., those on the part.
    place = part.inside(outer, step=4)
    assert rows[::4, ::4][place].tolist() == [[24], [28]]
    assert columns[::4, ::4][place].tolist() == [[14], [14]]


def test_bands_cover_a_rect_once_from_top_to_bottom() -> None:
    # Ten columns: three rows make 30 pixels.
    rect = Rect(2, 3, 12, 10)
    assert list(rect.bands(30)) == [Rect(2, 3, 12, 6), Rect(2, 6, 12, 9), Rect(2, 9, 12, 10)]
    assert list(rect.bands(39)) == list(rect.bands(30))
    assert list(rect.bands(1000)) == [rect]
    # Two rows, not three, where a multiple of two is asked for.
    assert [band.height for band in rect.bands(30, multiple=2)] == [2, 2, 2, 1]
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


def test_lab_is_the_frames_own_at_level_zero() -> None:
    image = noise(40, 50)
    lab = pyramid(image).lab(0)
    assert (lab.shape, lab.dtype) == ((40, 50, 3), np.uint8)
    assert np.array_equal(lab, cv2.cvtColor(image, cv2.COLOR_RGB2LAB))


@pytest.mark.parametrize("size", [(96, 160), (480, 854), (45, 61)])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_part_of_a_picture_has_the_pixels_of_the_whole(size: tuple[int, int], level: int) -> None:
    image = noise(*size)
    height, width = level_size(size, level)
    for rect in (Rect(3, 2, width // 2, height // 3), Rect(width // 2, 1, width, height)):
        whole, parts = pyramid(image), pyramid(image)
        assert np.array_equal(parts.lab(level, rect), whole.lab(level)[rect.slices])
        gray = whole.gray((height, width))[rect.slices]
        assert np.array_equal(parts.gray((height, width), rect), gray)


def test_red_is_on_the_red_side_of_lab() -> None:
    red = np.zeros((20, 20, 3), np.uint8)
    red[..., 0] = 255
    _, a, b = pyramid(red).lab(0)[5, 5]
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
    lab = pictures.lab(0)[0, 0].astype(np.float32)
    features = pictures.features(0, Rect(0, 0, 60, 50)).grid()
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
    features = pictures.features(0, Rect(x, y, x + 1, y + 1)).grid()[:, 0, 0]
    count = 3 * len(WINDOWS)
    for index, side in enumerate(WINDOWS):
        half = side // 2
        lab = pictures.lab(0)[y - half : y + half + 1, x - half : x + half + 1]
        means = features[3 + 3 * index : 6 + 3 * index]
        deviations = features[3 + count + 3 * index : 6 + count + 3 * index]
        assert np.allclose(means, lab.mean(axis=(0, 1)), atol=1e-3)
        assert np.allclose(deviations, lab.std(axis=(0, 1)), atol=1e-2)


def test_neighbours_are_the_colours_eight_pixels_away() -> None:
    pictures = pyramid(noise(60, 70))
    x, y = 33, 28
    features = pictures.features(0, Rect(x, y, x + 1, y + 1)).grid()[GRADIENTS:, 0, 0]
    assert len(set(NEIGHBOURS)) == 8
    for index, (dx, dy) in enumerate(NEIGHBOURS):
        assert max(abs(dx), abs(dy)) == 8
        place = np.s_[y + dy - 2 : y + dy + 3, x + dx - 2 : x + dx + 3]
        expected = pictures.lab(0)[place].mean(axis=(0, 1))
        assert np.allclose(features[3 * index : 3 * index + 3], expected, atol=1e-3)


@pytest.mark.parametrize("reach", range(1, 10))
@pytest.mark.parametrize(
    "rect", [Rect(20, 12, 41, 33), Rect(0, 0, 30, 9), Rect(31, 25, 74, 70), Rect(5, 60, 67, 65)]
)
def test_features_of_a_part_are_those_of_a_larger_part_to_the_bit(rect: Rect, reach: int) -> None:
    pictures = pyramid(noise(70, 90))
    own, narrowed = pictures.features(0, rect), pictures.features(0, rect.grown(reach, (70, 90)))
    assert narrowed.holds(rect)
    narrowed.narrow(rect)
    assert np.array_equal(narrowed.grid(2), own.grid(2))
    pixels = np.arange(0, rect.area, 7)
    assert np.array_equal(narrowed.at(pixels), own.at(pixels))


def test_features_hold_no_part_beside_them_nor_one_at_the_right_border() -> None:
    pictures = pyramid(noise(70, 90))
    features = pictures.features(0, Rect(10, 10, 60, 60))
    assert features.holds(Rect(10, 10, 60, 60))
    for beside in (Rect(9, 10, 60, 60), Rect(10, 10, 60, 61), Rect(61, 61, 64, 64)):
        assert not features.holds(beside)
    at_the_border = pictures.features(0, Rect(31, 25, 90, 70))
    assert at_the_border.holds(Rect(31, 25, 90, 70))
    assert at_the_border.holds(Rect(33, 25, 74, 70))
    assert not at_the_border.holds(Rect(33, 25, 75, 70))


def test_gradients_are_signed_first_and_absolute_after() -> None:
    # Lightness falls to the right and does not change downwards.
    ramp = np.repeat(np.arange(250, 50, -4, dtype=np.uint8)[None], 40, axis=0)
    pictures = pyramid(np.repeat(ramp[..., None], 3, axis=2))
    features = pictures.features(0, Rect(20, 20, 21, 21)).grid()
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
        asked_often.features(1 if other.width > 30 else 0, other).grid()
    features = asked_often.features(0, rect)
    features.at(np.array([3, 1]))
    features.grid(2)
    ours, theirs = features.grid(), pyramid(image).features(0, rect).grid()
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_features_of_a_part_are_that_part_of_the_frames_features(level: int) -> None:
    pictures = pyramid(noise(97, 131))
    all_of_it = pictures.features(level, whole(pictures, level)).grid()
    height, width = level_size((97, 131), level)
    random = np.random.default_rng(level)
    for _ in range(30):
        x_min, x_max = sorted(int(x) for x in random.choice(width + 1, 2, replace=False))
        y_min, y_max = sorted(int(y) for y in random.choice(height + 1, 2, replace=False))
        rect = Rect(x_min, y_min, x_max, y_max)
        part = pictures.features(level, rect).grid()
        # Vectorised and single pixels are rounded differently in the last bit.
        assert np.allclose(part, all_of_it[:, *rect.slices], atol=2e-3, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (17, 33)])
def test_frames_smaller_than_the_windows_have_features(size: tuple[int, int]) -> None:
    pictures = pyramid(noise(*size))
    for level in (0, 1, 4):
        features = pictures.features(level, whole(pictures, level)).grid()
        assert np.isfinite(features).all()


@pytest.mark.parametrize(
    "rect",
    [Rect(0, 0, 40, 30), Rect(5, 3, 12, 30), Rect(39, 0, 40, 1), Rect(15, 9, 24, 18)],
    ids=["whole frame", "at the border", "corner pixel", "inside"],
)
def test_some_pixels_have_the_features_that_they_have_among_all(rect: Rect) -> None:
    features = pyramid(noise(30, 40)).features(0, rect)
    every = features.grid().reshape(FEATURE_COUNT, -1)
    pixels = np.random.default_rng(0).integers(0, rect.area, 20)
    assert np.allclose(features.at(pixels), every[:, pixels], atol=1e-3)
    assert features.at(pixels).dtype == np.float32


@pytest.mark.parametrize(("step", "size"), [(2, (4, 5)), (3, (3, 3)), (4, (2, 3))])
def test_a_coarse_grid_begins_at_the_first_pixel(step: int, size: tuple[int, int]) -> None:
    # 9 columns and 7 rows.
    features = pyramid(noise(30, 40)).features(0, Rect(3, 0, 12, 7))
    coarse = features.grid(step)
    assert coarse.shape == (FEATURE_COUNT, *size)
    assert np.allclose(coarse, features.grid()[:, ::step, ::step], atol=1e-3)


def test_places_are_small_parts_of_the_frame_with_features_of_their_pixels() -> None:
    pictures = pyramid(noise(60, 80))
    places = pictures.places(0, 5)
    assert len({rect for rect, _ in places}) == 5
    for rect, features in places:
        assert (rect.width, rect.height) == (PLACE, PLACE)
        assert 0 <= rect.x_min < rect.x_max <= 80
        assert 0 <= rect.y_min < rect.y_max <= 60
        assert features.shape == (FEATURE_COUNT, PLACE_PIXELS)
        own = {tuple(pixel) for row in pictures.lab(0)[rect.slices] for pixel in row}
        assert {tuple(pixel) for pixel in features[:3].T} <= own


def test_places_are_others_on_every_frame_and_the_same_for_all_who_ask() -> None:
    image = noise(60, 80)
    frames = [FramePyramid(Frame(index, Fraction(index), image)) for index in (0, 0, 1)]
    first, again, later = ([rect for rect, _ in each.places(0, 3)] for each in frames)
    assert first == again
    assert first != later
    assert frames[0].places(0, 3) is frames[0].places(0, 3)


def test_an_overview_shows_all_of_a_small_frame() -> None:
    pictures = pyramid(noise(60, 80))
    ((rect, features),) = pictures.overview(0)
    assert rect == Rect(0, 0, 80, 60)
    assert features.shape == (FEATURE_COUNT, 60 // OVERVIEW_STEP, 80 // OVERVIEW_STEP)
    expected = pictures.lab(0)[::OVERVIEW_STEP, ::OVERVIEW_STEP]
    assert np.array_equal(features[:3].transpose(1, 2, 0), expected)
    assert pictures.overview(0) is pictures.overview(0)


def test_an_overview_is_the_same_on_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features_module, "BAND_AREA", 800)
    alone = pyramid(noise(60, 80)).overview(0)
    with ThreadPoolExecutor(3) as threads:
        shared = pyramid(noise(60, 80)).overview(0, each=threads.map)
    assert len(alone) == 6
    assert [rect for rect, _ in shared] == [rect for rect, _ in alone]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(shared, alone, strict=True))


def test_an_overview_of_a_large_frame_shows_some_of_its_bands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(features_module, "BAND_AREA", 160)
    monkeypatch.setattr(features_module, "MOST_BANDS", 7)
    bands = [rect for rect, _ in pyramid(noise(60, 80)).overview(0)]
    assert len(set(bands)) == 7
    assert set(bands) < {Rect(0, top, 80, top + 2) for top in range(0, 60, 2)}

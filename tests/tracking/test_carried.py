from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from track_anything.config import PropagatorConfig
from track_anything.structures import Floats, Frame, Image, Mask
from track_anything.tracking.appearance import Samples
from track_anything.tracking.carried import (
    KEY_SAMPLES,
    LOOKALIKES,
    Carried,
    change_level,
    learn_key,
    lookalike_rows,
    new_object,
    pixel_rows,
    place,
    remember_recent,
    scene_rows,
)
from track_anything.tracking.features import (
    FEATURE_COUNT,
    PLACE_PIXELS,
    Features,
    FramePyramid,
    Rect,
    level_size,
)

SIZE = (60, 80)


def square(x: int, y: int, side: int, size: tuple[int, int] = SIZE) -> Mask:
    mask = np.zeros(size, np.bool_)
    mask[y : y + side, x : x + side] = True
    return mask


def whole_features(lab: Image) -> Features:
    whole = Rect(0, 0, lab.shape[1], lab.shape[0])
    return Features(lab, whole, whole)


@pytest.fixture
def make(quick: PropagatorConfig) -> Callable[[Mask], Carried]:
    def new(mask: Mask) -> Carried:
        return new_object(quick, 0, 1, mask)

    return new


@pytest.fixture
def pyramid() -> FramePyramid:
    """Left half dark, right half light."""
    image = np.random.default_rng(0).integers(0, 40, (*SIZE, 3)).astype(np.uint8)
    image[:, 40:] += 180
    return FramePyramid(Frame(0, Fraction(0), image))


@pytest.mark.parametrize(
    ("side", "level"),
    [(1, 0), (110, 0), (155, 0), (157, 1), (220, 1), (440, 2), (3000, 4)],
)
def test_large_objects_live_on_coarse_grids(
    make: Callable[[Mask], Carried], side: int, level: int
) -> None:
    # The level is round(log2(side / 110)), from 0 to 4: 110 * sqrt(2) = 155.6.
    assert make(square(0, 0, side, (3000, 3000))).level == level


def test_a_mask_places_its_object_with_room_to_search(make: Callable[[Mask], Carried]) -> None:
    mask = square(30, 20, 10)
    carried = make(mask)
    carried.frames_since_key = carried.found_count = 7
    place(carried, mask, 15)
    assert carried.rect == Rect(15, 5, 55, 45)
    assert np.array_equal(carried.soft, mask[5:45, 15:55])
    assert (carried.area, carried.key_area) == (100, 100)
    assert (carried.frames_since_key, carried.found_count) == (0, 0)


def test_a_placed_object_has_its_key_area_in_pixels_of_the_frame(
    make: Callable[[Mask], Carried],
) -> None:
    mask = square(20, 20, 16)
    carried = make(mask)
    carried.level = 2
    place(carried, mask, 3)
    assert carried.rect == Rect(2, 2, 12, 12)
    assert (carried.area, carried.key_area) == (16, 256)


def lightness(carried: Carried, rows: Samples) -> Floats:
    """(..., S): that of the pixels that the model takes as these rows."""
    model = carried.model
    return np.asarray(np.round(rows[..., 0] * model.deviation[0] + model.mean[0], 2))


def test_the_first_key_sets_the_scale_of_the_features_and_later_ones_do_not(
    make: Callable[[Mask], Carried], pyramid: FramePyramid
) -> None:
    mask = square(50, 20, 12)
    carried = make(mask)
    place(carried, mask, 20)
    learn_key(carried, pyramid, mask, is_new=True)
    scale = carried.model.mean.copy()
    assert scale.any()
    brighter = np.full((*SIZE, 3), 200, np.uint8)
    later = FramePyramid(Frame(1, Fraction(1), brighter))
    learn_key(carried, later, mask, is_new=False)
    assert np.array_equal(carried.model.mean, scale)
    assert carried.keys.count == 2
    assert carried.model.step_count == 80 + 20


def test_a_key_makes_all_that_is_recent_forgotten(
    make: Callable[[Mask], Carried], pyramid: FramePyramid
) -> None:
    mask = square(50, 20, 12)
    carried = make(mask)
    place(carried, mask, 20)
    learn_key(carried, pyramid, mask, is_new=True)
    assert carried.rect is not None
    features = pyramid.features(0, carried.rect)
    remember_recent(carried, pyramid, features, carried.soft, None)
    assert carried.recent.count == 1
    learn_key(carried, pyramid, mask, is_new=False)
    assert carried.recent.count == 0


def test_a_key_is_learned_inside_against_outside(
    make: Callable[[Mask], Carried], pyramid: FramePyramid
) -> None:
    mask = np.zeros(SIZE, np.bool_)
    mask[:, 40:] = True
    carried = make(mask)
    place(carried, mask, 20)
    learn_key(carried, pyramid, mask, is_new=True)
    background, foreground = carried.keys.filled[0, :, :, 0]  # Lightness.
    assert background.max() < foreground.min()


@pytest.mark.parametrize(
    "mask",
    [square(79, 59, 1), np.ones(SIZE, np.bool_), square(0, 0, 1), square(39, 0, 3)],
    ids=["corner pixel", "whole frame", "first pixel", "at the border"],
)
@pytest.mark.parametrize("level", [0, 2, 3])
def test_any_mask_with_a_pixel_can_be_learned(
    make: Callable[[Mask], Carried], pyramid: FramePyramid, mask: Mask, level: int
) -> None:
    carried = make(mask)
    carried.level = level
    place(carried, mask, 20)
    learn_key(carried, pyramid, mask, is_new=True)
    assert carried.keys.count == 1
    assert np.isfinite(carried.keys.filled).all()
    assert all(bool(weight.isfinite().all()) for weight in carried.model.weights)


def test_two_thirds_of_the_background_are_near_the_object(
    make: Callable[[Mask], Carried],
) -> None:
    # Columns are told apart by their lightness: the object ends at column 40, near at 48.
    image = np.repeat(np.repeat(np.arange(80, dtype=np.uint8)[None] * 3, 60, 0)[..., None], 3, 2)
    mask = np.zeros(SIZE, np.bool_)
    mask[:, :40] = True
    pyramid = FramePyramid(Frame(0, Fraction(0), image))
    carried = make(mask)
    place(carried, mask, 20)
    learn_key(carried, pyramid, mask, is_new=True)
    edge = float(pyramid.lab(0)[0, 48, 0])
    background = lightness(carried, carried.keys.filled[0, 0])
    far_share = float((background >= edge).mean())
    assert far_share == pytest.approx(1 / 3, abs=0.06)
    assert len(background) == KEY_SAMPLES


def test_only_sure_pixels_that_are_not_neutral_are_learned_from(
    make: Callable[[Mask], Carried], pyramid: FramePyramid
) -> None:
    mask = square(20, 20, 20)
    carried = make(mask)
    place(carried, mask, 20)
    learn_key(carried, pyramid, mask, is_new=True)
    ramp = np.repeat(np.array([[1, 2, 3, 4, 5, 6]], np.uint8)[..., None], 3, axis=2)
    features = whole_features(ramp)
    # They are of all of the frame: nothing of the scene is left to learn besides.
    pyramid = FramePyramid(Frame(1, Fraction(1), ramp))
    soft = np.array([[0.9, 0.95, 0.7, 0.3, 0.1, 0.05]], np.float32)
    neutral = np.array([[True, False, False, False, False, True]])
    remember_recent(carried, pyramid, features, soft, neutral)
    background, foreground = lightness(carried, carried.recent.filled[0])
    assert set(background) == {5}
    assert set(foreground) == {2}
    remember_recent(carried, pyramid, features, soft, None)
    background, foreground = lightness(carried, carried.recent.filled[1])
    assert set(background) == {5, 6}
    assert set(foreground) == {1, 2}


def test_a_frame_without_sure_pixels_of_both_kinds_is_not_remembered(
    make: Callable[[Mask], Carried], pyramid: FramePyramid
) -> None:
    carried = make(square(20, 20, 20))
    place(carried, square(20, 20, 20), 20)
    features = whole_features(np.ones((2, 2, 3), np.uint8))
    for value in (0.95, 0.05, 0.5):
        remember_recent(carried, pyramid, features, np.full((2, 2), value, np.float32), None)
    assert carried.recent.count == 0
    assert carried.model.step_count == 0


def test_the_scene_is_learned_from_places_off_the_object(pyramid: FramePyramid) -> None:
    # Light is the right half: tiles off it, 16 pixels wide, see dark pixels alone.
    light = Rect(40, 0, 80, 60)
    rows = scene_rows(pyramid, 0, light, 12)
    assert 0 < len(rows) < 12 * PLACE_PIXELS
    assert len(rows) % PLACE_PIXELS == 0
    assert rows[:, 0].max() < pyramid.lab(0)[:, 40:, 0].min()


@pytest.mark.parametrize("level", [0, 3])
def test_an_object_that_may_be_anywhere_leaves_no_scene(pyramid: FramePyramid, level: int) -> None:
    height, width = level_size(SIZE, level)
    everywhere = Rect(0, 0, width, height)
    rows = scene_rows(pyramid, level, everywhere, 5)
    assert rows.shape == (0, FEATURE_COUNT)


def test_drawn_rows_are_features_of_the_pixels_given() -> None:
    lab = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    features = whole_features(lab)
    rows = pixel_rows(features, np.array([1, 4]), 50, np.random.default_rng(0))
    assert rows.shape == (50, FEATURE_COUNT)
    assert rows.flags.c_contiguous
    assert {tuple(row) for row in rows[:, :3].tolist()} == {(3, 4, 5), (12, 13, 14)}


def test_what_looks_like_the_object_elsewhere_is_found_off_it(
    make: Callable[[Mask], Carried], pyramid: FramePyramid
) -> None:
    # Told from the dark half, all of the light half looks like the object.
    mask = square(60, 20, 8)
    carried = make(mask)
    place(carried, mask, 4)
    learn_key(carried, pyramid, mask, is_new=True)
    dark, light = pyramid.lab(0)[:, :40, 0], pyramid.lab(0)[:, 40:, 0]
    for side, value in enumerate((dark.mean(), light.mean())):
        scaled = (value - carried.model.mean[0]) / carried.model.deviation[0]
        carried.keys.samples[:, side, :, 0] = scaled
    carried.model.train([(carried.keys, 1.0)], steps=40, rate=0.01)
    rows = lookalike_rows(carried, pyramid.overview(0), Rect(50, 10, 70, 40))
    assert 0 < len(rows) <= LOOKALIKES
    assert rows[:, 0].min() >= light.min()
    everything = Rect(0, 0, 80, 60)
    assert lookalike_rows(carried, pyramid.overview(0), everything).shape == (0, FEATURE_COUNT)


@pytest.mark.parametrize(
    ("level", "frame_side", "step"),
    [
        (0, 160, 0),  # 160 < 110 * 1.5
        (0, 180, 1),
        (1, 320, 0),
        (1, 340, 1),
        (1, 80, 0),  # 80 / 2 = 40 > 110 / 1.5 / 2 = 36.7
        (1, 66, -1),
        (0, 20, 0),
        (4, 3900, 0),
    ],
)
def test_an_object_that_changes_size_for_good_changes_its_grid(
    quick: PropagatorConfig, level: int, frame_side: int, step: int
) -> None:
    size = (4096, 4096) if level == 4 else (512, 512)
    side = frame_side // 2**level
    grid = level_size(size, level)
    carried = new_object(quick, 0, 1, np.ones((1, 1), np.bool_))
    carried.level, carried.side = level, float(frame_side)
    carried.rect = Rect(8, 8, min(8 + side + 20, grid[1]), min(8 + side + 20, grid[0]))
    carried.soft = np.zeros((carried.rect.height, carried.rect.width), np.float32)
    carried.soft[:side, :side] = 1
    carried.area = float(side * side)
    before = carried.rect
    change_level(carried, size, quick)
    assert carried.level == level + step
    assert carried.soft.shape == (carried.rect.height, carried.rect.width)
    if not step:
        assert carried.rect == before
        return
    new_side = side / 2**step
    top = 8 / 2**step
    assert np.sqrt(carried.area) == pytest.approx(new_side, abs=1)
    rows = np.flatnonzero((carried.soft > 0.5).any(axis=1)) + carried.rect.y_min
    assert rows[0] == pytest.approx(top, abs=1)
    assert rows[-1] + 1 == pytest.approx(top + new_side, abs=1)


def test_one_large_frame_does_not_change_the_grid(quick: PropagatorConfig) -> None:
    carried = new_object(quick, 0, 1, np.ones((110, 110), np.bool_))
    carried.rect = Rect(0, 0, 400, 400)
    carried.soft = np.ones((400, 400), np.float32)
    carried.area = 400.0 * 400
    change_level(carried, (512, 512), quick)
    # A tenth of the way: 110 + .1 * (400 - 110)
    assert (carried.level, carried.side) == (0, pytest.approx(139))

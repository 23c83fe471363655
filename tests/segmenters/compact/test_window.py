"""Which part of the frame a crop is, to the pixel, and the ways there and back."""

import cv2
import numpy as np
import pytest

from track_anything.segmenters.compact import window as window_module
from track_anything.segmenters.compact.window import Window, window_around
from track_anything.structures import Floats, Image


@pytest.fixture
def picture() -> Image:
    """(200, 300, 3), smooth: what a resize does to it can be followed."""
    random = np.random.default_rng(0)
    blurred = cv2.GaussianBlur(random.normal(0, 1, (200, 300, 3)), (0, 0), 4)
    return np.clip(128 + 50 * blurred / blurred.std(), 0, 255).astype(np.uint8)


def box(*values: float) -> Floats:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("around", "growth", "window"),
    [
        # 20 x 20 becomes 28 x 28 around (20, 30).
        ((10, 20, 30, 40), 1.4, Window(6, 16, 34, 44)),
        # 100 x 10 becomes 140 x 14, and that 140 x 70: at most twice as wide as high.
        ((0, 0, 100, 10), 1.4, Window(-20, -30, 120, 40)),
        ((0, 0, 10, 100), 1.4, Window(-30, -20, 40, 120)),
        # 1 x 1 becomes 12 x 6 around (5.5, 5.5), in whole pixels.
        ((5, 5, 6, 6), 1.4, Window(-1, 2, 12, 9)),
        # 3 x 3 becomes 30 x 30 around (1.5, 1.5).
        ((0, 0, 3, 3), 10, Window(-14, -14, 17, 17)),
    ],
)
def test_a_window_is_the_grown_box_in_whole_pixels(
    around: tuple[int, ...], growth: float, window: Window
) -> None:
    assert window_around(box(*around), growth=growth) == window


def test_points_and_boxes_are_told_in_pixels_of_the_crop() -> None:
    # 64 pixels across and 256 down become 128 each: twice as wide, half as high.
    window = Window(10, 20, 74, 276)
    assert window.size == (256, 64)
    assert window.scale.tolist() == [2, 0.5]
    assert window.points(np.array([[10, 20], [42, 84], [0, 0]], np.float32)).tolist() == [
        [0, 0],
        [64, 32],
        [-20, -10],
    ]
    assert window.box(box(11, 22, 74, 276)).tolist() == [2, 1, 128, 128]


def test_a_window_of_the_crops_size_shows_the_frames_own_pixels(picture: Image) -> None:
    crop, valid = Window(100, 50, 228, 178).crop(picture)
    assert np.array_equal(crop, picture[50:178, 100:228])
    assert np.array_equal(valid, np.ones((128, 128)))


def test_beyond_the_frame_a_crop_is_black_and_not_valid(picture: Image) -> None:
    crop, valid = Window(-28, -8, 100, 120).crop(picture)
    assert np.array_equal(crop[8:, 28:], picture[:120, :100])
    assert not crop[:8].any()
    assert not crop[:, :28].any()
    inside = np.zeros((128, 128))
    inside[8:, 28:] = 1
    assert np.array_equal(valid, inside)
    crop, valid = Window(250, 150, 378, 278).crop(picture)
    assert np.array_equal(crop[:50, :50], picture[150:, 250:])
    assert valid.sum() == 50 * 50


def test_a_pixel_of_the_crop_half_inside_the_frame_is_half_valid(picture: Image) -> None:
    # 256 pixels become 128; the frame begins at the window's 101st, in the middle of a pixel.
    _, valid = Window(-101, 0, 155, 256).crop(np.ones((256, 300, 3), np.uint8))
    assert valid[5, 48:53].tolist() == pytest.approx([0, 0, 0.5, 1, 1], abs=0.01)


@pytest.mark.parametrize(
    "window", [Window(400, 0, 528, 128), Window(-300, -300, -10, -10), Window(0, 200, 50, 300)]
)
def test_a_window_wholly_outside_the_frame_shows_and_fills_nothing(
    picture: Image, window: Window
) -> None:
    crop, valid = window.crop(picture)
    assert not crop.any()
    assert not valid.any()
    pasted = window.paste(np.ones((128, 128), np.float32), (200, 300), outside=-3)
    assert np.array_equal(pasted, np.full((200, 300), -3))


def test_what_is_cropped_comes_back_to_the_same_pixels(picture: Image) -> None:
    values = picture[..., 0].astype(np.float32)
    window = Window(100, 50, 228, 178)
    pasted = window.paste(window.crop_values(values), (200, 300), outside=-1)
    assert np.array_equal(pasted[50:178, 100:228], values[50:178, 100:228])
    pasted[50:178, 100:228] = -1
    assert (pasted == -1).all()


@pytest.mark.parametrize(
    "window",
    [Window(100, 60, 164, 124), Window(20, 10, 260, 190), Window(-50, -40, 130, 160)],
    ids=["enlarged", "shrunk", "beyond the frame"],
)
def test_a_crop_at_another_scale_comes_back_to_the_same_place(
    picture: Image, window: Window
) -> None:
    values = picture[..., 0].astype(np.float32)
    pasted = window.paste(window.crop_values(values), (200, 300), outside=0)
    y0, x0 = max(window.y_min, 0) + 4, max(window.x_min, 0) + 4
    inner = np.s_[y0 : window.y_max - 4, x0 : window.x_max - 4]
    # A shift of half a pixel alone would make a mean difference of 4.
    assert np.abs(values[inner] - np.roll(values, 1, 1)[inner]).mean() > 6
    assert np.abs(pasted[inner] - values[inner]).mean() < 1.5


def test_brightness_is_read_at_the_frames_resolution(picture: Image) -> None:
    gray = Window(-10, 20, 240, 150).gray(picture)
    assert gray.shape == (130, 250)
    assert not gray[:, :10].any()
    assert np.array_equal(gray[:, 10:], cv2.cvtColor(picture[20:150, :240], cv2.COLOR_RGB2GRAY))


def test_an_enormous_window_is_cut_at_a_fraction_of_the_resolution() -> None:
    assert Window(0, 0, 4096, 4096).cut_step == 1
    assert Window(0, 0, 4097, 4096).cut_step == 2
    assert Window(0, 0, 8192, 8192).cut_step == 2
    assert Window(-20000, -10000, 20000, 10000).cut_step == 7
    # The window of a box as large as a 4K frame.
    assert window_around(box(0, 0, 3840, 2160), growth=1.4).cut_step == 1


@pytest.mark.parametrize("window", [Window(-61, -33, 331, 251), Window(3, 5, 290, 190)])
def test_an_enormous_window_shows_and_fills_the_same_places(
    picture: Image, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = picture[..., 0].astype(np.float32)
    crop, valid = window.crop(picture)
    whole = window.paste(window.crop_values(values), (200, 300), outside=-9)
    monkeypatch.setattr(window_module, "_MOST_PIXELS", 200 * 200)
    assert window.cut_step == 2
    assert max(window.gray(picture).shape) == -(-max(window.size) // 2)
    coarse, coarse_valid = window.crop(picture)
    # Half of a coarse pixel at most, which here is a third of a pixel of the crop.
    assert np.abs(coarse.astype(float) - crop).mean() < 5
    assert np.abs(coarse_valid - valid).mean() < 0.01
    again = window.paste(window.crop_values(values), (200, 300), outside=-9)
    assert np.array_equal(again == -9, whole == -9)
    assert np.abs(again - whole).mean() < 5
    # The same values land on the same pixels.
    shown = window.crop_values(values)
    fine = cv2.resize(shown, window.size[::-1], interpolation=cv2.INTER_LINEAR)
    y0, x0 = max(window.y_min, 0), max(window.x_min, 0)
    fine = fine[y0 - window.y_min :, x0 - window.x_min :][: 200 - y0, : 300 - x0]
    filled = window.paste(shown, (200, 300), outside=-9)
    part = filled[y0 : y0 + fine.shape[0], x0 : x0 + fine.shape[1]]
    assert np.allclose(part, fine, atol=0.02)


def test_logits_of_the_frame_are_cut_out_as_probabilities_and_0_beyond_it() -> None:
    # The window's 128 x 128 pixels begin 28 before the frame: a row and a column each.
    window = Window(-28, -28, 100, 100)
    p = window.crop_logits(np.zeros((200, 200), np.float32))
    assert np.all(p[28:, 28:] == 0.5)
    assert not p[:28].any()
    assert not p[:, :28].any()


def test_another_window_sees_values_where_they_are_in_the_frame() -> None:
    first, other = Window(0, 0, 128, 128), Window(32, 16, 96, 144)
    values = np.zeros((128, 128), np.float32)
    values[40:60, 50:70] = 1
    seen = first.seen_by(other, values)
    # Twice as large across, as large down, and nothing below the first window's end.
    assert np.array_equal(np.argwhere(seen > 0.5).min(0), [24, 36])
    assert np.array_equal(np.argwhere(seen > 0.5).max(0), [43, 75])
    everywhere = first.seen_by(other, np.ones((128, 128), np.float32))
    assert everywhere[:111].min() == 1
    assert not everywhere[113:].any()


def test_a_box_of_the_crop_is_known_in_the_frame_and_ends_at_its_border() -> None:
    window = Window(-64, 100, 192, 228)
    box = np.array([64, 8, 128, 120], np.float32)
    assert window.frame_box(box, (200, 300)).tolist() == [64, 108, 192, 200]
    assert np.allclose(window.box(window.frame_box(box, (400, 300))), box)

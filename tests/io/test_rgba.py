"""Alpha: exact for hard edges, straight colours, the place in the file."""

import io

import numpy as np
from PIL import Image

from track_anything.io.rgba import rgba_png, soft_alpha, union_mask, with_alpha
from track_anything.structures import ObjectMask


def test_the_union_has_the_pixels_of_all_and_is_empty_of_none() -> None:
    first, second = np.zeros((3, 4), bool), np.zeros((3, 4), bool)
    first[0, 0] = second[2, 3] = second[0, 0] = True
    box = np.zeros(4, np.float32)
    union = union_mask([ObjectMask(1, first, box, 1.0), ObjectMask(2, second, box, 1.0)], (3, 4))
    assert np.argwhere(union).tolist() == [[0, 0], [2, 3]]
    assert not union_mask([], (3, 4)).any()


def test_a_hard_edge_is_exactly_0_and_255_and_a_feather_is_flat_at_the_frames_edge() -> None:
    mask = np.zeros((6, 8), bool)
    mask[:, :4] = True
    assert np.array_equal(soft_alpha(mask, 0), mask * np.uint8(255))
    assert soft_alpha(mask, 2)[3].tolist() == [255, 255, 204, 153, 102, 51, 0, 0]


def test_colours_are_not_multiplied_even_where_alpha_is_faint() -> None:
    image = np.full((5, 5, 3), (200, 100, 50), np.uint8)
    alpha = np.zeros((5, 5), np.uint8)
    alpha[2, 2] = 1
    assert np.array_equal(with_alpha(image, alpha)[2, 2], [200, 100, 50, 1])
    assert not with_alpha(image, alpha)[2, 3].any()
    assert np.array_equal(with_alpha(image, alpha, bleed=1)[1, 3], [200, 100, 50, 0])
    assert not with_alpha(image, alpha, bleed=1)[2, 4].any()


def test_a_file_with_a_place_is_the_same_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (7, 9, 4), np.uint8)
    for data in (rgba_png(picture), rgba_png(picture, corner=(70_000, 3))):
        with Image.open(io.BytesIO(data)) as read:
            read.verify()
        with Image.open(io.BytesIO(data)) as read:
            assert np.array_equal(read, picture)

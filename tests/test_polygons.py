"""Masks as polygons: filled as others fill them, they are the masks again."""

import cv2
import numpy as np
import pytest

from track_anything.masks import mask_iou
from track_anything.polygons import Polygon, joined_polygon, part_polygons, polygon_mask
from track_anything.structures import Mask


def drawn(*rows: str) -> Mask:
    return np.array([[letter == "#" for letter in row] for row in rows])


def filled(polygon: Polygon, size: tuple[int, ...]) -> Mask:
    """What OpenCV fills, independently of the code under test."""
    canvas = np.zeros(size, np.uint8)
    cv2.fillPoly(canvas, [polygon], 1)
    return canvas > 0


def random_mask(seed: int) -> Mask:
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 40, 2)
    noise = random.random((height, width)).astype(np.float32)
    if seed % 2:
        noise = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.asarray(noise < random.uniform(0.2, 0.8))


def test_a_rectangle_is_its_four_corner_pixels() -> None:
    mask = np.zeros((9, 9), bool)
    mask[2:5, 3:8] = True
    (polygon,) = part_polygons(mask)
    assert {tuple(point) for point in polygon.tolist()} == {(3, 2), (7, 2), (7, 4), (3, 4)}


def test_a_hole_is_cut_out_and_nothing_else() -> None:
    mask = drawn(
        "..........",
        ".########.",
        ".###..###.",
        ".##....##.",
        ".###..#.#.",
        ".########.",
        "..........",
    )
    (polygon,) = part_polygons(mask)
    assert np.array_equal(filled(polygon, mask.shape), mask)


def test_a_ring_in_the_hole_of_a_ring_is_a_part_of_its_own() -> None:
    mask = drawn("#######", "#.....#", "#.###.#", "#.#.#.#", "#.###.#", "#.....#", "#######")
    polygons = part_polygons(mask)
    assert len(polygons) == 2
    assert np.array_equal(filled(polygons[0], mask.shape) | filled(polygons[1], mask.shape), mask)


@pytest.mark.parametrize("seed", range(60))
def test_parts_rasterise_to_the_mask_exactly_whatever_it_is(seed: int) -> None:
    mask = random_mask(seed)
    assert np.array_equal(polygon_mask(part_polygons(mask), mask.shape), mask)


@pytest.mark.parametrize("seed", range(60))
def test_a_mask_of_one_part_is_joined_exactly(seed: int) -> None:
    mask = random_mask(seed)
    count, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    for label in range(1, count):
        part = labels == label
        assert np.array_equal(filled(joined_polygon(part), mask.shape), part)


def test_parts_are_joined_by_the_shortest_lines() -> None:
    mask = np.zeros((10, 40), bool)
    mask[2:8, 2:10] = mask[2:8, 13:20] = mask[2:8, 24:30] = True
    gap = filled(joined_polygon(mask), mask.shape) & ~mask
    # Between columns 9 and 13 and between 19 and 24: three and four pixels.
    assert np.flatnonzero(gap.any(axis=0)).tolist() == [10, 11, 12, 20, 21, 22, 23]
    assert np.count_nonzero(gap) == 7


def test_a_part_is_reached_by_way_of_those_between() -> None:
    mask = np.zeros((14, 40), bool)
    mask[2:8, 2:10] = mask[9:12, 14:26] = mask[2:8, 30:36] = True
    gap = filled(joined_polygon(mask), mask.shape) & ~mask
    # From column 9 to 14 and from 25 to 30, four pixels each; straight across it would be 20.
    assert np.count_nonzero(gap) == 8


def test_a_part_that_is_less_than_its_line_is_left_out() -> None:
    mask = np.zeros((10, 40), bool)
    mask[2:8, 2:10] = True
    mask[4, 30] = True
    got = filled(joined_polygon(mask), mask.shape)
    assert np.array_equal(got, mask & (np.arange(40) < 20))
    assert mask_iou(got, mask) == 48 / 49


def test_no_mask_is_no_point() -> None:
    assert joined_polygon(np.zeros((4, 4), bool)).shape == (0, 2)
    assert part_polygons(np.zeros((4, 4), bool)) == []
    assert not polygon_mask([joined_polygon(np.zeros((4, 4), bool))], (4, 4)).any()

import numpy as np
import pytest

from track_anything.errors import ConfigError
from track_anything.masks import (
    box_slices,
    frame_part,
    label_colors,
    label_map,
    largest_component,
    logits_mask,
    mask_box,
    mask_centroid,
    mask_iou,
    mask_logits,
    probability,
    resize_logits,
)
from track_anything.structures import LogitsPart, Mask


def grid(*rows: str) -> Mask:
    return np.array([[pixel == "#" for pixel in line] for line in rows])


def square(x: int, y: int, side: int, size: tuple[int, int] = (30, 40)) -> Mask:
    mask = np.zeros(size, np.bool_)
    mask[y : y + side, x : x + side] = True
    return mask


@pytest.mark.parametrize(
    ("mask", "box"),
    [
        (grid("...", "...", "..."), [0, 0, 0, 0]),
        (grid("#..", "...", "..."), [0, 0, 1, 1]),
        (grid("...", "...", "..#"), [2, 2, 3, 3]),
        (grid("###", "###", "###"), [0, 0, 3, 3]),
        (grid("..#.", "....", "#..."), [0, 0, 3, 3]),
    ],
)
def test_the_box_of_a_mask_is_tight_and_its_maximum_exclusive(mask: Mask, box: list[int]) -> None:
    found = mask_box(mask)
    assert found.tolist() == box
    assert found.dtype == np.float32


def test_views_of_masks_are_masks() -> None:
    mask = square(20, 5, 10)
    # Neither contiguous nor starting at the array's first pixel.
    assert mask_box(mask[3:, 12:]).tolist() == [8, 2, 18, 12]
    assert mask_box(mask.T).tolist() == [5, 20, 15, 30]
    assert mask_box(mask[::2, ::2]).tolist() == [10, 3, 15, 8]
    assert mask_centroid(mask[3:, 12:]) == (13.0, 7.0)
    assert np.array_equal(largest_component(mask[3:, 12:]), mask[3:, 12:])
    assert np.array_equal(mask_logits(mask.T, (40, 30)) > 0, mask.T)


@pytest.mark.parametrize(
    ("first", "second", "iou"),
    [
        (grid("##."), grid("##."), 1.0),
        (grid("##."), grid(".##"), 1 / 3),
        (grid("#.."), grid("..#"), 0.0),
        (grid("###"), grid("#.."), 1 / 3),
        (grid("..."), grid("#.."), 0.0),
        (grid("..."), grid("..."), 1.0),
    ],
)
def test_the_iou_of_two_masks_by_hand(first: Mask, second: Mask, iou: float) -> None:
    assert mask_iou(first, second) == mask_iou(second, first) == iou


def test_the_centroid_is_the_mean_of_pixel_centres() -> None:
    assert mask_centroid(grid("#")) == (0.5, 0.5)
    assert mask_centroid(grid("#..", "...", "..#")) == (1.5, 1.5)
    assert mask_centroid(grid("##", "#.")) == pytest.approx((5 / 6, 5 / 6))
    assert mask_centroid(grid("..", "..")) is None


def test_the_largest_part_stays_and_diagonal_pixels_hang_together() -> None:
    mask = grid("##...", "..#..", ".....", "###..")
    # The two at the top and the one diagonally below make three, as many as the row: the first.
    assert np.array_equal(largest_component(mask), grid("##...", "..#..", ".....", "....."))
    mask = grid("##...", ".....", ".....", "###..")
    assert np.array_equal(largest_component(mask), grid(".....", ".....", ".....", "###.."))
    assert largest_component(mask).dtype == np.bool_


def test_a_mask_of_one_part_or_none_is_its_own_largest_part() -> None:
    for mask in (grid("...", "..."), grid(".#.", ".#."), grid("##", "##")):
        assert np.array_equal(largest_component(mask), mask)


def test_logits_of_the_right_size_are_not_touched() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (6, 8)).astype(np.float32)
    assert resize_logits(logits, (6, 8)) is logits


def test_logits_are_stretched_linearly_over_the_frame() -> None:
    logits = np.array([[-4.0, 4.0]], np.float32)
    # Centres at a quarter and three quarters: between them a straight line, beyond them level.
    stretched = resize_logits(logits, (2, 8))
    assert stretched.tolist() == [[-4, -4, -3, -1, 1, 3, 4, 4]] * 2
    assert stretched.dtype == np.float32


def test_a_pixel_is_object_where_its_logit_is_above_zero() -> None:
    logits = np.array([[-1.0, 0.0, 1e-6]], np.float32)
    assert logits_mask(logits, (1, 3)).tolist() == [[False, False, True]]
    assert logits_mask(np.array([[-4.0, 4.0]], np.float32), (2, 8))[0].tolist() == [
        *[False] * 4,
        *[True] * 4,
    ]


def test_logits_stand_for_the_share_of_object_in_their_pixel() -> None:
    mask = grid("####....", "##......")
    logits = mask_logits(mask, (1, 4), sureness=6.0)
    # Shares 1, a half, 0 and 0.
    assert logits.tolist() == [[6, 0, -6, -6]]
    assert logits.dtype == np.float32
    assert mask_logits(mask, (1, 4), sureness=2.0).tolist() == [[2, 0, -2, -2]]


def test_a_mask_comes_back_from_its_logits() -> None:
    mask = square(8, 4, 16)
    assert np.array_equal(logits_mask(mask_logits(mask, mask.shape), mask.shape), mask)
    assert mask_iou(logits_mask(mask_logits(mask, (8, 10)), mask.shape), mask) > 0.8
    assert np.array_equal(
        logits_mask(mask_logits(~mask & False, (8, 10)), mask.shape), ~mask & False
    )


def test_later_ids_lie_on_top_in_a_label_map() -> None:
    labels = label_map({7: square(0, 0, 20), 300: square(10, 10, 20)}, (30, 40))
    assert labels.dtype == np.uint16
    assert [int(labels[y, x]) for x, y in ((5, 5), (15, 15), (25, 25), (39, 0))] == [7, 300, 300, 0]


def test_a_label_map_of_nothing_is_background() -> None:
    assert not label_map({}, (3, 4)).any()
    assert label_map({}, (3, 4)).shape == (3, 4)


def test_ids_up_to_sixteen_bits_fit_a_label_map() -> None:
    assert label_map({65535: grid("#.")}, (1, 2)).tolist() == [[65535, 0]]
    with pytest.raises(ConfigError, match="65536 does not fit"):
        label_map({65536: grid("#.")}, (1, 2))


def test_label_colours_are_those_of_the_data_sets() -> None:
    colors = label_colors()
    assert (colors.shape, colors.dtype) == ((256, 3), np.uint8)
    # As published: 1 maroon, 8 dark maroon, 15 the person's, 20 the television's, 255 the border.
    published = {
        0: (0, 0, 0),
        1: (128, 0, 0),
        7: (128, 128, 128),
        8: (64, 0, 0),
        15: (192, 128, 128),
        20: (0, 64, 128),
        255: (224, 224, 192),
    }
    assert {label: tuple(colors[label].tolist()) for label in published} == published
    assert len(np.unique(colors, axis=0)) == 256


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
@pytest.mark.parametrize(
    ("rows", "columns"),
    [((3, 9), (4, 15)), ((0, 5), (0, 7)), ((2, 12), (9, 20)), ((0, 12), (0, 20)), ((4, 4), (3, 3))],
)
def test_a_part_is_stretched_as_the_whole_is(
    factor: int, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    shape = rows[1] - rows[0], columns[1] - columns[0]
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    logits = LogitsPart(values, columns[0], rows[0], (12, 20), -8.0)
    size = (12 * factor, 20 * factor)
    part = frame_part(logits, size)
    assert part is not None
    assert part.size == size
    assert part.values.size < logits.whole().size * factor**2 or shape == (12, 20)
    assert np.array_equal(part.whole(), resize_logits(logits, size))


def test_only_the_whole_can_be_stretched_by_another_factor() -> None:
    logits = LogitsPart(np.ones((2, 2), np.float32), 1, 1, (6, 8), -8.0)
    assert frame_part(logits, (9, 12)) is None
    assert frame_part(logits, (12, 17)) is None
    assert frame_part(logits, (3, 4)) is None
    assert frame_part(logits.whole(), (6, 8)) is None


def test_a_box_is_found_within_the_part_that_holds_the_mask() -> None:
    mask = np.zeros((20, 30), np.bool_)
    mask[5:9, 7:15] = True
    assert mask_box(mask, within=(slice(4, 12), slice(7, 20))).tolist() == [7, 5, 15, 9]
    assert mask_box(mask, within=(slice(10, 12), slice(7, 20))).tolist() == [0, 0, 0, 0]
    assert np.count_nonzero(mask[box_slices(mask_box(mask))]) == mask.sum()


def test_logits_of_a_part_stand_for_the_same_mask_as_the_whole() -> None:
    part = LogitsPart(np.array([[2, -1, 3]], np.float32), x=4, y=1, size=(6, 8), elsewhere=-8.0)
    whole = part.whole()
    assert (whole.shape, whole.dtype) == ((6, 8), np.float32)
    assert whole[1, 4:7].tolist() == [2, -1, 3]
    assert np.count_nonzero(whole == -8) == 6 * 8 - 3
    mask = logits_mask(part, (6, 8))
    assert np.argwhere(mask).tolist() == [[1, 4], [1, 6]]
    # On a frame of another size they are stretched as the whole is.
    assert np.array_equal(logits_mask(part, (12, 16)), logits_mask(whole, (12, 16)))
    assert np.array_equal(resize_logits(part, (12, 16)), resize_logits(whole, (12, 16)))


def test_logits_beyond_the_limit_count_as_the_limit() -> None:
    logits = np.array([[-50, -3, 0], [3, 4, 50]], np.float32)
    p = probability(logits, limit=3)
    assert (p.shape, p.dtype) == ((2, 3), np.float32)
    # The odds are e to the logit: 1 + e^3 is 21.0855.
    assert np.allclose(p, [[1 / 21.0855] * 2 + [0.5], [20.0855 / 21.0855] * 3], atol=1e-6)
    assert logits.min() == -50


def test_probabilities_of_logits_far_from_0_are_no_overflow() -> None:
    p = probability(np.array([-1e30, 1e30], np.float32))
    assert 0 < p[0] < 1e-12
    assert p[1] == 1

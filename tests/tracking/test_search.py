import numpy as np
import pytest

from track_anything.masks import mask_box
from track_anything.structures import Floats, Mask
from track_anything.tracking import search
from track_anything.tracking.features import Rect
from track_anything.tracking.search import AFFORDABLE_AREA, SPREAD, elongation, search_area


def scene(*squares: tuple[int, int, int, float], size: tuple[int, int] = (90, 120)) -> Floats:
    """Squares (x, y, side, probability) on a background of 0.05."""
    appearance = np.full(size, 0.05, np.float32)
    for x, y, side, probability in squares:
        appearance[y : y + side, x : x + side] = probability
    return appearance


def find_object(
    appearance: Floats, known_area: float, *, known_elongation: float = 1.0
) -> tuple[Floats, Rect, float] | None:
    """The soft mask found, where it lies and its score; a compact object unless said otherwise."""
    found = search.find_object(appearance, known_area, known_elongation)
    if found is None:
        return None
    soft, score = found
    x_min, y_min, x_max, y_max = (int(value) for value in mask_box(soft > 0))
    return soft, Rect(x_min, y_min, x_max, y_max), score


def test_nothing_is_found_where_nothing_looks_like_the_object() -> None:
    assert find_object(scene(), 100) is None
    assert find_object(scene((30, 30, 10, 0.4)), 100) is None


def test_the_square_of_the_right_size_is_found_among_others() -> None:
    right = (60, 30, 12, 0.9)
    found = find_object(scene(right, (5, 5, 5, 0.9), (10, 40, 40, 0.9)), 144)
    assert found is not None
    soft, rect, score = found
    assert (soft.shape, soft.dtype) == ((90, 120), np.float32)
    middle = np.zeros((90, 120), bool)
    middle[31:41, 61:71] = True
    assert (soft[middle] > 0.5).all()
    assert not soft[:, :50].any()
    # Smoothing takes or gives a pixel at the edges.
    assert np.allclose((rect.x_min, rect.y_min, rect.x_max, rect.y_max), (60, 30, 72, 42), atol=1)
    # By hand: margin about .9 - .05, size about right.
    assert score == pytest.approx(0.75, abs=0.12)


@pytest.mark.parametrize(("side", "is_found"), [(30, True), (18, True), (45, True), (62, False)])
def test_a_part_of_the_wrong_size_is_not_the_object(side: int, is_found: bool) -> None:
    # Of a known area of 900: 62 squared is more than four times as much.
    assert (find_object(scene((20, 20, side, 0.9)), 900) is not None) == is_found


def test_a_part_much_smaller_than_the_object_is_not_it() -> None:
    assert find_object(scene((20, 20, 10, 0.9)), 900 * 4) is None


def test_the_likelier_of_two_of_one_size_is_found() -> None:
    found = find_object(scene((10, 10, 15, 0.7), (70, 50, 15, 0.95)), 225)
    assert found is not None
    assert found[1].overlaps(Rect(70, 50, 85, 65))


def test_a_better_size_scores_higher() -> None:
    scores = []
    for area in (225, 350, 600):
        found = find_object(scene((40, 40, 15, 0.9)), area)
        assert found is not None
        scores.append(found[2])
    assert scores[0] > scores[1] > scores[2] > 0


def test_scattered_pixels_do_not_join_into_an_object() -> None:
    appearance = scene()
    appearance[20:60:3, 20:60:3] = 1.0
    assert find_object(appearance, 400) is None


def test_an_object_that_fills_the_frame_is_found() -> None:
    found = find_object(np.full((20, 30), 0.9, np.float32), 600)
    assert found is not None
    assert found[1] == Rect(0, 0, 30, 20)
    assert 0 <= found[2] <= 1


def test_a_known_area_of_nothing_is_no_reason_to_fail() -> None:
    assert find_object(scene((40, 40, 15, 0.9)), 0.0) is None


def test_of_two_parts_of_one_size_the_one_of_the_known_shape_is_found() -> None:
    appearance = scene((10, 10, 18, 0.9))
    appearance[60:69, 50:86] = 0.9  # 36x9: four times as long as wide, and of the same area.
    for known_elongation, expected in ((1.0, Rect(10, 10, 28, 28)), (4.0, Rect(50, 60, 86, 69))):
        found = find_object(appearance, 324, known_elongation=known_elongation)
        assert found is not None
        assert found[1].overlaps(expected)


def oblong(width: int, height: int) -> Mask:
    mask = np.zeros((60, 60), np.bool_)
    mask[5 : 5 + height, 7 : 7 + width] = True
    return mask


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (oblong(1, 1), 1),
        (oblong(20, 20), 1),
        (oblong(40, 10), 4),
        (oblong(10, 40), 4),
        (oblong(30, 1), 30),
        (oblong(0, 0), 1),
        (np.eye(50, dtype=np.bool_), 50),
    ],
    ids=["pixel", "square", "lying", "standing", "line", "empty", "diagonal"],
)
def test_elongation_is_length_over_width(mask: Mask, expected: float) -> None:
    # A diagonal is as wide as its pixels and longer by the root of two, so not exact.
    assert elongation(mask) == pytest.approx(expected, rel=0.5 if mask[40, 40] else 1e-4)


def test_an_object_is_looked_for_ever_farther_from_where_it_was() -> None:
    last, size = Rect(300, 200, 320, 210), (480, 640)
    near = Rect(300 - SPREAD, 200 - SPREAD, 320 + SPREAD, 210 + SPREAD)
    assert search_area(last, 1, size) == (near, 1)
    assert search_area(last, 2, size)[0] == near.grown(SPREAD, size)
    assert search_area(last, 50, size)[0] == Rect(0, 0, 640, 480)


def test_an_object_never_seen_is_looked_for_everywhere() -> None:
    assert search_area(None, 1, (48, 64)) == (Rect(0, 0, 64, 48), 1)


def test_a_large_area_is_searched_on_fewer_frames() -> None:
    size = (1000, AFFORDABLE_AREA // 1000)
    assert search_area(None, 1, (999, size[1]))[1] == 1
    assert search_area(None, 1, size)[1] == 2
    assert search_area(None, 1, (3000, size[1]))[1] == 4


def test_of_two_parts_that_look_alike_pixel_by_pixel_the_one_of_the_objects_colours_is_found() -> (
    None
):
    appearance = scene((20, 30, 12, 0.9), (80, 30, 12, 0.9))

    def likeness(part: Mask, where: Rect) -> float:
        assert part.shape == (where.height, where.width)
        assert part.any()
        return 0.9 if where.x_min < 60 else 0.6

    found = search.find_object(appearance, 144, 1.0, likeness=likeness)
    assert found is not None
    assert not found[0][:, 60:].any()
    assert search.find_object(appearance, 144, 1.0, likeness=lambda _mask, _where: 0.5) is None

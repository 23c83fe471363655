"""SmoothView: steady motion without lag, trembling evened out, never outside."""

from collections.abc import Iterable

import numpy as np
import pytest

from track_anything.io.smooth_view import SmoothView, View
from track_anything.structures import Floats

FRAME, OUTPUT = (400, 800), (100, 200)


def box(x: float, y: float, side: float) -> Floats:
    """A square around a centre."""
    half = side / 2
    return np.array([x - half, y - half, x + half, y + half], np.float32)


def views(
    boxes: Iterable[Floats | None],
    *,
    frame_count: int = 10,
    margin: float = 0.5,
    max_zoom: float = 4,
    cuts: Iterable[int] = (),
) -> list[View]:
    path = SmoothView(FRAME, OUTPUT, margin=margin, max_zoom=max_zoom, frame_count=frame_count)
    cuts = set(cuts)
    found = [path.push(one, is_cut=index in cuts) for index, one in enumerate(boxes)]
    while (view := path.flush()) is not None:
        found.append(view)
    return [view for view in found if view is not None]


def test_a_view_is_the_box_with_its_margin_in_the_outputs_aspect() -> None:
    # 60 high with half of it on both sides is 120; 240 wide.
    assert views([box(300, 150, 60)]) == [View(300, 150, 120)]


def test_steady_motion_is_followed_exactly_from_the_first_to_the_last_frame() -> None:
    found = views([box(200 + 7 * i, 150 + i, 60 + i / 2) for i in range(50)])
    assert len(found) == 50
    for index, view in enumerate(found):
        assert view.x == pytest.approx(200 + 7 * index, abs=1e-3)
        assert view.y == pytest.approx(150 + index, abs=1e-3)
        assert view.height == pytest.approx(120 + index, abs=1e-3)


def test_trembling_is_less_than_a_tenth_of_the_boxes() -> None:
    random = np.random.default_rng(1)
    noise = random.normal(0, 3, (200, 2))
    found = views([box(400 + dx, 200 + dy, 60) for dx, dy in noise], frame_count=15)
    steps = np.diff([(view.x, view.y) for view in found], axis=0)
    assert steps.std() < 0.1 * np.diff(noise, axis=0).std()


def test_at_most_so_many_frames_are_held_back() -> None:
    path = SmoothView(FRAME, OUTPUT, margin=0, max_zoom=4, frame_count=5)
    given = [path.push(box(300, 200, 60)) is not None for _ in range(8)]
    assert given == [False] * 5 + [True] * 3
    rest = [path.flush() for _ in range(6)]
    assert [view is not None for view in rest] == [True] * 5 + [False]


def test_without_smoothing_every_view_is_there_at_once() -> None:
    path = SmoothView(FRAME, OUTPUT, margin=0, max_zoom=4, frame_count=0)
    assert path.push(box(300, 200, 60)) == View(300, 200, 60)
    assert path.push(box(310, 200, 60)) == View(310, 200, 60)
    assert path.flush() is None


def test_it_waits_at_the_last_place_while_there_is_no_box() -> None:
    found = views([box(200, 150, 60)] * 20 + [None] * 40 + [box(600, 250, 60)] * 20)
    assert found[25:50] == [View(200, 150, 120)] * 25
    assert found[-1] == View(600, 250, 120)
    x = [view.x for view in found]
    assert x == sorted(x)


def test_before_the_first_box_it_is_as_large_as_the_frame_allows() -> None:
    found = views([None] * 30 + [box(200, 150, 60)] * 5)
    assert found[0] == View(400, 200, 400)
    assert views([None]) == [View(400, 200, 400)]


@pytest.mark.parametrize("place", [(0, 0), (799, 399), (-50, 200), (400, 900)])
def test_it_never_reaches_beyond_the_frame(place: tuple[int, int]) -> None:
    random = np.random.default_rng(2)
    boxes = [box(*(place + random.normal(0, 60, 2)), 10 + 40 * random.random()) for _ in range(60)]
    for view in views(boxes):
        assert view.height / 2 - 1e-6 <= view.y <= 400 - view.height / 2 + 1e-6
        assert view.height - 1e-6 <= view.x <= 800 - view.height + 1e-6


def test_a_view_is_between_the_largest_zoom_and_the_whole_frame() -> None:
    assert views([box(400, 200, 2)])[0].height == 25
    assert views([box(400, 200, 900)])[0].height == 400


def test_a_cut_starts_anew() -> None:
    boxes = [box(200, 150, 60)] * 12 + [box(600, 250, 80)] * 12
    found = views(boxes, cuts=[12])
    assert found == [View(200, 150, 120)] * 12 + [View(600, 250, 160)] * 12

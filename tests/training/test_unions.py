"""A rider and what is ridden as one object; neighbours stay apart."""

import numpy as np

from training.pool import Instance, Picture, instances_of
from training.sampler import united


def picture(*boxes: tuple[int, int, int, int]) -> Picture:
    ids = np.zeros((100, 100), np.uint16)
    for label, (x0, y0, x1, y1) in enumerate(boxes, start=1):
        ids[y0:y1, x0:x1] = label
    return Picture(np.zeros((100, 100, 3), np.uint8), ids)


def union_of_the_first(shown: Picture) -> tuple[Instance, Instance]:
    objects = list(instances_of(shown))
    return objects[0], united(objects[0], objects, np.random.default_rng(0))


def test_what_touches_and_shares_the_space_becomes_one() -> None:
    # The second is a column of 20 x 40 that stands into the gap of the first, an L.
    shown = picture((10, 60, 70, 90), (30, 20, 50, 60))
    shown.ids[20:60, 10:20] = 1
    first, both = union_of_the_first(shown)
    assert first.area == 60 * 30 + 10 * 40
    assert both.area == first.area + 20 * 40
    assert both.box == (10, 20, 70, 90)
    assert int((both.picture.ids == both.label).sum()) == both.area
    assert int((shown.ids == 2).sum()) == 20 * 40


def test_neighbours_that_merely_touch_stay_apart() -> None:
    first, both = union_of_the_first(picture((10, 10, 40, 40), (40, 10, 70, 40)))
    assert both is first


def test_what_does_not_touch_stays_apart() -> None:
    shown = picture((10, 10, 80, 80), (30, 30, 50, 50))
    shown.ids[24:56, 24:56] = np.where(shown.ids[24:56, 24:56] == 2, 2, 0)
    first, both = union_of_the_first(shown)
    assert both is first

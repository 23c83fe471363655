from fractions import Fraction

import numpy as np
import pytest

from track_anything.masks import mask_box
from track_anything.structures import Event, EventKind, Frame, FrameResult, Mask, ObjectMask
from track_anything.tracking.cropped import CroppedResult

SIZE = (20, 30)


def mask(*rects: tuple[int, int, int, int]) -> Mask:
    found = np.zeros(SIZE, np.bool_)
    for x, y, width, height in rects:
        found[y : y + height, x : x + width] = True
    return found


@pytest.mark.parametrize(
    "masks",
    [
        [mask((3, 4, 5, 6)), mask()],
        [mask((0, 0, 30, 20)), mask((29, 19, 1, 1)), mask((2, 2, 3, 3), (20, 12, 4, 4))],
        [],
    ],
)
def test_what_comes_back_is_the_same_whenever_it_is_asked_for(masks: list[Mask]) -> None:
    frame = Frame(7, Fraction(1, 4), np.zeros((*SIZE, 3), np.uint8))
    objects = [
        ObjectMask(number, one, mask_box(one), 0.5, label=str(number))
        for number, one in enumerate(masks, 1)
    ]
    events = [Event(EventKind.LOST, 1, "gone")]
    kept = CroppedResult(FrameResult(frame, objects, events))
    assert kept.frame.index == 7
    for _ in range(2):
        found = kept.whole
        assert found.frame is frame
        assert list(found.events) == events
        assert [one.label for one in found.objects] == [one.label for one in objects]
        for one, before in zip(found.objects, masks, strict=True):
            assert np.array_equal(one.mask, before)
            one.mask[...] = True


def test_a_mask_that_is_kept_is_nobody_elses() -> None:
    """What it was made from may be used for something else."""
    whole = mask((0, 0, 30, 20))
    frame = Frame(0, Fraction(0), np.zeros((*SIZE, 3), np.uint8))
    kept = CroppedResult(FrameResult(frame, [ObjectMask(1, whole, mask_box(whole), 1.0)]))
    whole[...] = False
    assert kept.whole.objects[0].mask.all()

"""FlowInpainter: the true background where it was ever seen, and calm where it was not."""

import cv2
import numpy as np
import pytest

from track_anything.removal.flow_inpainter import FlowInpainter, separate_holes
from track_anything.removal.window import MaskedFrame, sliding_windows


def fill(pan, *, look=12, inpainter=None):
    inpainter = inpainter or FlowInpainter()
    return [inpainter.fill(window) for window in sliding_windows(lambda: iter(pan), look=look)]


def hole_error(pan, index, image):
    mask = pan.masked(index).mask
    return float(np.abs(image.astype(int) - pan.background(index))[mask].mean())


def test_filled_pixels_are_the_background_and_ten_times_better_than_inpainting(pan):
    inpainter = FlowInpainter()
    filled = fill(pan, inpainter=inpainter)
    errors = [hole_error(pan, index, image) for index, image in enumerate(filled)]
    assert np.mean(errors) < 3
    assert max(errors) < 5
    inpainted = []
    for frame in pan:
        image = cv2.inpaint(frame.image, frame.mask.view(np.uint8), 5, cv2.INPAINT_TELEA)
        inpainted.append(hole_error(pan, frame.index, image))
    assert np.mean(inpainted) > 10 * np.mean(errors)
    counts = inpainter.counts
    assert counts.invented < 0.005 * counts.seen


def test_nothing_outside_the_mask_changes(pan):
    for frame, image in zip(pan, fill(pan), strict=True):
        assert np.array_equal(image[~frame.mask], frame.image[~frame.mask])


def test_frames_without_a_mask_are_the_frames_themselves(pan):
    def frames():
        for frame in pan:
            yield MaskedFrame(frame.index, frame.time, frame.image, np.zeros(pan.size, bool))

    inpainter = FlowInpainter()
    for window in sliding_windows(frames, look=2):
        assert inpainter.fill(window) is window.target.image


def test_the_filling_moves_with_the_background(pan):
    filled = fill(pan)
    changes = []
    for index in range(1, pan.frame_count):
        mask = pan.masked(index).mask & pan.masked(index - 1).mask
        both = [np.asarray(filled[i], int) - pan.background(i) for i in (index - 1, index)]
        changes.append(np.abs(both[1] - both[0])[mask].mean())
    # Of errors below 3 levels, what differs from frame to frame.
    assert np.mean(changes) < 3


def test_a_visitor_that_stands_behind_on_few_frames_is_not_taken_for_background(make_pan):
    # The disc goes over columns 66 to 84, where the post is on the last four frames; the first six
    # show them without either.
    pan = make_pan(visitor=range(20, 24), start=10, speed=5, pan=(0.0, 0.0), zoom=0.0, flicker=0.0)
    assert np.abs(pan.background(21)[80, 70] - np.array([20, 20, 230])).max() == 0
    filled = fill(pan, look=24)
    for index in range(8, 16):
        red = np.array([20, 20, 230])
        mask = pan.masked(index).mask
        away = np.abs(filled[index].astype(int) - red).max(axis=2)
        assert np.count_nonzero(mask & (away < 60)) < 0.01 * np.count_nonzero(mask)


def test_what_no_frame_shows_is_made_up_once_and_then_carried(make_pan):
    pan = make_pan(pan=(0.0, 0.0), zoom=0.0, flicker=0.0, frame_count=8)
    inpainter = FlowInpainter()
    filled = fill(pan, inpainter=inpainter)
    pixels = int(np.count_nonzero(pan.masked(0).mask))
    assert inpainter.counts.seen == 0
    assert inpainter.counts.invented == pixels
    assert inpainter.counts.carried == 7 * pixels
    # But for its rim, which comes nearer to what it is blended with.
    deep = cv2.erode(pan.masked(0).mask.view(np.uint8), np.ones((15, 15), np.uint8)) > 0
    assert np.abs(filled[7].astype(int) - filled[0])[deep].max() <= 2


def test_a_lone_frame_is_inpainted(make_pan):
    pan = make_pan(frame_count=1)
    (image,) = fill(pan)
    mask = pan.masked(0).mask
    yellow = np.abs(image.astype(int) - (250, 240, 20)).max(axis=2) < 30
    assert not (mask & yellow).any()


def test_a_mask_over_the_whole_frame_does_not_fail(make_pan):
    pan = make_pan(frame_count=3, dilate=300)
    assert all(image.shape == (120, 160, 3) for image in fill(pan))


def test_the_same_video_is_filled_the_same(make_pan):
    pan = make_pan(frame_count=6)
    for first, second in zip(fill(pan), fill(pan), strict=True):
        assert np.array_equal(first, second)


@pytest.mark.parametrize(("gap", "count"), [(30, 1), (33, 2)])
def test_holes_are_parted_where_their_surroundings_do_not_touch(gap, count):
    mask = np.zeros((60, 120), bool)
    mask[20:30, 10:20] = True
    mask[25:35, 20 + gap : 30 + gap] = True
    holes = separate_holes(mask, context=15)
    assert len(holes) == count
    assert np.array_equal(np.logical_or.reduce(holes), mask)

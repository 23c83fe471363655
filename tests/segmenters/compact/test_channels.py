"""What the network is shown, worked out by hand on plain pictures."""

import numpy as np
import pytest

from track_anything.segmenters.compact.channels import (
    CropPrompt,
    box_coverage,
    color_evidence,
    discs,
    paraboloid,
    stack_channels,
)
from track_anything.segmenters.compact.network import CHANNELS
from track_anything.structures import Floats, Image

NONE = np.zeros((0, 2), np.float32)
EVERYWHERE = np.ones((128, 128), np.float32)
NOWHERE = np.zeros((128, 128), np.float32)
RED, BLUE, GREEN = (220, 30, 30), (30, 30, 220), (30, 200, 30)
BOX, POSITIVE, NEGATIVE, PREVIOUS, COLOUR, VALID = (
    CHANNELS.index(name) for name in ("box", "positive", "negative", "previous", "colour", "valid")
)


def points(*pairs: tuple[float, float]) -> Floats:
    return np.array(pairs, np.float32)


@pytest.fixture
def halves() -> Image:
    """Red on the left, blue on the right."""
    image = np.full((128, 128, 3), BLUE, np.uint8)
    image[:, :64] = RED
    return image


def test_a_box_covers_its_edge_pixels_in_part() -> None:
    covered = box_coverage(np.array([1.25, 2, 3.5, 4.1], np.float32))
    assert covered[2, :5].tolist() == [0, 0.75, 1, 0.5, 0]
    assert covered[:6, 2].tolist() == pytest.approx([0, 0, 1, 1, 0.1, 0], abs=1e-6)
    assert covered[4, 1] == pytest.approx(0.075)
    assert covered.sum() == pytest.approx(2.25 * 2.1, abs=1e-5)


def test_a_box_beyond_the_crop_covers_what_it_can() -> None:
    assert box_coverage(np.array([-500, -500, 900, 900], np.float32)).min() == 1
    corner = box_coverage(np.array([-9, -9, 1, 2], np.float32))
    assert corner.sum() == 2
    assert corner[:2, 0].tolist() == [1, 1]
    assert not box_coverage(np.array([-9, -9, -1, 500], np.float32)).any()


def test_a_click_is_a_disc_around_its_pixel() -> None:
    drawn = discs(points((10.9, 20.1)))
    assert drawn[20, 6:15].tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 0]
    assert drawn[16:25, 10].tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 0]
    assert drawn[17, 7] == 0
    assert drawn.sum() == drawn[17:24, 7:14].sum()


def test_clicks_far_beyond_the_crop_leave_no_trace() -> None:
    assert not discs(points((-9, 5), (213000, 5), (5, -4e6), (132, 64))).any()
    assert discs(points((-1, 5)))[5, :4].tolist() == [1, 1, 1, 0]


def test_a_paraboloid_is_one_in_the_middle_and_zero_on_the_ellipse() -> None:
    hill = paraboloid(np.array([20.5, 30.5, 60.5, 50.5], np.float32))
    assert hill[40, 40] == 1
    # Half way to the edge: 1 - 1/4.
    assert hill[40, 50] == hill[45, 40] == 0.75
    assert hill[40, 60] == hill[50, 40] == hill[49, 59] == 0
    assert hill[40, 59] > 0


def test_colours_of_the_object_speak_for_it_and_others_against_it(halves: Image) -> None:
    inside = NOWHERE.copy()
    inside[:, :64] = 1
    evidence = color_evidence(halves, EVERYWHERE, inside, NOWHERE, NOWHERE)
    assert (evidence[:, :64] == 2).all()
    assert (evidence[:, 64:] == -2).all()


def test_a_colour_in_and_around_the_object_is_weaker_evidence(halves: Image) -> None:
    inside = NOWHERE.copy()
    inside[40:80, :64] = 1
    inside[40:80, 64:70] = 1
    evidence = color_evidence(halves, EVERYWHERE, inside, NOWHERE, NOWHERE)
    # Red: 2560 of 2800 inside, 5632 of 13584 around. Blue: 240 and 7952. One bin each, so the
    # shares are those of the bin; the smoothing spreads both alike.
    assert evidence[0, 0] == pytest.approx(np.log((2560 / 2800) / (5632 / 13584)) / 2, abs=0.02)
    assert evidence[0, 100] == pytest.approx(np.log((240 / 2800) / (7952 / 13584)) / 2, abs=0.03)


def test_clicks_count_for_and_against_their_colours(halves: Image) -> None:
    weak = np.full((128, 128), 0.2, np.float32)
    nothing = color_evidence(halves, EVERYWHERE, weak, NOWHERE, NOWHERE)
    assert nothing[0, 0] == pytest.approx(nothing[0, 100], abs=1e-6)
    said = color_evidence(
        halves, EVERYWHERE, weak, discs(points((20, 20))), discs(points((100, 20)))
    )
    assert said[100, 0] > 0 > said[100, 100]


def test_nothing_is_said_of_colours_beyond_the_frame(halves: Image) -> None:
    valid = EVERYWHERE.copy()
    valid[:, 96:] = 0
    inside = NOWHERE.copy()
    inside[:, :64] = 1
    evidence = color_evidence(halves, valid, inside, NOWHERE, NOWHERE)
    assert not evidence[:, 96:].any()
    assert evidence[5, 95] == -2
    # What lies beyond the frame is no example either.
    halves[:, 96:] = RED
    assert np.array_equal(color_evidence(halves, valid, inside, NOWHERE, NOWHERE), evidence)


def test_the_channels_stand_in_their_order(halves: Image) -> None:
    valid = EVERYWHERE.copy()
    valid[100:] = 0
    previous = np.full((128, 128), 0.25, np.float32)
    prompt = CropPrompt(
        np.array([10, 10, 50, 60], np.float32), points((30, 30)), points((90, 30)), previous
    )
    stacked = stack_channels(halves, valid, prompt)
    assert stacked.shape == (9, 128, 128)
    assert stacked.dtype == np.float32
    red = [(share / 255 - 0.45) / 0.25 for share in RED]
    assert stacked[:3, 50, 10].tolist() == pytest.approx(red, abs=1e-6)
    assert not stacked[:3, 100:].any()
    assert stacked[BOX, 30, 9:11].tolist() == [-1, 1]
    assert np.array_equal(stacked[POSITIVE], discs(points((30, 30))))
    assert np.array_equal(stacked[NEGATIVE], discs(points((90, 30))))
    assert (stacked[PREVIOUS] == -0.5).all()
    assert np.array_equal(stacked[VALID], valid)


def test_what_was_not_said_is_zero(halves: Image) -> None:
    stacked = stack_channels(halves, EVERYWHERE, CropPrompt(None, NONE, NONE))
    assert not stacked[BOX : PREVIOUS + 1].any()


def test_the_earlier_mask_tells_the_colours_before_the_box_and_the_box_before_clicks(
    halves: Image,
) -> None:
    right = np.array([64, 0, 128, 128], np.float32)
    left = NOWHERE.copy()
    left[:, :64] = 1
    by_mask = stack_channels(halves, EVERYWHERE, CropPrompt(right, NONE, NONE, left))[COLOUR]
    by_box = stack_channels(halves, EVERYWHERE, CropPrompt(right, NONE, NONE))[COLOUR]
    assert by_mask[5, 5] > 0 > by_mask[5, 120]
    assert by_box[5, 5] < 0 < by_box[5, 120]


def test_a_lone_click_takes_its_surroundings_for_the_object(halves: Image) -> None:
    halves[100:, :64] = GREEN
    stacked = stack_channels(halves, EVERYWHERE, CropPrompt(None, points((20, 30)), NONE))
    assert stacked[COLOUR, 60, 20] > 0
    assert stacked[COLOUR, 60, 100] < 0
    assert stacked[COLOUR, 110, 20] < 0


def test_the_same_crop_gives_the_same_channels_and_is_left_as_it_was(halves: Image) -> None:
    noisy = np.random.default_rng(2).integers(0, 256, halves.shape, np.uint8)
    before = noisy.copy()
    prompt = CropPrompt(np.array([10, 10, 50, 60], np.float32), points((30, 30)), NONE)
    first = stack_channels(noisy, EVERYWHERE, prompt)
    again = stack_channels(noisy, EVERYWHERE, prompt)
    assert np.array_equal(first, again)
    assert np.array_equal(noisy, before)
    assert np.isfinite(first).all()


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_crop_of_one_colour_is_no_evidence_of_anything(value: int) -> None:
    plain = np.full((128, 128, 3), value, np.uint8)
    prompt = CropPrompt(np.array([30, 30, 90, 90], np.float32), NONE, NONE)
    evidence = stack_channels(plain, EVERYWHERE, prompt)[COLOUR]
    assert np.allclose(evidence, 0, atol=1e-6)

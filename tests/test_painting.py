"""Colours of tracks are told apart, and masks are painted without anything else."""

import subprocess
import sys

import numpy as np

from track_anything.painting import PALETTE_LENGTH, overlay, track_color
from track_anything.structures import Image, Mask

SIZE = (240, 320)
GREY = 100


def plain() -> Image:
    return np.full((*SIZE, 3), GREY, np.uint8)


def rectangle(left: int, top: int, right: int, bottom: int) -> Mask:
    mask = np.zeros(SIZE, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def changed(image: Image) -> Mask:
    return np.asarray((image != GREY).any(axis=2), np.bool_)


def test_every_colour_is_the_same_again_only_after_the_palette() -> None:
    assert len({track_color(track_id) for track_id in range(1, PALETTE_LENGTH + 1)}) > 200
    assert track_color(PALETTE_LENGTH + 1) == track_color(1)


def test_near_ids_have_colours_far_apart() -> None:
    for track_id in range(1, 40):
        first, second = (np.array(track_color(key)) for key in (track_id, track_id + 1))
        assert np.abs(first - second).sum() > 120, track_id


def test_no_colour_is_lost_on_a_pitch() -> None:
    pitches = np.array([[60, 130, 60], [74, 122, 160], [40, 90, 150]])
    for track_id in range(1, 13):
        assert np.abs(pitches - track_color(track_id)).sum(axis=1).min() > 130, track_id


def test_an_overlay_is_masks_alone_by_ascending_id() -> None:
    masks = {2: rectangle(60, 100, 120, 190), 1: rectangle(20, 60, 80, 150)}
    image = plain()
    painted = overlay(image, masks, opacity=1.0, contours=False)
    assert painted[120, 70].tolist() == list(track_color(2))
    assert painted[70, 30].tolist() == list(track_color(1))
    assert np.array_equal(changed(painted), masks[1] | masks[2])
    assert not changed(image).any()


def test_an_overlay_takes_empty_masks_and_none() -> None:
    assert not changed(overlay(plain(), {})).any()
    assert not changed(overlay(plain(), {4: np.zeros(SIZE, bool)})).any()


def test_painting_masks_does_not_load_supervision() -> None:
    code = (
        "import sys, track_anything\n"
        "track_anything.overlay, track_anything.SegmentationFiles\n"
        "assert 'cv2' in sys.modules\n"
        "assert 'supervision' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

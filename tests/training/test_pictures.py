"""Composites, augmentation and the pool: the truth stays true."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from training import composites
from training.augment import occlude, recolor, warp
from training.composites import composite
from training.pool import Instance, Picture, instances_of, load_pool

RED, GRAY = (230, 10, 10), (120, 120, 120)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.fixture
def red_things() -> dict[str, list[Instance]]:
    """One ellipse, the whole picture in its colour: a pasted pixel is red as far as it counts."""
    ids = np.zeros((100, 140), np.uint16)
    cv2.ellipse(ids, (70, 50), (50, 30), 20, 0, 360, 1, -1)
    (one,) = instances_of(Picture(np.full((100, 140, 3), RED, np.uint8), ids))
    return {"coco": [one], "person": [one], "garment": [one]}


def test_ids_of_a_composite_are_where_something_was_pasted(
    red_things: dict[str, list[Instance]], random: np.random.Generator
) -> None:
    ground = [np.full((300, 400, 3), GRAY, np.uint8)]
    labels = set()
    for _ in range(60):
        made = composite(red_things, ground, random)
        assert made.ids.shape == made.image.shape[:2]
        # An object has at least a fifth of its own colour left, however it is lit.
        reddened = made.image[..., 0].astype(int) - made.image[..., 1] > 8
        on = (made.ids > 0).astype(np.uint8)
        assert reddened[on > 0].all()
        # A soft border, blurred by two pixels at most, is all that is pasted beyond.
        assert not reddened[cv2.dilate(on, np.ones((17, 17), np.uint8)) == 0].any()
        labels |= set(np.unique(made.ids).tolist())
    assert {0, 1, 2, 3, 4} < labels
    # A double is an object of its own.
    assert labels & {11, 12, 13, 14}


def test_a_pixel_belongs_to_what_most_of_it_shows(
    red_things: dict[str, list[Instance]],
    random: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(composites, "_SHADOW_SHARE", 0.0)
    ground = [np.full((300, 400, 3), GRAY, np.uint8)]
    judged_count = 0
    for _ in range(80):
        made = composite(red_things, ground, random)
        inner = cv2.erode((made.ids > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        if len(np.unique(made.ids)) != 2 or not inner.any():
            continue
        # One object of one colour: what a pixel has of it is how far it is on the way there.
        colour = np.median(made.image[inner].astype(float), axis=0)
        shares = ((made.image - np.array(GRAY)) @ (colour - GRAY)) / ((colour - GRAY) ** 2).sum()
        assert (made.ids[shares > 0.6] > 0).all()
        assert (made.ids[shares < 0.4] == 0).all()
        judged_count += 1
    assert judged_count >= 9


def test_the_pool_tells_the_sets_apart_and_holds_pictures_out(data: Path) -> None:
    pool = load_pool(data)
    pictures = {
        name: len({id(one.picture.ids) for one in instances})
        for name, instances in pool.training.items()
    }
    assert pictures == {"coco": 2, "person": 1, "garment": 1, "nuclei": 1}
    assert set(pool.held_out) == set(pool.training)
    assert [len(pool.held_out[name]) for name in ("coco", "person")] == [3, 1]
    assert len(pool.backgrounds) == 3
    held = {one.picture.image.tobytes() for ones in pool.held_out.values() for one in ones}
    seen = {one.picture.image.tobytes() for ones in pool.training.values() for one in ones}
    assert not held & seen


def test_specks_and_whole_pictures_are_no_objects() -> None:
    ids = np.full((60, 80), 1, np.uint16)
    ids[:10, :10] = 2
    assert not instances_of(Picture(np.zeros((60, 80, 3), np.uint8), ids))
    ids[30:42, 20:50] = 3
    (one,) = instances_of(Picture(np.zeros((60, 80, 3), np.uint8), ids * (ids == 3)))
    assert (one.label, one.box, one.area) == (3, (20, 30, 50, 42), 360)


def test_a_missing_picture_is_named(data: Path, tmp_path: Path) -> None:
    row = '{"set": "coco", "image": "images/gone.jpg", "masks": []}\n'
    (tmp_path / "manifest.jsonl").write_text(row)
    with pytest.raises(FileNotFoundError, match="images/gone"):
        load_pool(tmp_path)


def test_picture_and_mask_move_together(random: np.random.Generator) -> None:
    mask = np.zeros((90, 130), np.uint8)
    cv2.ellipse(mask, (50, 40), (28, 17), 30, 0, 360, 255, -1)
    image = np.repeat(mask[..., None], 3, axis=2)
    moved_count = 0
    for _ in range(80):
        moved, truth, valid = warp(image, mask, np.full(mask.shape, 255, np.uint8), random)
        assert np.array_equal(moved[..., 1], truth)
        assert not truth[valid == 0].any()
        moved_count += not np.array_equal(truth, mask)
    assert moved_count > 40


def test_two_masks_move_as_one(random: np.random.Generator) -> None:
    both = np.random.default_rng(0).integers(0, 2, (60, 60, 2)).astype(np.uint8) * 255
    both[..., 1] = both[..., 0]
    image, valid = np.zeros((60, 60, 3), np.uint8), np.full((60, 60), 255, np.uint8)
    for _ in range(20):
        moved = warp(image, both, valid, random)[1]
        assert np.array_equal(moved[..., 0], moved[..., 1])


def test_recolouring_keeps_things_where_they_are(random: np.random.Generator) -> None:
    image = np.full((128, 128, 3), 60, np.uint8)
    image[40:90, 30:80] = (200, 190, 60)
    for _ in range(60):
        changed = recolor(image, random)
        assert changed.shape == image.shape
        assert changed.dtype == np.uint8
    assert np.array_equal(image[60, 60], [200, 190, 60])
    truth = np.zeros((128, 128), bool)
    truth[40:90, 30:80] = True
    differences = []
    for _ in range(60):
        gray = recolor(image, random).mean(2)
        middle = (gray[truth].mean() + gray[~truth].mean()) / 2
        differences.append(((gray > middle) != truth).mean())
    # Some are washed out; none has moved.
    assert np.median(differences) < 0.01


def test_what_is_covered_is_no_longer_the_objects(random: np.random.Generator) -> None:
    covered_count = 0
    for _ in range(60):
        image = np.full((128, 128, 3), 7, np.uint8)
        target = np.zeros((128, 128), np.uint8)
        target[30:100, 30:100] = 255
        before = target.copy()
        occlude(image, target, random)
        changed = target != before
        assert (target[changed] == 0).all()
        assert target.sum() >= 0.5 * before.sum()
        # Where nothing was covered the picture is as it was.
        if not changed.any():
            continue
        covered_count += 1
        assert (image[changed] != 7).any(1).mean() > 0.9
    assert covered_count > 20

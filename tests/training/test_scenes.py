"""Drawn training scenes: exact masks, repeatable, of every kind."""

import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
KIND_NAMES = ("dead leaves", "things", "sports", "person", "thin things")


@pytest.fixture(scope="module")
def scenes() -> ModuleType:
    """The package training.scenes, which is not installed."""
    sys.path.insert(0, str(ROOT))
    try:
        import training.scenes
        import training.scenes.finish
        import training.scenes.scene
        import training.scenes.sprites
        import training.scenes.textures
    finally:
        sys.path.remove(str(ROOT))
    return training.scenes


@pytest.fixture
def photo() -> np.ndarray:
    """A photo-like picture."""
    return np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)


def test_the_kinds_are_those_with_a_weight_and_the_weights_add_up(scenes: ModuleType) -> None:
    assert tuple(scenes.KINDS) == tuple(scenes.WEIGHTS) == KIND_NAMES
    assert sum(scenes.WEIGHTS.values()) == pytest.approx(1)


@pytest.mark.parametrize("kind", KIND_NAMES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_kind_gives_a_picture_and_ids_without_gaps(
    scenes: ModuleType, photo: np.ndarray, kind: str, seed: int
) -> None:
    random = np.random.default_rng(seed)
    scene = scenes.render_scene(random, 120, 160, backgrounds=[photo] * seed, kind=kind)
    assert scene.kind == kind
    assert scene.image.shape == (120, 160, 3)
    assert scene.image.dtype == np.uint8
    assert scene.ids.shape == (120, 160)
    assert scene.ids.dtype == np.uint16
    numbers, counts = np.unique(scene.ids[scene.ids > 0], return_counts=True)
    assert numbers.tolist() == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 1
    assert counts.min() >= 24


def test_the_same_seed_draws_the_same_scene_and_another_seed_another(scenes: ModuleType) -> None:
    first, again, other = (
        scenes.render_scene(np.random.default_rng(seed), 96, 96) for seed in (5, 5, 6)
    )
    assert (first.image == again.image).all()
    assert (first.ids == again.ids).all()
    assert first.kind == again.kind
    assert (first.image != other.image).any()


def test_a_photo_is_not_painted_over(scenes: ModuleType, photo: np.ndarray) -> None:
    before = photo.copy()
    for seed in range(4):
        scenes.render_scene(np.random.default_rng(seed), 96, 96, backgrounds=[photo])
    assert (photo == before).all()


def test_kinds_are_drawn_by_their_weights(
    scenes: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(scenes.WEIGHTS, "person", 1.0)
    for name in set(KIND_NAMES) - {"person"}:
        monkeypatch.setitem(scenes.WEIGHTS, name, 0.0)
    scene = scenes.render_scene(np.random.default_rng(0), 64, 64)
    assert scene.kind == "person"


def test_sizes_below_64_and_unknown_kinds_are_refused(scenes: ModuleType) -> None:
    with pytest.raises(ValueError, match="at least 64 wide and high, got 64 x 63"):
        scenes.render_scene(np.random.default_rng(0), 63, 64)
    with pytest.raises(ValueError, match="got 'tea'"):
        scenes.render_scene(np.random.default_rng(0), 64, 64, kind="tea")


def test_coverage_is_the_share_of_each_pixel(scenes: ModuleType) -> None:
    sprites, textures = scenes.sprites, scenes.textures
    paint = textures.Textures(np.random.default_rng(0)).flat(np.zeros(3, np.float32))
    # x from 2 to 6, y from 1 to 3.5, with a hole from 3 to 4 by 1 to 2.
    outline = np.array([[2, 1], [6, 1], [6, 3.5], [2, 3.5]], np.float32)
    hole = np.array([[3, 1], [4, 1], [4, 2], [3, 2]], np.float32)
    part = sprites.Part(paint, (outline,), holes=(hole,))
    cover = sprites.coverage(part, (0, 0, 8, 5), 16)
    expected = np.zeros((5, 8))
    expected[1:3, 2:6] = 1
    expected[3, 2:6] = 0.5
    expected[1, 3] = 0
    # The rasteriser counts the rim itself in: up to one of 16 lines on each side.
    np.testing.assert_allclose(cover, expected, atol=0.14)


def test_ids_are_where_an_object_covers_more_than_half_and_nothing_else_does(
    scenes: ModuleType,
) -> None:
    module = scenes.scene
    canvas = module.Canvas(np.full((20, 20, 3), 100, np.float32))

    def layer(left: int, share: float) -> None:
        cover = np.full((10, 6), share, np.float32)
        colour = np.full((10, 6, 3), 200 * share, np.float32)
        canvas.lay(module.Sprite((left, 5), colour, cover), marked=True)

    layer(2, 1.0)
    layer(6, 0.6)
    layer(4, 0.4)
    layer(16, 1.0)
    canvas.darken((0, 0), np.full((20, 20), 0.5, np.float32))
    ids = canvas.final_ids()
    # The first keeps 4 columns, the second all 6; the pale third has none; 4 of the last fit in.
    assert np.bincount(ids.ravel()).tolist() == [260, 40, 60, 40]
    assert ids[5, [2, 5, 6, 11, 12, 16]].tolist() == [1, 1, 2, 2, 0, 3]
    # 100 under 60 % of 200 is 160, halved by the shadow.
    assert canvas.image[5, 11, 0] == pytest.approx(80)


def test_an_object_hidden_by_more_than_85_percent_is_none(scenes: ModuleType) -> None:
    module = scenes.scene
    canvas = module.Canvas(np.zeros((40, 40, 3), np.float32))
    whole = np.ones((20, 20), np.float32)
    sprite = module.Sprite((0, 0), np.zeros((20, 20, 3), np.float32), whole)
    canvas.lay(sprite, marked=True)
    cover = module.Sprite((0, 0), np.zeros((18, 20, 3), np.float32), whole[:18])
    canvas.lay(cover)
    assert not canvas.final_ids().any()


def test_two_visible_parts_of_one_object_keep_one_id(scenes: ModuleType) -> None:
    module = scenes.scene
    canvas = module.Canvas(np.zeros((12, 30, 3), np.float32))
    bar = module.Sprite((0, 2), np.zeros((8, 30, 3), np.float32), np.ones((8, 30), np.float32))
    post = module.Sprite((12, 0), np.zeros((12, 4, 3), np.float32), np.ones((12, 4), np.float32))
    canvas.lay(bar, marked=True)
    canvas.lay(post)
    ids = canvas.final_ids()
    count, _ = cv2.connectedComponents((ids > 0).astype(np.uint8))
    assert count - 1 == 2
    assert set(ids[ids > 0].tolist()) == {1}


def test_a_smeared_sprite_keeps_its_total_cover(scenes: ModuleType) -> None:
    sprites = scenes.sprites
    kernel = sprites.motion_kernel(9.0, 0.0)
    assert kernel.sum() == pytest.approx(1)
    # Moving 8 pixels along x: the pixels between the ends are met twice as long as the ends.
    np.testing.assert_allclose(kernel[4], [1 / 16, *[1 / 8] * 7, 1 / 16], atol=0.004)
    cover = np.zeros((21, 21), np.float32)
    cover[8:13, 8:13] = 1
    colour = np.repeat(cover[..., None] * 50, 3, axis=2)
    smeared = sprites.blurred(scenes.scene.Sprite((0, 0), colour, cover), kernel)
    assert smeared.cover.sum() == pytest.approx(25, rel=1e-4)
    assert smeared.cover[10].max() == pytest.approx(5 / 8, abs=0.01)

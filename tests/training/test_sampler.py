"""Training samples: repeatable, of every mode, and true to the object they were made of."""

from pathlib import Path

import numpy as np
import pytest

from track_anything.segmenters.compact.network import CHANNELS
from training.corrections import corrected
from training.loader import BatchLoader, stack
from training.pool import Instance, Picture, Pool, instances_of, load_pool
from training.sampler import MODES, Sample, Sampler, make_sample

BOX, POSITIVE, NEGATIVE, PREVIOUS, VALID = (
    CHANNELS.index(name) for name in ("box", "positive", "negative", "previous", "valid")
)


@pytest.fixture(scope="module")
def pool(data: Path) -> Pool:
    return load_pool(data)


@pytest.fixture(scope="module")
def samples(pool: Pool) -> list[Sample]:
    sampler = Sampler(pool.training, pool.backgrounds, 1)
    return [sampler.draw() for _ in range(120)]


@pytest.fixture(scope="module")
def white() -> Instance:
    """A white square of 60 pixels on black, in the corner of a picture."""
    ids = np.zeros((120, 160), np.uint16)
    ids[20:80, 10:70] = 1
    image = np.repeat((ids * 255).astype(np.uint8)[..., None], 3, axis=2)
    return instances_of(Picture(image, ids))[0]


def plain(white: Instance, mode: str, count: int = 40) -> list[Sample]:
    random = np.random.default_rng(2)
    made = [
        make_sample(white, [white], MODES.index(mode), random, is_plain=True) for _ in range(count)
    ]
    return [one for one in made if one is not None]


def test_the_same_seed_gives_the_same_samples_and_another_seed_others(pool: Pool) -> None:
    first, again, other = (
        Sampler(pool.training, pool.backgrounds, seed).draw() for seed in (5, 5, 6)
    )
    assert np.array_equal(first.channels, again.channels)
    assert np.array_equal(first.target, again.target)
    assert not np.array_equal(first.channels, other.channels)


def test_every_mode_is_drawn_and_has_the_prompts_of_its_name(samples: list[Sample]) -> None:
    counts = np.bincount([one.mode for one in samples], minlength=4)
    assert counts.min() > 8
    for one in samples:
        said = {channel: bool(one.channels[channel].any()) for channel in (BOX, POSITIVE, PREVIOUS)}
        name = MODES[one.mode]
        assert said[PREVIOUS] == (name == "previous")
        assert (one.box is not None) == said[BOX]
        if name == "box":
            assert said == {BOX: True, POSITIVE: False, PREVIOUS: False}
            assert not one.channels[NEGATIVE].any()
        if name == "points":
            assert said == {BOX: False, POSITIVE: True, PREVIOUS: False}


def test_samples_have_the_form_the_network_takes(samples: list[Sample]) -> None:
    for one in samples:
        assert one.channels.shape == (9, 128, 128)
        assert one.channels.dtype == np.float32
        assert np.isfinite(one.channels).all()
        assert one.target.shape == (128, 128)
        assert (one.target > 127).sum() >= 40


def test_an_object_is_never_smaller_than_what_is_seen_of_it(samples: list[Sample]) -> None:
    assert all(one.area >= one.target.sum(dtype=float) / 255 - 1e-3 for one in samples)
    # Crops around a click may show a part only.
    assert any(one.area > 1.3 * one.target.sum(dtype=float) / 255 for one in samples)


def test_boxes_are_near_the_object(white: Instance) -> None:
    for one in plain(white, "box"):
        ys, xs = np.nonzero(one.target > 127)
        true = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
        # A fifth of the object at most, on any side.
        assert np.abs(one.box - true).max() < 0.2 * np.ptp(xs)


def test_lone_clicks_lie_on_the_object(white: Instance, samples: list[Sample]) -> None:
    shown = plain(white, "points") + [one for one in samples if MODES[one.mode] == "points"]
    for one in shown:
        from_discs = one.channels[POSITIVE] > 0
        centre = np.argwhere(from_discs).mean(0) if from_discs.sum() == 29 else None
        if centre is not None:
            assert one.target[tuple(np.round(centre).astype(int))] > 0
        assert (one.target[from_discs] > 127).mean() > 0.4


def test_the_truth_is_the_object_in_the_crop(white: Instance) -> None:
    for mode in MODES:
        for one in plain(white, mode):
            white_pixels = one.channels[0] > (0.5 - 0.45) / 0.25
            assert (white_pixels != (one.target > 127)).mean() < 0.01


def test_beyond_the_picture_a_crop_is_not_valid(white: Instance) -> None:
    shares = [one.channels[VALID].mean() for one in plain(white, "points")]
    assert min(shares) < 0.95
    for one in plain(white, "points"):
        assert not one.channels[:3][:, one.channels[VALID] == 0].any()


def test_an_earlier_mask_is_something_like_the_object(white: Instance) -> None:
    overlaps = []
    for one in plain(white, "previous"):
        earlier, truth = one.channels[PREVIOUS] > 0, one.target > 127
        overlaps.append((earlier & truth).sum() / (earlier | truth).sum())
    assert 0.5 < np.mean(overlaps) < 0.95


def test_a_batch_holds_the_samples_side_by_side(samples: list[Sample]) -> None:
    batch = stack(samples[:5])
    assert batch.channels.shape == (5, 9, 128, 128)
    assert batch.channels.dtype == np.float16
    assert batch.mode.tolist() == [one.mode for one in samples[:5]]
    has_box = [one.box is not None for one in samples[:5]]
    assert (~np.isnan(batch.box[:, 0])).tolist() == has_box


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_batches_come_in_an_order_of_the_seed_and_the_workers_alone(data: Path) -> None:
    def first_batches(seed: int, workers: int, first_batch: int = 0) -> list[bytes]:
        loader = BatchLoader(data, batch=1, seed=seed, workers=workers, first_batch=first_batch)
        try:
            batches = iter(loader)
            return [next(batches).channels.tobytes() for _ in range(3)]
        finally:
            loader.close()

    one = first_batches(1, 2)
    assert one == first_batches(1, 2)
    assert len(set(one)) == 3
    # Workers take turns: the first of each is the same however many there are.
    assert first_batches(1, 1)[:2] == [one[0], one[2]]
    assert not set(one) & set(first_batches(2, 1))
    assert not set(one) & set(first_batches(1, 1, first_batch=7))


def test_a_second_look_shows_the_answer_and_a_click_on_its_error(samples: list[Sample]) -> None:
    batch = stack(samples[:24])
    chosen = np.arange(24)
    nothing = np.full((24, 128, 128), -9, np.float32)
    again = corrected(batch, chosen, nothing, np.random.default_rng(0))
    assert again.shape == (24, 9, 128, 128)
    assert again.dtype == np.float16
    # The answer was empty: that is the earlier mask now, and every new click is on the object.
    assert np.allclose(again[:, PREVIOUS], -1, atol=1e-3)
    assert np.array_equal(again[:, VALID], batch.channels[:, VALID])
    changes = np.abs(again[:, :3].astype(float) - batch.channels[:, :3]).max(1)
    assert changes[batch.channels[:, VALID] == 1].max() < 0.03
    new = (again[:, POSITIVE] > 0).sum((1, 2)) - (batch.channels[:, POSITIVE] > 0).sum((1, 2))
    assert 0.4 < (new > 0).mean() < 1
    assert np.array_equal(again[:, NEGATIVE] > 0, batch.channels[:, NEGATIVE] > 0)

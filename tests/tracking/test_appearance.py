import numpy as np
import pytest
import torch

from track_anything.config import AppearanceConfig
from track_anything.structures import Floats
from track_anything.tracking.appearance import (
    BLOCK,
    SMOOTHED,
    STEPS_AT_ONCE,
    AppearanceModel,
    SampleMemory,
    single_thread,
)

CHANNELS = 5


def remembered(memory: SampleMemory) -> list[float]:
    return [float(frame[0, 0, 0]) for frame in memory.filled]


def fill(memory: SampleMemory, count: int) -> None:
    """Frame number n holds n for the background and -n for the object."""
    for number in range(1, count + 1):
        rows = np.full((2, CHANNELS), number, np.float32)
        memory.add(rows, -rows)


@pytest.mark.parametrize(
    ("count", "first_kept", "ring"),
    [
        (0, [], []),
        (2, [1, 2], [1, 2]),
        (3, [1, 2, 3], [1, 2, 3]),
        (4, [1, 4, 3], [4, 2, 3]),
        (5, [1, 4, 5], [4, 5, 3]),
        (6, [1, 6, 5], [4, 5, 6]),
    ],
)
def test_a_memory_forgets_its_oldest_frame_but_the_first_where_that_is_kept(
    count: int, first_kept: list[float], ring: list[float]
) -> None:
    for keeps_first, expected in ((True, first_kept), (False, ring)):
        memory = SampleMemory(3, 2, CHANNELS, keeps_first=keeps_first)
        fill(memory, count)
        assert remembered(memory) == expected


def test_a_cleared_memory_holds_nothing() -> None:
    memory = SampleMemory(3, 2, CHANNELS, keeps_first=False)
    fill(memory, 5)
    memory.clear()
    assert memory.filled.shape == (0, 2, 2, CHANNELS)
    fill(memory, 1)
    assert remembered(memory) == [1]


def test_pixels_are_drawn_from_the_frames_remembered_and_of_one_class() -> None:
    memory = SampleMemory(6, 2, CHANNELS, keeps_first=False)
    fill(memory, 3)
    random = np.random.default_rng(0)
    drawn = [memory.draw(random, label, 200, 3) for label in (0, 1)]
    background, foreground = (one.held[one.drawn].reshape(3, -1, CHANNELS) for one in drawn)
    assert background.shape == (3, 200, CHANNELS)
    assert set(background[..., 0].ravel()) == {1, 2, 3}
    assert set(foreground[..., 0].ravel()) == {-1, -2, -3}


@pytest.mark.parametrize(
    ("per_class", "count", "together"), [(64, 32, BLOCK), (64, 8, 8), (12, 6, 2)]
)
def test_rows_that_lie_together_are_drawn_together(
    per_class: int, count: int, together: int
) -> None:
    memory = SampleMemory(2, per_class, CHANNELS, keeps_first=False)
    for frame in range(2):
        rows = np.arange(per_class, dtype=np.float32)[:, None] + 100 * frame
        memory.add(np.tile(rows, CHANNELS), np.tile(rows + 1000, CHANNELS))
    one = memory.draw(np.random.default_rng(0), 1, count, 500)
    drawn = one.held[one.drawn].reshape(-1, together, CHANNELS)[..., 0]
    assert (np.diff(drawn, axis=1) == 1).all()
    # Every block of both frames, each from its beginning.
    starts = {1000 + 100 * f + s for f in range(2) for s in range(0, per_class, together)}
    assert set(drawn[:, 0]) == starts


def two_clouds(seed: int = 0) -> tuple[Floats, Floats]:
    """Rows of background and of object, apart in two of five channels."""
    random = np.random.default_rng(seed)
    background, foreground = random.normal(0, 1, (2, 300, CHANNELS)).astype(np.float32)
    foreground[:, 1] += 5
    foreground[:, 3] -= 400
    return background, foreground


@pytest.fixture
def config() -> AppearanceConfig:
    return AppearanceConfig(hidden=8, batch=64)


def trained(config: AppearanceConfig, *, seed: int = 0, steps: int = 60) -> AppearanceModel:
    background, foreground = two_clouds()
    model = AppearanceModel(CHANNELS, config, np.random.default_rng(seed))
    model.standardise(np.concatenate([background, foreground]).T)
    memory = SampleMemory(1, 300, CHANNELS, keeps_first=False)
    memory.add(model.scaled(background), model.scaled(foreground))
    model.train([(memory, 1.0)], steps=steps, rate=0.02)
    return model


def test_a_trained_model_tells_object_from_background_on_pixels_it_never_saw(
    config: AppearanceConfig,
) -> None:
    model = trained(config)
    background, foreground = two_clouds(seed=9)
    inside = model.logits(np.ascontiguousarray(foreground.T))
    outside = model.logits(np.ascontiguousarray(background.T))
    assert (inside.shape, inside.dtype) == ((300,), np.float32)
    assert (inside > 0).mean() > 0.98
    assert (outside < 0).mean() > 0.98


def test_the_seed_decides_the_model_to_the_bit(config: AppearanceConfig) -> None:
    probe = np.ascontiguousarray(two_clouds(seed=3)[1].T)
    first, again, other = (trained(config, seed=seed).logits(probe) for seed in (4, 4, 5))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_no_steps_change_nothing(config: AppearanceConfig) -> None:
    probe = np.ascontiguousarray(two_clouds()[1].T)
    untrained = AppearanceModel(CHANNELS, config, np.random.default_rng(0))
    untrained.standardise(np.concatenate(two_clouds()).T)
    memory = SampleMemory(1, 300, CHANNELS, keeps_first=False)
    memory.add(*two_clouds())
    before = untrained.logits(probe)
    untrained.train([(memory, 1.0)], steps=1, rate=0.0)
    assert untrained.logits(probe).tobytes() == before.tobytes()


def test_each_channel_is_brought_to_the_scale_of_the_features_it_began_with(
    config: AppearanceConfig,
) -> None:
    model = AppearanceModel(CHANNELS, config, np.random.default_rng(0))
    features = np.array([[1, 3], [0, 20], [7, 7], [0, 0], [-1, 1]], np.float32)
    model.standardise(features)
    assert model.mean.tolist() == [2, 10, 7, 0, 0]
    # A channel that never changes must not be blown up.
    assert model.deviation.tolist() == pytest.approx([1, 10, 1e-3, 1e-3, 1])
    w1, b1, w2, b2 = (weight.numpy() for weight in model.weights)
    scaled = (features - model.mean[:, None]) / model.deviation[:, None]
    expected = (w2 @ np.maximum(w1 @ scaled + b1, 0) + b2)[0]
    assert np.allclose(model.logits(features), expected, rtol=1e-4, atol=1e-4)


def test_training_is_adam_on_the_binary_cross_entropy(config: AppearanceConfig) -> None:
    """The gradients written out are those of torch's autograd, the steps those of its Adam."""
    model = trained(config, steps=3)
    ours = AppearanceModel(CHANNELS, config, np.random.default_rng(7))
    theirs = [torch.nn.Parameter(weight.clone()) for weight in ours.weights]
    optimiser = torch.optim.Adam(theirs, lr=0.01)
    random = np.random.default_rng(1)
    labels = torch.tensor([SMOOTHED, 1 - SMOOTHED] * 16)
    for _ in range(5):
        rows = torch.from_numpy(random.normal(0, 1, (32, CHANNELS)).astype(np.float32))
        ours._step(rows, labels, 0.01)
        w1, b1, w2, b2 = theirs
        logits = torch.relu(rows @ w1.T + b1.T) @ w2.T + b2
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0], labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for weight, expected in zip(ours.weights, theirs, strict=True):
        assert torch.allclose(weight, expected, atol=1e-5)
    assert (model.step_count, ours.step_count) == (3, 5)


def test_memories_share_a_batch_by_their_weights(config: AppearanceConfig) -> None:
    model = AppearanceModel(CHANNELS, config, np.random.default_rng(0))
    memories = []
    for value, share in ((1.0, 0.25), (2.0, 0.75)):
        memory = SampleMemory(1, 4, CHANNELS, keeps_first=False)
        rows = np.full((4, CHANNELS), value, np.float32)
        memory.add(rows, rows + 10)
        memories.append((memory, share))
    count = STEPS_AT_ONCE + 1
    labels, batches = model._batches(memories, count)
    rows = [batch.clone() for batch in batches]
    # 64 rows a step: 16 of the first memory, 48 of the second, half object in each.
    assert [tuple(batch.shape) for batch in rows] == [(64, CHANNELS)] * count
    values = rows[-1][:, 0].tolist()
    assert values == [1.0] * 8 + [11.0] * 8 + [2.0] * 24 + [12.0] * 24
    assert labels.tolist() == pytest.approx([0.02] * 8 + [0.98] * 8 + [0.02] * 24 + [0.98] * 24)


def test_rows_are_brought_to_the_scale_that_the_model_was_given(config: AppearanceConfig) -> None:
    model = AppearanceModel(CHANNELS, config, np.random.default_rng(0))
    model.mean, model.deviation = np.full((2, CHANNELS), ((3,), (4,)), np.float32)
    rows = np.repeat(np.array([[11], [-1]], np.float32), CHANNELS, axis=1)
    # (11 - 3) / 4 and (-1 - 3) / 4
    assert model.scaled(rows)[:, 0].tolist() == [2.0, -1.0]


@pytest.mark.parametrize(("learned", "steps"), [(0.0, 12), (0.2, 12), (0.6, STEPS_AT_ONCE)])
def test_what_is_told_already_is_learned_in_a_few_steps(
    config: AppearanceConfig, learned: float, steps: int
) -> None:
    # Without weights every pixel is as probable as not: 0.48 from its label.
    model = AppearanceModel(CHANNELS, config, np.random.default_rng(0))
    for weight in model.weights:
        weight.zero_()
    memory = SampleMemory(1, 300, CHANNELS, keeps_first=False)
    memory.add(*two_clouds())
    model.train([(memory, 1.0)], steps=12, rate=0.0, learned=learned)
    assert model.step_count == steps


def test_a_model_goes_on_from_its_arrays_to_the_bit(config: AppearanceConfig) -> None:
    probe = np.ascontiguousarray(two_clouds(seed=3)[1].T)
    ours, theirs = trained(config), AppearanceModel(CHANNELS, config, np.random.default_rng(5))
    theirs.load_arrays({name: values.copy() for name, values in ours.arrays().items()})
    theirs.step_count = ours.step_count
    rows = torch.from_numpy(two_clouds(seed=4)[0])
    for model in (ours, theirs):
        model._step(rows, torch.full((300,), 0.5), 0.01)
    assert ours.logits(probe).tobytes() == theirs.logits(probe).tobytes()


def test_the_number_of_threads_is_one_for_a_while_and_then_what_it_was() -> None:
    torch.set_num_threads(2)
    with single_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(KeyError), single_thread():
        raise KeyError
    assert torch.get_num_threads() == 2

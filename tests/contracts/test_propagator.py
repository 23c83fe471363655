"""One suite that every propagator passes: add a new one to PROPAGATORS."""

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np
import pytest

from track_anything.config import AppearanceConfig, PropagatorConfig
from track_anything.errors import TrackingError
from track_anything.interfaces import Propagator
from track_anything.masks import logits_mask, mask_iou, whole_logits
from track_anything.structures import Frame, Mask, Propagation, VideoInfo
from track_anything.testing import HoldingPropagator, MovingSquare
from track_anything.tracking.propagator import FlowAppearancePropagator


def flow_appearance() -> Propagator:
    appearance = AppearanceConfig(hidden=16, first_steps=60, steps=3, key_steps=15, batch=256)
    return FlowAppearancePropagator(config=PropagatorConfig(appearance=appearance, search=20))


PROPAGATORS: dict[str, Callable[[], Propagator]] = {
    "flow and appearance": flow_appearance,
    "holding": HoldingPropagator,
}
SIZE = (60, 80)


@pytest.fixture(params=PROPAGATORS.values(), ids=PROPAGATORS.keys())
def make(request: pytest.FixtureRequest) -> Callable[[], Propagator]:
    """Every propagator's factory in turn."""
    factory: Callable[[], Propagator] = request.param
    return factory


@pytest.fixture
def propagator(make: Callable[[], Propagator]) -> Propagator:
    """Every propagator in turn, fresh."""
    return make()


def as_bytes(found: Mapping[int, Propagation]) -> dict[int, tuple[bytes, float]]:
    return {i: (whole_logits(one.logits).tobytes(), one.confidence) for i, one in found.items()}


def check(found: Mapping[int, Propagation], ids: list[int]) -> None:
    """The form that every answer has."""
    assert list(found) == ids
    for one in found.values():
        assert whole_logits(one.logits).ndim == 2
        assert whole_logits(one.logits).dtype == np.float32
        assert np.isfinite(whole_logits(one.logits)).all()
        assert 0 <= one.confidence <= 1
        assert all(isinstance(name, str) for name in one.signals)
        assert all(np.isfinite(value) for value in one.signals.values())


def test_without_objects_there_is_nothing_to_carry(
    propagator: Propagator, square: MovingSquare
) -> None:
    propagator.start(square.info)
    assert dict(propagator.propagate(square.frame(0))) == {}


def test_objects_come_by_ascending_id_in_the_form_promised(
    propagator: Propagator, square: MovingSquare, other: Mask
) -> None:
    propagator.start(square.info)
    propagator.learn(square.frame(0), 12, square.truth(0))
    propagator.learn(square.frame(0), 3, other)
    check(propagator.propagate(square.frame(1)), [3, 12])


def test_an_object_that_stands_still_stays(propagator: Propagator, square: MovingSquare) -> None:
    propagator.start(square.info)
    propagator.learn(square.frame(0), 1, square.truth(0))
    for index in (1, 2, 3):
        found = propagator.propagate(square.frame(index))[1]
        assert mask_iou(logits_mask(found.logits, SIZE), square.truth(index)) > 0.95
        assert found.confidence > 0.5


def test_the_mask_learned_last_is_gone_on_from(
    propagator: Propagator, square: MovingSquare
) -> None:
    """The left half is learned, then the whole: what follows is nearer to the whole."""
    half = square.truth(0).copy()
    half[:, 20:] = False
    propagator.start(square.info)
    propagator.learn(square.frame(0), 1, half)
    for index, mask in ((1, half), (2, square.truth(2))):
        found = propagator.propagate(square.frame(index))[1]
        propagator.learn(square.frame(index), 1, mask)
    before = mask_iou(logits_mask(found.logits, SIZE), square.truth(2))
    found = propagator.propagate(square.frame(3))[1]
    assert mask_iou(logits_mask(found.logits, SIZE), square.truth(3)) > before + 0.1


def test_an_object_may_join_on_any_frame(
    propagator: Propagator, square: MovingSquare, other: Mask
) -> None:
    propagator.start(square.info)
    propagator.learn(square.frame(0), 1, square.truth(0))
    check(propagator.propagate(square.frame(1)), [1])
    propagator.learn(square.frame(1), 2, other)
    check(propagator.propagate(square.frame(2)), [1, 2])


def test_the_first_prompt_may_come_late(propagator: Propagator, square: MovingSquare) -> None:
    propagator.start(square.info)
    for index in range(3):
        assert not propagator.propagate(square.frame(index))
    propagator.learn(square.frame(2), 1, square.truth(2))
    found = propagator.propagate(square.frame(3))[1]
    assert mask_iou(logits_mask(found.logits, SIZE), square.truth(3)) > 0.95


def test_an_object_learned_as_hidden_is_not_held_to_be_where_it_was(
    propagator: Propagator, square: MovingSquare
) -> None:
    background = MovingSquare(size=SIZE, side=20, start=(10, 15), velocity=(0, 0))
    image = background.frame(0).image.copy()
    image[15:35, 10:30] = image[35:55, 40:60]
    propagator.start(square.info)
    propagator.learn(square.frame(0), 1, square.truth(0))
    propagator.propagate(square.frame(1))
    gone = [Frame(index, Fraction(index, 25), image) for index in (1, 2, 3)]
    propagator.learn(gone[0], 1, np.zeros(SIZE, np.bool_))
    for frame in gone[1:]:
        found = propagator.propagate(frame)
        check(found, [1])
        assert mask_iou(logits_mask(found[1].logits, SIZE), square.truth(0)) < 0.3
        assert found[1].confidence < 0.5


def test_a_forgotten_object_is_gone_and_unknown_ones_are_ignored(
    propagator: Propagator, square: MovingSquare, other: Mask
) -> None:
    propagator.start(square.info)
    propagator.forget(4)
    propagator.learn(square.frame(0), 1, square.truth(0))
    propagator.learn(square.frame(0), 2, other)
    propagator.forget(1)
    propagator.forget(1)
    check(propagator.propagate(square.frame(1)), [2])


def test_start_forgets_everything(propagator: Propagator, square: MovingSquare) -> None:
    propagator.start(square.info)
    propagator.learn(square.frame(0), 1, square.truth(0))
    small = MovingSquare(size=(40, 50), side=10)
    propagator.start(small.info)
    assert dict(propagator.propagate(small.frame(0))) == {}


def test_the_right_mask_is_supported_best(
    propagator: Propagator, square: MovingSquare, other: Mask
) -> None:
    propagator.start(square.info)
    propagator.learn(square.frame(0), 1, square.truth(0))
    propagator.propagate(square.frame(1))
    right, wrong = (propagator.support(square.frame(1), 1, m) for m in (square.truth(1), other))
    assert -1 <= wrong < right <= 1
    assert propagator.support(square.frame(1), 9, square.truth(1)) == 0


def test_a_mask_is_more_like_its_own_object_than_an_empty_one_or_one_unknown(
    propagator: Propagator, square: MovingSquare
) -> None:
    propagator.start(square.info)
    propagator.learn(square.frame(0), 1, square.truth(0))
    propagator.propagate(square.frame(1))
    frame, right = square.frame(1), square.truth(1)
    assert 0.5 < propagator.resemblance(frame, 1, right) <= 1
    assert propagator.resemblance(frame, 1, np.zeros_like(right)) == 0
    assert propagator.resemblance(frame, 9, right) == 0


def test_a_mask_as_it_was_learned_can_be_the_object(
    propagator: Propagator, square: MovingSquare
) -> None:
    propagator.start(square.info)
    propagator.learn(square.frame(0), 1, square.truth(0))
    mask = square.truth(0)
    for track_id in (1, 9):
        assert np.array_equal(propagator.believable(track_id, mask, place=mask), mask)


def test_what_is_ceded_is_not_carried_on(propagator: Propagator, square: MovingSquare) -> None:
    frame, mask = square.frame(0), square.truth(0)
    propagator.start(square.info)
    propagator.learn(frame, 1, mask)
    columns = np.flatnonzero(mask.any(axis=0))
    half = mask & (np.arange(mask.shape[1]) < columns[len(columns) // 2])
    before = propagator.save()
    propagator.cede(9, half)
    assert propagator.save() == before
    propagator.cede(1, half)
    assert propagator.save() != before


def test_asking_for_support_changes_nothing(
    make: Callable[[], Propagator], square: MovingSquare, other: Mask
) -> None:
    first, second = make(), make()
    outputs = []
    for propagator, asks in ((first, False), (second, True)):
        propagator.start(square.info)
        propagator.learn(square.frame(0), 1, square.truth(0))
        propagator.propagate(square.frame(1))
        if asks:
            propagator.support(square.frame(1), 1, other)
            propagator.resemblance(square.frame(1), 1, other)
            propagator.believable(1, other, place=square.truth(1))
        outputs.append(as_bytes(propagator.propagate(square.frame(2))))
    assert outputs[0] == outputs[1]


def test_restoring_goes_on_with_the_same_masks_byte_for_byte(
    make: Callable[[], Propagator], square: MovingSquare, other: Mask
) -> None:
    first, second = make(), make()
    first.start(square.info)
    first.learn(square.frame(0), 1, square.truth(0))
    first.learn(square.frame(0), 2, other)
    first.propagate(square.frame(1))
    first.learn(square.frame(1), 2, np.zeros(SIZE, np.bool_))
    state = first.save()
    assert isinstance(state, bytes)
    # Never started, and used for something else before.
    used = make()
    used.start(MovingSquare(size=(40, 50), side=10).info)
    for index in (2, 3):
        expected = as_bytes(first.propagate(square.frame(index)))
        for restored in (second, used):
            if index == 2:
                restored.restore(state)
            assert as_bytes(restored.propagate(square.frame(index))) == expected


@pytest.mark.parametrize("state", [b"", b"not a state", b"PK\x03\x04", bytes(200)])
def test_what_is_not_its_state_is_refused(propagator: Propagator, state: bytes) -> None:
    with pytest.raises(TrackingError):
        propagator.restore(state)


def test_start_comes_first(propagator: Propagator, square: MovingSquare) -> None:
    with pytest.raises(TrackingError):
        propagator.learn(square.frame(0), 1, square.truth(0))
    with pytest.raises(TrackingError):
        propagator.propagate(square.frame(0))


def test_a_mask_that_is_not_of_the_frames_size_is_refused(
    propagator: Propagator, square: MovingSquare
) -> None:
    propagator.start(square.info)
    with pytest.raises(TrackingError, match=r"\(9, 9\)"):
        propagator.learn(square.frame(0), 1, np.ones((9, 9), np.bool_))


def test_pictures_and_masks_are_left_as_they_were(
    propagator: Propagator, square: MovingSquare
) -> None:
    mask = square.truth(0)
    mask.flags.writeable = False
    propagator.start(square.info)
    propagator.learn(square.frame(0), 1, mask)
    frame = square.frame(1)
    assert not frame.image.flags.writeable
    propagator.propagate(frame)
    propagator.support(frame, 7, mask)


@pytest.mark.parametrize("size", [(17, 33), (33, 17), (1, 1)])
@pytest.mark.parametrize("fills", [True, False], ids=["whole frame", "one pixel"])
def test_no_size_of_frame_or_object_crashes_it(
    propagator: Propagator, size: tuple[int, int], fills: bool
) -> None:
    random = np.random.default_rng(0)
    frames = [
        Frame(i, Fraction(i), random.integers(0, 256, (*size, 3)).astype(np.uint8))
        for i in range(3)
    ]
    mask = np.full(size, fills)
    mask[-1, -1] = True
    propagator.start(VideoInfo(width=size[1], height=size[0]))
    propagator.learn(frames[0], 1, mask)
    for frame in frames[1:]:
        check(propagator.propagate(frame), [1])

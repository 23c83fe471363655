import importlib.util
import io
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from track_anything.config import AppearanceConfig, PropagatorConfig
from track_anything.errors import TrackingError
from track_anything.masks import logits_mask, mask_iou, whole_logits
from track_anything.structures import Frame, Image, Mask, Propagation, VideoInfo
from track_anything.testing import MovingSquare
from track_anything.tracking import looks as looks_module
from track_anything.tracking.carried import Carried
from track_anything.tracking.features import FEATURE_COUNT
from track_anything.tracking.propagator import FlowAppearancePropagator

Make = Callable[..., FlowAppearancePropagator]
Output = list[dict[int, tuple[bytes, float]]]
SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def as_bytes(found: Mapping[int, Propagation]) -> dict[int, tuple[bytes, float]]:
    return {i: (whole_logits(p.logits).tobytes(), p.confidence) for i, p in found.items()}


def mask_of(found: Propagation, frame: Frame) -> Mask:
    return logits_mask(found.logits, (frame.image.shape[0], frame.image.shape[1]))


def noise_frame(index: int, size: tuple[int, int]) -> Frame:
    image = np.random.default_rng(index).integers(0, 256, (*size, 3)).astype(np.uint8)
    return Frame(index, Fraction(index), image)


# Where an object is put.


def test_a_moving_square_is_followed_closely(make_propagator: Make) -> None:
    square = MovingSquare()
    propagator = make_propagator()
    propagator.start(square.info)
    propagator.learn(square.frame(0), 1, square.truth(0))
    for index in range(1, 8):
        found = propagator.propagate(square.frame(index))[1]
        assert mask_iou(mask_of(found, square.frame(index)), square.truth(index)) > 0.95
        assert found.confidence > 0.8
        assert 0 < found.signals["stability"] <= 1


def test_objects_that_touch_keep_to_their_own_pixels(
    make_propagator: Make, red_and_blue: Any
) -> None:
    propagator = make_propagator()
    propagator.start(red_and_blue.info)
    for track_id in (1, 2):
        mask = red_and_blue.truth(0, track_id - 1)
        propagator.learn(red_and_blue.frame(0), track_id, mask)
    for index in range(1, 8):
        found = propagator.propagate(red_and_blue.frame(index))
        for track_id in (1, 2):
            truth = red_and_blue.truth(index, track_id - 1)
            assert mask_iou(mask_of(found[track_id], red_and_blue.frame(index)), truth) > 0.85


def test_where_hardly_anything_is_left_of_an_object_its_place_is_given_up(
    make_propagator: Make,
) -> None:
    square = MovingSquare()
    propagator = make_propagator()
    propagator.start(square.info)
    propagator.learn(square.frame(0), 1, square.truth(0))
    assert "gone" not in propagator.propagate(square.frame(1))[1].signals
    image = square.frame(2).image.copy()
    ys, xs = np.nonzero(square.truth(2))
    # A bar comes down on it, and leaves the lowest tenth.
    image[: int(ys.min() + 0.9 * (np.ptp(ys) + 1)), xs.min() - 4 : xs.max() + 5] = 0
    covered = replace(square.frame(2), image=image)
    assert propagator.propagate(covered)[1].signals["gone"] == 1
    assert "searching" in propagator.propagate(replace(square.frame(3), image=image))[1].signals


def test_a_correction_is_gone_on_from(
    make_propagator: Make, make_scene: Callable[..., Any]
) -> None:
    """The red block alone is learned, then that the blue one beside it belongs to it."""
    scene = make_scene(
        {"color": (205, 45, 45), "start": (20, 20)}, {"color": (60, 90, 220), "start": (40, 20)}
    )
    propagator = make_propagator()
    propagator.start(scene.info)
    propagator.learn(scene.frame(0), 1, scene.truth(0, 0))
    found = propagator.propagate(scene.frame(1))[1]
    assert mask_iou(mask_of(found, scene.frame(1)), scene.truth(1, 0)) > 0.9
    both = scene.truth(1, 0) | scene.truth(1, 1)
    propagator.learn(scene.frame(1), 1, both)
    found = propagator.propagate(scene.frame(2))[1]
    assert mask_iou(mask_of(found, scene.frame(2)), both) > 0.75


def test_the_logits_have_the_form_promised(make_propagator: Make, red_alone: Any) -> None:
    propagator = make_propagator()
    propagator.start(red_alone.info)
    propagator.learn(red_alone.frame(0), 1, red_alone.truth(0))
    found = propagator.propagate(red_alone.frame(1))[1]
    assert whole_logits(found.logits).dtype == np.float32
    assert whole_logits(found.logits).shape == (72, 96)
    assert np.isfinite(whole_logits(found.logits)).all()
    assert whole_logits(found.logits)[60, 90] == -8
    assert set(found.signals) >= {"entropy", "margin", "stability", "age"}


@pytest.mark.parametrize("size", [(17, 33), (33, 31), (9, 9), (1, 1), (50, 301)])
@pytest.mark.parametrize("kind", ["one pixel", "whole frame", "corner", "column"])
def test_no_mask_on_no_size_of_frame_is_too_odd(
    make_propagator: Make, size: tuple[int, int], kind: str
) -> None:
    height, width = size
    mask = np.zeros(size, np.bool_)
    if kind == "one pixel":
        mask[height // 2, width // 2] = True
    elif kind == "whole frame":
        mask[:] = True
    elif kind == "corner":
        mask[-5:, -5:] = True
    else:
        mask[:, 0] = True
    propagator = make_propagator()
    propagator.start(VideoInfo(width=width, height=height))
    propagator.learn(noise_frame(0, size), 1, mask)
    for index in (1, 2, 3):
        found = propagator.propagate(noise_frame(index, size))[1]
        assert np.isfinite(whole_logits(found.logits)).all()
        assert 0 <= found.confidence <= 1
        assert mask_of(found, noise_frame(index, size)).shape == size
    assert -1 <= propagator.support(noise_frame(3, size), 1, mask) <= 1


def test_a_large_object_is_followed_on_a_coarse_grid(make_propagator: Make) -> None:
    square = MovingSquare(size=(260, 340), side=200, start=(10, 10), velocity=(6, 3))
    propagator = make_propagator()
    propagator.start(square.info)
    propagator.learn(square.frame(0), 1, square.truth(0))
    for index in (1, 2, 3):
        found = propagator.propagate(square.frame(index))[1]
        assert mask_iou(mask_of(found, square.frame(index)), square.truth(index)) > 0.97


# To the bit.


def run(
    propagator: FlowAppearancePropagator,
    scene: Any,
    *,
    learned: Mapping[int, Mapping[int, Mask]],
    frames: range,
    is_started: bool = False,
) -> Output:
    """All that comes out; learned is {frame index: {track_id: mask}}."""
    if not is_started:
        propagator.start(scene.info)
    out = []
    for index in frames:
        frame = scene.frame(index)
        out.append(as_bytes(propagator.propagate(frame)))
        for track_id, mask in learned.get(index, {}).items():
            propagator.learn(frame, track_id, mask)
    return out


def test_two_runs_of_one_seed_are_the_same_to_the_bit_and_another_seed_differs(
    make_propagator: Make, red_and_blue: Any
) -> None:
    learned = {0: {1: red_and_blue.truth(0, 0), 2: red_and_blue.truth(0, 1)}}
    first, again, other = (
        run(make_propagator(seed), red_and_blue, learned=learned, frames=range(6))
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_an_object_may_be_learned_before_anything_is_propagated(
    make_propagator: Make, red_alone: Any
) -> None:
    """Also on a propagator that has seen another video."""
    learned = {0: {1: red_alone.truth(0)}}
    expected = run(make_propagator(), red_alone, learned=learned, frames=range(3))[1:]
    fresh, used = make_propagator(), make_propagator()
    run(used, red_alone, learned={}, frames=range(9, 12))
    for propagator in (fresh, used):
        propagator.start(red_alone.info)
        propagator.learn(red_alone.frame(0), 1, red_alone.truth(0))
        rest = run(propagator, red_alone, learned={}, frames=range(1, 3), is_started=True)
        assert rest == expected


def test_a_mask_is_learned_in_time_whatever_is_asked_first(
    make_propagator: Make, red_and_blue: Any
) -> None:
    def run(between: Callable[[FlowAppearancePropagator], object]) -> list[bytes]:
        propagator = make_propagator()
        propagator.start(red_and_blue.info)
        for track_id in (1, 2):
            propagator.learn(red_and_blue.frame(0), track_id, red_and_blue.truth(0, track_id - 1))
            between(propagator)
        found = propagator.propagate(red_and_blue.frame(1))
        return [whole_logits(found[track_id].logits).tobytes() for track_id in (1, 2)]

    mask = red_and_blue.truth(0, 0)
    at_once = run(lambda propagator: propagator.support(red_and_blue.frame(0), 1, mask))
    assert run(lambda propagator: None) == at_once
    assert run(lambda propagator: propagator.save()) == at_once
    assert run(lambda propagator: propagator.restore(propagator.save())) == at_once


def test_a_mask_may_be_written_over_once_it_was_given(
    make_propagator: Make, red_alone: Any
) -> None:
    found = []
    for is_cleared in (False, True):
        propagator = make_propagator()
        propagator.start(red_alone.info)
        mask = red_alone.truth(0)
        propagator.learn(red_alone.frame(0), 1, mask)
        mask[:] &= not is_cleared
        found.append(whole_logits(propagator.propagate(red_alone.frame(1))[1].logits).tobytes())
    assert found[0] == found[1]


def test_an_object_forgotten_before_it_was_learned_is_unknown(
    make_propagator: Make, red_alone: Any
) -> None:
    propagator = make_propagator()
    propagator.start(red_alone.info)
    propagator.learn(red_alone.frame(0), 1, red_alone.truth(0))
    propagator.forget(1)
    assert propagator.support(red_alone.frame(0), 1, red_alone.truth(0)) == 0
    assert dict(propagator.propagate(red_alone.frame(1))) == {}


def test_a_propagator_started_again_is_a_new_one(make_propagator: Make, red_and_blue: Any) -> None:
    learned = {0: {1: red_and_blue.truth(0, 1)}}
    propagator = make_propagator()
    first = run(propagator, red_and_blue, learned=learned, frames=range(4))
    assert run(propagator, red_and_blue, learned=learned, frames=range(4)) == first


def test_a_younger_object_changes_not_a_bit_of_an_older_one(
    make_propagator: Make, red_and_blue: Any
) -> None:
    old = {0: {1: red_and_blue.truth(0, 0)}}
    both = {**old, 2: {2: red_and_blue.truth(2, 1)}}
    alone, joined = (
        run(make_propagator(), red_and_blue, learned=learned, frames=range(9))
        for learned in (old, both)
    )
    assert [found[1] for found in joined[1:]] == [found[1] for found in alone[1:]]
    assert set(joined[-1]) == {1, 2}


def test_an_older_object_takes_the_place_of_a_younger_one_it_passes(
    make_propagator: Make, red_and_blue: Any
) -> None:
    """That they touch is no accident of the scene: the younger one does see the older one."""
    young = {2: {2: red_and_blue.truth(2, 1)}}
    both = {0: {1: red_and_blue.truth(0, 0)}, **young}
    alone, joined = (
        run(make_propagator(), red_and_blue, learned=learned, frames=range(9))
        for learned in (young, both)
    )
    assert alone[-1][2] != joined[-1][2]


def test_forgetting_an_object_is_as_if_it_had_gone(
    make_propagator: Make, red_and_blue: Any
) -> None:
    propagator = make_propagator()
    learned = {0: {1: red_and_blue.truth(0, 0)}, 1: {2: red_and_blue.truth(1, 1)}}
    run(propagator, red_and_blue, learned=learned, frames=range(3))
    propagator.forget(1)
    propagator.forget(1)
    propagator.forget(99)
    frame = red_and_blue.frame(3)
    assert set(propagator.propagate(frame)) == {2}
    assert propagator.support(frame, 1, red_and_blue.truth(3, 0)) == 0


# Saved and restored.


@pytest.mark.parametrize("cut", [1, 3, 5, 6, 8])
def test_a_restored_run_goes_on_to_the_bit(
    make_propagator: Make, hide_and_seek: Any, cut: int
) -> None:
    """With two objects, one of which is hidden on frames 4 to 7, and a third that comes later."""
    learned = {
        0: {1: hide_and_seek.truth(0, 0), 2: hide_and_seek.truth(0, 1)},
        2: {3: hide_and_seek.truth(2, 0)},
        7: {1: hide_and_seek.truth(7, 0)},
    }
    whole = run(make_propagator(), hide_and_seek, learned=learned, frames=range(11))
    first, second = make_propagator(), make_propagator()
    run(first, hide_and_seek, learned=learned, frames=range(cut))
    second.restore(first.save())
    rest = run(second, hide_and_seek, learned=learned, frames=range(cut, 11), is_started=True)
    assert rest == whole[cut:]


@pytest.mark.parametrize("cut", [5, 9, 14])
def test_everything_known_of_an_object_is_restored(
    make_propagator: Make, hide_and_seek: Any, cut: int
) -> None:
    """One object is followed all the time; the other is lost at 5, half found at 9, back at 14."""
    upper = hide_and_seek.truth(0, 0).copy()
    upper[54:] = False  # Twice as wide as high.
    learned = {0: {1: upper, 2: hide_and_seek.truth(0, 1)}}
    first, second = make_propagator(), make_propagator()
    run(first, hide_and_seek, learned=learned, frames=range(cut))
    second.restore(first.save())
    assert (second._crew._here.group.objects[2].rect is None) == (cut < 14)
    assert (
        second._crew._here.group.objects[2].found_count,
        second._crew._here.group.objects[1].rect is None,
    ) == (cut == 9, False)
    for track_id, theirs in first._crew._here.group.objects.items():
        ours = second._crew._here.group.objects[track_id]
        for field in fields(Carried):
            mine, wanted = getattr(ours, field.name), getattr(theirs, field.name)
            if field.name == "random":
                assert mine.bit_generator.state == wanted.bit_generator.state
            elif field.name in ("keys", "recent"):
                assert mine.count == wanted.count
                assert np.array_equal(mine.filled, wanted.filled)
            elif field.name == "model":
                assert mine.step_count == wanted.step_count
            else:
                assert np.array_equal(mine, wanted), field.name


def test_saving_changes_nothing(make_propagator: Make, red_alone: Any) -> None:
    propagator = make_propagator()
    learned = {0: {1: red_alone.truth(0)}}
    run(propagator, red_alone, learned=learned, frames=range(2))
    assert propagator.save() == propagator.save()
    rest = run(propagator, red_alone, learned={}, frames=range(2, 4), is_started=True)
    whole = run(make_propagator(), red_alone, learned=learned, frames=range(4))
    assert rest == whole[2:]


def test_what_was_there_before_a_restore_is_gone(make_propagator: Make, red_alone: Any) -> None:
    first, second = make_propagator(), make_propagator()
    run(first, red_alone, learned={0: {1: red_alone.truth(0)}}, frames=range(1))
    run(second, red_alone, learned={0: {7: red_alone.truth(0)}}, frames=range(2))
    second.restore(first.save())
    assert set(second.propagate(red_alone.frame(1))) == {1}


def test_a_propagator_without_objects_can_be_saved_and_restored(
    make_propagator: Make, red_alone: Any
) -> None:
    first, second = make_propagator(), make_propagator()
    run(first, red_alone, learned={}, frames=range(2))
    second.restore(first.save())
    assert dict(second.propagate(red_alone.frame(2))) == {}


# Out of sight.


def test_an_object_that_is_said_to_be_hidden_is_found_again(
    make_propagator: Make, hide_and_seek: Any
) -> None:
    propagator = make_propagator()
    propagator.start(hide_and_seek.info)
    propagator.learn(hide_and_seek.frame(0), 1, hide_and_seek.truth(0, 1))
    for index in range(1, 4):
        propagator.propagate(hide_and_seek.frame(index))
    hidden = np.zeros((72, 96), np.bool_)
    for index in range(4, 8):
        found = propagator.propagate(hide_and_seek.frame(index))[1]
        propagator.learn(hide_and_seek.frame(index), 1, hidden)
    assert found.signals["searching"]
    assert not found.signals.get("found")
    seen = []
    for index in range(8, 12):
        found = propagator.propagate(hide_and_seek.frame(index))[1]
        seen.append(bool(found.signals.get("found")) or "searching" not in found.signals)
    # Looks alike twice in a row before it is believed.
    assert seen == [False, True, True, True]
    truth = hide_and_seek.truth(11, 1)
    assert mask_iou(mask_of(found, hide_and_seek.frame(11)), truth) > 0.85


def test_an_object_said_to_be_hidden_is_not_carried_on_even_if_it_is_there(
    make_propagator: Make, red_alone: Any
) -> None:
    propagator = make_propagator()
    propagator.start(red_alone.info)
    propagator.learn(red_alone.frame(0), 1, red_alone.truth(0))
    for index in range(1, 5):
        found = propagator.propagate(red_alone.frame(index))[1]
        assert bool(found.signals.get("searching")) == (index > 1)
        assert not found.signals.get("found")
        propagator.learn(red_alone.frame(index), 1, np.zeros((72, 96), np.bool_))


def test_an_object_that_is_nowhere_is_searched_for_and_not_made_up(
    make_propagator: Make, make_scene: Callable[..., Any]
) -> None:
    scene = make_scene(
        {"color": (205, 45, 45), "start": (30, 20), "hidden": range(2, 20)},
    )
    propagator = make_propagator()
    propagator.start(scene.info)
    propagator.learn(scene.frame(0), 1, scene.truth(0))
    for index in range(1, 6):
        found = propagator.propagate(scene.frame(index))[1]
    assert found.signals["searching"]
    assert not found.signals.get("found")


def test_an_empty_mask_for_an_unknown_object_is_no_object(
    make_propagator: Make, red_alone: Any
) -> None:
    propagator = make_propagator()
    propagator.start(red_alone.info)
    propagator.learn(red_alone.frame(0), 1, np.zeros((72, 96), np.bool_))
    assert dict(propagator.propagate(red_alone.frame(1))) == {}


# How well a mask fits.


def test_the_right_mask_is_supported_better_than_wrong_ones(
    make_propagator: Make, red_and_blue: Any
) -> None:
    propagator = make_propagator()
    propagator.start(red_and_blue.info)
    for track_id in (1, 2):
        mask = red_and_blue.truth(0, track_id - 1)
        propagator.learn(red_and_blue.frame(0), track_id, mask)
    frame = red_and_blue.frame(1)
    propagator.propagate(frame)
    right = propagator.support(frame, 1, red_and_blue.truth(1, 0))
    assert right > 0.5
    half = red_and_blue.truth(1, 0).copy()
    half[:, :60] = False
    for wrong in (red_and_blue.truth(1, 1), half, np.ones((72, 96), np.bool_)):
        assert propagator.support(frame, 1, wrong) < right
    assert propagator.support(frame, 1, np.zeros((72, 96), np.bool_)) == 0
    assert propagator.support(frame, 5, red_and_blue.truth(1, 0)) == 0


def test_looking_at_much_of_the_frame_in_bands_sees_the_same(
    make_propagator: Make, red_and_blue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    propagator = make_propagator()
    propagator.start(red_and_blue.info)
    propagator.learn(red_and_blue.frame(0), 1, red_and_blue.truth(0, 0))
    # Nothing was propagated: every mask is looked at anew.
    mask = red_and_blue.truth(0, 0)
    at_once = propagator.support(red_and_blue.frame(0), 1, mask)
    monkeypatch.setattr(looks_module, "BAND_AREA", 200)
    assert propagator.support(red_and_blue.frame(0), 1, mask) == pytest.approx(at_once, abs=1e-4)


# What is refused.


def test_a_frame_or_mask_of_another_size_is_refused(make_propagator: Make, red_alone: Any) -> None:
    propagator = make_propagator()
    propagator.start(red_alone.info)
    small = noise_frame(4, (50, 60))
    with pytest.raises(TrackingError, match="frame 4 is 60x50, expected 96x72"):
        propagator.propagate(small)
    with pytest.raises(TrackingError, match="frame 4 is 60x50, expected 96x72"):
        propagator.learn(small, 1, np.ones((50, 60), np.bool_))
    with pytest.raises(TrackingError, match=r"object 3 has shape \(50, 60\), expected \(72, 96\)"):
        propagator.learn(red_alone.frame(0), 3, np.ones((50, 60), np.bool_))
    assert dict(propagator.propagate(red_alone.frame(0))) == {}


def with_meta(state: bytes, **changes: object) -> bytes:
    with np.load(io.BytesIO(state)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = {**json.loads(arrays["meta"].tobytes()), **changes}
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": 0}, f"format 0 with {FEATURE_COUNT} features"),
        ({"format": None}, "format None"),
        ({"features": 41}, f"format . with 41 features, expected . with {FEATURE_COUNT}"),
    ],
)
def test_a_state_of_another_version_is_refused(
    make_propagator: Make, red_alone: Any, changes: dict[str, object], reason: str
) -> None:
    propagator = make_propagator()
    run(propagator, red_alone, learned={0: {1: red_alone.truth(0)}}, frames=range(1))
    state = propagator.save()
    propagator.restore(with_meta(state))
    with pytest.raises(TrackingError, match=reason):
        propagator.restore(with_meta(state, **changes))
    # What was there is still there.
    assert set(propagator.propagate(red_alone.frame(1))) == {1}


@pytest.mark.parametrize(
    "settings",
    [
        AppearanceConfig(hidden=24, first_steps=1),
        AppearanceConfig(hidden=16, key_masks=1, first_steps=1),
    ],
    ids=["hidden", "key masks"],
)
def test_a_state_of_other_settings_is_refused(
    make_propagator: Make, red_alone: Any, settings: AppearanceConfig
) -> None:
    propagator = make_propagator()
    truths = {index: {1: red_alone.truth(index)} for index in range(2)}
    run(propagator, red_alone, learned=truths, frames=range(2))
    other = FlowAppearancePropagator(config=PropagatorConfig(appearance=settings))
    with pytest.raises(TrackingError, match="saved state"):
        other.restore(propagator.save())


def archive(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def lone_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"nothing of ours",
        b"PK\x03\x04 cut short",
        lone_array(),
        archive(masks=np.zeros(3)),
        archive(meta=np.frombuffer(b"[1, 2]", np.uint8)),
        archive(meta=np.frombuffer(b"{", np.uint8)),
        archive(meta=np.frombuffer(b"\xff\xfe", np.uint8)),
    ],
    ids=["empty", "text", "cut", "array", "no meta", "list", "broken json", "not text"],
)
def test_garbage_is_refused(make_propagator: Make, state: bytes) -> None:
    with pytest.raises(TrackingError, match=r"saved state"):
        make_propagator().restore(state)


def test_a_damaged_state_is_refused(make_propagator: Make, red_alone: Any) -> None:
    propagator = make_propagator()
    run(propagator, red_alone, learned={0: {1: red_alone.truth(0)}}, frames=range(1))
    state = propagator.save()
    flipped = bytearray(state)
    flipped[len(state) // 2] ^= 255
    for damaged in (state[: len(state) // 2], bytes(flipped)):
        with pytest.raises(TrackingError, match="not a saved state"):
            propagator.restore(damaged)


# How good it is.


@pytest.fixture(scope="module")
def clip() -> list[tuple[Image, Image]]:
    """One second of the drawn futsal clip, 320x180."""
    spec = importlib.util.spec_from_file_location("make_clip", SAMPLES / "make_clip.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_clip"] = module
    spec.loader.exec_module(module)
    return list(module.draw_clip(size=(180, 320), seconds=1.0, frame_rate=Fraction(25)))


def test_players_of_the_drawn_clip_are_followed_well(clip: list[tuple[Image, Image]]) -> None:
    labels = clip[0][1]
    sizes = {int(i): int(np.count_nonzero(labels == i)) for i in np.unique(labels) if i}
    followed = sorted(sizes, key=lambda i: -sizes[i])[:2]
    frames = [Frame(i, Fraction(i, 25), image) for i, (image, _) in enumerate(clip)]
    propagator = FlowAppearancePropagator()
    propagator.start(VideoInfo(width=320, height=180))
    for track_id in followed:
        propagator.learn(frames[0], track_id, np.asarray(labels == track_id))
    ious: dict[int, list[float]] = {i: [] for i in followed}
    for frame, (_, truth) in zip(frames[1:], clip[1:], strict=True):
        for track_id, found in propagator.propagate(frame).items():
            mask = mask_of(found, frame)
            ious[track_id].append(mask_iou(mask, np.asarray(truth == track_id)))
    means = {track_id: float(np.mean(values)) for track_id, values in ious.items()}
    # Measured with six seeds: .80 to .85 and .78 to .81.
    assert min(means.values()) > 0.7, means
    assert float(np.mean(list(means.values()))) > 0.75, means

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from track_anything.config import AppearanceConfig
from track_anything.masks import logits_mask, mask_iou, whole_logits
from track_anything.structures import Floats, Mask
from track_anything.tracking.appearance import AppearanceModel, SampleMemory
from track_anything.tracking.carried import Carried
from track_anything.tracking.features import Rect
from track_anything.tracking.hidden import (
    DOUBT,
    EDGE,
    FADING,
    HIDDEN_SHARE,
    expected_place,
    hidden_part,
    hidden_share,
    occluded_area,
    widened_prior,
)
from track_anything.tracking.propagator import FlowAppearancePropagator
from track_anything.tracking.rivals import Logits, Rivals

SIZE = (40, 60)
WHOLE = Rect(0, 0, 60, 40)
Make = Callable[..., FlowAppearancePropagator]


def soft(*parts: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> Floats:
    """Ones on parts given as x, y, width and height."""
    values = np.zeros(size, np.float32)
    for x, y, width, height in parts:
        values[y : y + height, x : x + width] = 1
    return values


def logits(values: Floats, strength: float = 5) -> Logits:
    return Logits((values - np.float32(0.5)) * np.float32(2 * strength), WHOLE, SIZE)


def carried(seen: Floats, hidden: Floats | None = None) -> Carried:
    random = np.random.default_rng(0)
    model = AppearanceModel(2, AppearanceConfig(hidden=2), random)
    keys, recent = (SampleMemory(1, 1, 2, keeps_first=one) for one in (True, False))
    area = float(np.count_nonzero(seen > 0.5))
    return Carried(0, model, keys, recent, random, WHOLE, seen, hidden, area)


def as_warped(values: Floats) -> Logits:
    return Logits(values - np.float32(0.5), WHOLE, SIZE)


def still() -> Floats:
    return np.zeros((*SIZE, 2), np.float32)


def test_what_a_rival_now_covers_is_still_expected_there() -> None:
    """20 wide; a rival has come over its right half, and the flow shows the rival there."""
    before, now = soft((10, 10, 20, 10)), soft((10, 10, 10, 10))
    rival = as_warped(soft((20, 10, 20, 10)))
    place, covered = expected_place(
        carried(before), as_warped(now), Rivals(as_warped(now), [rival]), still()
    )
    assert np.array_equal(place > 0.5, before > 0.5)
    assert covered[10:20, 21:40].all()
    assert not covered[10:20, 10:20].any()


def test_what_is_lost_in_the_open_is_not_expected() -> None:
    before, now = soft((10, 10, 20, 10)), soft((10, 10, 10, 10))
    rival = as_warped(soft((45, 30, 8, 8)))
    place, _ = expected_place(
        carried(before), as_warped(now), Rivals(as_warped(now), [rival]), still()
    )
    assert np.array_equal(place > 0.5, now > 0.5)


def test_what_is_hidden_moves_as_what_is_seen_and_not_as_what_hides_it() -> None:
    """The visible half moves 3 to the right; the rival's flow is 5 to the left."""
    flow = still()
    flow[:, :22, 0], flow[:, 22:, 0] = -3, 5
    one = carried(soft((8, 10, 10, 10)), soft((18, 10, 10, 10)))
    now = as_warped(soft((11, 10, 10, 10)))
    place, _ = expected_place(one, now, Rivals(now, [as_warped(soft((21, 8, 20, 14)))]), flow)
    assert np.array_equal(place > 0.5, soft((11, 10, 20, 10)) > 0.5)


def test_a_part_behind_a_rival_is_hidden_and_one_in_the_open_is_not() -> None:
    place, seen = soft((10, 10, 30, 10)), soft((10, 10, 10, 10))
    rival = logits(soft((20, 5, 10, 20)))
    hidden = hidden_part(seen, place, Rivals(logits(seen), [rival]))
    assert hidden is not None
    behind = np.zeros(SIZE, np.bool_)
    behind[10:20, 20 : 30 + EDGE] = True
    assert np.array_equal(hidden > 0.5, behind)
    assert hidden_share(seen, hidden) == (10 + EDGE) / (20 + EDGE)


def test_nothing_is_hidden_where_all_is_seen_or_nobody_is_near() -> None:
    place = soft((10, 10, 20, 10))
    near, far = logits(soft((20, 5, 10, 20))), logits(soft((50, 30, 8, 8)))
    assert hidden_part(place, place, Rivals(logits(place), [near])) is None
    assert hidden_part(soft((10, 10, 10, 10)), place, Rivals(logits(place), [far])) is None


def test_a_rival_with_a_hole_hides_what_is_behind_the_hole_but_for_a_few_frames() -> None:
    ring = soft((15, 5, 24, 24)) - soft((21, 11, 12, 12))
    place, seen = soft((5, 16, 30, 3)), soft((5, 16, 10, 3))
    hidden = hidden_part(seen, place, Rivals(logits(seen), [logits(ring)]))
    assert hidden is not None
    assert hidden[17, 18] == 1
    # In the middle of the hole, beyond the reach of its rim.
    assert np.isclose(hidden[17, 27], FADING)


def test_between_two_rivals_that_are_apart_nothing_is_covered() -> None:
    left, right = logits(soft((0, 5, 10, 20))), logits(soft((50, 5, 10, 20)))
    assert not occluded_area(Rivals(logits(soft()), [left, right]), np.ones(SIZE, np.bool_))[
        :, 14:46
    ].any()


def test_place_says_nothing_for_the_object_where_a_rival_is_in_front() -> None:
    prior = np.full(SIZE, 2, np.float32)
    covered: Mask = soft((0, 0, 10, 10)) > 0
    prior[0, 0] = -1
    widened_prior(prior, carried(soft((20, 20, 5, 5))), covered, least=-1e3)
    assert (prior[0, 0], prior[5, 5], prior[20, 20]) == (-1, 0, 2)


def test_the_more_is_hidden_the_less_its_place_counts_against_an_object() -> None:
    priors = []
    for width in (1, 5, 19):
        prior = np.full(SIZE, -4, np.float32)
        prior[0, 0] = -1e3
        one = carried(soft((0, 10, 20 - width, 10)), soft((20 - width, 10, width, 10)))
        widened_prior(prior, one, np.zeros(SIZE, np.bool_), least=-1e3)
        assert prior[0, 0] == -1e3
        priors.append(float(prior[5, 5]))
    share = (0.95 - HIDDEN_SHARE) / (1 - HIDDEN_SHARE)
    assert np.allclose(priors, [-4, -4, -4 * (1 - DOUBT * share)])


# With the whole propagator.


def begin(propagator: Any, scene: Any) -> None:
    propagator.start(scene.info)
    for track_id in (1, 2):
        propagator.learn(scene.frame(0), track_id, scene.truth(0, track_id - 1))


@pytest.fixture
def passing(make_scene: Callable[..., Any]) -> Any:
    """A green block passes in front of a larger red one that stands still."""
    return make_scene(
        {"color": (205, 45, 45), "start": (40, 20), "side": 36},
        {"color": (60, 190, 70), "start": (20, 26), "velocity": (4, 0), "side": 24},
        size=(80, 130),
    )


def test_what_is_kept_of_an_object_is_the_whole_of_it_while_another_passes(
    make_propagator: Make, passing: Any
) -> None:
    propagator = make_propagator()
    begin(propagator, passing)
    whole = np.zeros(passing.info.size, np.bool_)
    whole[20:56, 40:76] = True
    for index in range(1, 18):
        found = propagator.propagate(passing.frame(index))
        one = propagator._crew._here.group.objects[1]
        kept = np.zeros(passing.info.size, np.bool_)
        kept[one.rect.slices] = one.extent > 0.5
        # Of what is seen of it 0.56 at least.
        assert mask_iou(kept, whole) > 0.75
    truth = passing.truth(17, 0)
    assert mask_iou(logits_mask(found[1].logits, passing.info.size), truth) > 0.9


def test_hidden_parts_are_restored_to_the_bit(make_propagator: Make, passing: Any) -> None:
    first, second = make_propagator(), make_propagator()
    begin(first, passing)
    for index in range(1, 7):
        first.propagate(passing.frame(index))
    assert first._crew._here.group.objects[1].hidden is not None
    second.restore(first.save())
    assert np.array_equal(
        second._crew._here.group.objects[1].hidden, first._crew._here.group.objects[1].hidden
    )
    for index in (7, 8):
        mine, theirs = (one.propagate(passing.frame(index)) for one in (second, first))
        assert all(
            whole_logits(mine[i].logits).tobytes() == whole_logits(theirs[i].logits).tobytes()
            for i in (1, 2)
        )


def test_an_object_that_is_looked_for_is_not_found_on_its_look_alike(
    make_propagator: Make, make_scene: Callable[..., Any]
) -> None:
    scene = make_scene(
        {"color": (205, 45, 45), "start": (20, 20)},
        {"color": (205, 45, 45), "start": (60, 20), "hidden": range(2, 12)},
    )
    propagator = make_propagator()
    begin(propagator, scene)
    propagator.propagate(scene.frame(1))
    propagator.learn(scene.frame(1), 2, np.zeros(scene.info.size, np.bool_))
    found = [propagator.propagate(scene.frame(index))[2].signals for index in range(2, 12)]
    assert not any(signals.get("found") for signals in found)
    back = [propagator.propagate(scene.frame(index))[2].signals for index in range(12, 15)]
    assert any(signals.get("found") or "searching" not in signals for signals in back)

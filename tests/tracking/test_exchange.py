from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from track_anything.config import TrackerConfig
from track_anything.masks import mask_box
from track_anything.structures import EventKind, Frame, Mask, ObjectMask, State, VideoInfo
from track_anything.testing import HoldingPropagator
from track_anything.tracking.contact import Contact
from track_anything.tracking.exchange import Exchanges
from track_anything.tracking.roster import Roster
from track_anything.tracking.step import Step
from track_anything.tracking.track import Track

SIZE = (60, 120)
Likeness = Callable[[int, Mask], float]


def square(x: int) -> Mask:
    mask = np.zeros(SIZE, np.bool_)
    mask[20:40, x : x + 20] = True
    return mask


LEFT, RIGHT = square(10), square(80)


class LikingPropagator(HoldingPropagator):
    """Says of masks how much they are like an object as the test wants."""

    def __init__(self, like: Likeness) -> None:
        super().__init__()
        self._like = like

    def resemblance(self, frame: Frame, track_id: int, mask: Mask) -> float:
        return self._like(track_id, mask)


def mixed_up(track_id: int, mask: Mask) -> float:
    """Object 1, that has the left mask, is like the right one, and object 2 the other way round."""
    return 0.9 if np.array_equal(mask, RIGHT if track_id == 1 else LEFT) else 0.1


def in_order(track_id: int, mask: Mask) -> float:
    return 1 - mixed_up(track_id, mask)


def alike(track_id: int, mask: Mask) -> float:
    return 0.9


def parted(
    like: Likeness,
    *,
    overlap: float = 1.0,
    since: int = 0,
    paths: tuple[tuple[float, ...], tuple[float, ...]] = ((), ()),
    first_frames: tuple[int, int] = (0, 0),
    final: tuple[int, ...] = (),
) -> tuple[bool, list[ObjectMask], Step, HoldingPropagator]:
    """Object 1 with the left mask and 2 with the right one, on frame 8, after a contact."""
    frame = Frame(8, Fraction(8), np.zeros((*SIZE, 3), np.uint8))
    propagator = LikingPropagator(like)
    propagator.start(VideoInfo(width=SIZE[1], height=SIZE[0]))
    roster, now = Roster(TrackerConfig(), propagator), Step(frame)
    objects = []
    for track_id, mask, first in zip((1, 2), (LEFT, RIGHT), first_frames, strict=True):
        roster.tracks[track_id] = Track(track_id, first)
        propagator.learn(frame, track_id, mask)
        now.set(track_id, mask, None)
        objects.append(ObjectMask(track_id, mask, mask_box(mask), 0.9, State.CONFIRMED))
    now.final.update(final)
    contact = Contact(1, 2, since, 0.9, 1.0, 20.0, overlap=overlap, paths=paths)
    exchanges = Exchanges(now, roster, objects)
    return exchanges.is_clear(contact), exchanges.apply(), now, propagator


def test_two_that_are_each_like_the_others_mask_exchange_them_and_go_on_from_there() -> None:
    is_clear, objects, now, propagator = parted(mixed_up)
    assert is_clear
    assert np.array_equal(objects[0].mask, RIGHT)
    assert np.array_equal(objects[1].mask, LEFT)
    assert objects[0].box.tolist() == [80, 20, 100, 40]
    assert [(event.kind, event.track_id) for event in now.events] == [(EventKind.EXCHANGED, 2)]
    held = propagator.propagate(now.frame)
    assert ((held[1].logits > 0) == RIGHT).all()
    # What came before can be mended from here.
    assert {one.track_id for one in now.corrections} == {1, 2}


def test_two_that_are_like_their_own_masks_keep_them_and_leave_no_doubt() -> None:
    is_clear, objects, now, _ = parted(in_order)
    assert is_clear
    assert np.array_equal(objects[0].mask, LEFT)
    assert not now.events


def test_of_look_alikes_nothing_is_clear() -> None:
    is_clear, objects, _, _ = parted(alike)
    assert not is_clear
    assert np.array_equal(objects[0].mask, LEFT)


# Both stood still, or moved on towards where the other one is 8 frames later.
STAYED = ((20.0, 30.0, 0.0, 0.0), (90.0, 30.0, 0.0, 0.0))
CROSSED = ((58.0, 30.0, 4.0, 0.0), (52.0, 30.0, -4.0, 0.0))


def test_look_alikes_that_stayed_where_they_were_are_told_apart_by_that() -> None:
    assert parted(alike, paths=STAYED)[0]
    # After a long contact that says nothing.
    assert not parted(alike, paths=STAYED, since=-40)[0]


def test_on_motion_alone_nothing_is_exchanged() -> None:
    is_clear, objects, now, _ = parted(alike, paths=CROSSED)
    assert not is_clear
    assert not now.events
    assert np.array_equal(objects[0].mask, LEFT)


@pytest.mark.parametrize(
    "circumstances", [{"overlap": 0.3}, {"first_frames": (0, 3)}, {"final": (2,)}]
)
def test_side_by_side_or_older_or_given_by_the_user_nothing_is_exchanged(
    circumstances: dict[str, object],
) -> None:
    is_clear, objects, now, _ = parted(mixed_up, **circumstances)  # type: ignore[arg-type]
    assert not is_clear
    assert np.array_equal(objects[0].mask, LEFT)
    assert not now.events


def test_parts_of_objects_tell_nothing() -> None:
    is_clear, _, now, _ = parted(lambda i, mask: 0.45 if mixed_up(i, mask) > 0.5 else 0.0)
    assert not is_clear
    assert not now.events

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from track_anything.errors import TrackingError
from track_anything.masks import mask_box
from track_anything.structures import Event, EventKind, Frame, ObjectMask, State
from track_anything.tracking.contact import APART_FRAMES, MOST_DOUBT, Contacts

RED, BLUE = (200, 30, 30), (30, 30, 200)
SIZE = (60, 100)
SIDE = 20
SAME, LATER = {1: 0, 2: 0}, {1: 0, 2: 5}


def seen(
    index: int,
    places: dict[int, int | None],
    colors: tuple[tuple[int, int, int], ...] = (RED, RED),
    *,
    state: State = State.OCCLUDED,
) -> tuple[Frame, list[ObjectMask]]:
    """Squares by track_id with their left sides at x; None is not seen."""
    image = np.zeros((*SIZE, 3), np.uint8)
    objects = []
    for (track_id, x), color in zip(places.items(), colors, strict=True):
        mask = np.zeros(SIZE, np.bool_)
        if x is not None:
            mask[20 : 20 + SIDE, x : x + SIDE] = True
            image[mask] = color
        how = State.CONFIRMED if x is not None else state
        objects.append(ObjectMask(track_id, mask, mask_box(mask), 0.9, how))
    return Frame(index, Fraction(index), image), objects


def crossing(
    contacts: Contacts,
    xs: list[tuple[int | None, int | None]],
    colors: tuple[tuple[int, int, int], ...] = (RED, RED),
    first_frames: dict[int, int] = SAME,
) -> list[Event]:
    events = []
    for index, (x, y) in enumerate(xs):
        frame, objects = seen(index, {1: x, 2: y}, colors)
        events += contacts.step(frame, objects, first_frames)
    return events


TOUCH = (10, 30)
"""Side by side."""
APART = (10, 60)
UNDER = (40, 45)
"""Each within reach of the other with all of its area."""


def test_objects_that_stay_apart_say_nothing() -> None:
    contacts = Contacts()
    assert crossing(contacts, [APART] * 5) == []
    assert contacts.identity(1) == contacts.identity(2) == 1


def test_a_meeting_and_a_parting_are_said_once_with_the_frames_between() -> None:
    events = crossing(Contacts(), [APART, TOUCH, TOUCH, TOUCH] + [APART] * 6, (RED, BLUE))
    assert [(event.kind, event.track_id) for event in events] == [
        (EventKind.MERGED, 2),
        (EventKind.SPLIT, 2),
    ]
    assert events[0].detail == "touches object 1, colours 0.00 alike"
    assert events[1].detail == "apart from object 1 after 3 frames; told apart by their colours"


def test_a_gap_shorter_than_a_parting_is_none() -> None:
    gap = [APART] * (APART_FRAMES - 1)
    events = crossing(Contacts(), [TOUCH, *gap, TOUCH, *gap, TOUCH])
    assert [event.kind for event in events] == [EventKind.MERGED]


def test_objects_of_other_colours_keep_their_confidence_however_they_overlap() -> None:
    contacts = Contacts()
    crossing(contacts, [TOUCH, UNDER, (40, None), UNDER], (RED, BLUE))
    assert contacts.identity(1) == contacts.identity(2) == 1


def test_objects_of_one_colour_but_of_other_sizes_are_told_apart() -> None:
    contacts = Contacts()
    events = []
    for index, place in enumerate([(40, 45), (40, 45), *[(10, 60)] * 3]):
        frame, objects = seen(index, dict(zip((1, 2), place, strict=True)))
        half = objects[1].mask.copy()
        half[28:] = False  # 8 of 20 rows: 0.4 of the area.
        objects[1] = replace(objects[1], mask=half, box=mask_box(half))
        events += contacts.step(frame, objects, SAME)
        assert contacts.identity(1) == contacts.identity(2) == 1
    assert events[-1].detail.endswith("told apart by their sizes")


def test_look_alikes_side_by_side_are_told_apart_by_their_places() -> None:
    contacts = Contacts()
    events = crossing(contacts, [TOUCH] + [APART] * 3)
    assert contacts.identity(1) == contacts.identity(2) == 1
    assert events[-1].detail.endswith("told apart by their places")


def test_confidence_falls_on_the_frame_on_which_look_alikes_overlap_and_stays_low() -> None:
    contacts = Contacts()
    crossing(contacts, [TOUCH])
    assert contacts.identity(1) == 1
    crossing(contacts, [UNDER])
    low = 1 - MOST_DOUBT
    assert contacts.identity(1) == contacts.identity(2) == pytest.approx(low)
    events = crossing(contacts, [APART] * 4)
    assert contacts.identity(1) == contacts.identity(2) == pytest.approx(low)
    assert events[-1].detail.endswith("they look alike: which is which is not sure")


@pytest.mark.parametrize("state", [State.OCCLUDED, State.LOST, State.LEFT])
def test_a_look_alike_that_was_not_seen_may_come_out_on_either_side(state: State) -> None:
    contacts = Contacts()
    crossing(contacts, [TOUCH])
    frame, objects = seen(1, {1: 10, 2: None}, state=state)
    assert contacts.step(frame, objects, SAME) == []
    assert contacts.identity(2) == pytest.approx(1 - MOST_DOUBT)
    assert crossing(contacts, [APART] * 3)[-1].kind is EventKind.SPLIT


def test_an_older_object_takes_no_notice_of_a_younger_look_alike() -> None:
    contacts = Contacts()
    crossing(contacts, [TOUCH, UNDER], first_frames=LATER)
    assert contacts.identity(1) == 1
    assert contacts.identity(2) < 0.6
    crossing(contacts, [APART] * 3, first_frames=LATER)
    assert contacts.identity(1) == 1
    assert contacts.identity(2) < 0.6


def test_the_user_ends_the_doubt() -> None:
    contacts = Contacts()
    crossing(contacts, [TOUCH, UNDER])
    contacts.told([1, 2])
    assert contacts.identity(1) == contacts.identity(2) == 1
    crossing(contacts, [UNDER] + [APART] * 3)
    contacts.told([2])
    assert contacts.identity(1) < 0.6
    assert contacts.identity(2) == 1


def test_an_object_that_ended_touches_nothing() -> None:
    contacts = Contacts()
    crossing(contacts, [UNDER])
    frame, objects = seen(1, {1: 40, 2: None}, state=State.ENDED)
    assert contacts.step(frame, objects, SAME) == []
    assert contacts.identity(1) == 1
    assert crossing(contacts, [APART] * 4) == []


def test_what_was_known_on_a_frame_is_told_once() -> None:
    contacts = Contacts()
    crossing(contacts, [TOUCH, UNDER])
    assert contacts.identities(0) == {}
    low = pytest.approx(1 - MOST_DOUBT)
    assert contacts.identities(1) == {1: low, 2: low}
    assert contacts.identities(1) == {}


@pytest.mark.parametrize("cut", [1, 2, 3, 6])
def test_restored_contacts_go_on_alike(cut: int) -> None:
    xs = [TOUCH, UNDER, UNDER, APART, APART, APART, TOUCH, UNDER]
    whole, first, second = Contacts(), Contacts(), Contacts()
    events = crossing(whole, xs)
    before = crossing(first, xs[:cut])
    second.restore(first.save(), SAME)
    after = []
    for index, (x, y) in enumerate(xs[cut:], cut):
        frame, objects = seen(index, {1: x, 2: y})
        after += second.step(frame, objects, SAME)
    assert before + after == events
    assert second.save() == whole.save()


def test_what_is_no_state_is_refused() -> None:
    for state in ({}, {"contacts": [{"x": 1}], "doubts": []}, {"contacts": [], "doubts": [3]}, []):
        with pytest.raises(TrackingError, match="not a saved state of contacts"):
            Contacts().restore(state, {})

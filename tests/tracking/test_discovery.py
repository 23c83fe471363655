"""Discovery in the tracker, on squares whose every pixel is known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from track_anything.config import DiscoveryConfig, TrackerConfig
from track_anything.errors import TrackingError
from track_anything.io.png_masks import PaletteMaskSink, read_mask_png
from track_anything.masks import mask_box, mask_iou, mask_logits
from track_anything.structures import (
    EventKind,
    Frame,
    FrameResult,
    Mask,
    ObjectMask,
    Origin,
    Prompt,
    Propagation,
    Proposal,
    State,
    VideoInfo,
)
from track_anything.testing import BrightPartsProposer, ThresholdSegmenter
from track_anything.tracking.discovery import Discovery
from track_anything.tracking.flow_tracker import FlowTracker

SIZE = (96, 128)
INFO = VideoInfo(width=128, height=96)


@dataclass(frozen=True)
class Square:
    """A square of one colour, seen on the frames of its spans."""

    corner: tuple[int, int]
    color: tuple[int, int, int]
    spans: tuple[range, ...]
    side: int = 16
    step: int = 0

    def is_there(self, index: int) -> bool:
        return any(index in span for span in self.spans)

    def mask(self, index: int) -> Mask:
        mask = np.zeros(SIZE, bool)
        if self.is_there(index):
            x, y = self.corner[0] + self.step * index, self.corner[1]
            mask[max(y, 0) : y + self.side, max(x, 0) : max(x + self.side, 0)] = True
        return mask


NOISE = np.random.default_rng(0).integers(0, 40, (*SIZE, 3), np.uint8)


def draw(squares: Sequence[Square], index: int) -> Frame:
    image = NOISE.copy()
    for square in squares:
        if square.is_there(index):
            image[square.mask(index)] = square.color
    image.flags.writeable = False
    return Frame(index, Fraction(index, 25), image)


CODE = np.array([1, 256, 65536], np.int32)


class ColorPropagator:
    """Every object is all pixels of its colour; gone when there are none."""

    def __init__(self) -> None:
        self._colors: dict[int, tuple[int, ...]] = {}

    def start(self, info: VideoInfo) -> None:
        self._colors = {}

    def learn(self, frame: Frame, track_id: int, mask: Mask) -> None:
        if mask.any():
            self._colors[track_id] = tuple(np.median(frame.image[mask], axis=0).astype(int))
        elif track_id in self._colors:
            # It is found by discovery alone.
            self._colors[track_id] = (*self._colors[track_id][:3], -1)

    def expect(self, frame: Frame) -> None:
        pass

    def propagate(self, frame: Frame) -> Mapping[int, Propagation]:
        codes = frame.image.astype(np.int32) @ CODE
        return {i: self._found(codes, color) for i, color in sorted(self._colors.items())}

    def _found(self, codes: NDArray[np.int32], color: tuple[int, ...]) -> Propagation:
        if len(color) > 3:
            return Propagation(np.full((8, 8), -8, np.float32), 0.0, {"searching": 1.0})
        mask = np.asarray(codes == np.array(color) @ CODE)
        return Propagation(mask_logits(mask, SIZE), 0.95 if mask.any() else 0.0)

    def support(self, frame: Frame, track_id: int, mask: Mask) -> float:
        if not mask.any():
            return 0.0
        seen = np.median(frame.image[mask], axis=0)
        return 1.0 if tuple(seen.astype(int)) == self._colors[track_id][:3] else -1.0

    def resemblance(self, frame: Frame, track_id: int, mask: Mask) -> float:
        return 1.0

    def believable(self, track_id: int, mask: Mask, *, place: Mask) -> Mask:
        return mask

    def cede(self, track_id: int, mask: Mask) -> None:
        pass

    def forget(self, track_id: int) -> None:
        self._colors.pop(track_id, None)

    def save(self) -> bytes:
        return repr({i: tuple(map(int, color)) for i, color in self._colors.items()}).encode()

    def restore(self, state: bytes) -> None:
        self._colors = eval(state)


BASE = DiscoveryConfig(is_on=True, every_frames=2, still_looks=1, min_area=50, forget_frames=40)


def tracker_of(
    config: DiscoveryConfig = BASE,
    *,
    moving: BrightPartsProposer | None = None,
    still: BrightPartsProposer | None = None,
    first_free_id: int = 1,
) -> FlowTracker:
    """A tracker that finds what does not move, unless told otherwise."""
    segmenter = ThresholdSegmenter()
    discovery = Discovery(
        config,
        segmenter,
        moving=moving or BrightPartsProposer(finds_nothing=True),
        still=still or BrightPartsProposer(),
    )
    return FlowTracker(
        ColorPropagator(),
        segmenter,
        config=TrackerConfig(cuts="ignore"),
        discovery=discovery,
        first_free_id=first_free_id,
    )


def results(
    tracker: FlowTracker,
    squares: Sequence[Square],
    count: int,
    prompts: Mapping[int, Sequence[Prompt]] | None = None,
) -> Iterator[FrameResult]:
    tracker.start(INFO)
    for index in range(count):
        (result,) = tracker.step(draw(squares, index), (prompts or {}).get(index, ()))
        yield result


def objects(result: FrameResult) -> dict[int, ObjectMask]:
    return {one.track_id: one for one in result.objects}


def events(found: Sequence[FrameResult], *kinds: EventKind) -> list[tuple[int, EventKind, int]]:
    return [
        (result.frame.index, event.kind, event.track_id)
        for result in found
        for event in result.events
        if event.kind in kinds
    ]


ALWAYS = (range(10_000),)
RED = Square((10, 10), (250, 20, 20), ALWAYS)
GREEN = Square((60, 50), (20, 250, 20), ALWAYS)
LATE = Square((90, 20), (20, 20, 250), (range(7, 10_000),))


def test_what_is_seen_at_three_looks_becomes_a_track_with_its_exact_mask() -> None:
    found = list(results(tracker_of(), [RED, LATE], 14))
    # Looks are on even frames: RED is seen on 0, 2, 4, and LATE on 8, 10, 12.
    assert events(found, EventKind.DISCOVERED) == [
        (4, EventKind.DISCOVERED, 1),
        (12, EventKind.DISCOVERED, 2),
    ]
    born = objects(found[12])[2]
    assert (born.origin, born.state, born.confidence) == (
        Origin.DISCOVERED,
        State.CONFIRMED,
        0.9,
    )
    np.testing.assert_array_equal(born.mask, LATE.mask(12))
    assert list(objects(found[11])) == [1]
    assert objects(found[13])[2].origin is Origin.PROPAGATED
    (event,) = (one for one in found[4].events if one.kind is EventKind.DISCOVERED)
    assert event.detail == "something seen at 3 looks"


def test_what_the_user_prompted_is_not_found_once_more() -> None:
    prompts = {0: [Prompt(mask=RED.mask(0), track_id=3, label="red")]}
    found = list(results(tracker_of(), [RED, GREEN], 10, prompts))
    assert list(objects(found[-1])) == [3, 4]
    np.testing.assert_array_equal(objects(found[-1])[4].mask, GREEN.mask(9))


def test_ids_of_prompts_to_come_are_left_free() -> None:
    prompts = {8: [Prompt(mask=GREEN.mask(8), track_id=5)]}
    green = replace(GREEN, spans=(range(8, 100),))
    found = list(results(tracker_of(first_free_id=6), [RED, green], 10, prompts))
    assert list(objects(found[-1])) == [5, 6]


def test_nothing_begins_on_a_frame_on_which_an_object_of_the_user_does() -> None:
    prompts = {4: [Prompt(mask=GREEN.mask(4), track_id=1)]}
    found = list(results(tracker_of(first_free_id=2), [RED, GREEN], 9, prompts))
    assert events(found, EventKind.DISCOVERED) == [(6, EventKind.DISCOVERED, 2)]
    # What is said of one that began before is no hindrance: here, that it is absent all along.
    absent = {at: [Prompt(is_absent=True, track_id=1)] for at in range(1, 9)}
    hidden = {0: [Prompt(mask=GREEN.mask(0), track_id=1)], **absent}
    found = list(results(tracker_of(first_free_id=2), [RED], 9, hidden))
    assert events(found, EventKind.DISCOVERED) == [(4, EventKind.DISCOVERED, 2)]


def test_an_object_that_comes_back_where_it_was_gets_its_old_id() -> None:
    gone = replace(RED, spans=(range(8), range(20, 100)))
    found = list(results(tracker_of(), [gone, GREEN], 24))
    assert (8, EventKind.LOST, 1) in events(found, EventKind.LOST)
    assert events(found, EventKind.FOUND) == [(20, EventKind.FOUND, 1)]
    (said,) = (one for one in found[20].events if one.kind is EventKind.FOUND)
    assert said.detail == (
        "proposed again after 12 frames: fits its looks by +1.00, 0 px from where it was seen last"
    )
    np.testing.assert_array_equal(objects(found[20])[1].mask, RED.mask(20))
    assert list(objects(found[-1])) == [1, 2]


def test_another_object_in_its_place_gets_a_new_id_and_the_event_says_why() -> None:
    gone = replace(RED, spans=(range(8),))
    other = replace(RED, color=(250, 250, 20), spans=(range(20, 100),))
    found = list(results(tracker_of(), [gone, other], 26))
    assert events(found, EventKind.FOUND) == []
    assert events(found[8:], EventKind.DISCOVERED) == [(24, EventKind.DISCOVERED, 2)]
    (said,) = (one for one in found[24].events if one.kind is EventKind.DISCOVERED)
    assert said.detail == (
        "something seen at 3 looks; fits the looks of object 1, which is lost, by only -1.00"
    )


def test_the_same_looks_too_far_away_or_of_another_size_are_another_object() -> None:
    small = replace(RED, side=8, spans=(range(8),))
    for there, text in (
        (Square((110, 78), RED.color, (range(12, 100),), side=8), "too far from"),
        (Square((10, 10), RED.color, (range(12, 100),), side=24), "not the size of"),
    ):
        found = list(results(tracker_of(), [small, there], 20))
        assert events(found, EventKind.FOUND) == []
        (said,) = (
            event for one in found[9:] for event in one.events if event.kind is EventKind.DISCOVERED
        )
        assert text in said.detail


def test_a_lost_object_is_found_again_whatever_younger_objects_there_are() -> None:
    gone = replace(RED, spans=(range(8), range(20, 100)))
    alone = list(results(tracker_of(), [gone, GREEN], 26))
    # A younger object, of the user's, sits where the other one comes back.
    prompts = {10: [Prompt(mask=RED.mask(0), track_id=9)]}
    beside = list(results(tracker_of(first_free_id=1), [gone, GREEN], 26, prompts))
    for first, second in zip(alone, beside, strict=True):
        for track_id, one in objects(first).items():
            np.testing.assert_array_equal(one.mask, objects(second)[track_id].mask)


def test_a_part_that_a_mask_left_out_is_no_new_object() -> None:
    # An arm of another colour, 6 x 16, along a side of RED.
    arm = Square((26, 10), (250, 220, 20), ALWAYS, side=6)
    prompts = {0: [Prompt(mask=RED.mask(0), track_id=1)]}
    tracker = tracker_of(replace(BASE, min_area=20), still=Parts([arm]))
    found = list(results(tracker, [RED, arm], 12, prompts))
    assert list(objects(found[-1])) == [1]


class Parts(BrightPartsProposer):
    """Proposes given squares, each by itself, whatever touches it."""

    def __init__(self, squares: Sequence[Square], *, joined: bool = False) -> None:
        super().__init__()
        self._squares = squares
        self._joined = joined

    def propose(self, frame: Frame, *, area: Mask | None = None) -> list[Proposal]:
        masks = [square.mask(frame.index) for square in self._squares]
        if self._joined:
            masks = [np.logical_or.reduce(masks)]
        return [Proposal(mask_box(mask), 0.9, mask) for mask in masks if mask.any()]


def test_what_holds_a_tracked_object_is_no_new_object() -> None:
    beside = Square((26, 10), (250, 220, 20), ALWAYS, side=40)
    prompts = {0: [Prompt(mask=RED.mask(0), track_id=1)]}
    tracker = tracker_of(still=Parts([RED, beside], joined=True))
    found = list(results(tracker, [RED, beside], 12, prompts))
    # Together they are covered by a seventh only, but they hold all of RED.
    assert RED.mask(0).sum() < 0.2 * (RED.mask(0) | beside.mask(0)).sum()
    assert list(objects(found[-1])) == [1]


def test_a_part_of_what_is_proposed_whole_does_not_begin() -> None:
    inner = Square((64, 54), (250, 220, 20), ALWAYS, side=8)
    found = list(results(tracker_of(still=Parts([inner, GREEN])), [GREEN, inner], 12))
    assert list(objects(found[-1])) == [1]
    assert mask_iou(objects(found[4])[1].mask, GREEN.mask(4)) == 1


def test_what_falls_apart_is_not_one_object() -> None:
    tracker = tracker_of(still=Parts([RED, GREEN], joined=True))
    assert not list(results(tracker, [RED, GREEN], 12))[-1].objects


def test_limits_of_size_number_and_place_are_kept() -> None:
    large = Square((40, 40), (250, 220, 20), ALWAYS, side=50)
    for config, expected in (
        (replace(BASE, min_area=257), [large]),
        (replace(BASE, max_area=0.1), [RED]),
        (replace(BASE, max_objects=1), [large]),
        (replace(BASE, zones=("0,0 30,0 30,96 0,96",)), [RED]),
        # Half of RED is left of 18: the right half is not enough of it ...
        (replace(BASE, zones=("19,0 128,0 128,96 19,96",)), [large]),
        # ... but two zones together are.
        (replace(BASE, zones=("0,0 13,0 13,96 0,96", "14,0 30,0 30,96 14,96")), [RED]),
    ):
        found = list(results(tracker_of(config), [RED, large], 8))[-1]
        assert len(found.objects) == len(expected), config
        for one, square in zip(found.objects, expected, strict=True):
            np.testing.assert_array_equal(one.mask, square.mask(7))


def test_zones_are_in_pixels_of_the_source() -> None:
    config = replace(BASE, zones=("0,0 60,0 60,192 0,192",))
    tracker = tracker_of(config)
    tracker.start(replace(INFO, source_width=256, source_height=192))
    found = [tracker.step(draw([RED, GREEN], index), ())[0] for index in range(6)][-1]
    np.testing.assert_array_equal(found.objects[0].mask, RED.mask(5))
    assert len(found.objects) == 1


def test_with_motion_only_nothing_is_asked_of_the_still_picture() -> None:
    config = replace(BASE, motion_only=True)
    assert not list(results(tracker_of(config), [RED], 12))[-1].objects
    assert list(results(tracker_of(), [RED], 12))[-1].objects


def test_what_is_said_to_move_and_never_gets_anywhere_is_no_object() -> None:
    tracker = tracker_of(replace(BASE, motion_only=True), moving=BrightPartsProposer())
    assert not list(results(tracker, [RED], 20))[-1].objects


class OnDrive(BrightPartsProposer):
    """Says of all it proposes that the ground does not take it along."""

    def propose(self, frame: Frame, *, area: Mask | None = None) -> Sequence[Proposal]:
        return [replace(one, on_drive=True) for one in super().propose(frame, area=area)]


def test_on_a_drive_what_keeps_its_place_in_the_picture_is_an_object() -> None:
    tracker = tracker_of(replace(BASE, motion_only=True), moving=OnDrive())
    found = list(results(tracker, [RED], 12))
    assert events(found, EventKind.DISCOVERED) == [(4, EventKind.DISCOVERED, 1)]
    np.testing.assert_array_equal(objects(found[-1])[1].mask, RED.mask(11))


def test_what_reaches_through_the_picture_is_no_object() -> None:
    post = Square((60, -20), (20, 20, 250), ALWAYS, side=140)
    config = replace(BASE, motion_only=True, max_area=1)
    assert post.mask(0)[[0, -1]].any(axis=1).all()
    tracker = tracker_of(config, moving=OnDrive())
    assert list(objects(list(results(tracker, [RED, post], 12))[-1])) == [1]


def test_everything_on_the_first_frame_is_tracked_at_once_and_nothing_later() -> None:
    config = replace(BASE, is_on=False, everything=True)
    found = list(results(tracker_of(config), [RED, GREEN, LATE], 14))
    assert events(found, EventKind.DISCOVERED) == [
        (0, EventKind.DISCOVERED, 1),
        (0, EventKind.DISCOVERED, 2),
    ]
    assert {one.detail for one in found[0].events} == {"everything on the first frame"}
    assert list(objects(found[-1])) == [1, 2]


def test_everything_waits_for_a_frame_without_prompts_and_discovery_goes_on() -> None:
    config = replace(BASE, everything=True)
    prompts = {0: [Prompt(mask=RED.mask(0), track_id=1)]}
    found = list(results(tracker_of(config, first_free_id=2), [RED, GREEN, LATE], 14, prompts))
    assert events(found, EventKind.DISCOVERED) == [
        (1, EventKind.DISCOVERED, 2),
        (12, EventKind.DISCOVERED, 3),
    ]


def test_a_discovered_object_that_stays_away_ends_and_its_id_is_not_given_again() -> None:
    config = replace(BASE, forget_frames=10)
    gone = replace(RED, spans=(range(8), range(30, 100)))
    found = list(results(tracker_of(config), [gone], 60))
    assert events(found, EventKind.ENDED) == [(18, EventKind.ENDED, 1)]
    assert events(found, EventKind.DISCOVERED)[-1] == (34, EventKind.DISCOVERED, 2)
    assert list(objects(found[-1])) == [2]


def test_after_a_restore_the_same_is_found_with_the_same_ids() -> None:
    squares = [RED, replace(GREEN, spans=(range(3, 12), range(18, 100))), LATE]
    whole = list(results(tracker_of(), squares, 26))
    for stop in (1, 5, 9, 13, 17):
        first, second = tracker_of(), tracker_of()
        list(results(first, squares, stop))
        state = first.save()
        assert state is not None
        second.start(INFO)
        second.restore(state)
        assert second.save() == state
        for index in range(stop, 26):
            (result,) = second.step(draw(squares, index), ())
            assert result.events == whole[index].events
            assert list(objects(result)) == list(objects(whole[index]))
            for one, other in zip(result.objects, whole[index].objects, strict=True):
                np.testing.assert_array_equal(one.mask, other.mask)


def test_a_state_with_discovery_is_not_for_a_tracker_without_it() -> None:
    first = tracker_of()
    list(results(first, [RED], 3))
    state = first.save()
    assert state is not None
    other = FlowTracker(
        ColorPropagator(), ThresholdSegmenter(), config=TrackerConfig(cuts="ignore")
    )
    other.start(INFO)
    with pytest.raises(TrackingError, match="with discovery, expected without"):
        other.restore(state)


def crowd(count: int, frames: int) -> list[Square]:
    """Squares of a colour each, a few at a time, in the cells of a grid, from left to right."""
    squares = []
    for number in range(count):
        column, row = number % 6, number // 6 % 4
        first = number * (frames - 40) // count
        color = (130 + number % 120, 130 + number // 120 * 40, 255 - number % 7)
        span = range(first, first + 24)
        squares.append(Square((4 + 20 * column, 4 + 22 * row), color, (span,), side=14))
    return squares


def test_three_hundred_objects_in_a_thousand_frames_have_an_id_each(tmp_path: Path) -> None:
    count, frames = 300, 1000
    squares = crowd(count, frames)
    tracker = tracker_of(replace(BASE, every_frames=3, forget_frames=12))
    sink = PaletteMaskSink(tmp_path)
    color_of: dict[int, int] = {}
    sizes: list[int] = []
    most = 0
    for result in results(tracker, squares, frames):
        most = max(most, len(result.objects))
        for one in result.objects:
            if one.mask.any():
                colors = np.unique(result.frame.image[one.mask] @ CODE)
                assert colors.tolist() == [color_of.setdefault(one.track_id, int(colors[0]))]
        if result.frame.index % 100 == 99:
            state = tracker.save()
            assert state is not None
            sizes.append(len(state))
            sink.write(result)
    # Every object has one id, no id has two objects, and none is left out.
    assert sorted(color_of) == list(range(1, count + 1))
    assert len(set(color_of.values())) == count
    # What is gone is forgotten: as much is kept after 900 frames as after 300.
    assert most < 40
    assert max(sizes[6:9]) < 1.3 * max(sizes[:3])
    labels = read_mask_png(tmp_path / "00899.png")
    assert labels.max() > 254
    seen = [square for square in squares if square.mask(899).any()]
    there = {int(np.array(square.color) @ CODE) for square in seen}
    wanted = {track_id for track_id, color in color_of.items() if color in there}
    assert set(np.unique(labels)) - {0} <= wanted
    sink.close()

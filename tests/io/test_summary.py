"""What the manifest says of a run."""

import json
from fractions import Fraction

import numpy as np

from track_anything.io.summary import SummarySink
from track_anything.masks import mask_box
from track_anything.structures import Event, EventKind, Frame, FrameResult, ObjectMask, State


def result(
    index: int, objects: list[ObjectMask], events: list[Event], *, is_corrupt: bool = False
) -> FrameResult:
    image = np.zeros((4, 4, 3), np.uint8)
    return FrameResult(Frame(index, Fraction(index, 3), image, is_corrupt), objects, events)


def object_mask(track_id: int, confidence: float, state: State, *, visible: bool) -> ObjectMask:
    mask = np.full((4, 4), visible)
    return ObjectMask(track_id, mask, mask_box(mask), confidence, state, label="dog")


def test_frames_objects_and_events_are_counted() -> None:
    sink = SummarySink()
    lost = Event(EventKind.LOST, 2, "faint")
    first = object_mask(2, 0.75, State.CONFIRMED, visible=True)
    second = object_mask(2, 0.25, State.WEAK, visible=True)
    third = object_mask(2, 0.0, State.LOST, visible=False)
    never = object_mask(1, 0.5, State.OCCLUDED, visible=False)
    sink.write(result(0, [first], []))
    sink.write(result(1, [second], [], is_corrupt=True))
    sink.write(result(2, [never, third], [lost]))
    sink.close()
    told = sink.to_dict()
    assert told == {
        "frames": 3,
        "corrupt_frames": 1,
        "objects": {
            "1": {
                "name": "dog",
                "visible_frames": 0,
                "frames": {"occluded": 1},
                "mean_confidence": None,
                "minimum_confidence": None,
            },
            "2": {
                "name": "dog",
                "visible_frames": 2,
                "frames": {"confirmed": 1, "weak": 1, "lost": 1},
                "mean_confidence": 0.5,
                "minimum_confidence": 0.25,
            },
        },
        "event_counts": {"lost": 1},
        "events": [{"frame": 2, "time": 0.666667, "kind": "lost", "id": 2, "detail": "faint"}],
        "events_left_out": 0,
    }
    assert list(told["objects"]) == ["1", "2"]  # type: ignore[call-overload]
    assert json.loads(json.dumps(told)) == told


def test_events_beyond_the_bound_are_counted_only() -> None:
    sink = SummarySink(max_events=2)
    for index in range(5):
        sink.write(result(index, [], [Event(EventKind.REJECTED, 1)]))
    told = sink.to_dict()
    assert len(told["events"]) == 2  # type: ignore[arg-type]
    assert told["events_left_out"] == 3
    assert told["event_counts"] == {"rejected": 5}

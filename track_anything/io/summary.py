"""A sink that keeps what the manifest says of a run: frames, objects and events."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from track_anything.io.tables import decimal_seconds
from track_anything.structures import EventKind, FrameResult, ObjectMask, State

MAX_EVENTS = 10_000
"""Events kept with frame and time: about a megabyte of run.json. All are counted."""


class SummarySink:
    """Counts what it sees and keeps the events; its size does not grow with the video."""

    def __init__(self, *, max_events: int = MAX_EVENTS) -> None:
        """Begin with nothing seen.

        Args:
            max_events: How many events are kept; later ones are only counted.
        """
        self._max_events = max_events
        self._frame_count = 0
        self._corrupt_count = 0
        self._objects: dict[int, _ObjectSummary] = {}
        self._events: list[dict[str, object]] = []
        self._event_counts: Counter[EventKind] = Counter()

    def write(self, result: FrameResult) -> None:
        """Count a frame."""
        self._frame_count += 1
        self._corrupt_count += result.frame.is_corrupt
        for one in result.objects:
            self._objects.setdefault(one.track_id, _ObjectSummary()).add(one)
        for event in result.events:
            self._event_counts[event.kind] += 1
            if len(self._events) < self._max_events:
                self._events.append(
                    {
                        "frame": result.frame.index,
                        "time": float(decimal_seconds(result.frame.time)),
                        "kind": event.kind.value,
                        "id": event.track_id,
                        "detail": event.detail,
                    }
                )

    def close(self) -> None:
        """Nothing is left to do."""

    def abort(self) -> None:
        """Keep what was counted."""

    def to_dict(self) -> dict[str, object]:
        """What was seen, ready for JSON.

        Returns:
            frames, corrupt_frames, objects by id (name, visible_frames, frames by state, mean and
            minimum confidence over the frames where the object is visible, None if it never is),
            event_counts, events and events_left_out.
        """
        counted = sum(self._event_counts.values())
        return {
            "frames": self._frame_count,
            "corrupt_frames": self._corrupt_count,
            "objects": {str(i): self._objects[i].to_dict() for i in sorted(self._objects)},
            "event_counts": {kind.value: n for kind, n in sorted(self._event_counts.items())},
            "events": list(self._events),
            "events_left_out": counted - len(self._events),
        }


@dataclass
class _ObjectSummary:
    name: str = ""
    visible_count: int = 0
    states: Counter[State] = field(default_factory=Counter)
    confidence_sum: float = 0.0
    confidence_low: float = 1.0

    def add(self, one: ObjectMask) -> None:
        self.name = one.label or self.name
        self.states[one.state] += 1
        if not np.any(one.mask):
            return
        self.visible_count += 1
        self.confidence_sum += float(one.confidence)
        self.confidence_low = min(self.confidence_low, float(one.confidence))

    def to_dict(self) -> dict[str, object]:
        is_seen = self.visible_count > 0
        mean = round(self.confidence_sum / self.visible_count, 4) if is_seen else None
        return {
            "name": self.name,
            "visible_frames": self.visible_count,
            "frames": {state.value: self.states[state] for state in State if self.states[state]},
            "mean_confidence": mean,
            "minimum_confidence": round(self.confidence_low, 4) if is_seen else None,
        }

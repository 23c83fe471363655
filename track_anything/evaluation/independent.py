"""The baseline for many objects: every object tracked as if it were alone."""

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from track_anything.errors import TrackingError
from track_anything.interfaces import Tracker
from track_anything.masks import mask_box
from track_anything.structures import (
    Event,
    Frame,
    FrameResult,
    ObjectMask,
    Prompt,
    VideoInfo,
)


class IndependentTrackers:
    """A tracker of its own for every object; none knows of the others.

    A pixel that several claim goes to the one that is surest on the frame, then to the lowest id.
    """

    def __init__(self, make_tracker: Callable[[], Tracker]) -> None:
        """Take what makes a fresh tracker; it must give a result for every frame at once."""
        self._make_tracker = make_tracker
        self._trackers: dict[int, Tracker] = {}
        self._info: VideoInfo | None = None

    def start(self, info: VideoInfo) -> None:
        """Begin a video: no objects yet."""
        self._trackers.clear()
        self._info = info

    def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
        """The objects of all trackers on this frame.

        Raises:
            TrackingError: If start was not called, a prompt has no track_id, or a tracker holds
                frames back.
        """
        for prompt in prompts:
            self._begin(prompt.track_id)
        objects: list[ObjectMask] = []
        events: list[Event] = []
        for track_id, tracker in sorted(self._trackers.items()):
            own = [prompt for prompt in prompts if prompt.track_id == track_id]
            results = tracker.step(frame, own)
            if len(results) != 1:
                raise TrackingError(
                    f"frame {frame.index}: independent trackers give one result a frame, "
                    f"got {len(results)}"
                )
            objects += results[0].objects
            events += results[0].events
        return [FrameResult(frame, surest_pixels(objects), events)]

    def finish(self) -> Sequence[FrameResult]:
        """Nothing: no frame is ever held back."""
        for tracker in self._trackers.values():
            tracker.finish()
        return ()

    def save(self) -> bytes | None:
        """The states of all trackers; None where one cannot be saved now."""
        states = {}
        for track_id, tracker in self._trackers.items():
            state = tracker.save()
            if state is None:
                return None
            states[str(track_id)] = base64.b64encode(state).decode("ascii")
        return json.dumps(states).encode("ascii")

    def restore(self, state: bytes, *, frames: Sequence[Frame] = ()) -> None:
        """Go on from what save returned, after start with the same info.

        Raises:
            TrackingError: If the state is not one of independent trackers.
        """
        try:
            states = {
                int(track_id): base64.b64decode(text, validate=True)
                for track_id, text in json.loads(state).items()
            }
        except (AttributeError, TypeError, ValueError) as error:
            raise TrackingError("this is not the state of independent trackers") from error
        self._trackers.clear()
        for track_id, one in states.items():
            self._begin(track_id)
            self._trackers[track_id].restore(one)

    def _begin(self, track_id: int | None) -> None:
        if self._info is None:
            raise TrackingError("start(info) comes before the first step")
        if track_id is None:
            raise TrackingError("independent trackers need a track_id with every prompt")
        if track_id not in self._trackers:
            tracker = self._make_tracker()
            tracker.start(self._info)
            self._trackers[track_id] = tracker


def surest_pixels(objects: Iterable[ObjectMask]) -> list[ObjectMask]:
    """The objects by ascending id, every pixel left to the surest of those that claim it."""
    ordered = sorted(objects, key=lambda one: (-one.confidence, one.track_id))
    settled = []
    taken = None
    for one in ordered:
        mask = one.mask if taken is None else one.mask & ~taken
        taken = mask.copy() if taken is None else np.asarray(taken | mask)
        settled.append(replace(one, mask=mask, box=mask_box(mask)))
    return sorted(settled, key=lambda one: one.track_id)

"""The tracker: carry every mask, doubt it, ask the segmenter, believe the better answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from track_anything.config import TrackerConfig
from track_anything.errors import TrackingError
from track_anything.interfaces import Propagator, Segmenter
from track_anything.masks import logits_mask, mask_box
from track_anything.structures import (
    Event,
    EventKind,
    Floats,
    Frame,
    FrameResult,
    Mask,
    MaskPrediction,
    ObjectMask,
    Origin,
    Prompt,
    Propagation,
    State,
    VideoInfo,
)
from track_anything.tracking.association import Claim, judge_answer, settle_overlaps
from track_anything.tracking.reprompt import reprompt
from track_anything.tracking.track import Track
from track_anything.tracking.user_prompts import (
    best_answers,
    check_size,
    id_of,
    logits_behind,
    refining,
    with_ids,
)


@dataclass(slots=True)
class _Step:
    """What is known of one frame while it is worked on."""

    frame: Frame
    masks: dict[int, Mask] = field(default_factory=dict)
    logits: dict[int, Floats | None] = field(default_factory=dict)
    final: set[int] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.frame.image.shape[:2]
        return height, width

    def say(self, kind: EventKind, track_id: int, detail: str = "") -> None:
        self.events.append(Event(kind, track_id, detail))

    def set(self, track_id: int, mask: Mask, logits: Floats | None) -> None:
        self.masks[track_id], self.logits[track_id] = mask, logits


class FlowTracker:
    """Tracks prompted objects through a video, one result for every frame at once."""

    def __init__(
        self,
        propagator: Propagator,
        segmenter: Segmenter | None,
        *,
        config: TrackerConfig | None = None,
    ) -> None:
        """Put a tracker together.

        Args:
            propagator: Carries the masks.
            segmenter: Answers the user's prompts and the tracker's questions; without one only
                masks can be prompted.
            config: The tracker's rules.
        """
        self._propagator = propagator
        self._segmenter = segmenter
        self._config = config or TrackerConfig()
        self._tracks: dict[int, Track] = {}
        self._size: tuple[int, int] | None = None
        self._next_id = 1

    def start(self, info: VideoInfo) -> None:
        """Begin a video: no objects yet."""
        self._tracks.clear()
        self._size, self._next_id = info.size, 1
        self._propagator.start(info)

    def finish(self) -> Sequence[FrameResult]:
        """Nothing: no frame is ever held back."""
        return ()

    def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
        """The result of this frame.

        Raises:
            TrackingError: If start was not called, or the frame is of another size.
            PromptError: If a prompt cannot be answered.
        """
        if self._size is None:
            raise TrackingError("start(info) comes before the first step")
        if frame.image.shape[:2] != self._size:
            height, width = frame.image.shape[:2]
            raise TrackingError(
                f"frame {frame.index} is {width}x{height}, "
                f"expected {self._size[1]}x{self._size[0]} as the video began"
            )
        now = _Step(frame)
        prompts, self._next_id = with_ids(prompts, self._next_id)
        prompted = {prompt.track_id for prompt in prompts}
        carried = self._propagator.propagate(frame)
        self._carry(now, carried, prompted)
        self._ask_again(now, prompted)
        self._take_prompts(now, prompts)
        return [self._result(now)]

    # The user's prompts.

    def _take_prompts(self, now: _Step, prompts: Sequence[Prompt]) -> None:
        asking = [self._refining(now, prompt) for prompt in prompts if not prompt.is_answer]
        answers = best_answers(self._segmenter, now.frame, asking)
        for prompt in prompts:
            track_id = id_of(prompt)
            if prompt.is_absent:
                self._take_absence(now, track_id)
                continue
            if prompt.mask is not None:
                check_size(prompt.mask, now.size, track_id)
                self._take(now, prompt, prompt.mask, None, is_final=True)
                continue
            best = answers[track_id]
            self._take(now, prompt, best.mask, best.logits, is_final=False)

    def _refining(self, now: _Step, prompt: Prompt) -> Prompt:
        carried = now.masks.get(id_of(prompt))
        # What a search guesses is not shown to the user: nobody corrects it.
        if carried is None or self._tracks[id_of(prompt)].is_searched:
            return prompt
        return refining(prompt, carried, now.logits[id_of(prompt)])

    def _take(
        self, now: _Step, prompt: Prompt, mask: Mask, logits: Floats | None, *, is_final: bool
    ) -> None:
        track_id = id_of(prompt)
        if not mask.any():
            # The user says with an empty mask what `absent` says in words.
            self._take_absence(now, track_id)
            return
        track = self._tracks.get(track_id)
        kind = EventKind.CORRECTED
        if track is None:
            kind = EventKind.STARTED
            track = self._tracks[track_id] = Track(track_id, now.frame.index)
        track.label = prompt.label or track.label
        track.trusted(Origin.PROMPTED)
        self._propagator.learn(now.frame, track_id, mask)
        now.set(track_id, mask, logits)
        if is_final:
            now.final.add(track_id)
        now.say(kind, track_id, track.label)

    def _take_absence(self, now: _Step, track_id: int) -> None:
        track = self._tracks.get(track_id)
        empty = np.zeros(now.size, bool)
        if track is None:
            return  # Absent before it was ever seen: there is nothing to hide yet.
        if track.state is not State.OCCLUDED:
            now.say(EventKind.ABSENT, track_id, "said to be absent")
        self._propagator.learn(now.frame, track_id, empty)
        track.state, track.confidence, track.origin = State.OCCLUDED, 1.0, Origin.PROMPTED
        now.set(track_id, empty, None)
        now.final.add(track_id)

    # The tracker's own doubts.

    def _carry(
        self, now: _Step, carried: Mapping[int, Propagation], prompted: set[int | None]
    ) -> None:
        for track_id, found in carried.items():
            track = self._tracks[track_id]
            track.tick(self._config.reprompt)
            mask = logits_mask(found.logits, now.size)
            now.set(track_id, mask, found.logits)
            if track_id in prompted:
                continue
            is_found = not found.signals.get("searching") or bool(found.signals.get("found"))
            is_visible = is_found and bool(np.count_nonzero(mask) >= self._config.smallest_area)
            event = track.move_on(found.confidence, is_visible=is_visible, config=self._config)
            if event is EventKind.LOST:
                self._propagator.learn(now.frame, track_id, np.zeros(now.size, bool))
            if event is not None:
                now.say(event, track_id, f"confidence {found.confidence:.2f}")

    def _ask_again(self, now: _Step, prompted: set[int | None]) -> None:
        config = self._config.reprompt
        if config.mode == "off" or self._segmenter is None:
            return
        asking = [
            track
            for track in self._tracks.values()
            if track.track_id not in prompted
            and track.may_ask(config)
            and now.masks[track.track_id].any()
        ]
        if not asking:
            return
        questions = [self._question(now, track) for track in asking]
        embedding = self._segmenter.embed(now.frame)
        candidates = self._segmenter.decode(embedding, questions)
        for track, found in zip(asking, candidates, strict=True):
            self._judge(now, track, found[0])

    def _question(self, now: _Step, track: Track) -> Prompt:
        older = [
            now.masks[other.track_id]
            for other in self._tracks.values()
            if other is not track
            and other.first_frame <= track.first_frame
            and not other.is_searched
        ]
        mask = now.masks[track.track_id]
        logits = logits_behind(mask, now.logits[track.track_id])
        return reprompt(track.track_id, mask, logits, older, self._config.reprompt)

    def _judge(self, now: _Step, track: Track, answer: MaskPrediction) -> None:
        config = self._config.reprompt
        carried = now.masks[track.track_id]
        verdict = judge_answer(
            answer.mask,
            answer.predicted_iou,
            carried=carried,
            answer_support=self._propagator.support(now.frame, track.track_id, answer.mask),
            carried_support=self._propagator.support(now.frame, track.track_id, carried),
            config=config,
        )
        if not verdict.is_accepted:
            track.asked(config, is_accepted=False)
            now.say(EventKind.REJECTED, track.track_id, verdict.reason)
            return
        was_searched = track.is_searched
        self._propagator.learn(now.frame, track.track_id, answer.mask)
        track.trusted(Origin.REPROMPTED)
        track.asked(config, is_accepted=True)
        track.confidence = answer.predicted_iou
        now.set(track.track_id, answer.mask, answer.logits)
        now.say(EventKind.REPROMPTED, track.track_id, verdict.reason)
        if was_searched:
            now.say(EventKind.FOUND, track.track_id, "the segmenter's answer was accepted")

    # What the sinks see.

    def _result(self, now: _Step) -> FrameResult:
        for track in self._tracks.values():
            if track.is_searched:
                now.masks[track.track_id] = np.zeros(now.size, bool)
        masks = now.masks
        if self._config.overlaps == "first":
            masks = settle_overlaps([self._claim(now, track_id) for track_id in masks])
        objects = [
            ObjectMask(
                track_id=track_id,
                mask=masks[track_id],
                box=mask_box(masks[track_id]),
                confidence=track.confidence,
                state=track.state,
                origin=track.origin,
                label=track.label,
            )
            for track_id, track in sorted(self._tracks.items())
        ]
        return FrameResult(now.frame, objects, now.events)

    def _claim(self, now: _Step, track_id: int) -> Claim:
        return Claim(
            track_id,
            now.masks[track_id],
            now.logits[track_id],
            self._tracks[track_id].first_frame,
            track_id in now.final,
        )

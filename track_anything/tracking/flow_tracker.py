"""The tracker: carry every mask, doubt it, ask the segmenter, believe the better answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from track_anything.config import TrackerConfig
from track_anything.errors import TrackingError
from track_anything.interfaces import Propagator, Segmenter
from track_anything.masks import logits_mask, mask_box
from track_anything.structures import (
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
from track_anything.tracking.contact import Contacts
from track_anything.tracking.look_back import LookBack
from track_anything.tracking.reprompt import reprompt
from track_anything.tracking.scene_cut import SceneCutDetector
from track_anything.tracking.step import Step
from track_anything.tracking.track import Track
from track_anything.tracking.tracker_state import TrackerState
from track_anything.tracking.user_prompts import (
    best_answers,
    check_size,
    id_of,
    logits_behind,
    refining,
    with_ids,
)
from track_anything.tracking.whereabouts import where_gone

_GONE = {
    State.LEFT: (EventKind.LEFT, "through the border of the frame"),
    State.OCCLUDED: (EventKind.OCCLUDED, "behind another object"),
    State.LOST: (EventKind.LOST, "no longer found"),
}


class FlowTracker:
    """Tracks prompted objects through a video.

    Results of frames on which an object is doubted are held back, a bounded number: if it becomes
    known again they are mended. All others come at once.
    """

    def __init__(
        self,
        propagator: Propagator,
        segmenter: Segmenter | None,
        *,
        config: TrackerConfig | None = None,
        copy: Callable[[], Propagator] | None = None,
    ) -> None:
        """Put a tracker together.

        Args:
            propagator: Carries the masks.
            segmenter: Answers the user's prompts and the tracker's questions; without one only
                masks can be prompted.
            config: The tracker's rules.
            copy: Makes another propagator of the same settings, to carry objects backwards where
                they were corrected; without it nothing is held back or mended.
        """
        self._propagator = propagator
        self._segmenter = segmenter
        self._config = config or TrackerConfig()
        self._tracks: dict[int, Track] = {}
        self._size: tuple[int, int] | None = None
        self._next_id = 1
        self._cuts: SceneCutDetector | None = None
        self._contacts = Contacts()
        self._look_back: LookBack | None = None
        if copy is not None and self._config.look_back.frames:
            self._look_back = LookBack(
                self._config.look_back,
                propagator,
                copy,
                is_exclusive=self._config.overlaps == "first",
            )

    def start(self, info: VideoInfo) -> None:
        """Begin a video: no objects yet."""
        self._tracks.clear()
        self._size, self._next_id = info.size, 1
        self._propagator.start(info)
        self._contacts = Contacts()
        self._cuts = None
        if self._config.cuts != "ignore":
            self._cuts = SceneCutDetector(frame_rate=float(info.frame_rate))
        if self._look_back is not None:
            self._look_back.start(info)

    def finish(self) -> Sequence[FrameResult]:
        """The results still held back: no correction will come."""
        held = () if self._look_back is None else self._look_back.flush()
        return tuple(self._known(one) for one in held)

    def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
        """The results that are final now: of this frame, of earlier ones too, or none.

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
        now = Step(frame)
        prompts, self._next_id = with_ids(prompts, self._next_id)
        prompted = {prompt.track_id for prompt in prompts}
        final = self._after_cut(now)
        carried = self._propagator.propagate(frame)
        self._carry(now, carried, prompted)
        self._ask_again(now, prompted)
        self._take_prompts(now, prompts)
        result = self._result(now)
        if self._look_back is None:
            return [self._known(result)]
        final += self._look_back.add(
            result, now.logits, self._first_frames(), now.corrections, final=now.final
        )
        return [self._known(one) for one in final]

    def save(self) -> bytes | None:
        """State from which restore goes on with the same results, byte for byte.

        Raises:
            TrackingError: If start was not called.
        """
        if self._size is None:
            raise TrackingError("start(info) comes before the first save")
        return TrackerState(
            tracks=self._tracks,
            size=self._size,
            next_id=self._next_id,
            contacts=self._contacts.save(),
            cuts=None if self._cuts is None else self._cuts.save(),
            propagator=self._propagator.save(),
            look_back=None if self._look_back is None else self._look_back.save(),
        ).pack()

    def restore(self, state: bytes, *, frames: Sequence[Frame] = ()) -> None:
        """Go on from what save returned.

        Args:
            state: What it returned.
            frames: Those whose results were held back then, in order.

        Raises:
            TrackingError: If start was not called, or the state is not this tracker's, or of a
                video of another size, or not with these frames.
        """
        found = TrackerState.unpack(state)
        if found.size != self._size:
            raise TrackingError(
                f"saved state is of a video of {found.size[1]}x{found.size[0]}, expected "
                + ("start(info) first" if self._size is None else "{1}x{0}".format(*self._size))
            )
        for name, was_on, is_on in (
            ("scene cuts", found.cuts is not None, self._cuts is not None),
            ("looking back", found.look_back is not None, self._look_back is not None),
        ):
            if was_on is not is_on:
                raise TrackingError(
                    f"saved state is of a tracker with{'' if was_on else 'out'} {name}, expected "
                    f"with{'' if is_on else 'out'}: restore it with the settings it was saved with"
                )
        self._propagator.restore(found.propagator)
        if self._cuts is not None and found.cuts is not None:
            self._cuts.restore(found.cuts)
        if self._look_back is not None and found.look_back is not None:
            self._look_back.restore(found.look_back, frames)
        self._tracks, self._next_id = dict(found.tracks), found.next_id
        self._contacts.restore(found.contacts, self._first_frames())

    # The user's prompts.

    def _take_prompts(self, now: Step, prompts: Sequence[Prompt]) -> None:
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

    def _refining(self, now: Step, prompt: Prompt) -> Prompt:
        carried = now.masks.get(id_of(prompt))
        # What a search guesses is not shown to the user: nobody corrects it.
        if carried is None or self._tracks[id_of(prompt)].is_searched:
            return prompt
        return refining(prompt, carried, now.logits[id_of(prompt)])

    def _take(
        self, now: Step, prompt: Prompt, mask: Mask, logits: Floats | None, *, is_final: bool
    ) -> None:
        track_id = id_of(prompt)
        if not mask.any():
            # The user says with an empty mask what `absent` says in words.
            self._take_absence(now, track_id)
            return
        track = self._tracks.get(track_id)
        kind = EventKind.CORRECTED
        if track is None or track.state is State.ENDED:
            # One that had ended begins anew, the youngest of all; only its name is known still.
            kind, label = EventKind.STARTED, "" if track is None else track.label
            self._tracks.pop(track_id, None)
            track = self._tracks[track_id] = Track(track_id, now.frame.index, label)
        track.label = prompt.label or track.label
        track.trusted(Origin.PROMPTED)
        self._contacts.told([track_id])
        now.correct(track_id, mask)
        self._propagator.learn(now.frame, track_id, mask)
        now.set(track_id, mask, logits)
        if is_final:
            now.final.add(track_id)
        now.say(kind, track_id, track.label)

    def _take_absence(self, now: Step, track_id: int) -> None:
        track = self._tracks.get(track_id)
        empty = np.zeros(now.size, bool)
        if track is None or track.state is State.ENDED:
            return  # Absent before it was ever seen, or after its end: there is nothing to hide.
        if track.state is not State.OCCLUDED:
            now.say(EventKind.ABSENT, track_id, "said to be absent")
        self._propagator.learn(now.frame, track_id, empty)
        track.state, track.confidence, track.origin = State.OCCLUDED, 1.0, Origin.PROMPTED
        now.set(track_id, empty, None)
        now.final.add(track_id)

    # Scene cuts.

    def _after_cut(self, now: Step) -> list[FrameResult]:
        """Where a shot begins, give up every object's place; the results held from before."""
        if self._cuts is None or not self._cuts.is_cut(now.frame.image):
            return []
        now.say(EventKind.CUT, 0, "a new shot begins")
        for track in self._tracks.values():
            if track.state is State.ENDED:
                continue
            if self._config.cuts == "end":
                self._propagator.forget(track.track_id)
                track.state, track.confidence = State.ENDED, 0.0
                now.say(EventKind.ENDED, track.track_id, "its shot ended")
            elif not track.is_searched:
                self._propagator.learn(now.frame, track.track_id, np.zeros(now.size, bool))
                track.state, track.confidence = State.LOST, 0.0
                now.say(EventKind.LOST, track.track_id, "its shot ended")
        return [] if self._look_back is None else self._look_back.flush()

    # The tracker's own doubts.

    def _carry(
        self, now: Step, carried: Mapping[int, Propagation], prompted: set[int | None]
    ) -> None:
        gone: dict[int, float] = {}
        for track_id, found in carried.items():
            track = self._tracks[track_id]
            track.tick(self._config.reprompt)
            track.hidden_share = float(found.signals.get("hidden", 0.0))
            mask = logits_mask(found.logits, now.size)
            now.set(track_id, mask, found.logits)
            if track_id in prompted:
                continue
            is_found = not found.signals.get("searching") or bool(found.signals.get("found"))
            is_visible = is_found and bool(np.count_nonzero(mask) >= self._config.smallest_area)
            event = track.move_on(found.confidence, is_visible=is_visible, config=self._config)
            if event is EventKind.LOST:
                self._propagator.learn(now.frame, track_id, np.zeros(now.size, bool))
                gone[track_id] = found.confidence
            elif event is not None:
                now.say(event, track_id, f"confidence {found.confidence:.2f}")
        for track_id, confidence in gone.items():
            self._say_gone(now, track_id, confidence)

    def _say_gone(self, now: Step, track_id: int, confidence: float) -> None:
        """Tell where an object went that was seen until now."""
        track = self._tracks[track_id]
        if track.seen_at:
            box = np.array(track.seen_at, np.float32)
            track.state = where_gone(box, now.size, self._older_masks(now, track))
        kind, detail = _GONE[track.state]
        now.say(kind, track_id, f"{detail}, confidence {confidence:.2f}")

    def _ask_again(self, now: Step, prompted: set[int | None]) -> None:
        config = self._config.reprompt
        if config.mode == "off" or self._segmenter is None:
            return
        asking = [
            track
            for track in self._tracks.values()
            if track.track_id not in prompted
            and track.state is not State.ENDED
            and track.may_ask(config)
            and not track.is_covered
            and now.masks[track.track_id].any()
        ]
        if not asking:
            return
        questions = [self._question(now, track) for track in asking]
        embedding = self._segmenter.embed(now.frame)
        candidates = self._segmenter.decode(embedding, questions)
        for track, found in zip(asking, candidates, strict=True):
            self._judge(now, track, found[0])

    def _older_masks(self, now: Step, track: Track) -> list[Mask]:
        """Masks of the other objects that this track takes notice of."""
        return [
            now.masks[other.track_id]
            for other in self._tracks.values()
            if other is not track
            and other.first_frame <= track.first_frame
            and not other.is_searched
            and other.track_id in now.masks
        ]

    def _question(self, now: Step, track: Track) -> Prompt:
        mask = now.masks[track.track_id]
        logits = logits_behind(mask, now.logits[track.track_id])
        return reprompt(
            track.track_id, mask, logits, self._older_masks(now, track), self._config.reprompt
        )

    def _judge(self, now: Step, track: Track, answer: MaskPrediction) -> None:
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
        now.correct(track.track_id, answer.mask)
        self._propagator.learn(now.frame, track.track_id, answer.mask)
        track.trusted(Origin.REPROMPTED)
        track.asked(config, is_accepted=True)
        track.confidence = answer.predicted_iou
        now.set(track.track_id, answer.mask, answer.logits)
        now.say(EventKind.REPROMPTED, track.track_id, verdict.reason)
        if was_searched:
            now.say(EventKind.FOUND, track.track_id, "the segmenter's answer was accepted")

    # What the sinks see.

    def _result(self, now: Step) -> FrameResult:
        for track in self._tracks.values():
            if track.is_searched or track.state is State.ENDED:
                now.set(track.track_id, np.zeros(now.size, bool), None)
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
        for found in objects:
            if found.mask.any():
                self._tracks[found.track_id].seen_at = tuple(found.box.tolist())
        now.events += self._contacts.step(now.frame, objects, self._first_frames())
        return FrameResult(now.frame, objects, now.events)

    def _known(self, result: FrameResult) -> FrameResult:
        """A result with the doubt whose mask is whose in the confidences.

        Everything the tracker does depends on what it thinks of the masks alone.
        """
        identities = self._contacts.identities(result.frame.index)
        objects = [self._doubted(one, identities.get(one.track_id, 1.0)) for one in result.objects]
        return replace(result, objects=objects) if identities else result

    def _doubted(self, found: ObjectMask, identity: float) -> ObjectMask:
        if identity == 1 or found.origin is Origin.PROMPTED:
            return found
        confidence, state = found.confidence * identity, found.state
        if state is State.CONFIRMED and confidence < self._config.weak_below:
            state = State.WEAK
        return replace(found, confidence=confidence, state=state)

    def _first_frames(self) -> dict[int, int]:
        return {track.track_id: track.first_frame for track in self._tracks.values()}

    def _claim(self, now: Step, track_id: int) -> Claim:
        return Claim(
            track_id,
            now.masks[track_id],
            now.logits[track_id],
            self._tracks[track_id].first_frame,
            track_id in now.final,
        )

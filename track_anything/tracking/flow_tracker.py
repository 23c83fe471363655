"""The tracker: carry every mask, doubt it, ask the segmenter, believe the better answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from track_anything.config import TrackerConfig
from track_anything.errors import TrackingError
from track_anything.interfaces import Propagator, Segmenter
from track_anything.masks import logits_mask, mask_box
from track_anything.structures import (
    EventKind,
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
from track_anything.tracking.asking import ask_about
from track_anything.tracking.association import Claim, settle_overlaps
from track_anything.tracking.contact import Contacts
from track_anything.tracking.discovery import Discovery
from track_anything.tracking.look_back import LookBack
from track_anything.tracking.returning import Found
from track_anything.tracking.scene_cut import SceneCutDetector
from track_anything.tracking.sightings import Known
from track_anything.tracking.step import Step
from track_anything.tracking.track import Track
from track_anything.tracking.tracker_state import TrackerState
from track_anything.tracking.user_prompts import (
    best_answers,
    check_size,
    id_of,
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
        discovery: Discovery | None = None,
        first_free_id: int = 1,
    ) -> None:
        """Put a tracker together.

        Args:
            propagator: Carries the masks.
            segmenter: Answers the user's prompts and the tracker's questions; without one only
                masks can be prompted.
            config: The tracker's rules.
            copy: Makes another propagator of the same settings, to carry objects backwards where
                they were corrected; without it nothing is held back or mended.
            discovery: Finds objects that nobody prompted; None looks for none.
            first_free_id: The lowest id that an object without one may get: above those that
                prompts will have.
        """
        self._propagator = propagator
        self._segmenter = segmenter
        self._config = config or TrackerConfig()
        self._tracks: dict[int, Track] = {}
        self._size: tuple[int, int] | None = None
        self._discovery = discovery
        self._first_free_id = self._next_id = first_free_id
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
        self._size, self._next_id = info.size, self._first_free_id
        self._propagator.start(info)
        self._contacts = Contacts()
        self._cuts = None
        if self._config.cuts != "ignore":
            self._cuts = SceneCutDetector(frame_rate=float(info.frame_rate))
        if self._look_back is not None:
            self._look_back.start(info)
        if self._discovery is not None:
            self._discovery.start(info)

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
        self._discover(now)
        result = self._result(now)
        if self._look_back is None:
            return [self._known(result)]
        final += self._look_back.add(
            result,
            now.logits,
            self._first_frames(),
            now.corrections,
            sureness=now.sureness,
            final=now.final,
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
            discovery=None if self._discovery is None else self._discovery.save(),
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
            ("discovery", found.discovery is not None, self._discovery is not None),
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
        if self._discovery is not None and found.discovery is not None:
            self._discovery.restore(found.discovery)
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
                self._take(now, prompt, prompt.mask, None)
                continue
            self._take(now, prompt, answers[track_id].mask, answers[track_id])

    def _refining(self, now: Step, prompt: Prompt) -> Prompt:
        carried = now.masks.get(id_of(prompt))
        # What a search guesses is not shown to the user: nobody corrects it.
        if carried is None or self._tracks[id_of(prompt)].is_searched:
            return prompt
        return refining(prompt, carried, now.logits[id_of(prompt)])

    def _take(self, now: Step, prompt: Prompt, mask: Mask, answer: MaskPrediction | None) -> None:
        """Take the user's mask, or the segmenter's answer to the user's hint."""
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
        track.trusted(Origin.PROMPTED, 1.0 if answer is None else answer.predicted_iou)
        self._contacts.told([track_id])
        now.correct(track_id, mask, track.trust)
        self._propagator.learn(now.frame, track_id, mask)
        now.set(track_id, mask, None if answer is None else answer.logits)
        if answer is None:
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
            now.sureness[track_id] = found.confidence
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
        if asking:
            neighbours = {track.track_id: self._older_masks(now, track) for track in asking}
            ask_about(now, neighbours, asking, self._segmenter, self._propagator, config)

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

    # Objects that nobody prompted.

    def _discover(self, now: Step) -> None:
        if self._discovery is None:
            return
        self._end_forgotten(now, self._discovery.forget_frames)
        tracks = [one for one in self._tracks.values() if one.state is not State.ENDED]
        found = self._discovery.step(
            now.frame,
            [self._as_known(now, one) for one in tracks],
            partial(self._propagator.support, now.frame),
            is_cut=any(event.kind is EventKind.CUT for event in now.events),
            may_begin=all(one.first_frame < now.frame.index for one in tracks),
        )
        for one in found:
            self._discovery.named(one, self._take_found(now, one))

    def _as_known(self, now: Step, track: Track) -> Known:
        is_seen = not track.is_searched and track.track_id in now.masks
        return Known(
            track_id=track.track_id,
            first_frame=track.first_frame,
            mask=now.masks[track.track_id] if is_seen else np.zeros(now.size, bool),
            is_searched=track.is_searched,
            is_told=track.track_id in now.final,
            seen_at=track.seen_at,
            unseen_frames=track.unseen_frames,
        )

    def _take_found(self, now: Step, found: Found) -> int:
        """Take what discovery says of a new object or a known one; its id."""
        track_id = found.track_id
        was_seen = False
        if track_id is None:
            track_id, self._next_id = self._next_id, self._next_id + 1
            self._tracks[track_id] = Track(track_id, now.frame.index, is_discovered=True)
        else:
            was_seen = bool(found.flight) and self._is_seen_on(now, track_id)
        track = self._tracks[track_id]
        if not found.mask.any():
            self._give_up(now, track)
            return track_id
        if found.track_id is not None and not found.flight:
            now.correct(track_id, found.mask, found.score)
        track.trusted(Origin.DISCOVERED, found.score)
        self._propagator.learn(now.frame, track_id, found.mask)
        now.set(track_id, found.mask, None)
        if not was_seen:
            now.say(found.kind, track_id, found.reason)
        return track_id

    def _is_seen_on(self, now: Step, track_id: int) -> bool:
        """Whether an object that is followed by its flight was seen until now.

        That flow lost it on this very frame is no news then.
        """
        kinds = {kind for kind, _ in _GONE.values()}
        gone = [one for one in now.events if one.track_id == track_id and one.kind in kinds]
        now.events = [one for one in now.events if one not in gone]
        return bool(gone) or not self._tracks[track_id].is_searched

    def _give_up(self, now: Step, track: Track) -> None:
        """Let go of what was carried: the object is not there."""
        self._propagator.learn(now.frame, track.track_id, np.zeros(now.size, bool))
        now.set(track.track_id, np.zeros(now.size, bool), None)
        track.state, track.confidence = State.LOST, 0.0
        self._say_gone(now, track.track_id, 0.0)

    def _end_forgotten(self, now: Step, limit: int) -> None:
        """End discovered objects that were not seen for long; what ended long ago goes.

        Those whose results may be held back still are kept.
        """
        held = self._config.look_back.frames
        for track in [one for one in self._tracks.values() if one.is_discovered]:
            if track.state is State.ENDED:
                if track.unseen_frames > held:
                    del self._tracks[track.track_id]
            elif track.is_searched and track.unseen_frames >= limit:
                self._propagator.forget(track.track_id)
                track.state, track.confidence, track.unseen_frames = State.ENDED, 0.0, 0
                now.say(EventKind.ENDED, track.track_id, f"not seen for {limit} frames")

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
            track = self._tracks[found.track_id]
            track.unseen_frames += 1
            if found.mask.any():
                track.seen_at, track.unseen_frames = tuple(found.box.tolist()), 0
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

"""The tracker: carry every mask, doubt it, ask the segmenter, believe the better answer."""

from collections.abc import Callable, Mapping, Sequence

from track_anything.config import TrackerConfig
from track_anything.errors import TrackingError
from track_anything.interfaces import Propagator, Segmenter
from track_anything.structures import (
    EventKind,
    Frame,
    FrameResult,
    Prompt,
    Propagation,
    State,
    VideoInfo,
)
from track_anything.tracking.asking import ask_about
from track_anything.tracking.discovery import Discovery
from track_anything.tracking.look_back import LookBack
from track_anything.tracking.newcomers import discover
from track_anything.tracking.outcome import frame_result, with_identities
from track_anything.tracking.roster import Roster
from track_anything.tracking.scene_cut import SceneCutDetector
from track_anything.tracking.shots import begin_shot
from track_anything.tracking.step import Step
from track_anything.tracking.taking import take_prompts
from track_anything.tracking.track import Track
from track_anything.tracking.tracker_state import TrackerState
from track_anything.tracking.user_prompts import with_ids
from track_anything.tracking.whereabouts import say_gone


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
        self._roster = Roster(self._config, propagator, next_id=first_free_id)
        self._size: tuple[int, int] | None = None
        self._discovery = discovery
        self._first_free_id = first_free_id
        self._cuts: SceneCutDetector | None = None
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
        self._size = info.size
        self._roster.clear(self._first_free_id)
        self._propagator.start(info)
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
        return tuple(with_identities(one, self._roster) for one in held)

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
        self._propagator.expect(frame)
        now = Step(frame)
        prompts, self._roster.next_id = with_ids(prompts, self._roster.next_id)
        prompted = {prompt.track_id for prompt in prompts}
        final = self._after_cut(now)
        carried = self._propagator.propagate(frame)
        self._carry(now, carried, prompted)
        self._ask_again(now, prompted)
        take_prompts(now, self._roster, self._segmenter, prompts)
        if self._discovery is not None:
            discover(now, self._roster, self._discovery)
        result = frame_result(now, self._roster)
        if self._look_back is None:
            return [with_identities(result, self._roster)]
        final += self._look_back.add(
            result,
            now.logits,
            self._roster.first_frames(),
            now.corrections,
            sureness=now.sureness,
            final=now.final,
        )
        return [with_identities(one, self._roster) for one in final]

    def save(self) -> bytes | None:
        """State from which restore goes on with the same results, byte for byte.

        Raises:
            TrackingError: If start was not called.
        """
        if self._size is None:
            raise TrackingError("start(info) comes before the first save")
        return TrackerState(
            tracks=self._roster.tracks,
            size=self._size,
            next_id=self._roster.next_id,
            contacts=self._roster.contacts.save(),
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
        self._roster.tracks, self._roster.next_id = dict(found.tracks), found.next_id
        self._roster.contacts.restore(found.contacts, self._roster.first_frames())

    def _after_cut(self, now: Step) -> list[FrameResult]:
        """Where a shot begins, give up every object's place; the results held from before."""
        if self._cuts is None or not self._cuts.is_cut(now.frame.image):
            return []
        begin_shot(now, self._roster)
        return [] if self._look_back is None else self._look_back.flush()

    def _carry(
        self, now: Step, carried: Mapping[int, Propagation], prompted: set[int | None]
    ) -> None:
        gone: dict[int, float] = {}
        for track_id, found in carried.items():
            track = self._roster.tracks[track_id]
            track.tick(self._config.reprompt)
            now.sureness[track_id] = found.confidence
            track.hidden_share = float(found.signals.get("hidden", 0.0))
            track.seen_share = found.signals.get("seen")
            track.is_gone = bool(found.signals.get("gone"))
            area = now.carry(track_id, found.logits)
            if track_id in prompted:
                continue
            is_found = not found.signals.get("searching") or bool(found.signals.get("found"))
            is_visible = is_found and area >= self._config.smallest_area
            confidence = found.confidence * track.part_share
            event = track.move_on(
                confidence,
                is_visible=is_visible,
                config=self._config,
                is_strange=is_visible and self._is_strange(now, track, found),
            )
            if event is EventKind.LOST:
                self._roster.give_up_place(now, track_id)
                gone[track_id] = confidence
            elif event is not None:
                now.say(event, track_id, f"confidence {found.confidence:.2f}")
        for track_id, confidence in gone.items():
            say_gone(now, self._roster, self._roster.tracks[track_id], confidence)

    def _is_strange(self, now: Step, track: Track, found: Propagation) -> bool:
        """Whether a doubtful mask is unlike the object itself: something else has got its name."""
        if track.is_searched or found.confidence >= self._config.weak_below:
            return False
        like = found.signals.get("resemblance")
        if like is None:
            mask = now.masks[track.track_id]
            like = self._propagator.resemblance(now.frame, track.track_id, mask)
        return like < self._config.strange_below

    def _ask_again(self, now: Step, prompted: set[int | None]) -> None:
        config = self._config.reprompt
        if config.mode == "off" or self._segmenter is None:
            return
        asking = [
            track
            for track in self._roster.tracks.values()
            if track.track_id not in prompted
            and track.state is not State.ENDED
            and track.may_ask(config)
            and (track.is_in_part or not track.is_covered)
            and now.masks[track.track_id].any()
        ]
        if asking:
            neighbours = {track.track_id: self._roster.older_masks(now, track) for track in asking}
            ask_about(now, self._roster, neighbours, asking, self._segmenter)

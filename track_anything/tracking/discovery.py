"""New objects in a video: when to look for them, and which of what is seen become tracks."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from track_anything.boxes import grow_box
from track_anything.config import DiscoveryConfig
from track_anything.interfaces import MotionProposer, Proposer, Segmenter
from track_anything.masks import mask_box, mask_iou, mask_share
from track_anything.structures import Floats, Frame, Mask, Prompt, VideoInfo
from track_anything.tracking.candidates import Candidate, Candidates
from track_anything.tracking.discovery_state import DiscoveryState
from track_anything.tracking.flying import Flying, updated
from track_anything.tracking.optical_flow import FlowEstimator
from track_anything.tracking.own_motion import is_own_motion, whole_motion
from track_anything.tracking.returning import Found, Support, returned, unlike
from track_anything.tracking.sightings import (
    HOLDS,
    INSIDE,
    PART,
    Known,
    Sieve,
    Sighting,
    wholes,
)

SPACING, WATCHED = 2, 2
"""The motion proposer sees every so many frames, so many of them before a look: between
neighbours who walks does not move enough to be seen."""
LEAST_PROPOSED = 2
"""Looks at which something that moves must have been seen to move."""
LEAST_PATH = 0.006
"""Share of the picture's longer side that it must have moved against what is around it."""
LEAST_SCORE = 0.7
"""Mean over the looks of what the segmenter says of it: players in a hall had .75 to .88, a piece
of sky between two masts, or a car with a mast, .56 to .7."""
LEAST_PAUSE = 3
"""Frames between two looks at least, whatever grows."""
LEAST_GROWTH = 0.5
"""Share by which what moves must have grown besides: from a car half the picture moves."""
GROWING = 1.15
"""What is still coming in through the border grows by this factor from look to look."""
AGAIN_IOU = 0.6
"""IoU of the segmenter's answer with what was carried, where it is asked about it again."""
AGAIN_GROWTH = 0.05
"""Share of its sides by which the box of such a thing is grown before."""


class Discovery:
    """Looks now and then, waits until something was seen often enough, and says what is new.

    What it says of a lost object depends on tracks that began no later than that one alone.
    """

    def __init__(
        self,
        config: DiscoveryConfig,
        segmenter: Segmenter,
        *,
        moving: MotionProposer,
        still: Proposer,
    ) -> None:
        """Get ready.

        Args:
            config: When to look, and what is taken.
            segmenter: Asked again about what was seen before.
            moving: Proposes what moves by itself.
            still: Proposes anything.
        """
        self._config = config
        self._segmenter = segmenter
        self._moving = moving
        self._still = still
        self._flow = FlowEstimator()
        self._candidates = Candidates()
        self._state = DiscoveryState()
        self._sieve = Sieve(config, VideoInfo(width=1, height=1))
        self._flying = Flying(config, self._sieve)
        self._size = (0, 0)

    @property
    def forget_frames(self) -> int:
        """Frames after which a discovered object that is not seen ends."""
        return self._config.forget_frames

    def start(self, info: VideoInfo) -> None:
        """Begin a video."""
        self._size = info.size
        self._sieve = Sieve(self._config, info)
        self._flying = Flying(self._config, self._sieve)
        self._flow.reset()
        self._moving.reset()
        self._candidates = Candidates()
        self._state = DiscoveryState(wants_everything=self._config.everything)

    def step(
        self,
        frame: Frame,
        tracks: Sequence[Known],
        support: Support,
        *,
        is_cut: bool = False,
        may_begin: bool = True,
    ) -> list[Found]:
        """Lost objects that are back, and objects that begin, on this frame.

        Args:
            frame: The next one.
            tracks: All that did not end, as they are on it.
            support: Of the propagator, on this frame.
            is_cut: Whether a new shot begins here.
            may_begin: Whether objects may begin: not where the user's do, which would take notice
                of them.
        """
        found: list[Found] = []
        if self._config.is_on:
            found += self._step(frame, tracks, support, is_cut=is_cut, may_begin=may_begin)
        if self._state.wants_everything and may_begin:
            self._state.wants_everything = False
            found += self._everything(frame, tracks, found)
        return found

    def named(self, found: Found, track_id: int) -> None:
        """Take notice of the id that something found was given."""
        if found.flight:
            self._flying.named(found.flight, track_id)

    def save(self) -> bytes:
        """State from which restore goes on with the same results, byte for byte."""
        return self._state.pack(
            self._candidates, self._flow.previous, self._moving.save(), self._flying.save()
        )

    def restore(self, state: bytes) -> None:
        """Go on from what save returned.

        Raises:
            TrackingError: If the state is not one.
        """
        found, candidates, previous, moving, flying = DiscoveryState.unpack(state)
        self._moving.restore(moving)
        self._flying.restore(flying)
        self._state, self._candidates, self._flow.previous = found, candidates, previous

    # When to look.

    def _step(
        self,
        frame: Frame,
        tracks: Sequence[Known],
        support: Support,
        *,
        is_cut: bool,
        may_begin: bool,
    ) -> list[Found]:
        state = self._state
        if is_cut:
            # Nothing is carried across, and flow across a cut means nothing.
            self._flow.reset()
            self._candidates.waiting.clear()
            self._flying.begin_shot()
            state.begin_shot()
        flow = self._flow.next(frame.image)
        if flow is not None:
            self._candidates.carry(flow)
        room = self._config.max_objects - _visible_count(tracks, ()) if may_begin else 0
        found = self._flying.step(frame, flow, tracks, support, room=room)
        tracks = updated(tracks, found)
        age = state.shot_age
        state.shot_age += 1
        is_scheduled = age % self._config.every_frames == 0
        if not is_scheduled:
            self._notice_growth(age, flow, tracks)
        if is_scheduled or state.early_look == age:
            return self._look(
                frame, tracks, found, support, is_scheduled=is_scheduled, may_begin=may_begin
            )
        self._watch(frame, age)
        return found

    def _watch(self, frame: Frame, age: int) -> None:
        """Let the motion proposer see the frames before a look, and no others."""
        before_look = (-age % self._config.every_frames, self._state.early_look - age)
        if any(left in (SPACING, SPACING * WATCHED) for left in before_look):
            self._connect(age)
            self._moving.watch(frame)

    def _connect(self, age: int) -> None:
        """Let the motion proposer forget what is too long ago for this frame."""
        if age - self._state.watched_at > SPACING:
            self._moving.reset()
        self._state.watched_at = age

    def _notice_growth(self, age: int, flow: Floats | None, tracks: Sequence[Known]) -> None:
        """Look early where more moves, and is not tracked, than at the last look."""
        state = self._state
        ahead, left = SPACING * WATCHED, -age % self._config.every_frames
        # A look takes place a little later, when enough was watched, and rests afterwards.
        if flow is None or state.early_look >= age or left < ahead + LEAST_PAUSE:
            return
        free = is_own_motion(flow - whole_motion(flow)) & self._sieve.small_open_area(
            tracks, margin=2
        )
        share = np.count_nonzero(free) / free.size
        if state.calm_share is None:
            state.calm_share = share
        least = state.calm_share + max(self._config.growth, LEAST_GROWTH * state.calm_share)
        state.grown_count = state.grown_count + 1 if share > least else 0
        if state.grown_count >= 2 and age - state.looked_at >= LEAST_PAUSE:
            state.early_look = age + ahead

    # A look.

    def _look(
        self,
        frame: Frame,
        tracks: Sequence[Known],
        flying: Sequence[Found],
        support: Support,
        *,
        is_scheduled: bool,
        may_begin: bool,
    ) -> list[Found]:
        state, config = self._state, self._config
        searched = [
            track for track in tracks if is_scheduled and track.is_searched and not track.is_told
        ]
        area = self._sieve.open_area(tracks, searched)
        sightings = self._moving_sightings(frame, area)
        # Everything is about to be proposed on this frame or the next.
        is_thorough = is_scheduled and not (config.motion_only or state.wants_everything)
        is_thorough &= state.look_count % config.still_looks == 0
        if is_thorough:
            sightings += self._sieve.sightings(
                self._still.propose(frame, area=area), is_moving=False
            )
        found = [*flying, *returned(searched, tracks, sightings, support, config)]
        taken = self._sieve.union([*_masks(tracks), *_masks(found)])
        free = [one for one in wholes(sightings) if self._sieve.is_free(one, tracks, taken)]
        free += self._seen_again(frame, free, tracks, taken)
        before = list(self._candidates.waiting)
        seen = self._candidates.link(free, frame.index, least_iou=config.link_iou)
        self._candidates.miss([one for one in before if one not in seen])
        if may_begin:
            found += self._begun(seen, tracks, found, support)
        state.looked_at, state.calm_share, state.grown_count = state.shot_age - 1, None, 0
        state.look_count += is_scheduled
        return found

    def _moving_sightings(self, frame: Frame, area: Mask) -> list[Sighting]:
        self._connect(self._state.shot_age - 1)
        return self._sieve.sightings(self._moving.propose(frame, area=area), is_moving=True)

    def _seen_again(
        self, frame: Frame, free: Sequence[Sighting], tracks: Sequence[Known], taken: Mask
    ) -> list[Sighting]:
        """What the segmenter says of candidates that nothing was proposed for."""
        asked = [
            one
            for one in self._candidates.waiting
            if all(mask_iou(one.small, it.small) < self._config.link_iou for it in free)
        ]
        if not asked:
            return []
        prompts = [Prompt(box=self._box(one)) for one in asked]
        answers = self._segmenter.decode(self._segmenter.embed(frame), prompts)
        found = []
        for one, (best, *_) in zip(asked, answers, strict=True):
            again = self._sieve.sighting(best.mask, best.predicted_iou, is_moving=one.is_moving)
            if again is not None and mask_iou(one.small, again.small) >= AGAIN_IOU:
                found.append(replace(again, is_proposed=False))
        return [one for one in found if self._sieve.is_free(one, tracks, taken)]

    def _box(self, candidate: Candidate) -> Floats:
        small = candidate.small
        scale = np.array(self._size[::-1]) / np.array(small.shape[::-1])
        box = (mask_box(small).reshape(2, 2) * scale).reshape(4)
        return grow_box(box.astype(np.float32), AGAIN_GROWTH, self._size)

    # What comes of it.

    def _begun(
        self,
        seen: dict[Candidate, Sighting],
        tracks: Sequence[Known],
        found: Sequence[Found],
        support: Support,
    ) -> list[Found]:
        """Candidates that were seen often enough, as far as there is room for them."""
        begun: list[Found] = []
        room = self._config.max_objects - _visible_count(tracks, found)
        ready = [one for one in seen if self._is_ready(one)]
        for one in sorted(ready, key=lambda each: -seen[each].score):
            sighting = seen[one]
            known = [*found, *begun]
            taken = self._sieve.union([each.mask for each in known])
            if len(begun) >= room or not self._is_free_of(sighting, known, taken):
                continue
            what = "that moves, " if one.is_moving else ""
            reason = f"something {what}seen at {one.seen} looks" + unlike(sighting, tracks, support)
            begun.append(Found(None, sighting.mask, sighting.score, reason))
            self._candidates.drop(one)
        return begun

    def _is_free_of(self, one: Sighting, known: Sequence[Found], taken: Mask) -> bool:
        return mask_share(one.mask, taken) < self._config.max_covered and not any(
            mask_share(each.mask, one.mask) >= HOLDS for each in known
        )

    def _is_ready(self, one: Candidate) -> bool:
        """Whether it was seen often enough, and will hardly turn out to be more than it is now."""
        if one.seen < self._config.looks:
            return False
        if one.is_moving:
            least = min(LEAST_PROPOSED, self._config.looks)
            # On a drive plain road is around a car, which seems to move no more than it.
            has_moved = one.farthest >= LEAST_PATH * max(one.soft.shape) or one.on_drive >= least
            if one.proposed < least or not has_moved or one.score < LEAST_SCORE:
                return False
        small = one.small
        top, bottom, left, right = (
            bool(side.any()) for side in (small[0], small[-1], small[:, 0], small[:, -1])
        )
        # A post or a wall in front, that a moving camera passes, reaches through the picture.
        if one.is_moving and ((top and bottom) or (left and right)):
            return False
        if (top or bottom or left or right) and one.growth > GROWING:
            return False
        return not any(
            other is not one
            and other.seen > 1
            and (other.score >= LEAST_SCORE or not one.on_drive)
            and mask_share(small, other.small) >= INSIDE
            and np.count_nonzero(other.small) > np.count_nonzero(small) / PART
            for other in self._candidates.waiting
        )

    def _everything(
        self, frame: Frame, tracks: Sequence[Known], found: Sequence[Found]
    ) -> list[Found]:
        """All that is proposed on this frame, the best first."""
        area = self._sieve.open_area(tracks, ())
        proposals = self._still.propose(frame, area=area)
        sightings = self._sieve.sightings(proposals, is_moving=False)
        taken = self._sieve.union([*_masks(tracks), *_masks(found)])
        begun: list[Found] = []
        for one in wholes(sightings):
            if _visible_count(tracks, [*found, *begun]) >= self._config.max_objects:
                break
            if self._sieve.is_free(one, tracks, taken) and self._is_free_of(one, begun, taken):
                begun.append(Found(None, one.mask, one.score, "everything on the first frame"))
                taken = np.asarray(taken | one.mask)
        return begun


def _masks(items: Sequence[Known] | Sequence[Found]) -> list[Mask]:
    return [one.mask for one in items]


def _visible_count(tracks: Sequence[Known], found: Sequence[Found]) -> int:
    return sum(not track.is_searched for track in tracks) + len(found)

"""New objects in a video: when to look for them, and which of what is seen become tracks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from track_anything.boxes import grow_box
from track_anything.config import DiscoveryConfig
from track_anything.interfaces import MotionProposer, Proposer, Segmenter
from track_anything.masks import largest_component, mask_box
from track_anything.structures import (
    EventKind,
    Floats,
    Frame,
    Mask,
    Prompt,
    Proposal,
    VideoInfo,
)
from track_anything.tracking.candidates import (
    Candidate,
    Candidates,
    Sighting,
    overlap,
    share_in,
)
from track_anything.tracking.discovery_state import DiscoveryState
from track_anything.tracking.optical_flow import FlowEstimator, flow_image
from track_anything.tracking.own_motion import is_own_motion, whole_motion
from track_anything.zones import parse_zone

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
WHOLE = 0.8
"""Share of a proposal that its largest part has: what falls apart further is several things."""
INSIDE = 0.9
"""Share of a proposal that another covers when it lies in it: the larger is the whole."""
HOLDS = 0.5
"""Share of a tracked object that a proposal covers when it holds it: then it is not new."""
CONTACT, PART = 0.25, 0.7
"""What touches a tracked object along this share of its outline, and is smaller than this share of
it, is a part of it that the mask left out."""
GROWING = 1.15
"""What is still coming in through the border grows by this factor from look to look."""
AGAIN_IOU = 0.6
"""IoU of the segmenter's answer with what was carried, where it is asked about it again."""
AGAIN_GROWTH = 0.05
"""Share of its sides by which the box of such a thing is grown before."""
SIZES = 2.0
"""A lost object comes back at most this many times as tall or as small."""
REACH, SPEED = 1.0, 0.03
"""How far from where it was seen last a lost object is taken for itself: this many of its sides,
and this share of the picture's longer side for every frame since."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A track as discovery sees it.

    Attributes:
        track_id: Standard form.
        first_frame: When it began.
        mask: On this frame; empty if it is not visible.
        is_searched: Whether it is lost, hidden or gone.
        is_told: The user said what it is on this frame.
        seen_at: Box of its last mask; () if there was none.
        unseen_frames: Frames since then.
    """

    track_id: int
    first_frame: int
    mask: Mask
    is_searched: bool
    is_told: bool
    seen_at: tuple[float, ...]
    unseen_frames: int


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Something that is a track from now on, or one again.

    Attributes:
        track_id: The one that it is again; None for a new one.
        mask: Standard form.
        score: Of the proposal, in [0, 1].
        reason: For the event.
    """

    track_id: int | None
    mask: Mask
    score: float
    reason: str

    @property
    def kind(self) -> EventKind:
        """What happened."""
        return EventKind.DISCOVERED if self.track_id is None else EventKind.FOUND


Support = Callable[[int, Mask], float]
"""How well a mask fits what the object of an id has looked like, in [-1, 1]."""


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
            segmenter: Asked again about what does not move.
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
        self._zone: Mask | None = None
        self._size = (0, 0)

    @property
    def forget_frames(self) -> int:
        """Frames after which a discovered object that is not seen ends."""
        return self._config.forget_frames

    def start(self, info: VideoInfo) -> None:
        """Begin a video."""
        self._size = info.size
        self._zone = _zone_mask(self._config.zones, info)
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

    def save(self) -> bytes:
        """State from which restore goes on with the same results, byte for byte."""
        return self._state.pack(self._candidates, self._flow.previous, self._moving.save())

    def restore(self, state: bytes) -> None:
        """Go on from what save returned.

        Raises:
            TrackingError: If the state is not one.
        """
        found, candidates, previous, moving = DiscoveryState.unpack(state)
        self._moving.restore(moving)
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
            state.begin_shot()
        flow = self._flow.next(frame.image)
        if flow is not None:
            self._candidates.carry(flow)
        age = state.shot_age
        state.shot_age += 1
        is_scheduled = age % self._config.every_frames == 0
        if not is_scheduled:
            self._notice_growth(age, flow, tracks)
        if is_scheduled or state.early_look == age:
            return self._look(
                frame, tracks, support, is_scheduled=is_scheduled, may_begin=may_begin
            )
        self._watch(frame, age)
        return []

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
        free = is_own_motion(flow - whole_motion(flow)) & ~self._small_union(tracks, margin=2)
        if self._zone is not None:
            free &= self._small(self._zone)
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
        support: Support,
        *,
        is_scheduled: bool,
        may_begin: bool,
    ) -> list[Found]:
        state, config = self._state, self._config
        searched = [
            track for track in tracks if is_scheduled and track.is_searched and not track.is_told
        ]
        area = self._open_area(tracks, searched)
        sightings = self._moving_sightings(frame, area)
        is_thorough = is_scheduled and not config.motion_only
        is_thorough &= state.look_count % config.still_looks == 0
        if is_thorough:
            sightings += self._sightings(self._still.propose(frame, area=area), is_moving=False)
        found = self._returned(searched, tracks, sightings, support)
        taken = _union([*_masks(tracks), *_masks(found)], self._size)
        free = [one for one in _wholes(sightings) if self._is_free(one, tracks, taken)]
        free += self._seen_again(frame, free, tracks, taken)
        before = list(self._candidates.waiting)
        seen = self._candidates.link(free, frame.index, least_iou=config.link_iou)
        self._candidates.miss([one for one in before if one not in seen])
        if may_begin:
            found += self._begun(seen, tracks, found, support)
        state.looked_at, state.calm_share, state.grown_count = state.shot_age - 1, None, 0
        state.look_count += is_scheduled
        return found

    def _open_area(self, tracks: Sequence[Known], searched: Sequence[Known]) -> Mask:
        """Where something new, or something lost, may be.

        Where objects are lost only tracks that began no later than the eldest of them count, so
        that what is proposed to them does not depend on younger ones.
        """
        first = min((track.first_frame for track in searched), default=None)
        hiding = [one for one in tracks if first is None or one.first_frame <= first]
        area = ~_union([one.mask for one in hiding], self._size)
        return np.asarray(area if self._zone is None else area & self._zone)

    def _moving_sightings(self, frame: Frame, area: Mask) -> list[Sighting]:
        self._connect(self._state.shot_age - 1)
        return self._sightings(self._moving.propose(frame, area=area), is_moving=True)

    def _sightings(self, proposals: Sequence[Proposal], *, is_moving: bool) -> list[Sighting]:
        """Those of the right size and place that are one thing, each as its largest part."""
        found = []
        for proposal in proposals:
            if proposal.mask is None:
                continue
            one = self._sighting(proposal.mask, proposal.score, is_moving=is_moving)
            if one is not None:
                found.append(one)
        return found

    def _sighting(self, whole: Mask, score: float, *, is_moving: bool) -> Sighting | None:
        mask = largest_component(whole)
        area = int(np.count_nonzero(mask))
        if area < WHOLE * np.count_nonzero(whole):
            return None
        if not self._config.min_area <= area <= self._config.max_area * mask.size:
            return None
        if self._zone is not None and share_in(mask, self._zone) < 0.5:
            return None
        small = self._small(mask)
        return Sighting(mask, small, score, is_moving) if small.any() else None

    def _seen_again(
        self, frame: Frame, free: Sequence[Sighting], tracks: Sequence[Known], taken: Mask
    ) -> list[Sighting]:
        """What the segmenter says of candidates that nothing was proposed for."""
        asked = [
            one
            for one in self._candidates.waiting
            if all(overlap(one.small, it.small) < self._config.link_iou for it in free)
        ]
        if not asked:
            return []
        prompts = [Prompt(box=self._box(one)) for one in asked]
        answers = self._segmenter.decode(self._segmenter.embed(frame), prompts)
        found = []
        for one, (best, *_) in zip(asked, answers, strict=True):
            again = self._sighting(best.mask, best.predicted_iou, is_moving=one.is_moving)
            if again is not None and overlap(one.small, again.small) >= AGAIN_IOU:
                found.append(replace(again, is_proposed=False))
        return [one for one in found if self._is_free(one, tracks, taken)]

    def _box(self, candidate: Candidate) -> Floats:
        small = candidate.small
        scale = np.array(self._size[::-1]) / np.array(small.shape[::-1])
        box = (mask_box(small).reshape(2, 2) * scale).reshape(4)
        return grow_box(box.astype(np.float32), AGAIN_GROWTH, self._size)

    # What comes of it.

    def _returned(
        self,
        searched: Sequence[Known],
        tracks: Sequence[Known],
        sightings: Sequence[Sighting],
        support: Support,
    ) -> list[Found]:
        """Lost objects that something seen is: the eldest chooses first."""
        found: list[Found] = []
        for track in sorted(searched, key=lambda one: (one.first_frame, one.track_id)):
            elder = [one.mask for one in tracks if one.first_frame <= track.first_frame]
            hidden = _union([*elder, *_masks(found)], self._size)
            best: tuple[float, Sighting] | None = None
            for one in sightings:
                if share_in(one.mask, hidden) >= self._config.max_covered:
                    continue
                if not _fits_place(one, track):
                    continue
                fit = support(track.track_id, one.mask)
                if fit >= self._config.return_support and (best is None or fit > best[0]):
                    best = fit, one
            if best is not None:
                fit, one = best
                reason = (
                    f"proposed again after {track.unseen_frames} frames: fits its looks by "
                    f"{fit:+.2f}, {_distance(one, track):.0f} px from where it was seen last"
                )
                found.append(Found(track.track_id, one.mask, one.score, reason))
        return found

    def _is_free(self, one: Sighting, tracks: Sequence[Known], taken: Mask) -> bool:
        """Whether nothing of it is tracked, and it is no part of what is."""
        if share_in(one.mask, taken) >= self._config.max_covered:
            return False
        outline = cv2.dilate(one.small.view(np.uint8), np.ones((5, 5), np.uint8)) > 0
        outline &= ~one.small
        area = np.count_nonzero(one.small)
        for track in tracks:
            if not track.mask.any():
                continue
            small = self._small(track.mask)
            if share_in(small, one.small) >= HOLDS:
                return False
            is_part = share_in(np.asarray(outline), small) >= CONTACT
            if is_part and area < PART * np.count_nonzero(small):
                return False
        return True

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
            taken = _union([each.mask for each in known], self._size)
            if len(begun) >= room or not self._is_free_of(sighting, known, taken):
                continue
            what = "that moves, " if one.is_moving else ""
            reason = f"something {what}seen at {one.seen} looks" + self._unlike(
                sighting, tracks, support
            )
            begun.append(Found(None, sighting.mask, sighting.score, reason))
            self._candidates.drop(one)
        return begun

    def _is_free_of(self, one: Sighting, known: Sequence[Found], taken: Mask) -> bool:
        return share_in(one.mask, taken) < self._config.max_covered and not any(
            share_in(each.mask, one.mask) >= HOLDS for each in known
        )

    def _is_ready(self, one: Candidate) -> bool:
        """Whether it was seen often enough, and will hardly turn out to be more than it is now."""
        if one.seen < self._config.looks:
            return False
        if one.is_moving:
            least = LEAST_PATH * max(one.soft.shape)
            is_new = one.proposed < min(LEAST_PROPOSED, self._config.looks)
            if is_new or one.farthest < least or one.score < LEAST_SCORE:
                return False
        small = one.small
        on_border = any(side.any() for side in (small[0], small[-1], small[:, 0], small[:, -1]))
        if on_border and one.growth > GROWING:
            return False
        return not any(
            other is not one
            and other.seen > 1
            and share_in(small, other.small) >= INSIDE
            and np.count_nonzero(other.small) > np.count_nonzero(small) / PART
            for other in self._candidates.waiting
        )

    def _unlike(self, one: Sighting, tracks: Sequence[Known], support: Support) -> str:
        """Why it is none of those that are lost."""
        lost = [track for track in tracks if track.is_searched]
        if not lost:
            return ""
        best = max(lost, key=lambda track: support(track.track_id, one.mask))
        fit = support(best.track_id, one.mask)
        if not _fits_place(one, best):
            return f"; too far from, or not the size of, object {best.track_id} that is lost"
        return f"; fits the looks of object {best.track_id}, which is lost, by only {fit:+.2f}"

    def _everything(
        self, frame: Frame, tracks: Sequence[Known], found: Sequence[Found]
    ) -> list[Found]:
        """All that is proposed on this frame, the surest first."""
        area = self._open_area(tracks, ())
        sightings = self._sightings(self._still.propose(frame, area=area), is_moving=False)
        taken = _union([*_masks(tracks), *_masks(found)], self._size)
        begun: list[Found] = []
        for one in sorted(_wholes(sightings), key=lambda each: -each.score):
            if _visible_count(tracks, [*found, *begun]) >= self._config.max_objects:
                break
            if self._is_free(one, tracks, taken) and self._is_free_of(one, begun, taken):
                begun.append(Found(None, one.mask, one.score, "everything on the first frame"))
                taken = np.asarray(taken | one.mask)
        return begun

    # Sizes.

    def _small(self, mask: Mask) -> Mask:
        """A mask at the size of the flow."""
        height, width = self._small_size()
        share = cv2.resize(mask.view(np.uint8), (width, height), interpolation=cv2.INTER_AREA)
        # INTER_AREA rounds: 1 from a half on.
        return np.asarray(share > 0)

    def _small_size(self) -> tuple[int, int]:
        previous = self._flow.previous
        if previous is None:
            previous = flow_image(np.zeros((*self._size, 3), np.uint8))
        height, width = previous.shape
        return height, width

    def _small_union(self, tracks: Sequence[Known], *, margin: int) -> Mask:
        """Where tracks are, at the size of the flow, and a little around."""
        together = np.zeros(self._small_size(), bool)
        for track in tracks:
            if not track.is_searched:
                together |= self._small(track.mask)
        kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
        return np.asarray(cv2.dilate(together.view(np.uint8), kernel) > 0)


def _zone_mask(zones: Sequence[str], info: VideoInfo) -> Mask | None:
    if not zones:
        return None
    canvas = np.zeros(info.size, np.uint8)
    scale = np.array([info.width / info.source_width, info.height / info.source_height])
    for zone in zones:
        corners = np.rint(parse_zone(zone) * scale).astype(np.int32)
        cv2.fillPoly(canvas, [corners], 1)
    return canvas.view(np.bool_)


def _masks(items: Sequence[Known] | Sequence[Found]) -> list[Mask]:
    return [one.mask for one in items]


def _union(masks: Sequence[Mask], size: tuple[int, int]) -> Mask:
    together = np.zeros(size, bool)
    for mask in masks:
        together |= mask
    return together


def _visible_count(tracks: Sequence[Known], found: Sequence[Found]) -> int:
    return sum(not track.is_searched for track in tracks) + len(found)


def _wholes(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Those that do not lie in a larger one found the same way."""
    return [
        one
        for one in sightings
        if not any(
            other is not one
            and other.is_moving is one.is_moving
            and np.count_nonzero(other.small) > np.count_nonzero(one.small)
            and share_in(one.small, other.small) >= INSIDE
            for other in sightings
        )
    ]


def _fits_place(one: Sighting, track: Known) -> bool:
    """Whether a lost object can be there, and of that size, by now."""
    if not track.seen_at:
        return False
    box, seen_at = mask_box(one.mask), np.array(track.seen_at, np.float32)
    tall, was_tall = float(box[3] - box[1]), float(seen_at[3] - seen_at[1])
    if not 1 / SIZES <= tall / max(was_tall, 1) <= SIZES:
        return False
    side = float(max(seen_at[2] - seen_at[0], was_tall))
    reach = REACH * side + SPEED * max(one.mask.shape) * track.unseen_frames
    return bool(_distance(one, track) <= reach)


def _distance(one: Sighting, track: Known) -> float:
    """Pixels between the middle of a sighting and where a track was seen last."""
    box, seen_at = mask_box(one.mask), np.array(track.seen_at, np.float32)
    return float(np.linalg.norm(box[:2] + box[2:] - seen_at[:2] - seen_at[2:]) / 2)

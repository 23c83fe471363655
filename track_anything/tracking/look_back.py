"""Results held back while a track is doubted, and mended from behind once it is known again."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from track_anything.config import LookBackConfig
from track_anything.interfaces import Propagator
from track_anything.masks import logits_mask, mask_box, mask_iou, probability, resize_logits
from track_anything.structures import (
    SEARCHED_STATES,
    Event,
    EventKind,
    Floats,
    Frame,
    FrameResult,
    LogitsPart,
    Mask,
    ObjectMask,
    Origin,
    State,
    VideoInfo,
)
from track_anything.tracking.cropped import CroppedResult
from track_anything.tracking.look_back_state import pack_held, unpack_held


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """What a track turned out to be on a frame.

    Attributes:
        track_id: The track.
        carried: What the tracker had thought.
        taken: The mask that was learned instead.
        trust: Its estimated IoU: what is carried from it is no surer.
    """

    track_id: int
    carried: Mask
    taken: Mask
    trust: float = 1.0


@dataclass(slots=True, eq=False)
class _Held:
    """A result that may still change.

    Attributes:
        kept: The result as it would be said now.
        logits: By track_id, of doubted tracks alone: they are what a mended mask is blended with.
        doubted: Tracks that were not sure on this frame.
        final: Tracks whose masks the user gave: they keep every pixel.
    """

    kept: FrameResult | CroppedResult
    logits: Mapping[int, Floats | LogitsPart]
    doubted: frozenset[int]
    final: frozenset[int]

    @property
    def result(self) -> FrameResult:
        """It, with whole masks."""
        return self.kept.whole if isinstance(self.kept, CroppedResult) else self.kept

    def crop(self) -> None:
        """Keep it for more than a moment."""
        if isinstance(self.kept, FrameResult):
            self.kept = CroppedResult(self.kept)


class LookBack:
    """Keeps the frames since the last on which every track was sure, a bounded number.

    When a doubted track is corrected, by the segmenter or the user, the object is carried backwards
    from there to the last sure frame or the last correction, and the two ways are blended: each
    counts the more, the nearer its own certain mask is.
    """

    def __init__(
        self,
        config: LookBackConfig,
        propagator: Propagator,
        copy: Callable[[], Propagator],
        *,
        is_exclusive: bool,
    ) -> None:
        """Get ready for one video.

        Args:
            config: How far back, and what is sure.
            propagator: The one that carries the tracks; its state is read, never changed.
            copy: Makes another of the same settings, without objects.
            is_exclusive: Whether a pixel belongs to one object at most.
        """
        self._config = config
        self._is_exclusive = is_exclusive
        self._propagator = propagator
        self._copy = copy
        self._info: VideoInfo | None = None
        self._first_frames: Mapping[int, int] = {}
        self._held: list[_Held] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held back."""
        return not self._held

    def start(self, info: VideoInfo) -> None:
        """Begin a video."""
        self._info = info
        self._held.clear()

    def save(self) -> bytes:
        """What is held, but for its frames."""
        return pack_held([(one.result, one.logits, one.doubted, one.final) for one in self._held])

    def restore(self, state: bytes, frames: Sequence[Frame]) -> None:
        """Hold what save returned, on the same frames.

        Raises:
            TrackingError: If the state is not that of results held back on so many frames.
        """
        self._held = [_Held(*one) for one in unpack_held(state, frames)]
        for held in self._held:
            held.crop()

    def add(
        self,
        result: FrameResult,
        logits: Mapping[int, Floats | LogitsPart | None],
        first_frames: Mapping[int, int],
        corrections: Sequence[Correction],
        *,
        sureness: Mapping[int, float],
        final: Collection[int] = (),
    ) -> list[FrameResult]:
        """Take the newest result; those that are final now, in order.

        Args:
            result: Of the newest frame.
            logits: Behind its masks.
            first_frames: Of every track; of two tracks the older one gives nothing to the younger.
            corrections: Masks learned on this frame.
            sureness: The propagator's confidence in each mask it carried. It says whether a mask
                strayed from the one it comes from; how good that one was, and whose mask it is,
                are not mended here.
            final: Tracks whose masks on this frame the user gave.
        """
        self._first_frames = first_frames
        events = list(result.events)
        for correction in corrections:
            count = self._mend(correction)
            if count:
                detail = f"{count} frames before were mended"
                events.append(Event(EventKind.MENDED, correction.track_id, detail))
        result = replace(result, events=events)
        doubted = frozenset(
            one.track_id
            for one in result.objects
            if self._is_doubted(one, sureness.get(one.track_id, one.confidence))
        )
        kept = {i: found for i in doubted if (found := logits.get(i)) is not None}
        self._held.append(_Held(result, kept, doubted, frozenset(final)))
        released = self._release()
        for held in self._held[-1:]:
            held.crop()
        return released

    def flush(self) -> list[FrameResult]:
        """All that is held, as it is."""
        results = [held.result for held in self._held]
        self._held.clear()
        return results

    def _is_doubted(self, found: ObjectMask, sureness: float) -> bool:
        if found.origin is not Origin.PROPAGATED:
            # Known to be right, however sure of it the segmenter was: to go on past it from a later
            # correction costs 0.2 to 0.6 points of J&F (DAVIS, simulated segmenter, two seeds).
            return False
        if found.state is State.LOST:
            return True
        # Where one is hidden, said to be absent or at its end, there is nothing to be mended.
        is_settled = found.state in (State.OCCLUDED, State.ENDED)
        return not is_settled and sureness < self._config.sure_above

    def _release(self) -> list[FrameResult]:
        """The results before every track's present stretch of doubt, and those too far back."""
        final = len(self._held)
        for track_id in self._held[-1].doubted:
            start = len(self._held)
            while start and track_id in self._held[start - 1].doubted:
                start -= 1
            final = min(final, start)
        final = max(final, len(self._held) - self._config.frames)
        released = [held.result for held in self._held[:final]]
        del self._held[:final]
        return released

    def _mend(self, correction: Correction) -> int:
        """Carry the corrected object backwards through its doubtful stretch; frames changed."""
        track_id = correction.track_id
        start = len(self._held)
        while start and track_id in self._held[start - 1].doubted:
            start -= 1
        stretch = self._held[start:]
        agreement = mask_iou(correction.carried, correction.taken)
        if not stretch or agreement >= self._config.agree_above:
            return 0
        propagator = self._backwards(track_id)
        changed = 0
        for distance, held in enumerate(reversed(stretch), 1):
            found = propagator.propagate(held.kept.frame)[track_id]
            if found.signals.get("searching") or found.confidence < self._config.stop_below:
                break
            weight = 1 - distance / (len(stretch) + 1)
            confidence = min(found.confidence, correction.trust)
            changed += self._blend(held, track_id, found.logits, confidence, weight)
        return changed

    def _backwards(self, track_id: int) -> Propagator:
        """A propagator with this object alone, where and as it is known now."""
        assert self._info is not None
        propagator = self._copy()
        propagator.start(self._info)
        propagator.restore(self._propagator.save([track_id]))
        return propagator

    def _blend(
        self,
        held: _Held,
        track_id: int,
        logits: Floats | LogitsPart,
        confidence: float,
        weight: float,
    ) -> int:
        """Mend one object on one frame; 1 if that changes it, else 0."""
        result = held.result
        old = next(one for one in result.objects if one.track_id == track_id)
        size = old.mask.shape[0], old.mask.shape[1]
        forward = held.logits.get(track_id)
        if forward is None or not old.mask.any():
            mask, trust = logits_mask(logits, size), confidence
        else:
            share = weight * confidence
            share /= max(share + (1 - weight) * old.confidence, 1e-6)
            mixed = share * probability(resize_logits(logits, size), limit=20)
            mixed += (1 - share) * probability(resize_logits(forward, size), limit=20)
            mask, trust = mixed > 0.5, share * confidence + (1 - share) * old.confidence
        if self._is_exclusive:
            for other in result.objects:
                if other.track_id != track_id and not self._is_younger(other.track_id, track_id):
                    mask = mask & ~other.mask
        if not mask.any() or np.array_equal(mask, old.mask):
            return 0
        mended = _with_mask(old, np.asarray(mask))
        held.kept = self._mended(result, mended, float(trust), held.final)
        held.crop()
        return 1

    def _mended(
        self, result: FrameResult, mended: ObjectMask, confidence: float, final: Collection[int]
    ) -> FrameResult:
        """A mended object among the others of its frame: a pixel still has one owner."""
        # What is seen is neither lost nor gone.
        state = State.WEAK if mended.state in SEARCHED_STATES else mended.state
        objects = []
        for one in result.objects:
            if one.track_id == mended.track_id:
                one = replace(mended, confidence=confidence, state=state)
            elif self._gives_way(one, mended, final):
                one = _with_mask(one, one.mask & ~mended.mask)
            objects.append(one)
        return replace(result, objects=objects)

    def _gives_way(self, one: ObjectMask, mended: ObjectMask, final: Collection[int]) -> bool:
        if not self._is_exclusive or one.track_id in final:
            return False
        is_younger = self._is_younger(one.track_id, mended.track_id)
        return is_younger and bool((one.mask & mended.mask).any())

    def _is_younger(self, track_id: int, other: int) -> bool:
        return self._first_frames[track_id] > self._first_frames[other]


def _with_mask(one: ObjectMask, mask: Mask) -> ObjectMask:
    return replace(one, mask=mask, box=mask_box(mask))

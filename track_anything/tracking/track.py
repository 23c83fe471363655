"""One object as the tracker keeps it: its state, and when it may be asked about again."""

from dataclasses import dataclass

import numpy as np

from track_anything.config import CLOCK_MODE, RepromptConfig, TrackerConfig
from track_anything.structures import SEARCHED_STATES, EventKind, Origin, State
from track_anything.tracking.compactness import WHOLE
from track_anything.tracking.confidence import remembering

HYSTERESIS = 0.05
"""A weak track is confirmed again this far above the confidence at which it became weak."""
LEVEL_SHARE = 0.5
"""How much of what a confidence lacks even at its best since the last known mask is no doubt."""
LONGEST_RETRY = 16
"""Rejected answers double the wait up to this many times its length."""
LEAST_PART = 0.5
"""A compact object seen in part may be behind what nobody follows: its confidence falls to no less
than this share."""
COVERED_SHARE = 0.25
"""An object hidden by more than this is not asked about: the answer would be what is in front."""


@dataclass(slots=True)
class Track:
    """One object from its first prompt on.

    Attributes:
        track_id: Never given twice.
        first_frame: Index of the frame on which it was prompted. A track takes notice only of
            tracks that began no later, so that adding one never changes another's masks.
        label: The user's name.
        trust: Estimated IoU of the mask it was last known by: no mask carried from there is surer.
        owed: Questions asked that its budget has not made up for yet.
        wait: Frames until it may be asked about again.
        low_count: Frames in a row with a confidence, or a mask, that means lost.
        rejected_count: Answers about it in a row that were not taken.
        sure_count: Frames since its mask was last known to be right.
        lowest: The lowest confidence on them, of a mask by itself; since it was found, if later.
        level: The highest confidence on them: what it is on this object at best.
        doubt: What its confidence fell short by on them, added up.
        age: Frames since it began.
        seen_at: Box of its last mask that was not empty.
        hidden_share: How much of it is behind other objects, 0 to 1.
        seen_share: How much of its usual area a compact object's mask has; None for others.
        is_gone: Whether its place was given up on this frame: so little of it is left.
        extent: Width and height of its box when it was last seen whole; of compact objects alone.
        anothers_count: How often in a row the segmenter said that the part that is followed of it
            is one of another compact object.
        unseen_frames: Frames since then; once it ended, since its end.
        is_discovered: Nobody prompted it.
    """

    track_id: int
    first_frame: int
    label: str = ""
    state: State = State.CONFIRMED
    origin: Origin = Origin.PROMPTED
    confidence: float = 1.0
    trust: float = 1.0
    owed: float = 0.0
    wait: int = 0
    low_count: int = 0
    rejected_count: int = 0
    sure_count: int = 0
    lowest: float = 1.0
    level: float = 0.0
    doubt: float = 0.0
    age: int = 0
    seen_at: tuple[float, ...] = ()
    hidden_share: float = 0.0
    seen_share: float | None = None
    is_gone: bool = False
    extent: tuple[float, ...] = ()
    anothers_count: int = 0
    unseen_frames: int = 0
    is_discovered: bool = False

    @property
    def is_searched(self) -> bool:
        """Whether it has no place now and is looked for."""
        return self.state in SEARCHED_STATES

    @property
    def is_unsure(self) -> bool:
        """Whether its carried mask is little to go by: it is bad, a guess, or was asked in vain."""
        return self.state is not State.CONFIRMED or self.rejected_count > 0

    @property
    def is_covered(self) -> bool:
        """Whether so much of it is hidden that what is left says little of it."""
        return self.hidden_share >= COVERED_SHARE

    @property
    def is_in_part(self) -> bool:
        """Whether it is a compact object of which clearly less than all is followed."""
        return self.seen_share is not None and self.seen_share < WHOLE and bool(self.extent)

    @property
    def part_share(self) -> float:
        """What is followed of it, as a share of what counts as the whole: LEAST_PART to 1."""
        if self.seen_share is None:
            return 1.0
        return float(np.clip(self.seen_share / WHOLE, LEAST_PART, 1.0))

    def tick(self, config: RepromptConfig) -> None:
        """Let a frame go by: time heals cooldowns and fills the budget."""
        self.origin = Origin.PROPAGATED
        self.wait = max(self.wait - 1, 0)
        self.sure_count += 1
        self.age += 1
        self.owed = max(self.owed - config.budget / 100, 0.0)

    def may_ask(self, config: RepromptConfig) -> bool:
        """Whether it was doubted enough, and the budget and the cooldown allow a question."""
        if config.mode == CLOCK_MODE:
            return self.age % config.clock_frames == 0
        saved = max(config.budget * config.saved_frames / 100, 1.0)
        if self.wait or self.owed + 1 > saved:
            return False
        is_due = 0 < config.longest_interval <= self.sure_count
        return self.is_searched or self.doubt >= config.patience or is_due

    def asked(self, config: RepromptConfig, *, is_accepted: bool) -> None:
        """Pay for a question; a rejected answer makes the next one wait longer."""
        self.owed += 1
        if is_accepted:
            self.rejected_count, self.sure_count = 0, 0
            self.doubt, self.level, self.lowest = 0.0, 0.0, 1.0
            self.wait = config.cooldown_frames
            return
        self.wait = config.retry_frames * min(2**self.rejected_count, LONGEST_RETRY)
        self.rejected_count += 1

    def trusted(self, origin: Origin, estimated_iou: float) -> None:
        """Its mask on this frame is taken to be right, as far as it is estimated to be."""
        self.origin, self.state = origin, State.CONFIRMED
        self.confidence = self.trust = min(max(estimated_iou, 0.0), 1.0)
        self.low_count = self.sure_count = self.wait = self.rejected_count = 0
        self.doubt, self.level, self.lowest = 0.0, 0.0, 1.0

    def move_on(
        self,
        confidence: float,
        *,
        is_visible: bool,
        config: TrackerConfig,
        is_strange: bool = False,
    ) -> EventKind | None:
        """Take this frame's confidence; the event if the track was lost or found by it.

        Args:
            confidence: Of the carried mask by itself. What the track says remembers the lowest,
                and is bounded by what was thought of the mask that it is carried from; lost it is
                by this alone.
            is_visible: Whether there is a mask.
            config: The limits.
            is_strange: Whether the mask is that of something else.
        """
        if is_visible:
            # Where it was found is not where it was carried to.
            self.lowest = confidence if self.is_searched else min(self.lowest, confidence)
        self.confidence = min(remembering(confidence, self.lowest), self.trust)
        self._doubt_more(config.reprompt.below)
        if not is_visible:
            return self._disappear()
        if self.is_searched:
            self.state, self.low_count = State.WEAK, 0
            return EventKind.FOUND
        is_bad = is_strange or confidence < config.lost_below
        self.low_count = self.low_count + 1 if is_bad else 0
        if self.low_count >= config.lost_frames:
            return self._disappear()
        limit = config.weak_below + (HYSTERESIS if self.state is State.WEAK else 0.0)
        self.state = State.WEAK if self.confidence < limit else State.CONFIRMED
        return None

    def _doubt_more(self, below: float) -> None:
        self.level = max(self.level, self.confidence)
        wanted = LEVEL_SHARE * min(self.level, below) + (1 - LEVEL_SHARE) * below
        self.doubt += max(wanted - self.confidence, 0.0)

    def _disappear(self) -> EventKind | None:
        self.confidence = 0.0
        if self.is_searched:
            return None
        self.state = State.LOST
        return EventKind.LOST

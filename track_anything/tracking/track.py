"""One object as the tracker keeps it: its state, and when it may be asked about again."""

from dataclasses import dataclass

from track_anything.config import CLOCK_MODE, RepromptConfig, TrackerConfig
from track_anything.structures import SEARCHED_STATES, EventKind, Origin, State

HYSTERESIS = 0.05
"""A weak track is confirmed again this far above the confidence at which it became weak."""
LONGEST_COOLDOWN = 8
"""Rejected answers double the cooldown up to this many times its length."""


@dataclass(slots=True)
class Track:
    """One object from its first prompt on.

    Attributes:
        track_id: Never given twice.
        first_frame: Index of the frame on which it was prompted. A track takes notice only of
            tracks that began no later, so that adding one never changes another's masks.
        label: The user's name.
        tokens: Questions left in its budget.
        wait: Frames until it may be asked about again.
        cooldown: Length of the next wait.
        low_count: Frames in a row with a confidence that means lost.
        sure_count: Frames since its mask was last known to be right.
        age: Frames since it began.
        seen_at: Box of its last mask that was not empty.
        unseen_frames: Frames since then; once it ended, since its end.
        is_discovered: Nobody prompted it.
    """

    track_id: int
    first_frame: int
    label: str = ""
    state: State = State.CONFIRMED
    origin: Origin = Origin.PROMPTED
    confidence: float = 1.0
    tokens: float = 1.0
    wait: int = 0
    cooldown: int = 0
    low_count: int = 0
    sure_count: int = 0
    age: int = 0
    seen_at: tuple[float, ...] = ()
    unseen_frames: int = 0
    is_discovered: bool = False

    @property
    def is_searched(self) -> bool:
        """Whether it has no place now and is looked for."""
        return self.state in SEARCHED_STATES

    def tick(self, config: RepromptConfig) -> None:
        """Let a frame go by: time heals cooldowns and fills the budget."""
        self.origin = Origin.PROPAGATED
        self.wait = max(self.wait - 1, 0)
        self.sure_count += 1
        self.age += 1
        # Two questions saved up at most: a budget is there to be spread over the video.
        self.tokens = min(self.tokens + config.budget / 100, 2.0)

    def may_ask(self, config: RepromptConfig) -> bool:
        """Whether it is doubted and the budget and the cooldown allow a question."""
        if config.mode == CLOCK_MODE:
            return self.age % config.clock_frames == 0
        if self.wait or self.tokens < 1:
            return False
        is_due = 0 < config.longest_interval <= self.sure_count
        return self.is_searched or self.confidence < config.below or is_due

    def asked(self, config: RepromptConfig, *, is_accepted: bool) -> None:
        """Pay for a question; a rejected answer makes the next one wait longer."""
        self.tokens -= 1
        shortest = config.cooldown_frames
        if is_accepted:
            self.cooldown, self.sure_count = shortest, 0
        self.cooldown = max(self.cooldown, shortest)
        self.wait = self.cooldown
        if not is_accepted:
            self.cooldown = min(self.cooldown * 2, shortest * LONGEST_COOLDOWN)

    def trusted(self, origin: Origin) -> None:
        """Its mask is known to be right on this frame."""
        self.origin, self.confidence, self.state = origin, 1.0, State.CONFIRMED
        self.low_count = self.sure_count = self.wait = 0

    def move_on(
        self, confidence: float, *, is_visible: bool, config: TrackerConfig
    ) -> EventKind | None:
        """Take this frame's confidence; the event if the track was lost or found by it."""
        self.confidence = confidence
        if not is_visible:
            return self._disappear()
        if self.is_searched:
            self.state, self.low_count = State.WEAK, 0
            return EventKind.FOUND
        self.low_count = self.low_count + 1 if confidence < config.lost_below else 0
        if self.low_count >= config.lost_frames:
            return self._disappear()
        limit = config.weak_below + (HYSTERESIS if self.state is State.WEAK else 0.0)
        self.state = State.WEAK if confidence < limit else State.CONFIRMED
        return None

    def _disappear(self) -> EventKind | None:
        self.confidence = 0.0
        if self.is_searched:
            return None
        self.state = State.LOST
        return EventKind.LOST

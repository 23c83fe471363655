"""Strictly rising times from whatever time stamps a decoder gives."""

import logging
from fractions import Fraction

_log = logging.getLogger(__name__)

# Fewer is a glitch in the order of frames, mended by a tick; more is a recording that was appended.
_JUMP_FRAMES = 8


class RisingTimes:
    """The time of every frame, exact where the stream's own time stamps rise.

    A missing time stamp is derived from the frame rate. One that does not rise is moved to one
    tick after the last. Where the clock starts anew (recordings joined byte by byte) it and all
    that follow are moved to go on one frame after the last. Each is logged once.

    Attributes:
        missing_count: Frames that had no time stamp.
        repeated_count: Frames that did not come after the one before.
        jump_count: How often the clock started anew.
    """

    def __init__(self, name: str, time_base: Fraction, rate: Fraction) -> None:
        """Begin a stream; name is for the log."""
        self._name = name
        self._time_base = time_base
        self._step = 1 / (rate * time_base)
        self._offset = 0
        self._last: int | None = None
        self._anchor = 0
        self._since_anchor = 0
        self.missing_count = 0
        self.repeated_count = 0
        self.jump_count = 0

    def next(self, pts: int | None) -> Fraction:
        """The time in seconds of the next frame in presentation order."""
        if pts is None:
            ticks = self._derived()
        else:
            ticks = self._risen(pts + self._offset)
            self._anchor, self._since_anchor = ticks, 0
        self._last = ticks
        return ticks * self._time_base

    def _derived(self) -> int:
        if not self.missing_count:
            _log.warning("%s: time stamps are missing; derived from the frame rate", self._name)
        self.missing_count += 1
        if self._last is None:
            return 0
        # Counted from the last known one: a rounded step added up would drift.
        self._since_anchor += 1
        ticks = self._anchor + round(self._since_anchor * self._step)
        return max(ticks, self._last + 1)

    def _risen(self, ticks: int) -> int:
        if self._last is None or ticks > self._last:
            return ticks
        if self._last - ticks > _JUMP_FRAMES * self._step:
            if not self.jump_count:
                _log.warning(
                    "%s: the clock starts anew after %.3f s; the rest follows on from there",
                    self._name,
                    float(self._last * self._time_base),
                )
            self.jump_count += 1
            follows = self._last + max(1, round(self._step))
            self._offset += follows - ticks
            return follows
        if not self.repeated_count:
            _log.warning(
                "%s: time stamps do not rise at %.3f s; moved by the least possible",
                self._name,
                float(ticks * self._time_base),
            )
        self.repeated_count += 1
        return self._last + 1

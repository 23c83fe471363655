"""One frame while the tracker works on it."""

from dataclasses import dataclass, field

import numpy as np

from track_anything.masks import frame_part, logits_mask
from track_anything.structures import Event, EventKind, Floats, Frame, LogitsPart, Mask
from track_anything.tracking.look_back import Correction


@dataclass(slots=True)
class Step:
    """What is known of one frame while it is worked on.

    Attributes:
        frame: The frame.
        masks: By track_id, as known so far.
        logits: Behind the masks; None for one that is certain.
        within: Rows and columns outside which a track has no pixel; only for those known.
        sureness: The propagator's confidence in each mask it carried.
        final: Tracks whose masks the user gave.
        events: What happened so far.
        corrections: Carried masks that were replaced by ones known to be right.
    """

    frame: Frame
    masks: dict[int, Mask] = field(default_factory=dict)
    logits: dict[int, Floats | LogitsPart | None] = field(default_factory=dict)
    within: dict[int, tuple[slice, slice]] = field(default_factory=dict)
    sureness: dict[int, float] = field(default_factory=dict)
    final: set[int] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frame."""
        height, width = self.frame.image.shape[:2]
        return height, width

    def say(self, kind: EventKind, track_id: int, detail: str = "") -> None:
        """Add an event."""
        self.events.append(Event(kind, track_id, detail))

    def set(self, track_id: int, mask: Mask, logits: Floats | LogitsPart | None) -> None:
        """Take a mask as the track's on this frame."""
        self.masks[track_id], self.logits[track_id] = mask, logits
        self.within.pop(track_id, None)

    def carry(self, track_id: int, logits: Floats | LogitsPart) -> int:
        """Take what was carried as the track's on this frame; its pixels."""
        part = frame_part(logits, self.size)
        mask = logits_mask(logits if part is None else part, self.size)
        self.set(track_id, mask, logits)
        if part is None:
            return int(np.count_nonzero(mask))
        self.within[track_id] = part.slices
        return int(np.count_nonzero(mask[part.slices]))

    def correct(self, track_id: int, mask: Mask, trust: float) -> None:
        """Note that a carried mask was replaced by one taken to be right; its estimated IoU."""
        carried = self.masks.get(track_id)
        if carried is not None:
            self.corrections.append(Correction(track_id, carried, mask, trust))

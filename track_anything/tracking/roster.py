"""The objects of one video, and what all of them share while it is tracked."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from track_anything.config import TrackerConfig
from track_anything.interfaces import Propagator
from track_anything.structures import Mask, State
from track_anything.tracking.contact import Contacts
from track_anything.tracking.step import Step
from track_anything.tracking.track import Track


@dataclass(slots=True)
class Roster:
    """Who is tracked.

    Attributes:
        config: The tracker's rules.
        propagator: Carries them.
        tracks: By track_id, in the order they began.
        contacts: Who of them touches whom.
        next_id: The lowest id that may be given.
    """

    config: TrackerConfig
    propagator: Propagator
    tracks: dict[int, Track] = field(default_factory=dict)
    contacts: Contacts = field(default_factory=Contacts)
    next_id: int = 1

    def clear(self, first_free_id: int) -> None:
        """Begin a video: no objects yet."""
        self.tracks.clear()
        self.contacts = Contacts()
        self.next_id = first_free_id

    def first_frames(self) -> dict[int, int]:
        """Index of the frame on which each began, by track_id."""
        return {track.track_id: track.first_frame for track in self.tracks.values()}

    def masks_of(self, now: Step, track: Track, wanted: Callable[[Track], bool]) -> list[Mask]:
        """Masks of the wanted ones of the other objects that are seen."""
        return [now.masks[other.track_id] for other in self._seen(now, track) if wanted(other)]

    def older_masks(self, now: Step, track: Track) -> list[Mask]:
        """Masks of the other objects that this track takes notice of."""
        return self.masks_of(now, track, lambda other: other.first_frame <= track.first_frame)

    def peers(self, now: Step, track: Track) -> list[Track]:
        """The other objects that began with this one and are seen."""
        return [one for one in self._seen(now, track) if one.first_frame == track.first_frame]

    def cede_to(self, now: Step, track: Track) -> None:
        """Take the pixels of a track from all that began no earlier; what the user gave stays."""
        mask = now.masks[track.track_id]
        for other in self._seen(now, track):
            mine = other.track_id in now.final or other.first_frame < track.first_frame
            if mine or not (now.masks[other.track_id] & mask).any():
                continue
            now.masks[other.track_id] = now.masks[other.track_id] & ~mask
            self.propagator.cede(other.track_id, mask)

    def _seen(self, now: Step, track: Track) -> list[Track]:
        return [
            other
            for other in self.tracks.values()
            if other is not track and not other.is_searched and other.track_id in now.masks
        ]

    def give_up_place(self, now: Step, track_id: int) -> None:
        """Have the object looked for; what it looks like stays known."""
        self.propagator.learn(now.frame, track_id, np.zeros(now.size, bool))

    def end(self, track: Track) -> None:
        """End a track; its object is forgotten, its id never given again."""
        self.propagator.forget(track.track_id)
        track.state, track.confidence = State.ENDED, 0.0

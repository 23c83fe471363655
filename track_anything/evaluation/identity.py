"""Whether tracks stay with their own object."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class IdentityCount:
    """On how many frames tracks lie on another's object, and how often that changes.

    A track is on the object whose truth its mask shares most pixels with, on its own where they are
    equal; a mask that shares none is on no object and changes nothing. A switch is a frame on which
    a track is on another object than when it was last on one; the first frame counts from its own.

    Attributes:
        frames_on_another: By track_id.
        switches: By track_id; going astray and coming back are two.
    """

    def __init__(self, track_ids: Sequence[int]) -> None:
        """Begin with every track on its own object."""
        self._on = {track_id: track_id for track_id in track_ids}
        self.frames_on_another = dict.fromkeys(track_ids, 0)
        self.switches = dict.fromkeys(track_ids, 0)

    def add(self, labels: NDArray[np.uint16], truth: NDArray[np.uint16]) -> None:
        """Take one frame: (H, W) the tracks, and (H, W) the objects under the same ids."""
        for track_id, before in self._on.items():
            under = truth[labels == track_id]
            shared = {other: int(np.count_nonzero(under == other)) for other in self._on}
            if not any(shared.values()):
                continue
            now = max(shared, key=lambda other: (shared[other], other == track_id))
            self.switches[track_id] += now != before
            self.frames_on_another[track_id] += now != track_id
            self._on[track_id] = now

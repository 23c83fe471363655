"""What may be new objects: seen at some looks, and carried by optical flow between them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from track_anything.structures import Floats, Mask

MOST_MISSED = 1
"""Looks in a row at which a candidate may not be seen; motion comes and goes."""


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """Something that a look found.

    Attributes:
        mask: Standard form.
        small: (h, w) bool, the same at the size of the flow.
        score: Of the proposal.
        is_moving: Whether it was found because it moves.
        is_proposed: Whether a proposer found it; else the segmenter was asked about a candidate.
    """

    mask: Mask
    small: Mask
    score: float
    is_moving: bool
    is_proposed: bool = True

    @property
    def area(self) -> int:
        """Pixels of the mask."""
        return int(np.count_nonzero(self.mask))


@dataclass(slots=True, eq=False)
class Candidate:
    """Something that was seen at least once.

    Attributes:
        soft: (h, w) float32 in [0, 1] at the size of the flow: where it is now.
        first_frame: Index of the frame on which it was seen first.
        is_moving: Whether it was found because it moves.
        proposed: Looks at which a proposer found it; at the others the segmenter was asked again.
        seen: Looks at which it was seen.
        missed: Looks since then at which it was not.
        growth: Its size at the last look as a share of what was carried there.
    """

    soft: Floats
    first_frame: int
    is_moving: bool
    proposed: int = 1
    seen: int = 1
    missed: int = 0
    growth: float = 1.0

    @property
    def small(self) -> Mask:
        """Where it is now, (h, w) bool."""
        return np.asarray(self.soft > 0.5)


@dataclass(slots=True)
class Candidates:
    """All that is waiting to be seen again.

    Attributes:
        waiting: In the order they were seen first.
    """

    waiting: list[Candidate] = field(default_factory=list)

    def carry(self, backward_flow: Floats) -> None:
        """Move all of them onto the next frame; what left the picture is dropped."""
        if not self.waiting:
            return
        rows, columns = np.indices(backward_flow.shape[:2], np.float32)
        x, y = columns + backward_flow[..., 0], rows + backward_flow[..., 1]
        for one in self.waiting:
            one.soft = np.asarray(cv2.remap(one.soft, x, y, cv2.INTER_LINEAR), np.float32)
        self.waiting = [one for one in self.waiting if one.small.any()]

    def link(
        self, sightings: Sequence[Sighting], frame_index: int, *, least_iou: float
    ) -> dict[Candidate, Sighting]:
        """Take what a look found: candidates seen again, and new ones; who was seen, and as what.

        Pairs are made from the highest IoU down to the least.
        """
        pairs = [
            (iou, number, place)
            for number, one in enumerate(self.waiting)
            for place, sighting in enumerate(sightings)
            if (iou := overlap(one.small, sighting.small)) >= least_iou
        ]
        seen: dict[Candidate, Sighting] = {}
        used: set[int] = set()
        for _, number, place in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
            one = self.waiting[number]
            if one not in seen and place not in used:
                self._see(one, sightings[place])
                seen[one] = sightings[place]
                used.add(place)
        for place, sighting in enumerate(sightings):
            if place not in used and sighting.is_proposed:
                one = Candidate(sighting.small.astype(np.float32), frame_index, sighting.is_moving)
                self.waiting.append(one)
                seen[one] = sighting
        return seen

    def miss(self, candidates: Sequence[Candidate]) -> None:
        """Say that these were looked for and not seen; those missed too often are dropped."""
        for one in candidates:
            one.missed += 1
        self.waiting = [one for one in self.waiting if one.missed <= MOST_MISSED]

    def drop(self, candidate: Candidate) -> None:
        """Wait for it no longer."""
        self.waiting = [one for one in self.waiting if one is not candidate]

    @staticmethod
    def _see(one: Candidate, sighting: Sighting) -> None:
        one.growth = int(sighting.small.sum()) / max(int(one.small.sum()), 1)
        one.soft = sighting.small.astype(np.float32)
        one.seen += 1
        one.proposed += sighting.is_proposed
        one.missed = 0


def overlap(first: Mask, second: Mask) -> float:
    """IoU of two masks; 0 if both are empty."""
    shared = int(np.count_nonzero(first & second))
    return shared / int(np.count_nonzero(first | second)) if shared else 0.0


def share_in(mask: Mask, other: Mask) -> float:
    """The share of a mask that another covers; 0 for an empty one."""
    area = int(np.count_nonzero(mask))
    return int(np.count_nonzero(mask & other)) / area if area else 0.0

"""What may be new objects: seen at some looks, and carried by optical flow between them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from track_anything.masks import mask_box, mask_iou
from track_anything.structures import Floats, Mask
from track_anything.tracking.sightings import Sighting

MOST_MISSED = 2
"""Looks in a row at which a candidate may not be seen."""
MOST_UNPROPOSED = 4
"""Looks in a row at which one that moves may be seen and yet not move; who walks stops."""
MOST_GROWTH = 1.7
"""Most by which a thing grows or shrinks from look to look: who runs, by less."""
RING = (3, 12)
"""How far from it the surroundings of a thing begin and end, in pixels of the flow."""


@dataclass(slots=True, eq=False)
class Candidate:
    """Something that was seen at least once.

    Attributes:
        soft: (h, w) float32 in [0, 1] at the size of the flow: where it is now.
        first_frame: Index of the frame on which it was seen first.
        is_moving: Whether it was found because it moves.
        proposed: Looks at which a proposer found it; at the others the segmenter was asked again.
        on_drive: Looks of these at which it was seen on a drive.
        seen: Looks at which it was seen.
        score: Mean of its scores there.
        missed: Looks since then at which it was not.
        unproposed: Looks since a proposer found it last.
        growth: Its size at the last look as a share of what was carried there.
        path: (x, y) how far it has moved against what is around it, in pixels of the flow.
        farthest: Longest that path ever was.
    """

    soft: Floats
    first_frame: int
    is_moving: bool
    score: float
    proposed: int = 1
    on_drive: int = 0
    seen: int = 1
    missed: int = 0
    unproposed: int = 0
    growth: float = 1.0
    path: tuple[float, float] = (0.0, 0.0)
    farthest: float = 0.0

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
        """Move all of them onto the next frame; what left the picture is dropped.

        Args:
            backward_flow: (h, w, 2) from that frame to the last.
        """
        if not self.waiting:
            return
        rows, columns = np.indices(backward_flow.shape[:2], np.float32)
        x, y = columns + backward_flow[..., 0], rows + backward_flow[..., 1]
        for one in self.waiting:
            one.soft = np.asarray(cv2.remap(one.soft, x, y, cv2.INTER_LINEAR), np.float32)
        self.waiting = [one for one in self.waiting if one.small.any()]
        for one in self.waiting:
            inside, around = _motions(one.small, backward_flow)
            one.soft[_left_behind(one.small, backward_flow, inside, around)] = 0
            x_step, y_step = (around - inside).tolist()
            one.path = one.path[0] + x_step, one.path[1] + y_step
            one.farthest = max(one.farthest, math.hypot(*one.path))

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
            if _is_alike(one.small, sighting.small)
            and (iou := mask_iou(one.small, sighting.small)) >= least_iou
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
                one = Candidate(
                    sighting.small.astype(np.float32),
                    frame_index,
                    sighting.is_moving,
                    sighting.score,
                    on_drive=int(sighting.on_drive),
                )
                self.waiting.append(one)
                seen[one] = sighting
        return seen

    def miss(self, candidates: Sequence[Candidate]) -> None:
        """Say that these were looked for and not seen; those missed too often are dropped."""
        for one in candidates:
            one.missed += 1
        self.waiting = [
            one
            for one in self.waiting
            if one.missed <= MOST_MISSED and one.unproposed <= MOST_UNPROPOSED
        ]

    def drop(self, candidate: Candidate) -> None:
        """Wait for it no longer."""
        self.waiting = [one for one in self.waiting if one is not candidate]

    @staticmethod
    def _see(one: Candidate, sighting: Sighting) -> None:
        one.growth = int(sighting.small.sum()) / max(int(one.small.sum()), 1)
        one.soft = sighting.small.astype(np.float32)
        one.seen += 1
        one.score += (sighting.score - one.score) / one.seen
        one.proposed += sighting.is_proposed
        one.on_drive += sighting.on_drive
        one.unproposed = 0 if sighting.is_proposed or not one.is_moving else one.unproposed + 1
        one.missed = 0


def _is_alike(first: Mask, second: Mask) -> bool:
    """Whether two masks are nearly of one size: two things together are no look at one of them."""
    areas = sorted((int(np.count_nonzero(first)), int(np.count_nonzero(second))))
    return areas[1] <= MOST_GROWTH * areas[0]


def _motions(small: Mask, backward_flow: Floats) -> tuple[Floats, Floats]:
    """(2,) each: the flow of something, and that of what is around it.

    Flow is smeared over plain walls and skies beside what moves: they move with their surroundings.
    """
    left, top, right, bottom = mask_box(small).astype(int)
    reach = RING[1]
    rows = slice(max(top - reach, 0), bottom + reach)
    columns = slice(max(left - reach, 0), right + reach)
    inside, flow = small[rows, columns], backward_flow[rows, columns]
    far, near = (
        cv2.dilate(inside.view(np.uint8), np.ones((2 * size + 1, 2 * size + 1), np.uint8)) > 0
        for size in (RING[1], RING[0])
    )
    ring = far & ~near
    own = np.median(flow[inside], axis=0)
    return own, np.median(flow[ring], axis=0) if ring.any() else own


def _left_behind(small: Mask, backward_flow: Floats, inside: Floats, around: Floats) -> Mask:
    """(h, w) pixels of a carried mask that are the ground it uncovered.

    They and it come from the same pixels of the frame before, but they move as what is around it.
    """
    height, width = small.shape
    y, x = np.nonzero(small)
    flow = backward_flow[y, x]
    from_x = np.clip(np.rint(x + flow[:, 0]), 0, width - 1).astype(np.int64)
    from_y = np.clip(np.rint(y + flow[:, 1]), 0, height - 1).astype(np.int64)
    source = from_y * width + from_x
    is_ground = np.linalg.norm(flow - around, axis=1) < np.linalg.norm(flow - inside, axis=1)
    claimed = np.bincount(source[~is_ground], minlength=height * width)
    left = np.zeros_like(small)
    behind = is_ground & (claimed[source] > 0)
    left[y[behind], x[behind]] = True
    return left

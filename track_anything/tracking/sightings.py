"""What a look at a frame finds, and what of it may be a new object at all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from track_anything.config import DiscoveryConfig
from track_anything.masks import largest_component, mask_share
from track_anything.small_gray import small_size
from track_anything.structures import Mask, Proposal, VideoInfo
from track_anything.tracking.optical_flow import FLOW_SIDE
from track_anything.zones import parse_zone

WHOLE = 0.8
"""Share of a proposal that its largest part has: what falls apart further is several things."""
INSIDE = 0.9
"""Share of a proposal that another covers when it lies in it: the larger is the whole."""
HOLDS = 0.5
"""Share of a tracked object that a proposal covers when it holds it: then it is not new."""
CONTACT, PART = 0.25, 0.7
"""What touches a tracked object along this share of its outline, and is smaller than this share of
it, is a part of it that the mask left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """Something that a look found.

    Attributes:
        mask: Standard form.
        small: (h, w) bool, the same at the size of the flow.
        score: Estimated IoU with the truth, in [0, 1].
        is_moving: Whether it was found because it moves.
        is_proposed: Whether a proposer found it; else the segmenter was asked about a candidate.
        on_drive: As of a Proposal.
    """

    mask: Mask
    small: Mask
    score: float
    is_moving: bool
    is_proposed: bool = True
    on_drive: bool = False


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


class Sieve:
    """Keeps of what is proposed on frames of one size what is one thing of the right size."""

    def __init__(self, config: DiscoveryConfig, info: VideoInfo) -> None:
        """Get ready.

        Args:
            config: Limits and zones.
            info: Of the frames.
        """
        self._config = config
        self._size = info.size
        self._zone = _zone_mask(config.zones, info)
        self._small_size = small_size(info.size, FLOW_SIDE)

    def sightings(self, proposals: Sequence[Proposal], *, is_moving: bool) -> list[Sighting]:
        """Those that are one thing of the right size and place, each as its largest part."""
        found = []
        for proposal in proposals:
            if proposal.mask is None:
                continue
            said = proposal.predicted_iou
            score = proposal.score if said is None else said
            one = self.sighting(proposal.mask, score, is_moving=is_moving)
            if one is not None:
                found.append(replace(one, on_drive=proposal.on_drive))
        return found

    def sighting(self, whole: Mask, score: float, *, is_moving: bool) -> Sighting | None:
        """A mask as a sighting; None if it is not one thing of the right size and place."""
        mask = largest_component(whole)
        area = int(np.count_nonzero(mask))
        if area < WHOLE * np.count_nonzero(whole):
            return None
        if not self._config.min_area <= area <= self._config.max_area * mask.size:
            return None
        if self._zone is not None and mask_share(mask, self._zone) < 0.5:
            return None
        small = self.small(mask)
        score = min(max(score, 0.0), 1.0)
        return Sighting(mask, small, score, is_moving) if small.any() else None

    def open_area(self, tracks: Sequence[Known], searched: Sequence[Known]) -> Mask:
        """Where something new, or something lost, may be.

        Where objects are lost only tracks that began no later than the eldest of them count, so
        that what is proposed to them does not depend on younger ones.
        """
        first = min((track.first_frame for track in searched), default=None)
        hiding = [one for one in tracks if first is None or one.first_frame <= first]
        area = ~self.union([one.mask for one in hiding])
        return np.asarray(area if self._zone is None else area & self._zone)

    def is_free(self, one: Sighting, tracks: Sequence[Known], taken: Mask) -> bool:
        """Whether nothing of it is tracked, and it is no part of what is."""
        if mask_share(one.mask, taken) >= self._config.max_covered:
            return False
        outline = cv2.dilate(one.small.view(np.uint8), np.ones((5, 5), np.uint8)) > 0
        outline &= ~one.small
        area = np.count_nonzero(one.small)
        for track in tracks:
            if not track.mask.any():
                continue
            small = self.small(track.mask)
            if mask_share(small, one.small) >= HOLDS:
                return False
            is_part = mask_share(np.asarray(outline), small) >= CONTACT
            if is_part and area < PART * np.count_nonzero(small):
                return False
        return True

    def union(self, masks: Sequence[Mask]) -> Mask:
        """Where any of some masks of the frame is."""
        together = np.zeros(self._size, bool)
        for mask in masks:
            together |= mask
        return together

    def small(self, mask: Mask) -> Mask:
        """A mask of the frame at the size of the flow."""
        height, width = self._small_size
        share = cv2.resize(mask.view(np.uint8), (width, height), interpolation=cv2.INTER_AREA)
        # INTER_AREA rounds: 1 from a half on.
        return np.asarray(share > 0)

    def small_open_area(self, tracks: Sequence[Known], *, margin: int) -> Mask:
        """Where no track is, nor a little around any, at the size of the flow."""
        together = np.zeros(self._small_size, bool)
        for track in tracks:
            if not track.is_searched:
                together |= self.small(track.mask)
        kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
        area = cv2.dilate(together.view(np.uint8), kernel) == 0
        return np.asarray(area if self._zone is None else area & self.small(self._zone))


def wholes(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Those that do not lie in a larger one found the same way."""
    return [
        one
        for one in sightings
        if not any(
            other is not one
            and other.is_moving is one.is_moving
            and np.count_nonzero(other.small) > np.count_nonzero(one.small)
            and mask_share(one.small, other.small) >= INSIDE
            for other in sightings
        )
    ]


def _zone_mask(zones: Sequence[str], info: VideoInfo) -> Mask | None:
    if not zones:
        return None
    canvas = np.zeros(info.size, np.uint8)
    scale = np.array([info.width / info.source_width, info.height / info.source_height])
    for zone in zones:
        corners = np.rint(parse_zone(zone) * scale).astype(np.int32)
        cv2.fillPoly(canvas, [corners], 1)
    return canvas.view(np.bool_)

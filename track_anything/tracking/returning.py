"""Lost objects that are seen again: which of what a look found is which of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from track_anything.config import DiscoveryConfig
from track_anything.masks import mask_box, mask_share
from track_anything.structures import EventKind, Mask
from track_anything.tracking.sightings import Known, Sighting

SIZES = 2.0
"""A lost object comes back at most this many times as tall or as small."""
REACH, SPEED = 1.0, 0.03
"""How far from where it was seen last a lost object is taken for itself: this many of its sides,
and this share of the picture's longer side for every frame since."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Something that is a track from now on, or one again.

    Attributes:
        track_id: The one that it is again; None for a new one.
        mask: Standard form; empty if that one is not where it was carried.
        score: Estimated IoU with the truth, in [0, 1].
        reason: For the event.
        flight: Number of the flight it is seen by; 0 for none.
    """

    track_id: int | None
    mask: Mask
    score: float
    reason: str
    flight: int = 0

    @property
    def kind(self) -> EventKind:
        """What happened."""
        return EventKind.DISCOVERED if self.track_id is None else EventKind.FOUND


Support = Callable[[int, Mask], float]
"""How well a mask fits what the object of an id has looked like, in [-1, 1]."""


def returned(
    searched: Sequence[Known],
    tracks: Sequence[Known],
    sightings: Sequence[Sighting],
    support: Support,
    config: DiscoveryConfig,
) -> list[Found]:
    """Lost objects that something seen is: the eldest chooses first.

    What is said of one depends on tracks that began no later than it alone.

    Args:
        searched: Those lost.
        tracks: All of them.
        sightings: What a look found.
        support: Of the propagator, on this frame.
        config: How well they must fit, and how much may be tracked already.
    """
    found: list[Found] = []
    for track in sorted(searched, key=lambda one: (one.first_frame, one.track_id)):
        elder = [one.mask for one in tracks if one.first_frame <= track.first_frame]
        hidden = np.logical_or.reduce([*elder, *(one.mask for one in found)])
        best: tuple[float, Sighting] | None = None
        for one in sightings:
            if mask_share(one.mask, hidden) >= config.max_covered:
                continue
            if not _fits_place(one, track):
                continue
            fit = support(track.track_id, one.mask)
            if fit >= config.return_support and (best is None or fit > best[0]):
                best = fit, one
        if best is not None:
            fit, one = best
            reason = (
                f"proposed again after {track.unseen_frames} frames: fits its looks by "
                f"{fit:+.2f}, {_distance(one, track):.0f} px from where it was seen last"
            )
            found.append(Found(track.track_id, one.mask, one.score, reason))
    return found


def unlike(one: Sighting, tracks: Sequence[Known], support: Support) -> str:
    """Why it is none of those that are lost."""
    lost = [track for track in tracks if track.is_searched]
    if not lost:
        return ""
    fits = [(support(track.track_id, one.mask), track) for track in lost]
    fit, best = max(fits, key=lambda each: each[0])
    if not _fits_place(one, best):
        return f"; too far from, or not the size of, object {best.track_id} that is lost"
    return f"; fits the looks of object {best.track_id}, which is lost, by only {fit:+.2f}"


def _fits_place(one: Sighting, track: Known) -> bool:
    """Whether a lost object can be there, and of that size, by now."""
    if not track.seen_at:
        return False
    box, seen_at = mask_box(one.mask), np.array(track.seen_at, np.float32)
    tall, was_tall = float(box[3] - box[1]), float(seen_at[3] - seen_at[1])
    if not 1 / SIZES <= tall / max(was_tall, 1) <= SIZES:
        return False
    side = float(max(seen_at[2] - seen_at[0], was_tall))
    reach = REACH * side + SPEED * max(one.mask.shape) * track.unseen_frames
    return bool(_distance(one, track) <= reach)


def _distance(one: Sighting, track: Known) -> float:
    """Pixels between the middle of a sighting and where a track was seen last."""
    box, seen_at = mask_box(one.mask), np.array(track.seen_at, np.float32)
    return float(np.linalg.norm(box[:2] + box[2:] - seen_at[:2] - seen_at[2:]) / 2)

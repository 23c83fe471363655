"""Balls and the like: objects too small and fast for flow, seen on every frame by what is new."""

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np

from track_anything.boxes import box_area
from track_anything.config import DiscoveryConfig
from track_anything.masks import mask_share
from track_anything.structures import Floats, Frame, Mask
from track_anything.tracking.flights import Flight, Flights
from track_anything.tracking.novelty import Novelty, Spot
from track_anything.tracking.returning import Found, Support, unlike
from track_anything.tracking.sightings import Known, Sieve
from track_anything.tracking.state_archive import pack_state, unpack_state

SCORE = 0.75
"""Estimated IoU of what is new with the thing: streaks and shadows blur its outline."""
LEAST_BACK, MOST_BACK = 2, 6
"""Frames on which what is lost must be seen to fly again, and after which it is another thing."""
LEAST_NEW = 0.6
"""Share of its mask that is new where it is: else it is something of its colours that rests."""
COLORS = 40.0
"""Levels by which the mean colour of what is lost may have changed."""
SIZES = 8.0
"""A lost thing comes back at most this many times as large or small: a streak grows as it nears."""
SPEED = 0.15
"""How far it goes a frame while it is not seen, as a share of the picture's longer side."""


class Flying:
    """Finds small fast things, follows them, and says when they are not where flow carries them.

    What it says of one depends on tracks that began no later alone.
    """

    def __init__(self, config: DiscoveryConfig, sieve: Sieve) -> None:
        """Get ready.

        Args:
            config: Limits.
            sieve: Says what is of the right size and place.
        """
        self._config = config
        self._sieve = sieve
        self._novelty = Novelty()
        self._flights = Flights()
        # Tracks that were found flying, and their colours there.
        self._colors: dict[int, tuple[float, ...]] = {}

    def begin_shot(self) -> None:
        """Forget the frames seen: the next is not the one after them."""
        self._novelty, self._flights.flying = Novelty(), []

    def step(
        self,
        frame: Frame,
        flow: Floats | None,
        tracks: Sequence[Known],
        support: Support,
        *,
        room: int,
    ) -> list[Found]:
        """Where those known are by now, with an empty mask if nowhere, and those that begin.

        Args:
            frame: The next one.
            flow: (h, w, 2) backward flow to the one before; None begins anew.
            tracks: All that did not end, as flow carried them.
            support: Of the propagator, on this frame.
            room: How many may begin.
        """
        spots = self._novelty.next(frame.image, flow)
        if flow is None:
            self._flights.flying = []
            return []
        seen = self._flights.follow(spots, frame.index, side=self._novelty.side)
        size = frame.image.shape[0], frame.image.shape[1]
        found = self._followed(seen, tracks, size)
        found += self._returned(seen, tracks, support, size)
        return found + self._begun(seen, tracks, found, support, size)[: max(room, 0)]

    def named(self, flight: int, track_id: int) -> None:
        """Take notice of the id that a flight has."""
        for one in self._flights.flying:
            if one.number == flight:
                one.track_id = track_id
                # What is behind a streak shines through it.
                if track_id not in self._colors or not one.is_streak:
                    self._colors[track_id] = one.color

    def _followed(
        self, seen: dict[Flight, Spot], tracks: Sequence[Known], size: tuple[int, int]
    ) -> list[Found]:
        flights = {one.track_id: one for one in self._flights.flying if one.track_id}
        found = []
        for track in tracks:
            if track.track_id not in self._colors:
                continue
            flight = flights.get(track.track_id)
            if track.is_told:
                # The user knows better.
                if flight is not None:
                    flight.track_id = 0
            elif flight is not None and flight in seen:
                mask = seen[flight].mask(size)
                if mask_share(mask, self._elders(track, tracks)) < self._config.max_covered:
                    found.append(Found(track.track_id, mask, SCORE, _again(flight), flight.number))
            elif not track.is_searched and self._novelty.share(track.mask) < LEAST_NEW:
                empty = np.zeros(size, bool)
                found.append(Found(track.track_id, empty, 0.0, "not seen to fly on"))
        return found

    def _has_colors(self, track: Known, flight: Flight) -> bool:
        known = np.array(self._colors[track.track_id])
        return bool(np.abs(known - flight.color).mean() <= COLORS)

    def _returned(
        self,
        seen: dict[Flight, Spot],
        tracks: Sequence[Known],
        support: Support,
        size: tuple[int, int],
    ) -> list[Found]:
        """Those lost that fly again: the eldest chooses first, from younger ones' flights too."""
        found: list[Found] = []
        began = {one.track_id: one.first_frame for one in tracks}
        lost = [
            one
            for one in tracks
            if one.is_searched
            and one.track_id in self._colors
            and all(flight.track_id != one.track_id for flight in seen)
        ]
        free = [one for one in seen if one.is_fast and LEAST_BACK <= one.seen <= MOST_BACK]
        for track in sorted(lost, key=lambda one: (one.first_frame, one.track_id)):
            hidden = self._elders(track, tracks)
            best: tuple[float, Flight, Mask] | None = None
            for flight in free:
                if flight.track_id and began.get(flight.track_id, 0) <= track.first_frame:
                    continue
                mask = seen[flight].mask(size)
                if mask_share(mask, hidden) >= self._config.max_covered:
                    continue
                if not _fits(track, mask, seen[flight], max(size) / self._novelty.side):
                    continue
                fit = support(track.track_id, mask)
                is_it = fit >= self._config.return_support or self._has_colors(track, flight)
                if is_it and (best is None or fit > best[0]):
                    best = fit, flight, mask
            if best is not None:
                fit, flight, mask = best
                free.remove(flight)
                reason = f"flies again after {track.unseen_frames} frames: fits by {fit:+.2f}"
                found.append(Found(track.track_id, mask, SCORE, reason, flight.number))
        return found

    def _begun(
        self,
        seen: dict[Flight, Spot],
        tracks: Sequence[Known],
        found: Sequence[Found],
        support: Support,
        size: tuple[int, int],
    ) -> list[Found]:
        begun = []
        taken = self._sieve.union([*(one.mask for one in tracks), *(one.mask for one in found)])
        named = {one.flight for one in found}
        for flight, spot in seen.items():
            if flight.track_id or flight.number in named:
                continue
            if not flight.has_flown(self._config.looks, self._novelty.side):
                continue
            sighting = self._sieve.sighting(spot.mask(size), SCORE, is_moving=True)
            # What is cut off by the border may be a hand.
            if (
                sighting is None
                or _is_cut_off(sighting.mask)
                or not self._sieve.is_free(sighting, tracks, taken)
            ):
                continue
            reason = f"something small that flies, seen on {flight.seen} frames"
            reason += unlike(sighting, tracks, support)
            begun.append(Found(None, sighting.mask, SCORE, reason, flight.number))
        return begun

    def _elders(self, track: Known, tracks: Sequence[Known]) -> Mask:
        return self._sieve.union(
            [
                one.mask
                for one in tracks
                if one is not track and one.first_frame <= track.first_frame
            ]
        )

    def save(self) -> bytes:
        """State for restore."""
        meta = {
            "flights": [asdict(one) for one in self._flights.flying],
            "count": self._flights.count,
            "colors": sorted(self._colors.items()),
            "shifts": self._novelty.shifts,
        }
        arrays = {f"frame{number}": one for number, one in enumerate(self._novelty.frames)}
        return pack_state(meta, arrays)

    def restore(self, state: bytes) -> None:
        """Go on from what save returned."""
        meta, arrays = unpack_state(state)
        pairs = ("middle", "step", "way", "color")
        flights = [
            Flight(**{**one, **{name: tuple(one[name]) for name in pairs}})
            for one in meta["flights"]
        ]
        self._flights = Flights(flights, meta["count"])
        self._colors = {number: tuple(color) for number, color in meta["colors"]}
        frames = [arrays[f"frame{number}"] for number in range(len(arrays))]
        self._novelty = Novelty(frames, meta["shifts"])


def _is_cut_off(mask: Mask) -> bool:
    return any(side.any() for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))


def _again(flight: Flight) -> str:
    return f"flies again, seen on {flight.seen} frames"


def _fits(track: Known, mask: Mask, spot: Spot, scale: float) -> bool:
    """Whether a lost thing can be there, and of that size, by now."""
    if not track.seen_at:
        return False
    box = np.array(track.seen_at, np.float32)
    areas = sorted((box_area(box), float(np.count_nonzero(mask))))
    away = float(np.linalg.norm(spot.middle * scale - (box[:2] + box[2:]) / 2))
    return areas[1] <= SIZES * areas[0] and away <= SPEED * max(mask.shape) * (
        1 + track.unseen_frames
    )


def updated(tracks: Sequence[Known], found: Sequence[Found]) -> list[Known]:
    """Tracks with what was just said of them."""
    said = {one.track_id: one.mask for one in found if one.track_id is not None}
    return [
        replace(one, mask=mask, is_searched=not mask.any())
        if (mask := said.get(one.track_id)) is not None
        else one
        for one in tracks
    ]

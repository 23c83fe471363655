"""Objects that nobody prompted, among those that are tracked."""

from functools import partial

import numpy as np

from track_anything.structures import EventKind, Origin, State
from track_anything.tracking.discovery import Discovery
from track_anything.tracking.returning import Found
from track_anything.tracking.roster import Roster
from track_anything.tracking.sightings import Known
from track_anything.tracking.step import Step
from track_anything.tracking.track import Track
from track_anything.tracking.whereabouts import GONE_KINDS, say_gone


def discover(now: Step, roster: Roster, discovery: Discovery) -> None:
    """Take up what was seen often enough, the youngest of all; end what was not seen for long."""
    _end_forgotten(now, roster, discovery.forget_frames)
    tracks = [one for one in roster.tracks.values() if one.state is not State.ENDED]
    found = discovery.step(
        now.frame,
        [_as_known(now, one) for one in tracks],
        partial(roster.propagator.support, now.frame),
        is_cut=any(event.kind is EventKind.CUT for event in now.events),
        may_begin=all(one.first_frame < now.frame.index for one in tracks),
    )
    for one in found:
        discovery.named(one, _take_found(now, roster, one))


def _as_known(now: Step, track: Track) -> Known:
    is_seen = not track.is_searched and track.track_id in now.masks
    return Known(
        track_id=track.track_id,
        first_frame=track.first_frame,
        mask=now.masks[track.track_id] if is_seen else np.zeros(now.size, bool),
        is_searched=track.is_searched,
        is_told=track.track_id in now.final,
        seen_at=track.seen_at,
        unseen_frames=track.unseen_frames,
    )


def _take_found(now: Step, roster: Roster, found: Found) -> int:
    """Take what discovery says of a new object or a known one; its id."""
    track_id = found.track_id
    was_seen = False
    if track_id is None:
        track_id, roster.next_id = roster.next_id, roster.next_id + 1
        roster.tracks[track_id] = Track(track_id, now.frame.index, is_discovered=True)
    else:
        was_seen = bool(found.flight) and _is_seen_on(now, roster.tracks[track_id])
    track = roster.tracks[track_id]
    if not found.mask.any():
        _give_up(now, roster, track)
        return track_id
    if found.track_id is not None and not found.flight:
        now.correct(track_id, found.mask, found.score)
    track.trusted(Origin.DISCOVERED, found.score)
    roster.propagator.learn(now.frame, track_id, found.mask)
    now.set(track_id, found.mask, None)
    if not was_seen:
        now.say(found.kind, track_id, found.reason)
    return track_id


def _is_seen_on(now: Step, track: Track) -> bool:
    """Whether an object that is followed by its flight was seen until now.

    That flow lost it on this very frame is no news then.
    """
    gone = [one for one in now.events if one.track_id == track.track_id and one.kind in GONE_KINDS]
    now.events = [one for one in now.events if one not in gone]
    return bool(gone) or not track.is_searched


def _give_up(now: Step, roster: Roster, track: Track) -> None:
    """Let go of what was carried: the object is not there."""
    roster.give_up_place(now, track.track_id)
    now.set(track.track_id, np.zeros(now.size, bool), None)
    track.state, track.confidence = State.LOST, 0.0
    say_gone(now, roster, track, 0.0)


def _end_forgotten(now: Step, roster: Roster, limit: int) -> None:
    """End discovered objects that were not seen for long; what ended long ago goes.

    Those whose results may be held back still are kept.
    """
    held = roster.config.look_back.frames
    for track in [one for one in roster.tracks.values() if one.is_discovered]:
        if track.state is State.ENDED:
            if track.unseen_frames > held:
                del roster.tracks[track.track_id]
        elif track.is_searched and track.unseen_frames >= limit:
            roster.end(track)
            track.unseen_frames = 0
            now.say(EventKind.ENDED, track.track_id, f"not seen for {limit} frames")

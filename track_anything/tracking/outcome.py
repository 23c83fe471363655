"""What the sinks see of a frame: every pixel one object's, and the doubt whose mask is whose."""

from dataclasses import replace

import numpy as np

from track_anything.masks import mask_box
from track_anything.structures import FrameResult, ObjectMask, Origin, State
from track_anything.tracking.association import Claim, settle_overlaps
from track_anything.tracking.exchange import Exchanges
from track_anything.tracking.roster import Roster
from track_anything.tracking.step import Step

KNOWN_WHOLE = 0.9
"""A compact object's box is that of all of it if its mask has this share of its usual area."""


def frame_result(now: Step, roster: Roster) -> FrameResult:
    """The result of a frame on which all is decided; the contacts take notice of it."""
    for track in roster.tracks.values():
        if track.is_searched or track.state is State.ENDED:
            now.set(track.track_id, np.zeros(now.size, bool), None)
    claims = [_claim(now, roster, track_id) for track_id in now.masks]
    if roster.config.overlaps == "first":
        claims = settle_overlaps(claims)
    claimed = {claim.track_id: claim for claim in claims}
    objects = [
        ObjectMask(
            track_id=track_id,
            mask=claimed[track_id].mask,
            box=claimed[track_id].box,
            confidence=track.confidence,
            state=track.state,
            origin=track.origin,
            label=track.label,
        )
        for track_id, track in sorted(roster.tracks.items())
    ]
    for found in objects:
        track = roster.tracks[found.track_id]
        track.unseen_frames += 1
        if found.is_seen:
            track.seen_at, track.unseen_frames = tuple(found.box.tolist()), 0
            if track.seen_share is not None and track.seen_share >= KNOWN_WHOLE:
                track.extent = tuple((found.box[2:] - found.box[:2]).tolist())
    exchanges = Exchanges(now, roster, objects)
    now.events += roster.contacts.step(
        now.frame, objects, roster.first_frames(), is_clear=exchanges.is_clear
    )
    return FrameResult(now.frame, exchanges.apply(), now.events)


def with_identities(result: FrameResult, roster: Roster) -> FrameResult:
    """A result with the doubt whose mask is whose in the confidences.

    Everything the tracker does depends on what it thinks of the masks alone.
    """
    identities = roster.contacts.identities(result.frame.index)
    if not identities:
        return result
    weak_below = roster.config.weak_below
    objects = [
        _doubted(one, identities.get(one.track_id, 1.0), weak_below) for one in result.objects
    ]
    return replace(result, objects=objects)


def _doubted(found: ObjectMask, identity: float, weak_below: float) -> ObjectMask:
    if identity == 1 or found.origin is Origin.PROMPTED:
        return found
    confidence, state = found.confidence * identity, found.state
    if state is State.CONFIRMED and confidence < weak_below:
        state = State.WEAK
    return replace(found, confidence=confidence, state=state)


def _claim(now: Step, roster: Roster, track_id: int) -> Claim:
    return Claim(
        track_id,
        now.masks[track_id],
        mask_box(now.masks[track_id], within=now.within.get(track_id)),
        now.logits[track_id],
        roster.tracks[track_id].first_frame,
        track_id in now.final,
    )

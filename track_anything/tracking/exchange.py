"""Whose is whose after two objects were in one another: by their looks and how they moved."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from track_anything.structures import EventKind, ObjectMask
from track_anything.tracking.contact import Contact
from track_anything.tracking.roster import Roster
from track_anything.tracking.step import Step

AMONG = 0.5
"""Objects that were less than this in one another cannot have been mixed up."""
MOTION_FRAMES = 12
"""Contacts longer than this say nothing of where an object that moved before would be after it."""
MOTION_SHARE = 0.4
"""What the place where an object was expected counts, where its looks count 1."""
CLEAR = 0.5
"""By this much, of at most 2 for looks alone, one way must be likelier than the other."""
LEAST_FIT = 0.5
"""How much each mask must be like the object that it is found to be: of a part nobody can tell."""


class Exchanges:
    """Judges pairs that parted on one frame, and exchanges what they have where that is clear."""

    def __init__(self, now: Step, roster: Roster, objects: Sequence[ObjectMask]) -> None:
        """Take a frame.

        Args:
            now: The frame.
            roster: Everyone tracked.
            objects: Everyone on it, a pixel of one at most.
        """
        self._now, self._roster = now, roster
        self._objects: Mapping[int, ObjectMask] = {one.track_id: one for one in objects}
        self._wanted: list[tuple[int, int]] = []

    def is_clear(self, contact: Contact) -> bool:
        """Whether it is known which is which of two that parted; notes it if they are mixed up."""
        first_frames = self._roster.first_frames()
        # An older object does not see a younger one: it takes nothing from it.
        if contact.overlap < AMONG or first_frames[contact.older] < first_frames[contact.younger]:
            return False
        looks, motion = self._looks(contact), MOTION_SHARE * self._motion(contact)
        gain = _gain(looks + motion)
        is_mixed_up = gain > 0
        likeliest = looks[::-1] if is_mixed_up else looks
        if abs(gain) < CLEAR or np.diagonal(likeliest).min() < LEAST_FIT:
            return False
        pair = contact.older, contact.younger
        if is_mixed_up and (_gain(looks) < CLEAR or self._now.final.intersection(pair)):
            # Hands and walls turn what moves: on its motion alone nothing is exchanged.
            return False
        if is_mixed_up:
            self._wanted.append(pair)
        return True

    def apply(self) -> list[ObjectMask]:
        """Everyone, with the masks of those that were mixed up exchanged and learned anew."""
        found = dict(self._objects)
        for first, second in self._wanted:
            one, other = found[first], found[second]
            found[first] = replace(one, mask=other.mask, box=other.box)
            found[second] = replace(other, mask=one.mask, box=one.box)
            logits = self._now.logits
            logits[first], logits[second] = logits[second], logits[first]
            for track_id in (first, second):
                track, mask = self._roster.tracks[track_id], found[track_id].mask
                self._now.correct(track_id, mask, track.confidence)
                self._roster.propagator.learn(self._now.frame, track_id, mask)
                self._now.masks[track_id] = mask
                track.seen_at = tuple(found[track_id].box.tolist())
            detail = f"with object {first}: their looks and motion say that they were mixed up"
            self._now.say(EventKind.EXCHANGED, second, detail)
        return [found[track_id] for track_id in sorted(found)]

    def _looks(self, contact: Contact) -> np.ndarray:
        """(2, 2): how much older and younger are like the mask of older and of younger."""
        ids = contact.older, contact.younger
        masks = [self._objects[track_id].mask for track_id in ids]
        propagator, frame = self._roster.propagator, self._now.frame
        return np.array([[propagator.resemblance(frame, i, mask) for mask in masks] for i in ids])

    def _motion(self, contact: Contact) -> np.ndarray:
        """(2, 2): how near either mask is to where older and younger were expected."""
        index = self._now.frame.index
        if index - contact.since > MOTION_FRAMES:
            return np.zeros((2, 2))
        found = [self._objects[track_id] for track_id in (contact.older, contact.younger)]
        return np.array([[_near(at, one) for one in found] for at in contact.expected(index)])


def _gain(fits: np.ndarray) -> float:
    """How much likelier it is that each has the other's mask than that each has its own."""
    return float(fits[0, 1] + fits[1, 0] - fits[0, 0] - fits[1, 1])


def _near(expected: tuple[float, ...], found: ObjectMask) -> float:
    """How near a mask is to where an object was expected, 1 to 0; 0 if that is not known."""
    if not expected or not found.is_seen:
        return 0.0
    middle = (found.box[:2] + found.box[2:]) / 2
    away = float(np.hypot(*(middle - np.array(expected))))
    return float(np.exp(-((away / np.sqrt(np.count_nonzero(found.mask))) ** 2)))

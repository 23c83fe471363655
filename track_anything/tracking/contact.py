"""Objects that meet and part: what is said of it, and how sure it is whose mask is whose."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from track_anything.boxes import box_share
from track_anything.errors import TrackingError
from track_anything.structures import (
    SEARCHED_STATES,
    Event,
    EventKind,
    Floats,
    Frame,
    ObjectMask,
    State,
)
from track_anything.tracking.colors import color_likeness, color_shares

REACH = 0.01
"""Masks closer than this share of the frame's longer side touch."""
STRIDE = 4
"""Masks are compared on every so many pixels."""
APART_FRAMES = 3
"""Objects have parted when they have been apart for so many frames."""
UNLIKE, ALIKE = 0.6, 0.8
"""Colours that have less in common than the first tell two objects apart; with more than the
second they do not: cups of one kind have more, also blurred and partly behind a hand."""
OTHER_SIZE, SAME_SIZE = 0.4, 0.7
"""As UNLIKE and ALIKE, for the smaller one's share of the larger one's area: a dog is no ball."""
MOST_DOUBT = 0.6
"""What is taken from the confidence of an object that cannot be told from one it was behind."""


@dataclass(slots=True)
class Contact:
    """Two objects that touch.

    Attributes:
        older: The one that began no later.
        younger: The other; of two that began together the one of the higher track_id.
        since: Index of the frame on which they met.
        likeness: How much their colours had in common then, 0 to 1.
        size_ratio: The smaller one's share of the larger one's area then.
        overlap: Largest share of one of their boxes inside the other's so far; 1 once one of them
            was not seen at all.
        apart: Frames for which they have been apart.
    """

    older: int
    younger: int
    since: int
    likeness: float
    size_ratio: float
    overlap: float = 0.0
    apart: int = 0

    @property
    def doubt(self) -> float:
        """How little is known of which is which, 0 to 1."""
        of_colors = (self.likeness - UNLIKE) / (ALIKE - UNLIKE)
        of_sizes = (self.size_ratio - OTHER_SIZE) / (SAME_SIZE - OTHER_SIZE)
        return float(np.clip(of_colors, 0, 1) * np.clip(of_sizes, 0, 1)) * self.overlap


class Contacts:
    """Follows who touches whom; says when objects meet and part.

    Objects of other colours are told apart by their looks. Of look-alikes that were in front of one
    another nobody knows afterwards which is which: their confidence falls as they meet, and stays
    low until the user says.
    """

    def __init__(self) -> None:
        """No objects yet."""
        self._contacts: dict[tuple[int, int], Contact] = {}
        self._doubts: dict[int, float] = {}
        self._by_frame: dict[int, dict[int, float]] = {}
        self._first_frames: Mapping[int, int] = {}

    def step(
        self, frame: Frame, objects: Sequence[ObjectMask], first_frames: Mapping[int, int]
    ) -> list[Event]:
        """Take the objects of a frame; the meetings and partings on it.

        Args:
            frame: The frame.
            objects: On it.
            first_frames: When each of them began.
        """
        self._first_frames = first_frames
        ordered = sorted(objects, key=lambda one: (first_frames[one.track_id], one.track_id))
        events: list[Event] = []
        for at, younger in enumerate(ordered):
            for older in ordered[:at]:
                events += self._pair(frame, older, younger)
        now = {one.track_id: self.identity(one.track_id) for one in objects}
        doubted = {track_id: sure for track_id, sure in now.items() if sure < 1}
        if doubted:
            self._by_frame[frame.index] = doubted
        return events

    def identities(self, index: int) -> Mapping[int, float]:
        """What `identity` was on a frame, of those under 1; told once, and then forgotten."""
        return self._by_frame.pop(index, {})

    def identity(self, track_id: int) -> float:
        """How sure it is that a mask is this object's and no look-alike's, 0 to 1."""
        doubt = self._doubts.get(track_id, 0.0)
        for contact in self._contacts.values():
            if self._notices(track_id, contact):
                doubt = max(doubt, contact.doubt)
        return 1 - MOST_DOUBT * doubt

    def told(self, track_ids: Iterable[int]) -> None:
        """The user has said where these objects are."""
        for track_id in track_ids:
            self._doubts.pop(track_id, None)
            for contact in self._contacts.values():
                if track_id in (contact.older, contact.younger):
                    contact.overlap = 0.0

    def save(self) -> dict[str, Any]:
        """State for `restore`, ready for JSON."""
        return {
            "contacts": [asdict(contact) for contact in self._contacts.values()],
            "doubts": [[track_id, doubt] for track_id, doubt in self._doubts.items()],
            "by_frame": [[index, list(one.items())] for index, one in self._by_frame.items()],
        }

    def restore(self, state: Any, first_frames: Mapping[int, int]) -> None:
        """Go on from what save returned.

        Raises:
            TrackingError: If it is no such state.
        """
        try:
            found = [Contact(**one) for one in state["contacts"]]
            doubts = {int(track_id): float(doubt) for track_id, doubt in state["doubts"]}
            by_frame = {
                int(index): {int(i): float(v) for i, v in one} for index, one in state["by_frame"]
            }
        except (KeyError, TypeError, ValueError) as error:
            raise TrackingError(f"not a saved state of contacts ({error})") from error
        self._contacts = {(one.older, one.younger): one for one in found}
        self._doubts, self._by_frame = doubts, by_frame
        self._first_frames = dict(first_frames)

    def _notices(self, track_id: int, contact: Contact) -> bool:
        """Whether a contact says something of a track: never what a younger one did."""
        if track_id == contact.younger:
            return True
        first = self._first_frames
        return track_id == contact.older and first[track_id] == first[contact.younger]

    def _pair(self, frame: Frame, older: ObjectMask, younger: ObjectMask) -> list[Event]:
        pair = older.track_id, younger.track_id
        contact = self._contacts.get(pair)
        if State.ENDED in (older.state, younger.state):
            self._contacts.pop(pair, None)
            return []
        if not (older.mask.any() and younger.mask.any()):
            gone = {one.state for one in (older, younger) if not one.mask.any()}
            # Hidden, or lost while they touched: it may come out on either side.
            if contact is not None and gone & set(SEARCHED_STATES):
                contact.overlap, contact.apart = 1.0, 0
            return []
        if _touch(older, younger):
            if contact is None:
                likeness = color_likeness(_colors(frame, older), _colors(frame, younger))
                areas = sorted(int(np.count_nonzero(one.mask)) for one in (older, younger))
                contact = Contact(*pair, frame.index, likeness, areas[0] / areas[1])
                self._contacts[pair] = contact
                contact.overlap = box_share(older.box, younger.box)
                return [_met(contact)]
            contact.apart = 0
            contact.overlap = max(contact.overlap, box_share(older.box, younger.box))
            return []
        return [] if contact is None else self._apart(frame, contact)

    def _apart(self, frame: Frame, contact: Contact) -> list[Event]:
        contact.apart += 1
        if contact.apart < APART_FRAMES:
            return []
        for track_id in (contact.older, contact.younger):
            if self._notices(track_id, contact):
                self._doubts[track_id] = max(self._doubts.get(track_id, 0.0), contact.doubt)
        del self._contacts[contact.older, contact.younger]
        return [_parted(contact, frame.index)]


def _met(contact: Contact) -> Event:
    detail = f"touches object {contact.older}, colours {contact.likeness:.2f} alike"
    return Event(EventKind.MERGED, contact.younger, detail)


def _parted(contact: Contact, index: int) -> Event:
    frames = index - contact.since - APART_FRAMES + 1
    detail = f"apart from object {contact.older} after {frames} frames"
    if contact.doubt > 0.5:
        detail += "; they look alike: which is which is not sure"
    elif contact.likeness < ALIKE:
        detail += "; told apart by their colours"
    elif contact.size_ratio < SAME_SIZE:
        detail += "; told apart by their sizes"
    else:
        detail += "; told apart by their places"
    return Event(EventKind.SPLIT, contact.younger, detail)


def _touch(first: ObjectMask, second: ObjectMask) -> bool:
    height, width = first.mask.shape
    reach = max(REACH * max(height, width), 1.0)
    left, top = np.maximum(first.box[:2], second.box[:2]) - reach
    right, bottom = np.minimum(first.box[2:], second.box[2:]) + reach
    if left >= right or top >= bottom:
        return False
    rows = slice(max(int(top), 0), int(np.ceil(bottom)))
    columns = slice(max(int(left), 0), int(np.ceil(right)))
    step = STRIDE if max(height, width) >= 100 * STRIDE else 1
    mine = np.ascontiguousarray(first.mask[rows, columns][::step, ::step]).view(np.uint8)
    side = 2 * max(round(reach / step), 1) + 1
    near = cv2.dilate(mine, np.ones((side, side), np.uint8)).view(np.bool_)
    return bool((near & second.mask[rows, columns][::step, ::step]).any())


def _colors(frame: Frame, found: ObjectMask) -> Floats:
    x_min, y_min, x_max, y_max = (int(value) for value in found.box)
    part = np.ascontiguousarray(frame.image[y_min:y_max, x_min:x_max])
    lab = np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2LAB), np.uint8)
    return color_shares(lab, np.ascontiguousarray(found.mask[y_min:y_max, x_min:x_max]))

"""Objects that meet and part: what is said of it, and how sure it is whose mask is whose."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from track_anything.errors import TrackingError
from track_anything.masks import box_slices
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
from track_anything.tracking.nearness import nearness

REACH = 0.01
"""Masks closer than this share of the frame's longer side touch."""
CLOSE = 0.25
"""What is nearer to the other than this share of the smaller one's side may be mistaken for it."""
BESIDE, AMONG = 0.35, 0.85
"""Side by side objects have a quarter of their area that close. With no more than the first share
each has its own place; with the second one of them is in the midst of the other."""
PATH_FRAMES = 6
"""Over so many frames before a meeting is measured how an object moves."""
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
        side: Square root of the smaller one's area then.
        overlap: Largest share of one of them close to the other so far, beyond what objects side by
            side have; 1 once one of them was not seen at all.
        apart: Frames for which they have been apart.
        paths: Of older and younger: x and y of its middle then, and how far it moved a frame in x
            and y; empty where it was not seen before.
    """

    older: int
    younger: int
    since: int
    likeness: float
    size_ratio: float
    side: float
    overlap: float = 0.0
    apart: int = 0
    paths: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())

    def expected(self, index: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """x and y of older and younger on a frame if they went on as before; empty if unknown."""
        older, younger = (
            (path[0] + path[2] * (index - self.since), path[1] + path[3] * (index - self.since))
            if path
            else ()
            for path in self.paths
        )
        return older, younger

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
        self._places: dict[int, list[tuple[float, ...]]] = {}
        self._first_frames: Mapping[int, int] = {}

    def step(
        self,
        frame: Frame,
        objects: Sequence[ObjectMask],
        first_frames: Mapping[int, int],
        *,
        is_clear: Callable[[Contact], bool] = lambda _: False,
    ) -> list[Event]:
        """Take the objects of a frame; the meetings and partings on it.

        Args:
            frame: The frame.
            objects: On it.
            first_frames: When each of them began.
            is_clear: Asked about look-alikes that parted: whether it is known which is which.
        """
        self._first_frames = first_frames
        self._follow(frame.index, objects)
        ordered = sorted(objects, key=lambda one: (first_frames[one.track_id], one.track_id))
        events: list[Event] = []
        for at, younger in enumerate(ordered):
            for older in ordered[:at]:
                events += self._pair(frame, older, younger, is_clear)
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
            "places": [[track_id, one] for track_id, one in self._places.items()],
            "by_frame": [[index, list(one.items())] for index, one in self._by_frame.items()],
        }

    def restore(self, state: Any, first_frames: Mapping[int, int]) -> None:
        """Go on from what save returned.

        Raises:
            TrackingError: If it is no such state.
        """
        try:
            found = [_contact(one) for one in state["contacts"]]
            places = {
                int(track_id): [tuple(float(v) for v in place) for place in one]
                for track_id, one in state["places"]
            }
            doubts = {int(track_id): float(doubt) for track_id, doubt in state["doubts"]}
            by_frame = {
                int(index): {int(i): float(v) for i, v in one} for index, one in state["by_frame"]
            }
        except (KeyError, TypeError, ValueError) as error:
            raise TrackingError(f"not a saved state of contacts ({error})") from error
        self._contacts = {(one.older, one.younger): one for one in found}
        self._doubts, self._by_frame, self._places = doubts, by_frame, places
        self._first_frames = dict(first_frames)

    def _notices(self, track_id: int, contact: Contact) -> bool:
        """Whether a contact says something of a track: never what a younger one did."""
        if track_id == contact.younger:
            return True
        first = self._first_frames
        return track_id == contact.older and first[track_id] == first[contact.younger]

    def _pair(
        self,
        frame: Frame,
        older: ObjectMask,
        younger: ObjectMask,
        is_clear: Callable[[Contact], bool],
    ) -> list[Event]:
        pair = older.track_id, younger.track_id
        contact = self._contacts.get(pair)
        if State.ENDED in (older.state, younger.state):
            self._contacts.pop(pair, None)
            return []
        if not (older.is_seen and younger.is_seen):
            gone = {one.state for one in (older, younger) if not one.is_seen}
            # Hidden, or lost while they touched: it may come out on either side.
            if contact is not None and gone & set(SEARCHED_STATES):
                contact.overlap, contact.apart = 1.0, 0
            return []
        if nearness(older, younger, REACH * max(older.mask.shape)) > 0:
            new = contact is None
            contact = contact or self._meet(frame, older, younger)
            contact.apart = 0
            contact.overlap = max(contact.overlap, _overlap(older, younger, contact.side))
            return [_met(contact)] if new else []
        return [] if contact is None else self._apart(frame, contact, is_clear)

    def _meet(self, frame: Frame, older: ObjectMask, younger: ObjectMask) -> Contact:
        likeness = color_likeness(_colors(frame, older), _colors(frame, younger))
        areas = sorted(int(np.count_nonzero(one.mask)) for one in (older, younger))
        contact = Contact(
            older=older.track_id,
            younger=younger.track_id,
            since=frame.index,
            likeness=likeness,
            size_ratio=areas[0] / areas[1],
            side=float(np.sqrt(areas[0])),
            paths=(self._path(older.track_id), self._path(younger.track_id)),
        )
        self._contacts[contact.older, contact.younger] = contact
        return contact

    def _path(self, track_id: int) -> tuple[float, ...]:
        """Where the middle of an object is, and how it moves; empty if that is not known."""
        places = self._places.get(track_id, [])
        if len(places) < 2:
            return ()
        (begin, *first), (end, *last) = places[0], places[-1]
        moved = ((b - a) / (end - begin) for a, b in zip(first, last, strict=True))
        return (*last, *moved)

    def _follow(self, index: int, objects: Sequence[ObjectMask]) -> None:
        """Note where the middle of every object is."""
        for one in objects:
            if not one.is_seen:
                self._places.pop(one.track_id, None)
                continue
            places = self._places.setdefault(one.track_id, [])
            places.append((float(index), *_middle(one)))
            del places[:-PATH_FRAMES]

    def _apart(
        self, frame: Frame, contact: Contact, is_clear: Callable[[Contact], bool]
    ) -> list[Event]:
        contact.apart += 1
        if contact.apart < APART_FRAMES:
            return []
        del self._contacts[contact.older, contact.younger]
        is_known = is_clear(contact)
        for track_id in (contact.older, contact.younger):
            if self._notices(track_id, contact) and not is_known:
                self._doubts[track_id] = max(self._doubts.get(track_id, 0.0), contact.doubt)
        return [_parted(contact, frame.index, is_clear=is_known)]


def _contact(said: Mapping[str, Any]) -> Contact:
    first, second = (tuple(float(v) for v in path) for path in said["paths"])
    return Contact(**{**said, "paths": (first, second)})


def _met(contact: Contact) -> Event:
    detail = f"touches object {contact.older}, colours {contact.likeness:.2f} alike"
    return Event(EventKind.MERGED, contact.younger, detail)


def _parted(contact: Contact, index: int, *, is_clear: bool) -> Event:
    frames = index - contact.since - APART_FRAMES + 1
    detail = f"apart from object {contact.older} after {frames} frames"
    if is_clear:
        detail += "; told apart by their looks and motion"
    elif contact.doubt > 0.5:
        detail += "; they look alike: which is which is not sure"
    elif contact.likeness < ALIKE:
        detail += "; told apart by their colours"
    elif contact.size_ratio < SAME_SIZE:
        detail += "; told apart by their sizes"
    else:
        detail += "; told apart by their places"
    return Event(EventKind.SPLIT, contact.younger, detail)


def _overlap(first: ObjectMask, second: ObjectMask, side: float) -> float:
    """How far two objects are in one another, 0 (side by side) to 1."""
    share = nearness(first, second, CLOSE * side)
    return float(np.clip((share - BESIDE) / (AMONG - BESIDE), 0, 1))


def _middle(found: ObjectMask) -> tuple[float, float]:
    x_min, y_min, x_max, y_max = (float(value) for value in found.box)
    return (x_min + x_max) / 2, (y_min + y_max) / 2


def _colors(frame: Frame, found: ObjectMask) -> Floats:
    place = box_slices(found.box)
    lab = cv2.cvtColor(np.ascontiguousarray(frame.image[place]), cv2.COLOR_RGB2LAB)
    return color_shares(np.asarray(lab, np.uint8), np.ascontiguousarray(found.mask[place]))

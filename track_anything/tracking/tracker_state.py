"""The flow tracker's state as bytes and back: a line of JSON, then the bytes of its parts."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from track_anything.errors import TrackingError
from track_anything.structures import Origin, State
from track_anything.tracking.track import Track

FORMAT = 5
_KIND = "flow tracker"
_FIELDS = frozenset(field.name for field in fields(Track))


@dataclass(frozen=True, slots=True)
class TrackerState:
    """All that the next frame depends on.

    Attributes:
        tracks: By track_id, in the order they began.
        size: (height, width) of the frames.
        next_id: The lowest id that may be given.
        contacts: What the contacts' save returned.
        cuts: What the scene cut detector's save returned; None without one.
        propagator: What its save returned.
        look_back: What was held back; None without looking back.
        discovery: What its save returned; None without it.
    """

    tracks: Mapping[int, Track]
    size: tuple[int, int]
    next_id: int
    contacts: Mapping[str, Any]
    cuts: Mapping[str, Any] | None
    propagator: bytes
    look_back: bytes | None = None
    discovery: bytes | None = None

    def pack(self) -> bytes:
        """Bytes from which `unpack` makes the same again."""
        said = {
            "kind": _KIND,
            "format": FORMAT,
            "size": list(self.size),
            "next_id": self.next_id,
            "contacts": self.contacts,
            "cuts": self.cuts,
            "look_back_bytes": None if self.look_back is None else len(self.look_back),
            "discovery_bytes": None if self.discovery is None else len(self.discovery),
            "tracks": [asdict(track) for track in self.tracks.values()],
        }
        line = json.dumps(said, default=float).encode()
        parts = (self.look_back or b"", self.discovery or b"", self.propagator)
        return b"\n".join([line, b"".join(parts)])

    @classmethod
    def unpack(cls, data: bytes) -> "TrackerState":
        """What pack was called on.

        Raises:
            TrackingError: If the bytes are no such state, or of another version.
        """
        line, _, rest = data.partition(b"\n")
        try:
            said: Mapping[str, Any] = json.loads(line)
            if said["kind"] != _KIND or said["format"] != FORMAT:
                raise TrackingError(
                    f"saved state is of {said['kind']} in format {said['format']}, expected "
                    f"{_KIND} in format {FORMAT}: track again from the start"
                )
            tracks = [_track(one) for one in said["tracks"]]
            height, width = said["size"]
            next_id, cuts = int(said["next_id"]), said["cuts"]
            contacts = said["contacts"]
            look_back, rest = _part(rest, said["look_back_bytes"])
            discovery, rest = _part(rest, said["discovery_bytes"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise TrackingError(f"not a saved state of this tracker ({error})") from error
        by_id = {track.track_id: track for track in tracks}
        return cls(by_id, (height, width), next_id, contacts, cuts, rest, look_back, discovery)


def _part(data: bytes, count: int | None) -> tuple[bytes | None, bytes]:
    """The first bytes, None if there is no such part, and what follows them."""
    return (None, data) if count is None else (data[:count], data[count:])


def _track(said: Mapping[str, Any]) -> Track:
    if said.keys() != _FIELDS:
        raise TrackingError(
            f"saved state has tracks with {', '.join(sorted(said.keys() ^ _FIELDS))} other than "
            "here: track again from the start"
        )
    typed = {
        "state": State(said["state"]),
        "origin": Origin(said["origin"]),
        "seen_at": tuple(said["seen_at"]),
        "extent": tuple(said["extent"]),
    }
    return Track(**{**said, **typed})

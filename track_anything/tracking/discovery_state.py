"""What discovery knows between frames, as bytes and back: NumPy archives, no pickle."""

import zipfile
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from track_anything.errors import TrackingError
from track_anything.structures import Image
from track_anything.tracking.candidates import Candidate, Candidates
from track_anything.tracking.state_archive import pack_state, unpack_state

FORMAT = 2
_FIELDS = tuple(field.name for field in fields(Candidate) if field.name != "soft")


@dataclass(slots=True)
class DiscoveryState:
    """Where discovery stands; frames count from the first of the shot.

    Attributes:
        shot_age: Frames of this shot so far.
        look_count: Scheduled looks in it.
        looked_at: The frame of the last look.
        early_look: The frame of a look that comes sooner than scheduled; -1 is none.
        watched_at: The last frame that the motion proposer saw.
        calm_share: Share of the picture that moved untracked right after the last look; None is
            not measured yet.
        grown_count: Frames in a row on which it was larger.
        wants_everything: Whether all that is seen is still to be tracked.
    """

    shot_age: int = 0
    look_count: int = 0
    looked_at: int = -1
    early_look: int = -1
    watched_at: int = -1000
    calm_share: float | None = None
    grown_count: int = 0
    wants_everything: bool = False

    def begin_shot(self) -> None:
        """Count from a new shot on."""
        self.shot_age = self.look_count = self.grown_count = 0
        self.looked_at = self.early_look = -1
        self.watched_at, self.calm_share = -1000, None

    def pack(
        self, candidates: Candidates, previous: Image | None, moving: bytes, flying: bytes
    ) -> bytes:
        """Bytes from which `unpack` makes the same again.

        Args:
            candidates: Carried onto the last frame.
            previous: That frame as the flow has it.
            moving: The state of the motion proposer.
            flying: The state of what follows small fast things.
        """
        waiting = candidates.waiting
        meta: dict[str, Any] = {
            "format": FORMAT,
            "state": asdict(self),
            "candidates": [{name: getattr(one, name) for name in _FIELDS} for one in waiting],
        }
        arrays = {f"soft{number}": one.soft for number, one in enumerate(waiting)}
        if previous is not None:
            arrays["previous"] = np.asarray(previous)
        arrays["moving"] = np.frombuffer(moving, np.uint8)
        arrays["flying"] = np.frombuffer(flying, np.uint8)
        return pack_state(meta, arrays)

    @staticmethod
    def unpack(data: bytes) -> tuple["DiscoveryState", Candidates, Image | None, bytes, bytes]:
        """What pack was called on and given.

        Raises:
            TrackingError: If the bytes are no such state, or of another version.
        """
        try:
            meta, arrays = unpack_state(data)
            if meta["format"] != FORMAT:
                raise TrackingError(
                    f"saved state of discovery has format {meta['format']}, expected {FORMAT}: "
                    "track again from the start"
                )
            waiting = [
                Candidate(**{**one, "soft": arrays[f"soft{number}"], "path": tuple(one["path"])})
                for number, one in enumerate(meta["candidates"])
            ]
            state = DiscoveryState(**meta["state"])
            proposer, flying = arrays["moving"].tobytes(), arrays["flying"].tobytes()
        except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise TrackingError(f"not a saved state of discovery ({error})") from error
        return state, Candidates(waiting), arrays.get("previous"), proposer, flying

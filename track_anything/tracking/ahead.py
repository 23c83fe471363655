"""Features of objects, some of them computed before it is known where the objects are."""

from track_anything.tracking.features import Features, FramePyramid, Rect
from track_anything.tracking.planes import PlaneMemory


class FeaturesAhead:
    """Those of the objects of a group on one frame after the other; what is not needed is dropped.

    Whether they are computed ahead changes nothing but when that is done.
    """

    def __init__(self) -> None:
        """None yet."""
        self._memory = PlaneMemory()
        # With the level that the object had when they were computed.
        self._known: dict[int, tuple[int, Features]] = {}

    def __len__(self) -> int:
        """Objects that there are features of."""
        return len(self._known)

    def __contains__(self, track_id: int) -> bool:
        """Whether there are features of an object."""
        return track_id in self._known

    def compute(self, pyramid: FramePyramid, track_id: int, level: int, rect: Rect) -> None:
        """Compute those of a part of a level, where the object will probably be."""
        features = pyramid.features(level, rect, memory=self._memory)
        self._known[track_id] = level, features

    def take(self, pyramid: FramePyramid, track_id: int, level: int, rect: Rect) -> Features:
        """Those of the part of a level where the object is; to be released."""
        if track_id in self._known:
            known_level, known = self._known.pop(track_id)
            if known_level == level and known.holds(rect):
                known.narrow(rect)
                return known
            known.release()
        return pyramid.features(level, rect, memory=self._memory)

    def drop(self) -> None:
        """Let go of all that was not taken."""
        while self._known:
            _, (_, features) = self._known.popitem()
            features.release()

    def clear(self) -> None:
        """Let go of the memory too."""
        self._known.clear()
        self._memory.clear()

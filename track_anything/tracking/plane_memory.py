"""Memory for filtered pictures that is used again and again."""

import numpy as np

from track_anything.structures import Floats

SLACK = 1.25
"""Memory is got for so many times what is asked: objects and their surroundings grow slowly."""


class PlaneMemory:
    """Memory that features give back for the next object's.

    To get fresh memory costs about as much as to filter a picture into it. One thread at a time.
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self._free: list[Floats] = []

    def take(self, count: int) -> Floats:
        """At least so many float32 of any value, in one row: the smallest that was given back."""
        fits = [values for values in self._free if len(values) >= count]
        if fits:
            found = min(fits, key=len)
            self._free = [values for values in self._free if values is not found]
            return found
        # One that is too small for this is soon too small for the others as well.
        del self._free[:1]
        return np.empty(int(count * SLACK), np.float32)

    def give_back(self, values: Floats) -> None:
        """Take what is needed no more."""
        self._free.append(values)
        self._free.sort(key=len)

    def clear(self) -> None:
        """Let go of all that was given back."""
        self._free.clear()


class Room:
    """Memory handed out picture by picture."""

    def __init__(self, values: Floats) -> None:
        """Take memory."""
        self.values = values
        self._used = 0

    def next(self, shape: tuple[int, ...]) -> Floats:
        """Room for a picture of this shape, of any value."""
        start, self._used = self._used, self._used + int(np.prod(shape))
        return self.values[start : self._used].reshape(shape)

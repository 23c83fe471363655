"""Filtered pictures, and memory for them that is used again and again."""

import cv2
import numpy as np

from track_anything.structures import Floats, Image

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


def mean(picture: np.ndarray, side: int, room: Room) -> np.ndarray:
    """(h, w, C) float32: the mean of a square window around every pixel, each channel alone."""
    return cv2.boxFilter(picture, cv2.CV_32F, (side, side), dst=room.next(picture.shape))


def gradients(lab: Image) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, 2) along x and y of L; (h, w, 4) their sizes and those of a and b. int16."""
    lightness, *colours = cv2.split(lab)
    signed = [cv2.Sobel(lightness, cv2.CV_16S, 1, 0), cv2.Sobel(lightness, cv2.CV_16S, 0, 1)]
    absolute = [np.abs(plane) for plane in signed]
    for plane in colours:
        along_x = np.abs(cv2.Sobel(plane, cv2.CV_16S, 1, 0))
        absolute.append(along_x + np.abs(cv2.Sobel(plane, cv2.CV_16S, 0, 1)))
    return cv2.merge(signed), cv2.merge(absolute)

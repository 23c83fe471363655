"""A camera that pans over a drawn picture while a disc goes by: the background is known."""

from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np
import pytest

from track_anything.removal.window import MaskedFrame, dilated
from track_anything.structures import Image, Mask


class Pan:
    """Frames of a textured picture under a panning, slowly zooming camera in changing light.

    Attributes:
        size: (height, width) of the frames.
        frame_count: How many there are.
    """

    def __init__(
        self,
        *,
        frame_count: int = 24,
        size: tuple[int, int] = (120, 160),
        pan: tuple[float, float] = (4.3, 0.6),
        zoom: float = 0.002,
        flicker: float = 0.08,
        start: float = 70,
        speed: float = 0.0,
        dilate: int = 6,
        visitor: range = range(0),
        seed: int = 0,
    ) -> None:
        """The disc moves by speed pixels a frame from start on; a visitor is a post."""
        random = np.random.default_rng(seed)
        height, width = size[0] + 80, size[1] + 140
        fine, coarse = (
            cv2.GaussianBlur(random.normal(0, 1, (height, width, 3)), (0, 0), sigma)
            for sigma in (2.5, 14)
        )
        scene = 120 + 22 * fine / fine.std() + 28 * coarse / coarse.std()
        self._scene = scene.clip(0, 255).astype(np.uint8)
        for _ in range(14):
            ends = random.integers(0, (width, height), (2, 2)).tolist()
            color = random.integers(0, 255, 3).tolist()
            cv2.line(self._scene, ends[0], ends[1], color, 2, cv2.LINE_AA)
        self.size, self.frame_count = size, frame_count
        self._pan, self._zoom, self._flicker = pan, zoom, flicker
        self._start, self._speed, self._dilate, self._visitor = start, speed, dilate, visitor

    def matrix(self, index: int) -> np.ndarray:
        """Where pixels of a frame are in the scene."""
        scale = 1 - self._zoom * index
        shift = 14 + self._pan[0] * index, 20 + self._pan[1] * index
        return np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]])

    def background(self, index: int) -> Image:
        """A frame without the disc."""
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        image = cv2.warpPerspective(
            self._scene, self.matrix(index), self.size[::-1], flags=flags
        ).astype(np.float32)
        if index in self._visitor:
            # A post in the scene, in front of what the disc hides on other frames.
            corner = np.linalg.inv(self.matrix(index)) @ [80, 60, 1]
            x, y = np.rint(corner[:2]).astype(int)
            cv2.rectangle(image, (int(x), int(y)), (int(x) + 18, int(y) + 60), (20, 20, 230), -1)
        image *= 1 + self._flicker * np.sin(index / 3)
        return np.rint(image).clip(0, 255).astype(np.uint8)

    def disc(self, index: int) -> Mask:
        """Where the disc is."""
        y, x = np.mgrid[: self.size[0], : self.size[1]]
        return np.asarray(np.hypot(x - self._start - self._speed * index, y - 60) < 22)

    def masked(self, index: int) -> MaskedFrame:
        """A frame with the disc, and its mask dilated."""
        image, disc = self.background(index), self.disc(index)
        image[disc] = (250, 240, 20)
        image.flags.writeable = False
        return MaskedFrame(index, Fraction(index, 25), image, dilated(disc, self._dilate))

    def __iter__(self) -> Iterator[MaskedFrame]:
        return (self.masked(index) for index in range(self.frame_count))


@pytest.fixture(scope="session")
def pan() -> Pan:
    """The usual one: the disc stays in the middle of a frame that moves on."""
    return Pan()


@pytest.fixture
def make_pan() -> type[Pan]:
    """Draws others."""
    return Pan

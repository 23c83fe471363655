"""The small gray picture that dense optical flow is computed on."""

import cv2
import numpy as np

from track_anything.structures import Image

LEAST_SIDE = 32
"""DIS needs room for its coarsest patches."""


def small_gray(image: Image, longest: int) -> Image:
    """(h, w) uint8 gray picture, no larger than the image but for one shorter than LEAST_SIDE.

    Args:
        image: Standard form.
        longest: Most pixels that its longest side has.
    """
    height, width = small_size((image.shape[0], image.shape[1]), longest)
    # One channel is made smaller in 0.4 of the time of three.
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def small_size(size: tuple[int, int], longest: int, *, least: int = LEAST_SIDE) -> tuple[int, int]:
    """(height, width) of the small picture of a frame of (height, width).

    >>> small_size((480, 640), 320)
    (240, 320)
    """
    scale = min(1.0, longest / max(size))
    return max(round(size[0] * scale), least), max(round(size[1] * scale), least)

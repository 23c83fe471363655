"""A piece of another frame laid over a piece of this one, and made to look like it."""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.removal.window import MaskedFrame, Matrix
from track_anything.small_gray import small_gray
from track_anything.structures import Floats, Image, Mask

N = TypeVar("N", bound=np.generic)

FLOW_SIDE = 384
"""Longest side at which what the camera's motion leaves over is measured."""

_RING = 24
_COARSE = 8
_MAX_FLOW = 24.0
_MIN_RING = 50
_PATCH = 13
_GAIN_LIMITS = 0.6, 1.6
# Beyond this a difference is another thing, not other light.
_MAX_OFFSET = 40.0


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of pixels, max exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """For indexing arrays."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grid(self, *, step: int = 1) -> Floats:
        """(h, w, 2): x and y in the frame of the middles of squares of step pixels."""
        middle = (step - 1) / 2
        x, y = np.meshgrid(
            np.arange(self.left, self.right, step, dtype=np.float32) + middle,
            np.arange(self.top, self.bottom, step, dtype=np.float32) + middle,
        )
        return np.dstack([x, y]).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """What another frame has to say about a region.

    Attributes:
        picture: (h, w, 3) float32, 0 to 255, in the light of the target.
        seen: (h, w) bool: where it shows background.
        difference: Median difference in levels from the target around the hole; infinite where
            the two have nothing in common.
    """

    picture: Floats
    seen: Mask
    difference: float


def aligned(
    target: MaskedFrame, other: MaskedFrame, matrix: Matrix, region: Region, *, refines: bool = True
) -> Aligned:
    """A region of the target as another frame shows it.

    Args:
        target: Its mask is the hole.
        other: Its mask is not used.
        matrix: Where pixels of the target are in the other frame.
        region: Of the target, with some surroundings of the hole.
        refines: Whether optical flow around the hole corrects the matrix, spread into the hole.
    """
    here = target.image[region.slices]
    hole = target.mask[region.slices]
    grid = region.grid()
    places = projected(grid, matrix)
    if refines:
        picture, seen = _sampled(other, places, cv2.INTER_LINEAR)
        places = projected(grid + _residual_flow(here, hole, picture, seen), matrix)
    picture, seen = _sampled(other, places, cv2.INTER_CUBIC)
    return _in_light_of(here, hole, picture, seen)


def spread(values: Floats, weights: Floats) -> Floats:
    """Values continued smoothly to where they are not known (pull and push over a pyramid).

    Args:
        values: (h, w, c).
        weights: (h, w), 0 where a value is not known, else up to 1.

    Returns:
        (h, w, c); zeros if no value is known.

    Source: Gortler et al., The Lumigraph, SIGGRAPH 1996, 3.3.
    """
    height, width, channels = values.shape
    weighted = values * weights[..., None]
    if height <= 1 and width <= 1:
        return np.asarray(weighted / np.maximum(weights[..., None], 1e-6), np.float32)
    half = max(1, (width + 1) // 2), max(1, (height + 1) // 2)
    area = cv2.INTER_AREA
    lower_weights = np.asarray(cv2.resize(weights, half, interpolation=area), np.float32)
    lower = _channels(cv2.resize(weighted, half, interpolation=area), channels)
    lower /= np.maximum(lower_weights[..., None], 1e-6)
    coarse = spread(lower, np.minimum(lower_weights * 4, 1).astype(np.float32))
    beneath = _channels(
        cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), channels
    )
    return np.asarray(weighted + beneath * (1 - weights[..., None]), np.float32)


def largest(values: NDArray[N]) -> NDArray[N]:
    """(...): the largest of three channels, much quicker than `max(axis=-1)`."""
    return np.asarray(np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2]))


def _channels(values: NDArray[np.generic], channels: int) -> Floats:
    """OpenCV drops a last axis of one."""
    return np.asarray(values, np.float32).reshape(*values.shape[:2], channels)


def projected(points: Floats, matrix: Matrix) -> Floats:
    """(h, w, 2): where a homography puts points of that shape."""
    projected = cv2.perspectiveTransform(points.reshape(-1, 1, 2).astype(np.float64), matrix)
    return np.asarray(projected, np.float32).reshape(points.shape)


def _sampled(frame: MaskedFrame, places: Floats, interpolation: int) -> tuple[Image, Mask]:
    x, y = places[..., 0], places[..., 1]
    picture = cv2.remap(frame.image, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE)
    taken = cv2.remap(
        frame.mask.view(np.uint8) * np.uint8(255),
        x,
        y,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=255,
    )
    return np.asarray(picture, np.uint8), np.asarray(taken == 0)


def _residual_flow(here: Image, hole: Mask, picture: Image, seen: Mask) -> Floats:
    """(h, w, 2): where pixels of the target are in the warped picture, smooth across the hole."""
    height, width = hole.shape
    wanted, second = small_gray(here, FLOW_SIDE), small_gray(picture, FLOW_SIDE)
    size = wanted.shape[1], wanted.shape[0]
    known = ~hole & seen
    whole = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.99
    second = _as_bright(second, wanted, whole)
    # In the hole both pictures are one: nothing there pulls at the flow around it.
    first = np.where(whole, wanted, second)
    flow = np.zeros((size[1], size[0], 2), np.float32)
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = np.asarray(dis.calc(first, second, flow), np.float32)
    flow *= np.array([width / size[0], height / size[1]], np.float32)
    coarse = max(size[0] // _COARSE, 1), max(size[1] // _COARSE, 1)
    # A patch that reaches into the hole is drawn to where both are one.
    free = cv2.erode(whole.view(np.uint8), np.ones((_PATCH, _PATCH), np.uint8)) > 0
    weights = _agreeing(flow, free if free.any() else whole).astype(np.float32)
    share = cv2.resize(weights, coarse, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(flow * weights[..., None], coarse, interpolation=cv2.INTER_AREA)
    mean = mean / np.maximum(share[..., None], 1e-6)
    smooth = spread(np.asarray(mean, np.float32), np.asarray(share, np.float32))
    return np.asarray(
        cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
    )


def _as_bright(image: Image, other: Image, known: Mask) -> Image:
    """A gray picture with the mean and contrast of another: flow takes light for motion."""
    if not known.any():
        return image
    (mean, contrast), (wanted, wanted_contrast) = (
        (float(one[known].mean()), max(float(one[known].std()), 1.0)) for one in (image, other)
    )
    gain = float(np.clip(wanted_contrast / contrast, *_GAIN_LIMITS))
    lit = image.astype(np.float32) * gain + (wanted - gain * mean)
    return np.asarray(np.clip(np.rint(lit), 0, 255), np.uint8)


def _agreeing(flow: Floats, known: Mask) -> Mask:
    """Where the flow is not far from what most of it says: others move by themselves."""
    if not known.any():
        return known
    middle = np.median(flow[known], axis=0)
    away = np.maximum(*cv2.split(np.abs(flow - middle)))
    limit = 8 + 4 * float(np.median(away[known]))
    return np.asarray(known & (away <= limit) & (np.maximum(*cv2.split(np.abs(flow))) <= _MAX_FLOW))


def _in_light_of(here: Image, hole: Mask, picture: Image, seen: Mask) -> Aligned:
    """The picture with the gain and the slow differences that it has around the hole taken off."""
    near = cv2.dilate(hole.view(np.uint8), np.ones((2 * _RING + 1,) * 2, np.uint8))
    ring = (near > 0) & ~hole & seen
    whole = picture.astype(np.float32)
    if np.count_nonzero(ring) < _MIN_RING:
        return Aligned(whole, seen, float("inf"))
    wanted, got = here[ring].astype(np.float32), whole[ring]
    close = largest(np.abs(wanted - got))
    close = close <= max(8.0, 2.5 * float(np.median(close)))
    gain = (wanted[close].mean(axis=0) + 1) / (got[close].mean(axis=0) + 1)
    whole *= np.clip(gain, *_GAIN_LIMITS).astype(np.float32)
    offset = here.astype(np.float32) - whole
    is_light = ring & (largest(np.abs(offset)) <= _MAX_OFFSET)
    difference = float(np.median(largest(np.abs(offset[ring]))))
    return Aligned(whole + _slow(offset, is_light), seen, difference)


def _slow(values: Floats, known: Mask) -> Floats:
    """(h, w, c): the slowly changing part of values known in some places, everywhere."""
    height, width = known.shape
    size = max(width // _COARSE, 1), max(height // _COARSE, 1)
    weights = known.astype(np.float32)
    share = np.asarray(cv2.resize(weights, size, interpolation=cv2.INTER_AREA), np.float32)
    mean = cv2.resize(values * weights[..., None], size, interpolation=cv2.INTER_AREA)
    mean = mean.reshape(*share.shape, -1) / np.maximum(share[..., None], 1e-6)
    smooth = spread(np.asarray(mean, np.float32), share)
    return np.asarray(
        cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
    )

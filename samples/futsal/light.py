"""What the light of the hall does: shadows on the floor, reflections in its varnish."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .figures import Body, Layer
from .play import BALL_RADIUS
from .stage import Camera
from .textures import Pixels, Reals

LAMPS = ((0.42, 0.22, 0.30), (-0.34, 0.30, 0.20))
"""Shadow offset in x and y for a metre of height, and how dark, of each row of lamps."""


def cast_shadows(
    image: Pixels, bodies: Sequence[Body], ball: Reals, camera: Camera
) -> NDArray[np.int32]:
    """How bright the floor stays, in parts of 256, below players and ball."""
    gain = np.full(image.shape[:2], 256, np.int32)
    for across, along, darkness in LAMPS:
        shadow = np.zeros(image.shape[:2], np.uint8)
        for body in bodies:
            for limb in body.limbs:
                _shadow(shadow, limb.joints, max(limb.radii), (across, along), camera)
        _shadow(shadow, np.stack([ball, ball]), BALL_RADIUS, (across, along), camera)
        soft = cv2.GaussianBlur(shadow, (0, 0), camera.focal / 260)
        gain -= (soft.astype(np.int32) * round(darkness * 256)) >> 8
    return gain


def _shadow(
    shadow: Pixels, joints: Reals, radius: float, slope: tuple[float, float], camera: Camera
) -> None:
    fallen = joints.copy()
    fallen[:, :2] += joints[:, 2:] * slope
    fallen[:, 2] = 0
    pixels, depth = camera.project(fallen)
    if float(depth.min()) < 1:
        return
    points = np.rint(np.clip(pixels, -2000, 10000) * 16).astype(np.int32)
    thickness = max(1, round(1.5 * radius * camera.focal / float(depth.mean())))
    cv2.polylines(shadow, [points], len(joints) > 2, 255, thickness, cv2.LINE_8, 4)


def reflect(image: Pixels, layer: Layer, foot: float) -> None:
    """Mirror a layer, faintly, in the varnish of the floor below its foot (a row of the frame)."""
    height, width = image.shape[:2]
    cover, colour = layer.cover[::-1], layer.colour[::-1]
    x0, rows = layer.corner[0], cover.shape[0]
    y0 = round(2 * foot) - (layer.corner[1] + rows)
    fade = np.clip(26 - 34 * np.arange(rows) // max(1, rows), 0, 26).astype(np.uint16)
    cover = cv2.blur(cover, (3, 5))
    colour = cv2.blur(np.ascontiguousarray(colour), (3, 5))
    left, top = max(0, x0), max(0, y0)
    right, bottom = min(width, x0 + cover.shape[1]), min(height, y0 + rows)
    if left >= right or top >= bottom:
        return
    part = np.s_[top - y0 : bottom - y0, left - x0 : right - x0]
    strength = fade[top - y0 : bottom - y0, None]
    veil = (cover[part].astype(np.uint16) * strength) >> 8
    floor = image[top:bottom, left:right].astype(np.uint32)
    added = (colour[part].astype(np.uint32) * strength[..., None]) >> 8
    image[top:bottom, left:right] = (floor * (256 - veil[..., None]) // 256 + added).astype(
        np.uint8
    )

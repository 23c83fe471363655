"""The hall and the camera: a panorama painted once, of which every frame shows a part.

World coordinates are metres: x to the right along the touch line, y away from the camera, z up.
The camera only turns and zooms, so that one panorama serves all frames without parallax.
Everything is rounded to integers before pixels are mixed: the same picture on every machine.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from .textures import (
    FLOOR_HIGH,
    FLOOR_LOW,
    GOAL_LINE_X,
    Pixels,
    Reals,
    paint_boards,
    paint_floor,
    paint_stand,
)

CAMERA_POSITION = np.array([11.0, -7.0, 4.4])
TILT = math.radians(14.4)
BOARDS_Y = 21.6
STAND_Y = 22.4
END_X = 23.2


@dataclass(frozen=True)
class Camera:
    """A pin-hole camera.

    Attributes:
        axes: (3, 3): right, down and forward in the world, one a row.
        focal: In pixels.
        centre: Pixel (x, y) of the optical axis.
    """

    axes: Reals
    focal: float
    centre: tuple[float, float]

    def project(self, points: Reals) -> tuple[Reals, Reals]:
        """Pixels (N, 2) and depths (N,) in metres of world points (N, 3)."""
        seen = (points - CAMERA_POSITION) @ self.axes.T
        depth = seen[:, 2]
        return seen[:, :2] * (self.focal / depth)[:, None] + self.centre, depth

    def rays(self, pixels: Reals) -> Reals:
        """World directions (..., 3), not normed, of pixels (..., 2)."""
        x = (pixels[..., 0] - self.centre[0]) / self.focal
        y = (pixels[..., 1] - self.centre[1]) / self.focal
        right, down, forward = self.axes
        return x[..., None] * right + y[..., None] * down + forward


def make_camera(
    yaw: float, tilt: float, roll: float, focal: float, centre: tuple[float, float]
) -> Camera:
    """A camera at its fixed place, turned by angles in radians: right, down and clockwise."""
    forward = np.array(
        [math.sin(yaw) * math.cos(tilt), math.cos(yaw) * math.cos(tilt), -math.sin(tilt)]
    )
    right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    down = np.cross(forward, right)
    rolled_right = math.cos(roll) * right + math.sin(roll) * down
    rolled_down = math.cos(roll) * down - math.sin(roll) * right
    return Camera(np.stack([rolled_right, rolled_down, forward]), focal, centre)


def sample(texture: Pixels, x: Reals, y: Reals) -> Pixels:
    """Texture at pixel centres (x, y), linear between them, in steps of 1/32 pixel."""
    fixed_x, fixed_y = (np.rint(axis * 32).astype(np.int32) for axis in (x, y))
    whole = np.stack([fixed_x >> 5, fixed_y >> 5], axis=-1)
    whole = np.clip(whole, -8, 32000).astype(np.int16)
    part = ((fixed_y & 31) * 32 + (fixed_x & 31)).astype(np.uint16)
    sampled = cv2.remap(texture, whole, part, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.uint8)


class Panorama:
    """The empty hall as seen by an unturned camera."""

    def __init__(self, cameras: list[Camera], size: tuple[int, int], seed: int) -> None:
        """Paint what the cameras see on frames of (height, width)."""
        focal = max(camera.focal for camera in cameras)
        flat = make_camera(0.0, TILT, 0.0, focal, (0.0, 0.0))
        height, width = size
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
        reach = np.concatenate(
            [flat.project(camera.rays(corners) + CAMERA_POSITION)[0] for camera in cameras]
        )
        low, high = np.floor(reach.min(axis=0)) - 3, np.ceil(reach.max(axis=0)) + 3
        self._camera = make_camera(0.0, TILT, 0.0, focal, (-float(low[0]), -float(low[1])))
        self._size = (int(high[1] - low[1]), int(high[0] - low[0]))
        grid_y, grid_x = np.mgrid[0:height, 0:width]
        self._pixels = np.stack([grid_x + 0.5, grid_y + 0.5], axis=-1)
        self._image = self._paint(seed)

    def view(self, camera: Camera) -> Pixels:
        """The hall through another camera."""
        turned = self._camera.axes @ camera.axes.T
        x = (self._pixels[..., 0] - camera.centre[0]) / camera.focal
        y = (self._pixels[..., 1] - camera.centre[1]) / camera.focal
        seen = [row[0] * x + row[1] * y + row[2] for row in turned]
        scale = self._camera.focal / seen[2]
        centre = self._camera.centre
        return sample(
            self._image, seen[0] * scale + centre[0] - 0.5, seen[1] * scale + centre[1] - 0.5
        )

    def _paint(self, seed: int) -> Pixels:
        """Paint at twice the size, halve: lines come out smooth."""
        height, width = self._size
        grid_y, grid_x = np.mgrid[0 : 2 * height, 0 : 2 * width]
        rays = self._camera.rays(np.stack([(grid_x + 0.5) / 2, (grid_y + 0.5) / 2], axis=-1))
        image = np.full((2 * height, 2 * width, 3), (44, 46, 54), np.uint8)
        scale = self._camera.focal / 9.0
        self._lay_floor(image, rays, paint_floor(scale, seed))
        self._raise_walls(image, rays, scale, seed)
        self._light_floor(image)
        self._place_goal(image)
        return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))

    def _lay_floor(self, image: Pixels, rays: Reals, floor: Pixels) -> None:
        """Rows of the panorama are lines of constant y: far rows use a texture squeezed in y."""
        scale = floor.shape[1] / (FLOOR_HIGH[0] - FLOOR_LOW[0])
        falling = np.flatnonzero(rays[:, 0, 2] < -1e-3)
        reach = -CAMERA_POSITION[2] / rays[falling, 0, 2]
        y = CAMERA_POSITION[1] + reach * rays[falling, 0, 1]
        step = np.abs(np.gradient(y)) * scale
        level = np.clip(np.floor(np.log2(np.maximum(step, 1)) + 0.5), 0, 5).astype(int)
        for power in range(6):
            chosen = level == power
            if not chosen.any():
                continue
            rows = falling[chosen]
            squeezed = (floor.shape[1], floor.shape[0] >> power)
            texture = cv2.resize(floor, squeezed, interpolation=cv2.INTER_AREA)
            x = CAMERA_POSITION[0] + reach[chosen, None] * rays[rows, :, 0]
            across = (x - FLOOR_LOW[0]) * scale - 0.5
            along = (y[chosen, None] - FLOOR_LOW[1]) * scale / 2**power - 0.5
            image[rows] = sample(texture, across, np.broadcast_to(along, across.shape))

    def _raise_walls(self, image: Pixels, rays: Reals, scale: float, seed: int) -> None:
        low_x, end_x = FLOOR_LOW[0], END_X
        scale = scale / 2
        stand = paint_stand(end_x - low_x, 6.0, scale, seed)
        boards = paint_boards(end_x - low_x, scale, seed)
        end_wall = paint_stand(STAND_Y - FLOOR_LOW[1], 6.0, scale, seed + 1)
        end_boards = paint_boards(STAND_Y - FLOOR_LOW[1], scale, seed + 1)
        for axis, place, limit, texture, top, bottom in (
            (1, STAND_Y, END_X + 0.8, stand, 6.6, 0.6),
            (0, END_X + 0.8, STAND_Y, end_wall, 6.6, 0.6),
            (1, BOARDS_Y, END_X, boards, 1.0, 0.0),
            (0, END_X, BOARDS_Y, end_boards, 1.0, 0.0),
        ):
            toward = rays[..., axis]
            safe = np.where(toward > 1e-3, toward, np.inf)
            reach = (place - CAMERA_POSITION[axis]) / safe
            other = CAMERA_POSITION[1 - axis] + reach * rays[..., 1 - axis]
            z = CAMERA_POSITION[2] + reach * rays[..., 2]
            hit = (z < top) & (z >= bottom) & (other < limit + 0.02) & (toward > 1e-3)
            from_side = other - (low_x if axis == 1 else FLOOR_LOW[1])
            wall = sample(texture, from_side * scale - 0.5, (top - z) * scale - 0.5)
            image[hit] = wall[hit]

    def _light_floor(self, image: Pixels) -> None:
        """The sheen of lamps on the varnish: fixed in the panorama as the camera does not move."""
        glow = np.zeros(image.shape[:2], np.uint8)
        for x, y in ((3.5, 14.0), (9.0, 15.0), (14.5, 14.5), (19.0, 15.0), (8.0, 5.0), (15.5, 4.5)):
            centre, depth = self._camera.project(np.array([[x, y, 0.0]]))
            width = self._camera.focal / float(depth[0])
            middle = np.rint(centre[0] * 2).astype(int).tolist()
            axes = (max(1, round(0.9 * width)), max(1, round(2.2 * width)))
            cv2.ellipse(glow, middle, axes, 0, 0, 360, 58, -1)
        quarter = (glow.shape[1] // 8, glow.shape[0] // 8)
        small = cv2.resize(glow, quarter, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), self._camera.focal / 64)
        size = (glow.shape[1], glow.shape[0])
        soft = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR_EXACT)
        np.copyto(image, cv2.add(image, cv2.merge([soft, soft, soft])))

    def _place_goal(self, image: Pixels) -> None:
        """Posts and net of the goal at the right."""
        near, far, top, back = 8.5, 11.5, 2.0, GOAL_LINE_X + 1.0
        net = []
        for step in range(13):
            y = near + (far - near) * step / 12
            net.append([(GOAL_LINE_X, y, top), (back - 0.4, y, top), (back, y, 0.0)])
        for step in range(9):
            z = top * step / 8
            behind = back - 0.4 * z / top
            front = GOAL_LINE_X
            path = [(front, near, z), (behind, near, z), (behind, far, z), (front, far, z)]
            net.append(path)
        for step in range(5):
            x = GOAL_LINE_X + step / 5
            drop = top if x < back - 0.4 else 1.0
            net += [[(x, y, 0.0), (x, y, drop)] for y in (near, far)]
        veil = image.copy()
        for path in net:
            self._stroke(veil, path, 0.02, (214, 218, 222))
        np.copyto(image, cv2.addWeighted(veil, 0.4, image, 0.6, 0))
        frame = [(near, 0.0), (near, top), (far, top), (far, 0.0)]
        for (start_y, start_z), (end_y, end_z) in pairwise(frame):
            for part in range(8):
                ends = [
                    (GOAL_LINE_X, start_y + (end_y - start_y) * u, start_z + (end_z - start_z) * u)
                    for u in (part / 8, (part + 1) / 8)
                ]
                self._stroke(image, ends, 0.09, (226, 228, 230) if part % 2 else (176, 40, 42))

    def _stroke(
        self, image: Pixels, path: list[tuple[float, float, float]], width: float, colour: tuple
    ) -> None:
        pixels, depth = self._camera.project(np.array(path))
        points = np.rint(pixels * 32).astype(np.int32)
        thickness = max(1, round(2 * width * self._camera.focal / float(depth.mean())))
        cv2.polylines(image, [points], False, colour, thickness, cv2.LINE_AA, 4)

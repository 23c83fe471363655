"""Surfaces of the hall, seen straight on: the floor with its lines, boards, spectators.

Noise comes from random bytes and integers alone: the same on every machine and NumPy version.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Reals = NDArray[np.float64]

GOAL_LINE_X = 20.0
FAR_LINE_Y = 20.0
FLOOR_LOW = (-6.0, -4.0)
FLOOR_HIGH = (26.0, 24.0)

BLUE_FLOOR = (74, 122, 160)
AREA_FLOOR = (63, 101, 146)
WOOD_FLOOR = (184, 140, 96)
LINE_WHITE = (228, 232, 230)


def random_bytes(count: int, *key: int) -> Pixels:
    """Uniform bytes that depend on the key alone, on every machine and NumPy version."""
    words = np.random.PCG64(np.random.SeedSequence(key)).random_raw((count + 7) // 8)
    return np.asarray(words).astype("<u8").view(np.uint8)[:count]


def smooth_noise(shape: tuple[int, int], cell: float, *key: int) -> NDArray[np.int16]:
    """(H, W) int16, -128 to 127: noise that changes over cells of so many pixels."""
    rows, columns = (max(2, math.ceil(side / cell) + 1) for side in shape)
    grid = random_bytes(rows * columns, *key).reshape(rows, columns)
    size = (shape[1], shape[0])
    stretched = cv2.resize(grid, size, interpolation=cv2.INTER_LINEAR_EXACT)
    return stretched.astype(np.int16) - 128


def shade(image: Pixels, gain: NDArray[np.int16] | NDArray[np.int32]) -> Pixels:
    """Image times gain / 256, gain (H, W)."""
    product = image.astype(np.int32) * gain[..., None]
    return np.clip((product + 128) >> 8, 0, 255).astype(np.uint8)


def _floor_points(scale: float, points: list[tuple[float, float]]) -> NDArray[np.int32]:
    offset = np.array(points) - np.array(FLOOR_LOW)
    return np.rint(offset * scale * 16).astype(np.int32)


def _arc(centre: tuple[float, float], radius: float, start: int, end: int) -> list[tuple]:
    angles = [math.radians(angle) for angle in range(start, end + 1, 3)]
    return [(centre[0] + radius * math.cos(a), centre[1] + radius * math.sin(a)) for a in angles]


def _penalty_area() -> list[tuple[float, float]]:
    near = _arc((GOAL_LINE_X, 8.5), 6.0, 180, 270)
    far = _arc((GOAL_LINE_X, 11.5), 6.0, 90, 180)
    return far + near


def _paint_lines(floor: Pixels, scale: float) -> None:
    thickness = max(1, round(0.085 * scale))
    paths = [
        [(-20.0, 0.0), (GOAL_LINE_X, 0.0), (GOAL_LINE_X, FAR_LINE_Y), (-20.0, FAR_LINE_Y)],
        [(0.0, 0.0), (0.0, FAR_LINE_Y)],
        _penalty_area(),
        _arc((0.0, 10.0), 3.0, 0, 360),
        _arc((GOAL_LINE_X, 0.0), 0.4, 90, 180),
    ]
    for path in paths:
        points = _floor_points(scale, path)
        cv2.polylines(floor, [points], False, LINE_WHITE, thickness, cv2.LINE_AA, 4)
    for spot in ((14.0, 10.0), (10.0, 10.0), (0.0, 10.0)):
        centre = _floor_points(scale, [spot])[0]
        radius = round(0.11 * scale * 16)
        cv2.circle(floor, centre.tolist(), radius, LINE_WHITE, -1, cv2.LINE_AA, 4)


def _paint_planks(floor: Pixels, scale: float, seed: int) -> NDArray[np.int16]:
    """Brightness, -128 to 127, of planks along x over the whole floor."""
    rows = (np.arange(floor.shape[0]) / (0.14 * scale)).astype(np.int64)
    columns = np.arange(floor.shape[1]) / (1.9 * scale)
    tones = random_bytes(64 * 64, seed, 11).reshape(64, 64).astype(np.int16) - 128
    shifts = random_bytes(64, seed, 12)[rows % 64] / 256
    plank = (columns[None, :] + shifts[:, None]).astype(np.int64)
    return tones[rows[:, None] % 64, plank % 64]


def paint_floor(scale: float, seed: int) -> Pixels:
    """The floor from above, scale pixels a metre: blue court, wood around it, white lines."""
    width, height = (
        round((high - low) * scale) for low, high in zip(FLOOR_LOW, FLOOR_HIGH, strict=True)
    )
    floor = np.full((height, width, 3), WOOD_FLOOR, np.uint8)
    court = _floor_points(scale, [(-20, -0.04), (20.04, -0.04), (20.04, 20.04), (-20, 20.04)])
    wood = shade(floor, 256 + _paint_planks(floor, scale, seed) // 4)
    inside = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(inside, court, 1, shift=4)
    floor = np.where(inside[..., None] == 1, np.uint8(BLUE_FLOOR), wood)
    cv2.fillPoly(floor, [_floor_points(scale, _penalty_area())], AREA_FLOOR, cv2.LINE_AA, 4)
    _paint_lines(floor, scale)
    shape = (height, width)
    gain = 256 + smooth_noise(shape, 2.6 * scale, seed, 1) // 10
    gain += smooth_noise(shape, 0.5 * scale, seed, 2) // 14
    gain += smooth_noise(shape, 0.12 * scale, seed, 3) // 7
    gain += smooth_noise(shape, 0.05 * scale, seed, 4) // 6
    _scuff(gain, scale, seed)
    return shade(floor, gain)


def _scuff(gain: NDArray[np.int16], scale: float, seed: int) -> None:
    """Rub short dark and light marks of shoes into a gain map."""
    numbers = random_bytes(360 * 6, seed, 5).reshape(360, 6).astype(np.int64)
    for x, y, angle, length, bend, tone in numbers.tolist():
        start = np.array([x * gain.shape[1] / 256, y * gain.shape[0] / 256])
        direction = np.array([math.cos(angle / 20), math.sin(angle / 20)])
        across = np.array([-direction[1], direction[0]]) * (bend - 128) / 600
        steps = np.linspace(0, (0.15 + length / 500) * scale, 6)[:, None]
        path = start + steps * direction + steps**2 / scale * across
        points = np.rint(path * 16).astype(np.int32)
        colour = 256 + (tone - 150) // 4
        cv2.polylines(gain, [points], False, colour, max(1, round(scale / 40)), cv2.LINE_8, 4)


def paint_boards(length: float, scale: float, seed: int) -> Pixels:
    """A strip of advertising boards one metre high: coloured panels with made-up signs."""
    strip = np.zeros((round(scale), round(length * scale), 3), np.uint8)
    colours = [(32, 44, 84), (206, 208, 204), (150, 34, 40), (24, 92, 96), (214, 168, 52)]
    panel_width = round(2.6 * scale)
    for number, left in enumerate(range(0, strip.shape[1], panel_width)):
        back = colours[number % len(colours)]
        front = colours[(number + 1 + number % 2) % len(colours)]
        panel = strip[:, left : left + panel_width - max(1, round(scale / 25))]
        panel[:] = back
        middle, unit = round(0.5 * scale), scale / 10
        cv2.circle(panel, (round(4 * unit), middle), round(2.4 * unit), front, -1, cv2.LINE_AA)
        cv2.circle(panel, (round(4 * unit), middle), round(1.2 * unit), back, -1, cv2.LINE_AA)
        for bar, value in enumerate(random_bytes(6, seed, 20 + number).tolist()):
            x = round((8.5 + 2.6 * bar) * unit)
            top, bottom = (round(part * unit) for part in (3.2, 6.8))
            width = round((0.8 + value / 256) * unit)
            cv2.rectangle(panel, (x, top), (x + width, bottom), front, -1)
    strip[: max(1, round(scale / 12))] = (224, 226, 228)
    return cv2.GaussianBlur(strip, (0, 0), scale / 40)


def paint_stand(length: float, height: float, scale: float, seed: int) -> Pixels:
    """A stand of spectators, out of focus, its foot at the bottom."""
    stand = np.zeros((round(height * scale), round(length * scale), 3), np.uint8)
    stand[:] = (46, 48, 58)
    tones = [(120, 66, 64), (62, 74, 106), (150, 148, 142), (66, 66, 70), (134, 116, 84)]
    skins = [(206, 164, 138), (170, 122, 94), (112, 78, 60)]
    for row in range(round(height / 0.62), -1, -1):
        base = stand.shape[0] - round(row * 0.62 * scale)
        cv2.rectangle(
            stand, (0, base - round(0.18 * scale)), (stand.shape[1], base), (66, 70, 84), -1
        )
        seats = int(length / 0.58)
        for seat, value in enumerate(random_bytes(seats, seed, 40, row).tolist()):
            if value < 70:
                continue
            x = round((seat * 0.58 + value / 1200) * scale)
            lift = round((0.12 + value / 2500) * scale)
            body, head = tones[value % 5], skins[value % 3]
            centre = (x, base - round(0.32 * scale) - lift)
            axes = (round(0.2 * scale), round(0.34 * scale))
            cv2.ellipse(stand, centre, axes, 0, 0, 360, body, -1)
            crown = (x, centre[1] - round(0.42 * scale))
            cv2.circle(stand, crown, round(0.12 * scale), head, -1)
    stand = cv2.GaussianBlur(stand, (0, 0), scale * 0.12)
    return shade(stand, np.full(stand.shape[:2], 180, np.int16))

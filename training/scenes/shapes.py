"""Outlines of things: (N, 2) float32 arrays of x, y."""

import cv2
import numpy as np

from .scene import Reals


def point(x: float, y: float) -> Reals:
    """One point, (2,)."""
    return np.array([x, y], np.float32)


def points(*pairs: tuple[float, float]) -> Reals:
    """Several points, (N, 2)."""
    return np.array(pairs, np.float32)


def circle(centre: Reals | tuple[float, float], radius: float, *, count: int = 24) -> Reals:
    """A circle."""
    return ellipse(centre, radius, radius, count=count)


def ellipse(
    centre: Reals | tuple[float, float],
    across: float,
    down: float,
    *,
    angle: float = 0.0,
    count: int = 28,
) -> Reals:
    """An ellipse with two half axes, turned by an angle in radians."""
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    x, y = across * np.cos(turn), down * np.sin(turn)
    cosine, sine = np.cos(angle), np.sin(angle)
    points = np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1)
    return (points + np.asarray(centre)).astype(np.float32)


def rectangle(left: float, top: float, right: float, bottom: float) -> Reals:
    """An upright rectangle."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def blob(random: np.random.Generator, radius: float, *, roughness: float = 0.35) -> Reals:
    """A closed random curve around the origin, its radius a random Fourier series."""
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    orders = np.arange(1, int(random.integers(3, 9)))[:, None]
    waves = np.cos(orders * turn + random.uniform(0, 2 * np.pi, orders.shape))
    swing = (random.normal(0, roughness, orders.shape) / orders**0.8 * waves).sum(axis=0)
    length = radius * np.maximum(0.15, 1 + swing)
    return np.stack([length * np.cos(turn), length * np.sin(turn)], axis=-1).astype(np.float32)


def polygon(random: np.random.Generator, radius: float) -> Reals:
    """A random polygon or star of 3 to 9 corners around the origin."""
    count = int(random.integers(3, 10))
    turn = np.sort(random.uniform(0, 2 * np.pi, count))
    length = radius * random.uniform(0.4, 1.2, count)
    return np.stack([length * np.cos(turn), length * np.sin(turn)], axis=-1).astype(np.float32)


def smooth(points: Reals, *, closed: bool = True, steps: int = 5) -> Reals:
    """A Catmull-Rom curve through points."""
    given = np.asarray(points, np.float32)
    around = np.concatenate([given[-1:], given, given[:2]]) if closed else given
    if not closed:
        around = np.concatenate([2 * given[:1] - given[1:2], given, 2 * given[-1:] - given[-2:-1]])
    a, b, c, d = around[:-3], around[1:-2], around[2:-1], around[3:]
    t = (np.arange(steps, dtype=np.float32) / steps)[None, :, None]
    a, b, c, d = (each[:, None] for each in (a, b, c, d))
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    flat = curve.reshape(-1, 2)
    return flat if closed else np.concatenate([flat, given[-1:]])


def wander(random: np.random.Generator, length: float, *, count: int = 6) -> Reals:
    """A smooth random open line around the origin."""
    heading = random.uniform(0, 2 * np.pi) + np.cumsum(random.normal(0, 0.6, count))
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=-1) * (length / count)
    line = np.cumsum(steps, axis=0)
    return smooth((line - line.mean(axis=0)).astype(np.float32), closed=False)


def ribbon(line: Reals, widths: Reals) -> Reals:
    """The outline of a line that is widths[i] to each side wide at point i."""
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.hypot(along[:, :1], along[:, 1:]), 1e-6)
    side = np.stack([-along[:, 1], along[:, 0]], axis=-1) * widths[:, None]
    return np.concatenate([line + side, (line - side)[::-1]]).astype(np.float32)


def capsule(start: Reals, end: Reals, first: float, last: float) -> Reals:
    """Two circles and what lies between them."""
    return hull(circle(start, first, count=14), circle(end, last, count=14))


def hull(*outlines: Reals) -> Reals:
    """The convex outline around outlines."""
    joined = cv2.convexHull(np.concatenate(outlines).astype(np.float32))
    return np.asarray(joined, np.float32).reshape(-1, 2)


def turned(points: Reals, angle: float) -> Reals:
    """Points turned about the origin by an angle in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = np.array([[cosine, sine], [-sine, cosine]])
    return np.asarray(points @ matrix, np.float32)

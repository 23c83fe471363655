"""What is behind the objects: photos, landscapes, rooms, stands, clutter."""

import cv2
import numpy as np

from .scene import Canvas, Reals
from .shapes import blob, ellipse, polygon, ribbon, turned, wander
from .sprites import Part, draw
from .textures import Textures, mix


def backdrop(textures: Textures, size: tuple[int, int], *, photo_share: float = 0.6) -> Reals:
    """A background of (h, w, 3), 0 to 255: a photo with a probability, else drawn."""
    random = textures.random
    if textures.has_photos and random.random() < photo_share:
        surface = textures.photo(size)
    else:
        makers = (landscape, room, surface_only, clutter, foliage)
        surface = makers[int(random.choice(len(makers), p=[0.3, 0.2, 0.15, 0.15, 0.2]))](
            textures, size
        )
    if random.random() < 0.35:
        sigma = float(np.exp(random.uniform(-0.7, 1.6)))
        surface = cv2.GaussianBlur(surface, (0, 0), sigma)
    return np.ascontiguousarray(surface, np.float32)


def surface_only(textures: Textures, size: tuple[int, int]) -> Reals:
    """One surface all over."""
    return np.clip(textures.any()(size), 0, 255)


def landscape(textures: Textures, size: tuple[int, int]) -> Reals:
    """Sky, hills or trees, ground."""
    random = textures.random
    sky = [random.uniform(90, 255), random.uniform(130, 255), random.uniform(150, 255)]
    surface = np.empty((*size, 3), np.float32)
    ramp = np.linspace(0, 1, size[0], dtype=np.float32)[:, None]
    pale = np.array([235, 235, 230], np.float32)
    share = np.broadcast_to(ramp, size) + textures.noise(size, 3.0) * np.float32(0.12)
    surface[:] = mix(np.array(sky, np.float32), pale, share)
    edge = random.uniform(0.1, 0.7)
    for _ in range(int(random.integers(1, 4))):
        ground = textures.any((0.15, 0.5, 0.1, 0.02, 0, 0.15, 0.0, 0.03, 0.05))(size)
        line = (
            edge * size[0]
            + textures.noise((2, size[1]), size[1] / 60)[0] * random.uniform(0, 0.05) * size[0]
        )
        depth = np.arange(size[0], dtype=np.float32)[:, None] - line[None].astype(np.float32)
        surface = mix(surface, ground, np.clip(depth, 0, 1))
        edge += random.uniform(0.05, 0.3)
    return surface


def room(textures: Textures, size: tuple[int, int]) -> Reals:
    """A wall, a floor, some furniture-like rectangles."""
    random = textures.random
    surface = np.array(textures.any()(size), np.float32)
    edge = int(size[0] * random.uniform(0.4, 0.9))
    surface[edge:] = textures.any()((size[0] - edge, size[1]))
    for _ in range(int(random.integers(0, 9))):
        high = int(random.integers(8, size[0] // 2 + 9))
        wide = int(random.integers(8, size[1] // 3 + 9))
        bottom = edge if random.random() < 0.5 else int(random.integers(1, size[0]))
        left = int(random.integers(-wide // 2, size[1]))
        rows = slice(max(0, bottom - high), bottom)
        columns = slice(max(0, left), max(0, left) + wide)
        shape = surface[rows, columns].shape
        if min(shape[:2]) >= 2:
            surface[rows, columns] = textures.any()((shape[0], shape[1]))
    return surface


def foliage(textures: Textures, size: tuple[int, int]) -> Reals:
    """Leaves, grass or gravel: thresholded noise in related colours, several layers."""
    random = textures.random
    base = textures.colour()
    surface = np.empty((*size, 3), np.float32)
    surface[:] = base * np.float32(0.4)
    for layer in range(int(random.integers(2, 5))):
        tone = base * np.float32(0.5 + 0.25 * layer) + random.normal(0, 12, 3).astype(np.float32)
        field = textures.noise(size, float(np.exp(random.uniform(-0.3, 1.5))))
        surface = mix(surface, tone, np.clip(field * 3 - 0.3 * layer, 0, 1))
    surface += (textures.noise(size, 0.8) * np.float32(random.uniform(3, 15)))[..., None]
    return np.clip(surface, 0, 255)


def clutter(textures: Textures, size: tuple[int, int]) -> Reals:
    """A heap of shapes that are no objects."""
    random = textures.random
    canvas = Canvas(np.array(np.clip(textures.any()(size), 0, 255), np.float32))
    for _ in range(int(random.integers(8, 30))):
        radius = float(np.exp(random.uniform(np.log(0.02), np.log(0.25)))) * max(size)
        spot = random.uniform(0, 1, 2) * [size[1], size[0]]
        leaf = Part(textures.any(), (random_outline(random, radius) + spot,))
        sprite = draw([leaf], size, fineness=2)
        if sprite is not None:
            canvas.lay(sprite)
    return canvas.image


def random_outline(random: np.random.Generator, radius: float) -> Reals:
    """A random closed shape around the origin, about radius large."""
    kind = random.random()
    if kind < 0.25:
        across = random.uniform(0.35, 1.0)
        return ellipse((0, 0), radius, radius * across, angle=random.uniform(0, np.pi))
    if kind < 0.45:
        return polygon(random, radius)
    if kind < 0.8:
        outline = blob(random, radius) * np.array([1, random.uniform(0.4, 1)], np.float32)
        return turned(outline, random.uniform(0, 2 * np.pi))
    line = wander(random, 2.4 * radius)
    t = np.linspace(0, np.pi, len(line))
    thick = radius * random.uniform(0.06, 0.25)
    return ribbon(line, (thick * (0.35 + np.sin(t) * random.uniform(0.2, 1))).astype(np.float32))

"""Articles of daily use and fancy: parts around the origin, about 1 large, y down."""

import numpy as np

from .shapes import (
    blob,
    capsule,
    circle,
    ellipse,
    point,
    points,
    polygon,
    rectangle,
    smooth,
    turned,
    wander,
)
from .sprites import Part, Parts, placed
from .textures import CLOTH, Textures


def chimera(textures: Textures) -> Parts:
    """A tree of blobs and limbs, each with its own surface."""
    random = textures.random
    parts: Parts = []
    spots = [np.zeros(2, np.float32)]
    shared = textures.any()
    for _ in range(int(random.integers(2, 8))):
        start = spots[int(random.integers(len(spots)))]
        end = start + random.normal(0, 0.28, 2).astype(np.float32)
        first, last = random.uniform(0.03, 0.22, 2)
        if random.random() < 0.5:
            outline = capsule(start, end, first, last)
        else:
            outline = blob(random, first + 0.1) + end
        paint = shared if random.random() < 0.4 else textures.any()
        parts.insert(int(random.integers(len(parts) + 1)), Part(paint, (outline,)))
        spots.append(end)
    return parts


def ball(textures: Textures) -> Parts:
    """A ball, plain, with patches or with bands."""
    random = textures.random
    base, patch = textures.plain(textures.colour()), textures.plain(textures.colour())
    parts = [Part(base, (circle((0, 0), 0.5, count=40),), shading=0.8)]
    style = random.integers(4)
    if style == 0:
        for _ in range(int(random.integers(3, 7))):
            spot = turned(points((random.uniform(0, 0.34), 0)), random.uniform(0, 6.3))
            parts.append(Part(patch, (turned(circle((0, 0), 0.13, count=5), 1.0) + spot,)))
    elif style == 1:
        bend = random.uniform(-0.4, 0.4)
        band = points((-0.45, -0.1), (0, bend - 0.1), (0.45, -0.1), (0.45, 0.1), (0, bend + 0.1),
                       (-0.45, 0.1))  # fmt: skip
        parts.append(Part(patch, (band,), shading=0.5))
    elif style == 2:
        parts = [Part(textures.any(), (circle((0, 0), 0.5, count=40),), shading=0.8)]
    angle = random.uniform(0, 6.3)
    return placed(parts, turned(np.eye(2, dtype=np.float32), angle), (0, 0))


def bottle(textures: Textures) -> Parts:
    """A bottle, vase, cup or lamp: a symmetric profile with a label and a lid, maybe a handle."""
    random = textures.random
    heights = np.linspace(-0.5, 0.5, 7).astype(np.float32)
    widths = random.uniform(0.06, 0.28, 7).astype(np.float32)
    widths = np.convolve(np.pad(widths, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    right = np.stack([widths, heights], axis=-1)
    profile = smooth(np.concatenate([right, right[::-1] * [-1, 1]]).astype(np.float32), steps=4)
    parts = [Part(textures.any(), (profile,), shading=0.8)]
    low, high = sorted(random.uniform(-0.2, 0.45, 2))
    wide = float(np.interp([low, high], heights, widths).min()) * 0.98
    parts.append(Part(textures.any(), (rectangle(-wide, low, wide, high),), shading=0.5))
    if random.random() < 0.6:
        lid = rectangle(-widths[0], -0.56, widths[0], -0.44)
        parts.append(Part(textures.plain(textures.colour()), (lid,), shading=0.5))
    if random.random() < 0.4:
        ring = ellipse((widths[3] + 0.06, 0), 0.11, 0.17)
        handle = np.concatenate([ring, ring[:1]])
        parts.insert(0, Part(textures.any(CLOTH), lines=(handle,), thickness=0.045))
    return parts


def chair(textures: Textures) -> Parts:
    """A chair, stool or table with gaps between legs and slats."""
    random = textures.random
    paint, cushion = textures.any(CLOTH), textures.any()
    thick = random.uniform(0.025, 0.06)
    back = random.uniform(0, 0.55)
    legs = [points((x, 0), (x * random.uniform(1, 1.3), 0.45)) for x in (-0.25, 0.25)]
    legs += [points((x, -0.05), (x, 0.36)) for x in (-0.14, 0.33)]
    posts = [points((-0.25, 0), (-0.25 - 0.1 * back, -back)), points((0.25, 0), (0.23, -back))]
    slats = [
        points((-0.25, -back * share), (0.24, -back * share))
        for share in np.linspace(0.3, 1, int(random.integers(1, 5)))
    ]
    seat = points((-0.29, 0.03), (-0.2, -0.07), (0.36, -0.07), (0.29, 0.03))
    parts = [Part(paint, lines=(*legs, *posts, *slats), thickness=thick, shading=0.2)]
    if random.random() < 0.3 and back > 0.2:
        parts.append(Part(cushion, (rectangle(-0.25, -back, 0.24, -0.1 * back),)))
    return [*parts, Part(cushion, (seat,), shading=0.3)]


def machine(textures: Textures) -> Parts:
    """Boxes and polygons screwed together: tools, robots, furniture, parcels."""
    random = textures.random
    parts: Parts = []
    for _ in range(int(random.integers(2, 6))):
        wide, high = random.uniform(0.08, 0.4, 2)
        x, y = random.normal(0, 0.15, 2)
        shape = rectangle(x - wide, y - high, x + wide, y + high)
        if random.random() < 0.3:
            shape = polygon(random, wide + 0.1) + point(x, y)
        parts.append(Part(textures.any(), (shape.astype(np.float32),), shading=0.25))
    return parts


def racket(textures: Textures) -> Parts:
    """A racket or net: an oval frame, strings, a handle."""
    random = textures.random
    wide, high = random.uniform(0.15, 0.26), random.uniform(0.22, 0.34)
    oval = ellipse((0, -0.25), wide, high)
    frame = textures.plain(textures.colour())
    string = textures.plain(textures.colour())
    strings = []
    for share in np.linspace(-0.85, 0.85, int(random.integers(4, 12))):
        half = np.sqrt(1 - share**2)
        strings.append(
            points((share * wide, -0.25 - half * high), (share * wide, -0.25 + half * high))
        )
        strings.append(
            points((-half * wide, -0.25 + share * high), (half * wide, -0.25 + share * high))
        )
    rim = np.concatenate([oval, oval[:1]])
    shaft = points((0, -0.25 + high), (0, 0.5))
    grip = points((0, 0.25), (0, 0.5))
    parts = [Part(string, lines=tuple(strings), thickness=random.uniform(0.004, 0.01), shading=0)]
    if random.random() < 0.3:
        parts = []
    return [
        *parts,
        Part(frame, lines=(rim, shaft), thickness=random.uniform(0.02, 0.045), shading=0.2),
        Part(textures.any(CLOTH), lines=(grip,), thickness=0.055, shading=0.3),
    ]


def rope(textures: Textures) -> Parts:
    """A wandering rope, hose or snake."""
    random = textures.random
    lines = tuple(
        wander(random, random.uniform(0.8, 1.6)) for _ in range(int(random.integers(1, 3)))
    )
    start = lines[0][0] - np.zeros(2, np.float32)
    lines = (lines[0], *(line - line[0] + start for line in lines[1:]))
    thick = float(np.exp(random.uniform(np.log(0.012), np.log(0.09))))
    return [Part(textures.any(), lines=lines, thickness=thick, shading=0.3)]


def ring(textures: Textures) -> Parts:
    """A ring, hoop or picture frame around nothing, some with a pendant."""
    random = textures.random
    inner = random.uniform(0.55, 0.93)
    kind = random.integers(3)
    if kind == 0:
        outer = ellipse((0, 0), 0.5, random.uniform(0.2, 0.5), count=48)
    elif kind == 1:
        high = random.uniform(0.25, 0.5)
        outer = rectangle(-0.5, -high, 0.5, high)
    else:
        outer = blob(random, 0.42)
    parts = [Part(textures.any(), (outer,), holes=(outer * np.float32(inner),), shading=0.4)]
    if random.random() < 0.4:
        spot = outer[int(random.integers(len(outer)))] * np.float32(0.5 + inner / 2)
        parts.append(Part(textures.any(), (blob(random, 0.13) + spot,)))
    return parts


def lattice(textures: Textures) -> Parts:
    """A ladder, fence, trellis, antenna or bare tree."""
    random = textures.random
    paint = textures.any(CLOTH)
    thick = random.uniform(0.012, 0.05)
    kind = random.integers(3)
    if kind == 0:
        wide = random.uniform(0.08, 0.3)
        lines = [points((x, -0.5), (x, 0.5)) for x in (-wide, wide)]
        rungs = np.linspace(-0.42, 0.42, int(random.integers(3, 9)))
        lines += [points((-wide, y), (wide, y)) for y in rungs]
    elif kind == 1:
        lines = [points((-0.5, y), (0.5, y)) for y in random.uniform(-0.25, 0.25, 2)]
        posts = np.linspace(-0.5, 0.5, int(random.integers(4, 11)))
        lines += [points((x, -0.35), (x, 0.35)) for x in posts]
    else:
        lines = [points((0, 0.5), (random.normal(0, 0.05), 0))]
        tips = [(lines[0][1], -np.pi / 2)]
        for depth in range(3):
            grown = []
            for spot, heading in tips:
                for turn in random.normal(0, 0.6, 2):
                    angle = heading + turn
                    reach = 0.25 * 0.75**depth
                    end = spot + reach * np.array([np.cos(angle), np.sin(angle)], np.float32)
                    lines.append(np.stack([spot, end]))
                    grown.append((end, angle))
            tips = grown
    return [Part(paint, lines=tuple(lines), thickness=thick, shading=0.15)]


def scissors(textures: Textures) -> Parts:
    """Two crossed bars with eyes: scissors, glasses, tongs."""
    random = textures.random
    opening = random.uniform(0.1, 0.7)
    metal, grip = textures.plain(textures.colour()), textures.plain(textures.colour())
    parts: Parts = []
    for side in (-1, 1):
        bar = turned(points((0, -0.5), (0, 0.25)), side * opening / 2)
        eye = ellipse(bar[1] + point(0.08 * side * -1, 0.1), 0.08, 0.13)
        parts.append(Part(metal, lines=(bar,), thickness=0.045, shading=0.3))
        closed = np.concatenate([eye, eye[:1]])
        parts.append(Part(grip, lines=(closed,), thickness=0.035, shading=0.2))
    return parts


def umbrella(textures: Textures) -> Parts:
    """An umbrella, tree, mushroom or standing lamp: a crown on a stem."""
    random = textures.random
    crown = ellipse((0, -0.3), random.uniform(0.2, 0.5), random.uniform(0.12, 0.28))
    if random.random() < 0.6:
        crown = crown[crown[:, 1] <= -0.3 + 0.02]
    elif random.random() < 0.5:
        crown = blob(random, 0.3) + np.array([0, -0.3], np.float32)
    stem = points((0, -0.35), (random.normal(0, 0.03), 0.5))
    thick = random.uniform(0.015, 0.08)
    return [
        Part(textures.any(CLOTH), lines=(stem,), thickness=thick, shading=0.2),
        Part(textures.any(), (crown,), shading=0.6),
    ]

"""Animals from the side: parts around the origin, about 1 large, y down."""

import numpy as np

from .shapes import (
    capsule,
    circle,
    ellipse,
    hull,
    point,
    points,
    ribbon,
    smooth,
)
from .sprites import Part, Parts
from .textures import FUR, Textures


def quadruped(textures: Textures) -> Parts:
    """An animal on four legs from the side: between a dachshund, a horse and a giraffe."""
    random = textures.random
    deep, leg = random.uniform(0.09, 0.17), random.uniform(0.12, 0.4)
    neck, head = random.uniform(0.08, 0.35), random.uniform(0.05, 0.09)
    fur = textures.any(FUR)
    second = fur if random.random() < 0.6 else textures.any(FUR)
    shoulder, rump = points((0.22, -0.02))[0], points((-0.24, 0))[0]
    belly = hull(circle(shoulder, deep), circle(rump, deep * random.uniform(0.75, 1.05)))
    rise = random.uniform(0.1, 1.3)
    skull = shoulder + neck * np.array([np.cos(rise), -np.sin(rise)], np.float32)
    skull = (skull + point(0.03, -0.05)).astype(np.float32)
    nod = random.uniform(-0.2, 0.8)
    snout = skull + random.uniform(1.2, 2.4) * head * np.array([np.cos(nod), np.sin(nod)])
    stride = random.uniform(0, 0.6)
    far: Parts = []
    near: Parts = []
    for top, share in ((shoulder, 0.5), (rump, 0.55)):
        for group in (far, near):
            swing = random.uniform(-stride, stride)
            bend = random.uniform(0, 1.2 * stride) * (1 if share == 0.55 else -1)
            start = top + point(0, 0.45 * deep)
            knee = start + share * (leg + 0.4 * deep) * np.array([np.sin(swing), np.cos(swing)])
            foot = knee + leg * 0.55 * np.array([np.sin(swing - bend), np.cos(swing - bend)])
            toe = foot + point(0.03, 0.0)
            thick = deep * random.uniform(0.25, 0.35)
            pieces = (
                capsule(start, knee, deep * 0.5, thick), capsule(knee, foot, thick, thick * 0.7),
                capsule(foot, toe, thick * 0.7, thick * 0.6),
            )  # fmt: skip
            group.append(Part(second, pieces, shading=0.3))
    wag = random.normal(0, [0, 0.1, 0.18])
    bends = [
        rump - point(deep * back, rise) for back, rise in zip((0.8, 1.6, 2.1), wag, strict=True)
    ]
    tail = smooth(np.stack(bends), closed=False)
    dark = textures.plain(np.full(3, random.uniform(5, 60), np.float32))
    ear = skull + np.array([-0.4, -1.0]) * head
    ears = hull(circle(skull - [0.3 * head, 0.2 * head], head * 0.5), circle(ear, head * 0.2))
    return [
        *far,
        Part(second, lines=(tail,), thickness=random.uniform(0.02, 0.07), shading=0.1),
        Part(fur, (belly, capsule(shoulder, skull, deep * 0.75, head * 0.9))),
        *near,
        Part(second, (ears,)),
        Part(second, (capsule(skull, snout, head, head * random.uniform(0.4, 0.8)),)),
        Part(dark, (circle(snout, head * 0.35), circle(skull + point(0.2 * head, -0.25 * head),
                                                       head * 0.14)), shading=0.0),
    ]  # fmt: skip


def bird(textures: Textures) -> Parts:
    """A bird, standing or flying."""
    random = textures.random
    feathers, wing_paint = textures.any(FUR), textures.any(FUR)
    beak = textures.plain(textures.colour())
    thick = random.uniform(0.1, 0.2)
    head = points((random.uniform(0.2, 0.32), -random.uniform(0.05, 0.4)))[0]
    tip = head + point(random.uniform(0.07, 0.16), random.uniform(-0.02, 0.06))
    chest, rear = points((0.12, 0.0))[0], points((-0.2, 0.05))[0]
    tail = hull(circle(rear, 0.04), rear + points((-0.22, -0.04), (-0.2, 0.07)))
    legs = tuple(
        points((x, thick * 0.6), (x + 0.02, 0.34), (x + 0.08, 0.34)) for x in (-0.02, 0.06)
    )
    size = random.uniform(0.05, 0.08)
    black = textures.flat(np.zeros(3, np.float32))
    parts = [
        Part(wing_paint, (tail,)),
        Part(feathers, (hull(circle(chest, thick), circle(rear, thick * 0.5)),
                        capsule(chest, head, thick * 0.7, size))),
        Part(beak, (hull(circle(head + point(0.03, 0), size * 0.5), circle(tip, 0.01)),)),
        Part(black, (circle(head + point(0.02, -0.01), size * 0.2),)),
    ]  # fmt: skip
    if random.random() < 0.5:
        for side in (-1, 1):
            lift = random.uniform(0.2, 0.7) * (1 if random.random() < 0.7 else -1)
            tips = ((0.05 + 0.15 * side, -lift), (-0.1 + 0.2 * side, -lift))
            wing = smooth(points((0.1, -0.03), *tips, (-0.14, 0.02)), steps=6)
            parts.insert(0 if side < 0 else len(parts), Part(wing_paint, (wing,)))
        return parts
    folded = ellipse((-0.06, 0.0), 0.2, thick * 0.6, angle=0.2)
    parts.insert(0, Part(beak, lines=legs, thickness=0.02, shading=0.0))
    return [*parts, Part(wing_paint, (folded,))]


def fish(textures: Textures) -> Parts:
    """A fish, whale or aeroplane-like body with fins."""
    random = textures.random
    deep = random.uniform(0.1, 0.28)
    line = np.stack([np.linspace(-0.45, 0.45, 12), random.normal(0, 0.01, 12).cumsum()], axis=-1)
    t = np.linspace(0, 1, 12)
    body = smooth(ribbon(line.astype(np.float32), (deep * np.sin(np.pi * t**0.7) + 0.02)), steps=3)
    skin, fin_paint = textures.any(FUR), textures.any(FUR)
    tail = points((-0.38, 0), (-0.6, -random.uniform(0.1, 0.25)), (-0.52, 0),
                   (-0.6, random.uniform(0.1, 0.25)))  # fmt: skip
    back = points((-0.15, -deep * 0.7), (-0.1, -deep - random.uniform(0.05, 0.2)),
                   (0.15, -deep * 0.8))  # fmt: skip
    side = smooth(points((0.1, 0.03), (-0.05, 0.18), (0.02, 0.03)), steps=5)
    eye = circle((0.34, -0.03), 0.025)
    white = textures.flat(np.full(3, 230, np.float32))
    return [
        Part(fin_paint, (tail, back)), Part(skin, (body,)), Part(fin_paint, (side,)),
        Part(white, (eye,)), Part(textures.flat(np.zeros(3, np.float32)), (eye * 0.99,)),
    ][: 4 if random.random() < 0.5 else 5]  # fmt: skip

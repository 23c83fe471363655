"""Cars, bicycles and boats: parts around the origin, about 1 large, y down."""

import numpy as np

from .bodies import Pose, any_build, any_outfit
from .figures import figure
from .shapes import (
    capsule,
    circle,
    ellipse,
    hull,
    point,
    points,
    rectangle,
    smooth,
)
from .sprites import Part, Parts, placed
from .textures import CLOTH, Textures


def car(textures: Textures) -> Parts:
    """A car from the side."""
    random = textures.random
    height, nose = random.uniform(0.2, 0.42), random.uniform(0.12, 0.3)
    front, back = random.uniform(0.05, 0.2), random.uniform(0.28, 0.5)
    belt = -0.45 * height
    hood = -nose
    body = points((-0.5, 0), (-0.5, 0.8 * belt), (-back, belt), (front, belt), (0.47, belt * 0.8),
                   (0.5, belt * 0.3), (0.5, 0.02))  # fmt: skip
    slope = random.uniform(0.02, 0.15)
    cabin = points((-back, belt), (-back + slope, -height), (front + hood * 0.3, -height),
                    (front + 0.12, belt))  # fmt: skip
    glass_paint = textures.any((0.3, 0, 0.7, 0, 0, 0, 0, 0, 0), colour=textures.colour() * 0.4)
    middle = cabin.mean(axis=0)
    inner = (cabin - middle) * np.array([0.86, 0.74], np.float32) + middle
    split = random.uniform(-0.1, 0.1)
    post = rectangle(split - 0.008, -height, split + 0.008, belt + 0.02)
    paint = textures.any((0.55, 0.05, 0.25, 0.05, 0.02, 0.05, 0, 0.03, 0))
    shape = smooth(body, steps=3) if random.random() < 0.6 else body
    parts = [Part(paint, (shape, cabin), shading=0.6), Part(glass_paint, (inner,), shading=0.2)]
    parts.append(Part(paint, (post,), shading=0.0))
    radius = random.uniform(0.07, 0.105)
    dark = textures.plain(np.full(3, random.uniform(8, 45), np.float32))
    rim = textures.plain(np.full(3, random.uniform(90, 220), np.float32))
    for x in (-0.3, 0.31):
        parts.append(Part(dark, (circle((x, -0.01), radius),), shading=0.2))
        parts.append(Part(rim, (circle((x, -0.01), radius * random.uniform(0.5, 0.72)),)))
        hub = circle((x, -0.01), radius * 0.2)
        parts.append(Part(dark, (hub,), shading=0.0))
    lamp = np.array([240, 230, 190], np.float32)
    parts.append(Part(textures.flat(lamp), (ellipse((0.47, belt * 0.55), 0.025, 0.02),)))
    red = np.array([190, 20, 20], np.float32)
    parts.append(Part(textures.flat(red), (rectangle(-0.5, belt * 0.7, -0.47, belt * 0.4),)))
    line = points((split, belt), (split, -0.02))
    parts.append(Part(dark, lines=(line,), thickness=0.006, shading=0.0))
    return parts


def car_front(textures: Textures) -> Parts:
    """A car, van or bus from the front or behind."""
    random = textures.random
    tall = random.uniform(0.35, 0.9)
    body = smooth(points((-0.45, 0), (-0.47, -0.5 * tall), (-0.36, -tall), (0.36, -tall),
                          (0.47, -0.5 * tall), (0.45, 0)), steps=3)  # fmt: skip
    glass = points((-0.4, -0.52 * tall), (-0.32, -0.92 * tall), (0.32, -0.92 * tall),
                    (0.4, -0.52 * tall))  # fmt: skip
    dark = textures.plain(np.full(3, random.uniform(8, 45), np.float32))
    shades = textures.any((0.3, 0, 0.7, 0, 0, 0, 0, 0, 0), colour=textures.colour() * 0.5)
    paint = textures.any((0.6, 0.05, 0.3, 0, 0, 0.05, 0, 0, 0))
    lamp = np.array([245, 235, 200] if random.random() < 0.5 else [190, 30, 25], np.float32)
    lamps = tuple(ellipse((x, -0.33 * tall), 0.07, 0.045) for x in (-0.33, 0.33))
    wheels = tuple(rectangle(x - 0.06, -0.1, x + 0.06, 0.08) for x in (-0.34, 0.34))
    plate = rectangle(-0.1, -0.16 * tall, 0.1, -0.07 * tall)
    grill = rectangle(-0.2, -0.36 * tall, 0.2, -0.22 * tall)
    return [
        Part(dark, wheels, shading=0.0),
        Part(paint, (body,), shading=0.6),
        Part(shades, (glass,), shading=0.2),
        Part(textures.flat(lamp), lamps, shading=0.3),
        Part(dark, (grill,), shading=0.0),
        Part(textures.flat(np.full(3, 225, np.float32)), (plate,), shading=0.0),
    ]


def bike(textures: Textures) -> Parts:
    """A bicycle or motorbike from the side."""
    random = textures.random
    radius, tyre = random.uniform(0.17, 0.22), float(random.choice([0.012, 0.025, 0.05]))
    rear, front = points((-0.28, 0))[0], points((0.28, 0))[0]
    crank, saddle = points((-0.04, 0.0))[0], points((-0.12, -0.28))[0]
    head, bar = points((0.17, -0.27))[0], points((0.15, -0.36))[0]
    grip = bar + random.uniform(-0.07, 0.07)
    dark = textures.plain(np.full(3, random.uniform(8, 60), np.float32))
    grey = textures.plain(np.full(3, random.uniform(70, 200), np.float32))
    paint = textures.any(CLOTH)
    closed = [np.concatenate([ring, ring[:1]]) for ring in (circle(rear, radius),
                                                            circle(front, radius))]  # fmt: skip
    parts = [Part(dark, lines=tuple(closed), thickness=tyre, shading=0.0)]
    if random.random() < 0.5:
        turn = np.linspace(0, np.pi, int(random.integers(4, 9)), endpoint=False)
        arms = radius * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
        spokes = tuple(np.stack([c - arm, c + arm]) for c in (rear, front) for arm in arms)
        parts.append(Part(grey, lines=spokes, thickness=0.005, shading=0.0))
    lines = ((crank, saddle), (crank, head), (saddle * 0.85, head), (rear, crank),
             (rear, saddle * 0.9), (front, bar), (bar, grip))  # fmt: skip
    frame = tuple(np.stack(line) for line in lines)
    parts.append(Part(paint, lines=frame, thickness=random.uniform(0.016, 0.034), shading=0.2))
    if tyre > 0.04:
        tank = hull(
            circle((0.03, -0.2), 0.09), circle((0.1, -0.13), 0.1), circle((-0.1, -0.1), 0.06)
        )
        parts.append(Part(paint, (tank,)))
        parts.append(Part(grey, (circle((-0.02, -0.02), 0.09), rectangle(-0.3, -0.0, 0.0, 0.04))))
    parts.append(Part(dark, (capsule(saddle - [0.05, 0.0], saddle + point(0.05, 0), 0.02, 0.012),)))
    parts.append(Part(grey, (circle(crank, 0.04),), shading=0.0))
    return parts


def rider(textures: Textures) -> Parts:
    """Somebody on a bicycle or motorbike, one object."""
    random = textures.random
    lean = random.uniform(0.3, 0.9)
    thighs = (random.uniform(0.9, 1.4), random.uniform(0.4, 0.9))
    arm = random.uniform(0.9, 1.3)
    pose = Pose(
        lean=lean, thigh=thighs, knee=(thighs[0] * 1.1, thighs[1] * 0.9), arm=(arm, arm),
        lift=(0.1, 0.1), elbow=(0.4, 0.4),
    )  # fmt: skip
    person, _ = figure(
        textures, outfit=any_outfit(textures), build=any_build(random, child=0), pose=pose,
        yaw=random.uniform(-0.3, 0.3), fine=True,
    )  # fmt: skip
    seated = placed(person, np.eye(2, dtype=np.float32) * 0.72, (-0.12, -0.32))
    return bike(textures) + seated


def boat(textures: Textures) -> Parts:
    """A boat with sails or a cabin."""
    random = textures.random
    hull_line = smooth(points((-0.5, 0), (-0.4, 0.16), (0.35, 0.16), (0.52, -0.03)), steps=4)
    parts = [Part(textures.any(), (hull_line,))]
    mast = random.uniform(0.4, 0.9)
    if random.random() < 0.6:
        parts.insert(
            0, Part(textures.any(CLOTH), (points((0.02, -0.05), (0.02, -mast), (0.4, -0.08)),))
        )
        parts.insert(
            0, Part(textures.any(CLOTH), (points((-0.02, -0.05), (-0.02, -mast), (-0.4, -0.1)),))
        )
        pole = points((0, 0), (0, -mast - 0.05))
        parts.append(Part(textures.plain(textures.colour()), lines=(pole,), thickness=0.02))
    else:
        parts.insert(0, Part(textures.any(), (rectangle(-0.25, -0.25, 0.15, 0.05),)))
        panes = tuple(rectangle(x, -0.2, x + 0.08, -0.1) for x in (-0.2, -0.08, 0.04))
        parts.insert(1, Part(textures.plain(textures.colour() * 0.4), panes, shading=0.0))
    return parts

"""Who somebody is: clothes, proportions and a pose, all drawn at random."""

from dataclasses import dataclass, field

import numpy as np

from .scene import Reals
from .textures import CLOTH, Paint, Textures

SKIN = np.array(
    [[241, 205, 180], [224, 177, 144], [198, 144, 108], [160, 106, 74], [112, 72, 50], [70, 46, 34]]
)


HAIR = np.array([[25, 20, 18], [60, 40, 28], [110, 75, 45], [190, 155, 95], [150, 70, 35]])


POSES = ("stand", "walk", "run", "jump", "kick", "crouch", "reach", "wild")


@dataclass(frozen=True)
class Outfit:
    """What somebody wears; shared by a team.

    Attributes:
        sleeve: Share of the arm that is covered.
        leg: Share of the leg that the trousers cover; 0.45 are shorts.
    """

    shirt: Paint
    trousers: Paint
    socks: Paint
    shoes: Paint
    trim: Reals
    sleeve: float
    leg: float
    sock: float
    skirt: bool = False
    coat: bool = False
    cap: bool = False
    number: bool = False


@dataclass(frozen=True)
class Pose:
    """Angles of the joints in radians; those of a pair are (left, right)."""

    lean: float = 0.0
    tilt: float = 0.0
    twist: float = 0.0
    thigh: tuple[float, float] = (0.0, 0.0)
    spread: tuple[float, float] = (0.08, 0.08)
    knee: tuple[float, float] = (0.05, 0.05)
    arm: tuple[float, float] = (0.0, 0.0)
    lift: tuple[float, float] = (0.15, 0.15)
    elbow: tuple[float, float] = (0.3, 0.3)
    nod: float = 0.0


@dataclass(frozen=True)
class Build:
    """Proportions of a body, 1 high."""

    girth: float = 1.0
    head: float = 1.0
    legs: float = 1.0
    skin: Reals = field(default_factory=lambda: SKIN[1].astype(np.float32))
    hair: Reals = field(default_factory=lambda: HAIR[0].astype(np.float32))
    long_hair: bool = False


def any_outfit(textures: Textures) -> Outfit:
    """Everyday clothes."""
    random = textures.random

    def cloth() -> Paint:
        return textures.any(CLOTH)

    return Outfit(
        shirt=cloth(),
        trousers=cloth(),
        socks=textures.plain(textures.colour()),
        shoes=textures.plain(textures.colour()),
        trim=textures.colour(),
        sleeve=float(random.choice([0.0, 0.35, 0.55, 1.0], p=[0.12, 0.33, 0.1, 0.45])),
        leg=float(random.choice([0.3, 0.5, 1.0], p=[0.12, 0.22, 0.66])),
        sock=float(random.choice([0.0, 0.2, 0.85])),
        skirt=random.random() < 0.15,
        coat=random.random() < 0.15,
        cap=random.random() < 0.25,
        number=random.random() < 0.15,
    )


def kit(textures: Textures) -> Outfit:
    """What a team wears: flat or simply patterned colours."""
    random = textures.random
    shirt = textures.colour()
    shares = (0.72, 0.0, 0.0, 0.2, 0.05, 0.0, 0.03, 0.0, 0.0)
    shorts = shirt if random.random() < 0.4 else textures.colour()
    socks = shirt if random.random() < 0.5 else textures.colour()
    return Outfit(
        shirt=textures.any(shares, colour=shirt),
        trousers=textures.plain(shorts, roughness=3),
        socks=textures.plain(socks, roughness=3),
        shoes=textures.plain(textures.colour(), roughness=3),
        trim=textures.colour(),
        sleeve=float(random.choice([0.0, 0.45, 1.0], p=[0.2, 0.6, 0.2])),
        leg=float(random.choice([0.45, 0.6, 1.0], p=[0.55, 0.25, 0.2])),
        sock=float(random.choice([0.15, 0.4, 0.8])),
        cap=random.random() < 0.1,
        number=random.random() < 0.8,
    )


def any_build(random: np.random.Generator, *, child: float = 0.12) -> Build:
    """A random body; a child with some probability."""
    skin = SKIN[int(random.integers(len(SKIN)))] + random.normal(0, 8, 3)
    hair = HAIR[int(random.integers(len(HAIR)))] + random.normal(0, 8, 3)
    small = random.random() < child
    wide = random.random() < 0.15
    return Build(
        girth=float(random.uniform(1.1, 1.5) if wide else random.uniform(0.75, 1.15)),
        head=float(random.uniform(1.25, 1.7) if small else random.uniform(0.9, 1.15)),
        legs=float(random.uniform(0.75, 0.9) if small else random.uniform(0.92, 1.08)),
        skin=np.clip(skin, 5, 250).astype(np.float32),
        hair=np.clip(hair, 5, 250).astype(np.float32),
        long_hair=random.random() < 0.35,
    )


def any_pose(random: np.random.Generator, name: str | None = None) -> Pose:
    """A random pose, of the named one of POSES if given."""
    name = POSES[int(random.integers(len(POSES)))] if name is None else name

    def pair(low: float, high: float) -> tuple[float, float]:
        return float(random.uniform(low, high)), float(random.uniform(low, high))

    def value(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    if name in ("walk", "run"):
        swing = value(0.25, 0.5) if name == "walk" else value(0.5, 1.1)
        phase = value(-1, 1)
        bend = 0.4 if name == "walk" else 1.2
        knees = (0.1 + bend * max(0.0, -phase), 0.1 + bend * max(0.0, phase))
        lean = value(0, 0.1) if name == "walk" else value(0.05, 0.4)
        elbows = pair(0.1, 0.6) if name == "walk" else pair(0.9, 1.8)
        thighs, arms = (swing * phase, -swing * phase), (-swing * phase, swing * phase)
        return Pose(
            lean, value(-0.1, 0.1), value(-0.3, 0.3), thighs, (0.06, 0.06), knees, arms,
            pair(0.05, 0.3), elbows, value(-0.2, 0.2),
        )  # fmt: skip
    ranges = {
        "stand": (0.1, 0.1, 0.25, 0.15, 1.4),
        "jump": (0.4, 0.9, 1.8, 2.5, 1.5),
        "kick": (0.4, 1.3, 1.0, 1.4, 1.2),
        "crouch": (0.8, 0.4, 0.4, 0.8, 1.8),
        "reach": (0.6, 0.5, 0.6, 2.9, 1.0),
        "wild": (1.0, 1.5, 2.2, 3.0, 2.2),
    }
    lean, thigh, knee, lift, elbow = ranges[name]
    base = value(0.7, 1.6) if name == "crouch" else 0.0
    thighs = tuple(base + each for each in pair(-0.4 * thigh, thigh))
    knees = tuple(1.3 * base + each for each in pair(0, knee))
    return Pose(
        value(-0.3, 1) * lean, value(-0.4, 0.4) * lean, value(-0.5, 0.5),
        (thighs[0], thighs[1]), pair(0, 0.2 + 0.4 * thigh), (knees[0], knees[1]),
        pair(-0.5, 0.5 * lift + 0.4), pair(0.05, lift + 0.1), pair(0.0, elbow), value(-0.4, 0.4),
    )  # fmt: skip

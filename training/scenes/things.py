"""Collections of objects other than people: makers of parts, and the choice among them."""

from collections.abc import Callable

import numpy as np

from .animals import bird, fish, quadruped
from .articles import (
    ball,
    bottle,
    chair,
    chimera,
    lattice,
    machine,
    racket,
    ring,
    rope,
    scissors,
    umbrella,
)
from .sprites import Parts
from .textures import Textures
from .vehicles import bike, boat, car, car_front, rider

Maker = Callable[[Textures], Parts]


THINGS: dict[str, tuple[Maker, float]] = {
    "chimera": (chimera, 2.0),
    "car": (car, 1.3),
    "car front": (car_front, 0.8),
    "bike": (bike, 0.7),
    "rider": (rider, 1.0),
    "quadruped": (quadruped, 2.5),
    "bird": (bird, 1.0),
    "fish": (fish, 0.8),
    "ball": (ball, 0.8),
    "bottle": (bottle, 0.9),
    "chair": (chair, 0.7),
    "boat": (boat, 0.5),
    "machine": (machine, 0.7),
    "umbrella": (umbrella, 0.6),
}
"""Solid objects and how often each is drawn."""


THIN: dict[str, tuple[Maker, float]] = {
    "bike": (bike, 2.0),
    "rider": (rider, 0.7),
    "racket": (racket, 1.2),
    "rope": (rope, 1.0),
    "ring": (ring, 1.5),
    "lattice": (lattice, 1.0),
    "scissors": (scissors, 0.6),
    "chair": (chair, 1.0),
    "umbrella": (umbrella, 0.3),
}
"""Thin objects and objects with holes, and how often each is drawn."""


def any_thing(textures: Textures, makers: dict[str, tuple[Maker, float]]) -> Parts:
    """A random object of a collection, drawn by its weights."""
    weights = np.array([weight for _, weight in makers.values()])
    index = int(textures.random.choice(len(weights), p=weights / weights.sum()))
    return list(makers.values())[index][0](textures)

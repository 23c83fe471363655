"""Drawn scenes with exact truth, and a propagator that learns quickly."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch

from track_anything.config import AppearanceConfig, PropagatorConfig
from track_anything.structures import Frame, Mask, VideoInfo
from track_anything.tracking.propagator import FlowAppearancePropagator


@dataclass(frozen=True, kw_only=True)
class Block:
    """A textured square; those later in a scene's list are drawn on top."""

    color: tuple[int, int, int]
    start: tuple[int, int]
    velocity: tuple[int, int] = (0, 0)
    side: int = 20
    hidden: range = range(0)


class Scene:
    """Blocks on a dark textured background."""

    def __init__(self, *blocks: Block, size: tuple[int, int] = (72, 96), seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        noise = random.integers(0, 60, (*size, 3)).astype(np.uint8)
        self._background = np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.0), np.uint8)
        self._blocks = blocks
        self._textures = [
            (np.array(b.color) + random.integers(-25, 26, (b.side, b.side, 3))).clip(0, 255)
            for b in blocks
        ]
        self.info = VideoInfo(width=size[1], height=size[0])

    def draw(self, index: int) -> tuple[Frame, list[Mask]]:
        """One frame and what is seen of every block on it."""
        image = self._background.copy()
        labels = np.zeros(image.shape[:2], np.uint8)
        for number, block in enumerate(self._blocks, 1):
            if index in block.hidden:
                continue
            x, y = (block.start[i] + index * block.velocity[i] for i in (0, 1))
            height, width = labels.shape
            left, top = max(x, 0), max(y, 0)
            right, bottom = min(x + block.side, width), min(y + block.side, height)
            if right <= left or bottom <= top:
                continue
            part = self._textures[number - 1][top - y : bottom - y, left - x : right - x]
            image[top:bottom, left:right] = part
            labels[top:bottom, left:right] = number
        image.flags.writeable = False
        masks = [np.asarray(labels == number) for number in range(1, len(self._blocks) + 1)]
        return Frame(index, Fraction(index, 25), image), masks

    def frame(self, index: int) -> Frame:
        return self.draw(index)[0]

    def truth(self, index: int, which: int = 0) -> Mask:
        return self.draw(index)[1][which]


RED, BLUE, GREEN = (205, 45, 45), (60, 90, 220), (60, 190, 70)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small matrices: threads cost more than they give."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_scene() -> Callable[..., Scene]:
    """Scene(*blocks, size=, seed=); each block is a dict of Block's fields."""

    def make(*blocks: dict[str, object], **settings: object) -> Scene:
        return Scene(*(Block(**block) for block in blocks), **settings)  # type: ignore[arg-type]

    return make


@pytest.fixture
def red_alone() -> Scene:
    """A red block that moves 2 pixels to the right and 1 down a frame."""
    return Scene(Block(color=RED, start=(10, 12), velocity=(2, 1)))


@pytest.fixture
def red_and_blue() -> Scene:
    """A red block passes in front of a blue one of the same size: they touch from frame 4 on."""
    return Scene(
        Block(color=BLUE, start=(50, 24)),
        Block(color=RED, start=(18, 30), velocity=(3, 0)),
    )


@pytest.fixture
def hide_and_seek() -> Scene:
    """A red block that is out of sight on frames 4 to 7, and a blue one that never is."""
    return Scene(
        Block(color=BLUE, start=(66, 44)),
        Block(color=RED, start=(12, 10), velocity=(2, 1), hidden=range(4, 8)),
    )


@pytest.fixture
def quick() -> PropagatorConfig:
    """Learns in a tenth of the usual time; enough for plain colours."""
    appearance = AppearanceConfig(hidden=16, first_steps=80, steps=4, key_steps=20, batch=256)
    return PropagatorConfig(appearance=appearance, search=20)


@pytest.fixture
def make_propagator(quick: PropagatorConfig) -> Callable[..., FlowAppearancePropagator]:
    """Propagators with quick settings: make_propagator(seed=0)."""

    def make(seed: int = 0) -> FlowAppearancePropagator:
        return FlowAppearancePropagator(config=quick, seed=seed)

    return make

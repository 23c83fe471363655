"""Surfaces: colours and patterns for one scene."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from .scene import Image, Reals

Paint = Callable[[tuple[int, int]], Reals]
"""Gives (h, w, 3) of 0 to 255 for a size (h, w)."""

TILE = 256
PATTERNS = (
    "plain",
    "mottled",
    "gradient",
    "stripes",
    "checks",
    "blotches",
    "spots",
    "photo",
    "bricks",
)
COMMON = (0.2, 0.19, 0.12, 0.11, 0.06, 0.11, 0.06, 0.1, 0.05)
CLOTH = (0.5, 0.14, 0.06, 0.12, 0.06, 0.05, 0.03, 0.02, 0.02)
FUR = (0.3, 0.3, 0.1, 0.05, 0.0, 0.17, 0.08, 0.0, 0.0)


def _fractal(random: np.random.Generator, persistence: float) -> Reals:
    """A (TILE, TILE) field of mean 0 and deviation 1: octaves of smooth noise added up."""
    field = np.zeros((TILE, TILE), np.float32)
    side, weight = 4, 1.0
    while side <= TILE:
        grid = random.standard_normal((side, side), dtype=np.float32)
        grown = cv2.resize(grid, (TILE, TILE), interpolation=cv2.INTER_CUBIC)
        field += np.float32(weight) * grown
        side, weight = side * 2, weight * persistence
    field -= field.mean()
    return np.asarray(field / max(float(field.std()), 1e-6), np.float32)


def mix(first: Reals, second: Reals, share: Reals) -> Reals:
    """From the first colour where the (h, w) share is 0 to the second where it is 1."""
    return np.asarray(first + share[..., None] * (second - first), np.float32)


def lettered(surface: Reals, text: str, spot: tuple[int, int], height: float, ink: Reals) -> Reals:
    """A surface with a text whose capitals are height pixels high, its lower left at the spot."""
    drawn = np.zeros(surface.shape[:2], np.uint8)
    scale = height / 21
    thick = max(1, round(3 * scale))
    cv2.putText(drawn, text, spot, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
    return mix(surface, ink, drawn.astype(np.float32) * np.float32(1 / 255))


class Textures:
    """Makes the surfaces of one scene; its objects may share colours and patterns."""

    def __init__(self, random: np.random.Generator, backgrounds: Sequence[Image] = ()) -> None:
        """Draw the noise and the palette that this scene lives on."""
        self.random = random
        self._tiles = [_fractal(random, keep) for keep in random.uniform(0.45, 1.05, 4)]
        self._photos = backgrounds
        self._palette: list[Reals] = []
        self._palette_share = 0.0
        if random.random() < 0.5:
            self._palette = [self._any_colour() for _ in range(int(random.integers(2, 6)))]
            self._palette_share = float(random.uniform(0.3, 0.95))
        self.lookalike: Reals | None = None
        self.lookalike_share = 0.0

    @property
    def has_photos(self) -> bool:
        """Whether there are photos to take pieces of."""
        return len(self._photos) > 0

    def _any_colour(self) -> Reals:
        random = self.random
        spread = random.choice([6, 25, 55, 90], p=[0.3, 0.35, 0.2, 0.15])
        colour = random.uniform(10, 245) + random.normal(0, spread, 3)
        return np.clip(colour, 3, 252).astype(np.float32)

    def colour(self) -> Reals:
        """A colour, (3,): one of the scene's own more often than not, if it has any."""
        if self._palette and self.random.random() < self._palette_share:
            chosen = self._palette[int(self.random.integers(len(self._palette)))]
            return np.clip(chosen + self.random.normal(0, 9, 3), 3, 252).astype(np.float32)
        return self._any_colour()

    def noise(self, size: tuple[int, int], scale: float) -> Reals:
        """A piece of fractal noise of (h, w), magnified by scale; deviation about 1."""
        tile = self._tiles[int(self.random.integers(len(self._tiles)))]
        high = int(np.clip(round(size[0] / scale), 2, TILE))
        wide = int(np.clip(round(size[1] / scale), 2, TILE))
        top = int(self.random.integers(TILE - high + 1))
        left = int(self.random.integers(TILE - wide + 1))
        piece = tile[top : top + high, left : left + wide]
        if self.random.random() < 0.5:
            piece = piece[:, ::-1]
        if piece.shape == size:
            return np.ascontiguousarray(piece)
        shape = (size[1], size[0])
        grown = cv2.resize(np.ascontiguousarray(piece), shape, interpolation=cv2.INTER_LINEAR)
        return np.asarray(grown, np.float32)

    def flat(self, colour: Reals) -> Paint:
        """One colour with barely any structure."""

        def paint(size: tuple[int, int]) -> Reals:
            return np.broadcast_to(colour, (*size, 3))

        return paint

    def plain(self, colour: Reals, *, roughness: float | None = None) -> Paint:
        """One colour with a little noise."""
        amount = self.random.uniform(1, 12) if roughness is None else roughness

        def paint(size: tuple[int, int]) -> Reals:
            shade = self.noise(size, self.random.uniform(0.7, 3)) * np.float32(amount)
            return np.asarray(colour + shade[..., None], np.float32)

        return paint

    def any(self, shares: Sequence[float] = COMMON, *, colour: Reals | None = None) -> Paint:
        """A random surface; the pattern is drawn by the given shares of PATTERNS."""
        random = self.random
        if self.lookalike is not None and random.random() < self.lookalike_share:
            return self._like_backdrop
        pattern = PATTERNS[int(random.choice(len(PATTERNS), p=np.asarray(shares) / sum(shares)))]
        first = self.colour() if colour is None else colour
        second = self.colour()
        if random.random() < 0.4:
            second = np.clip(first + random.normal(0, 30), 0, 255).astype(np.float32)
        make = getattr(self, f"_{pattern}")
        grain = float(random.choice([0, random.uniform(2, 10)]))

        fold = float(random.uniform(0.04, 0.2)) if random.random() < 0.6 else 0.0

        def paint(size: tuple[int, int]) -> Reals:
            surface: Reals = make(size, first, second)
            if fold and pattern != "photo":
                scale = max(1.0, max(size) / 60)
                surface = surface * (1 + self.noise(size, scale) * np.float32(fold))[..., None]
            if grain and pattern != "photo":
                surface = surface + (self.noise(size, 1.0) * np.float32(grain))[..., None]
            return surface

        return paint

    def _phase(self, size: tuple[int, int], period: float, angle: float, warp: float) -> Reals:
        """A ramp along a direction that grows by 1 each period, bent by noise."""
        rows = np.arange(size[0], dtype=np.float32)[:, None] * np.float32(np.sin(angle) / period)
        columns = np.arange(size[1], dtype=np.float32)[None] * np.float32(np.cos(angle) / period)
        ramp = rows + columns + np.float32(self.random.random())
        if warp:
            ramp = ramp + self.noise(size, max(1.5, max(size) / 40)) * np.float32(warp)
        return np.asarray(ramp, np.float32)

    def _period(self, size: tuple[int, int]) -> float:
        least = 2.5
        return float(np.exp(self.random.uniform(np.log(least), np.log(max(6, 0.6 * max(size))))))

    def _plain(self, size: tuple[int, int], first: Reals, second: Reals) -> Reals:
        shade = self.noise(size, self.random.uniform(0.7, 3)) * np.float32(
            self.random.uniform(1, 10)
        )
        return np.asarray(first + shade[..., None], np.float32)

    def _mottled(self, size: tuple[int, int], first: Reals, second: Reals) -> Reals:
        random = self.random
        scale = float(np.exp(random.uniform(-0.4, 1.6)))
        share = self.noise(size, scale) * np.float32(random.uniform(0.1, 0.5)) + np.float32(0.3)
        surface = mix(first, second, share)
        surface += (self.noise(size, scale / 2) * np.float32(random.uniform(4, 35)))[..., None]
        return surface

    def _gradient(self, size: tuple[int, int], first: Reals, second: Reals) -> Reals:
        angle = self.random.uniform(0, 2 * np.pi)
        ramp = self._phase(size, 1.2 * max(size), angle, 0.08)
        return mix(first, second, np.clip(ramp - 0.3, 0, 1))

    def _stripes(self, size: tuple[int, int], first: Reals, second: Reals) -> Reals:
        random = self.random
        period = self._period(size)
        angle = float(random.choice([0, np.pi / 2, random.uniform(0, np.pi)]))
        ramp = self._phase(size, period, angle, float(random.choice([0, random.uniform(0, 0.6)])))
        wave = np.sin(ramp * np.float32(2 * np.pi)) - np.float32(random.uniform(-0.7, 0.7))
        return mix(first, second, np.clip(wave * np.float32(period / 5) + 0.5, 0, 1))

    def _checks(self, size: tuple[int, int], first: Reals, second: Reals) -> Reals:
        random = self.random
        period = self._period(size)
        angle = float(random.choice([0, np.pi / 4, random.uniform(0, np.pi)]))
        one = np.sin(self._phase(size, period, angle, 0.0) * np.float32(2 * np.pi))
        two = np.sin(self._phase(size, period, angle + np.pi / 2, 0.0) * np.float32(2 * np.pi))
        edge = np.float32(period / 4)
        if random.random() < 0.5:
            return mix(first, second, np.clip(one * two * edge + 0.5, 0, 1))
        share = np.clip(one * edge + 0.5, 0, 1) + np.clip(two * edge + 0.5, 0, 1)
        return mix(first, second, share / 2)

    def _blotches(self, size: tuple[int, int], first: Reals, second: Reals) -> Reals:
        random = self.random
        scale = float(np.exp(random.uniform(-0.5, 1.5))) * max(1, max(size) / 150)
        field = self.noise(size, scale)
        surface = mix(first, second, np.clip((field - random.uniform(-0.8, 0.8)) * 6, 0, 1))
        if random.random() < 0.4:
            third = np.clip(self.noise(size, scale) * 6 - 2, 0, 1)
            surface = mix(surface, self.colour(), third)
        return surface

    def _spots(self, size: tuple[int, int], first: Reals, second: Reals) -> Reals:
        random = self.random
        period = max(4.0, self._period(size) / 2)
        angle = random.uniform(0, np.pi)
        warp = float(random.choice([0.0, 0.25]))
        one = np.cos(self._phase(size, period, angle, warp) * np.float32(2 * np.pi))
        two = np.cos(self._phase(size, period, angle + np.pi / 2, warp) * np.float32(2 * np.pi))
        field = one + two - np.float32(random.uniform(0.3, 1.3))
        return mix(first, second, np.clip(field * np.float32(period / 4) + 0.5, 0, 1))

    def _bricks(self, size: tuple[int, int], first: Reals, second: Reals) -> Reals:
        random = self.random
        period = max(5.0, self._period(size) / 1.5)
        down = self._phase(size, period, np.pi / 2, 0.0)
        row = np.floor(down)
        across = self._phase(size, period * random.uniform(1, 3), 0.0, 0.0)
        across = across + 0.5 * (row % 2)
        joint = np.float32(random.uniform(0.05, 0.15))
        gap = ((down - row) < joint) | ((across - np.floor(across)) < joint)
        stone = np.sin(np.floor(across) * 12.9898 + row * 78.233) * np.float32(43758.5453)
        tone = (stone - np.floor(stone) - 0.5) * np.float32(random.uniform(0, 60))
        surface = first + tone[..., None]
        return np.where(gap[..., None], second, surface).astype(np.float32)

    def _photo(self, size: tuple[int, int], first: Reals, second: Reals) -> Reals:
        if not len(self._photos):
            return self._mottled(size, first, second)
        surface = self.photo(size, float(np.exp(self.random.uniform(-0.7, 0.7))))
        if self.random.random() < 0.4:
            surface = mix(surface, first, np.full(size, self.random.uniform(0.2, 0.6), np.float32))
        return surface

    def photo(self, size: tuple[int, int], scale: float | None = None) -> Reals:
        """A random piece of a given photo, magnified by scale; None takes most of the photo."""
        random = self.random
        photo = self._photos[int(random.integers(len(self._photos)))]
        high, wide = photo.shape[:2]
        if scale is None:
            scale = max(size[0] / high, size[1] / wide) / float(random.uniform(0.45, 1.0))
        rows = int(np.clip(round(size[0] / scale), 2, high))
        columns = int(np.clip(round(size[1] / scale), 2, wide))
        top = int(random.integers(high - rows + 1))
        left = int(random.integers(wide - columns + 1))
        piece = photo[top : top + rows, left : left + columns]
        if random.random() < 0.5:
            piece = piece[:, ::-1]
        shrinks = rows > size[0]
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        shape = (size[1], size[0])
        resized = cv2.resize(np.ascontiguousarray(piece), shape, interpolation=way)
        return np.asarray(resized, np.float32)

    def _like_backdrop(self, size: tuple[int, int]) -> Reals:
        """What the backdrop shows somewhere else, a little lighter or darker."""
        assert self.lookalike is not None
        source = self.lookalike
        high, wide = min(size[0], source.shape[0]), min(size[1], source.shape[1])
        top = int(self.random.integers(source.shape[0] - high + 1))
        left = int(self.random.integers(source.shape[1] - wide + 1))
        piece = source[top : top + high, left : left + wide]
        if piece.shape[:2] != size:
            piece = cv2.resize(piece, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
        gain = np.float32(self.random.uniform(0.75, 1.25))
        return np.asarray(piece * gain + self.random.normal(0, 6, 3), np.float32)

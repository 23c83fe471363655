"""Objects set into a scene: size, place, turn, light, shadow, blur."""

from dataclasses import dataclass

import cv2
import numpy as np

from .scene import Canvas, Reals, Sprite, soften
from .sprites import Parts, bent, blurred, draw, extent, motion_kernel, placed
from .textures import Textures


@dataclass(frozen=True)
class Light:
    """How a scene is lit.

    Attributes:
        direction: (x, y) where it comes from.
        shadow: Darkness of cast shadows, 0 to 1.
        softness: Blur of their edges as a share of the object's size.
    """

    direction: tuple[float, float]
    shadow: float
    softness: float


def any_light(random: np.random.Generator) -> Light:
    """Sun, lamp or overcast sky."""
    angle = random.uniform(np.pi * 1.05, np.pi * 1.95)
    strength = random.uniform(0.4, 1.3)
    direction = (float(strength * np.cos(angle)), float(strength * np.sin(angle)))
    return Light(direction, float(random.uniform(0, 0.65)), float(random.uniform(0.005, 0.06)))


def fitted(
    parts: Parts,
    random: np.random.Generator,
    *,
    centre: tuple[float, float],
    length: float,
    tilt: float = 0.0,
    warp: float = 0.2,
) -> Parts:
    """Parts set around a centre, their longer side length pixels.

    Args:
        tilt: Standard deviation of the turn, in radians.
        warp: How much they are stretched and sheared at random.
    """
    x0, y0, x1, y1 = extent(parts)
    scale = length / max(x1 - x0, y1 - y0, 1e-3)
    stretch = np.diag(np.exp(random.uniform(-warp, warp, 2)))
    stretch[0, 1] = random.normal(0, 0.5 * warp)
    if random.random() < 0.5:
        stretch[:, 0] *= -1
    angle = random.normal(0, tilt) if tilt else 0.0
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = scale * np.array([[cosine, -sine], [sine, cosine]]) @ stretch
    middle = matrix @ np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    return placed(parts, matrix.astype(np.float32), np.asarray(centre) - middle)


def floor_shadow(sprite: Sprite, light: Light, foot: float, length: float) -> tuple[
    tuple[int, int], Reals
]:  # fmt: skip
    """The shadow on the floor of something that stands at the row foot: corner and (h, w)."""
    height, width = sprite.cover.shape
    squash = 0.12 + 0.25 * abs(light.direction[1])
    slant = -0.9 * light.direction[0]
    base = foot - sprite.corner[1]
    reach = int(abs(slant) * height) + 4
    # Rows above the foot are thrown away from the light and squashed towards the foot.
    matrix = np.array([[1, -slant, slant * base + reach], [0, squash, base * (1 - squash)]])
    shape = (width + 2 * reach, height)
    cast = cv2.warpAffine(sprite.cover, matrix.astype(np.float32), shape)
    cast = soften(np.asarray(cast, np.float32), light.softness * length)
    return (sprite.corner[0] - reach, sprite.corner[1]), cast * np.float32(light.shadow)


def set_down(
    canvas: Canvas,
    parts: Parts,
    textures: Textures,
    light: Light,
    *,
    marked: bool,
    standing: bool = True,
    fineness: int = 2,
    motion: float = 0.15,
    shading: float = 0.0,
) -> None:
    """Draw parts on a canvas, over their shadow.

    Args:
        marked: Whether it is an object with an id.
        standing: Its shadow falls on a floor below it, else on a wall behind it.
        motion: Probability that it is smeared by its own motion.
        shading: Strength of shading over the whole besides that of the parts.
    """
    random = textures.random
    x0, y0, x1, y1 = extent(parts)
    length = max(x1 - x0, y1 - y0)
    kernel = None
    if random.random() < motion:
        smear = float(random.uniform(0.02, 0.14)) * length
        kernel = motion_kernel(min(41.0, 1.5 + smear), random.uniform(0, np.pi))
    elif random.random() < 0.2:
        kernel = motion_kernel(1.0, 0.0)
        kernel = np.asarray(cv2.GaussianBlur(np.pad(kernel, 3), (0, 0), random.uniform(0.4, 1.6)))
    margin = 2 + round(0.02 * length) + (0 if kernel is None else kernel.shape[0] // 2)
    sprite = draw(parts, canvas.size, light=light.direction, fineness=fineness, margin=margin)
    if sprite is None:
        return
    if length > 40 and random.random() < 0.45:
        sprite = _ragged(sprite, textures, length)
    if shading:
        sprite = _shaded(sprite, light, shading)
    if kernel is not None:
        sprite = blurred(sprite, kernel)
    if light.shadow > 0.05:
        if standing:
            corner, cast = floor_shadow(sprite, light, min(y1, canvas.size[0] * 1.2), length)
        else:
            reach = random.uniform(0.01, 0.08) * length
            corner = (
                sprite.corner[0] - round(reach * light.direction[0]),
                sprite.corner[1] - round(reach * light.direction[1]),
            )
            cast = soften(sprite.cover, 2 * light.softness * length) * np.float32(light.shadow)
        canvas.darken(corner, cast)
    canvas.lay(sprite, marked=marked)


def _ragged(sprite: Sprite, textures: Textures, length: float) -> Sprite:
    """A sprite with outlines and patterns as irregular as grown and sewn things have them."""
    random = textures.random
    size = (sprite.cover.shape[0], sprite.cover.shape[1])
    scale = float(np.exp(random.uniform(np.log(0.7), np.log(max(2.0, length / 40)))))
    reach = np.float32(random.uniform(0.1, 0.9) * min(scale * 2.5, 0.02 * length))
    return bent(sprite, textures.noise(size, scale) * reach, textures.noise(size, scale) * reach)


def _shaded(sprite: Sprite, light: Light, strength: float) -> Sprite:
    """A sprite brighter on the side of the light and with uneven illumination."""
    height, width = sprite.cover.shape
    x = np.linspace(-1, 1, width, dtype=np.float32)[None] * np.float32(light.direction[0])
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(light.direction[1])
    factor = np.clip(1 + np.float32(strength) * (x + y), 0.3, 1.8)
    colour = np.minimum(sprite.colour * factor[..., None], 255 * sprite.cover[..., None])
    return Sprite(sprite.corner, colour, sprite.cover)

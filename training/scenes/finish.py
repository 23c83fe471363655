"""What a camera and a codec do to a picture."""

import cv2
import numpy as np

from .scene import Image, Reals
from .sprites import motion_kernel


def photographed(random: np.random.Generator, image: Reals) -> Image:
    """A painted picture, (H, W, 3) of 0 to 255, as a camera delivers it."""
    image = _lit(random, image)
    if random.random() < 0.35:
        image = cv2.GaussianBlur(image, (0, 0), float(random.uniform(0.4, 1.5)))
    if random.random() < 0.1:
        kernel = motion_kernel(float(random.uniform(2, 7)), random.uniform(0, np.pi))
        image = cv2.filter2D(image, -1, kernel)
    if random.random() < 0.25:
        image = _small(random, image)
    if random.random() < 0.7:
        amount = float(np.exp(random.uniform(np.log(0.8), np.log(12))))
        high, wide = image.shape[:2]
        grain = random.standard_normal((high, wide), dtype=np.float32)
        colourful = random.standard_normal((-(-high // 2), -(-wide // 2), 3), dtype=np.float32)
        image = image + (grain * np.float32(amount))[..., None]
        image += cv2.resize(colourful, (wide, high)) * np.float32(0.5 * amount)
    picture = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    if random.random() < 0.2:
        sharp = cv2.addWeighted(picture, 1.8, cv2.GaussianBlur(picture, (0, 0), 1.2), -0.8, 0)
        picture = np.asarray(sharp, np.uint8)
    if random.random() < 0.75:
        quality = int(random.integers(30, 96))
        _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return picture


def _lit(random: np.random.Generator, image: Reals) -> Reals:
    """Colour cast, contrast, gamma, a gradient of light, a vignette."""
    high, wide = image.shape[:2]
    cast = np.exp(random.normal(0, 0.07, 3)).astype(np.float32)
    contrast = np.float32(random.uniform(0.35, 1.15) if random.random() < 0.35 else 1.0)
    middle = np.float32(random.uniform(70, 180)) * (1 - contrast)
    image = np.clip(image, 0, 255) * (cast * contrast) + middle
    if random.random() < 0.5:
        angle, depth = random.uniform(0, 2 * np.pi), random.uniform(0.1, 0.45)
        x = np.linspace(-1, 1, wide, dtype=np.float32)[None] * np.float32(np.cos(angle))
        y = np.linspace(-1, 1, high, dtype=np.float32)[:, None] * np.float32(np.sin(angle))
        image *= (1 + np.float32(depth) * (x + y))[..., None]
    if random.random() < 0.3:
        x = np.linspace(-1, 1, wide, dtype=np.float32)[None]
        y = np.linspace(-1, 1, high, dtype=np.float32)[:, None]
        image *= (1 - np.float32(random.uniform(0.1, 0.35)) * (x * x + y * y))[..., None]
    if random.random() < 0.15:
        image = image.mean(axis=2, keepdims=True) * np.float32(random.uniform(0.3, 1)) + image * 0.3
    if random.random() < 0.3:
        gamma = np.float32(np.exp(random.normal(0, 0.3)))
        image = 255 * (np.clip(image, 0, 255) / 255) ** gamma
    return np.asarray(image, np.float32)


def _small(random: np.random.Generator, image: Reals) -> Reals:
    """What is left after the picture has been smaller for a while."""
    high, wide = image.shape[:2]
    scale = float(random.uniform(0.45, 0.9))
    shape = (max(8, round(wide * scale)), max(8, round(high * scale)))
    small = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR), np.float32)

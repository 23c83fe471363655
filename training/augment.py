"""Pictures made different: turned, sheared, recoloured, blurred, noisy, compressed."""

import cv2
import numpy as np

Generator = np.random.Generator


def warp(
    image: np.ndarray, mask: np.ndarray, valid: np.ndarray, random: Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture, the object's mask and what is inside the frame, all moved the same way.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) or (H, W, N) uint8, 0 or 255.
        valid: (H, W) uint8, 0 or 255.
        random: Source of chance.
    """
    if random.random() < 0.5:
        image, mask, valid = (np.ascontiguousarray(a[:, ::-1]) for a in (image, mask, valid))
    if random.random() < 0.03:
        image, mask, valid = (np.ascontiguousarray(a[::-1]) for a in (image, mask, valid))
    if random.random() > 0.35:
        return image, mask, valid
    height, width = mask.shape[:2]
    angle = np.deg2rad(random.normal(0, 14))
    shear, stretch = random.normal(0, 0.1), np.exp(random.normal(0, 0.12))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[stretch, shear], [0, 1 / stretch]])
    centre = np.array([width / 2, height / 2])
    affine = np.column_stack([matrix, centre - matrix @ centre])
    moved = [
        cv2.warpAffine(a, affine, (width, height), flags=cv2.INTER_LINEAR)
        for a in (image, mask, valid)
    ]
    return moved[0], moved[1], moved[2]


def recolor(image: np.ndarray, random: Generator) -> np.ndarray:
    """Another exposure, white balance, saturation, sharpness, noise and compression."""
    x = image.astype(np.float32)
    if random.random() < 0.85:
        x = _exposed(x, random)
    if random.random() < 0.12:
        gray = x @ np.array([0.299, 0.587, 0.114], np.float32)
        x = np.repeat(gray[..., None], 3, axis=2)
    if random.random() < 0.03:
        x = x[..., random.permutation(3)]
    if random.random() < 0.3:
        x = _blurred(x, random)
    if random.random() < 0.3:
        x = x + random.normal(0, 1, x.shape).astype(np.float32) * random.uniform(1, 14)
    out = np.clip(x, 0, 255).astype(np.uint8)
    if random.random() < 0.3:
        quality = int(random.integers(25, 95))
        out = cv2.imdecode(
            cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR
        )
    return np.asarray(out)


def occlude(image: np.ndarray, target: np.ndarray, random: Generator) -> None:
    """Put a plain or textured shape before the object, in place: it is no longer visible there."""
    side = target.shape[0]
    shape = np.zeros(target.shape, np.uint8)
    centre = random.uniform(0, side, 2)
    radius = random.uniform(0.06, 0.2) * side
    count = int(random.integers(3, 9))
    angles = np.sort(random.uniform(0, 2 * np.pi, count))
    reach = radius * random.uniform(0.5, 1.6, count)
    corners = centre + np.stack([np.cos(angles), np.sin(angles)], 1) * reach[:, None]
    cv2.fillPoly(shape, [corners.astype(np.int32)], 255)
    covered = shape > 0
    if target[covered].sum() > 0.5 * target.sum():
        return
    colour = random.uniform(0, 255, 3)
    texture = random.normal(0, random.uniform(0, 30), (side, side, 1))
    texture = cv2.GaussianBlur(texture, (0, 0), random.uniform(0.5, 4))[..., None]
    image[covered] = np.clip(colour + texture, 0, 255)[covered].astype(np.uint8)
    target[covered] = 0


def _exposed(x: np.ndarray, random: Generator) -> np.ndarray:
    gain = np.exp(random.normal(0, 0.22)) * np.exp(random.normal(0, 0.08, 3))
    x = x * gain.astype(np.float32) + np.float32(random.normal(0, 14))
    gray = (x @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    x = gray + (x - gray) * np.float32(np.clip(random.normal(1.0, 0.35), 0, 2.2))
    mean = x.mean()
    x = mean + (x - mean) * np.float32(np.exp(random.normal(0, 0.22)))
    if random.random() < 0.3:
        x = 255 * (np.clip(x, 0, 255) / 255) ** np.float32(np.exp(random.normal(0, 0.3)))
    return np.asarray(x)


def _blurred(x: np.ndarray, random: Generator) -> np.ndarray:
    choice = random.random()
    if choice < 0.4:
        return np.asarray(cv2.GaussianBlur(x, (0, 0), random.uniform(0.4, 1.8)))
    if choice < 0.7:
        side = x.shape[0]
        small = max(24, int(side * random.uniform(0.25, 0.7)))
        x = cv2.resize(x, (small, small), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(x, (side, side), interpolation=cv2.INTER_LINEAR))
    length = int(random.integers(3, 10))
    kernel = np.zeros((length, length), np.float32)
    angle = random.uniform(0, np.pi)
    reach = np.array([np.cos(angle), np.sin(angle)]) * (length - 1) / 2
    middle = np.array([(length - 1) / 2] * 2)
    start, end = np.round(middle - reach).astype(int), np.round(middle + reach).astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0)
    return np.asarray(cv2.filter2D(x, -1, kernel / kernel.sum()))

"""Prompts as people and the tracker give them, made from the true mask of a crop."""

import cv2
import numpy as np

from track_anything.structures import Floats

Generator = np.random.Generator
_NO_POINTS = np.zeros((0, 2), np.float32)


def jittered_box(box: Floats, random: Generator) -> Floats:
    """A box as drawn by hand: tight, generous, or a little off."""
    size = np.maximum(box[2:] - box[:2], 1)
    draw = random.random()
    if draw < 0.35:
        return np.asarray(box, np.float32)
    if draw < 0.65:
        grown = random.uniform(0, 0.12) * size
        noise = random.normal(0, 0.015, 4) * np.tile(size, 2)
        return _sound(np.concatenate([box[:2] - grown, box[2:] + grown]) + noise)
    return _sound(box + random.normal(0, 0.05, 4) * np.tile(size, 2))


def inside_points(mask: np.ndarray, count: int, random: Generator) -> Floats:
    """(count, 2) points on a mask: near the middle of its parts, or anywhere; fewer if empty."""
    return _points(mask, count, random, central_share=0.6)


def outside_points(mask: np.ndarray, count: int, random: Generator) -> Floats:
    """(count, 2) points beside a mask: mostly in its bounding box or close to it."""
    near = cv2.dilate(mask, np.ones((25, 25), np.uint8)) if random.random() < 0.75 else None
    ground = (mask == 0) if near is None else (near > 0) & (mask == 0)
    # Not on the edge itself, where nobody would say which side was clicked.
    ground &= cv2.dilate(mask, np.ones((5, 5), np.uint8)) == 0
    return _points(ground.astype(np.uint8), count, random, central_share=0.3)


def error_click(target: np.ndarray, guess: np.ndarray) -> tuple[Floats, bool] | None:
    """Where a user would click next: the middle of the largest error, and whether it is missing.

    Args:
        target: (H, W) bool.
        guess: (H, W) bool.

    Returns:
        (1, 2) point and True if it lies on the object; None if the guess is right.
    """
    best = None
    for wrong, is_missing in ((target & ~guess, True), (guess & ~target, False)):
        if not wrong.any():
            continue
        padded = np.pad(wrong, 1).astype(np.uint8)
        distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
        _, depth, _, (x, y) = cv2.minMaxLoc(distance)
        if best is None or depth > best[0]:
            best = depth, np.array([[x - 0.5, y - 0.5]], np.float32), is_missing
    return None if best is None else (best[1], best[2])


def spoiled(mask: np.ndarray, neighbour: np.ndarray | None, random: Generator) -> Floats:
    """(H, W) probability: an earlier mask that has moved, swollen, shrunk, torn or leaked.

    Args:
        mask: (H, W) uint8, 0 or 1, not empty.
        neighbour: (H, W) uint8 of another object, onto which it may have spread; None if alone.
        random: Source of chance.
    """
    side = float(np.sqrt(max(int(mask.sum()), 16)))
    soft = _moved(mask.astype(np.float32), side, random)
    if random.random() < 0.6:
        soft = _swollen(soft, side, random)
    for _ in range(int(random.integers(0, 3))):
        _blob(soft, mask, side, random, value=0.0)
    for _ in range(int(random.integers(0, 2))):
        _blob(soft, mask, side, random, value=1.0)
    if neighbour is not None and random.random() < 0.35:
        soft = np.maximum(soft, neighbour * random.uniform(0.5, 1.0))
    if random.random() < 0.6:
        soft = cv2.GaussianBlur(soft, (0, 0), random.uniform(0.5, 4))
    if random.random() < 0.3:
        soft = (soft > 0.5).astype(np.float32)
    return np.asarray(np.clip(soft, 0, 1), np.float32)


def _moved(soft: np.ndarray, side: float, random: Generator) -> np.ndarray:
    """Shifted, scaled, turned, and wobbling along its boundary."""
    height, width = soft.shape
    shift = random.normal(0, 0.09, 2) * side
    scale = np.exp(random.normal(0, 0.07))
    angle = random.normal(0, 0.08)
    x, y, w, h = cv2.boundingRect((soft > 0).astype(np.uint8))
    centre = np.array([x + w / 2, y + h / 2])
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
    source = (grid - centre - shift) @ turn.T + centre
    if random.random() < 0.7:
        cells = int(random.integers(3, 9))
        wobble = random.normal(0, random.uniform(0.02, 0.12) * side, (cells, cells, 2))
        source = source + cv2.resize(wobble, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(
        cv2.remap(soft, source.astype(np.float32), None, cv2.INTER_LINEAR), np.float32
    )


def _swollen(soft: np.ndarray, side: float, random: Generator) -> np.ndarray:
    reach = max(1, round(abs(random.normal(0, 0.06)) * side))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    operation = cv2.erode if random.random() < 0.5 else cv2.dilate
    out = np.asarray(operation(soft, kernel), np.float32)
    return out if out.max() > 0.5 else soft


def _blob(
    soft: np.ndarray, mask: np.ndarray, side: float, random: Generator, *, value: float
) -> None:
    ys, xs = np.nonzero(mask)
    place = int(random.integers(len(ys)))
    x, y = xs[place] + random.normal(0, 0.12 * side), ys[place] + random.normal(0, 0.12 * side)
    axes = np.maximum(random.uniform(0.05, 0.32, 2) * side, 1).astype(int)
    angle = float(random.uniform(0, 180))
    centre = (round(float(x)), round(float(y)))
    cv2.ellipse(soft, centre, axes.tolist(), angle, 0, 360, value, -1)


def _points(mask: np.ndarray, count: int, random: Generator, *, central_share: float) -> Floats:
    ys, xs = np.nonzero(mask)
    if not len(ys) or not count:
        return _NO_POINTS
    distance = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)
    distance = distance[1:-1, 1:-1]
    points = []
    for _ in range(count):
        places = np.arange(len(ys))
        if random.random() < central_share:
            places = np.flatnonzero(distance[ys, xs] >= 0.6 * distance.max())
        place = int(random.choice(places))
        x, y = xs[place], ys[place]
        points.append((x + 0.5, y + 0.5))
        # The next click goes elsewhere.
        cv2.circle(distance, (int(x), int(y)), max(1, int(distance[y, x])), 0.0, -1)
        if distance.max() <= 0:
            distance[ys, xs] = 1.0
    return np.array(points, np.float32)


def _sound(box: Floats) -> Floats:
    low, high = np.minimum(box[:2], box[2:]), np.maximum(box[:2], box[2:])
    return np.concatenate([low, np.maximum(high, low + 1)]).astype(np.float32)

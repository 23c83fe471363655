"""Lines that lead away from an object and belong to it: leashes, ropes, poles, a kite's strings.

The box around such an object is far larger than what fills it.
"""

import cv2
import numpy as np

from training.pool import Instance, Picture

Generator = np.random.Generator

_SHIFT = 4
"""Bits after the point of the coordinates that OpenCV draws with."""


def strung(instance: Instance, random: Generator) -> Instance:
    """An object with one to four lines, some with a thing at their ends, in a copy of its picture.

    Args:
        instance: The object.
        random: Source of chance.
    """
    image, ids = instance.picture.image.copy(), instance.picture.ids.copy()
    own = ids == instance.label
    ys, xs = np.nonzero(own)
    at = int(random.integers(len(ys)))
    start = np.array([xs[at], ys[at]], float)
    x0, y0, x1, y1 = instance.box
    reach = float(np.hypot(x1 - x0, y1 - y0))
    angle, length = random.uniform(0, 2 * np.pi), reach * random.uniform(0.5, 2.5)
    end = start + length * np.array([np.cos(angle), np.sin(angle)])
    drawn = np.zeros(ids.shape, np.uint8)
    thickness = max(1, round(reach * random.uniform(0.003, 0.03)))
    for _ in range(int(random.choice([1, 2, 3, 4], p=[0.4, 0.3, 0.15, 0.15]))):
        near = start + random.normal(0, 0.06, 2) * reach
        far = end + random.normal(0, 0.12, 2) * length
        cv2.line(drawn, _fixed(near), _fixed(far), 255, thickness, cv2.LINE_AA, _SHIFT)
    if random.random() < 0.4:
        axes = np.maximum(reach * random.uniform(0.04, 0.2, 2), thickness + 1)
        turn = float(random.uniform(0, 180))
        cv2.ellipse(drawn, _fixed(end), _fixed(axes), turn, 0, 360, 255, -1, cv2.LINE_AA, _SHIFT)
    # What was hidden behind the object at the start stays so: lines come from its edge.
    drawn[own] = 0
    share = drawn[..., None].astype(np.float32) / 255
    image[...] = np.round(image + share * (_color(image, own, random) - image))
    ids[drawn > 127] = instance.label
    x, y, width, height = cv2.boundingRect((ids == instance.label).astype(np.uint8))
    area = instance.area + int(np.count_nonzero(drawn > 127))
    box = (x, y, x + width, y + height)
    return Instance(Picture(image, ids), instance.label, box, area)


def _color(image: np.ndarray, own: np.ndarray, random: Generator) -> np.ndarray:
    """The object's own colour, or any: dark and light ones more often."""
    draw = random.random()
    if draw < 0.3:
        return np.asarray(image[own].mean(0) + random.normal(0, 15, 3), np.float32).clip(0, 255)
    level = random.choice([random.uniform(0, 60), random.uniform(190, 255), random.uniform(0, 255)])
    return np.asarray(level + random.normal(0, 25, 3), np.float32).clip(0, 255)


def _fixed(point: np.ndarray) -> tuple[int, int]:
    x, y = np.round(point * (1 << _SHIFT)).astype(int).tolist()
    return x, y

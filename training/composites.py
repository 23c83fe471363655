"""Cut-out objects pasted on other photographs: exact masks, endless surroundings."""

import cv2
import numpy as np

from training.pool import Instance, Picture

Generator = np.random.Generator
_SMALLEST_CUT_OUT = 900
_SHADOW_SHARE = 0.4


def composite(
    pool: dict[str, list[Instance]], backgrounds: list[np.ndarray], random: Generator
) -> Picture:
    """One to four objects of the pool on a photograph, the later ones in front."""
    scene = _background(backgrounds, random)
    ids = np.zeros(scene.shape[:2], np.uint16)
    for label in range(1, 1 + int(random.choice([1, 2, 2, 3, 4]))):
        source = str(random.choice(["coco", "coco", "coco", "person", "garment"]))
        one = pool[source][int(random.integers(len(pool[source])))]
        if one.area >= _SMALLEST_CUT_OUT:
            _paste(scene, ids, one, label, random)
            if random.random() < 0.12:
                # Its double: the same looks are no sign of being the same object.
                _paste(scene, ids, one, label + 10, random)
    return Picture(scene, ids)


def _background(backgrounds: list[np.ndarray], random: Generator) -> np.ndarray:
    image = backgrounds[int(random.integers(len(backgrounds)))]
    if random.random() < 0.5:
        image = image[:, ::-1]
    height, width = image.shape[:2]
    share = random.uniform(0.5, 1.0)
    h, w = int(height * share), int(width * share)
    y, x = int(random.integers(height - h + 1)), int(random.integers(width - w + 1))
    image = np.ascontiguousarray(image[y : y + h, x : x + w])
    scale = random.uniform(320, 480) / max(h, w)
    return np.asarray(cv2.resize(image, (max(64, round(w * scale)), max(64, round(h * scale)))))


def _paste(
    scene: np.ndarray, ids: np.ndarray, one: Instance, label: int, random: Generator
) -> None:
    """Put an object into the scene, turned, scaled, and lit like its new surroundings."""
    cut_out, alpha = _cut_out(one, scene.shape[:2], random)
    height, width = alpha.shape
    x = int(random.integers(-width // 4, max(scene.shape[1] - 3 * width // 4, 1)))
    y = int(random.integers(-height // 4, max(scene.shape[0] - 3 * height // 4, 1)))
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + width, scene.shape[1]), min(y + height, scene.shape[0])
    if x1 - x0 < 8 or y1 - y0 < 8:
        return
    part = alpha[y0 - y : y1 - y, x0 - x : x1 - x]
    if random.random() < _SHADOW_SHARE:
        _darken(scene, alpha, (x, y), random)
    looks = cut_out[y0 - y : y1 - y, x0 - x : x1 - x].astype(np.float32)
    ground = scene[y0:y1, x0:x1].astype(np.float32)
    solid = part > 0.5
    if solid.sum() < 200:
        return
    share = random.uniform(0, 0.8) if random.random() < 0.6 else 0.0
    looks = looks + share * (ground.mean((0, 1)) - looks[solid].mean(0))
    if random.random() < 0.3:
        part = cv2.GaussianBlur(part, (0, 0), random.uniform(0.5, 2.0))
        looks = cv2.GaussianBlur(looks, (0, 0), random.uniform(0.3, 1.5))
    blended = looks * part[..., None] + ground * (1 - part[..., None])
    scene[y0:y1, x0:x1] = np.clip(blended, 0, 255).astype(np.uint8)
    ids[y0:y1, x0:x1][part > 0.5] = label


def _darken(
    scene: np.ndarray, alpha: np.ndarray, corner: tuple[int, int], random: Generator
) -> None:
    """The shadow that an object throws on the floor it stands on, behind it or before it.

    Args:
        scene: (H, W, 3) uint8, written to.
        alpha: (h, w) in 0 to 1 of the object.
        corner: (x, y) of alpha in the scene.
        random: Source of chance.
    """
    foot = float(np.flatnonzero((alpha > 0.5).any(1))[-1] + 1)
    squash, lean = random.uniform(-0.35, 0.45), random.uniform(-1.0, 1.0)
    fallen = np.array(
        [[1, -lean, corner[0] + lean * foot], [0, squash, corner[1] + foot - squash * foot]]
    )
    shadow = cv2.warpAffine(alpha, fallen, scene.shape[1::-1])
    soft = random.uniform(0.01, 0.06) * alpha.shape[0]
    shadow = cv2.GaussianBlur(shadow, (0, 0), max(soft, 0.6))
    scene[...] = scene * (1 - random.uniform(0.2, 0.75) * shadow[..., None])


def _cut_out(
    one: Instance, size: tuple[int, int], random: Generator
) -> tuple[np.ndarray, np.ndarray]:
    """An object's picture and its soft mask, at a new size and angle."""
    x0, y0, x1, y1 = one.box
    image = one.picture.image[y0:y1, x0:x1]
    alpha = (one.picture.ids[y0:y1, x0:x1] == one.label).astype(np.float32)
    longest = float(np.exp(random.uniform(np.log(40), np.log(0.9 * min(size)))))
    scale = min(longest / max(alpha.shape), 2.5)
    angle = random.normal(0, 15) if random.random() < 0.6 else 0.0
    flip = -1.0 if random.random() < 0.5 else 1.0
    radians = np.deg2rad(angle)
    turn = scale * np.array(
        [[flip * np.cos(radians), -np.sin(radians)], [flip * np.sin(radians), np.cos(radians)]]
    )
    corners = np.array([[0, 0], [x1 - x0, 0], [0, y1 - y0], [x1 - x0, y1 - y0]]) @ turn.T
    low, high = corners.min(0), corners.max(0)
    width, height = (np.ceil(high - low).astype(int) + 2).tolist()
    affine = np.column_stack([turn, 1 - low])
    if scale < 0.6:
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / scale)
        alpha = cv2.GaussianBlur(alpha, (0, 0), 0.4 / scale)
    looks = cv2.warpAffine(image, affine, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(looks), np.asarray(cv2.warpAffine(alpha, affine, (width, height)))

"""Places where sports are played: ground, lines, stands, adverts, nets."""

from dataclasses import dataclass

import cv2
import numpy as np

from .scene import Canvas, Reals
from .shapes import circle, point
from .sprites import Part, Parts, draw
from .textures import Textures, lettered, mix

GROUNDS = {
    "grass": (70, 120, 50),
    "wood": (190, 150, 100),
    "blue court": (60, 100, 160),
    "green court": (60, 130, 100),
    "clay": (180, 100, 65),
    "sand": (215, 190, 150),
    "ice": (225, 235, 240),
    "hall": (140, 145, 150),
    "snow": (235, 238, 242),
}


@dataclass(frozen=True)
class Field:
    """The ground in perspective.

    Attributes:
        horizon: Row where the ground ends, may be above the picture.
        far: Height of a player who stands there, in pixels.
        near: Height of a player at the bottom row.
    """

    horizon: float
    far: float
    near: float
    size: tuple[int, int]

    def player_height(self, row: float) -> float:
        """Pixels of a player whose feet are at a row."""
        share = (row - self.horizon) / (self.size[0] - self.horizon)
        return self.far + share * (self.near - self.far)


def stadium(textures: Textures, size: tuple[int, int]) -> tuple[Canvas, Field]:
    """An empty ground with all around it."""
    random = textures.random
    high = size[0]
    horizon = float(random.choice([random.uniform(-0.6, 0), random.uniform(0.05, 0.5)])) * high
    scale = float(np.exp(random.uniform(np.log(0.09), np.log(0.5))))
    ratio = random.uniform(0.45, 0.95) if horizon > 0 else random.uniform(0.6, 1.0)
    field = Field(horizon, max(15.0, scale * ratio * high), max(18.0, scale * high), size)
    surface, inverse = _ground(textures, field)
    canvas = Canvas(surface)
    _lines(canvas, textures, inverse)
    if horizon > 2:
        _surroundings(canvas, textures, field)
    return canvas, field


def _ground(textures: Textures, field: Field) -> tuple[Reals, Reals]:
    """The floor with its pattern, and the (3, 3) map from floor to picture."""
    random = textures.random
    high, wide = field.size
    tint = list(GROUNDS.values())[int(random.integers(len(GROUNDS)))]
    colour = np.clip(np.array(tint) + random.normal(0, 18, 3), 5, 250).astype(np.float32)
    if random.random() < 0.15:
        colour = textures.colour()
    top = max(0.0, field.horizon)
    skew, pinch = random.uniform(-0.8, 0.8), random.uniform(0.2, 0.9)
    corners = np.array(
        [[wide * (0.5 + skew - pinch), top], [wide * (0.5 + skew + pinch), top],
         [wide * (1.2 + 0.6 * skew + pinch), high * 1.2],
         [-wide * (0.2 - 0.6 * skew + pinch), high * 1.2]],
        np.float32,
    )  # fmt: skip
    floor = np.array([[0, 0], [256, 0], [256, 256], [0, 256]], np.float32)
    matrix = cv2.getPerspectiveTransform(floor, corners)
    pattern = np.full((256, 256), 0.5, np.float32)
    if random.random() < 0.6:
        bands = np.sin(np.arange(256) * 2 * np.pi / random.uniform(12, 80))
        pattern += (np.sign(bands) if random.random() < 0.6 else bands)[None] * np.float32(0.25)
        if random.random() < 0.5:
            pattern = np.ascontiguousarray(pattern.T)
    pattern += textures.noise((256, 256), 2.0) * np.float32(random.uniform(0, 0.2))
    seen = cv2.warpPerspective(pattern, matrix, (wide, high), borderMode=cv2.BORDER_REFLECT)
    second = colour * np.float32(random.uniform(0.7, 0.97)) + random.normal(0, 5, 3)
    surface = mix(colour, second.astype(np.float32), np.asarray(seen, np.float32))
    rough = np.float32(random.uniform(0.5, 9))
    surface += (textures.noise(field.size, random.uniform(0.6, 1.2)) * rough)[..., None]
    return np.clip(surface, 0, 255), np.asarray(matrix, np.float32)


def _lines(canvas: Canvas, textures: Textures, matrix: Reals) -> None:
    """Boundary, middle, circle and boxes on the floor."""
    random = textures.random
    if random.random() < 0.12:
        return
    ink = np.full(3, random.uniform(190, 255), np.float32)
    if random.random() < 0.25:
        ink = textures.colour()
    shapes: list[Reals] = []
    for _ in range(int(random.integers(2, 7))):
        kind = random.integers(3)
        x, y = random.uniform(20, 236, 2)
        wide, high = random.uniform(15, 130, 2)
        if kind == 0:
            shapes.append(np.array([[x, -200], [x, 500]], np.float32))
        elif kind == 1:
            box = [[x, y], [x + wide, y], [x + wide, y + high], [x, y + high], [x, y]]
            shapes.append(np.array(box, np.float32))
        else:
            ring = circle((x, y), wide / 2, count=60)
            shapes.append(np.concatenate([ring, ring[:1]]))
    if random.random() < 0.7:
        shapes.append(np.array([[-200, 128], [500, 128]], np.float32))
    lines = []
    for shape in shapes:
        steps = np.linspace(0, len(shape) - 1, max(len(shape), 40))
        whole = np.arange(len(shape))
        dense = np.stack([np.interp(steps, whole, shape[:, axis]) for axis in (0, 1)], axis=-1)
        seen = np.concatenate([dense, np.ones((len(dense), 1))], axis=1) @ matrix.T
        front = seen[:, 2] > 0.05
        if front.sum() >= 2:
            points = (seen[front, :2] / seen[front, 2:]).astype(np.float32)
            lines.append(np.clip(points, -2000, 3000))
    if lines:
        thick = random.uniform(0.8, 0.012 * canvas.size[0] + 1)
        part = Part(textures.plain(ink), lines=tuple(lines), thickness=thick, shading=0.0)
        sprite = draw([part], canvas.size, fineness=2)
        if sprite is not None:
            canvas.lay(sprite)


def _surroundings(canvas: Canvas, textures: Textures, field: Field) -> None:
    """Stands or a wall above the horizon, adverts along it, perhaps a net."""
    random = textures.random
    wide = canvas.size[1]
    edge = min(canvas.size[0], round(field.horizon))
    if edge < 2:
        return
    canvas.image[:edge] = _crowd(textures, (edge, wide)) if random.random() < 0.6 else np.clip(
        textures.any()((edge, wide)), 0, 255
    )  # fmt: skip
    board = int(min(edge, max(4, random.uniform(0.3, 0.9) * field.far)))
    if random.random() < 0.7:
        canvas.image[edge - board : edge] = _adverts(textures, (board, wide))
    if random.random() < 0.35:
        sprite = draw(_goal(textures, field), canvas.size, fineness=2)
        if sprite is not None:
            canvas.lay(sprite)


def _crowd(textures: Textures, size: tuple[int, int]) -> Reals:
    """Rows of coloured dots."""
    random = textures.random
    cell = random.uniform(2.5, 9)
    rows, columns = max(2, round(size[0] / cell)), max(2, round(size[1] / cell * 1.4))
    seats = textures.colour()
    people = random.uniform(15, 235, (rows, columns, 1)) + random.normal(0, 35, (rows, columns, 3))
    taken = random.random((rows, columns, 1)) < random.uniform(0.2, 1)
    dots = np.where(taken, people, seats).astype(np.float32)
    way = int(random.choice([cv2.INTER_LINEAR, cv2.INTER_NEAREST, cv2.INTER_CUBIC]))
    surface = np.asarray(cv2.resize(dots, (size[1], size[0]), interpolation=way), np.float32)
    dim = np.float32(random.uniform(0.4, 1.0))
    blur = cv2.GaussianBlur(surface * dim, (0, 0), random.uniform(0.5, 2))
    return np.clip(np.asarray(blur, np.float32), 0, 255)


def _adverts(textures: Textures, size: tuple[int, int]) -> Reals:
    """A band of boards with letters."""
    random = textures.random
    surface = np.empty((*size, 3), np.float32)
    left = 0
    while left < size[1]:
        right = min(size[1], left + int(random.uniform(2, 9) * size[0]) + 8)
        surface[:, left:right] = textures.colour()
        letters = "".join(chr(65 + int(each)) for each in random.integers(0, 26, 9))
        text = letters[: max(1, int((right - left) / (0.75 * size[0])))]
        board = surface[:, left:right]
        spot = (2, round(0.78 * size[0]))
        board[:] = lettered(board, text, spot, 0.6 * size[0], textures.colour())
        left = right
    return surface


def _goal(textures: Textures, field: Field) -> Parts:
    """Posts and a net."""
    random = textures.random
    foot = field.horizon + random.uniform(0.0, 0.15) * (field.size[0] - field.horizon)
    tall = field.player_height(foot) * random.uniform(1.1, 1.6)
    broad = tall * random.uniform(1.2, 3.0)
    left = random.uniform(-0.3, 0.9) * field.size[1]
    corner = point(left, foot)
    posts = np.array([[0, 0], [0, -tall], [broad, -tall], [broad, 0]], np.float32) + corner
    mesh = max(3.0, tall / random.uniform(8, 16))
    up = [np.array([[x, -tall], [x, 0]], np.float32) for x in np.arange(0, broad, mesh)]
    across = [np.array([[0, -y], [broad, -y]], np.float32) for y in np.arange(0, tall, mesh)]
    net = tuple(line + corner for line in (*up, *across))
    string = textures.plain(np.full(3, random.uniform(150, 240), np.float32))
    paint = textures.plain(np.full(3, random.uniform(200, 250), np.float32))
    thick = max(1.0, 0.05 * tall)
    return [
        Part(string, lines=net, thickness=0.6, shading=0.0),
        Part(paint, lines=(posts,), thickness=thick, shading=0.1),
    ]

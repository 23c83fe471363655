"""The kinds of scenes and the choice among them."""

from collections.abc import Callable, Sequence

import numpy as np

from .articles import ball
from .backdrops import backdrop, random_outline
from .bodies import Build, Outfit, any_build, any_outfit, any_pose, kit
from .figures import figure
from .finish import photographed
from .scene import Canvas, Image, Scene
from .sprites import Part, extent, placed
from .stadium import Field, stadium
from .staging import Light, any_light, fitted, set_down
from .textures import Textures
from .things import THIN, THINGS, any_thing

SMALLEST_SCENE = 64
Painter = Callable[[Textures, tuple[int, int]], Canvas]


def _camouflage(textures: Textures, canvas: Canvas) -> None:
    """Let objects look like their background in some scenes."""
    if textures.random.random() < 0.25:
        textures.lookalike = canvas.image.copy()
        textures.lookalike_share = float(textures.random.uniform(0.1, 0.7))


def dead_leaves(textures: Textures, size: tuple[int, int]) -> Canvas:
    """Shapes of all sizes over each other; some of the larger ones are objects."""
    random = textures.random
    canvas = Canvas(backdrop(textures, size, photo_share=0.3))
    _camouflage(textures, canvas)
    light = any_light(random)
    count = int(random.integers(15, 55))
    least, most = 0.015, random.uniform(0.2, 0.4)
    # Radii with density r^-power between the two.
    power = random.uniform(1.3, 2.4)
    share = random.random(count)
    low, high = least ** (1 - power), most ** (1 - power)
    radii = (low + share * (high - low)) ** (1 / (1 - power)) * max(size)
    if random.random() < 0.5:
        radii = np.sort(radii)[::-1] * random.uniform(0.9, 1.1, count)
    large = set(np.argsort(radii)[-int(random.integers(3, 11)) :].tolist())
    for index, radius in enumerate(radii):
        spot = random.uniform(-0.03, 1.03, 2) * [size[1], size[0]]
        holes = ()
        outline = random_outline(random, float(radius))
        if random.random() < 0.06:
            holes = (outline * np.float32(random.uniform(0.4, 0.85)) + spot.astype(np.float32),)
        leaf = Part(
            textures.any(), ((outline + spot).astype(np.float32),), holes=holes,
            shading=float(random.choice([0, 0.3, 0.8])),
        )  # fmt: skip
        set_down(
            canvas, [leaf], textures, light, marked=index in large, standing=False, motion=0.05
        )
    return canvas


def _occluder(canvas: Canvas, textures: Textures, light: Light) -> None:
    """Something in front that is no object: a post, a leaf, a bar."""
    random = textures.random
    radius = random.uniform(0.03, 0.16) * max(canvas.size)
    spot = random.uniform(0, 1, 2) * [canvas.size[1], canvas.size[0]]
    outline = (random_outline(random, radius) + spot).astype(np.float32)
    set_down(canvas, [Part(textures.any(), (outline,))], textures, light, marked=False,
             standing=False)  # fmt: skip


def things(textures: Textures, size: tuple[int, int]) -> Canvas:
    """One to six objects of several parts on a photo or a drawn background."""
    return _with_things(textures, size, thin=False)


def thin_things(textures: Textures, size: tuple[int, int]) -> Canvas:
    """Thin objects and objects with holes."""
    return _with_things(textures, size, thin=True)


def _with_things(textures: Textures, size: tuple[int, int], *, thin: bool) -> Canvas:
    random = textures.random
    canvas = Canvas(backdrop(textures, size))
    _camouflage(textures, canvas)
    light = any_light(random)
    count = int(random.choice([1, 2, 3, 4, 6], p=[0.3, 0.25, 0.2, 0.15, 0.1]))
    twins = random.random() < 0.2
    made = any_thing(textures, THIN if thin else THINGS)
    lengths = np.exp(random.uniform(np.log(0.12), np.log(0.95), count)) * min(size)
    if count == 1:
        lengths = np.maximum(lengths, 0.3 * min(size))
    spots = random.uniform(0.12, 0.88, (count, 2)) * [size[1], size[0]]
    for index in np.argsort(spots[:, 1] + lengths / 2):
        if not twins:
            person = not thin and random.random() < 0.12
            made = _somebody(textures) if person else any_thing(textures, THIN if thin else THINGS)
        parts = fitted(
            made, random, centre=(float(spots[index, 0]), float(spots[index, 1])),
            length=float(lengths[index]), tilt=1.2 if thin and random.random() < 0.4 else 0.12,
        )  # fmt: skip
        set_down(
            canvas, parts, textures, light, marked=True, standing=random.random() < 0.7,
            shading=float(random.uniform(0, 0.3)), motion=0.05 if thin else 0.15,
            fineness=3 if lengths[index] < 120 else 2,
        )  # fmt: skip
    if random.random() < 0.3:
        _occluder(canvas, textures, light)
    return canvas


def _somebody(textures: Textures) -> list[Part]:
    random = textures.random
    parts, _ = figure(
        textures, outfit=any_outfit(textures), build=any_build(random), pose=any_pose(random),
        yaw=random.uniform(0, 2 * np.pi), pitch=random.uniform(-0.1, 0.4), fine=True,
        bag=random.random() < 0.25,
    )  # fmt: skip
    return parts


def person(textures: Textures, size: tuple[int, int]) -> Canvas:
    """One large person, perhaps cut by the frame, perhaps with others behind."""
    random = textures.random
    canvas = Canvas(backdrop(textures, size))
    _camouflage(textures, canvas)
    light = any_light(random)
    for _ in range(int(random.choice([0, 1, 2], p=[0.55, 0.25, 0.2]))):
        other = fitted(
            _somebody(textures), random, warp=0.08, length=random.uniform(0.2, 0.7) * size[0],
            centre=(random.uniform(0, size[1]), random.uniform(0.3, 0.7) * size[0]),
        )  # fmt: skip
        set_down(canvas, other, textures, light, marked=True)
    length = random.uniform(0.7, 1.0) * size[0] * (1.6 if random.random() < 0.25 else 1.0)
    middle = size[0] * (random.uniform(0.45, 0.55) if length < size[0] else 0.2) + max(
        0.0, (length - size[0]) / 2
    )
    tilt = 0.7 if random.random() < 0.12 else 0.06
    parts = fitted(
        _somebody(textures), random, warp=0.08, length=length, tilt=tilt,
        centre=(random.uniform(0.3, 0.7) * size[1], middle),
    )  # fmt: skip
    set_down(canvas, parts, textures, light, marked=True, shading=float(random.uniform(0, 0.3)))
    if random.random() < 0.35:
        x0, y0, x1, y1 = extent(parts)
        spot = (random.uniform(x0, x1), random.uniform(y0, y1))
        extra = fitted(
            any_thing(textures, THINGS | THIN) if random.random() < 0.5 else ball(textures), random,
            centre=spot, length=random.uniform(0.06, 0.3) * size[0], tilt=0.5,
        )  # fmt: skip
        set_down(canvas, extra, textures, light, marked=True, standing=False)
    return canvas


def sports(textures: Textures, size: tuple[int, int]) -> Canvas:
    """A ground with 6 to 25 players of two teams, and balls."""
    random = textures.random
    canvas, field = stadium(textures, size)
    light = any_light(random)
    kits = [kit(textures) for _ in range(3)]
    mean = 0.5 * (field.far + field.near) / size[0]
    count = int(np.clip(random.integers(6, 26), 6, max(7, 3.2 / mean)))
    top = max(field.horizon, 0.0) + 0.04 * size[0]
    rows = random.uniform(top, size[0] * 1.03, count)
    columns = random.uniform(-0.02, 1.02, count) * size[1]
    crowding = random.random()
    if crowding < 0.45:
        # Duels: every other player stands right beside the one before.
        pairs = np.arange(1, count, 2)
        rows[pairs] = rows[pairs - 1] + random.normal(0, 0.15 * mean * size[0], len(pairs))
        columns[pairs] = columns[pairs - 1] + random.normal(0, 0.3 * mean * size[0], len(pairs))
    blur = 0.35 if random.random() < 0.4 else 0.05
    pitch = float(random.uniform(0.05, 0.5))
    for row, column in sorted(zip(rows.tolist(), columns.tolist(), strict=True)):
        team = int(random.choice(3, p=[0.47, 0.47, 0.06]))
        _player(canvas, textures, light, field, kits[team], (column, row), blur, pitch)
    _balls(canvas, textures, light, field)
    return canvas


def _player(
    canvas: Canvas,
    textures: Textures,
    light: Light,
    field: Field,
    outfit: Outfit,
    foot: tuple[float, float],
    blur: float,
    pitch: float,
) -> None:
    random = textures.random
    tall = field.player_height(max(foot[1], field.horizon + 1)) * random.uniform(0.9, 1.1)
    build: Build = any_build(random, child=0.0)
    names = ("stand", "walk", "run", "run", "run", "kick", "jump", "reach", "crouch", "wild")
    pose = any_pose(random, names[int(random.integers(len(names)))])
    parts, body = figure(
        textures, outfit=outfit, build=build, pose=pose, yaw=random.uniform(0, 2 * np.pi),
        pitch=pitch, fine=tall > 110,
    )  # fmt: skip
    low = max(float(ankle[1]) for ankle in body.ankles) + 0.03
    lifted = random.uniform(0, 0.25) if random.random() < 0.08 else 0.0
    scale = np.array([[tall, 0], [0, tall]], np.float32)
    parts = placed(parts, scale, (foot[0], foot[1] - (low + lifted) * tall))
    set_down(
        canvas, parts, textures, light, marked=True, motion=blur,
        fineness=4 if tall < 50 else 3 if tall < 110 else 2, shading=random.uniform(0, 0.35),
    )  # fmt: skip


def _balls(canvas: Canvas, textures: Textures, light: Light, field: Field) -> None:
    random = textures.random
    for _ in range(int(random.choice([0, 1, 2], p=[0.15, 0.7, 0.15]))):
        row = random.uniform(max(field.horizon, 0), canvas.size[0])
        wide = max(4.0, random.uniform(0.08, 0.17) * field.player_height(row))
        spot = (random.uniform(0, canvas.size[1]), row - random.uniform(0, 1) * wide * 5)
        parts = fitted(ball(textures), random, centre=spot, length=wide, warp=0.03)
        set_down(canvas, parts, textures, light, marked=True, fineness=4, motion=0.3)


KINDS: dict[str, Painter] = {
    "dead leaves": dead_leaves,
    "things": things,
    "sports": sports,
    "person": person,
    "thin things": thin_things,
}
"""Painters of the kinds of scenes by name."""
WEIGHTS = {
    "dead leaves": 0.2,
    "things": 0.3,
    "sports": 0.2,
    "person": 0.2,
    "thin things": 0.1,
}
"""How often each kind is drawn."""


def render_scene(
    random: np.random.Generator,
    height: int,
    width: int,
    *,
    backgrounds: Sequence[Image] = (),
    kind: str | None = None,
) -> Scene:
    """A drawn scene with at least one object; the same for the same seed.

    Args:
        height: Of the picture in pixels, 64 or more.
        width: Likewise.
        backgrounds: RGB photos (h, w, 3) of any size; pieces of them become backgrounds and
            surfaces.
        kind: One of KINDS; drawn by WEIGHTS if None.

    Raises:
        ValueError: If the size is below 64 or the kind unknown.
    """
    if min(height, width) < SMALLEST_SCENE:
        raise ValueError(
            f"scenes are at least {SMALLEST_SCENE} wide and high, got {width} x {height}"
        )
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if kind is None:
        kind = str(random.choice(list(WEIGHTS), p=list(WEIGHTS.values())))
    while True:
        textures = Textures(random, backgrounds)
        canvas = KINDS[kind](textures, (height, width))
        ids = canvas.final_ids()
        if ids.any():
            return Scene(photographed(random, canvas.image), ids, kind)

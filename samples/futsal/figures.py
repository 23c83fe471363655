"""Players and ball as pictures: a jointed figure of rounded limbs, seen by a camera."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .play import BALL_RADIUS, Colour, Player, Stance
from .stage import Camera
from .textures import Pixels, Reals, shade, smooth_noise

FINENESS = 4
"""Figures are drawn so many times larger and averaged down: soft edges with exact coverage."""
FOLD_SIDE = 512

UP = np.array([0.0, 0.0, 1.0])

DIGITS = {
    "0": (((0, 0), (1, 0), (1, 2), (0, 2), (0, 0)),),
    "1": (((0.1, 1.5), (0.6, 2), (0.6, 0)),),
    "4": (((0.8, 0), (0.8, 2), (0, 0.7), (1.1, 0.7)),),
    "5": (((1, 2), (0, 2), (0, 1.15), (0.8, 1.15), (1, 0.9), (1, 0.2), (0.8, 0), (0, 0)),),
    "7": (((0, 2), (1, 2), (0.35, 0)),),
    "9": (((1, 1), (0, 1), (0, 2), (1, 2), (1, 0.3), (0.8, 0), (0, 0)),),
}
"""Strokes of the shirt numbers, a digit one wide and two high."""


@dataclass(frozen=True)
class Limb:
    """A rounded, tapered piece of a body: two or more balls and what lies between them.

    Attributes:
        joints: (N, 3) in the world.
        radii: Of the ball at each joint, in metres.
    """

    joints: Reals
    radii: tuple[float, ...]
    colour: Colour


@dataclass(frozen=True)
class Body:
    """The pieces of a player, those drawn first at the front, and the number on his shirt."""

    limbs: tuple[Limb, ...]
    torso: Limb
    strokes: tuple[Reals, ...]


@dataclass(frozen=True)
class Layer:
    """Something to lay over the picture.

    Attributes:
        corner: (x, y) in the frame of its top-left pixel; may be outside.
        colour: (h, w, 3), already multiplied with the coverage.
        cover: (h, w), 255 where it hides everything behind it.
        depth: Metres from the camera.
    """

    corner: tuple[int, int]
    colour: Pixels
    cover: Pixels
    depth: float


def _limb(colour: Colour, *balls: tuple[Reals, float]) -> Limb:
    return Limb(np.stack([ball[0] for ball in balls]), tuple(ball[1] for ball in balls), colour)


def _leg(player: Player, stance: Stance, hip: Reals, phase: float, kick: float) -> list[Limb]:
    ahead = np.append(stance.facing, 0.0)
    swing = min(0.85, 0.06 + 0.15 * stance.speed)
    thigh = swing * math.sin(phase) + 0.12 * swing + 0.8 * kick
    bend = 0.12 + 1.7 * swing * max(0.0, math.cos(phase + 0.4)) * (1 - 0.6 * kick)
    bend += 0.3 * stance.reach
    thigh += 0.2 * stance.reach
    scale = player.height / 1.78
    knee = hip + 0.43 * scale * (math.sin(thigh) * ahead - math.cos(thigh) * UP)
    shin = thigh - bend
    ankle = knee + 0.42 * scale * (math.sin(shin) * ahead - math.cos(shin) * UP)
    foot = 0.6 * shin
    toe = ankle + 0.17 * (math.cos(foot) * ahead + math.sin(foot) * UP) - 0.04 * UP
    hem = hip + 0.62 * (knee - hip)
    turnup = knee + 0.2 * (ankle - knee)
    kit = player.kit
    return [
        _limb(kit.shoes, (ankle - 0.03 * UP, 0.05), (toe, 0.042)),
        _limb(player.skin, (hip, 0.085), (knee, 0.058)),
        _limb(player.skin, (knee, 0.057), (turnup, 0.056)),
        _limb(kit.socks, (turnup, 0.06), (ankle, 0.045)),
        _limb(kit.shorts, (hip, 0.105), (hem, 0.105)),
    ]


def _arm(player: Player, stance: Stance, shoulder: Reals, phase: float, side: Reals) -> list[Limb]:
    ahead = np.append(stance.facing, 0.0)
    swing = min(0.8, 0.1 + 0.16 * stance.speed)
    angle = -swing * math.sin(phase) - 0.1
    bend = 0.35 + 0.24 * min(stance.speed, 5.0)
    outward = 0.16 + 0.9 * stance.reach
    hang = math.sin(angle) * ahead - math.cos(angle) * UP
    upper = hang * math.cos(outward) + side * math.sin(outward)
    elbow = shoulder + 0.29 * upper
    raised = angle + bend
    lower = (
        math.sin(raised) * ahead - math.cos(raised) * UP + stance.reach * (0.8 * side + 1.3 * UP)
    )
    lower /= float(np.sqrt((lower**2).sum()))
    hand = elbow + 0.27 * lower
    cuff = shoulder + 0.6 * (elbow - shoulder)
    kit = player.kit
    covered = kit.shirt if stance.reach else player.skin
    glove = kit.trim if stance.reach else player.skin
    return [
        _limb(player.skin, (elbow, 0.042), (hand, 0.033)),
        _limb(glove, (hand, 0.045), (hand + 0.05 * lower, 0.042)),
        _limb(covered, (cuff, 0.05), (elbow, 0.044)),
        _limb(kit.shirt, (shoulder, 0.075), (cuff, 0.07)),
    ]


def _head(player: Player, stance: Stance, collar: Reals) -> list[Limb]:
    ahead = np.append(stance.facing, 0.0)
    middle = collar + 0.19 * UP + 0.03 * ahead
    skull = middle + 0.055 * UP - 0.025 * ahead
    return [
        _limb(player.skin, (collar, 0.058), (middle, 0.055)),
        _limb(player.kit.trim, (collar - 0.02 * UP, 0.062), (collar, 0.062)),
        _limb(player.skin, (middle + 0.03 * UP, 0.095), (middle - 0.05 * UP + 0.02 * ahead, 0.07)),
        _limb(player.hair, (skull, 0.095), (skull - 0.05 * ahead - 0.03 * UP, 0.075)),
    ]


def _number(player: Player, stance: Stance, torso: Reals, camera: Camera) -> tuple[Reals, ...]:
    """The strokes of the number on the side of the shirt that is seen, big on the back."""
    ahead = np.append(stance.facing, 0.0)
    toward = -camera.axes[2] @ ahead
    if abs(toward) < 0.3:
        return ()
    normal = ahead if toward > 0 else -ahead
    across = np.cross(UP, normal)
    size = 0.085 if toward > 0 else 0.125
    centre = torso.mean(axis=0) + 0.06 * UP + 0.1 * normal
    text = str(player.number)
    strokes = []
    for place, digit in enumerate(text):
        shift = (place - len(text) / 2) * 1.5 + 0.25
        for stroke in DIGITS[digit]:
            spots = [(shift + u) * size * across + (v - 1) * size * UP for u, v in stroke]
            strokes.append(centre + np.stack(spots))
    return tuple(strokes)


def pose(player: Player, stance: Stance, camera: Camera) -> Body:
    """The body of a player as he stands, its pieces in the order in which to draw them."""
    scale = player.height / 1.78
    ahead = np.append(stance.facing, 0.0)
    right = np.array([stance.facing[1], -stance.facing[0], 0.0])
    lean = min(0.24, 0.04 * stance.speed) + 0.25 * stance.reach
    pelvis = np.append(stance.place, 0.0)
    hips = [pelvis + side * 0.095 * right for side in (1, -1)]
    phases = (stance.phase, stance.phase + math.pi)
    kicks = (stance.kick, 0.0)
    legs = [_leg(player, stance, *each) for each in zip(hips, phases, kicks, strict=True)]
    # The lower foot stands on the floor; running, both leave it for a moment.
    lowest = min(float(limb.joints[:, 2].min()) for leg in legs for limb in leg)
    flight = 0.05 * min(1.0, stance.speed / 5) * (1 - math.cos(2 * stance.phase + 0.6)) / 2
    lift = np.array([0.0, 0.0, 0.045 + flight - lowest])
    twist = 0.25 * min(1.0, stance.speed / 4) * math.sin(stance.phase)
    spine = math.cos(lean) * UP + math.sin(lean) * ahead
    chest = pelvis + lift + 0.46 * scale * spine
    line = math.cos(twist) * right - math.sin(twist) * ahead
    shoulders = [chest + side * 0.175 * line for side in (1, -1)]
    waist = [pelvis + lift + side * 0.075 * right + 0.02 * UP for side in (1, -1)]
    torso = _limb(
        player.kit.shirt,
        (shoulders[0], 0.075),
        (shoulders[1], 0.075),
        (waist[1], 0.115),
        (waist[0], 0.115),
    )
    arms = [
        _arm(player, stance, *each) for each in zip(shoulders, phases, (right, -right), strict=True)
    ]
    head = _head(player, stance, chest + 0.06 * spine)

    def farness(limbs: Sequence[Limb]) -> float:
        return float(limbs[0].joints.mean(axis=0) @ camera.axes[2])

    legs = [[Limb(m.joints + lift, m.radii, m.colour) for m in leg] for leg in legs]
    legs.sort(key=farness, reverse=True)
    arms.sort(key=farness, reverse=True)
    limbs = (*legs[0], *legs[1], *arms[0], torso, *head, *arms[1])
    return Body(limbs, torso, _number(player, stance, torso.joints, camera))


_ANGLES = np.arange(16) * (2 * math.pi / 16)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1)


class Painter:
    """Draws bodies and balls for frames of one size."""

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        """Get ready for frames of (height, width)."""
        self._size = size
        cell = 2.3 * max(1.0, size[1] / 640)
        folds = smooth_noise((FOLD_SIDE, FOLD_SIDE), cell, seed, 60)
        folds += smooth_noise((FOLD_SIDE, FOLD_SIDE), 3 * cell, seed, 61)
        self._folds = (folds // 9).astype(np.int16)

    def player(self, player: Player, stances: Sequence[Stance], camera: Camera) -> Layer | None:
        """A player, blurred over the moments of one exposure; None out of the frame."""
        bodies = [pose(player, stance, camera) for stance in stances]
        joints = np.concatenate([limb.joints for body in bodies for limb in body.limbs])
        pixels, depth = camera.project(joints)
        area = self._area(pixels, 0.13 * camera.focal / float(depth.min()))
        if area is None:
            return None
        colours, covers = [], []
        for body in bodies:
            colour, cover = self._body(body, camera, area, player.kit.trim)
            colours.append(colour)
            covers.append(cover)
        return Layer(area[:2], _mean(colours), _mean(covers), float(np.mean(depth)))

    def ball(self, places: Sequence[Reals], turn: float, camera: Camera) -> Layer | None:
        """The ball, blurred over the moments of one exposure; None out of the frame."""
        pixels, depth = camera.project(np.stack(places))
        radius = BALL_RADIUS * camera.focal / float(depth.mean())
        area = self._area(pixels, radius + 2)
        if area is None:
            return None
        colours, covers = [], []
        for pixel in pixels:
            colour, cover = self._sphere(pixel - area[:2], radius, turn, area[2:])
            colours.append(colour)
            covers.append(cover)
        return Layer(area[:2], _mean(colours), _mean(covers), float(depth.mean()))

    def _area(self, pixels: Reals, margin: float) -> tuple[int, int, int, int] | None:
        """x, y, width and height of the whole pixels around points, None outside the frame."""
        low = np.floor(pixels.min(axis=0) - margin).astype(int)
        high = np.ceil(pixels.max(axis=0) + margin).astype(int)
        height, width = self._size
        if high[0] <= 0 or high[1] <= 0 or low[0] >= width or low[1] >= height:
            return None
        return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])

    def _body(
        self, body: Body, camera: Camera, area: tuple[int, int, int, int], trim: Colour
    ) -> tuple[Pixels, Pixels]:
        shape = (area[3] * FINENESS, area[2] * FINENESS)
        colour = np.zeros((*shape, 3), np.uint8)
        cover, light = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        corner = np.array(area[:2])
        for limb in body.limbs:
            pixels, depth = camera.project(limb.joints)
            spots = (pixels - corner) * FINENESS
            radii = np.array(limb.radii) * camera.focal * FINENESS / depth
            outline = _hull(spots, radii)
            cv2.fillConvexPoly(colour, outline, limb.colour, cv2.LINE_8, 4)
            cv2.fillConvexPoly(cover, outline, 255, cv2.LINE_8, 4)
            cv2.fillConvexPoly(light, outline, 70, cv2.LINE_8, 4)
            toward_lamp = np.array([-0.22, -0.3]) * radii.mean()
            cv2.fillConvexPoly(light, _hull(spots + toward_lamp, radii * 0.62), 230, cv2.LINE_8, 4)
            if limb is body.torso:
                self._strokes(colour, body.strokes, camera, corner, trim)
        spread = 0.03 * camera.focal / float(depth.mean())
        start = np.rint(camera.project(body.torso.joints[:1])[0][0] - corner).astype(int)
        crease = self._fold((area[3], area[2]), start)
        lit = _light(_shrink(colour, area), _shrink(light, area), spread, crease)
        return lit, _shrink(cover, area)

    def _fold(self, shape: tuple[int, int], start: NDArray[np.int64]) -> NDArray[np.int16]:
        """Creases of the clothes, which move along with the body."""
        rows = (np.arange(shape[0]) - start[1]) % FOLD_SIDE
        columns = (np.arange(shape[1]) - start[0]) % FOLD_SIDE
        return self._folds[rows[:, None], columns]

    def _strokes(
        self,
        colour: Pixels,
        strokes: Sequence[Reals],
        camera: Camera,
        corner: NDArray[np.int64],
        trim: Colour,
    ) -> None:
        for stroke in strokes:
            pixels, depth = camera.project(stroke)
            points = np.rint((pixels - corner) * FINENESS * 16).astype(np.int32)
            thickness = max(1, round(0.034 * camera.focal * FINENESS / float(depth.mean())))
            cv2.polylines(colour, [points], False, trim, thickness, cv2.LINE_8, 4)

    def _sphere(
        self, centre: Reals, radius: float, turn: float, size: tuple[int, int]
    ) -> tuple[Pixels, Pixels]:
        fine = 2 * FINENESS
        shape = (size[1] * fine, size[0] * fine)
        colour, cover = np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8)
        light = np.zeros(shape, np.uint8)

        def disc(canvas: Pixels, x: float, y: float, reach: float, value: int | Colour) -> None:
            spot = np.rint((centre + np.array([x, y]) * radius) * fine * 16).astype(int).tolist()
            cv2.circle(canvas, spot, round(reach * radius * fine * 16), value, -1, cv2.LINE_8, 4)

        disc(colour, 0, 0, 1, (250, 246, 232))
        for spot in range(5):
            angle = turn + spot * 2 * math.pi / 5
            if math.cos(angle) > -0.2:
                disc(colour, 0.95 * math.sin(angle), 0.5 * (-1) ** spot, 0.3, (238, 92, 24))
        disc(cover, 0, 0, 1, 255)
        disc(light, 0, 0, 1, 70)
        disc(light, -0.16, -0.26, 0.72, 230)
        colour[cover == 0] = 0
        area = (0, 0, *size)
        crease = np.zeros((size[1], size[0]), np.int16)
        lit = _light(_shrink(colour, area), _shrink(light, area), 0.25 * radius, crease)
        return lit, _shrink(cover, area)


def _light(colour: Pixels, light: Pixels, spread: float, crease: NDArray[np.int16]) -> Pixels:
    """Colour under a light map that is softened first, so that limbs look round."""
    soft = cv2.GaussianBlur(light, (0, 0), max(0.3, spread)).astype(np.int16)
    return shade(colour, 158 + soft // 2 + crease)


def _hull(spots: Reals, radii: Reals) -> NDArray[np.int32]:
    """The outline around discs, in sixteenths of a pixel."""
    rims = spots[:, None] + radii[:, None, None] * _CIRCLE
    hull = cv2.convexHull(np.rint(rims * 16).astype(np.int32).reshape(-1, 2))
    return np.asarray(hull, np.int32)


def _shrink(image: Pixels, area: tuple[int, int, int, int]) -> Pixels:
    return np.asarray(cv2.resize(image, area[2:], interpolation=cv2.INTER_AREA), np.uint8)


def _mean(images: Sequence[Pixels]) -> Pixels:
    total = np.sum(np.stack(images).astype(np.uint16), axis=0)
    return (total // len(images)).astype(np.uint8)

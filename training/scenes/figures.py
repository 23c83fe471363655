"""People as jointed figures: a body in its clothes and its pose, seen by a camera."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .bodies import Build, Outfit, Pose
from .scene import Reals
from .shapes import blob, capsule, circle, ellipse, hull, point
from .sprites import Part, Parts
from .textures import CLOTH, Paint, Textures, lettered


def _turn(axis: int, angle: float) -> Reals:
    """(3, 3) rotation about x ahead (0), y to the left (1) or z up (2)."""
    first, second = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3, dtype=np.float32)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[second, first] = np.sin(angle)
    matrix[first, second] = -np.sin(angle)
    return matrix


DOWN = np.array([0, 0, -1], np.float32)


AHEAD = np.array([1, 0, 0], np.float32)


@dataclass(frozen=True)
class Skeleton:
    """Joints seen from the camera: (x, y) in the picture, y down, and the depth last."""

    head: Reals
    neck: Reals
    pelvis: Reals
    shoulders: tuple[Reals, Reals]
    hips: tuple[Reals, Reals]
    knees: tuple[Reals, Reals]
    ankles: tuple[Reals, Reals]
    toes: tuple[Reals, Reals]
    elbows: tuple[Reals, Reals]
    hands: tuple[Reals, Reals]
    facing: float


def skeleton(pose: Pose, build: Build, *, yaw: float, pitch: float = 0.1) -> Skeleton:
    """The joints of a body 1 high with its pelvis at the origin.

    Args:
        yaw: 0 looks to the right, pi / 2 away from the camera, in radians.
        pitch: How much the camera looks down.
    """
    view = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32)
    camera = view @ _turn(0, pitch) @ _turn(2, yaw)
    spine = _turn(1, pose.lean) @ _turn(0, pose.tilt)
    chest = spine @ _turn(2, pose.twist)
    up = -DOWN
    neck = spine @ (0.295 * up)
    head = neck + spine @ _turn(1, pose.nod) @ (0.04 * build.head * AHEAD + 0.085 * build.head * up)
    joints: dict[str, list[Reals]] = {
        name: [] for name in ("shoulders", "hips", "knees", "ankles", "toes", "elbows", "hands")
    }
    for index, side in enumerate((1.0, -1.0)):
        hip = np.array([0, 0.055 * side * build.girth, -0.02], np.float32)
        thigh = _turn(0, side * pose.spread[index]) @ _turn(1, -pose.thigh[index])
        shin = thigh @ _turn(1, pose.knee[index])
        knee = hip + 0.245 * build.legs * (thigh @ DOWN)
        ankle = knee + 0.235 * build.legs * (shin @ DOWN)
        toe = ankle + shin @ (0.09 * AHEAD + 0.02 * DOWN)
        shoulder = neck + chest @ np.array([0, 0.105 * side * build.girth, -0.02], np.float32)
        upper = chest @ _turn(0, side * pose.lift[index]) @ _turn(1, -pose.arm[index])
        lower = upper @ _turn(1, -pose.elbow[index])
        elbow = shoulder + 0.165 * (upper @ DOWN)
        hand = elbow + 0.15 * (lower @ DOWN)
        found = (shoulder, hip, knee, ankle, toe, elbow, hand)
        for name, joint in zip(joints, found, strict=True):
            joints[name].append(camera @ joint)
    pairs = {name: (found[0], found[1]) for name, found in joints.items()}
    return Skeleton(
        head=camera @ head,
        neck=camera @ neck,
        pelvis=np.zeros(3, np.float32),
        facing=float((camera @ AHEAD)[2]),
        **pairs,
    )


def numbered(paint: Paint, text: str, colour: Reals) -> Paint:
    """A surface with letters in its middle."""

    def painted(size: tuple[int, int]) -> Reals:
        high = 0.32 * size[0]
        spot = (round(0.5 * size[1] - 0.42 * high * len(text)), round(0.62 * size[0]))
        return lettered(paint(size), text, spot, high, colour)

    return painted


class Tailor:
    """Makes the parts of a dressed body."""

    def __init__(self, textures: Textures, build: Build, outfit: Outfit, *, fine: bool) -> None:
        """Dress a body; fine adds faces, fingers and folds that need a large figure."""
        self._random = textures.random
        self._textures = textures
        self._build = build
        self._outfit = outfit
        self._fine = fine
        rough = 5.0 if fine else 0.0
        self._skin = textures.plain(build.skin, roughness=rough)
        self._hair = textures.plain(build.hair, roughness=2.5 * rough)
        self._shading = float(self._random.uniform(0.03, 0.35)) if fine else 0.0
        self._loose = float(self._random.uniform(0.95, 1.35))

    def _part(self, paint: Paint, *outlines: Reals) -> Part:
        return Part(paint, outlines, shading=self._shading)

    def _limb(self, paint: Paint, joints: list[Reals], radii: list[float]) -> Part:
        pieces = [
            capsule(joints[i][:2], joints[i + 1][:2], radii[i], radii[i + 1])
            for i in range(len(joints) - 1)
        ]
        return self._part(paint, *pieces)

    def leg(self, body: Skeleton, side: int) -> Parts:
        """Foot, skin, sock and trousers of one leg."""
        outfit, g = self._outfit, self._build.girth
        hip, knee, ankle, toe = (
            each[side] for each in (body.hips, body.knees, body.ankles, body.toes)
        )
        parts = [
            self._limb(outfit.shoes, [ankle, toe], [0.026, 0.018]),
        ]
        if outfit.leg < 1:
            thick = [0.05 * g, 0.036 * g, 0.021]
            parts.insert(0, self._limb(self._skin, [hip, knee, ankle], thick))
            if outfit.sock:
                top = ankle + outfit.sock * (knee - ankle)
                parts.append(
                    self._limb(outfit.socks, [ankle, top], [0.024, 0.024 + 0.012 * outfit.sock])
                )
            hem = hip + 2 * min(0.48, outfit.leg) * (knee - hip)
            radii = [0.057 * g, 0.05 * g * self._loose]
            parts.append(self._limb(outfit.trousers, [hip, hem], radii))
        else:
            wide = 0.03 * self._loose
            radii = [0.057 * g, 0.04 * g * self._loose, wide]
            parts.append(self._limb(outfit.trousers, [hip, knee, ankle], radii))
        return parts

    def arm(self, body: Skeleton, side: int) -> Parts:
        """Hand, skin and sleeve of one arm."""
        outfit, g = self._outfit, self._build.girth
        shoulder, elbow, hand = body.shoulders[side], body.elbows[side], body.hands[side]
        parts = [self._limb(self._skin, [shoulder, elbow, hand], [0.034 * g, 0.026 * g, 0.017])]
        finger = hand + 0.22 * (hand - elbow)
        parts.append(self._limb(self._skin, [hand, finger], [0.021, 0.015]))
        if outfit.sleeve >= 1:
            radii = [0.04 * g, 0.032 * g * self._loose, 0.022 * self._loose]
            parts.append(self._limb(outfit.shirt, [shoulder, elbow, hand], radii))
        elif outfit.sleeve:
            cuff = shoulder + 2 * outfit.sleeve * (elbow - shoulder)
            radii = [0.042 * g, 0.036 * g * self._loose]
            parts.append(self._limb(outfit.shirt, [shoulder, cuff], radii))
        return parts

    def torso(self, body: Skeleton) -> Parts:
        """Shirt or coat, skirt, number."""
        outfit, g = self._outfit, self._build.girth
        top = [circle(each[:2], 0.04 * g) for each in body.shoulders]
        hips = [circle(each[:2], 0.056 * g) for each in body.hips]
        waist = 0.62 * body.pelvis[:2] + 0.38 * body.neck[:2]
        middle = circle(waist, 0.083 * g)
        collar = circle(body.neck[:2], 0.035)
        shirt = outfit.shirt
        if outfit.number and abs(body.facing) > 0.35:
            shirt = numbered(shirt, str(int(self._random.integers(1, 40))), outfit.trim)
        pieces = [hull(*top, middle, collar), hull(middle, *hips)]
        parts = [self._part(shirt, *pieces)]
        low = np.mean([knee[:2] for knee in body.knees], axis=0)
        if outfit.skirt or outfit.coat:
            reach = self._random.uniform(0.5, 1.2)
            hem = [
                circle(hip[:2] + reach * (knee[:2] - hip[:2]), 0.06 * g)
                for hip, knee in zip(body.hips, body.knees, strict=True)
            ]
            paint = outfit.shirt if outfit.coat else outfit.trousers
            parts.insert(0, self._part(paint, hull(middle, *hips, *hem)))
        elif self._fine and self._random.random() < 0.5:
            belt = capsule(body.hips[0][:2] * 1.1, body.hips[1][:2] * 1.1, 0.014, 0.014)
            parts.append(self._part(self._textures.flat(outfit.trim), belt - 0.02 * low))
        return parts

    def head(self, body: Skeleton) -> Parts:
        """Neck, face, hair, cap."""
        size = 0.068 * self._build.head
        middle = body.head[:2]
        axis = middle - body.neck[:2]
        angle = float(np.arctan2(axis[0], -axis[1]))
        up = axis / max(float(np.hypot(*axis)), 1e-6)
        ahead = np.array([np.sqrt(max(0.0, 1 - body.facing**2)), 0]) * self._sign(body)
        parts = [
            self._part(self._skin, capsule(body.neck[:2], middle, 0.034, 0.034)),
            self._part(self._skin, ellipse(middle, 0.82 * size, size, angle=angle, count=20)),
        ]
        back = middle - 0.3 * size * ahead
        away = body.facing > 0.3
        cap = ellipse(back + 0.28 * size * up, 0.9 * size, 0.85 * size, angle=angle, count=20)
        if away:
            cap = ellipse(middle + 0.08 * size * up, 0.9 * size, size, angle=angle, count=20)
        hair = [cap]
        if self._build.long_hair:
            end = back - 0.6 * size * ahead - self._random.uniform(0.8, 2.2) * size * up
            lock = capsule(back, end, 0.6 * size, 0.35 * size)
            if body.facing > -0.2:
                hair.append(lock)
            else:
                parts.insert(0, self._part(self._hair, lock))
        parts.append(self._part(self._hair, *hair))
        if not away:
            parts += self._face(middle + 0.25 * size * ahead, size, angle)
        if self._outfit.cap:
            paint = self._textures.flat(self._outfit.trim)
            crown = ellipse(middle + 0.5 * size * up, size, 0.62 * size, angle=angle, count=20)
            brim = middle + 0.35 * size * up
            peak = capsule(brim, brim + 1.3 * size * ahead, 0.14 * size, 0.1 * size)
            parts.append(self._part(paint, crown, peak))
        return parts

    def _sign(self, body: Skeleton) -> float:
        steps = [toe[0] - ankle[0] for toe, ankle in zip(body.toes, body.ankles, strict=True)]
        return 1.0 if sum(steps) > 0 else -1.0

    def _face(self, middle: Reals, size: float, angle: float) -> Parts:
        """The face hair leaves free, with eyes and mouth on a large figure."""
        face = ellipse(middle - [0, -0.18 * size], 0.62 * size, 0.75 * size, angle=angle, count=20)
        parts = [Part(self._skin, (face,), shading=0.0)]
        if self._fine:
            dark = self._textures.flat(self._build.skin * np.float32(0.35))
            eyes = [
                circle(middle + point(x * size, 0.0), 0.09 * size, count=8) for x in (-0.28, 0.28)
            ]
            mouth = ellipse(middle + point(0, 0.5 * size), 0.25 * size, 0.07 * size, count=10)
            parts.append(Part(dark, (*eyes, mouth), shading=0.0))
        return parts

    def bag(self, body: Skeleton) -> Parts:
        """A bag on the back or at the hand, with its strap."""
        random = self._random
        paint = self._textures.any(CLOTH)
        if random.random() < 0.5:
            spot = body.hands[int(random.integers(2))][:2] + point(0, 0.09)
            strap = np.stack([spot, spot - [0, 0.09]])
        else:
            spot = body.hips[0][:2] + point(random.uniform(-0.08, 0.08), -0.02)
            strap = np.stack([spot, body.shoulders[1][:2]])
        shape = blob(random, random.uniform(0.05, 0.09), roughness=0.1)
        return [
            Part(paint, lines=(strap.astype(np.float32),), thickness=0.012, shading=0.0),
            self._part(paint, shape * np.array([1, 1.2]) + spot),
        ]


def figure(
    textures: Textures,
    *,
    outfit: Outfit,
    build: Build,
    pose: Pose,
    yaw: float,
    pitch: float = 0.1,
    fine: bool = False,
    bag: bool = False,
) -> tuple[Parts, Skeleton]:
    """The parts of a person 1 high, pelvis at the origin, y down, and the joints."""
    body = skeleton(pose, build, yaw=yaw, pitch=pitch)
    tailor = Tailor(textures, build, outfit, fine=fine)
    sides = sorted((0, 1), key=lambda side: -float(body.shoulders[side][2]))
    legs = sorted((0, 1), key=lambda side: -float(body.knees[side][2]))
    carried = tailor.bag(body) if bag else []
    behind = body.facing < 0
    pieces: list[Callable[[], Parts]] = [
        lambda: carried if behind else [],
        lambda: tailor.arm(body, sides[0]),
        lambda: tailor.leg(body, legs[0]),
        lambda: tailor.leg(body, legs[1]),
        lambda: tailor.torso(body),
        lambda: [] if behind else carried,
        lambda: tailor.head(body),
        lambda: tailor.arm(body, sides[1]),
    ]
    return [part for piece in pieces for part in piece()], body

"""Who is on the pitch and where everybody is at any time of the five seconds that are drawn.

Positions are metres of the court (see stage); times are seconds. After five seconds the play runs
backwards, then forwards again, so that a clip of any length has no jump.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .stage import TILT, Camera, make_camera
from .textures import Reals

DURATION = 5.0
STEP = 1 / 200
BALL_RADIUS = 0.115

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Kit:
    """Colours of a team."""

    name: str
    shirt: Colour
    trim: Colour
    shorts: Colour
    socks: Colour
    shoes: Colour


RED = Kit("red", (206, 32, 40), (246, 244, 240), (238, 238, 236), (200, 30, 38), (28, 28, 30))
BLUE = Kit("blue", (26, 34, 92), (250, 206, 60), (22, 26, 66), (24, 30, 78), (236, 90, 30))
KEEPER = Kit("keeper", (196, 216, 44), (24, 28, 24), (30, 34, 32), (190, 210, 44), (240, 240, 240))

PALE, TAN, BROWN = (226, 178, 150), (192, 138, 104), (118, 78, 56)


@dataclass(frozen=True)
class Player:
    """One player.

    Attributes:
        path: (time, x, y) he passes through, smoothly.
        phase: Of his stride at the start, in radians.
    """

    name: str
    kit: Kit
    number: int
    path: tuple[tuple[float, float, float], ...]
    skin: Colour = PALE
    hair: Colour = (52, 36, 26)
    height: float = 1.78
    phase: float = 0.0


PLAYERS = (
    Player(
        "red 7",
        RED,
        7,
        ((0, 7.8, 5.9), (0.7, 9.2, 5.4), (1.2, 10.6, 5.8), (1.6, 11.5, 7.3), (2.1, 12.7, 9.2),
         (2.8, 14.2, 9.4), (3.6, 15.2, 8.6), (4.6, 15.7, 6.9), (5, 16.0, 5.8)),
        skin=TAN,
    ),
    Player(
        "red 10",
        RED,
        10,
        ((0, 14.9, 4.5), (0.7, 14.6, 4.2), (1.35, 13.9, 4.2), (2.3, 11.7, 4.3), (2.9, 12.3, 6.2),
         (3.6, 13.6, 7.8), (4.3, 13.9, 9.0), (5, 13.6, 9.4)),
        hair=(150, 112, 60),
        phase=1.0,
    ),
    Player(
        "red 4",
        RED,
        4,
        ((0, 6.2, 8.5), (1.2, 6.9, 7.7), (2.2, 8.0, 6.5), (2.85, 9.5, 5.5), (3.5, 12.2, 5.1),
         (4.3, 12.8, 5.3), (5, 12.3, 5.9)),
        skin=BROWN,
        hair=(24, 20, 20),
        height=1.84,
        phase=2.0,
    ),
    Player(
        "blue 9",
        BLUE,
        9,
        ((0, 11.4, 7.3), (0.7, 10.9, 6.5), (1.5, 9.5, 6.8), (2.4, 10.0, 8.6), (3.3, 11.6, 8.8),
         (4.2, 13.3, 7.4), (5, 15.6, 7.0)),
        skin=PALE,
        phase=0.6,
    ),
    Player(
        "blue 5",
        BLUE,
        5,
        ((0, 16.6, 6.4), (0.8, 16.2, 6.2), (1.5, 15.2, 6.8), (2.3, 14.7, 7.2), (3.2, 15.4, 7.7),
         (4.0, 15.9, 7.5), (5, 14.6, 5.2)),
        skin=TAN,
        hair=(30, 24, 22),
        height=1.86,
        phase=2.6,
    ),
    Player(
        "blue 11",
        BLUE,
        11,
        ((0, -4.0, 3.9), (1.6, 0.4, 3.9), (2.4, 5.2, 3.9), (3.0, 8.4, 3.9), (3.6, 10.2, 3.8),
         (4.3, 11.2, 3.5), (5, 11.1, 3.4)),
        skin=BROWN,
        hair=(20, 18, 18),
        height=1.75,
    ),
    Player(
        "keeper",
        KEEPER,
        1,
        ((0, 17.3, 10.4), (1.5, 17.0, 9.6), (3.4, 17.9, 9.2), (4.1, 17.7, 8.3), (5, 17.3, 8.6)),
        hair=(90, 60, 36),
        height=1.88,
    ),
)  # fmt: skip

HOLDS: tuple[tuple[str, float, float], ...] = (
    ("red 7", 0.0, 0.7),
    ("red 10", 1.45, 2.25),
    ("red 4", 2.85, 3.5),
    ("keeper", 4.05, 4.1),
    ("red 7", 4.7, 5.0),
)
"""Who has the ball, from when to when; between two of them it flies from one to the next."""

KICKS = tuple((end, name) for name, _, end in HOLDS[:-1])


def smooth_path(keys: Sequence[tuple[float, ...]], times: Reals) -> Reals:
    """(T, D): the cubic curve through (time, value, value ...), flat beyond both ends."""
    knots = np.array(keys, float)
    at, values = knots[:, 0], knots[:, 1:]
    slopes = np.gradient(values, at, axis=0)
    index = np.clip(np.searchsorted(at, times, side="right") - 1, 0, len(at) - 2)
    span = (at[index + 1] - at[index])[:, None]
    u = np.clip((times - at[index])[:, None] / span, 0, 1)
    start, end = values[index], values[index + 1]
    rise, fall = slopes[index] * span, slopes[index + 1] * span
    square, cube = u * u, u * u * u
    curve: Reals = (
        (2 * cube - 3 * square + 1) * start
        + (cube - 2 * square + u) * rise
        + (3 * square - 2 * cube) * end
        + (cube - square) * fall
    )
    return curve


@dataclass(frozen=True)
class Stance:
    """How a player stands at one moment.

    Attributes:
        place: (2,) on the floor.
        facing: (2,) unit vector.
        speed: Metres a second.
        phase: Of the stride, in radians.
        kick: 0 to 1, how far the kicking leg swings.
        reach: 0 to 1, how far the arms are stretched out.
    """

    place: Reals
    facing: Reals
    speed: float
    phase: float
    kick: float = 0.0
    reach: float = 0.0


class Motion:
    """Where one player is, which way he looks and how his stride goes, at any time."""

    def __init__(self, player: Player) -> None:
        """Work it out on a fine grid of times."""
        times = np.arange(round(DURATION / STEP) + 1) * STEP
        self._player = player
        self._place = smooth_path(player.path, times)
        velocity = np.gradient(self._place, STEP, axis=0)
        self._speed = np.sqrt((velocity**2).sum(axis=1))
        cadence = 2 * math.pi * (0.62 + 0.17 * self._speed) * np.minimum(1, self._speed)
        self._phase = player.phase + np.cumsum(cadence) * STEP
        self._facing = self._turn(velocity)

    def at(self, time: float) -> Stance:
        """The stance at a time between 0 and DURATION."""
        at = min(max(time / STEP, 0.0), len(self._speed) - 1.001)
        low, part = int(at), at - int(at)

        def between(table: Reals) -> Reals:
            return np.asarray(table[low] * (1 - part) + table[low + 1] * part)

        name = self._player.name
        swings = [1 - abs(time - 0.02 - when) / 0.16 for when, who in KICKS if who == name]
        facing = between(self._facing)
        return Stance(
            place=between(self._place),
            facing=facing / math.hypot(*facing),
            speed=float(between(self._speed)),
            phase=float(between(self._phase)),
            kick=max(0.0, *swings) if swings and name != "keeper" else 0.0,
            reach=max(0.35, 1 - abs(time - 4.07) / 0.5) if name == "keeper" else 0.0,
        )

    def _turn(self, velocity: Reals) -> Reals:
        """Bodies turn with a delay of a tenth of a second; the keeper looks into the court."""
        facing = np.empty_like(velocity)
        look = velocity[0] / (math.hypot(*velocity[0]) + 1e-9)
        for index, speed in enumerate(self._speed):
            wish = velocity[index] / max(float(speed), 1.0)
            if self._player.kit is KEEPER:
                wish = np.array([-0.8, -0.6])
            look = look + (wish - look) * 0.05
            facing[index] = look
        return facing


class Play:
    """The whole play: players and ball by time."""

    def __init__(self, players: Sequence[Player] = PLAYERS) -> None:
        """Work out the motion of everybody."""
        self._motions = {player.name: Motion(player) for player in players}

    def stances(self, time: float) -> dict[str, Stance]:
        """Every player by name."""
        return {name: motion.at(time) for name, motion in self._motions.items()}

    def ball(self, time: float) -> Reals:
        """(3,): the centre of the ball."""
        for (name, start, end), (_, next_start, _) in zip(
            HOLDS, (*HOLDS[1:], ("", 9, 9)), strict=True
        ):
            if start <= time <= end:
                return self._held(name, time)
            if end < time < next_start:
                break
        follower = next(hold for hold in HOLDS if hold[1] > time)
        part = (time - end) / (follower[1] - end)
        eased = part * (1.1 - 0.1 * part)
        place = self._held(name, end) * (1 - eased) + self._held(follower[0], follower[1]) * eased
        bounce = 0.35 * abs(math.sin(2 * math.pi * part)) if name == "keeper" else 0.0
        place[2] += bounce
        return place

    def _held(self, name: str, time: float) -> Reals:
        stance = self._motions[name].at(time)
        ahead = 0.5 + 0.1 * math.sin(2 * stance.phase)
        side = np.array([stance.facing[1], -stance.facing[0]])
        x, y = stance.place + ahead * stance.facing + 0.12 * side
        return np.array([x, y, 0.8 if name == "keeper" else BALL_RADIUS])


LOOK = ((0.0, 12.0), (1.3, 10.9), (2.3, 11.0), (3.2, 12.4), (4.3, 14.2), (5.0, 14.6))
"""(time, x) on which the camera man aims."""


def fold_time(time: float) -> float:
    """A time of the clip as a time of the play, there and back."""
    return DURATION - abs(DURATION - time % (2 * DURATION))


def camera_at(time: float, size: tuple[int, int]) -> Camera:
    """The camera at a time of the play for frames of (height, width): pan, zoom, a hand's shake."""
    height, width = size
    look = float(smooth_path(LOOK, np.array([time]))[0, 0])
    yaw = math.atan((look - 11.0) / 14.0)
    shake = 0.0009 * math.sin(7.3 * time) + 0.0005 * math.sin(17.9 * time + 1)
    sway = 0.0008 * math.sin(6.1 * time + 2) + 0.0005 * math.sin(21.7 * time)
    zoom = 1.0 + 0.07 * (1 - math.cos(math.pi * min(time / 4.5, 1))) / 2
    focal = 1.14 * max(width, height * 16 / 9) * zoom
    tilt = TILT + 0.012 * (zoom - 1) / 0.07 + sway
    roll = 0.002 * math.sin(2.3 * time)
    return make_camera(yaw + shake, tilt, roll, focal, (width / 2, height / 2))

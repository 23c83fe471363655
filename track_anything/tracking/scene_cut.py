"""Where one shot ends and another begins, frame by frame, without looking ahead."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

from track_anything.errors import TrackingError
from track_anything.structures import Floats, Image

SIDES = (64, 36)
"""Longer and shorter side of the picture that is looked at; more gave nothing."""
BLOCKS = (8, 4)
"""Blocks along the longer and the shorter side; each is looked for in the frame before."""
REACH = (10, 6)
"""How far a block may have moved: a sixth of either side a frame, a fast pan."""
FLAT = 4.0
"""A picture with less contrast than this (deviation of 255 grey levels) is blank."""
FLAT_BLOCK = 0.05
"""A block with less, in deviations of the whole picture, shows nothing to be found again."""

WEIGHTS = {"colors": 8.0, "brightness": 3.4, "edges": 19.6, "lost": 15.0}
BIAS = -11.9
"""A logistic fit: benchmarks/scene_cuts.py draws the pairs of frames and makes it."""
COLORS_CAP = 0.3
"""Between shots colours differ by more; without a cap a flash would weigh more than a cut."""

CALM, WILD, MARGIN = 0.0, 3.0, 4.0
"""A cut scores MARGIN above the wildest quarter of the last second, and CALM to WILD at least."""
EXPOSURE = 7.0
"""The score of a cut where nearly every pixel went the same way, brighter or darker."""
_EXPOSURE_STEP, _EXPOSURE_SHARE = 8, 0.05


class CutSignals(NamedTuple):
    """How two pictures differ; 0 is not at all.

    Attributes:
        colors: Share of the pixels that changed place in the colour histogram.
        brightness: Mean absolute difference of brightness, in deviations of each picture.
        edges: Share of the edge strength that is in one picture alone.
        lost: 1 less the mean correlation of the blocks with the best place in the other picture.
    """

    colors: float
    brightness: float
    edges: float
    lost: float

    @property
    def score(self) -> float:
        """Log odds that there is a cut between the two."""
        return (
            BIAS
            + WEIGHTS["colors"] * min(self.colors, COLORS_CAP)
            + WEIGHTS["brightness"] * self.brightness
            + WEIGHTS["edges"] * self.edges
            + WEIGHTS["lost"] * self.lost
        )


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is kept of one frame.

    Attributes:
        image: Small, RGB.
        gray: Its brightness.
        relief: Brightness less its mean, over its deviation: the same under any exposure.
        edges: Edge strength of the relief.
        colors: (512,) shares of 8 x 8 x 8 colours.
        contrast: Deviation of the brightness.
    """

    image: Image
    gray: Floats
    relief: Floats
    edges: Floats
    colors: Floats
    contrast: float

    @classmethod
    def at(cls, image: Image) -> "Look":
        """A look at a frame of any size."""
        return cls.of(_small(image))

    @classmethod
    def of(cls, small: Image) -> "Look":
        """A look at a picture that is small already."""
        gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)
        contrast = float(gray.std())
        relief = (gray - gray.mean()) / max(contrast, 1.0)
        along_x = cv2.Sobel(relief, cv2.CV_32F, 1, 0)
        along_y = cv2.Sobel(relief, cv2.CV_32F, 0, 1)
        edges = cv2.GaussianBlur(np.abs(along_x) + np.abs(along_y), (0, 0), 1.5)
        counts = cv2.calcHist([small], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3).ravel()
        return cls(
            image=small,
            gray=gray,
            relief=np.asarray(relief, np.float32),
            edges=np.asarray(edges, np.float32),
            colors=np.asarray(counts / gray.size, np.float32),
            contrast=contrast,
        )

    def against(self, before: "Look") -> CutSignals:
        """How this picture differs from an earlier one of the same shape."""
        edges = float((self.edges + before.edges).sum())
        return CutSignals(
            colors=float(np.abs(self.colors - before.colors).sum()) / 2,
            brightness=float(np.abs(self.relief - before.relief).mean()),
            edges=float(np.abs(self.edges - before.edges).sum()) / edges if edges else 0.0,
            lost=_lost(self.relief, before.relief),
        )

    def is_exposed_anew(self, before: "Look") -> bool:
        """Whether nearly every pixel became brighter, or nearly every one darker."""
        change = self.gray - before.gray
        darker = float(np.mean(change < -_EXPOSURE_STEP))
        brighter = float(np.mean(change > _EXPOSURE_STEP))
        return min(darker, brighter) < _EXPOSURE_SHARE < max(darker, brighter) / 4


class SceneCutDetector:
    """Hard cuts in a stream of frames, each told on the first frame of the new shot.

    A frame is a cut if it is unlike both frames before it, and by more than the frames of the last
    second were unlike theirs: a pan or a shaking camera sets its own measure.

    A camera flash is none: it makes everything brighter at once, which counts as a cut only if next
    to nothing of the old picture is found in it, and the frame after it is like the one before it.
    One that leaves the frame white is taken as blank. The price: a cut to a picture that is
    brighter at every pixel needs more evidence. A blank frame (black, white) is never a cut, and
    what comes after it is compared with what was before it: a fade out and in again is a cut only
    if another scene comes back. A cross-fade is none.
    """

    def __init__(self, *, frame_rate: float = 25.0) -> None:
        """Begin a video.

        Args:
            frame_rate: Frames a second: how many there are in the last second.
        """
        self._scores: deque[float] = deque(maxlen=max(round(frame_rate), 2))
        self._before: deque[Look] = deque(maxlen=2)

    def is_cut(self, image: Image) -> bool:
        """Whether a shot begins with this frame; never on the first frame.

        Every frame is shown once, in order. Frames may change their size, which is no cut by
        itself.
        """
        look = Look.at(image)
        if look.contrast < FLAT:
            return False
        if self._before and self._before[-1].image.shape != look.image.shape:
            # From landscape to portrait: nothing can be compared.
            self._before.clear()
        is_cut = bool(self._before) and self._is_unlike(look)
        if is_cut:
            self._before.clear()
        self._before.append(look)
        return is_cut

    def _is_unlike(self, look: Look) -> bool:
        last = self._before[-1]
        score = look.against(last).score
        limit = min(max(self._usual() + MARGIN, CALM), WILD)
        self._scores.append(score)
        if score <= (EXPOSURE if look.is_exposed_anew(last) else limit):
            return False
        return len(self._before) == 1 or look.against(self._before[0]).score > limit

    def _usual(self) -> float:
        """Mean score of the wildest quarter of the last second; very low at the beginning."""
        wildest = sorted(self._scores)[-math.ceil(len(self._scores) / 4) :]
        return sum(wildest) / len(wildest) if wildest else -math.inf

    def save(self) -> dict[str, Any]:
        """State from which restore goes on with the same answers: numbers, ready for JSON."""
        return {
            "shapes": [list(look.image.shape[:2]) for look in self._before],
            "pictures": [look.image.ravel().tolist() for look in self._before],
            "scores": list(self._scores),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what save returned.

        Raises:
            TrackingError: If the state is not a scene cut detector's.
        """
        shapes = (SIDES, SIDES[::-1])
        try:
            looks = [
                Look.of(np.array(numbers, np.uint8).reshape(*shape, 3))
                for shape, numbers in zip(state["shapes"], state["pictures"], strict=True)
            ]
            scores = [float(score) for score in state["scores"]]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise TrackingError("this is not the state of a scene cut detector") from error
        if any(look.image.shape[:2] not in shapes for look in looks):
            raise TrackingError("this is not the state of a scene cut detector")
        self._before.clear()
        self._before.extend(looks)
        self._scores.clear()
        self._scores.extend(scores)


def _small(image: Image) -> Image:
    """A picture of SIDES, lying or standing as the frame does."""
    height, width = image.shape[:2]
    size = SIDES if width >= height else SIDES[::-1]
    # Every fifth pixel of a 720p frame is enough for averages, at a tenth of the time.
    step = max(min(height, width) // (4 * SIDES[1]), 1)
    thinned = np.ascontiguousarray(image[::step, ::step])
    return np.asarray(cv2.resize(thinned, size, interpolation=cv2.INTER_AREA), np.uint8)


def _lost(relief: Floats, before: Floats) -> float:
    """1 less the mean correlation of every block with its best place in the picture before."""
    height, width = relief.shape
    lies = width >= height
    columns, rows = BLOCKS if lies else BLOCKS[::-1]
    reach_x, reach_y = REACH if lies else REACH[::-1]
    block_y, block_x = height // rows, width // columns
    around = cv2.copyMakeBorder(before, reach_y, reach_y, reach_x, reach_x, cv2.BORDER_REPLICATE)
    found = []
    for y in range(0, height, block_y):
        for x in range(0, width, block_x):
            block = relief[y : y + block_y, x : x + block_x]
            if block.std() < FLAT_BLOCK:
                continue
            near = around[y : y + block_y + 2 * reach_y, x : x + block_x + 2 * reach_x]
            match = cv2.matchTemplate(near, block, cv2.TM_CCOEFF_NORMED)
            found.append(max(float(match.max()), 0.0))
    return 1 - sum(found) / len(found) if found else 0.0

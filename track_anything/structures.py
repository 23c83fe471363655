"""The nouns: what travels between the parts. NumPy and the standard library only.

Standard forms, true everywhere unless a docstring says otherwise:

image: (H, W, 3) uint8, RGB, upright.
mask: (H, W) bool.
logits: (h, w) float32, low resolution, stretched over the whole frame; above 0 is object.
box: (4,) float32, x_min y_min x_max y_max in pixels, max exclusive.
point: (2,) float32, x right, y down, (0, 0) at the top-left corner.
score, confidence, predicted_iou: float in [0, 1].
track_id: int >= 1, unique in a run, never given twice; 0 is background.
time: Fraction, seconds, from the container's presentation time stamps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from track_anything.errors import PromptError

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


class State(StrEnum):
    """How a track stands on one frame."""

    TENTATIVE = "tentative"
    """Discovered, not yet seen often enough to be believed."""
    CONFIRMED = "confirmed"
    WEAK = "weak"
    """Followed, but its confidence is low."""
    OCCLUDED = "occluded"
    """Hidden or said to be absent; expected back."""
    LEFT = "left"
    """Gone through the border of the frame; expected back."""
    LOST = "lost"
    """Not found; looked for in the whole frame."""
    ENDED = "ended"


SEARCHED_STATES = (State.OCCLUDED, State.LEFT, State.LOST)
"""States of an object that has no place now and is looked for."""


class Origin(StrEnum):
    """Where the mask of one frame came from."""

    PROMPTED = "prompted"
    PROPAGATED = "propagated"
    REPROMPTED = "reprompted"
    DISCOVERED = "discovered"


class EventKind(StrEnum):
    """What can happen to a track between two frames."""

    STARTED = "started"
    CORRECTED = "corrected"
    ABSENT = "absent"
    OCCLUDED = "occluded"
    LEFT = "left"
    LOST = "lost"
    FOUND = "found"
    REPROMPTED = "reprompted"
    REJECTED = "rejected"
    MENDED = "mended"
    DISCOVERED = "discovered"
    CUT = "cut"
    MERGED = "merged"
    SPLIT = "split"
    EXCHANGED = "exchanged"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ColorTags:
    """Colour description of a stream, as the integers of ITU-T H.273; None is "not said"."""

    range: int | None = None
    space: int | None = None
    primaries: int | None = None
    transfer: int | None = None


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video before its frames are decoded.

    Attributes:
        width: Of the frames delivered: upright, after any scaling.
        height: As width.
        frame_rate: Average frames per second; 25 where a source has no clock.
        frame_count: The container's claim, often an estimate; None if unknown.
        time_base: Unit of the container's time stamps, in seconds.
        duration: Seconds from the first to past the last frame; None if unknown.
        start_time: Time of the first frame delivered.
        source_width: Upright width before scaling; prompts are given in these pixels.
        source_height: As source_width.
        path: Where it came from; "-" is standard input; "" for arrays in memory.
        codec: As FFmpeg names it; "" if not a coded video.
        pixel_format: As FFmpeg names it; "" if not a coded video.
        rotation: Degrees of the display matrix that were applied.
        is_interlaced: Whether frames are deinterlaced on reading.
        has_audio: Whether the file has an audio stream.
        color: Colour tags of the coded stream.
    """

    width: int
    height: int
    frame_rate: Fraction = Fraction(25)
    frame_count: int | None = None
    time_base: Fraction = Fraction(1, 90000)
    duration: Fraction | None = None
    start_time: Fraction = Fraction(0)
    source_width: int = 0
    source_height: int = 0
    path: str = ""
    codec: str = ""
    pixel_format: str = ""
    rotation: int = 0
    is_interlaced: bool = False
    has_audio: bool = False
    color: ColorTags = field(default_factory=ColorTags)

    def __post_init__(self) -> None:
        """Fill in the source size where nothing was scaled."""
        if not self.source_width:
            object.__setattr__(self, "source_width", self.width)
        if not self.source_height:
            object.__setattr__(self, "source_height", self.height)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frames delivered, as NumPy orders them."""
        return self.height, self.width


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture.

    Attributes:
        index: Counts from 0 at the first frame delivered.
        time: Presentation time in the source.
        image: Standard form. Never written to by anyone.
        is_corrupt: The decoder reported damage.
    """

    index: int
    time: Fraction
    image: Image
    is_corrupt: bool = False


def _no_points() -> Floats:
    return np.zeros((0, 2), np.float32)


def _no_labels() -> Labels:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Prompt:
    """What the user, the tracker or a proposer says of one object on one frame.

    Points, box and logits are hints and mix freely. A mask is an answer and is taken as it is.

    Attributes:
        points: (N, 2) float32, in pixels of the frame.
        labels: (N,) int64; 1 on the object, 0 on the background.
        box: Standard form.
        logits: The object's previous soft mask, standard form, any size.
        mask: The exact mask on this frame.
        is_absent: The object is not visible on this frame: final, like an empty mask.
        track_id: The object; None asks for the next free id.
        label: The user's name or class for the object.

    Raises:
        PromptError: If the parts do not fit one another.
    """

    points: Floats = field(default_factory=_no_points)
    labels: Labels = field(default_factory=_no_labels)
    box: Floats | None = None
    logits: Floats | None = None
    mask: Mask | None = None
    is_absent: bool = False
    track_id: int | None = None
    label: str = ""

    def __post_init__(self) -> None:
        """Bring arrays to the standard forms and check them against one another."""
        points = np.asarray(self.points, np.float32)
        if points.size % 2 or not np.isfinite(points).all():
            raise PromptError(f"points are pairs of finite numbers x,y, got {points.tolist()}")
        points = points.reshape(-1, 2)
        labels = np.asarray(self.labels, np.int64).reshape(-1)
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "labels", labels)
        if len(points) != len(labels):
            raise PromptError(f"{len(points)} points need {len(points)} labels, got {len(labels)}")
        if not np.isin(labels, (0, 1)).all():
            raise PromptError(f"point labels are 1 (object) or 0 (background), got {labels}")
        if self.box is not None:
            box = np.asarray(self.box, np.float32).reshape(-1)
            if box.shape != (4,):
                raise PromptError(f"a box has 4 numbers, x_min y_min x_max y_max, got {len(box)}")
            if not (np.isfinite(box).all() and box[2] > box[0] and box[3] > box[1]):
                raise PromptError(
                    f"a box needs x_max > x_min and y_max > y_min, got {','.join(map(str, box))}"
                )
            object.__setattr__(self, "box", box)
        if self.mask is not None and self.mask.dtype != np.bool_:
            raise PromptError(f"a mask is a bool array, got {self.mask.dtype}")
        if self.track_id is not None and self.track_id < 1:
            raise PromptError(f"a track_id is 1 or more, got {self.track_id}")
        if self.is_absent and self.track_id is None:
            raise PromptError("only an object that is already known can be absent")
        if not (self.is_answer or self.box is not None or self.logits is not None or len(points)):
            raise PromptError("a prompt needs a box, points, a mask or logits")

    @property
    def is_answer(self) -> bool:
        """Whether the mask on this frame is given, not asked for."""
        return self.mask is not None or self.is_absent

    @property
    def positive_points(self) -> Floats:
        """(P, 2): the points on the object."""
        points: Floats = self.points[self.labels == 1]
        return points

    @property
    def negative_points(self) -> Floats:
        """(Q, 2): the points on the background."""
        points: Floats = self.points[self.labels == 0]
        return points


@dataclass(frozen=True, slots=True, eq=False)
class ImageEmbedding:
    """What a segmenter keeps of one frame between prompts.

    Attributes:
        size: (height, width) of the frame.
        features: Belong to the segmenter that made them.
    """

    size: tuple[int, int]
    features: Any


@dataclass(frozen=True, slots=True, eq=False)
class MaskPrediction:
    """One candidate answer to one prompt.

    Attributes:
        mask: Standard form, at the size of the frame.
        logits: Standard form.
        predicted_iou: The segmenter's own estimate of its IoU with the truth.
    """

    mask: Mask
    logits: Floats
    predicted_iou: float


@dataclass(frozen=True, slots=True, eq=False)
class ClickMask:
    """One candidate answer to one of many lone clicks.

    Attributes:
        click: Which of the clicks.
        candidate: Which of its candidates.
        predicted_iou: As the segmenter says it; may leave [0, 1] a little.
        logits: (H, W) float32, at the size of the frame; above 0 is object.
    """

    click: int
    candidate: int
    predicted_iou: float
    logits: Floats


@dataclass(frozen=True, slots=True, eq=False)
class LogitsPart:
    """Logits over the whole frame of which only a part is not all alike: a small object's.

    Attributes:
        values: (h, w) float32, the part.
        x: Columns of the grid before it.
        y: Rows before it.
        size: (height, width) of the grid that is stretched over the whole frame.
        elsewhere: The logit of all the rest; not above 0.
    """

    values: Floats
    x: int
    y: int
    size: tuple[int, int]
    elsewhere: float

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the part."""
        height, width = self.values.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)

    def on(self, place: tuple[slice, slice]) -> Floats:
        """The logits on some rows and columns of the grid, given by first and last (exclusive)."""
        rows, columns = place
        found = np.full(
            (rows.stop - rows.start, columns.stop - columns.start), self.elsewhere, np.float32
        )
        height, width = self.values.shape
        top, bottom = max(rows.start, self.y), min(rows.stop, self.y + height)
        left, right = max(columns.start, self.x), min(columns.stop, self.x + width)
        if top < bottom and left < right:
            part = self.values[top - self.y : bottom - self.y, left - self.x : right - self.x]
            found[
                top - rows.start : bottom - rows.start, left - columns.start : right - columns.start
            ] = part
        return found

    def whole(self) -> Floats:
        """The logits in the standard form."""
        logits = np.full(self.size, self.elsewhere, np.float32)
        logits[self.slices] = self.values
        return logits


@dataclass(frozen=True, slots=True, eq=False)
class Propagation:
    """Where a propagator puts one object on the current frame.

    Attributes:
        logits: Standard form, or a part of it.
        confidence: Estimated IoU with the truth.
        signals: Named measurements behind the confidence.
    """

    logits: Floats | LogitsPart
    confidence: float
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """Something that may be an object nobody prompted for.

    Attributes:
        box: Standard form.
        score: What it is ranked by: higher is better.
        mask: Standard form; None where only the box is known.
        label: Its class; "" if that is not known.
        predicted_iou: Estimated IoU of the mask with the truth; None where nobody said.
        on_drive: Whether it was seen to move because a ground that streams by does not take it
            along, as a car that drives ahead: in the picture it may hardly move.
    """

    box: Floats
    score: float
    mask: Mask | None = None
    label: str = ""
    predicted_iou: float | None = None
    on_drive: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ObjectMask:
    """One object on one frame.

    Attributes:
        track_id: Standard form.
        mask: Standard form; all False while the object is not visible.
        box: Tight around the mask; zeros while the mask is empty.
        confidence: Estimated IoU of the mask with the truth.
        state: How the track stands.
        origin: Where the mask came from.
        label: The user's name or class; "" if none was given.
    """

    track_id: int
    mask: Mask
    box: Floats
    confidence: float
    state: State = State.CONFIRMED
    origin: Origin = Origin.PROPAGATED
    label: str = ""

    @property
    def is_seen(self) -> bool:
        """Whether it has a pixel."""
        return bool(self.box[0] < self.box[2])


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a track; track_id 0 concerns the whole frame."""

    kind: EventKind
    track_id: int
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """All that a sink ever sees: a frame, its objects by ascending track_id, its events."""

    frame: Frame
    objects: Sequence[ObjectMask] = ()
    events: Sequence[Event] = ()

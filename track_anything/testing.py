"""Small stand-ins for the sockets, exact and quick, for tests of code built on this package."""

import io
import math
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.boxes import grow_box
from track_anything.errors import SegmenterError, TrackingError
from track_anything.masks import mask_box, mask_iou, mask_logits
from track_anything.structures import (
    Floats,
    Frame,
    FrameResult,
    Image,
    ImageEmbedding,
    Mask,
    MaskPrediction,
    Prompt,
    Propagation,
    Proposal,
    VideoInfo,
)


class MovingSquare:
    """A source of drawn frames: a bright textured square on a dark textured background.

    The square moves by the same whole pixels on every frame and turns back at the edges, always in
    full view. Every pixel of it is brighter than every pixel of the background.
    """

    def __init__(
        self,
        *,
        frame_count: int = 20,
        size: tuple[int, int] = (96, 128),
        side: int = 24,
        start: tuple[int, int] = (8, 12),
        velocity: tuple[int, int] = (3, 2),
        frame_rate: Fraction = Fraction(25),
        seed: int = 0,
    ) -> None:
        """Draw the textures.

        Args:
            frame_count: Frames in all.
            size: (height, width).
            side: Of the square; smaller than both sides of the frame.
            start: (x, y) of the square's corner on frame 0.
            velocity: (x, y) pixels a frame.
            frame_rate: Frames a second.
            seed: Of the textures.

        Raises:
            ValueError: If the square does not fit the frame.
        """
        height, width = size
        if not (0 <= start[0] <= width - side and 0 <= start[1] <= height - side):
            raise ValueError(f"a square of {side} at {start} does not fit {width}x{height} pixels")
        random = np.random.default_rng(seed)
        self._background = random.integers(20, 90, (height, width, 3), np.uint8)
        self._square = random.integers(160, 250, (side, side, 3), np.uint8)
        self._start = start
        self._velocity = velocity
        self._frame_rate = frame_rate
        self._frame_count = frame_count
        self._is_closed = False

    @property
    def info(self) -> VideoInfo:
        """Exact, the frame count included."""
        height, width = self._background.shape[:2]
        return VideoInfo(
            width=width,
            height=height,
            frame_rate=self._frame_rate,
            frame_count=self._frame_count,
            time_base=1 / self._frame_rate,
            duration=self._frame_count / self._frame_rate,
        )

    def __iter__(self) -> Iterator[Frame]:
        """The frames; may be called again."""
        for index in range(self._frame_count):
            if self._is_closed:
                return
            yield self.frame(index)

    def close(self) -> None:
        """End the iteration."""
        self._is_closed = True

    def frame(self, index: int) -> Frame:
        """One frame, drawn anew."""
        image = self._background.copy()
        rows, columns = self._place(index)
        image[rows, columns] = self._square
        image.flags.writeable = False
        return Frame(index, index / self._frame_rate, image)

    def truth(self, index: int) -> Mask:
        """The exact mask of the square on one frame."""
        mask = np.zeros(self._background.shape[:2], np.bool_)
        mask[self._place(index)] = True
        return mask

    def box(self, index: int) -> Floats:
        """The exact box of the square on one frame."""
        return mask_box(self.truth(index))

    def _place(self, index: int) -> tuple[slice, slice]:
        height, width = self._background.shape[:2]
        side = self._square.shape[0]
        x = _reflected(self._start[0] + index * self._velocity[0], width - side)
        y = _reflected(self._start[1] + index * self._velocity[1], height - side)
        return slice(y, y + side), slice(x, x + side)


class ThresholdSegmenter:
    """A segmenter that takes bright pixels: exact on MovingSquare, and deterministic.

    Bright is above the middle between the darkest and the brightest pixel of the frame. The
    answer is what is bright inside the box, or inside that of the logits grown by a quarter. Of its
    parts only those with a positive point stay, if there is any, and those with a negative one go.
    """

    name = "threshold"

    def __init__(self, *, predicted_iou: float = 0.95) -> None:
        """Choose what it says of its own answers; of an empty one it says 0."""
        self._predicted_iou = predicted_iou
        self._last: tuple[Frame, ImageEmbedding] | None = None

    def embed(self, frame: Frame) -> ImageEmbedding:
        """The bright pixels; the last frame's are kept."""
        if self._last is None or self._last[0] is not frame:
            features = _Bright(_bright_pixels(frame.image))
            size = (frame.image.shape[0], frame.image.shape[1])
            self._last = frame, ImageEmbedding(size, features)
        return self._last[1]

    def decode(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
    ) -> Sequence[Sequence[MaskPrediction]]:
        """One candidate for every prompt.

        Raises:
            SegmenterError: If the embedding is another segmenter's.
        """
        if not isinstance(embedding.features, _Bright):
            raise SegmenterError("the threshold segmenter was given another one's embedding")
        return [[self._answer(embedding.features.mask, prompt)] for prompt in prompts]

    def _answer(self, bright: Mask, prompt: Prompt) -> MaskPrediction:
        if prompt.mask is not None:
            mask = prompt.mask
        elif prompt.is_absent:
            mask = np.zeros_like(bright)
        else:
            mask = _parts_by_points(bright & _bounds(prompt, bright.shape), prompt)
        height, width = mask.shape
        logits = mask_logits(mask, (math.ceil(height / 4), math.ceil(width / 4)))
        return MaskPrediction(mask, logits, self._predicted_iou if mask.any() else 0.0)


class HoldingPropagator:
    """A propagator that leaves every object where it was learned last."""

    def __init__(self, *, confidence: float = 0.9) -> None:
        """Choose its confidence; for an object learned as not visible it is 0."""
        self._confidence = confidence
        self._masks: dict[int, Mask] | None = None

    def start(self, info: VideoInfo) -> None:
        """Forget everything."""
        self._masks = {}

    def learn(self, frame: Frame, track_id: int, mask: Mask) -> None:
        """Hold this mask.

        Raises:
            TrackingError: If start was not called, or the mask is not of the frame's size.
        """
        if mask.shape != frame.image.shape[:2]:
            raise TrackingError(f"mask {mask.shape} on a frame of {frame.image.shape[:2]}")
        self._known()[track_id] = mask.copy()

    def expect(self, frame: Frame) -> None:
        """Nothing to be done."""

    def propagate(self, frame: Frame) -> Mapping[int, Propagation]:
        """Every object where it was.

        Raises:
            TrackingError: If start was not called.
        """
        return {
            track_id: Propagation(
                mask_logits(mask, (mask.shape[0], mask.shape[1])),
                self._confidence if mask.any() else 0.0,
                {"held": 1.0},
            )
            for track_id, mask in sorted(self._known().items())
        }

    def support(self, frame: Frame, track_id: int, mask: Mask) -> float:
        """IoU of a mask with the one held; 0 if there is none."""
        held = self._known().get(track_id)
        return 0.0 if held is None else mask_iou(held, mask)

    def resemblance(self, frame: Frame, track_id: int, mask: Mask) -> float:
        """1 for every mask that is not empty, of an object that is known."""
        return float(track_id in self._known() and mask.any())

    def believable(self, track_id: int, mask: Mask, *, place: Mask) -> Mask:
        """The mask."""
        return mask

    def cede(self, track_id: int, mask: Mask) -> None:
        """Hold the rest of the object's mask."""
        if track_id in self._known():
            self._known()[track_id] = self._known()[track_id] & ~mask

    def forget(self, track_id: int) -> None:
        """Drop an object."""
        self._known().pop(track_id, None)

    def save(self, track_ids: Collection[int] | None = None) -> bytes:
        """The masks as an npz file."""
        known = self._known()
        masks = {str(i): known[i] for i in sorted(known if track_ids is None else track_ids)}
        buffer = io.BytesIO()
        np.savez(buffer, **masks)  # type: ignore[arg-type]
        return buffer.getvalue()

    def restore(self, state: bytes) -> None:
        """Take the masks of an npz file.

        Raises:
            TrackingError: If the state is not one that save returned.
        """
        try:
            with np.load(io.BytesIO(state), allow_pickle=False) as masks:
                restored = {int(name): np.asarray(masks[name], np.bool_) for name in masks.files}
        except (OSError, EOFError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise TrackingError("this is not the state of a holding propagator") from error
        self._masks = restored

    def _known(self) -> dict[int, Mask]:
        if self._masks is None:
            raise TrackingError("start comes before everything else")
        return self._masks


class BrightPartsProposer:
    """A proposer of every bright part, the largest first: of what moves and of what does not.

    Bright is what has more than half of the greatest brightness there can be.
    """

    def __init__(self, *, score: float = 0.9, finds_nothing: bool = False) -> None:
        """Choose the score of its proposals, or that there are none."""
        self._score = score
        self._finds_nothing = finds_nothing

    def propose(self, frame: Frame, *, area: Mask | None = None) -> Sequence[Proposal]:
        """The parts of which more than half lies in the area."""
        if self._finds_nothing:
            return []
        bright = np.asarray(frame.image.max(axis=2) > 127)
        count, parts = cv2.connectedComponents(bright.view(np.uint8), connectivity=8)
        masks = [np.asarray(parts == part) for part in range(1, count)]
        if area is not None:
            masks = [mask for mask in masks if 2 * (mask & area).sum() > mask.sum()]
        masks.sort(key=lambda mask: -int(mask.sum()))
        return [Proposal(mask_box(mask), self._score, mask) for mask in masks]

    def watch(self, frame: Frame) -> None:
        """Nothing is kept."""

    def reset(self) -> None:
        """Nothing is kept."""

    def save(self) -> bytes:
        """Nothing."""
        return b""

    def restore(self, state: bytes) -> None:
        """Take nothing."""


class RecordingSink:
    """A sink that keeps all it is given.

    Attributes:
        results: In the order they came.
        close_count: How often close was called.
        abort_count: How often abort was called.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.results: list[FrameResult] = []
        self.close_count = 0
        self.abort_count = 0

    def write(self, result: FrameResult) -> None:
        """Keep one result."""
        self.results.append(result)

    def close(self) -> None:
        """Count the call."""
        self.close_count += 1

    def abort(self) -> None:
        """Count the call."""
        self.abort_count += 1


@dataclass(frozen=True, slots=True, eq=False)
class _Bright:
    mask: Mask


def _reflected(position: int, limit: int) -> int:
    """A position that turns back at 0 and at the limit."""
    if limit == 0:
        return 0
    around = position % (2 * limit)
    return min(around, 2 * limit - around)


def _bright_pixels(image: Image) -> Mask:
    brightness = image.sum(axis=2, dtype=np.int32)
    middle = (int(brightness.min()) + int(brightness.max())) / 2
    return np.asarray(brightness > middle)


def _bounds(prompt: Prompt, size: tuple[int, ...]) -> Mask:
    height, width = size
    inside = np.zeros((height, width), np.bool_)
    box = prompt.box
    if box is None and prompt.logits is not None:
        soft = cv2.resize(prompt.logits, (width, height), interpolation=cv2.INTER_LINEAR)
        box = grow_box(mask_box(np.asarray(soft > 0)), 0.25, (height, width))
    if box is None:
        return ~inside
    x_min, y_min = np.maximum(np.floor(box[:2]), 0).astype(int)
    x_max, y_max = np.maximum(np.ceil(box[2:]), 0).astype(int)
    inside[y_min:y_max, x_min:x_max] = True
    return inside


def _parts_by_points(mask: Mask, prompt: Prompt) -> Mask:
    if not len(prompt.points):
        return mask
    _, parts = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    wanted, unwanted = (
        _labels_at(np.asarray(parts, np.int32), points)
        for points in (prompt.positive_points, prompt.negative_points)
    )
    kept = mask & np.isin(parts, wanted) if len(prompt.positive_points) else mask
    return np.asarray(kept & ~np.isin(parts, unwanted))


def _labels_at(parts: NDArray[np.int32], points: Floats) -> NDArray[np.int32]:
    height, width = parts.shape
    x = np.clip(points[:, 0].astype(int), 0, width - 1)
    y = np.clip(points[:, 1].astype(int), 0, height - 1)
    return np.asarray(parts[y, x], np.int32)

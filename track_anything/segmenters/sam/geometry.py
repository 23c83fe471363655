"""Where things are: frames and the network's square input, logits and masks."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image as PillowImage

from track_anything.boxes import clip_box
from track_anything.segmenters.sam.architecture import SamConfig
from track_anything.segmenters.sam.execution import PADDING_LABEL, SamPrompt
from track_anything.structures import Floats, Image, Mask, Prompt

LOGIT_STRIDE = 4
"""Input pixels along the side of one low-resolution logit."""
LARGEST_ZOOMED_LOGITS = 1024
"""Longer side of the logits of a whole frame that a crop's are written into."""

Crop = tuple[int, int, int, int]
"""left, top, right, bottom in pixels of the frame, right and bottom exclusive."""


@dataclass(frozen=True)
class Fit:
    """How a part of a frame lies in the network's input: at the top left, the rest is padding.

    Attributes:
        frame_size: (height, width).
        crop: The part.
        input_size: Side of the input.
    """

    frame_size: tuple[int, int]
    crop: Crop
    input_size: int

    @classmethod
    def whole(cls, frame_size: tuple[int, int], config: SamConfig) -> "Fit":
        """The whole frame."""
        height, width = frame_size
        return cls(frame_size, (0, 0, width, height), config.image_size)

    @property
    def crop_size(self) -> tuple[int, int]:
        """(height, width) in pixels of the frame."""
        left, top, right, bottom = self.crop
        return bottom - top, right - left

    @property
    def resized(self) -> tuple[int, int]:
        """(height, width) of the part in the input: the longer side fills it."""
        scale = self.input_size / max(self.crop_size)
        height, width = (max(1, int(side * scale + 0.5)) for side in self.crop_size)
        return height, width

    @property
    def mask_size(self) -> int:
        """Side of the network's logits."""
        return self.input_size // LOGIT_STRIDE

    @property
    def is_whole(self) -> bool:
        """Whether the part is the frame."""
        return self.crop_size == self.frame_size

    def image(self, image: Image) -> Image:
        """The part, resized as SAM's training images were: Pillow's bilinear, antialiased."""
        left, top, right, bottom = self.crop
        part = image[top:bottom, left:right]
        height, width = self.resized
        if part.shape[:2] == (height, width):
            return part
        picture = PillowImage.fromarray(np.ascontiguousarray(part))
        return np.asarray(picture.resize((width, height), PillowImage.Resampling.BILINEAR))

    def prompt(self, prompt: Prompt) -> SamPrompt:
        """A prompt in pixels of the input; negative points outside of the part are left out."""
        origin = np.array(self.crop[:2], np.float32)
        (new_height, new_width), (height, width) = self.resized, self.crop_size
        scale = np.array([new_width / width, new_height / height], np.float32)
        points, labels = prompt.points, prompt.labels
        if not self.is_whole:
            low, high = origin, np.array(self.crop[2:], np.float32)
            inside = ((points >= low) & (points < high)).all(1) | (labels == 1)
            points, labels = points[inside], labels[inside]
        points = (points - origin) * scale
        box = prompt.box
        if box is not None:
            box = (clip_box(box, self.frame_size).reshape(2, 2) - origin) * scale
            box = box.reshape(4).astype(np.float32)
        elif len(points):
            # Stands for "no box". The network was trained with it; without it masks get worse.
            points = np.concatenate([points, np.zeros((1, 2), np.float32)])
            labels = np.append(labels, PADDING_LABEL)
        mask = None if prompt.logits is None else self.logits_in(prompt.logits)
        return SamPrompt(points.astype(np.float32), labels.astype(np.int64), box, mask)

    def logits_out(self, logits: Floats) -> Floats:
        """The network's logits, without the padding, stretched over the whole frame."""
        valid = [side / LOGIT_STRIDE for side in self.resized]
        if self.is_whole:
            places = [_centres(math.ceil(side), side / math.ceil(side)) for side in valid]
            return _sampled(logits, places[0], places[1])
        shrink = min(1.0, LARGEST_ZOOMED_LOGITS / max(self.frame_size))
        rows, columns = (max(1, round(side * shrink)) for side in self.frame_size)
        frame = np.full((rows, columns), -np.abs(logits).max(), np.float32)
        spans, places = [], []
        for axis, count in enumerate((rows, columns)):
            step = self.frame_size[axis] / count
            low, high = self.crop[1 - axis], self.crop[3 - axis]
            first, last = math.ceil(low / step - 0.5), math.ceil(high / step - 0.5)
            centres = (np.arange(first, last) + 0.5) * step - low
            places.append(centres * (valid[axis] / self.crop_size[axis]) - 0.5)
            spans.append(slice(first, last))
        if len(places[0]) and len(places[1]):
            frame[spans[0], spans[1]] = _sampled(logits, places[0], places[1])
        return frame

    def logits_in(self, logits: Floats) -> Floats:
        """Logits stretched over the frame as the network takes them; padding is background."""
        values = np.asarray(logits, np.float32)
        valid = [side / LOGIT_STRIDE for side in self.resized]
        steps = [
            values.shape[axis] / self.frame_size[axis] * self.crop_size[axis] / valid[axis]
            for axis in (0, 1)
        ]
        if max(steps) > 1:
            smaller = [
                max(1, round(side / max(step, 1)))
                for side, step in zip(values.shape, steps, strict=True)
            ]
            values = np.asarray(
                cv2.resize(values, (smaller[1], smaller[0]), interpolation=cv2.INTER_AREA)
            ).reshape(smaller)
        places = []
        for axis, (low, side) in enumerate(zip((self.crop[1], self.crop[0]), valid, strict=True)):
            share = values.shape[axis] / self.frame_size[axis]
            step = share * self.crop_size[axis] / side
            places.append(_centres(math.ceil(side), step) + low * share)
        sampled = _sampled(values, places[0], places[1])
        size = self.mask_size
        canvas = np.full((size, size), -max(np.abs(sampled).max(), 1.0), np.float32)
        canvas[: sampled.shape[0], : sampled.shape[1]] = sampled
        return canvas

    def mask_out(self, logits: Floats) -> Mask:
        """The bool mask of the whole frame that the network's logits stand for."""
        part = self.enlarged(logits)
        if self.is_whole:
            return np.asarray(part > 0)
        left, top, right, bottom = self.crop
        mask = np.zeros(self.frame_size, np.bool_)
        mask[top:bottom, left:right] = part > 0
        return mask

    def enlarged(self, logits: Floats) -> Floats:
        """The network's logits at the size of the part in the frame.

        As in Meta's code: enlarge to the input, cut the padding off, resize to the part.
        """
        height, width = self.resized
        # Only what the part needs: its own logits and one more at its right and bottom.
        rows, columns = (
            min(math.ceil(side / LOGIT_STRIDE) + 1, self.mask_size) for side in (height, width)
        )
        enlarged = cv2.resize(
            np.ascontiguousarray(logits[:rows, :columns]),
            (columns * LOGIT_STRIDE, rows * LOGIT_STRIDE),
            interpolation=cv2.INTER_LINEAR,
        )
        part_height, part_width = self.crop_size
        part = cv2.resize(
            np.ascontiguousarray(enlarged[:height, :width]),
            (part_width, part_height),
            interpolation=cv2.INTER_LINEAR,
        )
        return np.asarray(part, np.float32)


def stability_score(logits: Floats, *, offset: float = 1.0) -> float:
    """IoU of the masks at thresholds of +offset and -offset; 1 if both are empty.

    Source: segment-anything, utils/amg.py (Apache-2.0): the idea and the default offset.
    """
    high = int(np.count_nonzero(logits > offset))
    low = int(np.count_nonzero(logits > -offset))
    return high / low if low else 1.0


def _centres(count: int, step: float) -> np.ndarray:
    """Where the centres of count samples, step apart, lie among values with centres at 0, 1 ..."""
    return (np.arange(count) + 0.5) * step - 0.5


def _sampled(values: Floats, rows: np.ndarray, columns: np.ndarray) -> Floats:
    """Linear interpolation at every pair of a row and a column; edges continue outwards."""
    tall = _line(values, rows)
    return np.ascontiguousarray(_line(tall.T, columns).T, np.float32)


def _line(values: Floats, places: np.ndarray) -> Floats:
    last = len(values) - 1
    places = np.clip(places, 0, last)
    first = np.floor(places).astype(np.int64)
    share = (places - first).astype(np.float32)[:, None]
    if not share.any():
        return np.asarray(values[first], np.float32)
    following = np.minimum(first + 1, last)
    return np.asarray(values[first] * (1 - share) + values[following] * share, np.float32)

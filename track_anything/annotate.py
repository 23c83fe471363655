"""Results as pictures: masks, contours, boxes, labels and traces painted over a frame.

Masks and contours are painted here, object by object inside its own box: supervision goes over
the whole frame for each of them. Boxes, labels and traces are supervision's.
"""

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from track_anything.config import StyleConfig
from track_anything.errors import OutputError
from track_anything.masks import mask_box
from track_anything.structures import FrameResult, Image, Mask, ObjectMask, State

Color = tuple[int, int, int]

PALETTE_LENGTH = 240
_FIRST_COLORS: tuple[Color, ...] = (
    (255, 196, 0),  # amber
    (240, 60, 160),  # pink
    (30, 214, 232),  # cyan
    (255, 104, 32),  # orange
    (166, 232, 48),  # lime
    (158, 104, 255),  # violet
    (255, 240, 150),  # cream
    (232, 40, 56),  # red
    (70, 240, 176),  # mint
    (255, 164, 224),  # rose
    (204, 138, 60),  # bronze
    (200, 230, 255),  # ice
)
"""Told apart from one another and from the greens and blues of pitches and halls."""
_GREY: Color = (150, 150, 150)
_DARK: Color = (28, 28, 30)
_LIGHT: Color = (255, 255, 255)

# At 720 lines; all scaled with the frame.
_CONTOUR_WIDTH = 2.0
_TEXT_SCALE = 0.5
_SMALLEST_TEXT_SCALE = 0.36
_TEXT_PADDING = 5.0
_DASH_LENGTH = 7.0
_CONTOUR_STEP = 3
_SUBPIXEL_BITS = 4


def track_color(track_id: int) -> Color:
    """The RGB colour of a track: the same in every run; near ids differ strongly.

    >>> track_color(1), track_color(2)
    ((255, 196, 0), (240, 60, 160))
    """
    return _palette()[(track_id - 1) % PALETTE_LENGTH]


@cache
def _palette() -> tuple[Color, ...]:
    """Hand-picked colours first; then the golden angle goes round the hues."""
    colors = list(_FIRST_COLORS)
    for number in range(PALETTE_LENGTH - len(colors)):
        hue = (0.12 + number * 0.618034) % 1
        saturation, value = ((0.75, 1.0), (0.45, 1.0), (0.8, 0.82))[number % 3]
        red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
        colors.append((round(red * 255), round(green * 255), round(blue * 255)))
    return tuple(colors)


def _mix(first: Color, second: Color, share: float) -> Color:
    red, green, blue = (
        round(a * (1 - share) + b * share) for a, b in zip(first, second, strict=True)
    )
    return red, green, blue


def overlay(
    image: Image, masks: Mapping[int, Mask], *, opacity: float = 0.5, contours: bool = True
) -> Image:
    """A copy of a picture with masks by track_id painted over it, later ids on top."""
    painted = image.copy()
    scale = min(image.shape[:2]) / 720
    patches = _patches([(key, mask, mask_box(mask), False) for key, mask in sorted(masks.items())])
    for patch in patches:
        _fill(painted, patch, opacity)
    for patch in patches if contours else ():
        _outline(painted, patch, scale)
    return painted


class Annotator:
    """Paints the results of one video. Frames come in order: traces remember."""

    def __init__(self, config: StyleConfig, size: tuple[int, int]) -> None:
        """Get ready for frames of (height, width)."""
        self._config = config
        self._size = size
        self._scale = min(size) / 720
        colors = sv.ColorPalette([_swapped(color) for color in _palette()])
        width = max(1, round(config.box_width * self._scale))
        self._boxes = sv.BoxAnnotator(colors, thickness=width)
        self._traces = sv.TraceAnnotator(
            colors,
            trace_length=config.trace_frames,
            thickness=max(2, width),
            position=sv.Position.CENTER,
        )

    def paint(self, result: FrameResult) -> Image:
        """A new RGB picture: the frame with its objects as the style says.

        Raises:
            OutputError: If the frame is not of the size given at the start.
        """
        image = result.frame.image
        if image.shape[:2] != self._size:
            height, width = self._size
            came = f"{image.shape[1]} x {image.shape[0]}"
            raise OutputError(f"frame {result.frame.index} is {came}, expected {width} x {height}")
        parts = self._config.parts
        painted = image.copy()
        shown = [each for each in result.objects if each.box[2] > each.box[0]]
        if "mask" in parts or "contour" in parts:
            patches = _patches([(o.track_id, o.mask, o.box, _is_unsure(o)) for o in shown])
            for patch in patches if "mask" in parts else ():
                _fill(painted, patch, self._config.mask_opacity)
            for patch in patches if "contour" in parts else ():
                _outline(painted, patch, self._scale)
        if "trace" in parts:
            self._draw_traces(painted, shown)
        if "box" in parts:
            self._draw_boxes(painted, shown)
        if "label" in parts:
            self._draw_labels(painted, result.objects)
        return painted

    def _draw_traces(self, image: Image, shown: Sequence[ObjectMask]) -> None:
        """Draw where objects were; who is out of sight starts anew, without a line across."""
        memory = self._traces.trace
        kept = np.isin(memory.tracker_id, [each.track_id for each in shown])
        memory.frame_id, memory.xy = memory.frame_id[kept], memory.xy[kept]
        memory.tracker_id = memory.tracker_id[kept]
        detections, lookup = _detections(shown)
        self._traces.annotate(image, detections, custom_color_lookup=lookup)

    def _draw_boxes(self, image: Image, shown: Sequence[ObjectMask]) -> None:
        if shown:
            detections, lookup = _detections(shown)
            self._boxes.annotate(image, detections, custom_color_lookup=lookup)

    def _draw_labels(self, image: Image, objects: Sequence[ObjectMask]) -> None:
        text_scale = max(_SMALLEST_TEXT_SCALE, _TEXT_SCALE * self._scale)
        thickness = max(1, round(2.4 * text_scale))
        padding = max(2, round(_TEXT_PADDING * max(self._scale, 0.6)))
        layout = _Layout(self._size, text_scale, thickness, padding)
        labels = [label for each in objects if (label := layout.place(each)) is not None]
        if not labels:
            return
        anchors = [(x, y + height, x + width, y + height) for x, y, width, height in layout.taken]
        annotator = sv.LabelAnnotator(
            color=sv.ColorPalette([_swapped(label.back) for label in labels]),
            text_color=sv.ColorPalette([_swapped(label.front) for label in labels]),
            text_scale=text_scale,
            text_thickness=thickness,
            text_padding=padding,
            border_radius=padding // 2,
        )
        annotator.annotate(
            image,
            sv.Detections(xyxy=np.array(anchors, np.float32)),
            labels=[label.text for label in labels],
            custom_color_lookup=np.arange(len(labels)),
        )


@dataclass(frozen=True)
class _Label:
    text: str
    back: Color
    front: Color


class _Layout:
    """Finds a place for one label after the other: in the picture, off the others if it can."""

    def __init__(
        self, size: tuple[int, int], text_scale: float, thickness: int, padding: int
    ) -> None:
        self.taken: list[tuple[int, int, int, int]] = []
        self._size = size
        self._text_scale, self._thickness, self._padding = text_scale, thickness, padding
        self._listed = 0

    def place(self, each: ObjectMask) -> _Label | None:
        """The label of an object, its place added to taken; None if it has ended."""
        name = each.label or f"#{each.track_id}"
        color = track_color(each.track_id)
        if each.box[2] > each.box[0]:
            if _is_unsure(each):
                name, color = f"{name} {each.confidence:.0%}", _mix(color, _GREY, 0.5)
            self.taken.append(self._beside(each, *self._extent(name)))
            return _Label(name, color, _text_color(color))
        if each.state is State.ENDED:
            return None
        name = f"{name} {each.state if _is_gone(each) else 'not seen'}"
        width, height = self._extent(name)
        gap = self._padding
        top = gap + self._listed * (height + gap)
        self._listed += 1
        self.taken.append(self._inside(gap, top, width, height))
        return _Label(name, _DARK, _mix(color, _LIGHT, 0.3))

    def _extent(self, text: str) -> tuple[int, int]:
        """Width and height of a label as supervision draws it."""
        (width, height), _ = cv2.getTextSize(
            text, cv2.FONT_HERSHEY_SIMPLEX, self._text_scale, self._thickness
        )
        return width + 2 * self._padding, height + 2 * self._padding

    def _beside(self, each: ObjectMask, width: int, height: int) -> tuple[int, int, int, int]:
        left, top, right, bottom = (round(float(side)) for side in each.box)
        middle = (left + right - width) // 2
        spots = [
            (middle, top - height - 2),
            (left, top - height - 2),
            (right - width, top - height - 2),
            (middle, bottom + 2),
            (middle, top - 2 * height - 4),
        ]
        places = [self._inside(x, y, width, height) for x, y in spots]
        return next((place for place in places if not self._meets(place)), places[0])

    def _inside(self, x: int, y: int, width: int, height: int) -> tuple[int, int, int, int]:
        most_y, most_x = self._size[0] - height - 1, self._size[1] - width - 1
        return max(0, min(x, most_x)), max(0, min(y, most_y)), width, height

    def _meets(self, place: tuple[int, int, int, int]) -> bool:
        x, y, width, height = place
        return any(
            x < left + wide and left < x + width and y < top + high and top < y + height
            for left, top, wide, high in self.taken
        )


def _is_unsure(each: ObjectMask) -> bool:
    return each.state is not State.CONFIRMED


def _is_gone(each: ObjectMask) -> bool:
    return each.state in (State.OCCLUDED, State.LOST)


def _swapped(color: Color) -> sv.Color:
    """A colour for supervision, which writes BGR: swapped, it comes out right on RGB pictures."""
    return sv.Color(r=color[2], g=color[1], b=color[0])


def _text_color(back: Color) -> Color:
    """Dark on light colours, light on dark ones."""
    brightness = 0.299 * back[0] + 0.587 * back[1] + 0.114 * back[2]
    return _DARK if brightness > 125 else _LIGHT


def _detections(shown: Sequence[ObjectMask]) -> tuple[sv.Detections, NDArray[np.int_]]:
    """Boxes as supervision has them, without masks, and the palette index of each."""
    ids = np.array([each.track_id for each in shown], int)
    if not len(ids):
        return sv.Detections.empty(), ids
    # Ours end before x_max and y_max, supervision's include them.
    boxes = np.stack([each.box for each in shown]) - np.array([0, 0, 1, 1], np.float32)
    return sv.Detections(xyxy=boxes, tracker_id=ids), (ids - 1) % PALETTE_LENGTH


@dataclass(frozen=True, eq=False)
class _Patch:
    """The visible part of one object inside its own box.

    Attributes:
        corner: (x, y) of the box.
        cover: (h, w) uint8, 1 on the object.
    """

    color: Color
    corner: tuple[int, int]
    cover: Image
    is_unsure: bool


def _patches(objects: Sequence[tuple[int, Mask, NDArray[np.float32], bool]]) -> list[_Patch]:
    """Patches of (track_id, mask, box, is_unsure) in this order; what later ones cover is cut."""
    patches: list[_Patch] = []
    boxes = [np.rint(each[2]).astype(int).tolist() for each in objects]
    for index, (track_id, mask, _, is_unsure) in enumerate(objects):
        left, top, right, bottom = boxes[index]
        if right <= left:
            continue
        cover = mask[top:bottom, left:right]
        for later in range(index + 1, len(objects)):
            x0, y0 = max(left, boxes[later][0]), max(top, boxes[later][1])
            x1, y1 = min(right, boxes[later][2]), min(bottom, boxes[later][3])
            if x0 < x1 and y0 < y1:
                cover = cover.copy() if np.may_share_memory(cover, mask) else cover
                above = objects[later][1][y0:y1, x0:x1]
                cover[y0 - top : y1 - top, x0 - left : x1 - left] &= ~above
        patches.append(_Patch(track_color(track_id), (left, top), cover.view(np.uint8), is_unsure))
    return patches


def _fill(image: Image, patch: _Patch, opacity: float) -> None:
    """Tint the pixels of a patch."""
    height, width = patch.cover.shape
    x, y = patch.corner
    below = image[y : y + height, x : x + width]
    tint = np.empty_like(below)
    # rectangle fills twenty times as fast as NumPy's broadcast of three bytes.
    cv2.rectangle(tint, (0, 0), (width, height), patch.color, -1)
    share = opacity * (0.6 if patch.is_unsure else 1.0)
    blended = cv2.addWeighted(below, 1 - share, tint, share, 0)
    cv2.copyTo(blended, patch.cover, below)


def _outline(image: Image, patch: _Patch, scale: float) -> None:
    """Draw the edge of a patch: a smooth line, for an unsure object dashed, thin and greyer."""
    found, _ = cv2.findContours(
        patch.cover, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=patch.corner
    )
    width = max(1, round(_CONTOUR_WIDTH * scale))
    lines, is_closed = [_smooth(np.asarray(points[:, 0], np.int32)) for points in found], True
    color = _mix(patch.color, _LIGHT, 0.2)
    if patch.is_unsure:
        color, width = _mix(patch.color, _GREY, 0.4), max(1, width // 2)
        dash = max(2, round(_DASH_LENGTH * max(scale, 0.6) / _CONTOUR_STEP))
        lines = [
            line[start : start + dash + 1]
            for line in lines
            for start in range(0, len(line), 2 * dash)
        ]
        is_closed = False
    cv2.polylines(image, lines, is_closed, color, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def _smooth(points: NDArray[np.int32]) -> NDArray[np.int32]:
    """A closed line of pixels without its staircase: means of five, every third, in sixteenths."""
    if len(points) < 8:
        return points << _SUBPIXEL_BITS
    around = np.concatenate([points[-2:], points, points[:2]])
    count = len(points)
    total = sum(around[shift : shift + count] for shift in range(5))
    smoothed = (np.asarray(total)[::_CONTOUR_STEP] << _SUBPIXEL_BITS) // 5
    return smoothed.astype(np.int32)

"""Results as pictures: masks, contours, boxes, labels and traces painted over a frame.

Boxes, labels and traces are supervision's; masks and contours are our own, from painting.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from track_anything.config import StyleConfig
from track_anything.errors import OutputError
from track_anything.painting import (
    GREY,
    LIGHT,
    PALETTE_LENGTH,
    Color,
    fill_patch,
    mix_colors,
    outline_patch,
    palette,
    track_color,
    visible_patches,
)
from track_anything.structures import SEARCHED_STATES, FrameResult, Image, ObjectMask, State

_DARK: Color = (28, 28, 30)

# At 720 lines; all scaled with the frame.
_TEXT_SCALE = 0.5
_SMALLEST_TEXT_SCALE = 0.36
_TEXT_PADDING = 5.0


class Annotator:
    """Paints the results of one video. Frames come in order: traces remember."""

    def __init__(self, config: StyleConfig, size: tuple[int, int]) -> None:
        """Get ready for frames of (height, width)."""
        self._config = config
        self._size = size
        self._scale = min(size) / 720
        colors = sv.ColorPalette([_swapped(color) for color in palette()])
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
            patches = visible_patches([(o.track_id, o.mask, o.box, _is_unsure(o)) for o in shown])
            for patch in patches if "mask" in parts else ():
                fill_patch(painted, patch, self._config.mask_opacity)
            for patch in patches if "contour" in parts else ():
                outline_patch(painted, patch, self._scale)
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
                name, color = f"{name} {each.confidence:.0%}", mix_colors(color, GREY, 0.5)
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
        return _Label(name, _DARK, mix_colors(color, LIGHT, 0.3))

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
    return each.state in SEARCHED_STATES


def _swapped(color: Color) -> sv.Color:
    """A colour for supervision, which writes BGR: swapped, it comes out right on RGB pictures."""
    return sv.Color(r=color[2], g=color[1], b=color[0])


def _text_color(back: Color) -> Color:
    """Dark on light colours, light on dark ones."""
    brightness = 0.299 * back[0] + 0.587 * back[1] + 0.114 * back[2]
    return _DARK if brightness > 125 else LIGHT


def _detections(shown: Sequence[ObjectMask]) -> tuple[sv.Detections, NDArray[np.int_]]:
    """Boxes as supervision has them, without masks, and the palette index of each."""
    ids = np.array([each.track_id for each in shown], int)
    if not len(ids):
        return sv.Detections.empty(), ids
    # Ours end before x_max and y_max, supervision's include them.
    boxes = np.stack([each.box for each in shown]) - np.array([0, 0, 1, 1], np.float32)
    return sv.Detections(xyxy=boxes, tracker_id=ids), (ids - 1) % PALETTE_LENGTH

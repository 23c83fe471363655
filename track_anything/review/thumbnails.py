"""Small pictures of moments: the object and what is around it, before, at and after."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from track_anything.boxes import grow_box
from track_anything.errors import OutputError, VideoError
from track_anything.masks import mask_box
from track_anything.painting import fill_patch, outline_patch, visible_patches
from track_anything.review.moments import Instant, Moment
from track_anything.review.pictures import Pictures
from track_anything.structures import Floats, FrameResult, Image, ObjectMask

THUMBNAIL_SIZE = (240, 320)
"""Largest (height, width): three side by side on a laptop, one across on a phone."""

_QUALITY = 72
_GROWTH = 0.6
_LEAST_SHARE = 0.3
_OPACITY = 0.4
_NOTHING = (38, 38, 42)


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One of the pictures of a moment.

    Attributes:
        data: A WebP file.
        size: (height, width).
        when: The frame.
        area: Pixels of the object's mask in the frame; 0 if it is not visible.
        has_picture: Whether the frame is behind the mask, not plain grey.
    """

    data: bytes
    size: tuple[int, int]
    when: Instant
    area: int
    has_picture: bool


Triple = tuple[Thumbnail, Thumbnail, Thumbnail]


def draw_moments(
    moments: Sequence[Moment],
    around: Callable[[Moment], tuple[int, int, int]],
    result_at: Callable[[int], FrameResult],
    pictures: Pictures,
) -> tuple[list[Triple], tuple[str, ...]]:
    """The pictures of every moment, and what a reader has to know of them.

    One frame is in memory at a time, whatever the number of moments.

    Args:
        moments: To be drawn.
        around: The indices of the frames before, at and after a moment.
        result_at: The result of a frame of the run.
        pictures: The frames behind the masks.
    """
    wanted = [around(moment) for moment in moments]
    boxes: dict[int, dict[int, Floats]] = {}
    instants: dict[int, Instant] = {}
    for index in sorted({index for triple in wanted for index in triple}):
        result = result_at(index)
        instants[index] = Instant(index, result.frame.time)
        boxes[index] = {one.track_id: one.box for one in result.objects}
    size = pictures.info.size
    views = [
        _view([boxes[index] for index in triple], _ids(moment), size)
        for moment, triple in zip(moments, wanted, strict=True)
    ]
    drawn: dict[tuple[int, int], Thumbnail] = {}

    def draw(when: Instant, image: Image | None) -> None:
        result = result_at(when.frame)
        for number, triple in enumerate(wanted):
            if when.frame in triple:
                key = number, when.frame
                drawn[key] = _draw(result, image, views[number], _ids(moments[number]))

    notes = list(pictures.notes)
    waiting = dict(instants)
    try:
        for when, image in pictures.at(list(instants.values())):
            draw(when, image)
            del waiting[when.frame]
    except VideoError as error:
        notes.append(f"Not every picture could be read: {error}.")
    if waiting and pictures.path is not None:
        notes.append(f"{len(waiting)} frames were not found in it at their times: masks alone.")
    for when in waiting.values():
        draw(when, None)
    triples = [
        (drawn[number, before], drawn[number, at], drawn[number, after])
        for number, (before, at, after) in enumerate(wanted)
    ]
    return triples, tuple(notes)


def _ids(moment: Moment) -> tuple[int, ...]:
    return (moment.track_id, *moment.other_ids)


def _view(
    boxes: Sequence[Mapping[int, Floats]], ids: Sequence[int], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The part of a frame that shows some objects on several frames: x0, y0, x1, y1."""
    height, width = size
    seen = [
        on_frame[track_id]
        for on_frame in boxes
        for track_id in ids
        if track_id in on_frame and on_frame[track_id][2] > on_frame[track_id][0]
    ]
    if not seen:
        return 0, 0, width, height
    corners = np.stack(seen)
    union = np.concatenate([corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)])
    x0, y0, x1, y1 = grow_box(union.astype(np.float32), _GROWTH, size)
    aspect = THUMBNAIL_SIZE[1] / THUMBNAIL_SIZE[0]
    tall = max(float(y1 - y0), float(x1 - x0) / aspect, _LEAST_SHARE * height)
    (left, right), (top, bottom) = (
        _span(float(x0 + x1) / 2, tall * aspect, width),
        _span(float(y0 + y1) / 2, tall, height),
    )
    return left, top, right, bottom


def _span(middle: float, length: float, limit: int) -> tuple[int, int]:
    """A stretch of a length around a middle, moved inside 0 and a limit."""
    whole = min(limit, max(1, round(length)))
    start = min(max(0, round(middle - whole / 2)), limit - whole)
    return start, start + whole


def _draw(
    result: FrameResult, image: Image | None, view: tuple[int, int, int, int], ids: Sequence[int]
) -> Thumbnail:
    x0, y0, x1, y1 = view
    scale = min(THUMBNAIL_SIZE[0] / (y1 - y0), THUMBNAIL_SIZE[1] / (x1 - x0))
    size = max(1, round((y1 - y0) * scale)), max(1, round((x1 - x0) * scale))
    if image is None:
        picture = np.full((*size, 3), _NOTHING, np.uint8)
    else:
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        part = np.ascontiguousarray(image[y0:y1, x0:x1])
        picture = np.asarray(cv2.resize(part, size[::-1], interpolation=way), np.uint8)
    shown = [one for one in result.objects if one.box[2] > one.box[0]]
    _paint(picture, [one for one in shown if one.track_id not in ids], view, opacity=0.0)
    _paint(picture, [one for one in shown if one.track_id in ids], view, opacity=_OPACITY)
    done, data = cv2.imencode(".webp", picture[:, :, ::-1], [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    if not done:
        raise OutputError(f"frame {result.frame.index}: its thumbnail cannot be encoded")
    areas = [int(np.count_nonzero(o.mask)) for o in shown if o.track_id == ids[0]]
    when = Instant(result.frame.index, result.frame.time)
    return Thumbnail(data.tobytes(), size, when, sum(areas), image is not None)


def _paint(
    picture: Image,
    objects: Sequence[ObjectMask],
    view: tuple[int, int, int, int],
    *,
    opacity: float,
) -> None:
    """Draw masks into the small picture: resized first, so that lines stay sharp."""
    x0, y0, x1, y1 = view
    height, width = picture.shape[:2]
    placed = []
    for one in objects:
        part = np.ascontiguousarray(one.mask[y0:y1, x0:x1]).view(np.uint8) * np.uint8(255)
        way = cv2.INTER_AREA if part.shape[0] > height else cv2.INTER_LINEAR
        small = np.asarray(cv2.resize(part, (width, height), interpolation=way) > 127)
        placed.append((one.track_id, small, mask_box(small), False))
    for patch in visible_patches(placed):
        if opacity:
            fill_patch(picture, patch, opacity)
        outline_patch(picture, patch, 1.0)

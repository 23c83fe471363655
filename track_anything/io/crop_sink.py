"""A video that follows one object: smooth, of one size, with the sound of the source."""

import logging
import math
from collections import deque
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from track_anything.config import RunConfig
from track_anything.errors import ConfigError, OutputError
from track_anything.io.rgba import union_mask
from track_anything.io.smooth_view import SmoothView, View
from track_anything.io.video_sink import h264
from track_anything.io.video_writer import VideoWriter
from track_anything.masks import mask_box
from track_anything.structures import EventKind, Floats, Frame, FrameResult, Image, VideoInfo

_log = logging.getLogger(__name__)

MAX_SMOOTH_FRAMES = 250
_DEFAULTS = RunConfig()
_SMALLEST_SIDE = 16


class CropSink:
    """H.264 video of the part of every frame where an object is, at the source's exact times.

    The part moves and grows smoothly, never reaches beyond the frame, and waits at the last place
    while the object is not visible; before the object is first seen it is as large as the frame
    allows. To look ahead, smooth_frames frames are held back, in memory.
    """

    needs_images: ClassVar[bool] = True

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        track_id: int | None = None,
        size: tuple[int, int] | None = None,
        margin: float = 0.25,
        max_zoom: float = 4.0,
        smooth_frames: int = 15,
        source: str | Path | None = None,
        start: Fraction | None = None,
        end: Fraction | None = None,
        stops_with_video: bool = False,
        settings: RunConfig = _DEFAULTS,
        overwrite: bool = False,
    ) -> None:
        """Check the output and prepare the encoder.

        Args:
            path: A name ending in .mp4, .m4v, .mov or .mkv.
            info: Of the frames that will come.
            track_id: Who is followed; None follows all objects together.
            size: Width and height of the pictures in pixels; odd sides are padded. None is half
                the frame's.
            margin: Space on every side of the object, as a part of its sides, 0 to 10.
            max_zoom: How far pixels are enlarged at most, 0.1 to 100.
            smooth_frames: Frames looked at on either side, 0 (not smoothed) to 250.
            source: The file whose audio is copied, as VideoSink.
            start: As VideoSink.
            end: As VideoSink.
            stops_with_video: As VideoSink.
            settings: Quality is in its `write`.
            overwrite: Replace an existing output when the new one is complete.

        Raises:
            OutputError: If the output cannot or may not be written there.
            ConfigError: If a setting is out of range.
        """
        width, height = size or (_half(info.width), _half(info.height))
        for name, value, low, high in (
            ("width", width, _SMALLEST_SIDE, 16384),
            ("height", height, _SMALLEST_SIDE, 16384),
            ("margin", margin, 0, 10),
            ("max_zoom", max_zoom, 0.1, 100),
            ("smooth_frames", smooth_frames, 0, MAX_SMOOTH_FRAMES),
        ):
            if not low <= value <= high:
                raise ConfigError(f"{name} of a crop is {low:g} to {high:g}, got {value:g}")
        self._track_id = track_id
        self._size = height, width
        self._path = SmoothView(
            info.size,
            self._size,
            margin=margin,
            max_zoom=max_zoom,
            frame_count=smooth_frames,
        )
        self._held: deque[Frame] = deque()
        self._writer = VideoWriter(
            path,
            cropped_info(info, self._size),
            h264(settings.write),
            source=source,
            start=start,
            end=end,
            stops_with_video=stops_with_video,
            overwrite=overwrite,
        )

    def write(self, result: FrameResult) -> None:
        """Take one frame; the one that became certain is written.

        Raises:
            OutputError: If it cannot be written, or the sink is closed.
        """
        self._held.append(result.frame)
        is_cut = any(event.kind is EventKind.CUT for event in result.events)
        self._write_next(self._path.push(self._box(result), is_cut=is_cut))

    def close(self) -> None:
        """Write what is held back and complete the file. May be called again.

        Raises:
            OutputError: If it cannot be completed; what there is stays under the partial name.
        """
        self._write_held()
        self._writer.close()

    def abort(self) -> None:
        """Write what is held back, so that it plays, under the partial name."""
        try:
            self._write_held()
        except OutputError as error:
            _log.warning("%s", error)
            self._held.clear()
        self._writer.abort()

    def _write_held(self) -> None:
        while self._held:
            self._write_next(self._path.flush())

    def _write_next(self, view: View | None) -> None:
        if view is not None:
            frame = self._held.popleft()
            self._writer.write(view_picture(frame.image, view, self._size), frame.time)

    def _box(self, result: FrameResult) -> Floats | None:
        if self._track_id is None:
            height, width = result.frame.image.shape[:2]
            box = mask_box(union_mask(result.objects, (height, width)))
        else:
            boxes = [one.box for one in result.objects if one.track_id == self._track_id]
            box = boxes[0] if boxes else np.zeros(4, np.float32)
        return box if box[2] > box[0] else None


def cropped_info(info: VideoInfo, size: tuple[int, int]) -> VideoInfo:
    """What is known of a video once its pictures have another (height, width)."""
    return replace(info, height=size[0], width=size[1])


def view_picture(image: Image, view: View, size: tuple[int, int]) -> Image:
    """A view as a picture of (height, width), sampled between the pixels of the frame."""
    height, width = size
    scale = view.height / height
    # A pixel made of several is sampled finer, then averaged, or fine patterns would flicker.
    parts = max(1, math.ceil(scale - 0.25))
    step = scale / parts
    matrix = np.array(
        [
            [step, 0, view.x - view.height * width / height / 2 + step / 2 - 0.5],
            [0, step, view.y - view.height / 2 + step / 2 - 0.5],
        ]
    )
    interpolation = cv2.INTER_CUBIC if scale < 1 else cv2.INTER_LINEAR
    picture = cv2.warpAffine(
        image,
        matrix,
        (width * parts, height * parts),
        flags=interpolation | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if parts > 1:
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)


def _half(side: int) -> int:
    return max(_SMALLEST_SIDE, side // 4 * 2)

"""Clips drawn for the tests: every frame shows its number, every corner its place."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from track_anything.interfaces import Sink
from track_anything.masks import mask_box
from track_anything.structures import (
    ColorTags,
    Frame,
    FrameResult,
    Image,
    Mask,
    ObjectMask,
    VideoInfo,
)

RED = (200, 40, 30)
SAMPLE_RATE = 48000


class Clips:
    """Draws clips into a folder and reads back what was drawn."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def draw(index: int, width: int, height: int) -> Image:
        """Grey; red top-left quarter; at the bottom the index as 8 black or white bars."""
        image = np.full((height, width, 3), 100, np.uint8)
        image[: height // 2, : width // 2] = RED
        for bit in range(8):
            left, right = bit * width // 8, (bit + 1) * width // 8
            image[height * 3 // 4 :, left:right] = 235 if index >> bit & 1 else 20
        return image

    @staticmethod
    def number(image: Image) -> int:
        """The index that was drawn."""
        height, width = image.shape[:2]
        row = image[height * 7 // 8].astype(int).sum(axis=1)
        return sum((row[(2 * bit + 1) * width // 16] > 380) << bit for bit in range(8))

    def make(
        self,
        name: str = "clip.mp4",
        *,
        count: int = 20,
        pts: Sequence[int] | None = None,
        time_base: Fraction = Fraction(1, 25),
        rate: Fraction = Fraction(25),
        size: tuple[int, int] = (96, 128),
        codec: str = "libx264",
        pixel_format: str = "yuv420p",
        key_every: int = 5,
        rotation: int = 0,
        flips: bool = False,
        color: tuple[int, int] | None = None,
        interlaced: bool = False,
        audio: str = "",
        aspect: Fraction | None = None,
        faststart: bool = True,
        draw: Callable[[int, int, int], Image] | None = None,
    ) -> Path:
        """A clip of (height, width); color is (matrix, range) and the pixels agree with it."""
        path = self.folder / name
        movflags = {"movflags": "faststart"} if faststart else {}
        with av.open(str(path), "w", container_options=movflags) as output:
            options = {"crf": "8"} if codec == "libx264" else {}
            if interlaced:
                options |= {"flags": "+ildct+ilme", "x264-params": "tff=1"}
            stream = output.add_stream(codec, rate=rate, options=options)
            stream.height, stream.width = size
            stream.pix_fmt = pixel_format
            context = stream.codec_context
            context.time_base = time_base
            context.gop_size = key_every
            if aspect is not None:
                context.sample_aspect_ratio = aspect
            if color is not None:
                context.colorspace, context.color_range = color
                context.color_primaries = context.color_trc = 1
            if rotation or flips:
                stream.set_display_rotation(rotation, hflip=flips)
            sound = output.add_stream(audio, rate=SAMPLE_RATE) if audio else None
            reformatter = VideoReformatter()
            for index in range(count):
                image = (draw or self.draw)(index, size[1], size[0])
                rgb = av.VideoFrame.from_ndarray(image, "rgb24")
                if color is not None:
                    rgb.colorspace, rgb.color_range = color
                frame = reformatter.reformat(rgb, format=pixel_format)
                frame.pts = pts[index] if pts is not None else index
                frame.time_base = time_base
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
            if sound is not None:
                last = (pts[-1] if pts is not None else count - 1) * time_base + 1 / rate
                _add_tone(output, sound, last)
        return path

    def sound(self, name: str) -> Path:
        """A file with a tone and no picture."""
        path = self.folder / name
        with av.open(str(path), "w") as output:
            stream = output.add_stream("aac", rate=SAMPLE_RATE)
            _add_tone(output, stream, Fraction(1, 2))
        return path


def _add_tone(output: Any, stream: Any, seconds: Fraction) -> None:
    resampler = av.AudioResampler(
        format=stream.codec_context.format,
        layout="stereo",
        rate=SAMPLE_RATE,
        frame_size=1024,
    )
    samples = np.arange(math.ceil(seconds * SAMPLE_RATE))
    tone = (8000 * np.sin(2 * np.pi * 440 * samples / SAMPLE_RATE)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(tone[None].repeat(2, axis=0), "s16p", "stereo")
    frame.sample_rate = SAMPLE_RATE
    frame.pts = 0
    frame.time_base = Fraction(1, SAMPLE_RATE)
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        output.mux(stream.encode(part))
    output.mux(stream.encode(None))


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    """Draws clips into the test's own folder."""
    return Clips(tmp_path)


@pytest.fixture
def no_thread_left() -> Iterator[None]:
    """When the test has ended, every thread that it started ends within five seconds."""
    before = threading.active_count()
    yield
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


class DrawnRun:
    """Results of two objects on a drawn video, with frames at uneven times.

    Object 1 is a disc with a hole that moves right; object 300 a bar that is only there from
    frame 2 on and not visible on frame 3. Sides are odd.
    """

    size = (61, 83)
    ticks = (1001, 2002, 4004, 4505, 9009, 10010)

    def __init__(self) -> None:
        height, width = self.size
        random = np.random.default_rng(5)
        noise = random.normal(0, 1, (height, width, 3)).astype(np.float32)
        smooth = np.asarray(cv2.GaussianBlur(noise, (0, 0), 4), np.float32)
        self.image = (128 + 45 * smooth / smooth.std()).clip(0, 255).astype(np.uint8)
        self.image.flags.writeable = False
        self.info = VideoInfo(
            width=width,
            height=height,
            time_base=Fraction(1, 30000),
            frame_rate=Fraction(30000, 1001),
            color=ColorTags(range=1, space=1, primaries=1, transfer=1),
        )
        self.times = [Fraction(tick, 30000) for tick in self.ticks]

    def masks(self, index: int) -> dict[int, Mask]:
        """By track_id; those reported on a frame."""
        y, x = np.mgrid[: self.size[0], : self.size[1]]
        away = np.hypot(x - 20 - 6 * index, y - 30)
        masks = {1: np.asarray((away < 15) & (away > 4))}
        if index >= 2:
            masks[300] = np.asarray((y >= 50) & (y < 55) & (x < 40) & (index != 3))
        return masks

    def union(self, index: int) -> Mask:
        """The pixels of any of the objects."""
        return np.asarray(np.logical_or.reduce(list(self.masks(index).values())))

    @property
    def results(self) -> list[FrameResult]:
        """Six of them."""
        return [
            FrameResult(
                Frame(index, time, self.image),
                [
                    ObjectMask(track_id, mask, mask_box(mask), 0.9)
                    for track_id, mask in self.masks(index).items()
                ],
            )
            for index, time in enumerate(self.times)
        ]

    def write(self, sink: Sink) -> None:
        """Give all results to a sink and close it."""
        for result in self.results:
            sink.write(result)
        sink.close()


@pytest.fixture
def drawn_run() -> DrawnRun:
    """Two drawn objects over six frames."""
    return DrawnRun()


def decoded(path: Path, codec: str = "") -> list[Any]:
    """The frames of a video, by a decoder of that name where the usual one drops alpha."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if not codec:
            return list(container.decode(stream))
        decoder = av.codec.CodecContext.create(codec, "r")
        return [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]


@pytest.fixture
def decode() -> Callable[..., list[Any]]:
    """Reads a video back with PyAV."""
    return decoded

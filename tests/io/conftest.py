"""Clips drawn for the tests: every frame shows its number, every corner its place."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from track_anything.structures import Image

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

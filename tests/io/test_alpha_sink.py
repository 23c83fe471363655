"""AlphaSink: the mask is the transparency, exact where the format is, near where it is not."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from track_anything.errors import ConfigError, OutputError
from track_anything.io.alpha_sink import BLEED, AlphaSink

Decode = Callable[..., list[Any]]


def seconds(frame: Any) -> Fraction:
    return frame.pts * Fraction(frame.time_base)


def kept(union: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Where colours are kept: the objects and BLEED pixels around, in x and in y."""
    side = 2 * BLEED + 1
    return cv2.dilate(union.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def test_png_files_have_the_mask_as_alpha_and_the_pictures_own_colours(
    drawn_run: Any, tmp_path: Path
) -> None:
    drawn_run.write(AlphaSink(tmp_path / "a", drawn_run.info))
    for index in range(6):
        with Image.open(tmp_path / "a" / f"{index:05d}.png") as picture:
            assert picture.mode == "RGBA"
            pixels = np.asarray(picture)
        union = drawn_run.union(index)
        assert np.array_equal(pixels[..., 3], union * np.uint8(255))
        near = kept(union)
        assert near.any()
        assert not near.all()
        assert np.array_equal(pixels[near, :3], drawn_run.image[near])
        assert not pixels[~near, :3].any()


def test_prores_4444_has_exact_alpha_exact_times_and_colours_within_two_levels(
    drawn_run: Any, decode: Decode, tmp_path: Path
) -> None:
    drawn_run.write(AlphaSink(tmp_path / "a.mov", drawn_run.info))
    with av.open(str(tmp_path / "a.mov")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.profile) == ("prores", "4444")
        assert (context.width, context.height) == (83, 61)
    frames = decode(tmp_path / "a.mov")
    assert [seconds(frame) for frame in frames] == drawn_run.times
    for index, frame in enumerate(frames):
        assert (frame.colorspace, frame.color_range) == (1, 1)
        pixels = frame.to_ndarray(format="rgba")
        union = drawn_run.union(index)
        # Measured: the alpha plane itself is exact in 10 bits.
        assert np.array_equal(pixels[..., 3], union * np.uint8(255))
        away = np.abs(pixels[union, :3].astype(int) - drawn_run.image[union])
        assert away.max() <= 2


def test_vp9_has_alpha_within_four_levels_and_says_that_it_has(
    drawn_run: Any, decode: Decode, tmp_path: Path
) -> None:
    drawn_run.write(AlphaSink(tmp_path / "a.webm", drawn_run.info))
    with av.open(str(tmp_path / "a.webm")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "vp9"
        assert {k.lower(): v for k, v in stream.metadata.items()}["alpha_mode"] == "1"
    frames = decode(tmp_path / "a.webm", "libvpx-vp9")
    assert {frame.format.name for frame in frames} == {"yuva420p"}
    milliseconds = [Fraction(round(time * 1000), 1000) for time in drawn_run.times]
    assert [seconds(frame) for frame in frames] == milliseconds
    for index, frame in enumerate(frames):
        assert (frame.colorspace, frame.color_range) == (1, 1)
        pixels = frame.to_ndarray(format="rgba")
        union = drawn_run.union(index)
        away = np.abs(pixels[..., 3].astype(int) - union * 255)
        assert away.max() <= 4
        assert np.array_equal(pixels[..., 3] > 127, union)
        inside = cv2.erode(union.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        assert np.abs(pixels[inside, :3].astype(int) - drawn_run.image[inside]).mean() < 4


def test_a_feather_is_a_straight_ramp_across_the_edge(drawn_run: Any, tmp_path: Path) -> None:
    sink = AlphaSink(tmp_path / "a", drawn_run.info, feather=2)
    sink.write(drawn_run.results[4])
    sink.close()
    with Image.open(tmp_path / "a" / "00004.png") as picture:
        alpha = np.asarray(picture)[:, 10, 3]
    # The bar has rows 50 to 54: how many of five rows around each are in it, in fifths.
    inside = [0, 0, 1, 2, 3, 4, 5, 4, 3, 2, 1]
    assert alpha[46:57].tolist() == [51 * count for count in inside]


def test_what_is_not_there_is_transparent(drawn_run: Any, tmp_path: Path) -> None:
    sink = AlphaSink(tmp_path / "a", drawn_run.info)
    result = drawn_run.results[0]
    sink.write(type(result)(result.frame))
    sink.close()
    with Image.open(tmp_path / "a" / "00000.png") as picture:
        assert not np.asarray(picture).any()


def test_feathers_and_names_out_of_range_are_refused(drawn_run: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="feather is 0 to 100 pixels, got -1"):
        AlphaSink(tmp_path / "a", drawn_run.info, feather=-1)
    with pytest.raises(OutputError, match=r"alpha goes into \.mov or \.webm, or into a folder"):
        AlphaSink(tmp_path / "a.mp4", drawn_run.info)
    (tmp_path / "b.mov").write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already"):
        AlphaSink(tmp_path / "b.mov", drawn_run.info)

"""VideoSource: times, ranges, orientation, colour and everything that is wrong with files."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from track_anything.errors import ConfigError, VideoError
from track_anything.io.video import VideoSource
from track_anything.structures import Frame

RED = (200, 40, 30)
GREY = (100, 100, 100)


def read(path: Any, **options: Any) -> list[Frame]:
    source = VideoSource(path, **options)
    frames = list(source)
    source.close()
    return frames


def near(image: np.ndarray, y: int, x: int, color: tuple[int, int, int], within: int = 4) -> bool:
    return bool(np.abs(image[y, x].astype(int) - color).max() <= within)


# --- times


def test_a_constant_rate_gives_exact_times(clips: Any) -> None:
    path = clips.make(rate=Fraction(30000, 1001), time_base=Fraction(1001, 30000), count=12)
    frames = read(path)
    assert [f.time for f in frames] == [Fraction(1001 * i, 30000) for i in range(12)]
    assert [clips.number(f.image) for f in frames] == list(range(12))


def test_a_variable_rate_keeps_every_time(clips: Any) -> None:
    pts = [0, 7, 50, 51, 400, 433]
    path = clips.make(count=6, pts=pts, time_base=Fraction(1, 1000))
    assert [f.time for f in read(path)] == [Fraction(p, 1000) for p in pts]


def test_a_stream_that_starts_late_says_so(clips: Any) -> None:
    path = clips.make("late.mkv", count=3, pts=[1500, 1540, 1580], time_base=Fraction(1, 1000))
    source = VideoSource(path)
    assert source.info.start_time == Fraction(3, 2)
    assert [f.time for f in source] == [Fraction(p, 1000) for p in (1500, 1540, 1580)]
    source.close()


def test_missing_time_stamps_are_derived_and_said_once(
    clips: Any, caplog: pytest.LogCaptureFixture
) -> None:
    frames = read(clips.make("raw.h264", count=10))
    assert [f.time for f in frames] == [Fraction(i, 25) for i in range(10)]
    assert [r.getMessage() for r in caplog.records if "missing" in r.getMessage()] == [
        f"{clips.folder / 'raw.h264'}: time stamps are missing; derived from the frame rate"
    ]


def test_a_clock_that_starts_anew_goes_on_rising(clips: Any) -> None:
    data = clips.make("a.ts", count=20).read_bytes() + clips.make("b.ts", count=5).read_bytes()
    (clips.folder / "ab.ts").write_bytes(data)
    times = [f.time for f in read(clips.folder / "ab.ts")]
    assert len(times) == 25
    assert {b - a for a, b in pairwise(times)} == {Fraction(1, 25)}


# --- ranges


def test_a_range_keeps_source_times_and_counts_from_zero(clips: Any) -> None:
    path = clips.make(count=20)
    source = VideoSource(path, start=Fraction(7, 25), end=Fraction(12, 25))
    assert source.info.start_time == Fraction(7, 25)
    assert source.info.duration == Fraction(5, 25)
    assert source.info.frame_count == 5
    frames = list(source)
    source.close()
    assert [f.index for f in frames] == [0, 1, 2, 3, 4]
    assert [f.time for f in frames] == [Fraction(i, 25) for i in range(7, 12)]
    assert [clips.number(f.image) for f in frames] == [7, 8, 9, 10, 11]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "clip.avi"])
@pytest.mark.parametrize("number", [0, 1, 4, 5, 6, 19])
def test_every_start_finds_its_frame_in_every_container(clips: Any, name: str, number: int) -> None:
    path = clips.make(name, codec="mpeg4" if name.endswith("avi") else "libx264")
    start = read(path)[number].time
    assert clips.number(read(path, start=start)[0].image) == number


def test_a_rounded_start_means_the_frame_it_was_rounded_from(clips: Any) -> None:
    path = clips.make(rate=Fraction(30), time_base=Fraction(1, 30))
    for typed in ("0.233", "0.2333", "0.234"):  # 7 / 30 is 0.23333...
        assert clips.number(read(path, start=Fraction(typed))[0].image) == 7
        assert clips.number(read(path, end=Fraction(typed))[-1].image) == 6
    assert clips.number(read(path, start=Fraction("0.24"))[0].image) == 8


def test_a_range_in_frames_counts_by_decoding(clips: Any) -> None:
    path = clips.make(pts=[3 * i + i % 2 for i in range(20)], time_base=Fraction(1, 100))
    source = VideoSource(path, start_frame=6, end_frame=9)
    assert source.info.frame_count == 3
    assert [clips.number(f.image) for f in source] == [6, 7, 8]
    source.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": Fraction(9)}, "starts at 9 s, but the last frame is at 0.760 s"),
        ({"start_frame": 20}, "starts at frame 20 of 20 frames"),
        ({"end": Fraction(0)}, "no frame is in the range"),
    ],
)
def test_a_range_without_frames_is_an_error(
    clips: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(VideoError, match=message):
        VideoSource(clips.make(), **options)


@pytest.mark.parametrize(
    "options",
    [
        {"start": Fraction(2), "end": Fraction(1)},
        {"start": Fraction(1), "end": Fraction(1)},
        {"start_frame": 3, "end_frame": 3},
        {"start_frame": -1},
        {"start_frame": 1, "start": Fraction(1)},
        {"end_frame": 1, "end": Fraction(1)},
    ],
)
def test_an_impossible_range_is_refused(clips: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        VideoSource(clips.make(), **options)


# --- pictures


@pytest.mark.parametrize(
    ("rotation", "flips", "red"),
    [
        # The stored picture is red at the top left. Counter-clockwise, then mirrored.
        (0, False, "top left"),
        (90, False, "bottom left"),
        (180, False, "bottom right"),
        (270, False, "top right"),
        (0, True, "top right"),
        (90, True, "bottom right"),
    ],
)
def test_a_rotated_clip_comes_upright(clips: Any, rotation: int, flips: bool, red: str) -> None:
    def draw(index: int, width: int, height: int) -> np.ndarray:
        image = np.full((height, width, 3), 100, np.uint8)
        image[: height // 2, : width // 2] = RED
        return image

    path = clips.make(size=(96, 128), rotation=rotation, flips=flips, draw=draw, count=2)
    source = VideoSource(path)
    image = next(iter(source)).image
    height, width = (128, 96) if rotation in (90, 270) else (96, 128)
    assert source.info.size == image.shape[:2] == (height, width)
    assert (source.info.source_height, source.info.source_width) == (height, width)
    assert flips or (source.info.rotation - rotation) % 360 == 0
    source.close()
    for name, y, x in (
        ("top left", 5, 5),
        ("top right", 5, width - 6),
        ("bottom left", height - 6, 5),
        ("bottom right", height - 6, width - 6),
    ):
        assert near(image, y, x, RED if name == red else GREY), name


# BT.709 and BT.601 luma and chroma of (200, 40, 30), worked out from Kr, Kb:
# Y = Kr R + Kg G + Kb B; Cb = (B - Y) / (2 (1 - Kb)); Cr = (R - Y) / (2 (1 - Kr)).
@pytest.mark.parametrize(
    ("space", "red_share", "blue_share"), [(1, 0.2126, 0.0722), (6, 0.299, 0.114)]
)
@pytest.mark.parametrize("color_range", [1, 2])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p10le"])
def test_colours_come_back_by_the_matrix_and_range_of_the_stream(
    clips: Any,
    space: int,
    red_share: float,
    blue_share: float,
    color_range: int,
    pixel_format: str,
) -> None:
    red, green, blue = RED
    luma = red_share * red + (1 - red_share - blue_share) * green + blue_share * blue
    cb, cr = (blue - luma) / (2 * (1 - blue_share)), (red - luma) / (2 * (1 - red_share))
    if color_range == 1:
        luma, cb, cr = 16 + luma * 219 / 255, cb * 224 / 255, cr * 224 / 255
    levels = [round(luma), round(128 + cb), round(128 + cr)]
    bits = 10 if pixel_format.endswith("10le") else 8
    path = clips.folder / "flat.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
        context = stream.codec_context
        context.colorspace, context.color_range = space, color_range
        frame = av.VideoFrame(64, 48, pixel_format)
        frame.colorspace, frame.color_range = space, color_range
        for plane, level in zip(frame.planes, levels, strict=True):
            kind = np.uint8 if bits == 8 else np.uint16
            count = plane.buffer_size // kind().itemsize
            plane.update(np.full(count, level << (bits - 8), kind).tobytes())
        frame.pts = 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    source = VideoSource(path)
    assert (source.info.color.space, source.info.color.range) == (space, color_range)
    # Levels are rounded to whole ones of 8 bits before they are stored.
    assert near(next(iter(source)).image, 20, 20, RED, within=3)
    source.close()


def test_ten_bits_are_not_darkened(clips: Any) -> None:
    def draw(index: int, width: int, height: int) -> np.ndarray:
        return np.full((height, width, 3), 100, np.uint8)

    path = clips.make("deep.mkv", codec="ffv1", pixel_format="yuv420p10le", draw=draw, count=1)
    for max_side in (0, 64):
        assert near(read(path, max_side=max_side)[0].image, 20, 20, GREY, within=1)


def test_untagged_high_definition_is_bt709(clips: Any) -> None:
    path = clips.folder / "hd.avi"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        frame = av.VideoFrame(1280, 720, "yuv420p")
        for plane, level in zip(frame.planes, (79, 105, 203), strict=True):
            plane.update(bytes([level]) * plane.buffer_size)
        frame.pts = 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    source = VideoSource(path)
    assert source.info.color.space is None
    image = next(iter(source)).image
    source.close()
    # Y 79, Cb 105, Cr 203 is (203, 39, 25) in BT.709 and (193, 24, 28) in BT.601.
    assert image[300, 300, 1] > 33


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.mkv", "libx264", "yuv420p10le"),
        ("a.mkv", "ffv1", "bgra"),
        ("a.webm", "libvpx-vp9", "yuva420p"),
        ("a.mov", "prores_ks", "yuva444p10le"),
        ("a.mov", "png", "rgb24"),
        ("a.mov", "png", "rgb48be"),
    ],
)
def test_every_pixel_format_becomes_the_same_rgb(
    clips: Any, name: str, codec: str, pixel_format: str
) -> None:
    path = clips.make(name, codec=codec, pixel_format=pixel_format, count=4)
    frames = read(path)
    assert [clips.number(f.image) for f in frames] == [0, 1, 2, 3]
    assert near(frames[1].image, 10, 10, RED)
    assert near(frames[1].image, 10, 100, GREY)


def test_odd_sizes_are_kept(clips: Any) -> None:
    path = clips.make("odd.mkv", codec="ffv1", pixel_format="yuv420p", size=(97, 131), count=2)
    assert [f.image.shape for f in read(path)] == [(97, 131, 3)] * 2


@pytest.mark.parametrize(
    ("max_side", "rotation", "size"),
    [(64, 0, (48, 64)), (64, 90, (64, 48)), (500, 0, (96, 128)), (0, 0, (96, 128))],
)
def test_max_side_scales_down_and_never_up(
    clips: Any, max_side: int, rotation: int, size: tuple[int, int]
) -> None:
    source = VideoSource(clips.make(rotation=rotation, count=2), max_side=max_side)
    frame = next(iter(source))
    assert source.info.size == frame.image.shape[:2] == size
    assert sorted((source.info.source_height, source.info.source_width)) == [96, 128]
    source.close()


def test_scaling_averages_and_keeps_levels(clips: Any) -> None:
    def draw(index: int, width: int, height: int) -> np.ndarray:
        image = np.zeros((height, width, 3), np.uint8)
        image[:, ::2] = 200
        return image

    path = clips.make("stripes.mov", codec="png", pixel_format="rgb24", draw=draw, count=1)
    image = read(path, max_side=64)[0].image
    assert np.abs(image.astype(int) - 100).max() <= 2


def test_a_size_that_changes_is_scaled_to_the_first(
    clips: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = clips.make("a.ts", count=4, size=(96, 128)).read_bytes()
    second = clips.make("b.ts", count=4, size=(192, 160)).read_bytes()
    (clips.folder / "ab.ts").write_bytes(first + second)
    frames = read(clips.folder / "ab.ts")
    assert [f.image.shape for f in frames] == [(96, 128, 3)] * 8
    assert [clips.number(f.image) for f in frames] == [0, 1, 2, 3, 0, 1, 2, 3]
    said = [r.getMessage() for r in caplog.records if "size changes" in r.getMessage()]
    assert len(said) == 1
    assert "from 128x96 to 160x192" in said[0]


def test_interlaced_frames_lose_their_comb_and_keep_their_times(clips: Any) -> None:
    def draw(index: int, width: int, height: int) -> np.ndarray:
        image = np.full((height, width, 3), 40, np.uint8)
        image[0::2, index * 4 : index * 4 + 40] = 220
        image[1::2, index * 4 + 2 : index * 4 + 42] = 220
        return image

    path = clips.make(interlaced=True, draw=draw, count=12)
    source = VideoSource(path)
    assert source.info.is_interlaced
    frames = list(source)
    source.close()
    assert [f.time for f in frames] == [Fraction(i, 25) for i in range(12)]
    for frame in frames[1:-1]:
        rows = frame.image.astype(int)
        assert np.abs(rows[1:] - rows[:-1]).mean() < 0.5  # 4.7 with the comb


def test_a_progressive_clip_is_not_filtered(clips: Any) -> None:
    source = VideoSource(clips.make(count=2))
    assert not source.info.is_interlaced
    source.close()


# --- what is wrong with files


def test_a_damaged_frame_is_marked_and_reading_goes_on(
    clips: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def noise(index: int, width: int, height: int) -> np.ndarray:
        return np.random.default_rng(index).integers(0, 255, (height, width, 3), np.uint8)

    path = clips.make(count=20, draw=noise, key_every=10)
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    # Some damage still decodes by chance: four packets in a row leave nothing to it.
    for position, size in packets[3:7]:
        data[position + size // 2 : position + size // 2 + 200] = b"\x55" * 200
    path.write_bytes(data)
    frames = read(path)
    assert any(f.is_corrupt for f in frames)
    assert not frames[-1].is_corrupt
    assert frames[-1].time == Fraction(19, 25)
    assert "damaged picture" in caplog.text


def test_data_that_cannot_be_decoded_is_a_problem(clips: Any) -> None:
    path = clips.make(count=20)
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    data[packets[7][0] : packets[7][0] + 8] = b"\xff" * 8
    path.write_bytes(data)
    source = VideoSource(path)
    times = [f.time for f in source]
    assert len(times) == 19
    assert source.problems == [f"{path}: 1 packets could not be decoded"]
    source.close()


@pytest.mark.parametrize("start", [None, Fraction(6, 25)])
def test_a_truncated_mp4_is_noticed(
    clips: Any, start: Fraction | None, caplog: pytest.LogCaptureFixture
) -> None:
    path = clips.make(count=40)
    with av.open(str(path)) as container:
        position = [p.pos for p in container.demux(video=0) if p.size][20]
    path.write_bytes(path.read_bytes()[:position])
    source = VideoSource(path, start=start)
    assert source.problems == []
    frames = list(source)
    source.close()
    assert len(frames) <= 20
    assert source.problems[-1].endswith("20 frames of its index are missing")
    assert "20 frames of its index are missing" in caplog.text


def test_a_truncated_matroska_is_noticed(clips: Any) -> None:
    path = clips.make("cut.mkv", count=60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = VideoSource(path)
    list(source)
    source.close()
    assert any("cut off at" in problem for problem in source.problems)


def test_a_whole_file_has_no_problems_even_if_only_its_beginning_is_read(clips: Any) -> None:
    for options in ({}, {"end_frame": 3}, {"start": Fraction(1, 2)}):
        source = VideoSource(clips.make(audio="aac"), **options)
        list(source)
        assert source.problems == []
        source.close()


def test_bad_files_give_one_clear_line(clips: Any) -> None:
    folder = clips.folder
    (folder / "notes.txt").write_text("not a video\n" * 100)
    (folder / "table.csv").write_text("a,b\n" * 100)
    (folder / "empty.mp4").touch()
    whole = clips.make("whole.mp4").read_bytes()
    (folder / "codec.mp4").write_bytes(whole.replace(b"avc1", b"zzz1"))
    unfinished = whole[: whole.index(b"moov") - 4] + whole[whole.index(b"mdat") - 4 :]
    (folder / "unfinished.mp4").write_bytes(unfinished)
    for name, message in (
        ("nothing.mp4", "no such file"),
        (".", "expected a video, got a folder"),
        ("notes.txt", "expected a video, got a text file"),
        ("table.csv", "not a video that FFmpeg can read"),
        ("empty.mp4", "expected a video, got an empty file"),
        ("codec.mp4", "its video codec is not one FFmpeg can decode"),
        ("unfinished.mp4", "the mp4 has no index"),
    ):
        with pytest.raises(VideoError) as caught:
            VideoSource(folder / name)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_audio_alone_is_refused(clips: Any) -> None:
    with pytest.raises(VideoError, match="expected a video, got only audio"):
        VideoSource(clips.sound("sound.m4a"))


def test_a_video_whose_frames_are_all_undecodable_is_refused(clips: Any) -> None:
    path = clips.make(count=3)
    data = path.read_bytes()
    start = data.index(b"mdat") + 4
    path.write_bytes(data[:start] + bytes(len(data) - start))
    with pytest.raises(VideoError, match="not one frame can be decoded"):
        VideoSource(path)


def test_a_header_without_frames_is_refused(clips: Any) -> None:
    path = clips.make("short.mkv", count=1)
    with av.open(str(path)) as container:
        position = next(p.pos for p in container.demux(video=0) if p.size)
    path.write_bytes(path.read_bytes()[: position - 20])
    with pytest.raises(VideoError):
        VideoSource(path)


def test_a_name_that_looks_like_a_protocol_is_a_file(clips: Any) -> None:
    path = clips.make()
    renamed = path.rename(clips.folder / "http:x%5d.mp4")
    old = os.getcwd()
    os.chdir(clips.folder)
    try:
        assert len(read(renamed.name)) == 20
    finally:
        os.chdir(old)


# --- standard input

_READ_STDIN = """
import json, sys
from fractions import Fraction
from track_anything.errors import VideoError
from track_anything.io.video import VideoSource
options = {k: Fraction(v) for k, v in json.loads(sys.argv[1]).items()}
try:
    source = VideoSource("-", **options)
    print(json.dumps([str(f.time) for f in source]))
except VideoError as error:
    print(json.dumps(str(error)))
"""


def read_stdin(path: Path, **options: str) -> Any:
    with subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE) as cat:
        done = subprocess.run(
            [sys.executable, "-c", _READ_STDIN, json.dumps(options)],
            stdin=cat.stdout,
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert cat.stdout is not None
        cat.stdout.close()
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_a_pipe_is_read_and_its_start_found_by_decoding(clips: Any, name: str) -> None:
    path = clips.make(name)
    assert read_stdin(path) == [str(Fraction(i, 25)) for i in range(20)]
    assert read_stdin(path, start="16/25") == [str(Fraction(i, 25)) for i in range(16, 20)]


def test_a_pipe_that_would_need_seeking_says_what_to_do(clips: Any) -> None:
    def noise(index: int, width: int, height: int) -> np.ndarray:
        return np.random.default_rng(index).integers(0, 255, (height, width, 3), np.uint8)

    # Larger than any buffer, with the index at the end.
    path = clips.make(count=30, draw=noise, faststart=False)
    assert "faststart" in read_stdin(path)

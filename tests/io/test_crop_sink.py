"""CropSink: the object in the middle, at the source's times, with its sound."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from track_anything.errors import ConfigError, OutputError
from track_anything.io.crop_sink import CropSink, view_picture
from track_anything.io.smooth_view import View
from track_anything.io.video import VideoSource
from track_anything.masks import mask_box
from track_anything.structures import Event, EventKind, FrameResult, ObjectMask
from track_anything.testing import MovingSquare

Decode = Callable[..., list[Any]]


def write(sink: CropSink, square: MovingSquare, *, lost: range = range(0)) -> None:
    for frame in square:
        truth = square.truth(frame.index)
        if frame.index in lost:
            truth = np.zeros_like(truth)
        sink.write(FrameResult(frame, [ObjectMask(7, truth, mask_box(truth), 0.9)]))
    sink.close()


def bright_middle(frame: Any) -> tuple[float, float]:
    """(x, y) of the mean bright pixel."""
    image = frame.to_ndarray(format="rgb24").astype(int).sum(axis=2)
    y, x = np.nonzero(image > 380)
    return float(x.mean()), float(y.mean())


def test_a_view_is_cut_out_pixel_by_pixel() -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    picture = view_picture(image, View(30, 20, 20), (20, 30))
    assert np.array_equal(picture, image[10:30, 15:45])


def test_a_view_at_half_a_pixel_is_between_its_pixels() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, 30:] = 200
    picture = view_picture(image, View(30.5, 20, 20), (20, 30))
    # Its pixel 14 is centred on the edge between the pixels 29 and 30.
    assert picture[10, 13:16, 0].tolist() == [0, 100, 200]


def test_a_view_made_smaller_is_averaged_as_a_whole() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[::2, ::2] = image[1::2, 1::2] = 200
    picture = view_picture(image, View(30, 20, 40), (10, 15))
    assert np.abs(picture.astype(int) - 100).max() <= 1


def test_the_object_stays_in_the_middle_at_exact_times(tmp_path: Path, decode: Decode) -> None:
    square = MovingSquare(
        frame_count=30, size=(240, 320), start=(100, 80), velocity=(2, 1), side=30
    )
    info = replace(square.info, time_base=Fraction(1, 1000))
    sink = CropSink(tmp_path / "c.mp4", info, track_id=7, size=(96, 64), smooth_frames=5)
    write(sink, square)
    frames = decode(tmp_path / "c.mp4")
    assert [f.pts * Fraction(f.time_base) for f in frames] == [Fraction(i, 25) for i in range(30)]
    assert {(f.width, f.height) for f in frames} == {(96, 64)}
    for frame in frames:
        x, y = bright_middle(frame)
        assert abs(x - 47.5) < 0.6
        assert abs(y - 31.5) < 0.6


def test_a_lost_object_is_waited_for(tmp_path: Path, decode: Decode) -> None:
    square = MovingSquare(
        frame_count=30, size=(240, 320), start=(100, 80), velocity=(0, 0), side=30
    )
    sink = CropSink(tmp_path / "c.mp4", square.info, size=(96, 64), smooth_frames=3)
    write(sink, square, lost=range(8, 30))
    frames = decode(tmp_path / "c.mp4")
    assert len(frames) == 30
    for frame in frames:
        assert np.hypot(*np.subtract(bright_middle(frame), (47.5, 31.5))) < 0.6


def test_the_place_before_a_cut_does_not_pull_at_what_comes_after(
    tmp_path: Path, decode: Decode
) -> None:
    first = MovingSquare(frame_count=20, size=(240, 320), start=(40, 40), velocity=(0, 0), side=30)
    second = MovingSquare(
        frame_count=20, size=(240, 320), start=(240, 180), velocity=(0, 0), side=30
    )
    sink = CropSink(tmp_path / "c.mp4", first.info, size=(96, 64), smooth_frames=6)
    for index in range(20):
        square = first if index < 10 else second
        one = ObjectMask(7, square.truth(index), square.box(index), 0.9)
        events = [Event(EventKind.CUT, 0)] if index == 10 else []
        sink.write(FrameResult(square.frame(index), [one], events))
    sink.close()
    for frame in decode(tmp_path / "c.mp4"):
        assert np.hypot(*np.subtract(bright_middle(frame), (47.5, 31.5))) < 0.6


def test_all_objects_are_followed_together_unless_one_is_named(
    drawn_run: Any, tmp_path: Path, decode: Decode
) -> None:
    for name, track_id in (("both.mp4", None), ("one.mp4", 300)):
        drawn_run.write(
            CropSink(
                tmp_path / name,
                drawn_run.info,
                track_id=track_id,
                size=(32, 32),
                margin=0,
                smooth_frames=0,
            )
        )
    both, one = (
        decode(tmp_path / name)[4].to_ndarray(format="gray").astype(int)
        for name in ("both.mp4", "one.mp4")
    )
    # Frame 4: the disc has rows 16 to 44 and columns 30 to 58, the bar rows 50 to 54 and columns
    # 0 to 39. Squares around them: 59 and 40 wide, moved up into the frame.
    for got, part in ((both, np.s_[2:61, :59]), (one, np.s_[21:61, :40])):
        gray = cv2.cvtColor(drawn_run.image[part], cv2.COLOR_RGB2GRAY)
        wanted = cv2.resize(gray, (32, 32), interpolation=cv2.INTER_AREA)
        assert np.abs(got - wanted).mean() < 5
    assert np.abs(both - one).mean() > 20


def test_sound_is_copied(clips: Any, tmp_path: Path) -> None:
    source = clips.make(audio="aac", count=20)
    video = VideoSource(source)
    sink = CropSink(tmp_path / "c.mp4", video.info, size=(32, 32), source=source)
    for frame in video:
        sink.write(FrameResult(frame))
    sink.close()
    video.close()

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(audio=0) if packet.size]

    assert packets(tmp_path / "c.mp4") == packets(source)
    assert len(packets(source)) > 30


def test_aborting_keeps_all_frames_given_under_a_partial_name(
    drawn_run: Any, tmp_path: Path, decode: Decode
) -> None:
    sink = CropSink(tmp_path / "c.mp4", drawn_run.info, smooth_frames=3)
    for result in drawn_run.results:
        sink.write(result)
    sink.abort()
    sink.close()
    assert not (tmp_path / "c.mp4").exists()
    assert len(decode(tmp_path / "c.partial.mp4")) == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (8, 64)}, "width of a crop is 16 to 16384, got 8"),
        ({"margin": -1.0}, "margin of a crop is 0 to 10, got -1"),
        ({"max_zoom": 0.0}, "max_zoom of a crop is 0.1 to 100, got 0"),
        ({"smooth_frames": 251}, "smooth_frames of a crop is 0 to 250, got 251"),
    ],
)
def test_settings_out_of_range_are_refused(
    drawn_run: Any, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        CropSink(tmp_path / "c.mp4", drawn_run.info, **options)
    with pytest.raises(OutputError, match=r"ending in \.mp4"):
        CropSink(tmp_path / "c.gif", drawn_run.info)

"""GifSink: true time in hundredths of a second, colours as near as 256 allow."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from track_anything.errors import ConfigError, OutputError
from track_anything.io.gif_sink import GifSink
from track_anything.structures import Frame, FrameResult, VideoInfo

INFO = VideoInfo(width=40, height=30, frame_rate=Fraction(25), time_base=Fraction(1, 1000))


def plain(result: FrameResult) -> Any:
    return result.frame.image


def read(path: Path) -> tuple[list[np.ndarray[Any, Any]], list[int]]:
    """RGB pictures and their times in milliseconds."""
    pictures, times = [], []
    with Image.open(path) as gif:
        assert gif.info.get("loop") == 0
        for index in range(gif.n_frames):
            gif.seek(index)
            pictures.append(np.asarray(gif.convert("RGB")).astype(int))
            times.append(int(gif.info["duration"]))
    return pictures, times


def flat(color: tuple[int, int, int]) -> Any:
    return np.full((30, 40, 3), color, np.uint8)


def write(sink: GifSink, images: list[Any], times: list[Fraction]) -> None:
    for index, (image, time) in enumerate(zip(images, times, strict=True)):
        sink.write(FrameResult(Frame(index, time, image)))
    sink.close()


@pytest.mark.parametrize("palette", ["clip", "frame"])
def test_every_picture_is_shown_for_its_true_time(tmp_path: Path, palette: Any) -> None:
    times = [Fraction(n, 1000) for n in (5000, 5040, 5080, 5333, 5400)]
    colors = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (200, 200, 0), (10, 20, 30)]
    sink = GifSink(
        tmp_path / "a.gif", INFO, paint=plain, frame_rate=50, palette=palette, dither=False
    )
    write(sink, [flat(color) for color in colors], times)
    pictures, shown = read(tmp_path / "a.gif")
    # 5.333 s is 33.3 hundredths after the first; the last is shown for a frame of 1/25 s.
    assert shown == [40, 40, 250, 70, 40]
    for picture, color in zip(pictures, colors, strict=True):
        assert np.abs(picture - color).max() <= 1
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a.gif"]


def test_frames_beyond_the_rate_are_left_out_and_time_stays_true(tmp_path: Path) -> None:
    times = [Fraction(i, 25) for i in range(25)]
    sink = GifSink(tmp_path / "a.gif", INFO, paint=plain, frame_rate=10)
    write(sink, [flat((10 * i, 0, 0)) for i in range(25)], times)
    pictures, shown = read(tmp_path / "a.gif")
    # 0, .12, .2, .32, .4 ... of the frames at every .04 s.
    assert shown == [120, 80, 120, 80, 120, 80, 120, 80, 120, 80]
    assert sum(shown) == 1000
    reds = [0, 30, 50, 80, 100, 130, 150, 180, 200, 230]
    assert [int(picture[0, 0, 0]) for picture in pictures] == pytest.approx(reds, abs=4)


def test_a_gap_does_not_make_up_for_frames_that_were_not_there(tmp_path: Path) -> None:
    times = [Fraction(n, 100) for n in (0, 300, 304, 308, 312)]
    sink = GifSink(tmp_path / "a.gif", INFO, paint=plain, frame_rate=10)
    write(sink, [flat((40 * i, 90, 0)) for i in range(5)], times)
    assert read(tmp_path / "a.gif")[1] == [3000, 120, 40]


def test_times_below_two_hundredths_are_stretched_to_what_browsers_show(tmp_path: Path) -> None:
    times = [Fraction(n, 1000) for n in (0, 20, 40, 60)]
    info = replace(INFO, frame_rate=Fraction(60))
    sink = GifSink(tmp_path / "a.gif", info, paint=plain, frame_rate=50)
    write(sink, [flat((60 * i, 90, 0)) for i in range(4)], times)
    assert read(tmp_path / "a.gif")[1] == [20, 20, 20, 20]


@pytest.mark.parametrize(("palette", "limit"), [("clip", 16), ("frame", 8)])
def test_colours_are_near_those_of_the_pictures(
    tmp_path: Path, drawn_run: Any, palette: Any, limit: float
) -> None:
    sink = GifSink(
        tmp_path / "a.gif",
        drawn_run.info,
        paint=plain,
        palette=palette,
        frame_rate=50,
        dither=False,
    )
    drawn_run.write(sink)
    pictures, _ = read(tmp_path / "a.gif")
    assert len(pictures) == 5
    for picture in pictures:
        assert picture.shape == (61, 83, 3)
        assert np.abs(picture - drawn_run.image).mean() < limit


def test_dots_bring_the_mean_nearer_to_colours_the_palette_has_not(tmp_path: Path) -> None:
    ramp = np.zeros((30, 40, 3), np.uint8)
    random = np.random.default_rng(0)
    ramp[:] = random.integers(0, 255, (30, 40, 3))
    ramp[10:20] = (97, 143, 201)
    errors = []
    for dither in (False, True):
        path = tmp_path / f"{dither}.gif"
        write(GifSink(path, INFO, paint=plain, dither=dither), [ramp], [Fraction(0)])
        picture = read(path)[0][0]
        errors.append(np.abs(picture.mean(axis=(0, 1)) - ramp.mean(axis=(0, 1))).max())
    assert errors[1] < errors[0] / 2


def test_pictures_are_made_smaller_but_never_larger(tmp_path: Path) -> None:
    info = replace(INFO, width=400, height=300)
    image = np.zeros((300, 400, 3), np.uint8)
    write(GifSink(tmp_path / "a.gif", info, paint=plain, max_side=100), [image], [Fraction(0)])
    assert read(tmp_path / "a.gif")[0][0].shape == (75, 100, 3)
    write(GifSink(tmp_path / "b.gif", INFO, paint=plain), [flat((0, 0, 0))], [Fraction(0)])
    assert read(tmp_path / "b.gif")[0][0].shape == (30, 40, 3)


def test_masks_are_painted_unless_something_else_is_wanted(tmp_path: Path, drawn_run: Any) -> None:
    drawn_run.write(GifSink(tmp_path / "a.gif", drawn_run.info, frame_rate=50, palette="frame"))
    picture = read(tmp_path / "a.gif")[0][0]
    inside = np.zeros(drawn_run.size, bool)
    inside[18:25, 15:25] = True
    away = np.abs(picture - drawn_run.image).mean(axis=2)
    assert away[inside].mean() > 3 * away[:, 60:].mean()


@pytest.mark.parametrize("palette", ["clip", "frame"])
def test_an_aborted_gif_is_whole_under_its_partial_name(
    tmp_path: Path, drawn_run: Any, palette: Any
) -> None:
    sink = GifSink(tmp_path / "a.gif", drawn_run.info, palette=palette, frame_rate=50)
    for result in drawn_run.results[:2]:
        sink.write(result)
    sink.abort()
    sink.abort()
    sink.close()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a.partial.gif"]
    assert len(read(tmp_path / "a.partial.gif")[0]) == 2


@pytest.mark.parametrize("palette", ["clip", "frame"])
def test_without_frames_there_is_no_file(tmp_path: Path, palette: Any) -> None:
    sink = GifSink(tmp_path / "a.gif", INFO, palette=palette)
    with pytest.raises(OutputError, match="no frame came"):
        sink.close()
    sink.close()
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"palette": "none"}, "palette is clip or frame, got 'none'"),
        ({"frame_rate": 51}, "frame_rate of a GIF is 0.1 to 50, got 51"),
        ({"max_side": 8}, "max_side of a GIF is 16 to 65535, got 8"),
    ],
)
def test_settings_out_of_range_are_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        GifSink(tmp_path / "a.gif", INFO, **options)


def test_an_existing_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already"):
        GifSink(tmp_path / "a.gif", INFO)
    sink = GifSink(tmp_path / "a.gif", INFO, overwrite=True)
    sink.write(FrameResult(Frame(0, Fraction(0), flat((1, 2, 3)))))
    assert (tmp_path / "a.gif").read_bytes() == b"precious"
    sink.close()
    assert len(read(tmp_path / "a.gif")[0]) == 1

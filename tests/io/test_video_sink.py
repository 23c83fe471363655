"""VideoSink: the source's times, audio and colours in a file that survives."""

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from track_anything.errors import OutputError
from track_anything.io.video import VideoSource
from track_anything.io.video_sink import VideoSink
from track_anything.structures import Frame, FrameResult, Image, VideoInfo

RED = (200, 40, 30)


def painted(result: FrameResult) -> Image:
    return result.frame.image


def copy(source: Path, output: Path, *, max_side: int = 0, **options: Any) -> list[Fraction]:
    """Read, write, close; the times of the frames read."""
    part = {key: options[key] for key in ("start", "end") if key in options}
    video = VideoSource(source, max_side=max_side, **part)
    sink = VideoSink(output, video.info, painted, source=source, **options)
    times = []
    for frame in video:
        sink.write(FrameResult(frame))
        times.append(frame.time)
    sink.close()
    video.close()
    return times


def video_times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * Fraction(frame.time_base) for frame in container.decode(video=0)]


def audio_packets(path: Path) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        return [
            (packet.pts * Fraction(packet.time_base), bytes(packet))
            for packet in container.demux(audio=0)
            if packet.size
        ]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("constant.mp4", {"time_base": Fraction(1001, 30000), "rate": Fraction(30000, 1001)}),
        ("variable.mp4", {"pts": [0, 40, 41, 90, 400, 433, 1200, 1201], "count": 8}),
        ("late.mkv", {"pts": [1234 + 37 * i for i in range(8)], "count": 8}),
        ("late.ts", {"pts": [126001 + 3003 * i for i in range(30)], "count": 30}),
    ],
)
def test_every_time_stamp_is_the_sources(clips: Any, name: str, options: dict[str, Any]) -> None:
    if "pts" in options:
        options = {"time_base": Fraction(1, 90000 if "ts" in name else 1000)} | options
    source = clips.make(name, **options)
    output = clips.folder / "out.mp4"
    times = copy(source, output)
    assert len(times) >= 8
    assert video_times(output) == times == video_times(source)


def test_every_frame_keeps_its_picture(clips: Any) -> None:
    output = clips.folder / "out.mp4"
    copy(clips.make(count=60), output)
    video = VideoSource(output)
    assert [clips.number(frame.image) for frame in video] == list(range(60))
    video.close()


def test_matroska_keeps_times_to_the_millisecond(clips: Any) -> None:
    source = clips.make(rate=Fraction(30), time_base=Fraction(1, 30), audio="aac")
    output = clips.folder / "out.mkv"
    times = copy(source, output)
    assert video_times(output) == [Fraction(round(time * 1000), 1000) for time in times]
    kept = [data for time, data in audio_packets(source) if time >= 0]
    assert [data for _, data in audio_packets(output)] == kept


# --- audio


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "libopus"), ("a.mp4", "libmp3lame")]
)
def test_audio_is_copied_byte_for_byte(clips: Any, name: str, codec: str) -> None:
    source = clips.make(name, audio=codec, count=40)
    output = clips.folder / "out.mp4"
    copy(source, output)
    before, after = audio_packets(source), audio_packets(output)
    assert len(before) > 60
    assert [data for _, data in after] == [data for _, data in before]
    # Milliseconds of Matroska are rounded to samples.
    assert max(abs(a[0] - b[0]) for a, b in zip(after, before, strict=True)) < Fraction(1, 1000)


def test_audio_times_are_exactly_the_sources(clips: Any) -> None:
    source = clips.make(audio="aac", count=40)
    output = clips.folder / "out.mp4"
    copy(source, output)
    assert audio_packets(output) == audio_packets(source)


def test_a_trimmed_range_starts_at_zero_with_its_audio(clips: Any) -> None:
    source = clips.make(audio="aac", count=60)
    start, end = Fraction(21, 25), Fraction(44, 25)
    output = clips.folder / "out.mp4"
    times = copy(source, output, start=start, end=end)
    assert video_times(output) == [time - start for time in times]
    assert video_times(output)[0] == 0
    assert len(times) == 23
    wanted = [(t - start, data) for t, data in audio_packets(source) if start <= t < end]
    assert audio_packets(output) == wanted
    assert len(wanted) > 40


def test_a_start_between_two_ticks_moves_video_and_audio_alike(clips: Any) -> None:
    source = clips.make(audio="aac", count=40)
    start = Fraction(1, 3)
    output = clips.folder / "out.mp4"
    times = copy(source, output, start=start)
    shifts = {a - b for a, b in zip(times, video_times(output), strict=True)}
    assert len(shifts) == 1
    shift = shifts.pop()
    assert 0 <= start - shift < Fraction(1, 12800)
    first = next(t for t, _ in audio_packets(source) if t >= start)
    assert abs(audio_packets(output)[0][0] - (first - shift)) <= Fraction(1, 48000)


def test_audio_after_a_range_in_frames_is_left_out_on_request(clips: Any) -> None:
    source = clips.make(audio="aac", count=60)
    video = VideoSource(source, end_frame=25)
    output = clips.folder / "out.mp4"
    sink = VideoSink(output, video.info, painted, source=source, stops_with_video=True)
    for frame in video:
        sink.write(FrameResult(frame))
    sink.close()
    video.close()
    assert Fraction(19, 20) < audio_packets(output)[-1][0] < 1


def test_aac_of_a_transport_stream_loses_only_its_headers(clips: Any) -> None:
    source = clips.make("a.ts", audio="aac", count=40)
    output = clips.folder / "out.mp4"
    copy(source, output)
    before, after = audio_packets(source), audio_packets(output)
    assert [data[7:] for _, data in before] == [data for _, data in after]


def test_joined_recordings_keep_their_audio_beside_the_video(clips: Any) -> None:
    first = clips.make("a.ts", audio="aac", count=60)
    second = clips.make("b.ts", audio="aac", count=60)
    joined = clips.folder / "ab.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    output = clips.folder / "out.mp4"
    times = copy(joined, output)
    assert len(times) == 120
    assert video_times(output) == times
    after = audio_packets(output)
    assert [data for _, data in after] == [data[7:] for _, data in audio_packets(joined)]
    assert abs(after[-1][0] - times[-1]) < Fraction(1, 10)


def test_audio_mp4_cannot_hold_becomes_aac_and_it_is_said(
    clips: Any, caplog: pytest.LogCaptureFixture
) -> None:
    source = clips.make("a.mov", audio="pcm_s16le", count=50)
    output = clips.folder / "out.mp4"
    start = Fraction(1, 2)
    copy(source, output, start=start)
    assert "cannot hold pcm_s16le audio; it becomes AAC" in caplog.text
    with av.open(str(output)) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "aac"
        frames = list(container.decode(stream))
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    assert abs(len(samples) / 48000 - 1.5) < 0.06
    # The tone has 440 Hz: 880 changes of sign a second.
    middle = samples[10000:58000]
    assert abs(np.count_nonzero(np.diff(np.signbit(middle))) - 880) <= 2


def test_audio_lies_beside_its_video_in_the_file(clips: Any) -> None:
    # Longer than the ten seconds that FFmpeg waits for a stream that falls behind.
    source = clips.make(audio="aac", count=600, size=(32, 48), key_every=50)
    output = clips.folder / "out.mp4"
    copy(source, output)
    packets = []
    with av.open(str(output)) as container:
        for packet in container.demux():
            if packet.size:
                time = packet.dts * Fraction(packet.time_base)
                packets.append((packet.pos, packet.stream.type, time))
    latest = {"video": Fraction(0), "audio": Fraction(0)}
    for _, kind, time in sorted(packets):
        latest[kind] = time
        assert abs(latest["video"] - latest["audio"]) < 3


@pytest.mark.parametrize("audio", ["-", None, "nothing.mp4"])
def test_a_source_without_a_file_has_no_audio(
    clips: Any, audio: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    video = VideoSource(clips.make(count=3))
    output = clips.folder / "out.mp4"
    sink = VideoSink(output, video.info, painted, source=audio)
    for frame in video:
        sink.write(FrameResult(frame))
    sink.close()
    video.close()
    assert len(video_times(output)) == 3
    assert ("audio" in caplog.text) == (audio is not None)


# --- pictures


@pytest.mark.parametrize("color", [(1, 1), (1, 2), (6, 1), (9, 1)])
def test_colours_and_their_tags_come_through(clips: Any, color: tuple[int, int]) -> None:
    source = clips.make(color=color, count=3)
    output = clips.folder / "out.mp4"
    copy(source, output)
    before, after = VideoSource(source), VideoSource(output)
    assert after.info.color == before.info.color
    assert (after.info.color.space, after.info.color.range) == color
    image = next(iter(after)).image
    assert np.abs(image[10, 10].astype(int) - RED).max() <= 4
    before.close()
    after.close()


def test_the_pixels_of_a_bt709_tag_are_bt709(clips: Any) -> None:
    output = clips.folder / "out.mp4"
    copy(clips.make(color=(1, 1), count=3), output)
    with av.open(str(output)) as container:
        planes = next(container.decode(video=0)).to_ndarray()
    # Y = 16 + 219 (0.2126 200 + 0.7152 40 + 0.0722 30) / 255; 601 would give 90.
    assert abs(int(planes[10, 10]) - 79) <= 2


def test_what_is_not_tagged_stays_so(clips: Any) -> None:
    output = clips.folder / "out.mp4"
    copy(clips.make(count=2), output)
    video = VideoSource(output)
    assert video.info.color.space is None
    assert np.abs(next(iter(video)).image[10, 10].astype(int) - RED).max() <= 4
    video.close()


def test_rgb_sources_become_tagged_yuv(clips: Any) -> None:
    source = clips.make("rgb.mov", codec="png", pixel_format="rgb24", count=2)
    output = clips.folder / "out.mp4"
    copy(source, output)
    video = VideoSource(output)
    assert video.info.pixel_format == "yuv420p"
    assert np.abs(next(iter(video)).image[10, 10].astype(int) - RED).max() <= 4
    video.close()


def test_odd_sizes_are_padded_by_their_edge_and_it_is_said(
    clips: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    size = (97, 131)
    source = clips.make("odd.mkv", codec="ffv1", pixel_format="yuv444p", size=size, count=2)
    output = clips.folder / "out.mp4"
    copy(source, output)
    assert "131x97 is padded" in caplog.text
    video = VideoSource(output)
    image = next(iter(video)).image.astype(int)
    video.close()
    assert image.shape == (98, 132, 3)
    assert np.abs(image[97, :60] - image[96, :60]).max() <= 12


def test_the_output_of_a_rotated_clip_is_upright_without_a_matrix(clips: Any) -> None:
    output = clips.folder / "out.mp4"
    copy(clips.make(rotation=90, count=2), output)
    video = VideoSource(output)
    assert video.info.rotation == 0
    assert video.info.size == (128, 96)
    video.close()


@pytest.mark.parametrize(("rotation", "aspect"), [(0, Fraction(4, 3)), (90, Fraction(3, 4))])
def test_pixels_that_are_not_square_stay_so(clips: Any, rotation: int, aspect: Fraction) -> None:
    source = clips.make(aspect=Fraction(4, 3), rotation=rotation, count=2)
    output = clips.folder / "out.mp4"
    copy(source, output)
    with av.open(str(output)) as container:
        assert Fraction(container.streams.video[0].sample_aspect_ratio) == aspect


def test_it_is_what_browsers_play(clips: Any) -> None:
    output = clips.folder / "out.mp4"
    source = clips.make("10.mkv", pixel_format="yuv420p10le", audio="aac")
    copy(source, output)
    with av.open(str(output)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert container.streams.audio[0].codec_context.name == "aac"


def test_pictures_of_another_size_are_refused(clips: Any) -> None:
    video = VideoSource(clips.make(count=1))
    sink = VideoSink(clips.folder / "out.mp4", video.info, lambda r: r.frame.image[:-2])
    with pytest.raises(OutputError, match=r"expected \(96, 128, 3\) uint8"):
        sink.write(FrameResult(next(iter(video))))
    sink.abort()
    video.close()


# --- names and endings


def test_the_final_name_appears_only_on_close(clips: Any) -> None:
    video = VideoSource(clips.make())
    output = clips.folder / "out.mp4"
    sink = VideoSink(output, video.info, painted)
    for frame in video:
        sink.write(FrameResult(frame))
    assert not output.exists()
    sink.close()
    sink.close()
    video.close()
    assert output.exists()
    assert not sink.partial_path.exists()
    with pytest.raises(OutputError, match="after it was closed"):
        sink.write(FrameResult(Frame(0, Fraction(0), np.zeros((96, 128, 3), np.uint8))))


def test_an_aborted_output_plays_under_its_partial_name(clips: Any) -> None:
    source = clips.make(audio="aac", count=60)
    video = VideoSource(source)
    output = clips.folder / "out.mp4"
    sink = VideoSink(output, video.info, painted, source=source)
    for frame in video:
        if frame.index == 30:
            break
        sink.write(FrameResult(frame))
    sink.abort()
    sink.abort()
    sink.close()
    video.close()
    assert not output.exists()
    assert sink.partial_path == clips.folder / "out.partial.mp4"
    assert video_times(sink.partial_path) == [Fraction(i, 25) for i in range(30)]
    assert Fraction(11, 10) < audio_packets(sink.partial_path)[-1][0] < Fraction(12, 10)


def test_an_output_without_frames_leaves_nothing(clips: Any) -> None:
    video = VideoSource(clips.make())
    sink = VideoSink(clips.folder / "out.mp4", video.info, painted)
    with pytest.raises(OutputError, match="no frame came"):
        sink.close()
    video.close()
    assert sorted(p.name for p in clips.folder.iterdir()) == ["clip.mp4"]


_WRITE_AND_WAIT = """
import sys, time
from fractions import Fraction
import numpy as np
from track_anything.io.video_sink import VideoSink
from track_anything.structures import Frame, FrameResult, VideoInfo
info = VideoInfo(width=64, height=48, time_base=Fraction(1, 25))
sink = VideoSink(sys.argv[1], info, lambda r: r.frame.image)
for i in range(300):
    image = np.full((48, 64, 3), i % 200, np.uint8)
    sink.write(FrameResult(Frame(i, Fraction(i, 25), image)))
print("written", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_a_killed_run_leaves_a_file_that_plays(clips: Any, name: str) -> None:
    output = clips.folder / name
    with subprocess.Popen(
        [sys.executable, "-c", _WRITE_AND_WAIT, str(output)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    assert not output.exists()
    times = video_times(output.with_name(f"out.partial{output.suffix}"))
    # All but the fragment that was open, two seconds, and what the encoder held.
    assert len(times) >= 200
    assert times == [Fraction(i, 25) for i in range(len(times))]


_WRITE_TO_FULL_DISK = """
import json, resource, sys
from fractions import Fraction
import numpy as np
from track_anything.errors import OutputError
from track_anything.io.video_sink import VideoSink
from track_anything.structures import Frame, FrameResult, VideoInfo
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
info = VideoInfo(width=320, height=240, time_base=Fraction(1, 25))
sink = VideoSink(sys.argv[1], info, lambda r: r.frame.image)
random = np.random.default_rng(0)
said = None
try:
    for i in range(300):
        image = random.integers(0, 255, (240, 320, 3), np.uint8)
        sink.write(FrameResult(Frame(i, Fraction(i, 25), image)))
    sink.close()
except OutputError as error:
    said = str(error)
sink.abort()
sink.close()
print(json.dumps(said))
"""


def test_a_full_disk_is_one_clear_error(clips: Any) -> None:
    output = clips.folder / "out.mp4"
    done = subprocess.run(
        [sys.executable, "-c", _WRITE_TO_FULL_DISK, str(output)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == f"{output}: cannot be written (File too large)"
    assert not output.exists()


def _existing(folder: Path) -> Path:
    (folder / "old.mp4").write_bytes(b"precious")
    return folder / "old.mp4"


def _as_partial(folder: Path) -> Path:
    (folder / "x.partial.mp4").symlink_to(folder / "clip.mp4")
    return folder / "x.mp4"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_existing, "exists already"),
        (lambda folder: folder / "missing" / "out.mp4", "does not exist"),
        (lambda folder: folder / "clip.mp4", "is the video that is read"),
        (lambda folder: folder / "sub" / ".." / "clip.mp4", "is the video that is read"),
        (_as_partial, "is the video that is read"),
        (lambda folder: folder / "out.avi", "expected a name ending in .mp4"),
        (lambda folder: folder / "sub.mp4", "is a folder"),
    ],
)
def test_an_output_that_may_not_be_written_is_refused_before_the_first_frame(
    clips: Any, make: Callable[[Path], Path], message: str
) -> None:
    source = clips.make()
    (clips.folder / "sub").mkdir()
    (clips.folder / "sub.mp4").mkdir()
    output = make(clips.folder)
    overwrite = message != "exists already"
    with pytest.raises(OutputError, match=message):
        VideoSink(output, VideoInfo(128, 96), painted, source=source, overwrite=overwrite)
    assert source.stat().st_size > 1000


def test_an_existing_output_is_replaced_only_when_the_new_one_is_complete(clips: Any) -> None:
    output = _existing(clips.folder)
    video = VideoSource(clips.make())
    sink = VideoSink(output, video.info, painted, overwrite=True)
    for frame in video:
        sink.write(FrameResult(frame))
        assert output.read_bytes() == b"precious"
    sink.close()
    video.close()
    assert len(video_times(output)) == 20


# --- real videos


@pytest.mark.shared
@pytest.mark.parametrize("name", ["02_cups.mp4", "05_landing_dog_soccer.mp4"])
def test_real_videos_keep_every_time_stamp_and_audio_packet(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    source = shared_data / "videos" / name
    output = tmp_path / "out.mp4"
    copy(source, output, max_side=320)
    assert video_times(output) == video_times(source)
    assert audio_packets(output) == audio_packets(source)

"""VideoWriter: what VideoSink's tests do not say, of other codecs."""

import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from track_anything.errors import OutputError
from track_anything.io.video_writer import Encoding, VideoWriter
from track_anything.structures import VideoInfo

FFV1 = Encoding(
    codec="ffv1",
    picture_format="gray",
    pixel_format="gray",
    formats={".mkv": "matroska", ".mp4": "mp4"},
    is_intra=True,
)
INFO = VideoInfo(width=31, height=21, time_base=Fraction(1, 30000), frame_rate=Fraction(30))


def test_lossless_pictures_come_back_at_times_no_millisecond_can_say(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = [random.integers(0, 255, (21, 31), np.uint8) for _ in range(4)]
    times = [Fraction(tick, 30000) for tick in (1001, 2002, 2003, 9999)]
    writer = VideoWriter(tmp_path / "a.mp4", INFO, FFV1)
    for image, time in zip(images, times, strict=True):
        writer.write(image, time)
    writer.close()
    with av.open(str(tmp_path / "a.mp4")) as container:
        frames = list(container.decode(video=0))
    assert [frame.pts * Fraction(frame.time_base) for frame in frames] == times
    assert all(np.array_equal(f.to_ndarray(), i) for f, i in zip(frames, images, strict=True))


@pytest.mark.parametrize("shape", [(21, 31, 3), (31, 21), (21, 30)])
def test_pictures_of_another_shape_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    writer = VideoWriter(tmp_path / "a.mkv", INFO, FFV1)
    with pytest.raises(OutputError, match=r"expected \(21, 31\) uint8"):
        writer.write(np.zeros(shape, np.uint8), Fraction(0))
    writer.abort()


def test_a_suffix_of_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"ending in \.mkv, \.mp4"):
        VideoWriter(tmp_path / "a.webm", INFO, FFV1)


_WRITE_AND_WAIT = """
import sys, time
from fractions import Fraction
from pathlib import Path
import numpy as np
from track_anything.io.alpha_sink import AlphaSink
from track_anything.structures import Frame, FrameResult, VideoInfo
info = VideoInfo(width=64, height=48, time_base=Fraction(1, 25))
sink = AlphaSink(Path(sys.argv[1]), info)
image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
for i in range(300):
    sink.write(FrameResult(Frame(i, Fraction(i, 25), image)))
print("written", flush=True)
time.sleep(60)
"""


def test_a_killed_run_leaves_prores_that_plays(tmp_path: Path) -> None:
    output = tmp_path / "out.mov"
    with subprocess.Popen(
        [sys.executable, "-c", _WRITE_AND_WAIT, str(output)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    assert not output.exists()
    with av.open(str(tmp_path / "out.partial.mov")) as container:
        times = [frame.pts * Fraction(frame.time_base) for frame in container.decode(video=0)]
    # All but the fragment that was open, of two seconds.
    assert len(times) >= 240
    assert times == [Fraction(i, 25) for i in range(len(times))]

"""The real command line, in this process, on a small clip."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import av
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from track_anything_cli.main import program

from track_anything import track
from track_anything.config import RunConfig
from track_anything.testing import MovingSquare

FRAMES = 12
Run = Callable[..., Result]
Boxes = Mapping[str, Sequence[float]]


_QUICK = """
segmenter = "grabcut"
[propagator.appearance]
hidden = 8
first_steps = 20
key_steps = 5
steps = 2
batch = 128
"""


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """A settings file: no weights, and an appearance that is learned in a moment."""
    path = tmp_path / "quick.toml"
    path.write_text(_QUICK)
    return path


@pytest.fixture(scope="session")
def tables_only(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Boxes], Path]:
    """Tracks boxes by name through twelve pictures of a square; the run has tables alone."""

    def make(boxes: Boxes) -> Path:
        folder = tmp_path_factory.mktemp("tracked")
        (folder / "pictures").mkdir()
        for frame in MovingSquare(frame_count=FRAMES):
            Image.fromarray(frame.image).save(folder / "pictures" / f"{frame.index:05d}.png")
        track(
            folder / "pictures",
            boxes,
            folder / "run",
            config=RunConfig(segmenter="grabcut"),
            video_out=False,
            masks=False,
        )
        return folder / "run"

    return make


@pytest.fixture
def run() -> Run:
    """Runs a command line."""
    return lambda *words: CliRunner().invoke(program, [str(word) for word in words])


def draw(path: Path, *, frame_count: int = FRAMES, size: tuple[int, int] = (96, 128)) -> Path:
    """A clip of a square that moves 3 right and 2 down a frame, from (8, 12) on."""
    source = MovingSquare(frame_count=frame_count, size=size)
    with av.open(str(path), "w", container_options={"movflags": "faststart"}) as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 4
        for frame in source:
            picture = av.VideoFrame.from_ndarray(frame.image, "rgb24")
            picture.pts = frame.index
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Twelve frames of 128x96 at 25 frames a second; the square's box is 8,12,32,36."""
    return draw(tmp_path / "clip.mp4")


@pytest.fixture
def long_clip(tmp_path: Path) -> Path:
    """Frames enough that a signal comes in the middle."""
    return draw(tmp_path / "long.mp4", frame_count=600, size=(240, 320))

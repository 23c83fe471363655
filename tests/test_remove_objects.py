"""Removing objects of a run: the video comes back with its times and sound, the object does not."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from track_anything.errors import ConfigError, DatasetError, OutputError, VideoError
from track_anything.io.run_folder import write_manifest
from track_anything.io.run_store import RunStoreSink
from track_anything.io.video import VideoSource
from track_anything.masks import mask_box
from track_anything.remove_objects import remove_objects
from track_anything.structures import FrameResult, ObjectMask
from track_anything.testing import MovingSquare, RecordingSink

TICKS = (0, 40, 81, 120, 163, 200, 300, 340, 380, 420)


class Scene(MovingSquare):
    """A square that moves over a background that stays, so that all of it is seen once."""

    def __init__(self) -> None:
        super().__init__(frame_count=10, size=(96, 160), side=20, start=(10, 30), velocity=(12, 1))
        ramp = np.linspace(20, 90, 160).astype(np.uint8)
        self._background = np.dstack([ramp + np.zeros((96, 1), np.uint8)] * 3)
        self._background[::12] += 30

    @property
    def background(self) -> Any:
        """Every frame without the square."""
        return self._background


def draw(path: Path, scene: Scene) -> None:
    """A clip with uneven times and a tone."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "4"})
        stream.height, stream.width = scene.info.size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        sound = output.add_stream("aac", rate=48000)
        tone = (8000 * np.sin(np.arange(20480) / 17)).astype(np.float32) / 32768
        for frame in scene:
            picture = av.VideoFrame.from_ndarray(frame.image, "rgb24")
            picture.pts, picture.time_base = TICKS[frame.index], Fraction(1, 1000)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
        for start in range(0, 20480, 1024):
            part = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], "fltp", "mono")
            part.sample_rate, part.pts, part.time_base = 48000, start, Fraction(1, 48000)
            output.mux(sound.encode(part))
        output.mux(sound.encode(None))


def results(source: VideoSource, scene: Scene, scale: int) -> Iterator[FrameResult]:
    for frame in source:
        truth = scene.truth(frame.index)[::scale, ::scale]
        corner = np.zeros_like(truth)
        corner[:5, -5:] = True
        yield FrameResult(
            frame,
            [
                ObjectMask(1, truth, mask_box(truth), 0.9, label="square"),
                ObjectMask(2, corner, mask_box(corner), 0.9),
            ],
        )


@pytest.fixture
def scene() -> Scene:
    """What the run saw."""
    return Scene()


@pytest.fixture
def run(tmp_path: Path, scene: Scene) -> Path:
    """A run on a clip."""
    draw(tmp_path / "clip.mp4", scene)
    return make_run(tmp_path, scene)


def make_run(folder: Path, scene: Scene, *, max_side: int = 0, name: str = "run") -> Path:
    (folder / name).mkdir()
    with closing(VideoSource(folder / "clip.mp4", max_side=max_side)) as source:
        sink = RunStoreSink(folder / name / "tracks.db", source.info)
        for result in results(source, scene, 2 if max_side else 1):
            sink.write(result)
        sink.close()
    manifest = {"status": "complete", "input": {"path": str(folder / "clip.mp4")}}
    write_manifest(folder / name, manifest)
    return folder / name


def read(path: Path) -> tuple[list[Any], list[Fraction], list[bytes]]:
    with closing(VideoSource(path)) as source:
        frames = list(source)
    with av.open(str(path)) as container:
        sound = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    return [frame.image.astype(int) for frame in frames], [frame.time for frame in frames], sound


def test_the_object_is_gone_and_times_and_sound_are_the_sources(
    run: Path, scene: Scene, tmp_path: Path
) -> None:
    summary = remove_objects(run, tmp_path / "out.mp4", objects=["square"], dilate=4)
    images, times, sound = read(tmp_path / "out.mp4")
    _, before, sound_before = read(tmp_path / "clip.mp4")
    assert times == before == [Fraction(tick, 1000) for tick in TICKS]
    assert sound == sound_before
    assert len(sound) > 15
    for image in images:
        assert np.abs(image - scene.background).max() < 40
        assert np.abs(image - scene.background).mean() < 3
    assert (summary.frames, summary.changed_frames, summary.track_ids) == (10, 10, (1,))
    assert summary.counts is not None
    assert summary.counts.seen > 0.95 * (summary.counts.carried + summary.counts.invented)
    assert summary.to_dict()["pixels"]["seen"] == summary.counts.seen


def test_masks_of_smaller_frames_are_used_on_the_whole_source(
    run: Path, scene: Scene, tmp_path: Path
) -> None:
    small = make_run(tmp_path, scene, max_side=80, name="small")
    remove_objects(small, tmp_path / "out.mp4", objects=[1], dilate=4)
    images, _, _ = read(tmp_path / "out.mp4")
    for image in images:
        assert image.shape == (96, 160, 3)
        assert np.abs(image - scene.background).max() < 40


def test_another_inpainter_gets_every_frame_and_its_pictures_are_written(
    run: Path, tmp_path: Path
) -> None:
    class Green:
        def __init__(self) -> None:
            self.seen: list[int] = []

        def fill(self, window: Any) -> Any:
            self.seen.append(window.target.index)
            image = window.target.image.copy()
            image[window.target.mask] = (0, 255, 0)
            return image

    green, watcher = Green(), RecordingSink()
    summary = remove_objects(
        run, tmp_path / "out.mp4", objects=[2], dilate=0, inpainter=green, sinks=[watcher]
    )
    assert green.seen == list(range(10))
    assert summary.counts is None
    for result in watcher.results:
        assert (result.frame.image[:5, -5:] == (0, 255, 0)).all()
        assert not (result.frame.image[:5, :-5] == (0, 255, 0)).all(axis=2).any()
    assert watcher.close_count == 1


def test_an_error_on_the_way_leaves_a_partial_video(run: Path, tmp_path: Path) -> None:
    class Broken:
        def fill(self, window: Any) -> Any:
            if window.target.index == 5:
                raise VideoError("no further")
            return window.target.image

    with pytest.raises(VideoError, match="no further"):
        remove_objects(run, tmp_path / "out.mp4", objects=[1], inpainter=Broken())
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"objects": [9]}, ConfigError, "has no object '9'"),
        ({"objects": []}, ConfigError, "say which objects"),
        ({"dilate": 501}, ConfigError, "dilate is 0 to 500, got 501"),
        ({"look": -1}, ConfigError, "look is 0 to 5000, got -1"),
        ({"video": "gone.mp4"}, VideoError, "no such file"),
        ({"output": "clip.mp4", "overwrite": True}, OutputError, "is the video that is read"),
        ({"output": "old.mp4"}, OutputError, "exists already"),
        ({"run": "nothing"}, DatasetError, "nothing"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    run: Path, tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    (tmp_path / "old.mp4").write_bytes(b"precious")
    names = sorted(path.name for path in tmp_path.iterdir())
    given = {"run": run, "output": "out.mp4", "objects": [1]} | options
    folder, output = tmp_path / given.pop("run"), tmp_path / given.pop("output")
    with pytest.raises(error, match=message):
        remove_objects(folder, output, **given)
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert (tmp_path / "old.mp4").read_bytes() == b"precious"


def test_a_video_of_another_size_is_refused(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    scene = MovingSquare(frame_count=10)
    with av.open(str(other / "a.mp4"), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.height, stream.width = scene.info.size
        stream.pix_fmt = "yuv420p"
        for frame in scene:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame.image, "rgb24")))
        output.mux(stream.encode(None))
    with pytest.raises(VideoError, match="its frames are 128x96, those of the run's video 160x96"):
        remove_objects(run, tmp_path / "out.mp4", objects=[1], video=other / "a.mp4")


def test_a_run_of_pictures_is_done_as_well(tmp_path: Path) -> None:
    from PIL import Image

    scene = Scene()
    folder = tmp_path / "pictures"
    folder.mkdir()
    (tmp_path / "run").mkdir()
    sink = RunStoreSink(tmp_path / "run" / "tracks.db", replace(scene.info, path=str(folder)))
    for frame in scene:
        Image.fromarray(frame.image).save(folder / f"{frame.index:05d}.png")
        mask = scene.truth(frame.index)
        sink.write(FrameResult(frame, [ObjectMask(1, mask, mask_box(mask), 0.9)]))
    sink.close()
    remove_objects(tmp_path / "run", tmp_path / "out.mp4", objects=[1], dilate=3)
    with closing(VideoSource(tmp_path / "out.mp4")) as source:
        for frame in source:
            assert np.abs(frame.image.astype(int) - scene.background).max() < 60

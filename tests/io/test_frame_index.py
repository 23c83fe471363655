"""Times and key frames, from packets where they tell them, else by decoding."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from track_anything.errors import VideoError
from track_anything.io import frame_index as module
from track_anything.io.frame_index import frame_index
from track_anything.io.frame_range import FrameRange
from track_anything.io.video import VideoSource


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were decoded."""
    real, paths = module._by_decoding, []

    def note(path: str, limits: FrameRange) -> module.FrameIndex:
        paths.append(path)
        return real(path, limits)

    monkeypatch.setattr(module, "_by_decoding", note)
    return paths


def times(path: Path, **part: Any) -> list[Fraction]:
    source = VideoSource(path, **part)
    found = [frame.time for frame in source]
    source.close()
    return found


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.mov"])
def test_packets_tell_times_and_key_frames(clips: Any, decoded: list[str], name: str) -> None:
    index = frame_index(
        clips.make(
            name,
            count=12,
            key_every=5,
            time_base=Fraction(1, 1000),
            pts=[40 * i for i in range(12)],
        )
    )
    assert index.times == [Fraction(i, 25) for i in range(12)]
    assert index.key_frames == [0, 5, 10]
    assert not decoded


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"start_frame": 3, "end_frame": 8},
        {"start": Fraction(1, 5), "end": Fraction(2, 5)},
        {"start_frame": 2, "end": Fraction(2, 5)},
        {"start": Fraction(6, 25), "end_frame": 9},
        {"start": Fraction(1, 25)},
    ],
)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.ts"])
def test_a_part_is_that_of_reading_it(clips: Any, name: str, part: dict[str, Any]) -> None:
    path = clips.make(name, count=12)
    index = frame_index(path, FrameRange(**part))
    assert index.times == times(path, **part)
    whole = frame_index(path)
    keys = {whole.times[key] for key in whole.key_frames}
    assert [index.times[key] for key in index.key_frames] == [t for t in index.times if t in keys]


def test_what_the_packets_do_not_tell_is_decoded(clips: Any, decoded: list[str]) -> None:
    raw = clips.make("raw.h264", count=8)
    data = clips.make("a.ts", count=8).read_bytes() + clips.make("b.ts", count=5).read_bytes()
    (clips.folder / "ab.ts").write_bytes(data)
    for path in (raw, clips.folder / "ab.ts"):
        assert frame_index(path).times == times(path)
    assert decoded == [str(raw), str(clips.folder / "ab.ts")]


def test_frames_hidden_by_an_edit_list_are_left_out(clips: Any, decoded: list[str]) -> None:
    path = clips.make(count=12, key_every=250, pts=[i - 4 for i in range(12)])
    assert frame_index(path).times == times(path)


def test_a_file_that_is_no_video_is_an_error(clips: Any) -> None:
    with pytest.raises(VideoError, match="only audio"):
        frame_index(clips.sound("tone.m4a"))

"""Frames by index, forwards and backwards, are those that were read in order."""

from collections.abc import Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from track_anything.config import ReadConfig
from track_anything.errors import VideoError
from track_anything.io import frame_access
from track_anything.io.frame_access import FrameAccess
from track_anything.io.sources import open_source
from track_anything.structures import Frame

PLAIN = ReadConfig(prefetch_frames=0)


def all_of(path: Path, **limits: Any) -> list[Frame]:
    with closing(open_source(path, config=PLAIN, **limits)) as source:
        return list(source)


def access_to(path: Path, frames: Sequence[Frame], **limits: Any) -> FrameAccess:
    return FrameAccess(str(path), [frame.time for frame in frames], **limits)


def same(found: Sequence[Frame], expected: Sequence[Frame]) -> bool:
    return len(found) == len(expected) and all(
        (one.index, one.time) == (two.index, two.time) and np.array_equal(one.image, two.image)
        for one, two in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("span", [(0, 20), (0, 1), (7, 13), (19, 20), (5, 5)])
def test_a_part_of_a_video_is_what_was_read_there(clips: Any, span: tuple[int, int]) -> None:
    path = clips.make(pts=[index * 3 + index % 2 for index in range(20)], time_base=Fraction(1, 90))
    frames = all_of(path)
    access = access_to(path, frames)
    assert same(list(access.frames(*span)), frames[slice(*span)])
    assert same(list(access.backwards(*span)), frames[slice(*span)][::-1])


def test_a_part_of_a_part_counts_from_its_beginning(clips: Any) -> None:
    path = clips.make()
    limits = {"start_frame": 4, "end_frame": 16}
    frames = all_of(path, **limits)
    assert len(frames) == 12
    found = list(access_to(path, frames, **limits).frames(3, 12))
    assert same(found, frames[3:])
    assert clips.number(found[0].image) == 7


def test_pictures_are_read_by_index_too(pictures: Path) -> None:
    frames = all_of(pictures)
    access = access_to(pictures, frames)
    assert same(list(access.frames(2, 5)), frames[2:5])
    assert same(list(access.backwards(1, 6)), frames[1:][::-1])


def test_going_backwards_holds_one_piece_at_a_time(
    clips: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clips.make()
    frames = all_of(path)
    monkeypatch.setattr(frame_access, "CHUNK_BYTES", 3 * frames[0].image.nbytes)
    access, asked = access_to(path, frames), []
    read = access.frames

    def noted(start: int, stop: int) -> Any:
        asked.append((start, stop))
        return read(start, stop)

    monkeypatch.setattr(access, "frames", noted)
    assert same(list(access.backwards(10, 20)), frames[10:][::-1])
    assert asked == [(19, 20), (16, 19), (13, 16), (10, 13)]


def test_a_video_in_which_seeking_finds_other_times_is_read_from_the_start(
    clips: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clips.make()
    frames = all_of(path)
    access = access_to(path, frames)
    monkeypatch.setattr(access, "_sought", lambda start, stop: iter(frames[start : start + 2]))
    assert same(list(access.frames(5, 12)), frames[5:12])
    # It is not tried again.
    monkeypatch.setattr(access, "_sought", None)
    assert same(list(access.frames(2, 4)), frames[2:4])


def test_another_video_is_refused(clips: Any) -> None:
    frames = all_of(clips.make(count=20))
    other = clips.make("other.mp4", count=12)
    with pytest.raises(VideoError, match=r"other\.mp4: frames 12 to 14 are not where they were"):
        list(access_to(other, frames).frames(10, 15))
    faster = clips.make("faster.mp4", rate=Fraction(30), time_base=Fraction(1, 30))
    with pytest.raises(VideoError, match="the video was changed"):
        list(access_to(faster, frames).frames(10, 15))


def test_frames_come_in_the_size_asked_for(clips: Any) -> None:
    path = clips.make()
    access = access_to(path, all_of(path), config=ReadConfig(max_side=64))
    assert next(iter(access.frames(3, 4))).image.shape == (48, 64, 3)

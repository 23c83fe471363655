"""How far a run is: counts, rates, time left."""

import logging

import pytest
from track_anything_cli.progress import Count, progress
from track_anything_cli.talk import Talk

from track_anything.structures import Event, EventKind, FrameResult
from track_anything.testing import MovingSquare


def test_a_line_says_frames_rate_objects_reprompts_and_time_left() -> None:
    count = Count(expected=300, frames=100, objects=2, reprompts=1, seconds=10.0)
    assert count.text == "100/300 frames, 10.0 frames/s, 2 objects, 1 re-prompt, 0:20 left"


def test_where_the_length_is_unknown_no_time_left_is_promised() -> None:
    count = Count(expected=None, frames=100, objects=1, seconds=10.0)
    assert count.text == "100 frames, 10.0 frames/s, 1 object, 0 re-prompts"


def test_a_video_longer_than_it_claims_is_never_more_than_done() -> None:
    count = Count(expected=90, frames=100, objects=1, seconds=10.0)
    assert count.text.startswith("100/100 frames")
    assert count.text.endswith("0:00 left")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_frames_and_reprompts_are_counted_and_warnings_shown(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("track_anything_cli.progress.is_terminal", lambda: is_terminal)
    source = MovingSquare(frame_count=3)
    with progress(Talk(), source.info) as (sink, count):
        for frame in source:
            sink.write(FrameResult(frame, events=[Event(EventKind.REPROMPTED, 1)]))
        logging.getLogger("track_anything.io").warning("the [end] is near")
    assert (count.frames, count.reprompts) == (3, 3)
    assert "Warning: the [end] is near" in capfd.readouterr().err


def test_quiet_says_only_warnings(capfd: pytest.CaptureFixture[str]) -> None:
    source = MovingSquare(frame_count=3)
    with progress(Talk(is_quiet=True), source.info) as (sink, _):
        sink.write(FrameResult(source.frame(0)))
        logging.getLogger("track_anything.io").info("by the way")
        logging.getLogger("track_anything.io").warning("careful")
    assert capfd.readouterr().err == "Warning: careful\n"

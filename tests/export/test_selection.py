"""Which objects and frames are chosen, and which pictures belong to them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from track_anything.errors import ConfigError, VideoError
from track_anything.export.selection import chosen_ids, select, with_images
from track_anything.io.run_store import RunStore, StoredTrack
from track_anything.prompts import TimeCode, parse_time
from track_anything.structures import Frame, FrameResult
from track_anything.testing import MovingSquare

MakeRun = Callable[..., Path]


def tracks(**labels: str) -> list[StoredTrack]:
    return [StoredTrack(int(key[1:]), label, 0, 9, 10) for key, label in labels.items()]


@pytest.mark.parametrize(
    ("objects", "ids"),
    [
        ([1], {1}),
        (["1"], {1}),
        (["#1", "3"], {1, 3}),
        (["cup"], {2, 3}),
        (["cup", 65535], {2, 3, 65535}),
        (["7"], {65535}),
        (["#2"], {2}),
    ],
)
def test_objects_are_chosen_by_id_and_by_name(objects: list[int | str], ids: set[int]) -> None:
    known = tracks(_1="dog", _2="cup", _3="cup", _65535="7")
    assert chosen_ids(known, objects) == ids


def test_a_number_that_is_an_id_and_another_objects_name_has_to_be_told_apart() -> None:
    known = tracks(_1="", _7="red", _9="7")
    with pytest.raises(ConfigError, match="7 is an id, and the name of #9: write #7 or #9"):
        chosen_ids(known, ["7"])
    assert chosen_ids(known, ["#7"]) == {7}
    assert chosen_ids(known, [7]) == {7}
    assert chosen_ids(tracks(_7="7"), ["7"]) == {7}


@pytest.mark.parametrize("one", ["cat", "#5", 5, "10"])
def test_an_object_that_is_not_there_is_refused_with_those_that_are(one: int | str) -> None:
    with pytest.raises(ConfigError, match=f"no object '{one}'; it has 1 dog, 2"):
        chosen_ids(tracks(_1="dog", _2=""), [one])


@pytest.mark.parametrize(
    ("start", "end", "stride", "chosen"),
    [
        (None, None, 1, (0, 12)),
        ("3f", "7f", 1, (3, 7)),
        ("0.12", "0.24", 1, (3, 6)),
        ("0.1205", None, 1, (3, 12)),
        ("0.13", "9f", 2, (4, 9)),
        (None, "100", 1, (0, 12)),
    ],
)
def test_frames_are_chosen_by_time_and_by_index(
    run: Path, start: str | None, end: str | None, stride: int, chosen: tuple[int, int]
) -> None:
    def moment(text: str | None) -> TimeCode | None:
        return None if text is None else parse_time(text)

    with RunStore.open(run) as store:
        found = select(store, start=moment(start), end=moment(end), stride=stride)
    assert (found.start, found.stop) == chosen
    assert found.frame_count == len(range(*chosen, stride))
    assert found.last == list(range(*chosen, stride))[-1]


def test_times_are_those_of_the_frames_not_their_number(make_run: MakeRun) -> None:
    class Late(MovingSquare):
        """Begins at ten seconds, and stops for one after frame 5."""

        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                yield replace(frame, time=frame.time + 10 + (frame.index > 5))

    with RunStore.open(make_run(Late(frame_count=12))) as store:
        found = select(store, start=parse_time("10.5"), end=parse_time("11.33"))
    assert (found.start, found.stop) == (6, 9)


def result(index: int, time: Fraction) -> FrameResult:
    return FrameResult(Frame(index, time, MovingSquare().frame(0).image))


def test_pictures_are_matched_by_time_and_those_between_are_skipped() -> None:
    source = MovingSquare(frame_count=10)
    # A copy in Matroska: a third of a millisecond off.
    wanted = [result(100 + i, Fraction(i, 25) + Fraction(1, 3000)) for i in (2, 3, 7)]
    found = list(with_images(wanted, source))
    assert [one.frame.index for one in found] == [102, 103, 107]
    assert [one.frame.time for one in found] == [one.frame.time for one in wanted]
    for one in found:
        assert (one.frame.image == source.frame(one.frame.index - 100).image).all()


@pytest.mark.parametrize("time", [Fraction(1, 50), Fraction(99)])
def test_a_time_without_a_picture_is_refused(time: Fraction) -> None:
    with pytest.raises(VideoError, match=r"frame 4 of the run .* name the video that was tracked"):
        list(with_images([result(4, time)], MovingSquare(frame_count=10)))

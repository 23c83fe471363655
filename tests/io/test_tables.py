"""Tracks as CSV and JSON lines: exact text, exact times, and what a kill leaves."""

import csv
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from track_anything.errors import DatasetError, OutputError
from track_anything.io.tables import (
    CsvSink,
    JsonLinesSink,
    TrackRow,
    decimal_seconds,
    read_events_jsonl,
    read_tracks_csv,
    read_tracks_jsonl,
)
from track_anything.masks import mask_box
from track_anything.structures import (
    Event,
    EventKind,
    Frame,
    FrameResult,
    Mask,
    ObjectMask,
    Origin,
    State,
)

TIME = Fraction(1001, 30000)
NAME = 'the "dog", ünï\u2028\n2'


def object_mask(track_id: int, mask: Mask, **rest: object) -> ObjectMask:
    return ObjectMask(track_id, mask, mask_box(mask), **rest)  # type: ignore[arg-type]


def frame(index: int) -> Frame:
    return Frame(index, index * TIME, np.zeros((20, 30, 3), np.uint8))


@pytest.fixture
def results() -> list[FrameResult]:
    """A 4x2 object at (3, 5), then it is gone, with a second one nobody named."""
    visible, hidden = np.zeros((20, 30), bool), np.zeros((20, 30), bool)
    visible[5:7, 3:7] = True
    return [
        FrameResult(
            frame(0),
            [object_mask(1, visible, confidence=1.0, origin=Origin.PROMPTED, label=NAME)],
            [Event(EventKind.STARTED, 1)],
        ),
        FrameResult(
            frame(1),
            [
                object_mask(1, hidden, confidence=0.25, state=State.LOST, label=NAME),
                object_mask(2, visible, confidence=1 / 3, origin=Origin.DISCOVERED),
            ],
            [Event(EventKind.LOST, 1, "confidence .25"), Event(EventKind.CUT, 0)],
        ),
        FrameResult(frame(2)),
    ]


EXPECTED = [
    TrackRow(
        0, Fraction(0), 1, NAME, (3, 5, 7, 7), 8, (5, 6), 1.0, State.CONFIRMED, Origin.PROMPTED
    ),
    TrackRow(1, TIME, 1, NAME, None, 0, None, 0.25, State.LOST, Origin.PROPAGATED),
    TrackRow(1, TIME, 2, "", (3, 5, 7, 7), 8, (5, 6), 0.333333, State.CONFIRMED, Origin.DISCOVERED),
]


def test_csv_text_is_as_documented(tmp_path: Path, results: list[FrameResult]) -> None:
    sink = CsvSink(tmp_path / "tracks.csv")
    for result in results:
        sink.write(result)
    sink.close()
    with (tmp_path / "tracks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert ",".join(rows[0]) == (
        "frame,time,id,name,x_min,y_min,x_max,y_max,area,centroid_x,centroid_y,"
        "confidence,state,origin"
    )
    assert rows[1:] == [
        f"0|0.000000|1|{NAME}|3|5|7|7|8|5.0|6.0|1.0|confirmed|prompted".split("|"),
        f"1|0.033367|1|{NAME}|||||0|||0.25|lost|propagated".split("|"),
        [
            "1",
            "0.033367",
            "2",
            "",
            "3",
            "5",
            "7",
            "7",
            "8",
            "5.0",
            "6.0",
            "0.333333",
            "confirmed",
            "discovered",
        ],
    ]


def test_csv_reads_back_with_times_to_the_microsecond(
    tmp_path: Path, results: list[FrameResult]
) -> None:
    sink = CsvSink(tmp_path / "tracks.csv")
    for result in results:
        sink.write(result)
    sink.close()
    rows = read_tracks_csv(tmp_path / "tracks.csv")
    assert [row.time for row in rows] == [0, Fraction(33367, 10**6), Fraction(33367, 10**6)]
    assert [row.box for row in rows] == [(3, 5, 7, 7), None, (3, 5, 7, 7)]
    assert [row.name for row in rows] == [NAME, NAME, ""]


def test_json_lines_read_back_exactly(tmp_path: Path, results: list[FrameResult]) -> None:
    sink = JsonLinesSink(tmp_path / "tracks.jsonl")
    for result in results:
        sink.write(result)
    sink.close()
    assert read_tracks_jsonl(tmp_path / "tracks.jsonl") == EXPECTED
    assert read_events_jsonl(tmp_path / "tracks.jsonl") == [
        (0, Event(EventKind.STARTED, 1)),
        (1, Event(EventKind.LOST, 1, "confidence .25")),
        (1, Event(EventKind.CUT, 0)),
    ]


def test_json_lines_are_as_documented(tmp_path: Path, results: list[FrameResult]) -> None:
    sink = JsonLinesSink(tmp_path / "tracks.jsonl")
    sink.write(results[1])
    sink.close()
    lines = (tmp_path / "tracks.jsonl").read_text(encoding="utf-8").split("\n")
    assert [json.loads(line)["type"] for line in lines[:-1]] == [
        "event",
        "event",
        "object",
        "object",
    ]
    assert json.loads(lines[0]) == {
        "type": "event",
        "frame": 1,
        "time": 0.033367,
        "time_exact": "1001/30000",
        "kind": "lost",
        "id": 1,
        "detail": "confidence .25",
    }
    hidden = json.loads(lines[2])
    assert hidden["x_min"] is hidden["centroid_x"] is None
    assert hidden["area"] == 0


@pytest.mark.parametrize(
    ("sink_type", "name"), [(CsvSink, "tracks.csv"), (JsonLinesSink, "tracks.jsonl")]
)
def test_a_frame_is_in_the_file_when_write_returns(
    tmp_path: Path,
    results: list[FrameResult],
    sink_type: type[CsvSink] | type[JsonLinesSink],
    name: str,
) -> None:
    sink = sink_type(tmp_path / name)
    sink.write(results[0])
    partial = tmp_path / name.replace(".", ".partial.")
    read = read_tracks_csv if sink_type is CsvSink else read_tracks_jsonl
    assert [row.track_id for row in read(partial)] == [1]
    sink.close()


@pytest.mark.parametrize(
    ("sink_type", "name"), [(CsvSink, "tracks.csv"), (JsonLinesSink, "tracks.jsonl")]
)
def test_a_line_that_a_kill_cut_short_is_not_read(
    tmp_path: Path,
    results: list[FrameResult],
    sink_type: type[CsvSink] | type[JsonLinesSink],
    name: str,
) -> None:
    sink = sink_type(tmp_path / name)
    sink.write(results[0])
    sink.write(results[1])
    sink.close()
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:-5])
    read = read_tracks_csv if sink_type is CsvSink else read_tracks_jsonl
    assert [row.track_id for row in read(tmp_path / name)] == [1, 1]


def test_writing_after_the_end_is_an_error(tmp_path: Path, results: list[FrameResult]) -> None:
    sink = CsvSink(tmp_path / "tracks.csv")
    sink.close()
    with pytest.raises(OutputError, match=r"tracks.csv: is closed"):
        sink.write(results[0])


def test_a_table_that_cannot_be_opened_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"tracks.partial.csv: cannot be opened"):
        CsvSink(tmp_path / "missing" / "tracks.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "expected a table"), ("a,b\n1,2\n", "expected a table"), (None, "cannot be read")],
)
def test_a_file_that_is_no_csv_table_is_an_error(
    tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "tracks.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_tracks_csv(path)


def test_a_damaged_row_is_named_by_its_line(tmp_path: Path, results: list[FrameResult]) -> None:
    for sink_type, name in ((CsvSink, "tracks.csv"), (JsonLinesSink, "tracks.jsonl")):
        sink = sink_type(tmp_path / name)
        sink.write(results[1])
        sink.close()
        text = (tmp_path / name).read_text(encoding="utf-8").replace("discovered", "imagined")
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"tracks.csv: line 4 is no row .*imagined"):
        read_tracks_csv(tmp_path / "tracks.csv")
    with pytest.raises(DatasetError, match=r"tracks.jsonl: line 4 is no row .*imagined"):
        read_tracks_jsonl(tmp_path / "tracks.jsonl")
    (tmp_path / "tracks.jsonl").write_text("{}\nnot json\n")
    with pytest.raises(DatasetError, match="line 2 is not JSON"):
        read_tracks_jsonl(tmp_path / "tracks.jsonl")


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (Fraction(0), "0.000000"),
        (Fraction(-1, 25), "-0.040000"),
        (Fraction(2, 3), "0.666667"),
        (Fraction(1999999999, 10**9), "2.000000"),
        (Fraction(360000), "360000.000000"),
    ],
)
def test_seconds_are_rounded_to_the_microsecond(time: Fraction, text: str) -> None:
    assert decimal_seconds(time) == text

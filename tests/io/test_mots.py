"""Masks as MOTS text: fields, overlaps, ids, and how its own evaluation reads them."""

import contextlib
import io
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from track_anything.errors import ConfigError, OutputError
from track_anything.io.mots import MotsSink
from track_anything.masks import mask_box
from track_anything.structures import Frame, FrameResult, Mask, ObjectMask, VideoInfo

INFO = VideoInfo(width=30, height=20)
Result = Callable[..., FrameResult]

# pycocotools has not followed NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def columns(first: int, last: int) -> Mask:
    mask = np.zeros((20, 30), bool)
    mask[:, first:last] = True
    return mask


@pytest.fixture
def result() -> Result:
    def make(
        index: int, masks: Mapping[int, Mask], names: Mapping[int, str] | None = None
    ) -> FrameResult:
        objects = [
            ObjectMask(i, mask, mask_box(mask), 0.5, label=(names or {}).get(i, ""))
            for i, mask in masks.items()
        ]
        frame = Frame(index, Fraction(index, 25), np.zeros((20, 30, 3), np.uint8))
        return FrameResult(frame, objects)

    return make


def written(path: Path, results: list[FrameResult], **options: Any) -> list[list[str]]:
    sink = MotsSink(path, INFO, **options)
    for one in results:
        sink.write(one)
    sink.close()
    return [line.split(" ") for line in path.read_text(encoding="utf-8").splitlines()]


def decoded(fields: list[str]) -> Mask:
    """The mask of a line, by pycocotools."""
    from pycocotools import mask as coco

    height, width, counts = int(fields[3]), int(fields[4]), fields[5].encode()
    return np.asarray(coco.decode({"size": [height, width], "counts": counts}), bool)


def test_a_line_has_frame_from_1_id_class_height_width_and_the_run_lengths(
    tmp_path: Path, result: Result
) -> None:
    (fields,) = written(tmp_path / "mots.txt", [result(11, {65535: columns(1, 2)})])
    # Runs of 20, 20 and 560 pixels; 560 is 0b10001_10000: the low five bits first, and a third
    # letter because the second's sign bit is set.
    assert fields == ["12", "65535", "2", "20", "30", "d0d0`a0"]
    assert (decoded(fields) == columns(1, 2)).all()


def test_an_overlap_goes_to_the_higher_id_and_who_is_covered_has_no_line(
    tmp_path: Path, result: Result
) -> None:
    lines = written(
        tmp_path / "mots.txt",
        [result(0, {1: columns(0, 8), 2: columns(6, 7), 3: columns(5, 12), 4: columns(0, 0)})],
    )
    assert [line[1] for line in lines] == ["1", "3"]
    assert (decoded(lines[0]) == columns(0, 5)).all()
    assert (decoded(lines[1]) == columns(5, 12)).all()


def test_classes_go_by_patterns_of_names(tmp_path: Path, result: Result) -> None:
    names = {1: "car 3", 2: "red 7", 3: ""}
    lines = written(
        tmp_path / "mots.txt",
        [result(0, {i: columns(i, i + 1) for i in names}, names)],
        class_id=5,
        classes={"car*": 1, "red *": 2},
    )
    assert [line[2] for line in lines] == ["1", "2", "5"]


def test_ids_can_hold_the_class_as_in_the_benchmarks_files(tmp_path: Path, result: Result) -> None:
    path = tmp_path / "mots.txt"
    (fields,) = written(path, [result(0, {999: columns(0, 1)})], ids="class")
    assert fields[1:3] == ["2999", "2"]
    sink = MotsSink(path, INFO, ids="class")
    with pytest.raises(OutputError, match="up to 999, got 1000"):
        sink.write(result(0, {1000: columns(0, 1)}))
    sink.abort()


@pytest.mark.parametrize(
    "options", [{"class_id": 0}, {"class_id": 10}, {"classes": {"a": 10}}, {"ids": "both"}]
)
def test_an_option_out_of_range_is_refused_and_no_file_begun(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError):
        MotsSink(tmp_path / "mots.txt", INFO, **options)
    assert not list(tmp_path.iterdir())


def test_the_benchmarks_own_evaluation_reads_results_and_ground_truth_as_equal(
    tmp_path: Path, result: Result
) -> None:
    trackeval = pytest.importorskip("trackeval")
    # Overlapping masks, which the evaluation would refuse.
    results = [
        result(index, {1: columns(index, index + 6), 2: columns(index + 4, 15)})
        for index in range(5)
    ]
    truth, tracker = tmp_path / "gt" / "clip" / "gt", tmp_path / "trackers" / "ours" / "data"
    truth.mkdir(parents=True)
    tracker.mkdir(parents=True)
    written(truth / "gt.txt", results)
    written(tracker / "clip.txt", results)
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = trackeval.datasets.MOTSChallenge(
            {
                "GT_FOLDER": str(tmp_path / "gt"),
                "TRACKERS_FOLDER": str(tmp_path / "trackers"),
                "SKIP_SPLIT_FOL": True,
                "SEQ_INFO": {"clip": 5},
                "PRINT_CONFIG": False,
            }
        )
        raw = dataset.get_raw_seq_data("ours", "clip")
        data = dataset.get_preprocessed_seq_data(raw, "pedestrian")
        scores = trackeval.metrics.HOTA().eval_sequence(data)
    assert [ids.tolist() for ids in raw["tracker_ids"]] == [[1, 2]] * 5
    assert data["num_gt_dets"] == data["num_tracker_dets"] == 10
    assert scores["HOTA"].min() == pytest.approx(1)

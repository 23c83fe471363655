"""Boxes as MOTChallenge text: the numbers of each line, and how its own evaluation reads them."""

import contextlib
import io
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from track_anything.errors import ConfigError
from track_anything.io.mot import MotSink
from track_anything.masks import mask_box
from track_anything.structures import Frame, FrameResult, Mask, ObjectMask, VideoInfo

INFO = VideoInfo(width=30, height=20)
Result = Callable[..., FrameResult]


def block(left: int, top: int, right: int, bottom: int) -> Mask:
    mask = np.zeros((20, 30), bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture
def result() -> Result:
    def make(index: int, masks: Mapping[int, Mask], confidence: float = 0.75) -> FrameResult:
        objects = [ObjectMask(i, mask, mask_box(mask), confidence) for i, mask in masks.items()]
        frame = Frame(index, Fraction(index, 25), np.zeros((20, 30, 3), np.uint8))
        return FrameResult(frame, objects)

    return make


def written(path: Path, results: list[FrameResult], **options: Any) -> list[str]:
    sink = MotSink(path, INFO, **options)
    for one in results:
        sink.write(one)
    sink.close()
    return path.read_text(encoding="utf-8").splitlines()


def test_frames_and_pixels_count_from_1_and_sides_are_counts_of_pixels(
    tmp_path: Path, result: Result
) -> None:
    lines = written(
        tmp_path / "mot.txt",
        [result(0, {1: block(0, 0, 4, 2)}), result(9, {65535: block(29, 19, 30, 20)})],
    )
    assert lines == [
        "1,1,1,1,4,2,0.750000,-1,-1,-1",
        "10,65535,30,20,1,1,0.750000,-1,-1,-1",
    ]


def test_pixels_can_count_from_0(tmp_path: Path, result: Result) -> None:
    (line,) = written(tmp_path / "mot.txt", [result(0, {1: block(3, 5, 7, 7)})], pixel_origin=0)
    assert line == "1,1,3,5,4,2,0.750000,-1,-1,-1"


def test_ground_truth_has_a_flag_the_class_and_the_visibility(
    tmp_path: Path, result: Result
) -> None:
    (line,) = written(
        tmp_path / "gt.txt", [result(0, {7: block(3, 5, 7, 7)})], layout="gt", class_id=3
    )
    assert line == "1,7,4,6,4,2,1,3,1"


def test_an_object_that_is_not_visible_has_no_line(tmp_path: Path, result: Result) -> None:
    lines = written(tmp_path / "mot.txt", [result(0, {1: block(0, 0, 0, 0), 2: block(0, 0, 1, 1)})])
    assert [line.split(",")[1] for line in lines] == ["2"]


@pytest.mark.parametrize("options", [{"layout": "det"}, {"pixel_origin": 2}, {"class_id": 0}])
def test_an_option_out_of_range_is_refused_and_no_file_begun(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError):
        MotSink(tmp_path / "mot.txt", INFO, **options)
    assert not list(tmp_path.iterdir())


def test_the_benchmarks_own_evaluation_reads_results_and_ground_truth_as_equal(
    tmp_path: Path, result: Result
) -> None:
    trackeval = pytest.importorskip("trackeval")
    results = [
        result(index, {1: block(index, 2, index + 6, 9), 2: block(20, index, 28, index + 5)})
        for index in range(5)
    ]
    truth, tracker = tmp_path / "gt" / "clip" / "gt", tmp_path / "trackers" / "ours" / "data"
    truth.mkdir(parents=True)
    tracker.mkdir(parents=True)
    written(truth / "gt.txt", results, layout="gt")
    written(tracker / "clip.txt", results)
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = trackeval.datasets.MotChallenge2DBox(
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
    assert raw["tracker_dets"][3].tolist() == [[4, 3, 6, 7], [21, 4, 8, 5]]
    assert [ids.tolist() for ids in raw["tracker_ids"]] == [[1, 2]] * 5
    assert raw["tracker_confidences"][0].tolist() == [0.75, 0.75]
    assert data["num_gt_dets"] == data["num_tracker_dets"] == 10
    assert scores["HOTA"].min() == pytest.approx(1)

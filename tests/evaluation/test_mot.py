"""Scores of boxes, worked out by hand and by TrackEval."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from track_anything.evaluation.mot import box_ious, mot_scores
from track_anything.evaluation.mot_files import BoxesOfFrame, read_mot
from track_anything.evaluation.mot_report import mot_table

# FRAME, ID, LEFT, TOP, WIDTH, HEIGHT
Row = tuple[int, int, float, float, float, float]


def frames(rows: Sequence[Row]) -> dict[int, BoxesOfFrame]:
    """Rows as what read_mot returns."""
    return {
        number: BoxesOfFrame(
            np.array([r[1] for r in rows if r[0] == number], np.int64),
            np.array([r[2:] for r in rows if r[0] == number], np.float64),
        )
        for number in sorted({r[0] for r in rows})
    }


def scored(results: Sequence[Row], truth: Sequence[Row]) -> dict[str, float]:
    return mot_scores(frames(results), frames(truth))


def straight(track_id: int, numbers: Sequence[int], *, top: float = 0) -> list[Row]:
    """A box of 10x10 that moves 2 a frame."""
    return [(n, track_id, 2.0 * n, top, 10, 10) for n in numbers]


def simulated(seed: int) -> tuple[list[Row], list[Row]]:
    """Six objects over thirty frames, and a tracker that jitters, misses, invents and swaps."""
    random = np.random.default_rng(seed)
    truth: list[Row] = []
    results: list[Row] = []
    starts = random.uniform(0, 60, (6, 2))
    ids = list(range(11, 17))
    next_id = 17
    for number in range(1, 31):
        if random.random() < 0.08:
            first, second = random.choice(6, 2, replace=False)
            ids[first], ids[second] = ids[second], ids[first]
        for index, (x, y) in enumerate(starts):
            if not 2 * index <= number <= 32 - 3 * index or number == 14:
                continue
            box = np.array([x + number * (index - 2), y + number, 18 + index, 24 - index])
            truth.append((number, index + 1, *box.tolist()))
            if random.random() < 0.15 or number == 20:
                continue
            if random.random() < 0.04:
                ids[index], next_id = next_id, next_id + 1
            moved = box + random.normal(0, 2.5, 4)
            results.append((number, ids[index], *moved.tolist()))
        if random.random() < 0.4:
            results.append((number, 900 + number % 3, *random.uniform(5, 60, 4).tolist()))
    return results, truth


def write(path: Path, rows: Sequence[Row], *rest: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(",".join(map(repr, (*row, *rest))) + "\n" for row in rows))
    return path


def trackeval_scores(folder: Path, frame_count: int) -> dict[str, float]:
    """TrackEval's figures for truth/seq/gt/gt.txt and trackers/ours/data/seq.txt."""
    from trackeval.datasets import MotChallenge2DBox
    from trackeval.metrics import CLEAR, HOTA, Identity

    dataset = MotChallenge2DBox(
        {
            "GT_FOLDER": str(folder / "truth"),
            "TRACKERS_FOLDER": str(folder / "trackers"),
            "SEQ_INFO": {"seq": frame_count},
            "SKIP_SPLIT_FOL": True,
            "DO_PREPROC": False,
            "PRINT_CONFIG": False,
        }
    )
    raw = dataset.get_raw_seq_data("ours", "seq")
    data = dataset.get_preprocessed_seq_data(raw, "pedestrian")
    quiet = {"PRINT_CONFIG": False}
    scores: dict[str, float] = {}
    for metric in (HOTA(), CLEAR(dict(quiet)), Identity(dict(quiet))):
        found = metric.eval_sequence(data)
        scores |= {name: float(np.mean(value)) for name, value in found.items()}
    return scores


SAME = {
    **{n: n for n in ("HOTA", "DetA", "AssA", "LocA", "DetRe", "DetPr", "AssRe", "AssPr")},
    **{n: n for n in ("MOTA", "MOTP", "IDSW", "Frag", "MT", "PT", "ML")},
    **{"Recall": "CLR_Re", "Precision": "CLR_Pr", "FP": "CLR_FP", "FN": "CLR_FN", "TP": "CLR_TP"},
    **{n: n for n in ("IDF1", "IDP", "IDR", "IDTP", "IDFP", "IDFN")},
}


def compare(folder: Path, results: Sequence[Row], truth: Sequence[Row]) -> dict[str, float]:
    """Our scores of the files, proved to be TrackEval's."""
    found = write(folder / "trackers" / "ours" / "data" / "seq.txt", results, 0.9, -1, -1, -1)
    there = write(folder / "truth" / "seq" / "gt" / "gt.txt", truth, 1, 1, 1.0)
    ours = mot_scores(read_mot(found), read_mot(there, is_truth=True))
    theirs = trackeval_scores(folder, max(row[0] for row in (*results, *truth)))
    for name, their_name in SAME.items():
        assert ours[name] == pytest.approx(theirs[their_name], abs=1e-12), name
    return ours


@pytest.mark.parametrize("seed", range(12))
def test_every_figure_is_trackevals(tmp_path: Path, seed: int) -> None:
    ours = compare(tmp_path, *simulated(seed))
    # The data have what makes a difference.
    assert ours["IDSW"] > 2
    assert ours["Frag"] > 2
    assert ours["FP"] > 5
    assert ours["FN"] > 5
    assert 0 < ours["HOTA"] < ours["LocA"] < 1


@pytest.mark.parametrize("is_far", [True, False])
def test_borderline_cases_are_trackevals(tmp_path: Path, is_far: bool) -> None:
    # Exactly half is shared, and two tracks compete for one object.
    truth = straight(1, range(1, 9)) + straight(2, range(3, 6), top=500 if is_far else 5)
    half = [(n, 7, 2.0 * n, 0.0, 10.0, 5.0) for n in range(1, 7)]
    compare(tmp_path, half + straight(8, range(4, 12)), truth)


def test_a_perfect_tracker_by_hand() -> None:
    truth = straight(1, range(1, 11)) + straight(2, range(3, 9), top=50)
    results = [(n, 40 - i, x, y, w, h) for n, i, x, y, w, h in truth]
    scores = scored(results, truth)
    ones = {"HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR"}
    assert {name for name in ones if scores[name] == pytest.approx(1)} == ones
    assert [scores[n] for n in ("IDSW", "FP", "FN", "Frag", "MT", "PT", "ML")] == [0] * 4 + [
        2,
        0,
        0,
    ]
    assert (scores["frames"], scores["truth_boxes"], scores["result_ids"]) == (10, 16, 2)


def test_a_swap_by_hand() -> None:
    # Two objects of ten frames; the tracks change places after six.
    truth = straight(1, range(1, 11)) + straight(2, range(1, 11), top=50)
    results = (
        straight(5, range(1, 7))
        + straight(6, range(7, 11))
        + straight(6, range(1, 7), top=50)
        + straight(5, range(7, 11), top=50)
    )
    scores = scored(results, truth)
    assert (scores["IDSW"], scores["Frag"], scores["FP"], scores["FN"]) == (2, 0, 0, 0)
    assert scores["MOTA"] == pytest.approx(18 / 20)
    assert scores["IDF1"] == pytest.approx(12 / 20)
    # Of its 20 boxes a match has 12 true objects and tracks that share 6 of 14, and 8 with 4 of 16.
    assert scores["AssA"] == pytest.approx((12 * 6 / 14 + 8 * 4 / 16) / 20)
    assert scores["DetA"] == pytest.approx(1)
    assert scores["HOTA"] == pytest.approx(np.sqrt(scores["AssA"]))


def test_a_gap_is_a_fragment_and_not_a_switch() -> None:
    truth = straight(1, range(1, 11)) + straight(2, range(1, 11), top=50)
    results = straight(5, [1, 2, 3, 7, 8]) + straight(6, range(1, 11), top=50)
    scores = scored(results, truth)
    assert (scores["Frag"], scores["IDSW"], scores["FN"]) == (1, 0, 5)
    # Half of its frames: partly tracked.
    assert (scores["MT"], scores["PT"], scores["ML"]) == (1, 1, 0)


def test_four_and_one_fifth_of_the_frames_are_partly_tracked() -> None:
    truth = [row for i in range(4) for row in straight(i + 1, range(1, 11), top=50 * i)]
    lengths = (9, 8, 2, 1)
    results = [
        row for i in range(4) for row in straight(i + 5, range(1, lengths[i] + 1), top=50 * i)
    ]
    scores = scored(results, truth)
    assert (scores["MT"], scores["PT"], scores["ML"]) == (1, 2, 1)


def test_hota_counts_how_well_boxes_fit() -> None:
    truth = straight(1, range(1, 5))
    # 10x6 of 10x10: IoU .6 matches up to the threshold of .6, which is 12 of 19.
    scores = scored([(n, 1, 2.0 * n, 0, 10, 6) for n in range(1, 5)], truth)
    assert scores["HOTA"] == pytest.approx(12 / 19)
    assert scores["MOTP"] == pytest.approx(0.6)
    # No match has LocA 1 by convention.
    assert scores["LocA"] == pytest.approx((12 * 0.6 + 7) / 19)


@pytest.mark.parametrize("what", ["results", "truth", "both"])
def test_nothing_to_compare_scores_0(what: str) -> None:
    rows = straight(1, range(1, 5))
    scores = scored([] if what != "truth" else rows, [] if what != "results" else rows)
    assert [scores[n] for n in ("HOTA", "IDF1", "TP", "IDTP")] == [0, 0, 0, 0]
    assert scores["FN"] == (4 if what == "results" else 0)
    assert scores["FP"] == (4 if what == "truth" else 0)
    assert scores["ML"] == (1 if what == "results" else 0)
    assert scores["MOTA"] == (-4 if what == "truth" else 0)


def test_iou_of_boxes_by_hand() -> None:
    first = np.array([[0.0, 0, 4, 4], [0, 0, 0, 0]])
    second = np.array([[2.0, 0, 4, 4], [4, 0, 4, 4], [0, 0, 4, 4]])
    assert box_ious(first, second).tolist() == [[8 / 24, 0, 1], [0, 0, 0]]


def test_the_table_names_every_score() -> None:
    scores = scored(straight(1, range(1, 5)), straight(1, range(1, 5)))
    words = mot_table(scores).split()
    for name in SAME:
        assert name in words or name in ("Recall", "Precision", "TP")
    assert words[words.index("AssPr") + 1] == "1.000"

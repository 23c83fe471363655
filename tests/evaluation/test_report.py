"""Scores as text, and the machine."""

import json
import sys

import pytest

from track_anything.evaluation.report import machine, score_table

MEASURES = {
    "J": 0.5,
    "F": 0.75,
    "J&F": 0.625,
    "J_recall": 1.0,
    "F_recall": 0.25,
    "J_decay": -0.125,
    "F_decay": 0.0,
}


def test_the_table_has_every_sequence_objects_of_pairs_and_the_mean() -> None:
    rates = {"fps": 12.34, "calls_per_100_frames": 5.0}
    none = {"frames_on_another": 0, "id_switches": 0}
    some = {"frames_on_another": 2, "id_switches": 1}
    scores = {
        "mean": {**MEASURES, **rates, **some},
        "sequences": {
            "bear": {**MEASURES, **rates, **none, "objects": {"1": MEASURES}},
            "two": {**MEASURES, **rates, **some, "objects": {"1": MEASURES, "2": MEASURES}},
        },
    }
    assert score_table(scores).splitlines() == [
        "sequence      J&F      J      F  J rec  F rec   J dec  F dec   fps  calls/100"
        "  astray  switches",
        "-" * 95,
        "bear        0.625  0.500  0.750  1.000  0.250  -0.125  0.000  12.3        5.0"
        "     0.0       0.0",
        "two         0.625  0.500  0.750  1.000  0.250  -0.125  0.000  12.3        5.0"
        "     2.0       1.0",
        "  object 1  0.625  0.500  0.750  1.000  0.250  -0.125  0.000",
        "  object 2  0.625  0.500  0.750  1.000  0.250  -0.125  0.000",
        "-" * 95,
        "mean        0.625  0.500  0.750  1.000  0.250  -0.125  0.000  12.3        5.0"
        "     2.0       1.0",
    ]


def test_many_objects_seeds_and_a_simulation_are_told_in_the_table() -> None:
    counts = {"frames_on_another": 2.5, "id_switches": 1.0}
    scores = {
        "mean": MEASURES | counts,
        "sequences": {"two": {**MEASURES, **counts, "objects": {"1": MEASURES, "2": MEASURES}}},
        "seeds": {"3": MEASURES | counts, "4": MEASURES | counts},
        "spread": {"mean": {"J&F": 0.01}},
        "simulated": "simulated segmenter: it answers from the ground truth",
    }
    title, _, two, one, other, _, *totals, note = score_table(scores).splitlines()
    assert title.split()[-2:] == ["astray", "switches"]
    assert two.split()[-2:] == ["2.5", "1.0"]
    assert [line.split()[:2] for line in (one, other)] == [["object", "1"], ["object", "2"]]
    assert [line.split("  ")[0] for line in totals] == ["seed 3", "seed 4", "mean", "+-"]
    assert totals[-1].split() == ["+-", "0.010"]
    assert note == "(simulated segmenter: it answers from the ground truth)"


def test_the_machine_is_told_ready_for_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    told = machine()
    assert list(told) == ["cpu", "cores", "system", "python", "numpy", "opencv", "date"]
    assert told["cpu"]
    assert json.loads(json.dumps(told)) == told


def test_torch_is_told_where_it_took_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys)
    assert "torch" in machine()

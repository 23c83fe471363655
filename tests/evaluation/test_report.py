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
    scores = {
        "mean": {**MEASURES, **rates},
        "sequences": {
            "bear": {**MEASURES, **rates, "objects": {"1": MEASURES}},
            "two": {**MEASURES, **rates, "objects": {"1": MEASURES, "2": MEASURES}},
        },
    }
    assert score_table(scores).splitlines() == [
        "sequence      J&F      J      F  J rec  F rec   J dec  F dec   fps  calls/100",
        "-----------------------------------------------------------------------------",
        "bear        0.625  0.500  0.750  1.000  0.250  -0.125  0.000  12.3        5.0",
        "two         0.625  0.500  0.750  1.000  0.250  -0.125  0.000  12.3        5.0",
        "  object 1  0.625  0.500  0.750  1.000  0.250  -0.125  0.000",
        "  object 2  0.625  0.500  0.750  1.000  0.250  -0.125  0.000",
        "-----------------------------------------------------------------------------",
        "mean        0.625  0.500  0.750  1.000  0.250  -0.125  0.000  12.3        5.0",
    ]


def test_the_machine_is_told_ready_for_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    told = machine()
    assert list(told) == ["cpu", "cores", "system", "python", "numpy", "opencv", "date"]
    assert told["cpu"]
    assert json.loads(json.dumps(told)) == told


def test_torch_is_told_where_it_took_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys)
    assert "torch" in machine()

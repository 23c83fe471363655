"""The predicted IoU set right, by hand."""

import numpy as np
import pytest

from track_anything.segmenters.compact import calibration
from track_anything.segmenters.compact.calibration import (
    CORRECTIONS,
    KINDS,
    calibrated,
    logit,
    prompt_kind,
    uncalibrated,
)
from track_anything.segmenters.hints import inside_frame
from track_anything.structures import Prompt

POINT, LOGITS = np.array([[5, 5]]), np.full((4, 4), 3, np.float32)
BOX = np.array([1, 1, 9, 9])


def test_every_kind_has_a_correction_that_keeps_the_order() -> None:
    assert tuple(CORRECTIONS) == KINDS
    for kind in KINDS:
        scores = [calibrated(score, kind) for score in (0.0, 0.1, 0.5, 0.9, 1.0)]
        assert scores == sorted(set(scores))
        assert scores[0] >= 0
        assert scores[-1] <= 1


def test_a_correction_moves_the_logit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "CORRECTIONS", {"box": (0.5, -0.25), "points": (1.0, 0.0)})
    assert logit(0.5) == 0
    assert calibrated(0.5, "box") == pytest.approx(1 / (1 + np.exp(0.25)))
    # .9 has the logit ln 9; half of it less a quarter.
    assert calibrated(0.9, "box") == pytest.approx(1 / (1 + np.exp(0.25 - np.log(3))))
    assert uncalibrated(calibrated(0.9, "box"), "box") == pytest.approx(0.9)
    assert calibrated(0.9, "points") == uncalibrated(0.9, "points") == 0.9


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        (Prompt(box=BOX), "box"),
        (Prompt(box=BOX, points=POINT, labels=[1]), "box and points"),
        (Prompt(box=BOX, points=POINT, labels=[0]), "box and points"),
        (Prompt(box=BOX, points=POINT, labels=[0], logits=LOGITS), "previous"),
        (Prompt(points=POINT, labels=[1]), "points"),
        # What lies outside the frame does not count, nor does an empty earlier mask.
        (Prompt(box=BOX, points=POINT + 50, labels=[1], logits=-LOGITS), "box"),
    ],
)
def test_a_prompt_is_of_one_kind(prompt: Prompt, kind: str) -> None:
    assert prompt_kind(inside_frame(prompt, (10, 10))) == kind

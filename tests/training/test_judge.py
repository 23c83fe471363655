"""Any weights are judged as `evaluate prompts` judges those of the package."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from track_anything.segmenters.compact.weights import WEIGHTS
from training.judge import main


def test_a_run_is_judged_on_a_davis_folder_and_its_log_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, truth = np.full((120, 160, 3), 200, np.uint8), np.zeros((120, 160), np.uint8)
    cv2.circle(picture, (80, 60), 30, (30, 40, 160), -1)
    cv2.circle(truth, (80, 60), 30, 255, -1)
    for number in range(3):
        for name, content in (
            (f"JPEGImages/480p/disc/{number:05}.jpg", picture),
            (f"Annotations/480p/disc/{number:05}.png", truth),
        ):
            path = tmp_path / "DAVIS" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), content)
    log = tmp_path / "log.jsonl"
    log.write_text('{"samples": 1}\n')
    monkeypatch.setattr(
        sys, "argv", ["judge", str(WEIGHTS), str(tmp_path / "DAVIS"), "--log", str(log)]
    )
    main()
    row = json.loads(capsys.readouterr().out)
    # A plain disc on a plain ground, but not the truth itself.
    assert 0.9 < row["IoU"]["tight box"] < 1.0
    assert [json.loads(line) for line in log.read_text().splitlines()] == [{"samples": 1}, row]

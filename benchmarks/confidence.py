"""Fit and check the confidence of carried masks on a DAVIS-layout folder.

    python benchmarks/confidence.py ROOT [--seeds 3] [--workers 2] [-o RESULT.json]

Tracks every sequence from its first ground-truth mask, without re-prompts, and fits a line through
the signals of track_anything.tracking.confidence to the IoU with the truth. Reports the area under
the ROC curve for J < 0.7 and the calibration error, both with the sequence that is judged left out
of the fit, and prints the constants for confidence.py. The figures are of the confidence as a track
says it, with its memory of the lowest; beside them those of the line alone.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np

from track_anything.evaluation.datasets import DavisSequences
from track_anything.evaluation.metrics import region_similarity
from track_anything.evaluation.report import machine
from track_anything.masks import logits_mask
from track_anything.tracking.confidence import remembering
from track_anything.tracking.propagator import FlowAppearancePropagator

RIDGE = 3.0


def measure(root: Path, name: str, seed: int) -> list[tuple[dict[str, float], float]]:
    """(signals, IoU with the truth) of every scored frame on which the object was carried."""
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    (sequence,) = DavisSequences(root, sequences=[name])
    propagator = FlowAppearancePropagator(seed=seed)
    propagator.start(sequence.info)
    rows = []
    scored = set(sequence.scored_frames)
    for frame in sequence.frames():
        if frame.index == 0:
            for prompt in sequence.prompts():
                propagator.learn(frame, prompt.track_id, prompt.mask)
            continue
        for track_id, found in propagator.propagate(frame).items():
            if frame.index in scored and "entropy" in found.signals:
                mask = logits_mask(found.logits, sequence.size)
                truth = sequence.truth(frame.index) == track_id
                rows.append((dict(found.signals), region_similarity(mask, truth)))
    return rows


def fit(values: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """Weights, bias, means and deviations of a ridge-regularised logistic fit of an IoU."""
    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-6
    scaled = np.clip((values - mean) / deviation, -3, 3)
    design = np.hstack([scaled, np.ones((len(scaled), 1))])
    weights = np.zeros(design.shape[1])
    penalty = np.diag([RIDGE] * scaled.shape[1] + [0.0])
    for _ in range(30):  # Newton steps on the cross-entropy with soft targets
        guess = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (guess - target) + penalty @ weights
        curvature = (design * (guess * (1 - guess))[:, None]).T @ design + penalty
        weights -= np.linalg.solve(curvature, gradient)
    return weights[:-1], float(weights[-1]), mean, deviation


def predict(model: tuple, values: np.ndarray) -> np.ndarray:
    """Estimated IoU of each row."""
    weights, bias, mean, deviation = model
    return 1 / (1 + np.exp(-(np.clip((values - mean) / deviation, -3, 3) @ weights + bias)))


def area_under_roc(score: np.ndarray, is_bad: np.ndarray) -> float:
    """Chance that a bad frame scores lower than a good one."""
    good, bad = score[~is_bad], score[is_bad]
    below = (bad[:, None] < good).mean() + 0.5 * (bad[:, None] == good).mean()
    return float(below)


def calibration(score: np.ndarray, iou: np.ndarray) -> tuple[float, list[dict[str, float]]]:
    """Expected calibration error over ten bins, and the reliability table."""
    bins = np.clip((score * 10).astype(int), 0, 9)
    table = [
        {
            "from": b / 10,
            "frames": int((bins == b).sum()),
            "estimated": round(float(score[bins == b].mean()), 3),
            "true": round(float(iou[bins == b].mean()), 3),
        }
        for b in range(10)
        if (bins == b).any()
    ]
    error = sum(row["frames"] * abs(row["estimated"] - row["true"]) for row in table) / len(score)
    return float(error), table


def main() -> None:
    """Measure, fit, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    names = DavisSequences(options.root).names
    jobs = [(name, seed) for name in names for seed in range(options.seeds)]
    with ProcessPoolExecutor(options.workers) as pool:
        runs = list(pool.map(measure, repeat(options.root), *zip(*jobs, strict=True)))
        rows = [(name, s, j) for (name, _), run in zip(jobs, runs, strict=True) for s, j in run]
    signals = list(rows[0][1])
    values = np.array([[s[name] for name in signals] for _, s, _ in rows])
    iou = np.array([j for _, _, j in rows])
    owner = np.array([name for name, _, _ in rows])
    held_out = np.zeros(len(iou))
    for name in names:
        held_out[owner == name] = predict(
            fit(values[owner != name], iou[owner != name]), values[owner == name]
        )
    # Every run in order, as a track says it.
    said = held_out.copy()
    run_of = np.array([run for run, rows_of in enumerate(runs) for _ in rows_of])
    for run in range(len(runs)):
        lowest = np.minimum.accumulate(held_out[run_of == run])
        said[run_of == run] = [
            remembering(float(one), float(low))
            for one, low in zip(held_out[run_of == run], lowest, strict=True)
        ]
    error, table = calibration(said, iou)
    weights, bias, mean, deviation = fit(values, iou)
    result = {
        "machine": machine(),
        "frames": len(iou),
        "auc_below_0.7": area_under_roc(said, iou < 0.7),
        "auc_below_0.7_without_memory": area_under_roc(held_out, iou < 0.7),
        "expected_calibration_error_without_memory": calibration(held_out, iou)[0],
        "auc_of_each": {
            name: max(a, 1 - a)
            for name, column in zip(signals, values.T, strict=True)
            for a in [area_under_roc(column, iou < 0.7)]
        },
        "expected_calibration_error": error,
        "reliability": table,
        "bias": round(bias, 4),
        "line": {
            name: [round(float(v), 4) for v in row]
            for name, *row in zip(signals, mean, deviation, weights, strict=True)
        },
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n")


if __name__ == "__main__":
    main()

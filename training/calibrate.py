"""How true the predicted IoU is on held-out pictures, and the constants that set it right.

    python -m training.calibrate --data DATA [--weights FILE] [-o RESULT.json]

Prompts of every kind for the objects of pictures that no training has seen, through the segmenter
as it is used: two looks, sharpened edges, whole frames. For every kind of prompt a scale and an
offset of the logit of the predicted IoU are fitted: of those that make the mean of the predicted
IoU that of the true one, the pair with the least squares. They keep the order of the scores and go
into CORRECTIONS of track_anything/segmenters/compact/calibration.py, whose present values are taken
out of the scores before the fit. "crossed" is fitted on one half of the pictures and judged on the
other, both ways.
"""

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.optimize import brentq, minimize_scalar

from track_anything.evaluation.reliability import reliability_table
from track_anything.files import write_whole
from track_anything.masks import mask_box, mask_iou
from track_anything.segmenters.compact.calibration import KINDS, logit, uncalibrated
from track_anything.segmenters.compact.segmenter import CompactSegmenter
from track_anything.segmenters.compact.weights import WEIGHTS
from track_anything.segmenters.compact.window import window_around
from track_anything.structures import Floats, Frame, Prompt
from training.pool import Instance, load_pool
from training.prompts import inside_points, jittered_box, outside_points, spoiled

Generator = np.random.Generator
Values = np.ndarray

PROMPT_COUNTS = {"coco": 220, "person": 90, "garment": 60, "nuclei": 30}
"""Of each kind of prompt, by set: objects of photographs count most."""
_SCALES = (0.1, 4.0)
_FEWEST = 20


@dataclass(frozen=True)
class Asked:
    """One prompt and how it was answered.

    Attributes:
        kind: One of KINDS.
        picture: Which picture; answers on one picture are alike.
        said: Logit of the predicted IoU, without any correction.
        true: IoU of the first candidate with the truth.
    """

    kind: str
    picture: int
    said: float
    true: float


def ask(
    segmenter: CompactSegmenter,
    held_out: Mapping[str, Sequence[Instance]],
    random: Generator,
    *,
    counts: Mapping[str, int] = PROMPT_COUNTS,
) -> list[Asked]:
    """Answers to prompts of every kind for the objects of held-out pictures."""
    pictures: dict[int, int] = {}
    answers = []
    for name, count in counts.items():
        instances = held_out[name]
        order = random.permutation(len(instances))
        for number in range(count):
            one = instances[order[number % len(order)]]
            picture = pictures.setdefault(id(one.picture.image), len(pictures))
            truth = one.picture.ids == one.label
            prompts = {kind: prompt_for(one, kind, random) for kind in KINDS}
            embedding = segmenter.embed(Frame(0, Fraction(0), one.picture.image))
            found = segmenter.decode(embedding, list(prompts.values()))
            for kind, candidates in zip(prompts, found, strict=True):
                said = logit(uncalibrated(candidates[0].predicted_iou, kind))
                answers.append(Asked(kind, picture, said, mask_iou(candidates[0].mask, truth)))
    return answers


def prompt_for(one: Instance, kind: str, random: Generator) -> Prompt:
    """A prompt of a kind, with the faults of those that the training shows."""
    mask = (one.picture.ids == one.label).astype(np.uint8)
    box = jittered_box(np.array(one.box, np.float32), random)
    if kind == "box":
        return Prompt(box=box)
    if kind == "previous":
        return _earlier(mask, _neighbour(one, random), random)
    positive = inside_points(mask, int(random.choice([1, 1, 1, 2, 3])), random)
    count = int(random.choice([0, 0, 1, 2, 3])) if kind == "box and points" else 0
    if kind == "points" and random.random() < 0.25:
        count = 1
    negative = outside_points(mask, count, random)
    points = np.concatenate([positive, negative])
    labels = np.repeat([1, 0], [len(positive), len(negative)])
    return Prompt(box=None if kind == "points" else box, points=points, labels=labels)


def fit(said: Values, true: Values) -> tuple[float, float]:
    """Scale and offset of the logits that give the true mean with the least squared error.

    Args:
        said: (N,) logits.
        true: (N,) in 0 to 1.
    """
    mean = float(np.clip(true.mean(), 1e-3, 1 - 1e-3))

    def offset(scale: float) -> float:
        # The mean rises with the offset: from 0 to 1 as it passes all the logits.
        reach = float(np.abs(scale * said).max()) + 20
        return float(brentq(lambda b: _sigmoid(scale * said + b).mean() - mean, -reach, reach))

    def error(log_scale: float) -> float:
        scale = float(np.exp(log_scale))
        return float(((_sigmoid(scale * said + offset(scale)) - true) ** 2).mean())

    bounds = (float(np.log(_SCALES[0])), float(np.log(_SCALES[1])))
    best = float(np.exp(minimize_scalar(error, bounds=bounds, method="bounded").x))
    return best, offset(best)


def calibration(answers: Sequence[Asked]) -> dict[str, Any]:
    """By kind of prompt: the constants, and how true the scores are before and after."""
    return {
        kind: _of_kind([one for one in answers if one.kind == kind])
        for kind in KINDS
        if sum(one.kind == kind for one in answers) >= _FEWEST
    }


def _of_kind(answers: Sequence[Asked]) -> dict[str, Any]:
    said = np.array([one.said for one in answers])
    true = np.array([one.true for one in answers])
    picture = np.array([one.picture for one in answers])
    scale, offset = fit(said, true)
    scores = {"before": _sigmoid(said), "after": _sigmoid(scale * said + offset)}
    crossed = np.zeros_like(true)
    for half in (0, 1):
        judged = picture % 2 == half
        if judged.all() or not judged.any():
            crossed = scores["after"]
            break
        a, b = fit(said[~judged], true[~judged])
        crossed[judged] = _sigmoid(a * said[judged] + b)
    return {
        "scale": round(scale, 3),
        "offset": round(offset, 3),
        "prompts": len(answers),
        "pictures": len(np.unique(picture)),
        "true IoU": float(true.mean()),
        **{name: _judged(p, true, picture) for name, p in (*scores.items(), ("crossed", crossed))},
    }


def _judged(predicted: Values, true: Values, picture: Values) -> dict[str, Any]:
    gap = predicted - true
    # Answers on one picture are alike: the error of the mean is that of the pictures' sums.
    sums = np.bincount(picture, gap - gap.mean())
    return {
        "predicted IoU": float(predicted.mean()),
        "gap": float(gap.mean()),
        "gap standard error": float(np.sqrt((sums**2).sum()) / len(gap)),
        "RMSE": float(np.sqrt((gap**2).mean())),
        **reliability_table(predicted, true),
    }


def _earlier(mask: np.ndarray, neighbour: np.ndarray | None, random: Generator) -> Prompt:
    p = np.clip(spoiled(mask, neighbour, random), 1e-3, 1 - 1e-3)
    logits = np.asarray(np.log(p / (1 - p)), np.float32)
    found = mask_box(logits > 0)
    box: Floats | None = None
    if found.any() and random.random() < 0.7:
        grown = random.uniform(0, 0.15) * (found[2:] - found[:2])
        box = np.concatenate([found[:2] - grown, found[2:] + grown]).astype(np.float32)
    return Prompt(logits=logits, box=box)


def _neighbour(one: Instance, random: Generator) -> np.ndarray | None:
    """What of another object is near enough for a mask to spread onto it."""
    ids = one.picture.ids
    near = window_around(np.array(one.box, np.float32), growth=1.5)
    inside = np.zeros(ids.shape, bool)
    inside[max(near.y_min, 0) : near.y_max, max(near.x_min, 0) : near.x_max] = True
    labels = np.unique(ids[inside])
    others = labels[(labels != 0) & (labels != one.label)]
    if not len(others):
        return None
    return np.asarray((inside & (ids == random.choice(others))).astype(np.uint8))


def _sigmoid(values: Values) -> Values:
    return np.asarray(1 / (1 + np.exp(-values)))


def report(found: Mapping[str, Any]) -> Iterator[str]:
    """Lines: what was measured, the reliability tables, the constants."""
    yield "kind              scores   predicted   true    gap (s.e.)        corr    ECE   RMSE"
    for kind, one in found.items():
        for name in ("before", "after", "crossed"):
            s = one[name]
            yield (
                f"{kind:17s} {name:8s} {s['predicted IoU']:9.3f} {one['true IoU']:6.3f} "
                f"{s['gap']:+6.3f} ({s['gap standard error']:.3f})   "
                f"{s['correlation'] or 0:7.3f} {s['ECE']:6.3f} {s['RMSE']:6.3f}"
            )
        yield f"{'':17s} {one['prompts']} prompts, {one['pictures']} pictures"
    for kind, one in found.items():
        for name in ("before", "after"):
            yield f"{kind}, {name}: predicted -> true IoU (count)"
            yield "  " + "  ".join(
                f"{b['predicted']:.2f} -> {b['true']:.2f} ({b['count']})"
                for b in one[name]["bins"]
                if b["count"]
            )
    yield "CORRECTIONS: Mapping[str, tuple[float, float]] = {"
    for kind in KINDS:
        pair = (found[kind]["scale"], found[kind]["offset"]) if kind in found else (1.0, 0.0)
        yield f'    "{kind}": {pair},'
    yield "}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("TRAIN_DATA"))
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    if given.data is None:
        parser.error("no data: set TRAIN_DATA or give --data FOLDER with a manifest.jsonl")
    cv2.setNumThreads(1)
    segmenter = CompactSegmenter(device=given.device, path=given.weights)
    held_out = load_pool(Path(given.data)).held_out
    found = calibration(ask(segmenter, held_out, np.random.default_rng(given.seed)))
    for line in report(found):
        print(line)
    if given.output is not None:
        write_whole(given.output, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()

"""J&F of tracking that begins with boxes, by who makes masks of them and who is asked again.

    python benchmarks/from_boxes.py DAVIS --json benchmarks/results/from-boxes.json

Every object of a DAVIS-layout folder is prompted by the box of its first mask. Each embedded
segmenter makes the first masks with re-prompting off and on, and the compact one also with its
answers taken whole instead of blended with the carried mask; everything in one run, over three
seeds, so that the rows compare. This is what the defaults of `auto` were chosen by.
"""

import argparse
import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from track_anything.build import SEGMENTERS, build_segmenter, build_tracker, resolved_config
from track_anything.config import RunConfig, with_values
from track_anything.evaluation.datasets import DavisSequence, DavisSequences
from track_anything.evaluation.davis import CountingSegmenter, evaluate_sequence
from track_anything.evaluation.report import machine
from track_anything.masks import mask_box
from track_anything.structures import Prompt

COLUMNS = (
    ("compact", "off"),
    ("compact", "on"),
    ("compact", "whole answers"),
    ("grabcut", "off"),
    ("grabcut", "on"),
)
"""Who makes the first masks, and how it is asked again."""


@dataclass(frozen=True)
class Case:
    """One sequence tracked once."""

    root: Path
    sequence: str
    segmenter: str
    mode: str
    seed: int


class BoxedSequence:
    """A sequence whose first masks are given as their boxes."""

    def __init__(self, sequence: DavisSequence) -> None:
        self._sequence = sequence

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sequence, name)

    def prompts(self) -> tuple[Prompt, ...]:
        """The box of every object."""
        return tuple(
            Prompt(box=mask_box(prompt.mask), track_id=prompt.track_id)
            for prompt in self._sequence.prompts()
            if prompt.mask is not None
        )


def measure(case: Case) -> dict[str, Any]:
    """The scores of one case."""
    limit_threads()
    spec = SEGMENTERS[case.segmenter]
    config = RunConfig(seed=case.seed)
    if case.mode == "off":
        config = with_values(config, {"tracker": {"reprompt": {"mode": "off"}}})
    config = resolved_config(config, spec)
    if case.mode == "whole answers":
        config = with_values(config, {"tracker": {"reprompt": {"answer_share": 1.0}}})
    inside = build_segmenter(spec, seed=case.seed, device="cpu")
    assert inside is not None
    segmenter = CountingSegmenter(inside)
    sequence: Any = BoxedSequence(next(iter(DavisSequences(case.root, sequences=[case.sequence]))))
    score = evaluate_sequence(
        lambda: build_tracker(config, segmenter), sequence, segmenter=segmenter
    )
    calls = 100 * (score.segmenter_calls - 1) / score.frame_count
    return {"J&F": score.to_dict()["J&F"], "calls_per_100_frames": calls}


def limit_threads() -> None:
    """One core a process: the others are busy with other cases."""
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def rows(cases: list[Case], scores: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Means of every segmenter and mode, by seed and by sequence."""
    for name, mode in COLUMNS:
        found = [
            (case, score)
            for case, score in zip(cases, scores, strict=True)
            if (case.segmenter, case.mode) == (name, mode)
        ]
        by_seed: dict[int, list[float]] = {}
        by_sequence: dict[str, list[float]] = {}
        for case, score in found:
            by_seed.setdefault(case.seed, []).append(score["J&F"])
            by_sequence.setdefault(case.sequence, []).append(score["J&F"])
        yield {
            "segmenter": name,
            "re-prompting": mode,
            "J&F": float(np.mean([score["J&F"] for _, score in found])),
            "by_seed": {str(seed): float(np.mean(v)) for seed, v in by_seed.items()},
            "by_sequence": {key: float(np.mean(v)) for key, v in by_sequence.items()},
            "calls_per_100_frames": float(
                np.mean([score["calls_per_100_frames"] for _, score in found])
            ),
        }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    names = [sequence.name for sequence in DavisSequences(given.root)]
    cases = [
        Case(given.root, sequence, segmenter, mode, seed)
        for seed in range(given.seeds)
        for sequence in names
        for segmenter, mode in COLUMNS
    ]
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        scores = pool.map(measure, cases, chunksize=1)
    found = list(rows(cases, scores))
    for row in found:
        print(
            f"{row['segmenter']:8} re-prompting {row['re-prompting']:13} J&F {row['J&F']:.3f} "
            f"{row['calls_per_100_frames']:.1f} calls/100 frames"
        )
    if given.json:
        given.json.write_text(json.dumps({"rows": found, "machine": machine()}, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""What every numeric setting of the tracker is worth against a lower and a higher value.

    python benchmarks/settings.py DAVIS COMPOSITES [--jobs 4] [-o benchmarks/results/settings.json]
    python benchmarks/settings.py DAVIS COMPOSITES --only propagator.search --sequence soapbox
    python benchmarks/settings.py --table benchmarks/results/settings.json

DAVIS and COMPOSITES are DAVIS-layout folders; the second has sequences of two objects that meet.
One setting is changed at a time, all others keep their defaults. `TRIALS` says to which values, and
on which data: "carried" tracks DAVIS from the first masks without a segmenter; "asked" with the
simulated one, which answers from the ground truth; "touching" COMPOSITES without a segmenter.

A result is kept for each run and sequence; what the file has already is not measured again, so
that a run that was stopped goes on. A file that was begun with other defaults or another seed is
refused. The table gives the mean J&F over the objects, the change against the default in points of
it, and the standard error of that change over the sequences: what is not well above it is not
established.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from track_anything._version import installed_version
from track_anything.build import (
    SegmenterSpec,
    build_tracker,
    choose_segmenter,
    resolved_config,
)
from track_anything.config import RunConfig, with_values
from track_anything.evaluation.datasets import DavisSequences
from track_anything.evaluation.davis import CountingSegmenter, evaluate_sequence
from track_anything.evaluation.report import machine
from track_anything.evaluation.simulated import SIMULATED, SimulatedSegmenter
from track_anything.files import write_whole

CARRIED, ASKED, TOUCHING = "carried", "asked", "touching"
DATA = (CARRIED, ASKED, TOUCHING)

TRIALS: Mapping[str, tuple[str, float, float]] = {
    # Half and twice; neighbours where twice is out of range or known to be far off.
    "propagator.appearance.hidden": (CARRIED, 32, 128),
    "propagator.appearance.first_steps": (CARRIED, 150, 600),
    "propagator.appearance.first_rate": (CARRIED, 1.5e-3, 6e-3),
    "propagator.appearance.steps": (CARRIED, 6, 24),
    "propagator.appearance.rate": (CARRIED, 5e-4, 2e-3),
    "propagator.appearance.learned": (CARRIED, 0.014, 0.056),
    "propagator.appearance.batch": (CARRIED, 512, 2048),
    "propagator.appearance.recent_frames": (CARRIED, 3, 12),
    # Of masks that are certain there is but the first until one is corrected.
    "propagator.appearance.key_steps": (ASKED, 30, 120),
    "propagator.appearance.key_masks": (ASKED, 3, 12),
    "propagator.object_side": (CARRIED, 80.0, 150.0),
    "propagator.search": (CARRIED, 15, 60),
    "propagator.prior_slope": (CARRIED, 4.0, 9.0),
    "propagator.prior_inside": (CARRIED, 1.0, 4.0),
    "propagator.prior_outside": (CARRIED, 3.0, 12.0),
    "propagator.touched_weight": (TOUCHING, 1.0, 4.0),
    "propagator.coarsest": (CARRIED, 1, 6),
    "propagator.stray_support": (CARRIED, 0.15, 0.6),
    "propagator.stray_gap": (CARRIED, 0.15, 0.6),
    "propagator.stray_distance": (CARRIED, 0.25, 1.0),
    "propagator.relevel": (CARRIED, 1.2, 2.0),
    "propagator.collapse": (CARRIED, 0.1, 0.4),
    "propagator.found_score": (CARRIED, 0.25, 0.75),
    "propagator.found_looks": (CARRIED, 1, 4),
    "tracker.lost_below": (CARRIED, 0.1, 0.4),
    "tracker.strange_below": (CARRIED, 0.15, 0.5),
    "tracker.lost_frames": (CARRIED, 2, 10),
    "tracker.smallest_area": (CARRIED, 6, 24),
    "tracker.reprompt.below": (ASKED, 0.85, 0.95),
    "tracker.reprompt.patience": (ASKED, 0.4, 1.0),
    "tracker.reprompt.cooldown_frames": (ASKED, 3, 10),
    "tracker.reprompt.retry_frames": (ASKED, 1, 5),
    "tracker.reprompt.longest_interval": (ASKED, 10, 20),
    "tracker.reprompt.budget": (ASKED, 7.5, 30.0),
    "tracker.reprompt.saved_frames": (ASKED, 30, 120),
    "tracker.reprompt.box_growth": (ASKED, 0.05, 0.2),
    "tracker.reprompt.accept_iou": (ASKED, 0.2, 0.5),
    "tracker.reprompt.accept_predicted_iou": (ASKED, 0.7, 0.9),
    # Its default is what a strong segmenter is given.
    "tracker.reprompt.evidence_gain": (ASKED, -0.8, -0.2),
    "tracker.look_back.frames": (ASKED, 12, 48),
    "tracker.look_back.sure_above": (ASKED, 0.8, 0.95),
    "tracker.look_back.agree_above": (ASKED, 0.8, 0.95),
    "tracker.look_back.stop_below": (ASKED, 0.2, 0.6),
}
"""By setting: the data it shows on, a lower and a higher value. A default of 0 has two higher."""

NOT_MEASURED: Mapping[str, str] = {
    "propagator.processes": "the masks are the same; many_objects.py measures the time",
    "tracker.weak_below": "gives a state its name; no mask depends on it",
    "tracker.reprompt.answer_share": "all of an answer that is nearly the truth is best; "
    "from_boxes.py compares it for the compact network",
    "tracker.reprompt.clock_frames": "of a baseline, chosen to equal a number of calls",
}
"""Numeric settings that J&F cannot judge, and why."""

DEFAULT = "default"


@dataclass(frozen=True)
class Job:
    """One run of one sequence.

    Attributes:
        data: One of DATA.
        setting: As in TRIALS, or DEFAULT.
        value: Of the setting.
        sequence: Name.
        root: Folder that it is in.
        seed: Of every random choice.
    """

    data: str
    setting: str
    value: float
    sequence: str
    root: Path
    seed: int

    @property
    def run(self) -> str:
        """What the run is called in the results."""
        return DEFAULT if self.setting == DEFAULT else f"{self.setting}={self.value:g}"


def config_of(data: str, setting: str, value: float, seed: int) -> RunConfig:
    """All settings of a run, nothing automatic."""
    spec, _ = choose_segmenter("none")
    if data == ASKED:
        spec = SegmenterSpec(name=SIMULATED, target=SIMULATED)
    config = resolved_config(RunConfig(seed=seed), spec)
    if setting == DEFAULT:
        return config
    values: Any = value
    for key in reversed(setting.split(".")):
        values = {key: values}
    return with_values(config, values)


def measure(job: Job) -> dict[str, float]:
    """Scores of one sequence."""
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    (sequence,) = DavisSequences(job.root, sequences=[job.sequence])
    segmenter = None
    if job.data == ASKED:
        inside = SimulatedSegmenter(seed=job.seed)
        inside.begin(lambda frame: sequence.truth(frame.index))
        segmenter = CountingSegmenter(inside)
    config = config_of(job.data, job.setting, job.value, job.seed)
    make = partial(build_tracker, config, segmenter)
    score = evaluate_sequence(make, sequence, segmenter=segmenter)
    found: dict[str, Any] = score.to_dict()
    kept = ("J&F", "J", "F", "fps", "calls_per_100_frames", "id_switches")
    return {"objects": len(score.objects)} | {name: round(found[name], 5) for name in kept}


def jobs_of(options: argparse.Namespace) -> Iterator[Job]:
    """Every run of every sequence, the defaults first."""
    roots = {CARRIED: options.davis, ASKED: options.davis, TOUCHING: options.composites}
    trials = {s: t for s, t in TRIALS.items() if not options.only or s in options.only}
    used = [data for data in DATA if data in {trial[0] for trial in trials.values()}]
    names = {data: _names(roots[data], options.sequence) for data in used}
    runs = [(data, DEFAULT, 0.0) for data in used]
    runs += [(data, s, value) for s, (data, *values) in trials.items() for value in values]
    for data, setting, value in runs:
        for name in names[data]:
            yield Job(data, setting, value, name, roots[data], options.seed)


def _names(root: Path, wanted: Sequence[str]) -> list[str]:
    names = DavisSequences(root).names
    return [name for name in names if not wanted or name in wanted]


def begun(path: Path | None, seed: int) -> dict[str, Any]:
    """The results so far, of the same defaults."""
    defaults = asdict(config_of(ASKED, DEFAULT, 0, seed))
    defaults = {name: defaults[name] for name in ("tracker", "propagator")}
    head = {"seed": seed, "defaults": json.loads(json.dumps(defaults))}
    if path is None or not path.exists():
        # Loaded by the processes that measure, not by this one.
        torch = {"torch": installed_version("torch")}
        return {"machine": machine() | torch, **head, "runs": {}}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    changed = [name for name in head if found.get(name) != head[name]]
    if changed:
        sys.exit(f"{path}: was begun with another {' and '.join(changed)}: name another file")
    return found


def table(result: Mapping[str, Any]) -> str:
    """Lines of text, one a setting and value."""
    rows = [("setting", "data", "value", "J&F", "change", "+-", "frames/s", "calls/100")]
    for data in DATA:
        runs = result["runs"].get(data, {})
        if DEFAULT not in runs:
            continue
        default = runs[DEFAULT]
        rows.append(("(defaults)", data, "", *_cells(default, default)))
        for setting, (where, *values) in TRIALS.items():
            named = [(f"{setting}={value:g}", value) for value in values]
            rows += [
                (setting, data, f"{value:g}", *_cells(runs[name], default))
                for name, value in named
                if where == data and name in runs
            ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(lines)


def _cells(run: Mapping[str, Any], default: Mapping[str, Any]) -> tuple[str, ...]:
    names = [name for name in run if name in default]
    change = [100 * (run[name]["J&F"] - default[name]["J&F"]) for name in names]
    mean, base = _mean(run, names, "J&F"), _mean(default, names, "J&F")
    error = float(np.std(change, ddof=1) / np.sqrt(len(change))) if len(change) > 1 else 0.0
    is_default = run is default
    return (
        f"{mean:.3f}",
        "" if is_default else f"{100 * (mean - base):+.1f}",
        "" if is_default or len(names) < 2 else f"{error:.1f}",
        f"{_mean(run, names, 'fps'):.1f}",
        f"{_mean(run, names, 'calls_per_100_frames'):.1f}",
    )


def _mean(run: Mapping[str, Any], names: Sequence[str], score: str) -> float:
    """Over the objects of the sequences."""
    weights = [run[name]["objects"] for name in names]
    return float(np.average([run[name][score] for name in names], weights=weights))


def main() -> None:
    """Measure what is missing, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("davis", type=Path, nargs="?")
    parser.add_argument("composites", type=Path, nargs="?")
    parser.add_argument("--only", nargs="+", default=[], choices=TRIALS, metavar="SETTING")
    parser.add_argument("--sequence", nargs="+", default=[])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    parser.add_argument("--table", type=Path, help="print the table of a file, measure nothing")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    if options.table:
        print(table(json.loads(options.table.read_text(encoding="utf-8"))))
        return
    if options.davis is None or options.composites is None:
        parser.error("the folders DAVIS and COMPOSITES are needed, or --table FILE")
    result = begun(options.output, options.seed)
    runs = result["runs"]
    missing = [
        job
        for job in jobs_of(options)
        if job.sequence not in runs.get(job.data, {}).get(job.run, {})
    ]
    with ProcessPoolExecutor(options.jobs) as pool:
        waiting = {pool.submit(measure, job): job for job in missing}
        for count, done in enumerate(as_completed(waiting), 1):
            job, found = waiting[done], done.result()
            runs.setdefault(job.data, {}).setdefault(job.run, {})[job.sequence] = found
            print(
                f"{count}/{len(missing)} {job.data} {job.run} {job.sequence}: "
                f"J&F {found['J&F']:.3f}",
                file=sys.stderr,
            )
            if options.output:
                text = json.dumps(result, indent=1, sort_keys=True) + "\n"
                write_whole(options.output, text.encode())
    print(table(result))


if __name__ == "__main__":
    main()

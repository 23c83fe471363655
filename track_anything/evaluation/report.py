"""Scores as text, and the machine they were measured on."""

import datetime
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from track_anything._version import installed_version
from track_anything.evaluation.text_table import aligned_lines

_COLUMNS = (
    ("J&F", ".3f"),
    ("J", ".3f"),
    ("F", ".3f"),
    ("J_recall", ".3f"),
    ("F_recall", ".3f"),
    ("J_decay", ".3f"),
    ("F_decay", ".3f"),
    ("fps", ".1f"),
    ("calls_per_100_frames", ".1f"),
    ("frames_on_another", ".1f"),
    ("id_switches", ".1f"),
)
_OF_MANY = ("frames_on_another", "id_switches")
_TITLES = {
    "J_recall": "J rec",
    "F_recall": "F rec",
    "J_decay": "J dec",
    "F_decay": "F dec",
    "calls_per_100_frames": "calls/100",
    "frames_on_another": "astray",
    "id_switches": "switches",
}


def score_table(scores: Mapping[str, Any]) -> str:
    """Lines of text: every sequence, the objects of those with several, and the mean.

    Args:
        scores: What evaluate_davis or evaluate_masks returned, or the means of several; "seeds"
            adds a line for every seed and "spread" one for their standard deviation, "simulated"
            the warning in it.
    """
    are_many = any(len(one["objects"]) > 1 for one in scores["sequences"].values())
    left_out = () if are_many else _OF_MANY
    columns = [c for c in _COLUMNS if c[0] in scores["mean"] and c[0] not in left_out]
    rows = [["sequence", *(_TITLES.get(name, name) for name, _ in columns)]]
    for name, sequence in scores["sequences"].items():
        rows.append(_row(name, sequence, columns))
        if len(sequence["objects"]) > 1:
            objects = sequence["objects"].items()
            rows += [_row(f"  object {i}", one, columns) for i, one in objects]
    body_count = len(rows)
    for seed, one in scores.get("seeds", {}).items():
        rows.append(_row(f"seed {seed}", one, columns))
    rows.append(_row("mean", scores["mean"], columns))
    if "spread" in scores:
        rows.append(_row("+-", scores["spread"]["mean"], columns))
    lines = aligned_lines(rows)
    rule = "-" * max(map(len, lines))
    notes = [f"({scores['simulated']})"] if "simulated" in scores else []
    body, totals = lines[1:body_count], lines[body_count:]
    return "\n".join([lines[0], rule, *body, rule, *totals, *notes])


def machine() -> dict[str, object]:
    """What a measurement was taken on: processor, cores, versions, date (UTC). For JSON.

    Cores are those this process may use. torch is named where it is loaded already: where it is
    not, it took no part.
    """
    return {
        "cpu": _cpu_model(),
        "cores": _core_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": installed_version("numpy"),
        "opencv": installed_version("opencv-python"),
        **({"torch": installed_version("torch")} if "torch" in sys.modules else {}),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def _row(name: str, scores: Mapping[str, object], columns: Sequence[tuple[str, str]]) -> list[str]:
    cells = [scores.get(column) for column, _ in columns]
    return [
        name,
        *(
            format(cell, form) if isinstance(cell, int | float) else ""
            for cell, (_, form) in zip(cells, columns, strict=True)
        ),
    ]


def _core_count() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model() -> str:
    """The processor's own name: Linux tells it in a file only."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

"""Scores as text, and the machine they were measured on."""

import datetime
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from track_anything._version import installed_version

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
)
_TITLES = {
    "J_recall": "J rec",
    "F_recall": "F rec",
    "J_decay": "J dec",
    "F_decay": "F dec",
    "calls_per_100_frames": "calls/100",
}


def score_table(scores: Mapping[str, Any]) -> str:
    """Lines of text: every sequence, the objects of those with several, and the mean.

    Args:
        scores: What evaluate_davis returned.
    """
    rows = [["sequence", *(_TITLES.get(name, name) for name, _ in _COLUMNS)]]
    for name, sequence in scores["sequences"].items():
        rows.append(_row(name, sequence))
        if len(sequence["objects"]) > 1:
            rows += [_row(f"  object {i}", one) for i, one in sequence["objects"].items()]
    rows.append(_row("mean", scores["mean"]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


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


def _row(name: str, scores: Mapping[str, object]) -> list[str]:
    cells = [scores.get(column) for column, _ in _COLUMNS]
    return [
        name,
        *(
            format(cell, form) if isinstance(cell, int | float) else ""
            for cell, (_, form) in zip(cells, _COLUMNS, strict=True)
        ),
    ]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = cells
    aligned = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
    return "  ".join([first.ljust(widths[0]), *aligned]).rstrip()


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

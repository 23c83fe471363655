"""Boxes by frame from text of MOTChallenge."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from track_anything.errors import DatasetError

_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")
_COLUMNS = 6
_CONFIDENCE = 6


@dataclass(frozen=True, slots=True, eq=False)
class BoxesOfFrame:
    """The objects of one frame.

    Attributes:
        ids: (N,) int64, no two alike.
        boxes: (N, 4) float64, left, top, width, height in pixels.
    """

    ids: NDArray[np.int64]
    boxes: NDArray[np.float64]


def read_mot(path: Path, *, is_truth: bool = False) -> Mapping[int, BoxesOfFrame]:
    """The boxes of a file, by frame number, ascending.

    A line is FRAME,ID,LEFT,TOP,WIDTH,HEIGHT and perhaps more; the columns may also be separated by
    blanks or semicolons. Of the rest only the next column counts, and in the truth alone: 0 there
    says that the line is not to be considered. Classes are not told apart.

    Raises:
        DatasetError: If the file cannot be read, a line is none, or an id is twice on a frame.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise DatasetError(f"{path}: cannot be read ({reason})") from error
    rows: dict[int, dict[int, tuple[float, ...]]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        values = _values(path, number, line)
        if is_truth and len(values) > _CONFIDENCE and values[_CONFIDENCE] == 0:
            continue
        boxes = rows.setdefault(int(values[0]), {})
        if int(values[1]) in boxes:
            raise DatasetError(
                f"{path}, line {number}: id {int(values[1])} is on frame {int(values[0])} twice"
            )
        boxes[int(values[1])] = tuple(values[2:_COLUMNS])
    return {frame: _boxes(rows[frame]) for frame in sorted(rows)}


def _values(path: Path, number: int, line: str) -> list[float]:
    try:
        values = [float(word) for word in _SEPARATOR.split(line.strip().rstrip(",;")) if word]
    except ValueError:
        values = []
    is_line = (
        len(values) >= _COLUMNS
        and bool(np.isfinite(values[:_COLUMNS]).all())
        and values[0].is_integer()
        and values[1].is_integer()
        and min(values[4:_COLUMNS]) >= 0
    )
    if not is_line:
        raise DatasetError(
            f"{path}, line {number}: expected FRAME,ID,LEFT,TOP,WIDTH,HEIGHT,... with a whole "
            f"frame and id and no negative size, got {line[:80]!r}"
        )
    return values


def _boxes(rows: Mapping[int, tuple[float, ...]]) -> BoxesOfFrame:
    return BoxesOfFrame(
        np.array(list(rows), np.int64), np.array(list(rows.values()), np.float64).reshape(-1, 4)
    )

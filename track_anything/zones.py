"""Parts of the picture as polygons in text, as options, files and settings have them."""

import re
from pathlib import Path

import numpy as np

from track_anything.errors import ConfigError
from track_anything.structures import Floats


def parse_zone(text: str) -> Floats:
    """(N, 2) float32: the corners of a polygon, x and y in turn.

    >>> parse_zone("0,0 640,0 640,200").tolist()
    [[0.0, 0.0], [640.0, 0.0], [640.0, 200.0]]

    Raises:
        ConfigError: If the text is not three corners or more.
    """
    parts = [part for part in re.split(r"[,;\s]+", text.strip()) if part]
    try:
        numbers = np.array([float(part) for part in parts], np.float32)
    except ValueError:
        numbers = np.zeros(0, np.float32)
    if len(numbers) < 6 or len(numbers) % 2 or not np.isfinite(numbers).all():
        raise ConfigError(f"a zone is three corners or more, X,Y,X,Y,X,Y ..., got {text!r}")
    return numbers.reshape(-1, 2)


def read_zones(path: Path) -> tuple[str, ...]:
    """The polygons of a file, one a line; # begins a comment.

    Raises:
        ConfigError: If it cannot be read, has no polygon, or a line is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    zones = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            parse_zone(text)
        except ConfigError as error:
            raise ConfigError(f"{path}, line {number}: {error}") from error
        zones.append(text)
    if not zones:
        raise ConfigError(f"{path}: has no zone: a line for each, X,Y X,Y X,Y ...")
    return tuple(zones)

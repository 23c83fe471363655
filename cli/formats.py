"""Results as JSON text."""

import json
from dataclasses import asdict, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any


def json_text(value: object, *, indent: int | None = 2) -> str:
    """JSON, in one line without indent; fractions become "num/den", dataclasses objects."""
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not for JSON")

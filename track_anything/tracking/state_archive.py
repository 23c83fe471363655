"""Saved state as bytes: arrays, and all else as JSON beside them."""

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

_SAID = "meta"


def pack_state(said: Any, arrays: Mapping[str, np.ndarray]) -> bytes:
    """What `unpack_state` gives back.

    Args:
        said: Ready for JSON, but for numbers of NumPy.
        arrays: By name, none of which is "meta".
    """
    text = np.frombuffer(json.dumps(said, default=float).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **{**arrays, _SAID: text})  # type: ignore[arg-type]
    return buffer.getvalue()


def unpack_state(data: bytes) -> tuple[Any, dict[str, np.ndarray]]:
    """What pack_state was given.

    Raises:
        OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile: If the bytes are
            nothing of the kind.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return json.loads(arrays.pop(_SAID).tobytes()), arrays

"""Files that are written whole or not at all."""

import os
from pathlib import Path

from track_anything.errors import OutputError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a temporary name beside it, then give it its name.

    Whoever looks at `path` sees the old file or the new one, never a part. Not synced to the disk:
    a killed process loses nothing, a power cut may.

    Raises:
        OutputError: If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.partial")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error

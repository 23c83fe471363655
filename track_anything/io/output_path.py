"""Whether a file may be written, asked before any work."""

import os
from collections.abc import Collection
from pathlib import Path

from track_anything.errors import OutputError


def check_output(path: Path, suffixes: Collection[str], *, overwrite: bool) -> None:
    """Refuse a file that cannot or may not be written.

    Raises:
        OutputError: If its suffix is none of these, it exists and may not be replaced, or its
            folder does not exist or is not writable.
    """
    if path.suffix.lower() not in suffixes:
        raise OutputError(f"{path}: expected a name ending in {', '.join(suffixes)}")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: its folder {path.parent} does not exist")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder")
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; say overwrite to replace it")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path}: its folder is not writable")

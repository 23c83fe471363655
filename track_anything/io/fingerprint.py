"""What tells that an input is still the one a run was made from."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from track_anything.errors import VideoError
from track_anything.io.images import image_paths
from track_anything.io.run_folder import hash_file
from track_anything.io.sources import is_pictures


def fingerprint(path: str) -> dict[str, Any]:
    """Size and time of last change of a file; of pictures also their number and a digest.

    Takes no time: nothing is read but the folder.

    Args:
        path: A video, or a folder or pattern of pictures; not standard input.

    Raises:
        VideoError: If it is not there.
    """
    files = image_paths(path) if is_pictures(path) else [Path(path)]
    digest = hashlib.sha256()
    size = changed = 0
    for file in files:
        try:
            status = file.stat()
        except OSError as error:
            raise VideoError(f"{file}: cannot be read ({error.strerror})") from error
        size += status.st_size
        changed = max(changed, status.st_mtime_ns)
        if len(files) > 1:
            digest.update(f"{file.name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    said: dict[str, Any] = {"files": len(files), "bytes": size, "changed_ns": changed}
    return said | ({"digest": digest.hexdigest()} if len(files) > 1 else {})


def check_unchanged(path: str, known: Mapping[str, Any], sha256: str | None) -> None:
    """Refuse an input that is not the one a fingerprint was taken of.

    Args:
        path: The input.
        known: Its fingerprint.
        sha256: Its hash where that is known: a file that only looks changed is read.

    Raises:
        VideoError: If it was changed, or may have been.
    """
    now = fingerprint(path)
    if now == dict(known):
        return
    remedy = "track it again, with --overwrite into the same folder"
    for key, word in (("files", "files"), ("bytes", "bytes")):
        if now[key] != known.get(key):
            raise VideoError(
                f"{path}: was changed since the run began, {now[key]} {word} instead of "
                f"{known.get(key)}: {remedy}"
            )
    if sha256 is not None and now["files"] == 1 and hash_file(Path(path)) == sha256:
        return
    raise VideoError(f"{path}: was changed since the run began: {remedy}")

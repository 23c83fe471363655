"""Files from the network: resumed where they stopped, checked before they get their name."""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from track_anything.errors import OutputError, WeightsError

BLOCK_BYTES = 1 << 20
TIMEOUT_SECONDS = 30.0


def download(
    url: str,
    target: Path,
    *,
    sha256: str,
    name: str,
    progress: Callable[[int, int | None], None] | None = None,
) -> None:
    """Fetch a file; it appears under its name only when it is whole and right.

    Args:
        url: Where from.
        target: Where to. What there is so far is kept beside it, ending in .part.
        sha256: What the file must have.
        name: What it is called in errors.
        progress: Told the bytes had so far and the bytes in all, where known.

    Raises:
        WeightsError: If it cannot be fetched, or is not the right file.
        OutputError: If it cannot be written.
    """
    partial = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, partial, progress)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        reason = getattr(error, "reason", None) or error
        raise WeightsError(
            f"{name} cannot be fetched ({reason}): try again to go on, or get {url} elsewhere and "
            f"put it at {target}"
        ) from error
    except ConnectionError as error:
        raise WeightsError(f"{name}: the connection broke ({error}): try again to go on") from error
    except OSError as error:
        raise OutputError(f"{partial}: cannot be written ({error.strerror})") from error
    with partial.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        partial.unlink()
        raise WeightsError(
            f"{name}: what came from {url} has SHA-256 {digest[:12]}, expected {sha256[:12]}: "
            "it was deleted, try again"
        )
    partial.replace(target)


def _fetch(url: str, partial: Path, progress: Callable[[int, int | None], None] | None) -> None:
    had = partial.stat().st_size if partial.is_file() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "track-anything"})
    if had:
        request.add_header("Range", f"bytes={had}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if had and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # there is nothing left to fetch
        raise
    with response:
        if response.status != http.client.PARTIAL_CONTENT:
            had = 0  # the server starts again
        length = response.headers.get("Content-Length")
        total = had + int(length) if length else None
        with partial.open("ab" if had else "wb") as file:
            while block := response.read(BLOCK_BYTES):
                file.write(block)
                had += len(block)
                if progress:
                    progress(had, total)
    if total is not None and had < total:
        raise http.client.IncompleteRead(b"", total - had)

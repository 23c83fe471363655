"""Checkpoints by name: fetched once, checked, and kept where later runs start fast."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from track_anything.errors import OutputError, WeightsError
from track_anything.segmenters.sam.architecture import published_config
from track_anything.segmenters.sam.catalogue import (
    KNOWN_WEIGHTS,
    KnownWeights,
    cache_folder,
    read_record,
    record_path,
    stored_path,
    weight_names,
    weights_path,
)
from track_anything.segmenters.sam.download import download
from track_anything.segmenters.sam.weights import SamWeights, read_weights, save_weights

Progress = Callable[[int, int | None], None]
"""Called with the bytes had so far and the bytes in all, where known."""


def load_weights(name_or_path: str | Path) -> SamWeights:
    """The network in a file or directory, or of a name; known names are fetched when first used.

    Raises:
        WeightsError: If there is no such file or name, it cannot be fetched, or is damaged.
    """
    path = Path(name_or_path).expanduser()
    if path.exists():
        return read_weights(path)
    name = str(name_or_path)
    if not stored_path(name).is_file():
        if name not in KNOWN_WEIGHTS:
            known = ", ".join(weight_names())
            raise WeightsError(f"{name}: no such file, and weights have one of the names {known}")
        pull(name)
    return read_weights(weights_path(name))


def pull(name: str, *, progress: Progress | None = None) -> Path:
    """Fetch a published checkpoint, check it and cache it; at once if it is cached.

    A download that was cut off goes on where it stopped.

    Args:
        name: One of KNOWN_WEIGHTS.
        progress: Told how far the download is.

    Returns:
        The cached file.

    Raises:
        WeightsError: If the name is unknown, there is no network, or the file is not the right
            one; the text says where to get it and where to put it.
    """
    if name not in KNOWN_WEIGHTS:
        raise WeightsError(f"{name} is unknown: weights to pull are {', '.join(KNOWN_WEIGHTS)}")
    known, stored = KNOWN_WEIGHTS[name], stored_path(name)
    if stored.is_file():
        return stored
    return _pull_preset(known) if known.is_preset else _pull_file(known, progress)


def import_file(path: str | Path, *, name: str | None = None) -> Path:
    """Check a checkpoint of any kind and cache it under a name.

    Args:
        path: As read_weights.
        name: What to call it; None is the published name if the file is a published one, else
            the file's own name without its suffix.

    Raises:
        WeightsError: If it is not a whole SAM, or the name cannot be a file's.
    """
    path = Path(path).expanduser()
    weights = read_weights(path)
    digest = file_sha256(path) if path.is_file() else ""
    if name is None:
        published = [known.name for known in KNOWN_WEIGHTS.values() if known.sha256 == digest != ""]
        name = published[0] if published else path.name.partition(".")[0]
    return _store(name, weights, source=str(path.resolve()), source_sha256=digest)


def verify(name: str) -> str:
    """The SHA-256 of a cached file, after comparing it with the one noted when it was written.

    Raises:
        WeightsError: If it is not cached, or not what was written.
    """
    path = weights_path(name)
    digest, noted = file_sha256(path), read_record(name).get("sha256")
    if digest != noted:
        raise WeightsError(
            f"{path}: damaged, its SHA-256 is not the one noted; delete it, "
            f"then pull or import {name} again"
        )
    read_weights(path)
    return digest


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pull_file(known: KnownWeights, progress: Progress | None) -> Path:
    target = cache_folder() / "downloads" / known.file_name
    if not target.is_file():
        download(known.url, target, sha256=known.sha256, name=known.name, progress=progress)
    elif file_sha256(target) != known.sha256:
        raise WeightsError(f"{target} is not {known.name}: its SHA-256 differs; delete it")
    stored = _store(known.name, read_weights(target), source=known.url, source_sha256=known.sha256)
    target.unlink()
    return stored


def _pull_preset(known: KnownWeights) -> Path:
    from track_anything.segmenters.sam.keras_model import preset_weights

    target = cache_folder() / "downloads" / known.file_name
    try:
        # KerasCV itself reads it, once: it knows every layout it ever wrote.
        weights = preset_weights(str(target) if target.is_dir() else known.name)
    except WeightsError as error:
        raise WeightsError(
            f"{error}; get the directory {known.name} from {known.url} and put it at {target}"
        ) from error
    expected = published_config(known.size_name)
    if weights.config != expected:
        raise WeightsError(f"{known.name}: expected SAM {known.size_name}, got {weights.config}")
    return _store(known.name, weights, source=known.url, source_sha256="")


def _store(name: str, weights: SamWeights, *, source: str, source_sha256: str) -> Path:
    if not name or Path(name).name != name or name.startswith("."):
        raise WeightsError(f"a name of weights is a plain file name, got {name!r}")
    path = stored_path(name)
    save_weights(weights, path)
    record = {"sha256": file_sha256(path), "source": source, "source_sha256": source_sha256}
    _write_text(record_path(name), json.dumps(record, indent=2) + "\n")
    return path


def _write_text(path: Path, text: str) -> None:
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}-", delete=False
        ) as file:
            file.write(text)
        Path(file.name).replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error

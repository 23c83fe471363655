"""Checkpoints by name: fetched once, checked, and kept where later runs start fast."""

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from track_anything.errors import OutputError, WeightsError
from track_anything.segmenters.sam.architecture import published_config
from track_anything.segmenters.sam.download import download
from track_anything.segmenters.sam.weights import SamWeights, read_weights, save_weights

CACHE_VARIABLE = "TRACK_ANYTHING_CACHE"
_META_URL = "https://dl.fbaipublicfiles.com/segment_anything"
_KAGGLE_URL = "https://www.kaggle.com/models/keras/sam"

Progress = Callable[[int, int | None], None]
"""Called with the bytes had so far and the bytes in all, where known."""


@dataclass(frozen=True, kw_only=True)
class KnownWeights:
    """A published checkpoint.

    Attributes:
        name: As on the command line.
        size_name: base, large or huge.
        url: Of the file, or of the page a KerasCV preset can be had from.
        sha256: Of the file; "" for a preset, which is a directory.
        byte_count: Of the file; 0 for a preset.
    """

    name: str
    size_name: str
    url: str
    sha256: str = ""
    byte_count: int = 0

    @property
    def is_preset(self) -> bool:
        """Whether KerasCV fetches it."""
        return not self.sha256

    @property
    def file_name(self) -> str:
        """What to call it among the downloads."""
        return self.name if self.is_preset else self.url.rpartition("/")[2]


KNOWN_WEIGHTS = {
    known.name: known
    for known in (
        KnownWeights(
            name="sam-base",
            size_name="base",
            url=f"{_META_URL}/sam_vit_b_01ec64.pth",
            sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
            byte_count=375_042_383,
        ),
        KnownWeights(
            name="sam-large",
            size_name="large",
            url=f"{_META_URL}/sam_vit_l_0b3195.pth",
            sha256="3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
            byte_count=1_249_524_607,
        ),
        KnownWeights(
            name="sam-huge",
            size_name="huge",
            url=f"{_META_URL}/sam_vit_h_4b8939.pth",
            sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
            byte_count=2_564_550_879,
        ),
        *(
            KnownWeights(name=f"sam_{size}_sa1b", size_name=size, url=_KAGGLE_URL)
            for size in ("base", "large", "huge")
        ),
    )
}


@dataclass(frozen=True)
class StoredWeights:
    """One line of the list of weights.

    Attributes:
        name: As on the command line.
        path: Of the cached file; None if it is not cached.
        source: Where it came from, or can be had from.
        byte_count: Of the cached file, or of the download; 0 if unknown.
    """

    name: str
    path: Path | None
    source: str
    byte_count: int


def cache_folder() -> Path:
    """Where checkpoints are kept: TRACK_ANYTHING_CACHE, or the platform's cache folder."""
    if os.environ.get(CACHE_VARIABLE):
        return Path(os.environ[CACHE_VARIABLE]).expanduser()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "track-anything"


def load_weights(name_or_path: str | Path) -> SamWeights:
    """The network in a file or directory, or of a name; known names are fetched when first used.

    Raises:
        WeightsError: If there is no such file or name, it cannot be fetched, or is damaged.
    """
    path = Path(name_or_path).expanduser()
    if path.exists():
        return read_weights(path)
    name = str(name_or_path)
    if not _stored_path(name).is_file():
        if name not in KNOWN_WEIGHTS:
            raise WeightsError(
                f"{name}: no such file, and weights have one of the names {', '.join(_names())}"
            )
        pull(name)
    return read_weights(weights_path(name))


def available() -> list[StoredWeights]:
    """All weights with a name: the published ones first, then those that were imported."""
    rows = []
    for name in _names():
        path, known = _stored_path(name), KNOWN_WEIGHTS.get(name)
        if path.is_file():
            source = str(_record(name).get("source", ""))
            rows.append(StoredWeights(name, path, source, path.stat().st_size))
        elif known:
            rows.append(StoredWeights(name, None, known.url, known.byte_count))
    return rows


def weights_path(name: str) -> Path:
    """The cached file of a name.

    Raises:
        WeightsError: If it is not cached.
    """
    path = _stored_path(name)
    if not path.is_file():
        raise WeightsError(f"{name} is not cached in {path.parent}: pull or import it first")
    return path


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
    known, stored = KNOWN_WEIGHTS[name], _stored_path(name)
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
    digest, noted = file_sha256(path), _record(name).get("sha256")
    if digest != noted:
        raise WeightsError(f"{path}: damaged, its SHA-256 is not the one noted: pull {name} again")
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
    path = _stored_path(name)
    save_weights(weights, path)
    record = {"sha256": file_sha256(path), "source": source, "source_sha256": source_sha256}
    _write_text(_record_path(name), json.dumps(record, indent=2) + "\n")
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


def _record(name: str) -> dict[str, str]:
    try:
        record: dict[str, str] = json.loads(_record_path(name).read_text(encoding="utf-8"))
        return record
    except (OSError, ValueError):
        return {}


def _names() -> list[str]:
    folder = cache_folder() / "sam"
    stored = sorted(path.name.removesuffix(".safetensors") for path in folder.glob("*.safetensors"))
    return [*KNOWN_WEIGHTS, *(name for name in stored if name not in KNOWN_WEIGHTS)]


def _stored_path(name: str) -> Path:
    return cache_folder() / "sam" / f"{name}.safetensors"


def _record_path(name: str) -> Path:
    return cache_folder() / "sam" / f"{name}.json"

"""Which checkpoints have a name, and where they are kept: plain files, nothing heavy is loaded."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from track_anything.errors import WeightsError

CACHE_VARIABLE = "TRACK_ANYTHING_CACHE"
_META_URL = "https://dl.fbaipublicfiles.com/segment_anything"
_KAGGLE_URL = "https://www.kaggle.com/models/keras/sam"


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


def available() -> list[StoredWeights]:
    """All weights with a name: the published ones first, then those that were imported."""
    rows = []
    for name in weight_names():
        path, known = stored_path(name), KNOWN_WEIGHTS.get(name)
        if path.is_file():
            source = str(read_record(name).get("source", ""))
            rows.append(StoredWeights(name, path, source, path.stat().st_size))
        elif known:
            rows.append(StoredWeights(name, None, known.url, known.byte_count))
    return rows


def weights_path(name: str) -> Path:
    """The cached file of a name.

    Raises:
        WeightsError: If it is not cached.
    """
    path = stored_path(name)
    if not path.is_file():
        raise WeightsError(f"{name} is not cached in {path.parent}: pull or import it first")
    return path


def read_record(name: str) -> dict[str, str]:
    """What was noted of a cached file: sha256, source, source_sha256; empty if nothing."""
    try:
        record: dict[str, str] = json.loads(record_path(name).read_text(encoding="utf-8"))
        return record
    except (OSError, ValueError):
        return {}


def weight_names() -> list[str]:
    """The published names, then those of imported files."""
    folder = cache_folder() / "sam"
    stored = sorted(path.name.removesuffix(".safetensors") for path in folder.glob("*.safetensors"))
    return [*KNOWN_WEIGHTS, *(name for name in stored if name not in KNOWN_WEIGHTS)]


def stored_path(name: str) -> Path:
    """Where the file of a name is, or would be."""
    return cache_folder() / "sam" / f"{name}.safetensors"


def record_path(name: str) -> Path:
    """Where it is noted what a cached file is."""
    return cache_folder() / "sam" / f"{name}.json"

"""The folder a run writes into: checked before work begins, described by run.json at the end."""

import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from track_anything._version import installed_version
from track_anything.errors import OutputError, VideoError
from track_anything.files import write_whole

VIDEO_NAME = "annotated.mp4"
MASKS_NAME = "masks"
OBJECTS_NAME = "objects"
CSV_NAME = "tracks.csv"
JSON_LINES_NAME = "tracks.jsonl"
MANIFEST_NAME = "run.json"
STORE_NAME = "tracks.db"
REVIEW_NAME = "review.html"
REVIEW_TABLE_NAME = "review.csv"
EXPORTS_NAME = "exports"
"""The folder in a run folder where exports go unless told otherwise."""
STORE_COMPANIONS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside the store while it is written, and after a kill."""

# All that a run can leave behind: files a user put beside them are never touched.
_OWN_FILES = (
    VIDEO_NAME,
    "annotated.partial.mp4",
    CSV_NAME,
    "tracks.partial.csv",
    JSON_LINES_NAME,
    "tracks.partial.jsonl",
    MANIFEST_NAME,
    f".{MANIFEST_NAME}.partial",
    STORE_NAME,
    *(STORE_NAME + suffix for suffix in STORE_COMPANIONS),
)
_REVIEW_FILES = tuple(
    f"{start}{name}{end}"
    for name in (REVIEW_NAME, REVIEW_TABLE_NAME)
    for start, end in (("", ""), (".", ".partial"))
)
_DIGITS = "[0-9][0-9][0-9][0-9]"
_OWN_PICTURES = (f"{_DIGITS}[0-9]*.png", f".{_DIGITS}[0-9]*.png.partial")

_LIBRARIES = (
    "av",
    "click",
    "keras",
    "keras-cv",
    "numpy",
    "opencv-python",
    "pillow",
    "pyyaml",
    "rich",
    "safetensors",
    "scipy",
    "supervision",
    "tensorflow-cpu",
    "torch",
    "transformers",
)


class RunFolder:
    """Where the files of one run go.

    Everything is checked on construction and nothing is changed before begin, so that a run that
    cannot be written costs no time and no file.
    """

    def __init__(
        self,
        path: Path,
        *,
        overwrite: bool,
        inputs: Sequence[Path],
        exports: Sequence[Path] = (),
    ) -> None:
        """Check that a run can be written here.

        Args:
            path: The folder; it and its parents need not exist.
            overwrite: Whether the files of an earlier run may be replaced.
            inputs: What the run reads; "-" (standard input) is ignored.
            exports: Files in the folder that were made of the run that is there.

        Raises:
            OutputError: If it cannot or must not be written.
        """
        self.path = path
        self._exports = tuple(exports)
        try:
            self._check_place()
            self._check_inputs(inputs)
            if not overwrite and path.is_dir() and any(path.iterdir()):
                raise OutputError(
                    f"{path}: is not empty; name another folder, or --overwrite to replace "
                    "the files of an earlier run"
                )
        except PermissionError as error:
            raise OutputError(f"{path}: cannot be looked into ({error.strerror})") from error

    @property
    def video(self) -> Path:
        """The annotated video."""
        return self.path / VIDEO_NAME

    @property
    def masks(self) -> Path:
        """The folder of label maps."""
        return self.path / MASKS_NAME

    @property
    def objects(self) -> Path:
        """The folder of one mask an object and frame."""
        return self.path / OBJECTS_NAME

    @property
    def csv(self) -> Path:
        """The table of tracks as CSV."""
        return self.path / CSV_NAME

    @property
    def json_lines(self) -> Path:
        """The table of tracks as JSON lines."""
        return self.path / JSON_LINES_NAME

    @property
    def store(self) -> Path:
        """All of the run in one database."""
        return self.path / STORE_NAME

    @property
    def manifest(self) -> Path:
        """What was run, on what, with what, and how it went."""
        return self.path / MANIFEST_NAME

    def begin(self, *, keeps_store: bool = False) -> None:
        """Create the folder; remove what earlier runs wrote or was made of them, and nothing else.

        Args:
            keeps_store: Leave the run store, and what was made of it, for a run that goes on.

        Raises:
            OutputError: If that fails.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            kept = {self.store.with_name(STORE_NAME + suffix) for suffix in ("", *STORE_COMPANIONS)}
            files = [f for f in self._earlier_files() if not (keeps_store and f in kept)]
            if not keeps_store:
                files += self._made_of_them()
            for file in files:
                file.unlink(missing_ok=True)
            # An empty objects/0007 would look like an object that this run has.
            folders = {parent for file in files for parent in file.parents} | {self.objects}
            folders = {folder for folder in folders if self.path in folder.parents}
            for folder in sorted(folders, reverse=True):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
        except OSError as error:
            name = error.filename or self.path
            raise OutputError(f"{name}: cannot be prepared ({error.strerror})") from error

    def strangers(self) -> list[Path]:
        """What is in the folder that begin leaves there: no run wrote it, or it has another name.

        A folder that runs do not make is one of them, whatever is in it.
        """
        if not self.path.is_dir():
            return []
        own = {*self._earlier_files(), *self._made_of_them()}
        made = {self.masks, self.objects, self.path / EXPORTS_NAME}
        found: list[Path] = []
        for one in sorted(self.path.iterdir()):
            if one in made and one.is_dir() and not one.is_symlink():
                found += (file for file in sorted(one.rglob("*")) if not file.is_dir())
            else:
                found.append(one)
        return [one for one in found if one not in own]

    def _check_place(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"{self.path}: expected a folder for the results, this is a file")
        existing = self.path.absolute()
        while not existing.exists():
            existing = existing.parent
        if not existing.is_dir():
            raise OutputError(f"{self.path}: cannot be created, {existing} is a file")
        if not os.access(existing, os.W_OK | os.X_OK):
            raise OutputError(f"{self.path}: cannot be written, no permission for {existing}")

    def _check_inputs(self, inputs: Sequence[Path]) -> None:
        output = self.path.resolve()
        for source in inputs:
            if str(source) != "-" and source.resolve().is_relative_to(output):
                raise OutputError(f"{self.path}: the input {source} lies in the output folder")

    def _made_of_them(self) -> list[Path]:
        """What later commands made of earlier runs."""
        pages = (self.path / name for name in _REVIEW_FILES)
        return [*(page for page in pages if _is_own_file(page)), *self._exports]

    def _earlier_files(self) -> Iterator[Path]:
        """Files with the names of ours; links are not followed out of the folder."""
        for name in _OWN_FILES:
            if _is_own_file(self.path / name):
                yield self.path / name
        folders = [self.masks]
        if self.objects.is_dir() and not self.objects.is_symlink():
            folders += sorted(f for f in self.objects.iterdir() if f.name.isdecimal())
        for folder in folders:
            if folder.is_symlink() or not folder.is_dir():
                continue
            for pattern in _OWN_PICTURES:
                yield from (f for f in sorted(folder.glob(pattern)) if _is_own_picture(f))


def write_manifest(folder: Path, manifest: Mapping[str, object]) -> dict[str, Any]:
    """Write run.json, whole or not at all, in the order of the mapping; what JSON makes of it.

    Paths become text, fractions "num/den", enums their values, dataclasses and mappings objects,
    NumPy numbers and arrays numbers and lists.

    Raises:
        OutputError: If it cannot be written.
    """
    plain: dict[str, Any] = _plain(manifest)
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(folder / MANIFEST_NAME, text.encode())
    return plain


def hash_file(path: Path) -> str:
    """SHA-256 of a file in hexadecimal, read a piece at a time.

    Raises:
        VideoError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror})") from error


def versions() -> dict[str, str | None]:
    """Versions of this package, its libraries (None: not installed), Python and the system.

    Read from the installed metadata: no library is imported.
    """
    return {
        "track-anything": installed_version("track-anything"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: installed_version(name) for name in _LIBRARIES},
    }


def _is_own_file(path: Path) -> bool:
    return path.is_file() or path.is_symlink()


def _is_own_picture(path: Path) -> bool:
    name = path.name.removesuffix(".partial").removesuffix(".png").lstrip(".")
    return name.isdecimal() and path.is_file()


def _plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(one) for key, one in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value))
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value

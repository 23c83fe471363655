"""Where exports may be written: checked before work begins."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from track_anything.errors import OutputError
from track_anything.export.formats import FORMATS, ExportFormat
from track_anything.io.frame_pictures import FramePictures
from track_anything.io.run_folder import EXPORTS_NAME, MANIFEST_NAME, STORE_COMPANIONS, STORE_NAME
from track_anything.io.yolo import data_set_files
from track_anything.structures import VideoInfo

_ANY_VIDEO = "*[0-9][0-9][0-9][0-9]"
"""Names of pictures of whatever video, up to the last digit of their number, of five or more."""
_KEPT = (STORE_NAME, *(STORE_NAME + suffix for suffix in STORE_COMPANIONS), MANIFEST_NAME)


def check_place(
    path: Path,
    one: ExportFormat,
    *,
    run: Path,
    inputs: Sequence[str | Path],
    others: Sequence[Path],
    overwrite: bool,
) -> None:
    """Check that an export can be written; nothing is changed.

    Args:
        path: The file or folder.
        one: Its format.
        run: The run folder.
        inputs: The source video, wherever it is or was.
        others: Where the export's other formats go.
        overwrite: Whether an earlier export may be replaced.

    Raises:
        OutputError: If it cannot or must not be written.
    """
    is_folder, place = one.is_folder(path), path.resolve()
    if any(place == other.resolve() for other in others):
        raise OutputError(f"{path}: two formats would write there; name another place for one")
    if place in [(run / name).resolve() for name in _KEPT]:
        raise OutputError(f"{path}: is what the run is kept in; name another file")
    if is_folder and run.resolve().is_relative_to(place):
        raise OutputError(f"{path}: holds the run itself; name a folder for the export alone")
    for source in map(Path, inputs):
        is_inside = is_folder and source.resolve().is_relative_to(place)
        if place == source.resolve() or is_inside:
            raise OutputError(f"{path}: holds the video {source}; name another place")
    _check_kind(path, is_folder=is_folder)
    _check_writable(path)
    if overwrite or not path.exists():
        return
    if not is_folder or any(path.iterdir()):
        state = "is not empty" if is_folder else "exists already"
        raise OutputError(f"{path}: {state}; name another place, or --overwrite to replace it")


def clear_place(path: Path, one: ExportFormat, info: VideoInfo) -> None:
    """Make the folder an export lies in, and remove what an earlier one wrote into its own.

    Files with other names than the format's stay. A file is replaced when the new one is complete.

    Args:
        path: The file or folder.
        one: Its format.
        info: Of the frames that will come.

    Raises:
        OutputError: If that fails.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not one.is_folder(path) or not path.is_dir():
            return
        name = glob.escape(FramePictures(info).name_of(0).removesuffix("00000.jpg"))
        files = _own_files(path, one, name)
        for file in files:
            file.unlink(missing_ok=True)
        # Deepest first: an empty folder of an object would look like an object.
        folders = {parent for file in files for parent in file.parents if path in parent.parents}
        for folder in sorted(folders, key=lambda each: -len(each.parts)):
            if not any(folder.iterdir()):
                folder.rmdir()
    except OSError as error:
        place = error.filename or path
        raise OutputError(f"{place}: cannot be prepared ({error.strerror})") from error


def earlier_exports(run: Path) -> list[Path]:
    """Files in RUN/exports that have the names of exports, complete or not.

    Exports that were given another name or place are none of them.

    Args:
        run: A run folder; it need not be there.

    Raises:
        OutputError: If the folder cannot be looked into.
    """
    folder = run / EXPORTS_NAME
    found: list[Path] = []
    try:
        if folder.is_symlink() or not folder.is_dir():
            return []
        for one in FORMATS.values():
            path = folder / one.path
            if not one.is_folder(path):
                partial = f"{path.stem}.partial{path.suffix}"
                names = (path.name, partial, f".{path.name}.partial", f".{path.name}.spill")
                found += (file for file in (folder / name for name in names) if file.is_file())
            elif not path.is_symlink():
                found += _own_files(path, one, _ANY_VIDEO)
        found += data_set_files(folder / FORMATS["yolo"].path)
    except PermissionError as error:
        raise OutputError(f"{folder}: cannot be looked into ({error.strerror})") from error
    return found


def _own_files(folder: Path, one: ExportFormat, name: str) -> list[Path]:
    """What a format can have written into a folder.

    Args:
        folder: Where.
        one: The format.
        name: Pattern of what pictures of the video are called, up to their number.
    """
    return [
        file
        for pattern in one.own
        for file in sorted(folder.glob(pattern.replace("{name}", name)))
        if file.is_file() and not file.parent.is_symlink()
    ]


def _check_kind(path: Path, *, is_folder: bool) -> None:
    if is_folder and path.exists() and not path.is_dir():
        raise OutputError(f"{path}: expected a folder, this is a file")
    if not is_folder and path.is_dir():
        raise OutputError(f"{path}: expected a file, this is a folder")


def _check_writable(path: Path) -> None:
    existing = path.absolute() if path.is_dir() else path.absolute().parent
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise OutputError(f"{path}: cannot be created, {existing} is a file")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: cannot be written, no permission for {existing}")

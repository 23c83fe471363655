"""Folders of pictures named by frame, and by object and frame."""

from pathlib import Path

from track_anything.errors import OutputError
from track_anything.files import write_whole


class PictureFolder:
    """Writes FOLDER/00000.png by frame index, or FOLDER/0001/00000.png by track_id and index.

    Every file is complete the moment it has its name.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        """Create the folder; with overwrite, clear it of the pictures of an earlier export.

        Raises:
            OutputError: If it cannot be created, or is not empty and may not be overwritten.
        """
        self._path = path
        self._made: set[int] = set()
        try:
            if path.exists() and not path.is_dir():
                raise OutputError(f"{path}: expected a folder for pictures, this is a file")
            if path.is_dir() and any(path.iterdir()):
                if not overwrite:
                    raise OutputError(f"{path}: is not empty; say overwrite to replace its files")
                _clear(path)
            path.mkdir(parents=True, exist_ok=True)
        except OutputError:
            raise
        except OSError as error:
            raise OutputError(f"{path}: cannot be prepared ({error.strerror})") from error

    def write(self, data: bytes, index: int, *, track_id: int | None = None) -> None:
        """Write one PNG file.

        Raises:
            OutputError: If it cannot be written.
        """
        write_whole(self.file(index, track_id=track_id), data)

    def file(self, index: int, *, track_id: int | None = None) -> Path:
        """The path of a frame's picture, or of one object's; the object's folder is created.

        Raises:
            OutputError: If it cannot be created.
        """
        name = f"{index:05d}.png"
        if track_id is None:
            return self._path / name
        folder = self._path / f"{track_id:04d}"
        if track_id not in self._made:
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                raise OutputError(f"{folder}: cannot be created ({error.strerror})") from error
            self._made.add(track_id)
        return folder / name


def _clear(path: Path) -> None:
    """Remove pictures with names of ours, and folders of objects that are then empty."""
    folders = [f for f in path.iterdir() if f.name.isdecimal() and f.is_dir()]
    for folder in [path, *(f for f in folders if not f.is_symlink())]:
        for file in folder.glob("*.png"):
            if file.stem.isdecimal() and file.is_file():
                file.unlink()
        if folder != path and not any(folder.iterdir()):
            folder.rmdir()

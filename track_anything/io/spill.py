"""Outputs whose beginning is known only at the end: parts wait in a file, not in memory."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from track_anything.errors import OutputError

_TABLE = """
create table part (
    list integer, position integer, text text, primary key (list, position)
) without rowid
"""


class Spill:
    """Numbered lists of texts in a file beside an output, read back in order."""

    def __init__(self, path: Path) -> None:
        """Create the file; one that a killed run left is replaced.

        Raises:
            OutputError: If it cannot be created.
        """
        self._path = path
        try:
            path.unlink(missing_ok=True)
            # A sink may be written to by another thread than the one that made it.
            self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            # What is lost with the process is made again: nothing has to survive a crash.
            for setting in ("journal_mode = off", "synchronous = off", "locking_mode = exclusive"):
                self._file.execute(f"pragma {setting}")
            self._file.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"{path}: cannot be created ({error})") from error

    def add(self, number: int, position: int, text: str) -> None:
        """Keep a text at a position of a list.

        Raises:
            OutputError: If it cannot be written.
        """
        try:
            self._file.execute("insert into part values (?, ?, ?)", (number, position, text))
        except sqlite3.Error as error:
            raise OutputError(f"{self._path}: cannot be written ({error})") from error

    def read(self, number: int) -> Iterator[tuple[int, str]]:
        """(position, text) of a list, by position."""
        yield from self._file.execute(
            "select position, text from part where list = ? order by position", (number,)
        )

    def close(self) -> None:
        """Delete the file. May be called again."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class SpilledSink:
    """A base for sinks of one text file that is put together from a spill at the end.

    When aborted it makes the same file of what came, under NAME.partial.EXT.
    """

    def __init__(self, path: Path) -> None:
        """Create the spill.

        Args:
            path: The final name; a file of that name is replaced on close.

        Raises:
            OutputError: If the spill cannot be created.
        """
        self._path = path
        self._spill = Spill(path.with_name(f".{path.name}.spill"))
        self._is_open = True

    def pieces(self) -> Iterable[str]:
        """The text of the file, from the spill."""
        raise NotImplementedError

    def close(self) -> None:
        """Write the file under its final name.

        Raises:
            OutputError: If it cannot be written.
        """
        self._end(self._path)

    def abort(self) -> None:
        """Write what there is under the partial name.

        Raises:
            OutputError: If it cannot be written.
        """
        self._end(self._path.with_name(f"{self._path.stem}.partial{self._path.suffix}"))

    def _keep(self, number: int, position: int, text: str) -> None:
        """Keep a text for `pieces`."""
        if not self._is_open:
            raise OutputError(f"{self._path}: is closed, nothing can be added")
        self._spill.add(number, position, text)

    def _end(self, path: Path) -> None:
        if not self._is_open:
            return
        self._is_open = False
        try:
            write_pieces(path, self.pieces())
        finally:
            self._spill.close()


def write_pieces(path: Path, pieces: Iterable[str]) -> None:
    """Write a text file piece by piece under a temporary name, then give it its name.

    Raises:
        OutputError: If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(pieces)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def joined(texts: Iterable[str], separator: str) -> Iterator[str]:
    """Texts with a separator between them, one at a time.

    >>> "".join(joined(["a", "b", "c"], ", "))
    'a, b, c'
    """
    for number, text in enumerate(texts):
        yield separator + text if number else text

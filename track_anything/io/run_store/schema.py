"""The tables of a run store, and connections to it. docs/run-store.md describes them for others."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from track_anything.errors import DatasetError, OutputError, TrackAnythingError
from track_anything.io.run_folder import STORE_COMPANIONS, STORE_NAME

SCHEMA_VERSION = 1
"""Of SQLite's user_version; a store of another one is refused."""

APPLICATION_ID = 0x5452414B
"""Of SQLite's application_id: "TRAK"."""

_PAGE_SIZE = 4096

_TABLES = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE frames (
    frame INTEGER PRIMARY KEY,
    time_numerator INTEGER NOT NULL,
    time_denominator INTEGER NOT NULL,
    is_corrupt INTEGER NOT NULL
);
CREATE TABLE masks (
    frame INTEGER NOT NULL,
    track_id INTEGER NOT NULL,
    rle BLOB NOT NULL,
    area INTEGER NOT NULL,
    x_min REAL NOT NULL,
    y_min REAL NOT NULL,
    x_max REAL NOT NULL,
    y_max REAL NOT NULL,
    confidence REAL NOT NULL,
    state TEXT NOT NULL,
    origin TEXT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (frame, track_id)
);
CREATE INDEX masks_by_track ON masks (track_id, frame, area);
CREATE TABLE events (
    frame INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    track_id INTEGER NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (frame, position)
) WITHOUT ROWID;
CREATE TABLE snapshots (
    next_frame INTEGER PRIMARY KEY,
    next_result INTEGER NOT NULL,
    state BLOB NOT NULL
);
CREATE TABLE edits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    kind TEXT NOT NULL,
    arguments TEXT NOT NULL,
    inverse TEXT NOT NULL
);
CREATE TABLE replaced_masks (
    edit INTEGER NOT NULL,
    frame INTEGER NOT NULL,
    track_id INTEGER NOT NULL,
    rle BLOB NOT NULL,
    area INTEGER NOT NULL,
    x_min REAL NOT NULL,
    y_min REAL NOT NULL,
    x_max REAL NOT NULL,
    y_max REAL NOT NULL,
    confidence REAL NOT NULL,
    state TEXT NOT NULL,
    origin TEXT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (edit, frame, track_id)
);
CREATE TABLE replaced_events (
    edit INTEGER NOT NULL,
    frame INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    track_id INTEGER NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (edit, frame, position)
) WITHOUT ROWID;
"""


def store_path(path: str | Path) -> Path:
    """The database of a run folder, or the path itself if it is no folder."""
    path = Path(path)
    return path / STORE_NAME if path.is_dir() else path


def create_store(path: Path, meta: Mapping[str, str]) -> sqlite3.Connection:
    """A store without frames in write-ahead mode; a file of that name is replaced.

    The connection may be used from any one thread at a time, and begins no transaction by itself.

    Args:
        path: The database.
        meta: What it says of itself from the first moment on: JSON by key.

    Raises:
        OutputError: If it cannot be created.
    """
    with writing(path):
        for suffix in ("", *STORE_COMPANIONS):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
            # Room left by snapshots is given back at the end without copying the database.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            _write_ahead(connection)
            # All at once: a kill leaves a store or something that is none, but never half of one.
            connection.execute("BEGIN IMMEDIATE")
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection


def open_to_write(path: Path, *, wait_seconds: float = 0.5) -> sqlite3.Connection:
    """A store that exists, in write-ahead mode, with nothing else writing to it at the moment.

    Args:
        path: The database.
        wait_seconds: How long another writer is waited for.

    Raises:
        DatasetError: If it is no store, or of another version.
        OutputError: If it cannot be written, or another process writes to it.
    """
    check_store(path)
    with writing(path):
        connection = sqlite3.connect(
            path, timeout=wait_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            _write_ahead(connection)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection inside one transaction, which is undone if an error comes out of the block.

    Raises:
        DatasetError: If it is no store, or of another version.
        OutputError: If it cannot be written, or another process writes to it.
    """
    with closing(open_to_write(path)) as connection, writing(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        else:
            connection.execute("COMMIT")
        finally:
            leave_one_file(connection)


def leave_one_file(connection: sqlite3.Connection) -> None:
    """Put what is in the write-ahead log into the database, and remove the log."""
    with suppress(sqlite3.OperationalError):
        # Refused while somebody reads: the store is whole in either mode.
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()


def open_to_read(path: Path) -> sqlite3.Connection:
    """A store that exists, read only.

    Raises:
        DatasetError: If it is no store, or of another version.
    """
    if not path.is_file():
        raise DatasetError(
            f"{path}: no such run store; runs of `track-anything track` have a {STORE_NAME}"
        )
    with reading(path):
        try:
            return _checked(path, _read_only(path))
        except sqlite3.OperationalError:
            # In a folder that cannot be written, a store that was completed needs no lock.
            if path.with_name(f"{path.name}-wal").exists():
                raise
            return _checked(path, _read_only(path, "&immutable=1"))


def is_store(path: Path) -> bool:
    """Whether there is a run store of any version; a kill at its birth leaves none."""
    if not path.is_file():
        return False
    try:
        with closing(_read_only(path)) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
    except sqlite3.Error:
        return False
    return bool(application == APPLICATION_ID)


def check_store(path: Path) -> None:
    """Refuse what is no store of this version.

    Raises:
        DatasetError: If it is none.
    """
    open_to_read(path).close()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Errors of SQLite inside become ours.

    Raises:
        DatasetError: With the path and SQLite's words.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise DatasetError(f"{path}: cannot be read as a run store ({error})") from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Errors of SQLite and of the file system inside become ours.

    Raises:
        OutputError: With the path and their words.
    """
    try:
        yield
    except TrackAnythingError:
        raise
    except sqlite3.Error as error:
        if error.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise OutputError(
                f"{path}: another process is writing to it; wait until it has ended"
            ) from error
        raise OutputError(f"{path}: cannot be written ({error})") from error
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def _write_ahead(connection: sqlite3.Connection) -> None:
    """A commit is a write to the log, not a wait for the disk; a kill loses none of them."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _read_only(path: Path, extra: str = "") -> sqlite3.Connection:
    # Percent signs and question marks in names mean something in a URI.
    uri = f"{path.absolute().as_uri()}?mode=ro{extra}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def _checked(path: Path, connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise DatasetError(f"{path}: is a database, but no run store")
        if version != SCHEMA_VERSION:
            raise DatasetError(
                f"{path}: is a run store of version {version}, expected {SCHEMA_VERSION}: read it "
                "with the version of track-anything that wrote it, or track again"
            )
    except BaseException:
        connection.close()
        raise
    return connection

"""The files of a run folder made anew from its store, where that was changed after they were."""

from dataclasses import asdict, dataclass
from pathlib import Path

from track_anything.errors import VideoError
from track_anything.export import ExportTarget, export
from track_anything.io.run_folder import (
    CSV_NAME,
    JSON_LINES_NAME,
    MASKS_NAME,
    OBJECTS_NAME,
    VIDEO_NAME,
    write_manifest,
)
from track_anything.io.run_store import RunStore, keep_note, stored_edits
from track_anything.io.summary import SummarySink

FORMATS = {
    MASKS_NAME: "davis",
    OBJECTS_NAME: "objects",
    CSV_NAME: "csv",
    JSON_LINES_NAME: "jsonl",
    VIDEO_NAME: "video",
}
"""What a run folder may hold beside its store, and the formats these are."""


@dataclass(frozen=True, kw_only=True)
class RewriteSummary:
    """What came of it.

    Attributes:
        written: Names in the run folder.
        left: Names of files that are there and still old.
        reason: Why some are left; "" if none is.
    """

    written: tuple[str, ...]
    left: tuple[str, ...] = ()
    reason: str = ""


def derived_files(run: str | Path) -> tuple[str, ...]:
    """Names of what a run folder holds that can be made anew from its store."""
    folder = _folder(run)
    return tuple(name for name in FORMATS if (folder / name).exists())


def rewrite_run(run: str | Path, *, video: str | Path | None = None) -> RewriteSummary:
    """Make what a run folder holds anew from its store, and what its manifest says of the objects.

    Files that the run did not write are not added. Where the video is gone, annotated.mp4 is left
    as it is.

    Args:
        run: A run folder.
        video: Where the source video is, if it is no longer where the run found it.

    Raises:
        DatasetError: If there is no store.
        VideoError: If the video given cannot be read.
        OutputError: If something cannot be written.
    """
    folder, names = _folder(run), derived_files(run)
    counted, left, reason = SummarySink(), tuple[str, ...](), ""
    try:
        _export(folder, names, counted, video)
    except VideoError as error:
        if video is not None or VIDEO_NAME not in names:
            raise
        # Planning fails before anything is written: what needs no video is made without it.
        left, reason, counted = (VIDEO_NAME,), str(error), SummarySink()
        names = tuple(name for name in names if name != VIDEO_NAME)
        _export(folder, names, counted, None)
    _update_manifest(folder, counted)
    return RewriteSummary(written=names, left=left, reason=reason)


def _export(
    folder: Path, names: tuple[str, ...], counted: SummarySink, video: str | Path | None
) -> None:
    if not names:
        with RunStore.open(folder) as store:
            for result in store.results():
                counted.write(result)
        return
    targets = [ExportTarget(FORMATS[name], folder / name) for name in names]
    given = video if VIDEO_NAME in names else None
    export(folder, targets, video=given, overwrite=True, sinks=[counted])


def _update_manifest(folder: Path, counted: SummarySink) -> None:
    with RunStore.open(folder) as store:
        manifest, database = dict(store.manifest), store.path
    # What a check found is of the masks as they were.
    manifest.pop("check", None)
    edits = [asdict(edit) for edit in stored_edits(folder)]
    plain = write_manifest(folder, {**manifest, **counted.to_dict(), "edits": edits})
    keep_note(database, "manifest", plain)


def _folder(run: str | Path) -> Path:
    return Path(run) if Path(run).is_dir() else Path(run).parent

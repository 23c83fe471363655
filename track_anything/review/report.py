"""A run reviewed: the page and the table written, and what is in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from track_anything.errors import ConfigError, OutputError
from track_anything.files import write_whole
from track_anything.io.run_folder import REVIEW_NAME
from track_anything.io.run_store import RunStore
from track_anything.review.doubts import LOW_CONFIDENCE
from track_anything.review.page import Content, fails, render_page, verdict
from track_anything.review.pictures import find_pictures
from track_anything.review.survey import Survey, survey_results
from track_anything.review.table import write_moments
from track_anything.review.thumbnails import draw_moments
from track_anything.review.words import timecode

DEFAULT_TOP = 30


@dataclass(frozen=True, kw_only=True)
class ReviewSummary:
    """What came of a review.

    Attributes:
        page: The HTML page.
        table: The CSV with all moments.
        survey: What was found.
        notes: What a reader has to know, one line each.
        fail_under: The limit asked for; None without.
    """

    page: Path
    table: Path
    survey: Survey
    notes: tuple[str, ...] = ()
    fail_under: float | None = None

    @property
    def is_failed(self) -> bool:
        """Whether the lowest of the objects' mean confidences is under the limit."""
        return fails(self.survey, self.fail_under)

    @property
    def verdict(self) -> str:
        """One line about the object with the lowest mean confidence."""
        return verdict(self.survey, self.fail_under)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        found = self.survey
        worst = found.worst_track
        return {
            "page": str(self.page),
            "table": str(self.table),
            "frames": len(found.frames),
            "fail_under": self.fail_under,
            "is_failed": self.is_failed,
            "lowest": None
            if worst is None
            else {"id": worst.track_id, "mean_confidence": round(worst.mean_confidence or 0.0, 4)},
            "objects": {
                str(track_id): {
                    "name": one.label,
                    "visible_frames": one.visible_count,
                    "mean_confidence": _rounded(one.mean_confidence),
                    "minimum_confidence": _rounded(one.minimum_confidence),
                    "lost_count": one.lost_count,
                    "lost_seconds": round(one.lost_seconds, 3),
                }
                for track_id, one in found.tracks.items()
            },
            "moments": [_moment_dict(found, rank) for rank in range(len(found.moments))],
            "notes": list(self.notes),
        }


def review_run(
    run: str | Path,
    output: str | Path | None = None,
    *,
    video: str | Path | None = None,
    top: int = DEFAULT_TOP,
    low_confidence: float = LOW_CONFIDENCE,
    fail_under: float | None = None,
    overwrite: bool = False,
) -> ReviewSummary:
    """Look for doubtful moments in a run; write a page and a table about them.

    The store is read once in order, then at the moments shown; no mask is kept.

    Args:
        run: A run folder or its tracks.db.
        output: The page; None is review.html in the run folder. The table is beside it, ".csv".
        video: Where the source is now; None takes it from where it was, or does without.
        top: Most moments on the page; the table has all of them.
        low_confidence: A visible object is doubted under this confidence.
        fail_under: Limit of the lowest of the objects' mean confidences.
        overwrite: Whether a page and a table that exist may be replaced.

    Raises:
        DatasetError: If the run cannot be read.
        VideoError: If the video given cannot be read.
        OutputError: If the page must not or cannot be written.
        ConfigError: If a number is out of range.
    """
    _check(top, low_confidence, fail_under)
    with RunStore.open(run) as store:
        page = Path(output) if output is not None else store.path.parent / REVIEW_NAME
        table = page.with_suffix(".csv")
        _check_places((page, table), overwrite=overwrite)
        manifest = dict(store.manifest)
        pictures = find_pictures(store, given=video)
        found = survey_results(store.results(), store.info.size, low_confidence=low_confidence)
        thumbnails, notes = draw_moments(found.moments[:top], found.around, store.result, pictures)
        title = Path(store.info.path).name or store.path.parent.name
    notes = (*_run_notes(manifest, found), *notes)
    content = Content(
        title=title,
        survey=found,
        thumbnails=thumbnails,
        manifest=manifest,
        notes=notes,
        fail_under=fail_under,
        table_name=table.name,
    )
    write_whole(page, render_page(content).encode("utf-8", "xmlcharrefreplace"))
    write_moments(table, found)
    return ReviewSummary(page=page, table=table, survey=found, notes=notes, fail_under=fail_under)


def _check(top: int, low_confidence: float, fail_under: float | None) -> None:
    if top < 0:
        raise ConfigError(f"top is 0 or more, got {top}")
    for name, value in (("low_confidence", low_confidence), ("fail_under", fail_under)):
        if value is not None and not 0 <= value <= 1:
            raise ConfigError(f"{name} is 0 to 1, got {value}")


def _check_places(paths: Sequence[Path], *, overwrite: bool) -> None:
    page, table = paths
    if page == table:
        raise OutputError(f"{page}: a page has another suffix than .csv, its table's")
    for path in paths:
        if path.is_dir():
            raise OutputError(f"{path}: is a folder, expected the name of a file")
        if path.exists() and not overwrite:
            raise OutputError(f"{path}: exists already; name another, or --overwrite")
        if not path.parent.is_dir():
            raise OutputError(f"{path}: its folder {path.parent} does not exist")


def _run_notes(manifest: Mapping[str, Any], found: Survey) -> list[str]:
    notes = [f"The run says: {text}" for text in manifest.get("problems") or ()]
    status = manifest.get("status")
    if status not in (None, "complete"):
        notes.append(f"The run is {status}: this is what there is of it.")
    if found.left_out_count:
        notes.append(f"{found.left_out_count} less doubtful stretches are left out.")
    return notes


def _moment_dict(found: Survey, index: int) -> dict[str, Any]:
    moment = found.moments[index]
    main = moment.main
    return {
        "rank": index + 1,
        "score": round(moment.score, 4),
        "id": moment.track_id,
        "other_ids": list(moment.other_ids),
        "frame": main.peak.frame,
        "time": round(float(main.peak.time), 6),
        "timecode": timecode(main.peak.time),
        "from_frame": main.first.frame,
        "to_frame": main.last.frame,
        "reasons": [
            {"cause": one.cause.value, "text": one.text, "score": round(one.score, 4)}
            for one in moment.reasons
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)

"""Doubtful moments as a CSV table."""

import csv
import io
from pathlib import Path

from track_anything.files import write_whole
from track_anything.io.tables import decimal_seconds
from track_anything.review.survey import Survey
from track_anything.review.words import timecode

COLUMNS = (
    "rank",
    "score",
    "id",
    "name",
    "frame",
    "time",
    "timecode",
    "from_frame",
    "to_frame",
    "from_time",
    "to_time",
    "confidence",
    "other_ids",
    "causes",
    "reason",
)


def write_moments(path: Path, survey: Survey) -> None:
    """Write every moment, the most doubtful first, one row each.

    Times are seconds with six decimals; from and to are those of the main reason, inclusive.

    Raises:
        OutputError: If it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for rank, moment in enumerate(survey.moments, start=1):
        main = moment.main
        confidence = survey.confidence_at(moment.track_id, main.peak.frame)
        writer.writerow(
            (
                rank,
                f"{moment.score:.4f}",
                moment.track_id,
                survey.tracks[moment.track_id].label if moment.track_id in survey.tracks else "",
                main.peak.frame,
                decimal_seconds(main.peak.time),
                timecode(main.peak.time),
                main.first.frame,
                main.last.frame,
                decimal_seconds(main.first.time),
                decimal_seconds(main.last.time),
                "" if confidence is None else f"{confidence:.4f}",
                " ".join(map(str, moment.other_ids)),
                "; ".join(reason.cause for reason in moment.reasons),
                moment.text,
            )
        )
    write_whole(path, text.getvalue().encode())

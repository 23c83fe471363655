"""track-anything review: where to look in a run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .formats import json_text
from .talk import Talk, quiet_option, verbose_option, warn_on_stderr

if TYPE_CHECKING:
    from track_anything.review import ReviewSummary

UNDER_LIMIT = 3
_TOP, _LISTED = 30, 10


@click.command("review", short_help="Tell where a run is doubtful, as a page.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="PAGE.html",
    type=click.Path(path_type=Path),
    help="The page; the table is beside it with the suffix .csv.  [default: RUN/review.html]",
)
@click.option(
    "--input",
    "video",
    metavar="VIDEO",
    type=click.Path(path_type=Path),
    help="Where the video is now, if not where it was tracked.",
)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 1),
    metavar="X",
    help="Exit with 3 if the mean confidence of the object with the lowest is under X, 0 to 1.",
)
@click.option(
    "--top",
    type=click.IntRange(0),
    default=_TOP,
    show_default=True,
    help="Most moments on the page, with pictures; the table has all of them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.option("--overwrite", is_flag=True, help="Replace a page and a table that exist.")
@quiet_option
@verbose_option
@click.pass_context
def command(
    ctx: click.Context,
    run: Path,
    output: Path | None,
    video: Path | None,
    fail_under: float | None,
    top: int,
    as_json: bool,
    overwrite: bool,
) -> None:
    """Tell where a RUN is doubtful: a page with plots and pictures, and a table.

    \b
        track-anything review run
        track-anything review run -o check.html --fail-under 0.6
    """
    from track_anything.review import review_run

    talk: Talk = ctx.obj
    with talk.log_lines(warn_on_stderr):
        summary = review_run(
            run,
            output,
            video=video,
            top=top,
            fail_under=fail_under,
            overwrite=overwrite,
        )
    for note in summary.notes:
        talk.say(f"Note: {note}")
    click.echo(json_text(summary.to_dict()) if as_json else _text(summary))
    if summary.is_failed:
        click.echo(summary.verdict, err=True)
        ctx.exit(UNDER_LIMIT)


def _text(summary: "ReviewSummary") -> str:
    from track_anything.review.words import counted, timecode

    found = summary.survey
    lines = [
        f"{summary.page}: {counted(len(found.moments), 'doubtful moment')} "
        f"on {counted(len(found.frames), 'frame')}; all of them in {summary.table}",
        f"  {summary.verdict}",
    ]
    for rank, moment in enumerate(found.moments[:_LISTED], start=1):
        main = moment.main
        lines.append(
            f"  {rank:>3}  {moment.score:.2f}  {timecode(main.peak.time)}  "
            f"{found.name_of(moment.track_id)}: {main.text}"
        )
    return "\n".join(lines)

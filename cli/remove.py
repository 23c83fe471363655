"""track-anything remove: a video without some of its objects."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .formats import json_text
from .signals import terminable
from .talk import Talk, quiet_option, verbose_option, warn_on_stderr

if TYPE_CHECKING:
    from track_anything.remove_objects import RemovalSummary

# Written out, for the library is imported only when the command runs; a test compares them.
DILATE, LOOK = 15, 120


@click.command("remove", short_help="Write a video without some of its objects.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--objects",
    metavar="IDS|NAMES",
    multiple=True,
    required=True,
    help="What is removed, with commas: ids or names. May be repeated.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="The video, .mp4, .mov or .mkv, with the source's sound and times.",
)
@click.option(
    "--dilate",
    type=click.IntRange(0, 500),
    default=DILATE,
    show_default=True,
    help="Pixels by which masks are grown: more takes soft edges and near shadows away as well.",
)
@click.option(
    "--look",
    type=click.IntRange(0, 5000),
    default=LOOK,
    show_default=True,
    help="Frames before and after in which the background is looked for: more finds more, slower.",
)
@click.option(
    "--input",
    "video",
    metavar="VIDEO",
    help="Where the source video is now, if the run found it elsewhere.",
)
@click.option("--overwrite", is_flag=True, help="Replace the output if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@quiet_option
@verbose_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    run: Path,
    objects: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Write the video of RUN, the folder of a run, without some of its objects.

    What was behind them is taken from other frames; what no frame shows is made up.

    \b
        track-anything remove run --objects 2,3 -o clean.mp4
        track-anything remove run --objects ball --dilate 25 --look 300 -o clean.mp4
    """
    from track_anything.remove_objects import execute_removal, plan_removal

    from .progress import progress

    talk: Talk = ctx.obj
    parts = [part.strip() for text in objects for part in text.split(",")]
    chosen = [part for part in parts if part]
    if not chosen:
        raise click.UsageError("--objects names no object", ctx)
    with talk.log_lines(warn_on_stderr):
        planned = plan_removal(run, objects=chosen, **options)
    with closing(planned), terminable(), progress(talk, planned.info) as (sink, _):
        summary = execute_removal(planned, sinks=[sink])
    click.echo(json_text(summary.to_dict()) if as_json else _text(summary))


def _text(summary: "RemovalSummary") -> str:
    ids = ", ".join(map(str, summary.track_ids))
    line = (
        f"{summary.output}: {summary.frames} frames without {ids} "
        f"({summary.changed_frames} changed) in {summary.seconds:.1f} s"
    )
    counts = summary.counts
    total = counts.seen + counts.carried + counts.invented if counts is not None else 0
    if counts is None or not total:
        return line
    seen, carried, invented = (
        f"{100 * part / total:.1f} %" for part in (counts.seen, counts.carried, counts.invented)
    )
    return (
        f"{line}\n  filled pixels: {seen} seen in other frames, {carried} carried on, "
        f"{invented} made up"
    )

"""track-anything check: whether a run comes back to where it began."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .formats import json_text
from .talk import Talk, quiet_option, verbose_option

if TYPE_CHECKING:
    from track_anything.self_check import ObjectCheck, SelfCheck

UNDER_LIMIT = 3
_LISTED = 3


@click.command("check", short_help="Tell whether a run comes back to where it began.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 1),
    metavar="X",
    help="Exit with 3 if the mean agreement of the object with the lowest is under X, 0 to 1.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@quiet_option
@verbose_option
@click.pass_context
def command(ctx: click.Context, run: Path, fail_under: float | None, as_json: bool) -> None:
    """Track every object of a RUN back from its end, and tell where the two ways do not agree.

    No truth is needed, and no mask is changed. What was found is also in RUN/run.json, as "check".

    \b
        track-anything check run
        track-anything check run --json --fail-under 0.6
    """
    found = checked(ctx.obj, run)
    click.echo(json_text(found.to_dict()) if as_json else check_text(found))
    lowest = found.lowest_iou
    if fail_under is not None and lowest is not None and lowest < fail_under:
        click.echo(f"The lowest agreement, {lowest:.3f}, is under {fail_under:g}.", err=True)
        ctx.exit(UNDER_LIMIT)


def checked(talk: Talk, run: Path) -> "SelfCheck":
    """What a check of a run finds; how far it is goes to standard error."""
    from track_anything.io.run_store import RunStore
    from track_anything.self_check import check_run, planned_frames

    from .progress import progress
    from .signals import terminable

    with RunStore.open(run) as store:
        info = store.info
    info = replace(info, frame_count=planned_frames(run))
    with terminable(), progress(talk, info) as (sink, _):
        return check_run(run, watch=[sink])


def check_text(found: "SelfCheck") -> str:
    """A table of a check, and below it where each object does not agree."""
    from track_anything.review.words import MISSING, counted, share, timecode

    head = ("object", "mean IoU", "above .5", "return IoU", "frames")
    rows = [head]
    for one in found.objects:
        numbers = (share(one.mean_iou), share(one.agreeing_share), share(one.return_iou))
        frames = str(one.compared_frames) if one.checked_from is not None else MISSING
        rows.append((_title(one), *numbers, frames))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            [first.ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        )
        for first, *rest in rows
    ]
    for one in found.objects:
        stretches = sorted(one.disagreements, key=lambda part: part.first_frame - part.last_frame)
        places = [
            timecode(part.start)
            if part.first_frame == part.last_frame
            else f"{timecode(part.start)} to {timecode(part.end)}"
            for part in sorted(stretches[:_LISTED], key=lambda part: part.first_frame)
        ]
        if places:
            more = len(stretches) - len(places)
            rest = f", and for shorter on {counted(more, 'other occasion')}" * bool(more)
            lines.append(f"{_title(one)} does not agree at {', '.join(places)}{rest}")
    return "\n".join(lines)


def _title(one: "ObjectCheck") -> str:
    return f"{one.track_id} {one.name or '(no name)'}"

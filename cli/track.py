"""track-anything track: the main command."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from track_anything.config import DIRECTIONS, OVERLAP_RULES, REPROMPT_MODES, STYLE_PARTS

from .check import check_text, checked
from .engine_options import (
    DEFAULTS,
    device_option,
    discovery_options,
    max_side_option,
    segmenter_option,
    tracker_options,
)
from .formats import json_text
from .prompt_options import PromptCommand, parse_moment, prompt_options
from .signals import Terminated, terminable
from .talk import Talk, quiet_option, verbose_option
from .track_job import make_work, parse_style

if TYPE_CHECKING:
    from track_anything.execution import RunSummary
    from track_anything.job import Plan

INCOMPLETE, UNDER_LIMIT, INTERRUPTED, TERMINATED = 1, 3, 130, 143


@click.command("track", cls=PromptCommand, short_help="Follow objects through a video.")
@click.argument("video", metavar="INPUT")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder for the results; created if it is not there. Needed but for --resume RUN.",
)
@prompt_options
@click.option(
    "-ss",
    "start",
    metavar="TIME",
    callback=parse_moment,
    help="First moment tracked: seconds or HH:MM:SS.ms of the source's clock, or a frame as 250f.",
)
@click.option("-to", "end", metavar="TIME", callback=parse_moment, help="First moment left out.")
@click.option(
    "-t",
    "duration",
    metavar="TIME",
    callback=parse_moment,
    help="How much is tracked; instead of -to.",
)
@max_side_option("Scale frames down to this longest side in pixels: faster, coarser.")
@segmenter_option()
@device_option
@click.option(
    "--reprompt",
    type=click.Choice(REPROMPT_MODES),
    default=DEFAULTS.tracker.reprompt.mode,
    show_default=True,
    help="Ask the segmenter again about tracks in doubt; auto trusts it by how good it is.",
)
@tracker_options
@discovery_options
@click.option(
    "--direction",
    type=click.Choice(DIRECTIONS),
    default=DEFAULTS.direction,
    show_default=True,
    help="Where objects are followed from their first prompts: forward to the end, backward to the "
    "beginning and no further than the prompt, or both. Backward reads the video again.",
)
@click.option(
    "--overlaps",
    type=click.Choice(OVERLAP_RULES),
    default=DEFAULTS.tracker.overlaps,
    show_default=True,
    help="first: a contested pixel goes to the object prompted first; keep: masks may overlap.",
)
@click.option(
    "--style",
    callback=parse_style,
    default=",".join(DEFAULTS.style.parts),
    show_default=True,
    metavar="PARTS",
    help=f"What is drawn: any of {','.join(STYLE_PARTS)}.",
)
@click.option(
    "--crf",
    type=click.IntRange(0, 51),
    default=DEFAULTS.write.crf,
    show_default=True,
    help="Quality of the annotated video; 0 is lossless and large.",
)
@click.option("--no-video", is_flag=True, help="Do not write annotated.mp4.")
@click.option("--no-masks", is_flag=True, help="Do not write masks/00000.png and on.")
@click.option("--object-masks", is_flag=True, help="Also write objects/0001/00000.png and on.")
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace an earlier run; its review page and exports go too, other files stay.",
)
@click.option(
    "--continue",
    "corrects",
    is_flag=True,
    help="Correct a complete run, whose folder is INPUT: prompts on any of its frames, of objects "
    "by name or of new ones. Only what they concern is tracked again, up to the frames before and "
    "after on which you said something of the object; all files are written again.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with a run that was stopped, with the masks of one that never was: give the same "
    "command again, or its folder as INPUT and nothing else.",
)
@click.option(
    "--seed",
    type=int,
    default=DEFAULTS.seed,
    show_default=True,
    help="Fixes every random choice: the same seed gives the same masks.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="TOML file with settings; options of the command line win over it.",
)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 1),
    metavar="X",
    help="Exit with 3 if the mean confidence of the objects is under X, 0 to 1.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Then track back from the end and tell where the two ways do not agree; changes no mask.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--dry-run", is_flag=True, help="Check everything, print the plan, write nothing.")
@quiet_option
@verbose_option
@click.pass_context
def command(
    ctx: click.Context, /, as_json: bool, dry_run: bool, check: bool, **options: Any
) -> None:
    """Follow objects through INPUT: a video, a folder of pictures, or - for standard input.

    \b
        track-anything track clip.mp4 --box 120,80,260,310 -o run
        track-anything track match.mp4 --prompts players.yaml -ss 10 -t 20 -o run --json
        track-anything track street.mp4 --discover --motion-only -o run
        track-anything track --continue run --box dog=300,200,420,310@4.2
    """
    from track_anything.backward import expected_frames
    from track_anything.execution import execute

    from .progress import progress

    talk: Talk = ctx.obj
    with talk.log_lines(lambda text: click.echo(text, err=True)):
        work = make_work(ctx, options)
    if work is None:
        folder = options["output"] or options["video"]
        talk.say(f"{folder}: is complete, nothing is left to do.")
        return
    planned = work.plan
    with closing(planned):
        if dry_run:
            click.echo(json_text(planned.to_dict()) if as_json else _plan_text(planned))
            return
        talk.say(f"Segmenter: {planned.segmenter.name}, {planned.reason}.")
        for line in work.notes:
            talk.say(line)
        frames = 0
        try:
            with terminable():
                if work.prepare is not None:
                    with talk.log_lines(lambda text: click.echo(text, err=True)):
                        work.prepare(talk.say)
                info = replace(planned.info, frame_count=expected_frames(planned))
                with progress(talk, info) as (sink, count):
                    try:
                        summary = execute(planned, watch=[sink])
                    finally:
                        frames = count.frames
        except KeyboardInterrupt as error:
            click.echo(f"Interrupted: {_left(planned, frames)}.", err=True)
            ctx.exit(TERMINATED if isinstance(error, Terminated) else INTERRUPTED)
    found = checked(talk, summary.output) if check and summary.output is not None else None
    if as_json:
        said = {} if found is None else {"check": found.to_dict()}
        click.echo(json_text({**summary.to_dict(), **said}))
    else:
        click.echo(_summary_text(summary))
        if found is not None:
            click.echo(check_text(found))
    _exit(ctx, summary, options["fail_under"])


def _left(planned: "Plan", frames: int) -> str:
    if not frames:
        return "no frame yet"
    folder = planned.job.output
    is_one_pass = planned.job.config.direction == "forward"
    frames_text = "what there is" + f" of {frames} frames" * is_one_pass
    again = f"; `track-anything track --resume {folder}` goes on" * (planned.job.input != "-")
    return f"{frames_text} is in {folder}{again}"


def _exit(ctx: click.Context, summary: "RunSummary", fail_under: float | None) -> None:
    if summary.problems:
        ctx.exit(INCOMPLETE)
    if fail_under is not None and summary.mean_confidence < fail_under:
        click.echo(
            f"The mean confidence, {summary.mean_confidence:.3f}, is under {fail_under:g}.",
            err=True,
        )
        ctx.exit(UNDER_LIMIT)


def _plan_text(planned: "Plan") -> str:
    info, job = planned.info, planned.job
    count = "unknown" if info.frame_count is None else f"about {info.frame_count}"
    parts = [name for name in ("video", "masks", "object_masks") if getattr(job.parts, name)]
    lines = [
        f"input      {job.input}: {info.width}x{info.height}, "
        f"{float(info.frame_rate):.5g} frames/s, frames: {count}",
        f"output     {job.output}: {', '.join([*parts, 'tables']).replace('_', ' ')}",
        f"segmenter  {planned.segmenter.name}: {planned.reason}",
        f"reprompt   {job.config.tracker.reprompt.mode}",
        f"direction  {job.config.direction}",
    ]
    for item in planned.schedule.to_dict()["objects"]:
        times = ", ".join(str(prompt["at"]) for prompt in item["prompts"])
        lines.append(f"object {item['id']:<4}{item['name'] or '(no name)'}: prompts at {times}")
    return "\n".join(lines)


def _summary_text(summary: "RunSummary") -> str:
    lines = [
        f"{summary.output}: {summary.frames} frames in {summary.seconds:.1f} s, "
        f"{summary.frames_per_second:.1f} frames/s"
    ]
    for track_id, one in summary.objects.items():
        confidence = one["mean_confidence"]
        seen = f"seen on {one['visible_frames']} frames"
        seen += "" if confidence is None else f", mean confidence {confidence:.2f}"
        lines.append(f"  {track_id:>3} {one['name'] or '(no name)'}: {seen}")
    return "\n".join(lines)

"""What the options of `track` stand for: settings, and the job they make."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from track_anything.config import RunConfig, load_config, with_values
from track_anything.errors import ConfigError

from .engine_options import DEFAULTS
from .prompt_options import objects_of

if TYPE_CHECKING:
    from track_anything.job import Job, Plan

# Where an option belongs in the config; the others are not settings.
_SETTINGS = {
    "segmenter": ("segmenter",),
    "seed": ("seed",),
    "direction": ("direction",),
    "max_side": ("read", "max_side"),
    "crf": ("write", "crf"),
    "style": ("style", "parts"),
    "overlaps": ("tracker", "overlaps"),
    "reprompt": ("tracker", "reprompt", "mode"),
    "reprompt_budget": ("tracker", "reprompt", "budget"),
    "look_back": ("tracker", "look_back", "frames"),
    "cuts": ("tracker", "cuts"),
    "discover": ("discovery", "is_on"),
    "everything": ("discovery", "everything"),
    "discover_every": ("discovery", "every_frames"),
    "motion_only": ("discovery", "motion_only"),
    "max_objects": ("discovery", "max_objects"),
    "zones": ("discovery", "zones"),
    "min_area": ("discovery", "min_area"),
    "max_area": ("discovery", "max_area"),
}
_OF_DISCOVERY = tuple(name for name, path in _SETTINGS.items() if path[0] == "discovery")


def parse_style(ctx: click.Context, _: click.Parameter, text: str) -> tuple[str, ...]:
    """What is drawn, from the text of an option."""
    parts = tuple(part for part in (one.strip() for one in text.split(",")) if part)
    try:
        with_values(DEFAULTS, {"style": {"parts": parts}})
    except ConfigError as error:
        raise click.UsageError(f"--style: {error}", ctx) from error
    return parts


LATE_SECONDS = 1
"""From the first frame to an object's first prompt, before which it is worth a hint that nothing
is tracked there."""

# What says how a run is told of, not what is done: allowed beside the folder of a run.
_TALK = ("video", "as_json", "dry_run", "fail_under", "check", "quiet", "verbose")
_PROMPTS = (
    "boxes",
    "points",
    "background_points",
    "mask_files",
    "prompt_file",
    "every_prompt",
)


@dataclass(frozen=True)
class Work:
    """What a command line asks for, checked.

    Attributes:
        plan: What is written.
        prepare: What is done before, with a place for lines about it; None is nothing.
        notes: What is said before.
    """

    plan: "Plan"
    prepare: Callable[[Callable[[str], None]], None] | None = None
    notes: tuple[str, ...] = ()


def make_work(ctx: click.Context, options: Mapping[str, Any]) -> Work | None:
    """What a command line asks for; None to resume what is complete."""
    if options["corrects"] and options["resume"]:
        raise click.UsageError("--continue is for a complete run, --resume for one that is not")
    if options["corrects"]:
        return _correction(ctx, options)
    planned = _plan(ctx, options)
    if planned is None:
        return None
    notes: tuple[str, ...] = ()
    if planned.resumption is not None:
        notes = (f"Resumed: frames before {planned.resumption.next_result} are in the store.",)
    else:
        notes = _late(planned)
    return Work(planned, notes=notes)


def _late(planned: "Plan") -> tuple[str, ...]:
    """That objects prompted late can be followed back, where that was not asked for."""
    from track_anything.backward import first_moments

    if planned.job.config.direction != "forward" or planned.job.input == "-":
        return ()
    late = [title for title, time in first_moments(planned).items() if time > LATE_SECONDS]
    if not late:
        return ()
    more = f" and {len(late) - 1} more" * (len(late) > 1)
    return (
        f"Hint: {late[0]}{more} is first prompted later than {LATE_SECONDS} s into the clip; "
        "--direction both follows back to the beginning too.",
    )


def _plan(ctx: click.Context, options: Mapping[str, Any]) -> "Plan | None":
    from track_anything.job import plan
    from track_anything.resume import is_run, plan_to_resume, was_stopped_at_birth

    folder = options["output"]
    if options["resume"] and folder is None and is_run(options["video"]):
        _check_alone(ctx, "--resume with the folder of a run", (*_TALK, "resume"))
        return plan_to_resume(Path(options["video"]))
    if folder is None:
        raise click.UsageError("Missing option '-o' / '--output'.", ctx)
    job = make_job(ctx, options)
    if options["resume"] and is_run(folder):
        return plan_to_resume(folder, job=job)
    if options["resume"] and was_stopped_at_birth(folder):
        job = replace(job, overwrite=True)
    return plan(job)


def _correction(ctx: click.Context, options: Mapping[str, Any]) -> Work:
    from track_anything.revise import plan_revision, track_again

    _check_alone(ctx, "--continue", (*_TALK, *_PROMPTS, "corrects"))
    objects = objects_of(ctx, options, verb="correct", corrects=True)
    revision = plan_revision(Path(options["video"]), objects)
    return Work(revision.plan, lambda tell: track_again(revision, tell))


def _check_alone(ctx: click.Context, what: str, allowed: Sequence[str]) -> None:
    for parameter in ctx.command.params:
        name = str(parameter.name)
        source = ctx.get_parameter_source(name)
        if source is click.core.ParameterSource.COMMANDLINE and name not in allowed:
            raise click.UsageError(
                f"{what} takes all else from the run: leave out {parameter.opts[0]}", ctx
            )


def make_job(ctx: click.Context, options: Mapping[str, Any]) -> "Job":
    """The job that a command line asks for."""
    from track_anything.build import OutputParts
    from track_anything.job import Job

    files = (options["prompt_file"], options["config_file"])
    config = _config(ctx, options)
    finds = config.discovery.is_needed
    _check_discovery(ctx, config)
    return Job(
        input=options["video"],
        prompts=objects_of(ctx, options, verb="follow", may_be_none=finds),
        output=options["output"],
        config=config,
        device=options["device"],
        start=options["start"],
        end=options["end"],
        duration=options["duration"],
        overwrite=options["overwrite"],
        parts=OutputParts(
            video=not options["no_video"],
            masks=not options["no_masks"],
            object_masks=options["object_masks"],
        ),
        used_files=tuple(file for file in files if file is not None),
    )


def _check_discovery(ctx: click.Context, config: RunConfig) -> None:
    """Refuse options about discovery where nothing is discovered."""
    if config.discovery.is_on:
        return
    allowed = ("max_objects", "zones", "min_area", "max_area") * config.discovery.everything
    for parameter in ctx.command.params:
        name = str(parameter.name)
        source = ctx.get_parameter_source(name)
        is_given = source is click.core.ParameterSource.COMMANDLINE
        if is_given and name in _OF_DISCOVERY and name not in ("everything", *allowed):
            raise click.UsageError(f"{parameter.opts[0]} needs --discover", ctx)


def _config(ctx: click.Context, options: Mapping[str, Any]) -> RunConfig:
    """Defaults, then the file, then what the command line says."""
    file = options["config_file"]
    config = DEFAULTS if file is None else load_config(file)
    for name, path in _SETTINGS.items():
        if ctx.get_parameter_source(name) is click.core.ParameterSource.DEFAULT:
            continue
        value: Any = options[name]
        for key in reversed(path):
            value = {key: value}
        try:
            config = with_values(config, value)
        except ConfigError as error:
            raise click.UsageError(str(error), ctx) from error
    return config

"""What the options of `track` stand for: prompts, times, settings, and the job they make."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from track_anything.config import RunConfig, load_config, with_values
from track_anything.errors import ConfigError, PromptError

if TYPE_CHECKING:
    from track_anything.job import Job
    from track_anything.prompts import ObjectSpec, TimeCode

DEFAULTS = RunConfig()

# Where an option belongs in the config; the others are not settings.
_SETTINGS = {
    "segmenter": ("segmenter",),
    "seed": ("seed",),
    "max_side": ("read", "max_side"),
    "crf": ("write", "crf"),
    "style": ("style", "parts"),
    "overlaps": ("tracker", "overlaps"),
    "reprompt": ("tracker", "reprompt", "mode"),
}
_PARSERS = {
    "boxes": "parse_box",
    "points": "parse_point",
    "background_points": "parse_background_point",
    "mask_files": "parse_mask",
}


class TrackCommand(click.Command):
    """Keeps the order of the options: ids of objects count in the order of first mention."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click; the options' names in order are in ctx.meta."""
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        ctx.meta["order"] = [parameter.name for parameter in order]
        return super().parse_args(ctx, args)


def parse_prompts(
    ctx: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> list[Any]:
    """Prompts from the texts of one option."""
    from track_anything import prompts

    try:
        return [getattr(prompts, _PARSERS[str(parameter.name)])(text) for text in texts]
    except PromptError as error:
        raise click.UsageError(str(error), ctx) from error


def parse_moment(
    ctx: click.Context, parameter: click.Parameter, text: str | None
) -> "TimeCode | None":
    """A moment from the text of an option."""
    from track_anything.prompts import parse_time

    try:
        return None if text is None else parse_time(text)
    except PromptError as error:
        raise click.UsageError(f"{parameter.opts[0]}: {error}", ctx) from error


def parse_style(ctx: click.Context, _: click.Parameter, text: str) -> tuple[str, ...]:
    """What is drawn, from the text of an option."""
    parts = tuple(part for part in (one.strip() for one in text.split(",")) if part)
    try:
        with_values(DEFAULTS, {"style": {"parts": parts}})
    except ConfigError as error:
        raise click.UsageError(f"--style: {error}", ctx) from error
    return parts


def make_job(ctx: click.Context, options: Mapping[str, Any]) -> "Job":
    """The job that a command line asks for."""
    from track_anything.build import OutputParts
    from track_anything.job import Job

    files = (options["prompt_file"], options["config_file"])
    return Job(
        input=options["video"],
        prompts=_objects(ctx, options),
        output=options["output"],
        config=_config(ctx, options),
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


def _objects(ctx: click.Context, options: Mapping[str, Any]) -> "tuple[ObjectSpec, ...]":
    from track_anything.prompts import objects_from_options, read_prompt_file

    waiting = {name: iter(options[name]) for name in _PARSERS}
    specs = [next(waiting[name]) for name in ctx.meta["order"] if name in waiting]
    file = options["prompt_file"]
    if not specs and file is None:
        raise click.UsageError("say what to follow with --box, --point, --mask or --prompts", ctx)
    from_file = [] if file is None else read_prompt_file(file)
    try:
        return (*from_file, *objects_from_options(specs))
    except PromptError as error:
        raise click.UsageError(str(error), ctx) from error


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

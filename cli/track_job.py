"""What the options of `track` stand for: settings, and the job they make."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from track_anything.config import RunConfig, load_config, with_values
from track_anything.errors import ConfigError

from .engine_options import DEFAULTS
from .prompt_options import objects_of

if TYPE_CHECKING:
    from track_anything.job import Job

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
        prompts=objects_of(ctx, options, verb="follow"),
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

"""track-anything export: a run in other formats."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from track_anything.config import read_settings

from .formats import json_text
from .prompt_options import parse_moment
from .signals import terminable
from .talk import Talk, quiet_option, verbose_option, warn_on_stderr

if TYPE_CHECKING:
    from track_anything.export import ExportSummary, ExportTarget


def parse_targets(
    ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> list[tuple[str, str | None]]:
    """(format, path or None) of each --to."""
    targets = []
    for text in texts:
        name, equals, path = text.partition("=")
        if not name.strip() or (equals and not path.strip()):
            raise click.UsageError(f"--to is FORMAT or FORMAT=PATH, got {text!r}", ctx)
        targets.append((name.strip(), path.strip() or None))
    return targets


def parse_settings(
    ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, dict[str, str]]:
    """Options by format, from each --set."""
    options: dict[str, dict[str, str]] = {}
    for text in texts:
        place, equals, value = text.partition("=")
        name, dot, option = place.strip().partition(".")
        if not (equals and dot and name and option):
            raise click.UsageError(f"--set is FORMAT.OPTION=VALUE, got {text!r}", ctx)
        options.setdefault(name, {})[option] = value.strip()
    return options


@click.command("export", short_help="Write a run in other formats.")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option(
    "--to",
    "targets",
    metavar="FORMAT[=PATH]",
    multiple=True,
    callback=parse_targets,
    help="A format, and where; without PATH into RUN/exports. May be repeated: all are written in "
    "one pass.",
)
@click.option(
    "--set",
    "options",
    metavar="FORMAT.OPTION=VALUE",
    multiple=True,
    callback=parse_settings,
    help="An option of a format; --list tells them. May be repeated.",
)
@click.option(
    "--objects",
    metavar="IDS|NAMES",
    multiple=True,
    help="Only these objects, with commas: ids or names. May be repeated.",
)
@click.option(
    "-ss",
    "start",
    metavar="TIME",
    callback=parse_moment,
    help="First moment written: seconds or HH:MM:SS.ms of the source's clock, or a frame of the "
    "run as 250f.",
)
@click.option("-to", "end", metavar="TIME", callback=parse_moment, help="First moment left out.")
@click.option(
    "--stride",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Write every how manieth frame.",
)
@click.option(
    "--input",
    "video",
    metavar="VIDEO",
    help="Where the source video is now; it is read only for formats that show its pictures.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="TOML file whose [style] and [write] stand above those of the run.",
)
@click.option("--overwrite", is_flag=True, help="Replace earlier exports.")
@click.option("--list", "is_list", is_flag=True, help="Tell all formats and their options.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@quiet_option
@verbose_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    run: Path | None,
    targets: list[tuple[str, str | None]],
    options: dict[str, dict[str, str]],
    is_list: bool,
    as_json: bool,
    config_file: Path | None,
    objects: tuple[str, ...],
    **rest: Any,
) -> None:
    """Write RUN, the folder of a run, in other formats, without tracking again.

    \b
        track-anything export run --to coco --to yolo --stride 5
        track-anything export run --to video=red.mp4 --set video.style=box,trace --objects "red 7"
    """
    if is_list:
        click.echo(json_text(_format_rows()) if as_json else _format_text())
        return
    if run is None:
        raise click.UsageError("Missing argument 'RUN'.", ctx)
    chosen = _targets(ctx, targets, options)
    from track_anything.export import execute_export, plan_export

    from .progress import progress

    talk: Talk = ctx.obj
    with talk.log_lines(warn_on_stderr):
        planned = plan_export(
            run,
            chosen,
            objects=_split(objects),
            settings=None if config_file is None else read_settings(config_file),
            **rest,
        )
    with closing(planned), terminable(), progress(talk, planned.info) as (sink, _):
        summary = execute_export(planned, sinks=[sink])
    click.echo(json_text(summary.to_dict()) if as_json else _summary_text(summary))


def _targets(
    ctx: click.Context,
    targets: list[tuple[str, str | None]],
    options: dict[str, dict[str, str]],
) -> list["ExportTarget"]:
    from track_anything.export import FORMATS, ExportTarget

    if not targets:
        raise click.UsageError("say a format with --to; --list tells them", ctx)
    for name, _ in targets:
        if name not in FORMATS:
            raise click.UsageError(f"--to: a format is {', '.join(FORMATS)}; got {name!r}", ctx)
    for name in options:
        if name not in [target for target, _ in targets]:
            raise click.UsageError(f"--set: {name!r} is not among the formats of --to", ctx)
    return [ExportTarget(name, path, options.get(name, {})) for name, path in targets]


def _split(objects: tuple[str, ...]) -> list[str]:
    parts = [part.strip() for text in objects for part in text.split(",")]
    return [part for part in parts if part]


def _format_rows() -> list[dict[str, Any]]:
    from track_anything.errors import ConfigError
    from track_anything.export import FORMATS, load_format

    rows = []
    for one in FORMATS.values():
        try:
            options = load_format(one).options.values()
        except ConfigError:
            # A format that this installation cannot write is told when it is chosen.
            continue
        rows.append(
            {
                "format": one.name,
                "text": one.text,
                "path": f"exports/{one.path}",
                "suffixes": list(one.suffixes),
                "is_folder": one.is_folder(Path(one.path)),
                "options": [
                    {
                        "name": option.name,
                        "values": option.values,
                        "default": None if option.is_needed else option.default_text,
                        "text": option.text,
                    }
                    for option in options
                ],
            }
        )
    return rows


def _format_text() -> str:
    lines = []
    for row in _format_rows():
        place = f"{row['path']}{'/' * row['is_folder']}"
        lines.append(f"{row['format']:<9}{row['text']}")
        others = [suffix or "a folder" for suffix in row["suffixes"][1:]]
        lines.append(f"{'':<9}RUN/{place}" + (f"; or {', '.join(others)}" if others else ""))
        for option in row["options"]:
            place = f"{row['format']}.{option['name']}"
            lines.append(f"{'':<11}{place:<20} {option['text']} ({_choice(option)})")
    return "\n".join(lines)


def _choice(option: dict[str, Any]) -> str:
    if option["default"] is None:
        return f"{option['values']}; must be given"
    if option["default"] in ("none", ""):
        return str(option["values"]).removesuffix(" or none")
    return f"{option['values']}; default {option['default']}"


def _summary_text(summary: "ExportSummary") -> str:
    count = len(summary.track_ids)
    lines = [
        f"{summary.run}: {summary.frames} frames, {count} object{'s' * (count != 1)} in "
        f"{summary.seconds:.1f} s"
    ]
    return "\n".join([*lines, *(f"  {name:<9}{path}" for name, path in summary.outputs)])

"""Options of every command that makes masks: who makes them, where, on frames of which size."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from track_anything.config import CUT_RULES, RunConfig
from track_anything.errors import ConfigError
from track_anything.zones import parse_zone, read_zones

DEFAULTS = RunConfig()

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_WHO = (
    "Who makes masks of boxes and points: compact, grabcut, none, a checkpoint of SAM (a path, or "
    "the name of one that is cached), or auto for the best whose weights are here."
)


def segmenter_option(text: str = _WHO) -> Decorator:
    """The option --segmenter, with another help text where it means something else."""
    return click.option(
        "--segmenter", default=DEFAULTS.segmenter, show_default=True, metavar="NAME", help=text
    )


def device_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --device."""
    return click.option(
        "--device",
        type=click.Choice(("auto", "cpu", "cuda", "mps")),
        default="auto",
        show_default=True,
        help="Where a segmenter with weights runs.",
    )(command)


def max_side_option(text: str) -> Decorator:
    """The option --max-side."""
    return click.option(
        "--max-side",
        type=click.IntRange(0, 65535),
        default=DEFAULTS.read.max_side,
        show_default=True,
        help=f"{text} 0 keeps the size.",
    )


def tracker_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what the tracker does in doubt and where a shot ends."""
    defaults = DEFAULTS.tracker
    options = (
        click.option(
            "--reprompt-budget",
            type=click.FloatRange(0, 100),
            default=defaults.reprompt.budget,
            show_default=True,
            metavar="N",
            help="How often the segmenter may be asked again about each object: N times in 100 "
            "frames in the long run, 0 to 100; what a sure object does not need is saved up. More "
            "follows better, as far as the segmenter is good, and slower.",
        ),
        click.option(
            "--look-back",
            type=click.IntRange(0, 1000),
            default=defaults.look_back.frames,
            show_default=True,
            metavar="N",
            help="When an object in doubt is corrected, mend up to N frames before that too, 0 to "
            "1000; N frames are kept in memory. 0 mends nothing.",
        ),
        click.option(
            "--cuts",
            type=click.Choice(CUT_RULES),
            default=defaults.cuts,
            show_default=True,
            help="Where another shot begins: reacquire looks for every object in it, end follows "
            "none any further, ignore carries on as if nothing was.",
        ),
    )
    return _with(options, command)


def discovery_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which objects are tracked that nobody prompted."""
    defaults = DEFAULTS.discovery
    options = (
        click.option(
            "--discover",
            is_flag=True,
            help="Look for new objects all along: what is seen at three looks becomes a track with "
            "an id of its own. Prompts are not needed then.",
        ),
        click.option(
            "--everything",
            is_flag=True,
            help="Track all that is seen on the first frame; with --discover new objects as well.",
        ),
        click.option(
            "--discover-every",
            type=click.IntRange(1, 10_000),
            default=defaults.every_frames,
            show_default=True,
            metavar="N",
            help="Look for new objects every N frames, 1 to 10000; a cut, or more that moves and "
            "is not tracked, brings a look sooner.",
        ),
        click.option(
            "--motion-only",
            is_flag=True,
            help="Discover only what moves by itself, whatever the camera does: much faster, and "
            "no furniture. It is so without SAM in any case.",
        ),
        click.option(
            "--max-objects",
            type=click.IntRange(1, 65_535),
            default=defaults.max_objects,
            show_default=True,
            metavar="N",
            help="Discover no more while N objects are seen, 1 to 65535, prompted ones included.",
        ),
        click.option(
            "--zone",
            "zones",
            multiple=True,
            metavar="POLYGON",
            callback=_parse_zones,
            help="Discover only what lies in it for the most part: X,Y,X,Y,X,Y ... in pixels of "
            "the source, or a text file with a polygon a line. May be repeated.",
        ),
        click.option(
            "--min-area",
            type=click.IntRange(1, 2**31),
            default=defaults.min_area,
            show_default=True,
            metavar="N",
            help="Discover nothing smaller, in pixels of the frames tracked.",
        ),
        click.option(
            "--max-area",
            type=click.FloatRange(0, 1),
            default=defaults.max_area,
            show_default=True,
            metavar="X",
            help="Discover nothing larger, as a share of the picture, 0 to 1.",
        ),
    )
    return _with(options, command)


def _with(options: Sequence[Decorator], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


def _parse_zones(ctx: click.Context, _: click.Parameter, texts: Sequence[str]) -> tuple[str, ...]:
    """Polygons as they are in the settings, those of files as well."""
    zones: list[str] = []
    try:
        for text in texts:
            if Path(text).is_file():
                zones += read_zones(Path(text))
            else:
                parse_zone(text)
                zones.append(text)
    except ConfigError as error:
        raise click.UsageError(f"--zone: {error}", ctx) from error
    return tuple(zones)

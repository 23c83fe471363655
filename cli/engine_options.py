"""Options of every command that makes masks: who makes them, where, on frames of which size."""

from collections.abc import Callable
from typing import Any

import click

from track_anything.config import CUT_RULES, RunConfig

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
    for option in reversed(options):
        command = option(command)
    return command

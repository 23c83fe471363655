"""Options of every command that makes masks: who makes them, where, on frames of which size."""

from collections.abc import Callable
from typing import Any

import click

from track_anything.config import RunConfig

DEFAULTS = RunConfig()

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_WHO = (
    "Who makes masks of boxes and points: grabcut, none, a checkpoint of SAM (a path, or the "
    "name of one that is cached), or auto for the best whose weights are here."
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

"""track-anything evaluate prompts: masks from simulated prompts, against the truth."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from track_anything.errors import ConfigError

from .engine_options import DEFAULTS, device_option
from .formats import json_text
from .talk import Talk, quiet_option, verbose_option, warn_on_stderr

if TYPE_CHECKING:
    from track_anything.interfaces import Segmenter

BESIDE = "grabcut"


@click.command("prompts")
@click.argument("root", type=click.Path(path_type=Path))
@click.option(
    "--stills",
    is_flag=True,
    help="ROOT has pictures, not videos: images/NAME.jpg and masks/NAME.png, or NAME.jpg and "
    "NAME.png side by side, or manifest.jsonl; a mask is 0 and 255 or has a label an object.",
)
@click.option(
    "--segmenter",
    "names",
    multiple=True,
    default=(DEFAULTS.segmenter,),
    show_default=True,
    metavar="NAME",
    help="As for track, or the path of a checkpoint; may be repeated.",
)
@click.option("--alone", is_flag=True, help=f"Without {BESIDE} beside the segmenters asked for.")
@device_option
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Of a video, take frames 0, this, twice this and so on.",
)
@click.option(
    "--sequence", "sequences", multiple=True, metavar="S", help="Only this one; may be repeated."
)
@click.option(
    "--kind", "kinds", multiple=True, metavar="K", help="Only this prompt; may be repeated."
)
@click.option(
    "--seed",
    "--seeds",
    "seeds",
    type=click.IntRange(min=0),
    multiple=True,
    default=(DEFAULTS.seed,),
    show_default=True,
    help="Of the simulated prompts; repeated, the scores are over all of them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@quiet_option
@verbose_option
@click.pass_obj
def command(talk: Talk, /, root: Path, stills: bool, as_json: bool, **options: Any) -> None:
    """Ask segmenters with boxes, points and previous masks made from the truth; score the masks.

    ROOT is a DAVIS folder, or with --stills a folder of pictures with masks.

    \b
        track-anything evaluate prompts DAVIS --segmenter grabcut
        track-anything evaluate prompts PICTURES --stills --segmenter sam-base --json
    """
    from track_anything.evaluation.annotated_pictures import davis_pictures, still_pictures
    from track_anything.evaluation.prompt_report import prompt_table
    from track_anything.evaluation.prompts import evaluate_prompts
    from track_anything.evaluation.report import machine

    if stills and options["sequences"]:
        raise click.UsageError("--sequence is for videos, --stills for pictures")
    if stills:
        pictures = still_pictures(root)
    else:
        sequences = options["sequences"] or None
        pictures = davis_pictures(root, every=options["every"], sequences=sequences)
    names = [*options["names"], *([] if options["alone"] else [BESIDE])]
    seeds = tuple(dict.fromkeys(options["seeds"]))
    with talk.log_lines(warn_on_stderr):
        scores = evaluate_prompts(
            _segmenters(talk, names, seed=seeds[0], device=options["device"]),
            pictures,
            seeds=seeds,
            kinds=options["kinds"] or None,
            on_picture=lambda picture: talk.say(f"{picture.name}: done"),
        )
    scores["machine"] = machine()
    click.echo(json_text(scores) if as_json else prompt_table(scores))


def _segmenters(
    talk: Talk, names: Sequence[str], *, seed: int, device: str
) -> "dict[str, Segmenter]":
    """Each once, whatever names it was asked for by."""
    from track_anything.build import build_segmenter, choose_segmenter

    specs = {}
    for name in names:
        spec, reason = choose_segmenter(name)
        if spec.name not in specs:
            talk.say(f"Segmenter: {spec.name}, {reason}.")
        specs[spec.name] = spec
    segmenters = {}
    for spec in specs.values():
        segmenter = build_segmenter(spec, seed=seed, device=device)
        if segmenter is None:
            raise ConfigError("prompts need a segmenter; none makes no masks")
        segmenters[spec.name] = segmenter
    return segmenters

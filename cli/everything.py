"""track-anything everything: all masks on one picture."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from track_anything.config import GRANULARITIES, GridConfig, RegionConfig, with_values
from track_anything.errors import ConfigError

from .engine_options import DEFAULTS, device_option, max_side_option, segmenter_option
from .formats import json_text
from .prompt_options import parse_moment
from .talk import Talk, quiet_option, verbose_option, warn_on_stderr

if TYPE_CHECKING:
    from track_anything.everything import Everything

GRID, REGIONS = GridConfig(), RegionConfig()
PROPOSERS = ("auto", "grid", "regions", "motion")
_OF_GRID = {
    "points_per_side": "Clicks along each side of the picture.",
    "points_per_batch": "Clicks decoded together: fewer take less memory.",
    "predicted_iou": "Least IoU, 0 to 1, that the segmenter predicts of a mask.",
    "stability": "Least stability, 0 to 1: how little a mask depends on the threshold.",
    "stability_offset": "How far the thresholds of the stability are from 0, in logits.",
    "box_nms": "Of two masks whose boxes have a higher IoU than this the worse is dropped.",
    "crop_layers": "Layers of crops looked at besides, for small things: layer n has 4^n.",
    "crop_nms": "As --box-nms, between masks of different crops.",
    "crop_overlap": "How far the crops of the first layer overlap, as a share of the short side.",
    "crop_points_divisor": "Divides the clicks along a side once for every layer.",
    "min_region_area": "Holes and islands of masks smaller than this, in pixels, are removed.",
}
_OF_REGIONS = {
    "candidates": "Regions whose boxes the segmenter is asked about, likeliest first.",
    "clicks": "How many of them it is asked about with a click in their middle as well.",
    "least_score": "Least chance, 0 to 1, that a mask is an object: higher shows fewer.",
}
_OF_MOTION = {
    "least_motion": "Least motion of its own, in thousandths of the picture's long side a frame.",
    "least_moving_score": "Least IoU, 0 to 1, that the segmenter predicts of a mask.",
}
_OF_BOTH = {
    "max_regions": "Most masks that are kept.",
    "mask_nms": "Of two masks with a higher IoU than this the worse is dropped.",
    "fragment_share": "A mask of which a better one covers this share is dropped,",
    "part_share": "unless it is smaller than this share of that one: then it is a part of it.",
}
_USED_BY = {
    "grid": frozenset(_OF_GRID),
    "regions": frozenset(_OF_REGIONS) | frozenset(_OF_BOTH),
    "motion": frozenset(_OF_MOTION) | frozenset(_OF_BOTH),
}


def _settings(config: object, helps: Mapping[str, str], what: str) -> Callable[..., Any]:
    """An option for every named setting of a config, None unless given."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name, text in reversed(list(helps.items())):
            default = getattr(config, name)
            shown = f"{default:.3g}" if isinstance(default, float) else default
            command = click.option(
                "--" + name.replace("_", "-"),
                type=type(default),
                metavar="N",
                help=f"{what}: {text}  [default: {shown}]",
            )(command)
        return command

    return decorate


@click.command("everything", short_help="Segment everything on one picture.")
@click.argument("picture", metavar="INPUT")
@click.option(
    "-o",
    "--output",
    "output",
    type=click.Path(path_type=Path),
    help="A folder for the overlay, objects.json, labels.png and a PNG for every mask.",
)
@click.option(
    "--overlay-format",
    type=click.Choice(("jpg", "png")),
    default="jpg",
    show_default=True,
    help="Of the picture with the masks painted over it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what is in objects.json.")
@click.option(
    "--at",
    metavar="TIME",
    callback=parse_moment,
    help="Which frame of a video: seconds or HH:MM:SS.ms of its clock, or a frame as 250f; the "
    "first without it.",
)
@click.option(
    "--proposer",
    type=click.Choice(PROPOSERS),
    default="auto",
    show_default=True,
    help="grid clicks everywhere; regions asks about what edges close; motion, on a video, about "
    "what moved since the frame before. auto is the grid with SAM, else regions.",
)
@click.option(
    "--granularity",
    type=click.Choice(GRANULARITIES),
    default=GRID.granularity,
    show_default=True,
    help="Of masks in one another: all, the outermost (whole), those one level in (part), or the "
    "innermost (subpart).",
)
@click.option(
    "--min-area",
    type=click.IntRange(0),
    help="Smaller masks are dropped, in pixels."
    f"  [default: {GRID.min_area} with grid, else {REGIONS.min_area}]",
)
@click.option(
    "--max-area",
    type=click.FloatRange(0, 1),
    help="Larger masks are dropped, as a share of the picture."
    f"  [default: {GRID.max_area:g} with grid, else {REGIONS.max_area:g}]",
)
@_settings(GRID, _OF_GRID, "grid")
@_settings(REGIONS, _OF_REGIONS, "regions")
@_settings(REGIONS, _OF_MOTION, "motion")
@_settings(REGIONS, _OF_BOTH, "regions, motion")
@max_side_option("Scale the picture down to this longest side in pixels.")
@segmenter_option()
@device_option
@click.option("--overwrite", is_flag=True, help="Replace what an earlier call wrote there.")
@quiet_option
@verbose_option
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, **options: Any) -> None:
    """Segment everything on INPUT: a picture, or one frame of a video.

    The JSON has box, area, score, predicted_iou (the segmenter's own estimate), stability_score
    (where it has one), the click and the mask as compressed COCO run lengths. Ids go from the
    largest mask to the smallest.

    \b
        track-anything everything photo.jpg -o photo_objects
        track-anything everything clip.mp4 --at 12.5 --proposer motion --json
    """
    from track_anything.everything import segment_everything
    from track_anything.everything_files import EverythingFolder

    talk: Talk = ctx.obj
    output = options["output"]
    if output is None and not as_json:
        raise click.UsageError("say what is wanted: -o or --json", ctx)
    grid, regions = _configs(ctx, options)
    suffix, inputs = "." + options["overlay_format"], [Path(options["picture"])]
    folder = output and EverythingFolder(
        output, overlay_suffix=suffix, inputs=inputs, overwrite=options["overwrite"]
    )
    with talk.log_lines(warn_on_stderr):
        found = segment_everything(
            options["picture"],
            at=options["at"],
            segmenter=options["segmenter"],
            proposer=options["proposer"],
            grid=grid,
            regions=regions,
            granularity=options["granularity"],
            device=options["device"],
            max_side=options["max_side"],
        )
        talk.say(f"Segmenter: {found.segmenter}, {found.reason}. Proposer: {found.proposer}.")
        _warn_of_unused(ctx, found.proposer)
        if folder:
            folder.write(found)
    if as_json:
        # Run lengths are long texts: indented, nothing would be seen of the rest.
        click.echo(json_text(found.to_dict(), indent=None))
    else:
        click.echo(_text(found))


def _configs(ctx: click.Context, options: Mapping[str, Any]) -> tuple[GridConfig, RegionConfig]:
    try:
        with_values(DEFAULTS.read, {"max_side": options["max_side"]})
        return with_values(GRID, _given(GRID, options)), with_values(
            REGIONS, _given(REGIONS, options)
        )
    except ConfigError as error:
        raise click.UsageError(str(error), ctx) from error


def _given(config: GridConfig | RegionConfig, options: Mapping[str, Any]) -> dict[str, Any]:
    names = [each.name for each in fields(config) if each.name != "granularity"]
    return {name: options[name] for name in names if options.get(name) is not None}


def _warn_of_unused(ctx: click.Context, proposer: str) -> None:
    """Settings of one proposer mean nothing to the others."""
    every = [name for names in (_OF_GRID, _OF_REGIONS, _OF_MOTION, _OF_BOTH) for name in names]
    given = [
        name
        for name in every
        if name not in _USED_BY[proposer]
        and ctx.get_parameter_source(name) == ParameterSource.COMMANDLINE
    ]
    if given:
        options = ", ".join("--" + name.replace("_", "-") for name in given)
        warn_on_stderr(f"Warning: without effect on the proposer {proposer}: {options}")


def _text(found: "Everything") -> str:
    lines = []
    for number, region in enumerate(found.regions, start=1):
        box = ",".join(f"{side:.0f}" for side in region.box)
        lines.append(f"{number:>3}: box {box}, {region.area} pixels, score {region.score:.2f}")
    return "\n".join(lines) or "nothing found"

"""track-anything segment: masks on one picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from track_anything.config import with_values
from track_anything.errors import ConfigError

from .engine_options import DEFAULTS, device_option, max_side_option, segmenter_option
from .formats import json_text
from .prompt_options import PromptCommand, objects_of, parse_moment, prompt_options
from .talk import Talk, quiet_option, verbose_option, warn_on_stderr

if TYPE_CHECKING:
    from track_anything.segmentation import Segmentation
    from track_anything.segmentation_files import SegmentationFiles


@click.command("segment", cls=PromptCommand, short_help="Segment objects on one picture.")
@click.argument("picture", metavar="INPUT")
@click.option(
    "-o",
    "--output",
    "overlay",
    type=click.Path(path_type=Path),
    help="The picture with the masks painted over it, PNG or JPEG.",
)
@click.option(
    "--mask-out",
    "mask",
    type=click.Path(path_type=Path),
    help="PNG of the mask, white on black; of several objects each pixel is its object's id.",
)
@click.option(
    "--cutout",
    type=click.Path(path_type=Path),
    help="PNG of the objects alone, on transparent ground.",
)
@click.option(
    "--candidates",
    type=click.Path(path_type=Path),
    help="PNG of all the masks the segmenter thought of, side by side with their scores; the "
    "others show the best. With it the text or JSON has all of them too.",
)
@click.option("--json", "as_json", is_flag=True, help="Print boxes, scores and masks as JSON.")
@prompt_options
@click.option(
    "--at",
    metavar="TIME",
    callback=parse_moment,
    help="Which frame of a video: seconds or HH:MM:SS.ms of its clock, or a frame as 250f. Without "
    "it the one that the prompts are for, else the first.",
)
@click.option(
    "--refine",
    is_flag=True,
    help="Masks given are rough: the segmenter improves them, with the box and points of the same "
    "NAME. Without it they are final.",
)
@max_side_option("Scale the picture down to this longest side in pixels.")
@segmenter_option()
@device_option
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@quiet_option
@verbose_option
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, **options: Any) -> None:
    """Segment objects on INPUT: a picture, or one frame of a video.

    The JSON has box, area, predicted_iou (the segmenter's own estimate), stability_score (where
    it has one) and the mask as uncompressed COCO run lengths.

    \b
        track-anything segment photo.jpg --box 120,80,260,310 -o overlay.png --cutout dog.png
        track-anything segment clip.mp4 --at 12.5 --point 200,150 --candidates all.png --json
    """
    from track_anything.segmentation import segment
    from track_anything.segmentation_files import SegmentationFiles

    talk: Talk = ctx.obj
    names = ("overlay", "mask", "cutout", "candidates")
    files = SegmentationFiles(**{name: options[name] for name in names})
    if not files.paths() and not as_json:
        wanted = "-o, --mask-out, --cutout, --candidates or --json"
        raise click.UsageError(f"say what is wanted: {wanted}", ctx)
    objects = objects_of(ctx, options, verb="segment")
    _check(ctx, files, options)
    with talk.log_lines(warn_on_stderr):
        found = segment(
            options["picture"],
            objects,
            at=options["at"],
            segmenter=options["segmenter"],
            device=options["device"],
            max_side=options["max_side"],
            refine=options["refine"],
        )
        talk.say(f"Segmenter: {found.segmenter}, {found.reason}.")
        files.write(found)
    all_candidates = options["candidates"] is not None
    if as_json:
        # Run lengths are thousands of numbers: indented, each would have a line.
        click.echo(json_text(found.to_dict(all_candidates=all_candidates), indent=None))
    else:
        click.echo(_text(found, all_candidates=all_candidates))


def _check(ctx: click.Context, files: "SegmentationFiles", options: Mapping[str, Any]) -> None:
    masks = [spec.hints.mask for spec in options["mask_files"]]
    inputs = [Path(options["picture"]), *masks, *filter(None, [options["prompt_file"]])]
    try:
        with_values(DEFAULTS.read, {"max_side": options["max_side"]})
        files.check(inputs=inputs, overwrite=options["overwrite"])
    except ConfigError as error:
        raise click.UsageError(str(error), ctx) from error


def _text(found: "Segmentation", *, all_candidates: bool) -> str:
    lines = []
    for each in found.objects:
        facts = each.to_dict(all_candidates=True)["candidates"]
        shown = facts if all_candidates else facts[:1]
        for number, one in enumerate(shown, start=1):
            which = f", mask {number}" if all_candidates else ""
            lines.append(f"{each.track_id:>3} {each.name or '(no name)'}{which}: {_line(one)}")
    return "\n".join(lines)


def _line(facts: Mapping[str, Any]) -> str:
    box = ",".join(f"{side:.0f}" for side in facts["box"])
    parts = [f"box {box}, {facts['area']} pixels" if facts["area"] else "nothing found"]
    if facts["predicted_iou"] is not None:
        parts.append(f"predicted IoU {facts['predicted_iou']:.2f}")
    if facts["stability_score"] is not None:
        parts.append(f"stability {facts['stability_score']:.2f}")
    return ", ".join(parts)

"""track-anything annotate: pictures and boxes to a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .engine_options import device_option, segmenter_option
from .formats import json_text
from .picture_progress import picture_progress
from .talk import Talk, quiet_option, verbose_option

if TYPE_CHECKING:
    from track_anything.auto_annotation import AnnotationSummary


@click.command("annotate", short_help="Make a data set of masks from pictures and boxes.")
@click.argument("pictures", metavar="PICTURES")
@click.option(
    "--boxes",
    type=click.Path(path_type=Path),
    required=True,
    help="Where the objects are: YOLO labels (a folder or a data set), COCO JSON, CSV with a "
    "column image or frame, or MOT text, whose frames are the pictures in order.",
)
@click.option(
    "--to",
    type=click.Choice(("yolo", "coco")),
    default="yolo",
    show_default=True,
    help="yolo: a folder with copies of the pictures, polygons and data.yaml; coco: a JSON file.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder or file to write.",
)
@click.option(
    "--val-share",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of the pictures for validation, with --to yolo.",
)
@click.option(
    "--keep-empty", is_flag=True, help="Also take pictures without boxes, as pictures of nothing."
)
@segmenter_option()
@device_option
@click.option("--overwrite", is_flag=True, help="Replace a data set that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@quiet_option
@verbose_option
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, **options: Any) -> None:
    """Segment what is in the boxes on PICTURES, a folder, and write it as a data set.

    \b
        track-anything annotate photos --boxes labels -o dataset
        track-anything annotate photos --boxes boxes.json --to coco -o masks.json
    """
    from track_anything.auto_annotation import auto_annotate

    talk: Talk = ctx.obj
    with picture_progress(talk) as progress:
        summary = auto_annotate(progress=progress, **options)
    talk.say(f"Segmenter: {summary.segmenter}, {summary.reason}.")
    click.echo(json_text(summary) if as_json else _text(summary))


def _text(summary: "AnnotationSummary") -> str:
    lines = [f"{summary.output}: {summary.objects} masks on {summary.pictures} pictures"]
    for count, what in (
        (summary.without_boxes, "pictures without boxes left out (--keep-empty takes them)"),
        (summary.without_mask, "boxes in which nothing was found"),
        (summary.without_picture, "boxes for pictures that are not there"),
    ):
        if count:
            lines.append(f"  {count} {what}")
    return "\n".join(lines)

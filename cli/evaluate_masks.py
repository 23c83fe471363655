"""track-anything evaluate masks: masks that are there already, against the truth."""

from pathlib import Path

import click

from .formats import json_text
from .talk import Talk, quiet_option, verbose_option


@click.command("masks")
@click.option(
    "--results",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of masks: SEQUENCE/00000.png and on, or the files of one video.",
)
@click.option(
    "--truth",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of true masks of the same layout and names, or a DAVIS folder.",
)
@click.option(
    "--sequence", "sequences", multiple=True, metavar="S", help="Only this one; may be repeated."
)
@click.option(
    "--all-frames",
    is_flag=True,
    help="Score the first and the last annotated frame too, which DAVIS leaves out.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@quiet_option
@verbose_option
@click.pass_obj
def command(
    talk: Talk,
    /,
    results: Path,
    truth: Path,
    sequences: tuple[str, ...],
    all_frames: bool,
    as_json: bool,
) -> None:
    """Score PNG masks as DAVIS does: J, F, recall and decay by object, sequence and mean.

    \b
        track-anything evaluate masks --results OUT/masks --truth DAVIS/Annotations/480p/dog
        track-anything evaluate masks --results RESULTS --truth DAVIS --json
    """
    from track_anything.evaluation.mask_folders import evaluate_masks
    from track_anything.evaluation.report import score_table

    scores = evaluate_masks(
        results,
        truth,
        sequences=sequences or None,
        all_frames=all_frames,
        on_score=lambda name, score: talk.say(f"{name}: J&F {score['J&F']:.3f}"),
    )
    click.echo(json_text(scores) if as_json else score_table(scores))

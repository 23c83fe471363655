"""track-anything evaluate mot: tracked boxes against true ones."""

from pathlib import Path

import click

from .formats import json_text
from .talk import quiet_option, verbose_option


@click.command("mot")
@click.option(
    "--results",
    required=True,
    type=click.Path(path_type=Path),
    help="Text of FRAME,ID,LEFT,TOP,WIDTH,HEIGHT,... a box, as trackers write it.",
)
@click.option(
    "--truth",
    required=True,
    type=click.Path(path_type=Path),
    help="The same of the truth; lines with a 0 after the height are left out.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@quiet_option
@verbose_option
def command(results: Path, truth: Path, as_json: bool) -> None:
    """Score boxes in MOTChallenge text: HOTA, MOTA and IDF1, with all they are made of.

    Every true object counts, of whatever class.

    \b
        track-anything evaluate mot --results tracks.txt --truth gt/gt.txt
        track-anything evaluate mot --results tracks.txt --truth gt/gt.txt --json
    """
    from track_anything.evaluation.mot import mot_scores
    from track_anything.evaluation.mot_files import read_mot
    from track_anything.evaluation.mot_report import mot_table

    scores = mot_scores(read_mot(results), read_mot(truth, is_truth=True))
    click.echo(json_text(scores) if as_json else mot_table(scores))

"""track-anything evaluate: how good tracking is, on annotated data."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from track_anything.config import REPROMPT_MODES, RunConfig, load_config
from track_anything.errors import OutputError
from track_anything.files import write_whole

from .engine_options import DEFAULTS, device_option, segmenter_option
from .formats import json_text
from .talk import Talk, quiet_option, verbose_option, warn_on_stderr

if TYPE_CHECKING:
    from track_anything.build import SegmenterSpec


@click.group("evaluate", short_help="Measure how good tracking is.")
def command() -> None:
    """Measure how good tracking is, on annotated data.

    \b
        track-anything evaluate davis DAVIS
        track-anything evaluate davis DAVIS --sequence dog --segmenter none --json
    """


@command.command("davis")
@click.argument("root", type=click.Path(path_type=Path))
@click.option(
    "--sequence", "sequences", multiple=True, metavar="S", help="Only this one; may be repeated."
)
@segmenter_option("As for track; none tracks without asking again.")
@device_option
@click.option(
    "--reprompt",
    type=click.Choice(REPROMPT_MODES),
    help="As for track; the default is the config's.",
)
@click.option(
    "--seed",
    "seeds",
    type=int,
    multiple=True,
    default=(DEFAULTS.seed,),
    show_default=True,
    help="Of every random choice; repeated, the scores are means over the seeds.",
)
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="TOML file with settings."
)
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="New or empty folder for scores.json and the masks, masks/SEQUENCE/00000.png and on.",
)
@quiet_option
@verbose_option
@click.pass_obj
def davis(talk: Talk, /, root: Path, as_json: bool, output: Path | None, **options: Any) -> None:
    """Track every sequence of a DAVIS folder from its first masks; score J and F.

    \b
        track-anything evaluate davis DAVIS
        track-anything evaluate davis DAVIS --sequence dog --segmenter none --json
    """
    from track_anything.evaluation.report import machine, score_table

    _check_output(output)
    config = DEFAULTS
    if options["config_file"] is not None:
        config = load_config(options["config_file"])
    if options["reprompt"] is not None:
        reprompt = replace(config.tracker.reprompt, mode=options["reprompt"])
        config = replace(config, tracker=replace(config.tracker, reprompt=reprompt))
    with talk.log_lines(warn_on_stderr):
        scores = _evaluate(talk, root, config, output, options)
    scores["machine"] = machine()
    text = json_text(scores)
    if output is not None:
        write_whole(output / "scores.json", text.encode() + b"\n")
    click.echo(text if as_json else score_table(scores))


def _evaluate(
    talk: Talk, root: Path, config: RunConfig, output: Path | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    from track_anything.build import choose_segmenter, resolved_config

    spec, reason = choose_segmenter(options["segmenter"])
    talk.say(f"Segmenter: {spec.name}, {reason}.")
    seeds = tuple(dict.fromkeys(options["seeds"]))
    settings = [resolved_config(replace(config, seed=seed), spec) for seed in seeds]
    runs = []
    for one in settings:
        masks = None
        if output is not None:
            masks = output / ("masks" if len(seeds) == 1 else f"masks-seed{one.seed}")
        runs.append(_run(talk, root, one, spec, masks, options))
    scores: dict[str, Any] = mean_of(runs)
    if len(seeds) > 1:
        scores["seeds"] = {str(s): one["mean"] for s, one in zip(seeds, runs, strict=True)}
    return scores | {"segmenter": {"name": spec.name, "reason": reason}, "options": settings[0]}


def _run(
    talk: Talk,
    root: Path,
    config: RunConfig,
    spec: "SegmenterSpec",
    masks: Path | None,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """The scores with one seed."""
    from track_anything.build import build_segmenter, build_tracker
    from track_anything.evaluation.davis import CountingSegmenter, SequenceScore, evaluate_davis

    def say(score: SequenceScore) -> None:
        rates = score.to_dict()
        talk.say(f"{score.name}: J&F {rates['J&F']:.3f}, {rates['fps']:.1f} frames/s")

    inside = build_segmenter(spec, seed=config.seed, device=options["device"])
    segmenter = None if inside is None else CountingSegmenter(inside)
    return evaluate_davis(
        partial(build_tracker, config, segmenter),
        root,
        sequences=options["sequences"] or None,
        segmenter=segmenter,
        write_to=masks,
        on_score=say,
    )


def mean_of(scores: Sequence[Any]) -> Any:
    """The mean of nested numbers of one shape."""
    first = scores[0]
    if isinstance(first, Mapping):
        return {key: mean_of([one[key] for one in scores]) for key in first}
    return sum(scores) / len(scores)


def _check_output(output: Path | None) -> None:
    if output is None:
        return
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise OutputError(f"{output}: is not an empty folder; name another")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{output}: cannot be created ({error.strerror})") from error

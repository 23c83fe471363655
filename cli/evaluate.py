"""track-anything evaluate: how good tracking is, on annotated data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from track_anything.config import (
    CLOCK_MODE,
    REPROMPT_MODES,
    LookBackConfig,
    RunConfig,
    load_config,
)
from track_anything.errors import OutputError
from track_anything.files import write_whole

from . import evaluate_masks, evaluate_mot, evaluate_prompts
from .engine_options import DEFAULTS, device_option, segmenter_option
from .formats import json_text
from .talk import Talk, quiet_option, verbose_option, warn_on_stderr

if TYPE_CHECKING:
    from track_anything.build import SegmenterSpec
    from track_anything.interfaces import Tracker

SIMULATED = "simulated"
BASELINES = ("independent",)


class RepromptChoice(click.ParamType[dict[str, Any]]):
    """A mode of re-prompting, or fixed:N; as settings of RepromptConfig."""

    name = "mode"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """What the help shows."""
        return f"[{'|'.join(REPROMPT_MODES)}|fixed:N]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        """The settings that the words stand for."""
        if value in REPROMPT_MODES:
            return {"mode": value}
        kind, _, count = str(value).partition(":")
        if kind != "fixed" or not count.isdecimal() or not 1 <= int(count) <= 10000:
            known = ", ".join(REPROMPT_MODES)
            self.fail(f"{value!r} is not one of {known}, fixed:N with N 1 to 10000", param, ctx)
        return {"mode": CLOCK_MODE, "clock_frames": int(count)}


@click.group("evaluate", short_help="Measure how good tracking is.")
def command() -> None:
    """Measure how good tracking is, on annotated data.

    \b
        track-anything evaluate davis DAVIS
        track-anything evaluate davis DAVIS --sequence dog --segmenter none --json
        track-anything evaluate prompts DAVIS --segmenter grabcut
    """


command.add_command(evaluate_masks.command)
command.add_command(evaluate_mot.command)
command.add_command(evaluate_prompts.command)


@command.command("davis")
@click.argument("root", type=click.Path(path_type=Path))
@click.option(
    "--sequence", "sequences", multiple=True, metavar="S", help="Only this one; may be repeated."
)
@segmenter_option(
    "As for track; none tracks without asking again, simulated asks one that answers from the "
    "ground truth, to judge when and how the tracker asks."
)
@device_option
@click.option(
    "--reprompt",
    type=RepromptChoice(),
    help="As for track, or fixed:N to ask every N frames; the default is the config's.",
)
@click.option(
    "--baseline",
    type=click.Choice(BASELINES),
    help="Score this instead: independent tracks every object as if it were alone.",
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
    "--seeds",
    "seed_count",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Run N seeds from --seed on: a line for each, their mean and their standard deviation.",
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
        reprompt = replace(config.tracker.reprompt, **options["reprompt"])
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
    from track_anything.build import resolved_config
    from track_anything.evaluation.repeats import mean_of, spread_of

    spec, reason = _segmenter(options["segmenter"])
    talk.say(f"Segmenter: {spec.name}, {reason}.")
    seeds = _seeds(options["seeds"], options["seed_count"])
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
        scores["spread"] = spread_of(runs)
    if spec.name == SIMULATED:
        scores["simulated"] = reason
    return scores | {
        "segmenter": {"name": spec.name, "reason": reason},
        "baseline": options["baseline"],
        "options": settings[0],
    }


def _segmenter(name: str) -> tuple["SegmenterSpec", str]:
    """As choose_segmenter; also the one that is for evaluation alone."""
    from track_anything.build import SegmenterSpec, choose_segmenter

    if name != SIMULATED:
        return choose_segmenter(name)
    from track_anything.evaluation.simulated import IS_SIMULATED

    target = "track_anything.evaluation.simulated:SimulatedSegmenter"
    return SegmenterSpec(name=SIMULATED, target=target, takes=("seed",)), IS_SIMULATED


def _seeds(given: Sequence[int], count: int | None) -> tuple[int, ...]:
    """Seeds without repeats."""
    if count is None:
        return tuple(dict.fromkeys(given))
    if len(given) > 1:
        raise click.UsageError("--seeds counts on from one --seed; give --seed once")
    return tuple(range(given[0], given[0] + count))


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
    from track_anything.evaluation.datasets import DavisSequence
    from track_anything.evaluation.davis import CountingSegmenter, SequenceScore, evaluate_davis
    from track_anything.evaluation.independent import IndependentTrackers

    mark = f" ({SIMULATED} segmenter)" if spec.name == SIMULATED else ""

    def say(score: SequenceScore) -> None:
        rates = score.to_dict()
        talk.say(f"{score.name}: J&F {rates['J&F']:.3f}, {rates['fps']:.1f} frames/s{mark}")

    inside: Any = build_segmenter(spec, seed=config.seed, device=options["device"])
    segmenter = None if inside is None else CountingSegmenter(inside)
    is_independent = options["baseline"] == "independent"
    if is_independent:
        # Side by side they must give every frame at once.
        at_once = replace(config.tracker, look_back=LookBackConfig(frames=0))
        config = replace(config, tracker=at_once)
    make_tracker: Callable[[], Tracker] = partial(build_tracker, config, segmenter)
    if is_independent:
        make_tracker = partial(IndependentTrackers, make_tracker)

    def begin(sequence: DavisSequence) -> None:
        inside.begin(lambda frame: sequence.truth(frame.index))

    return evaluate_davis(
        make_tracker,
        root,
        sequences=options["sequences"] or None,
        segmenter=segmenter,
        write_to=masks,
        on_sequence=begin if spec.name == SIMULATED else None,
        on_score=say,
    )


def _check_output(output: Path | None) -> None:
    if output is None:
        return
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise OutputError(f"{output}: is not an empty folder; name another")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{output}: cannot be created ({error.strerror})") from error

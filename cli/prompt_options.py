"""The options that say where objects are, and what they stand for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from track_anything.errors import PromptError

if TYPE_CHECKING:
    from track_anything.prompts import ObjectSpec, TimeCode

_PARSERS = {
    "boxes": "parse_box",
    "points": "parse_point",
    "background_points": "parse_background_point",
    "mask_files": "parse_mask",
}


class PromptCommand(click.Command):
    """Keeps the order of the options: ids of objects count in the order of first mention."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click; the options' names in order are in ctx.meta."""
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        ctx.meta["order"] = [parameter.name for parameter in order]
        return super().parse_args(ctx, args)


def prompt_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where objects are: --box, --point, --not, --mask, --prompts."""
    add = click.option(
        "--every-prompt",
        is_flag=True,
        help="Of boxes or masks of another program take those of every frame; without it an "
        "object is prompted on the first frame that has it.",
    )
    command = add(command)
    add = click.option(
        "--prompts",
        "prompt_file",
        metavar="PATH",
        type=click.Path(path_type=Path),
        help="YAML or JSON file with prompts, corrections and absences; or boxes of another "
        "program as MOT text, CSV, COCO JSON or YOLO labels; or a folder of label maps as DAVIS "
        "has them. Ids are kept. Joined with the options.",
    )
    command = add(command)
    for names, metavar, text in reversed(
        (
            (
                ("--box", "boxes"),
                "[NAME=]X0,Y0,X1,Y1[@TIME]",
                "A box around an object, in pixels of the source. Options with one NAME are one "
                "object. TIME is seconds, HH:MM:SS.ms or a frame as 250f; without it the first "
                "frame. May be repeated, as the next three.",
            ),
            (("--point", "points"), "[NAME=]X,Y[@TIME]", "A point on an object."),
            (
                ("--not", "background_points"),
                "[NAME=]X,Y[@TIME]",
                "A point that does not belong to the object.",
            ),
            (
                ("--mask", "mask_files"),
                "[NAME=]PNG[@TIME]",
                "The exact mask of an object, final on its frame; without NAME every label of "
                "the picture is an object.",
            ),
        )
    ):
        add = click.option(
            *names, metavar=metavar, multiple=True, callback=parse_prompts, help=text
        )
        command = add(command)
    return command


def parse_prompts(
    ctx: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> list[Any]:
    """Prompts from the texts of one option."""
    from track_anything import prompts

    try:
        return [getattr(prompts, _PARSERS[str(parameter.name)])(text) for text in texts]
    except PromptError as error:
        raise click.UsageError(str(error), ctx) from error


def parse_moment(
    ctx: click.Context, parameter: click.Parameter, text: str | None
) -> "TimeCode | None":
    """A moment from the text of an option."""
    from track_anything.prompts import parse_time

    try:
        return None if text is None else parse_time(text)
    except PromptError as error:
        raise click.UsageError(f"{parameter.opts[0]}: {error}", ctx) from error


def objects_of(
    ctx: click.Context,
    options: Mapping[str, Any],
    *,
    verb: str,
    corrects: bool = False,
    may_be_none: bool = False,
) -> "tuple[ObjectSpec, ...]":
    """The objects that the prompt options and the prompt file of a command line stand for.

    Where they correct a run, those with a name or id may be told only where they are not.
    """
    from track_anything.prompts import objects_from_options, read_prompts

    waiting = {name: iter(options[name]) for name in _PARSERS}
    specs = [next(waiting[name]) for name in ctx.meta["order"] if name in waiting]
    file = options["prompt_file"]
    if options["every_prompt"] and file is None:
        raise click.UsageError("--every-prompt says how to read --prompts: give both", ctx)
    if not specs and file is None:
        if may_be_none:
            return ()
        wanted = f"say what to {verb} with --box, --point, --mask or --prompts"
        wanted += ", or let it be found with --discover or --everything" * (verb == "follow")
        raise click.UsageError(wanted, ctx)
    from_file = (
        [] if file is None else read_prompts(file, every=options["every_prompt"], corrects=corrects)
    )
    try:
        return (*from_file, *objects_from_options(specs, corrects=corrects))
    except PromptError as error:
        raise click.UsageError(str(error), ctx) from error

"""track-anything ids: identities of a run corrected without the model."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .formats import json_text
from .prompt_options import parse_moment
from .talk import Talk, quiet_option, verbose_option, warn_on_stderr

if TYPE_CHECKING:
    from track_anything.ids import IdsSummary
    from track_anything.rewrite import RewriteSummary

_TIMES = (
    ("--from", "start", "First moment changed: seconds, HH:MM:SS.ms or a frame as 250f."),
    ("--to", "end", "First moment left as it is."),
)


@click.group("ids", short_help="Swap, merge, split, drop, rename objects of a run.")
@click.argument("run", type=click.Path(path_type=Path))
def command(run: Path) -> None:
    """Correct identities in a finished RUN, without the model; exports follow.

    Every edit is kept in a journal and can be undone. An object is its id or its name.

    \b
        track-anything ids run swap 1 2 --from 00:12.5
        track-anything ids run merge dog 7 --rewrite
        track-anything ids run split 3 --at 250f
        track-anything ids run undo
    """


def _edit(edit: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every edit has."""
    for decorate in (
        click.pass_context,
        verbose_option,
        quiet_option,
        click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON."),
        click.option(
            "--input",
            "video",
            metavar="VIDEO",
            type=click.Path(path_type=Path),
            help="With --rewrite: where the video is now, for annotated.mp4.",
        ),
        click.option(
            "--rewrite",
            "rewrites",
            is_flag=True,
            help="Make masks, tables and the annotated video in RUN anew.",
        ),
    ):
        edit = decorate(edit)
    return edit


def _span(edit: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where."""
    for name, key, text in reversed(_TIMES):
        edit = click.option(name, key, metavar="TIME", callback=parse_moment, help=text)(edit)
    return edit


@command.command("swap")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@_span
@_edit
def swap(ctx: click.Context, first: str, second: str, start: Any, end: Any, **how: Any) -> None:
    """Exchange A and B; names stay with the ids."""
    from track_anything.ids import swap_ids

    _tell(ctx, swap_ids(_run(ctx), first, second, start=start, end=end), **how)


@command.command("merge")
@click.argument("words", metavar="A B [into A|B]", nargs=-1, required=True)
@_span
@_edit
def merge(ctx: click.Context, words: tuple[str, ...], start: Any, end: Any, **how: Any) -> None:
    """Make A and B one object, A unless said: the union of their masks."""
    from track_anything.ids import merge_ids

    if len(words) not in (2, 4) or words[2:3] not in ((), ("into",)):
        raise click.UsageError(f"expected A B or A B into A, got {' '.join(words)!r}", ctx)
    into = words[3] if len(words) == 4 else None
    _tell(ctx, merge_ids(_run(ctx), *words[:2], into=into, start=start, end=end), **how)


@command.command("split")
@click.argument("one", metavar="A")
@click.option(
    "--at",
    metavar="TIME",
    required=True,
    callback=parse_moment,
    help="First moment of the later part: seconds, HH:MM:SS.ms or a frame as 250f.",
)
@click.option(
    "--new-id",
    type=click.IntRange(1, 65535),
    help="Id of the later part, never used before.  [default: the next free one]",
)
@_edit
def split(ctx: click.Context, one: str, at: Any, new_id: int | None, **how: Any) -> None:
    """Give A another id from a moment on."""
    from track_anything.ids import split_id

    _tell(ctx, split_id(_run(ctx), one, at=at, new_id=new_id), **how)


@command.command("drop")
@click.argument("one", metavar="A")
@_span
@_edit
def drop(ctx: click.Context, one: str, start: Any, end: Any, **how: Any) -> None:
    """Remove A."""
    from track_anything.ids import drop_id

    _tell(ctx, drop_id(_run(ctx), one, start=start, end=end), **how)


@command.command("rename")
@click.argument("one", metavar="A")
@click.argument("name", metavar="NAME")
@_edit
def rename(ctx: click.Context, one: str, name: str, **how: Any) -> None:
    """Give A the name NAME."""
    from track_anything.ids import rename_id

    _tell(ctx, rename_id(_run(ctx), one, name), **how)


@command.command("undo")
@_edit
def undo(ctx: click.Context, **how: Any) -> None:
    """Take the last edit back."""
    from track_anything.ids import undo_edit

    _tell(ctx, undo_edit(_run(ctx)), **how)


@command.command("log")
@click.option("--json", "as_json", is_flag=True, help="Print the journal as JSON.")
@verbose_option
@click.pass_context
def log(ctx: click.Context, as_json: bool) -> None:
    """List the edits that stand, the first one first."""
    from track_anything.ids import edit_dict, edit_text
    from track_anything.io.run_store import stored_edits

    edits = stored_edits(_run(ctx))
    if as_json:
        click.echo(json_text([edit_dict(edit) for edit in edits]))
        return
    for edit in edits:
        click.echo(f"{edit.id:>4}  {edit.time}  {edit_text(edit)}")


@command.command("rewrite")
@click.option(
    "--input",
    "video",
    metavar="VIDEO",
    type=click.Path(path_type=Path),
    help="Where the video is now, for annotated.mp4.",
)
@quiet_option
@verbose_option
@click.pass_context
def rewrite_files(ctx: click.Context, video: Path | None) -> None:
    """Make masks, tables and the annotated video in RUN anew."""
    _rewrite(ctx, video)


def _run(ctx: click.Context) -> Path:
    parent = ctx.parent
    path: Path = parent.params["run"] if parent is not None else Path()
    return path


def _tell(
    ctx: click.Context, summary: "IdsSummary", *, rewrites: bool, video: Path | None, as_json: bool
) -> None:
    click.echo(json_text(summary.to_dict()) if as_json else summary.text)
    if rewrites:
        _rewrite(ctx, video)
    elif summary.stale:
        talk: Talk = ctx.obj
        names = ", ".join(summary.stale)
        talk.say(f"Not changed in {_run(ctx)}: {names}; `ids RUN rewrite` makes them anew.")


def _rewrite(ctx: click.Context, video: Path | None) -> None:
    from track_anything.rewrite import rewrite_run

    talk: Talk = ctx.obj
    with talk.log_lines(warn_on_stderr):
        done: RewriteSummary = rewrite_run(_run(ctx), video=video)
    talk.say(f"Made anew in {_run(ctx)}: {', '.join(done.written) or 'nothing'}.")
    if done.left:
        click.echo(f"Warning: {', '.join(done.left)} is still old: {done.reason}", err=True)

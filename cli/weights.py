"""track-anything weights: the checkpoints of SAM, by name."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from track_anything.errors import WeightsError

from .formats import json_text
from .progress import LINE_SECONDS
from .talk import Talk, is_terminal, quiet_option, verbose_option, warn_on_stderr

if TYPE_CHECKING:
    from track_anything.segmenters.sam.catalogue import StoredWeights

Show = Callable[[int, int | None], None]


@click.group("weights", short_help="Get, check and list the checkpoints of SAM.")
def command() -> None:
    """Get, check and list the checkpoints of SAM; --segmenter takes their names.

    \b
        track-anything weights pull sam-base
        track-anything weights import Downloads/sam_vit_b_01ec64.pth
    """


@command.command("list", short_help="Tell which weights there are.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@verbose_option
def list_command(as_json: bool) -> None:
    """Tell which weights have a name, how large they are and whether they are here.

    \b
        track-anything weights list
        track-anything weights list --json
    """
    from track_anything.segmenters.sam.catalogue import available

    rows = available()
    if as_json:
        click.echo(json_text([_facts(row) for row in rows]))
        return
    width = max(len(row.name) for row in rows)
    for row in rows:
        place = str(row.path) if row.path is not None else f"not here, from {row.source}"
        click.echo(f"{row.name:<{width}}  {_size(row.byte_count):>7}  {place}")


@command.command("pull", short_help="Fetch published weights.")
@click.argument("name")
@quiet_option
@verbose_option
@click.pass_obj
def pull_command(talk: Talk, name: str) -> None:
    """Fetch published weights, check and cache them; a download that was cut off goes on.

    \b
        track-anything weights pull sam-base
        track-anything weights pull sam_base_sa1b
    """
    from track_anything.segmenters.sam.cache import pull
    from track_anything.segmenters.sam.catalogue import KNOWN_WEIGHTS

    if name in KNOWN_WEIGHTS:
        talk.say(f"Fetching {name} from {KNOWN_WEIGHTS[name].url}, unless it is here.")
    try:
        with talk.log_lines(warn_on_stderr), _byte_progress(talk, name) as show:
            path = pull(name, progress=show)
    except WeightsError as error:
        if name not in KNOWN_WEIGHTS:
            raise
        raise WeightsError(
            f"{error}, or run `track-anything weights import FILE --name {name}`"
        ) from error
    click.echo(path)


@command.command("import", short_help="Cache a checkpoint that is a file here.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--name",
    help="What to call it. Without: the published name if it is a published file, else its own "
    "without the suffix.",
)
@verbose_option
@click.pass_obj
def import_command(talk: Talk, file: Path, name: str | None) -> None:
    """Check a checkpoint and cache it: .pth, safetensors, .h5, or the folder of a KerasCV preset.

    \b
        track-anything weights import Downloads/sam_vit_b_01ec64.pth
        track-anything weights import finetuned.safetensors --name mine
    """
    from track_anything.segmenters.sam.cache import import_file

    with talk.log_lines(warn_on_stderr):
        path = import_file(file, name=name)
    talk.say(f"Use it with --segmenter {path.name.removesuffix('.safetensors')}.")
    click.echo(path)


@command.command("verify", short_help="Check cached weights.")
@click.argument("name", required=False)
@verbose_option
@click.pass_context
def verify_command(ctx: click.Context, name: str | None) -> None:
    """Compare cached weights with what was noted when they were written; all, or those of NAME.

    \b
        track-anything weights verify
        track-anything weights verify sam-base
    """
    from track_anything.segmenters.sam.cache import verify
    from track_anything.segmenters.sam.catalogue import available, cache_folder

    names = [row.name for row in available() if row.path is not None] if name is None else [name]
    if not names:
        click.echo(f"nothing is cached in {cache_folder()}", err=True)
    problems = 0
    for one in names:
        try:
            click.echo(f"{one}: as written, SHA-256 {verify(one)}")
        except WeightsError as error:
            problems += 1
            click.echo(f"Error: {error}", err=True)
    ctx.exit(1 if problems else 0)


@command.command("path", short_help="Print where weights are kept.")
@click.argument("name", required=False)
@verbose_option
def path_command(name: str | None) -> None:
    """Print where the cached weights of NAME are, or where all are kept.

    \b
        track-anything weights path
        track-anything weights path sam-base
    """
    from track_anything.segmenters.sam.catalogue import cache_folder, weights_path

    click.echo(cache_folder() if name is None else weights_path(name))


def _facts(row: "StoredWeights") -> dict[str, object]:
    return {
        "name": row.name,
        "is_present": row.path is not None,
        "path": row.path,
        "source": row.source,
        "byte_count": row.byte_count or None,
    }


def _size(byte_count: int) -> str:
    if not byte_count:
        return "?"
    if byte_count < 1e9:
        return f"{byte_count / 1e6:.0f} MB"
    return f"{byte_count / 1e9:.1f} GB"


@contextmanager
def _byte_progress(talk: Talk, name: str) -> Iterator[Show]:
    """Shows bytes had and expected: a bar for who watches, lines for who does not."""
    if talk.is_quiet:
        yield lambda had, total: None
    elif is_terminal():
        with _bar(name) as show:
            yield show
    else:
        yield _Lines(name)


class _Lines:
    """A line now and then."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._next = time.monotonic() + LINE_SECONDS

    def __call__(self, had: int, total: int | None) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + LINE_SECONDS
            of = "" if total is None else f" of {_size(total)}"
            click.echo(f"{self._name}: {_size(had)}{of}", err=True)


@contextmanager
def _bar(name: str) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        # Shown once bytes come: keras-cv has a bar of its own for its presets.
        task = bar.add_task(name, total=None, visible=False)

        def show(had: int, total: int | None) -> None:
            bar.update(task, completed=had, total=total, visible=True)

        yield show

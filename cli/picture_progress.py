"""How many pictures are done, on standard error: a bar for who watches, lines for who does not."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .progress import LINE_SECONDS
from .talk import Talk, is_terminal, warn_on_stderr


@contextmanager
def picture_progress(talk: Talk) -> Iterator[Callable[[int, int], None]]:
    """What to call with how many are done and how many there are; log lines go beside it."""
    if is_terminal() and not talk.is_quiet:
        with _bar(talk) as show:
            yield show
        return
    last = time.monotonic()

    def say(done: int, count: int) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_SECONDS:
            last = time.monotonic()
            talk.say(f"{done}/{count} pictures")

    with talk.log_lines(warn_on_stderr):
        yield say


@contextmanager
def _bar(talk: Talk) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("annotate", total=None)

        def write(text: str) -> None:
            console.print(text, markup=False, highlight=False, soft_wrap=True)

        with talk.log_lines(write):
            yield lambda done, count: bar.update(task, completed=done, total=count)

"""How far a run is, on standard error: a bar for who watches, lines for who does not."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from track_anything.interfaces import Sink
from track_anything.structures import EventKind, FrameResult, VideoInfo

from .talk import Talk, is_terminal

LINE_SECONDS = 5.0
"""Time between two lines where standard error is not a terminal."""


@dataclass
class Count:
    """What a run has come to.

    Attributes:
        expected: Frames there probably are; None if unknown.
    """

    expected: int | None
    frames: int = 0
    objects: int = 0
    reprompts: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Frames per second so far."""
        return self.frames / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """An estimate; None if there is none."""
        if self.expected is None or not self.rate:
            return None
        return max(0, self.expected - self.frames) / self.rate

    @property
    def text(self) -> str:
        """Everything in one line."""
        of = "" if self.expected is None else f"/{max(self.expected, self.frames)}"
        parts = [f"{self.frames}{of} frames", *self.rates]
        return ", ".join(parts)

    @property
    def rates(self) -> list[str]:
        """All but the frames."""
        parts = [
            f"{self.rate:.1f} frames/s",
            f"{self.objects} object{'s' * (self.objects != 1)}",
            f"{self.reprompts} re-prompt{'s' * (self.reprompts != 1)}",
        ]
        if self.seconds_left is not None:
            minutes, seconds = divmod(round(self.seconds_left), 60)
            parts.append(f"{minutes}:{seconds:02d} left")
        return parts


class CountingSink:
    """A sink that counts and shows the count."""

    def __init__(self, count: Count, show: Callable[[Count], None]) -> None:
        """Begin the clock."""
        self._count = count
        self._show = show
        self._started = time.monotonic()

    def write(self, result: FrameResult) -> None:
        """Count one result and show it."""
        count = self._count
        count.frames += 1
        count.objects = len(result.objects)
        count.reprompts += sum(event.kind is EventKind.REPROMPTED for event in result.events)
        count.seconds = time.monotonic() - self._started
        self._show(count)

    def close(self) -> None:
        """Nothing is left to do."""

    def abort(self) -> None:
        """Nothing is left to do."""


@contextmanager
def progress(talk: Talk, info: VideoInfo) -> Iterator[tuple[Sink, Count]]:
    """A sink that shows how far a run is, and its count; the library's log lines among it."""
    count = Count(info.frame_count)
    if talk.is_quiet:
        with talk.log_lines(lambda text: click.echo(text, err=True)):
            yield CountingSink(count, lambda _: None), count
    elif is_terminal():
        with _bar(talk, count) as show:
            yield CountingSink(count, show), count
    else:
        with talk.log_lines(lambda text: click.echo(text, err=True)):
            yield CountingSink(count, _Lines()), count


class _Lines:
    """A line now and then."""

    def __init__(self) -> None:
        self._next = LINE_SECONDS

    def __call__(self, count: Count) -> None:
        if count.seconds >= self._next:
            self._next = count.seconds + LINE_SECONDS
            click.echo(count.text, err=True)


@contextmanager
def _bar(talk: Talk, count: Count) -> Iterator[Callable[[Count], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rates]}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("track", total=count.expected, rates="")

        def show(count: Count) -> None:
            # Containers estimate: the total grows with what really comes.
            total = None if count.expected is None else max(count.expected, count.frames)
            rates = ", ".join(count.rates)
            bar.update(task, completed=count.frames, total=total, rates=rates)

        def write(text: str) -> None:
            console.print(text, markup=False, highlight=False, soft_wrap=True)

        with talk.log_lines(write):
            yield show

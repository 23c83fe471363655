"""What a command says on standard error while it works."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click


@dataclass
class Talk:
    """How much is said.

    Attributes:
        verbosity: 0 warnings, 1 also what is done and tracebacks, 2 everything.
        is_quiet: Warnings and errors only.
    """

    verbosity: int = 0
    is_quiet: bool = False

    def say(self, text: str) -> None:
        """One line, unless quiet."""
        if not self.is_quiet:
            click.echo(text, err=True)

    @contextmanager
    def log_lines(self, write: Callable[[str], None]) -> Iterator[None]:
        """What the library logs, as lines, while this lasts."""
        logger = logging.getLogger("track_anything")
        handler, level = _LineHandler(write), logger.level
        logger.setLevel({0: logging.WARNING, 1: logging.INFO}.get(self.verbosity, logging.DEBUG))
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)


class _LineHandler(logging.Handler):
    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        prefix = f"{record.levelname.capitalize()}: " if record.levelno >= logging.WARNING else ""
        self._write(f"{prefix}{record.getMessage()}")


def warn_on_stderr(text: str) -> None:
    """One line on standard error."""
    click.echo(text, err=True)


def is_terminal() -> bool:
    """Whether somebody is watching standard error."""
    return sys.stderr.isatty()


def verbose_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option -v, kept in the context's Talk."""
    return click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        callback=_keep_as("verbosity"),
        help="Say more; with an error, where it came from. Twice: everything.",
    )(command)


def quiet_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --quiet, kept in the context's Talk."""
    return click.option(
        "-q",
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=_keep_as("is_quiet"),
        help="Say nothing but warnings and errors.",
    )(command)


def _keep_as(attribute: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """A callback that keeps the value of an option in the context's Talk."""

    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        setattr(ctx.find_object(Talk), attribute, value)

    return keep

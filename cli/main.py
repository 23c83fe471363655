"""The command `track-anything`: which commands there are, and what their errors become."""

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from track_anything import __version__
from track_anything.errors import TrackAnythingError

from .signals import Terminated
from .talk import Talk

FAILED, WRONG_USAGE, INTERRUPTED, TERMINATED = 1, 2, 130, 143

COMMANDS = (
    "track",
    "segment",
    "everything",
    "annotate",
    "export",
    "remove",
    "review",
    "check",
    "ids",
    "info",
    "weights",
    "evaluate",
    "doctor",
    "version",
)
"""Each is a module of this package with a `command`, imported when it is asked for."""


class Program(click.Group):
    """A group whose commands load late and whose errors are one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, its module imported."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"{__package__}.{cmd_name}")
        command: click.Command = module.command
        return command

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run a command line and exit."""
        talk = Talk()
        extra["standalone_mode"] = False
        extra["prog_name"] = "track-anything"
        try:
            code = super().main(args, obj=talk, **extra)
        except BaseException as error:  # noqa: BLE001  every error becomes a line and a code
            code = exit_code(error)
            if talk.verbosity and not isinstance(error, click.exceptions.Exit | SystemExit):
                traceback.print_exception(error)
            if text := error_text(error):
                click.echo(text, err=True)
        sys.exit(code)


def exit_code(error: BaseException) -> int:
    """What the shell is told: 1 our error, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.Abort):
        return exit_code(error.__cause__) if error.__cause__ is not None else INTERRUPTED
    if isinstance(error, Terminated):
        return TERMINATED
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return WRONG_USAGE if isinstance(error, click.UsageError) else FAILED


def error_text(error: BaseException) -> str:
    """The one line on standard error; "" where nothing is to be said."""
    if isinstance(error, click.exceptions.Exit | BrokenPipeError):
        return ""
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return "Interrupted."
    if isinstance(error, click.UsageError):
        command = f"; see {error.ctx.command_path} --help" if error.ctx else ""
        return f"Error: {_line(error.format_message()).rstrip('.')}{command}"
    if isinstance(error, TrackAnythingError):
        return f"Error: {_line(str(error))}"
    if isinstance(error, click.ClickException):
        return f"Error: {_line(error.format_message())}"
    if isinstance(error, ImportError):
        return f"Error: {_line(str(error))}; `track-anything doctor` tells what is missing"
    name = type(error).__name__
    return f"Error: unexpected {name}: {_line(str(error))}; -v shows where"


def _line(text: str) -> str:
    return " ".join(text.split())


@click.command(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="track-anything")
def program() -> None:
    """Follow objects through a video: annotated video, exact masks, tables."""


def main() -> None:
    """Run the command line of this process."""
    program.main()

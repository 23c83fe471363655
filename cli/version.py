"""track-anything version."""

import platform

import click

from track_anything import __version__


@click.command("version", short_help="Print the version.")
def command() -> None:
    """Print the version of the program and of Python.

    \b
        track-anything version
        track-anything doctor --json
    """
    click.echo(f"track-anything {__version__}, Python {platform.python_version()}")

"""The program around its commands: help, errors, exit codes."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result
from track_anything_cli.main import COMMANDS, error_text, exit_code, program
from track_anything_cli.signals import Terminated

import track_anything
from track_anything.errors import VideoError

Run = Callable[..., Result]


def test_every_command_is_in_the_help_with_a_sentence(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in COMMANDS:
        (line,) = [line for line in result.stdout.splitlines() if line.split()[:1] == [name]]
        assert line.endswith(".")


@pytest.mark.parametrize("words", [*[[name] for name in COMMANDS], ["evaluate", "davis"]])
def test_the_help_of_every_command_has_two_to_four_commands_to_paste(
    run: Run, words: list[str]
) -> None:
    text = run(*words, "--help").stdout
    assert sum(line.strip().startswith("track-anything ") for line in text.splitlines()) in (
        2,
        3,
        4,
    )


def test_the_help_comes_in_less_than_half_a_second() -> None:
    code = "from track_anything_cli.main import main; main()"
    best = 9.0
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", code, "--help"], check=True, capture_output=True, timeout=60
        )
        best = min(best, time.perf_counter() - started)
    assert best < 0.5


def test_a_wrong_command_is_wrong_usage(run: Run) -> None:
    result = run("trak")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: No such command 'trak'")


def test_the_version_is_the_packages(run: Run) -> None:
    assert track_anything.__version__ in run("--version").stdout
    assert run("version").stdout.startswith(f"track-anything {track_anything.__version__}, Python ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (VideoError("gone"), 1),
        (click.UsageError("no"), 2),
        (click.exceptions.Exit(3), 3),
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
        (ImportError("no module"), 1),
        (ZeroDivisionError(), 1),
    ],
)
def test_every_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_an_interrupt_that_click_wraps_keeps_its_code() -> None:
    abort = click.Abort()
    abort.__cause__ = Terminated()
    assert exit_code(abort) == 143


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (VideoError("clip.mp4:\n  no such file"), "Error: clip.mp4: no such file"),
        (
            ImportError("libGL.so.1: cannot open"),
            "Error: libGL.so.1: cannot open; `track-anything doctor` tells what is missing",
        ),
        (
            ZeroDivisionError("division by zero"),
            "Error: unexpected ZeroDivisionError: division by zero; -v shows where",
        ),
        (BrokenPipeError(), ""),
    ],
)
def test_every_error_is_one_line(error: BaseException, text: str) -> None:
    assert error_text(error) == text


def test_the_program_is_installed_under_its_name() -> None:
    script = Path(sys.executable).parent / "track-anything"
    if not script.exists():
        pytest.skip("run from the source tree, not installed")
    done = subprocess.run([script, "version"], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("track-anything ")
    assert program.name == "program"

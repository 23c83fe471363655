"""track-anything doctor: what is installed, what is missing, and what to do about it."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module, metadata, util
from pathlib import Path
from typing import Any

import click

from .formats import json_text
from .talk import verbose_option

OK, MISSING, BROKEN, NOTE = "ok", "missing", "broken", "note"

LIBRARIES = (
    ("numpy", "numpy"),
    ("av", "av"),
    ("cv2", "opencv-python"),
    ("scipy", "scipy"),
    ("PIL", "pillow"),
    ("yaml", "pyyaml"),
    ("rich", "rich"),
    ("supervision", "supervision"),
    ("safetensors", "safetensors"),
    ("torch", "torch"),
)
"""Needed to track: (module, distribution). Each is imported, for one may be there and broken."""
SLOW_LIBRARIES = (
    ("keras", "keras"),
    ("keras_cv", "keras-cv"),
    ("tensorflow", "tensorflow-cpu"),
    ("transformers", "transformers"),
)
"""Not needed to track, and slow to import: only looked for."""
CODECS = (("h264", "r"), ("hevc", "r"), ("vp9", "r"), ("av1", "r"), ("libx264", "w"))

# What an import error says, and what helps.
REMEDIES = (
    ("libGL.so", "apt-get install libgl1, or pip install opencv-python-headless instead"),
    ("libgthread", "apt-get install libglib2.0-0"),
    ("libglib", "apt-get install libglib2.0-0"),
    ("libgomp", "apt-get install libgomp1"),
    ("GLIBC", "use a newer Linux, or a wheel built for this one"),
    ("DLL load failed", "install the Microsoft Visual C++ redistributable"),
)


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        name: What was looked at.
        status: ok, missing, broken, or note for what is not needed.
        detail: What was found.
        remedy: What to do; "" if nothing.
    """

    name: str
    status: str
    detail: str
    remedy: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether tracking cannot work because of it."""
        return self.status in (MISSING, BROKEN)


@click.command("doctor", short_help="Tell what is installed and what is missing.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@verbose_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Tell what is installed, what is missing and what to do; exit 1 if tracking cannot work.

    \b
        track-anything doctor
        track-anything doctor --json
    """
    checks = list(run_checks())
    is_fine = not any(check.is_bad for check in checks)
    if as_json:
        click.echo(json_text({"ok": is_fine, "checks": [asdict(check) for check in checks]}))
    else:
        click.echo("\n".join(_line(check) for check in checks))
        click.echo("everything needed is here" if is_fine else "something needed is missing")
    ctx.exit(0 if is_fine else 1)


def _line(check: Check) -> str:
    remedy = f"; {check.remedy}" if check.remedy else ""
    return f"{check.status:<8}{check.name:<16}{check.detail}{remedy}"


def run_checks() -> Iterator[Check]:
    """Every check in turn; none of them raises."""
    yield _python()
    for module, distribution in LIBRARIES:
        yield library_check(module, distribution)
    for module, distribution in SLOW_LIBRARIES:
        yield _slow_library(module, distribution)
    for name, check in (
        ("video codecs", _codecs),
        ("torch device", _device),
        ("segmenters", _segmenters),
        ("weights cache", _cache),
    ):
        yield _guarded(name, check)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info < (3, 14):
        return Check("python", OK, version)
    return Check("python", BROKEN, version, "use Python 3.11 to 3.13")


def library_check(module: str, distribution: str) -> Check:
    """Whether a library can be imported, and which version it is."""
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module:
            return Check(distribution, MISSING, "not installed", f"pip install {distribution}")
        return Check(distribution, BROKEN, str(error), f"pip install {error.name}")
    except Exception as error:  # noqa: BLE001  a broken library raises anything
        return Check(distribution, BROKEN, _brief(error), _remedy(str(error), distribution))
    return Check(distribution, OK, _version(distribution))


def _slow_library(module: str, distribution: str) -> Check:
    if util.find_spec(module) is not None:
        return Check(distribution, OK, _version(distribution))
    return Check(distribution, NOTE, "not installed; not needed to track", "")


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        # opencv-python-headless has the module of opencv-python.
        return "installed under another name"


def _remedy(text: str, distribution: str) -> str:
    for sign, remedy in REMEDIES:
        if sign in text:
            return remedy
    return f"pip install --force-reinstall {distribution}"


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # noqa: BLE001  what is broken is told by the libraries' own lines
        return Check(name, NOTE, f"cannot be told ({_brief(error)})")


def _imported(name: str) -> Any:
    """A library that elsewhere only its own part may import: here its health is looked at."""
    return import_module(name)


def _codecs() -> Check:
    av: Any = _imported("av")
    missing = []
    for name, mode in CODECS:
        try:
            av.codec.Codec(name, mode)
        except ValueError:
            missing.append(name)
    version = ".".join(map(str, av.library_versions["libavcodec"]))
    if "libx264" in missing:
        remedy = "pip install --force-reinstall av: its wheels can write H.264"
        return Check("video codecs", BROKEN, f"libavcodec {version} without libx264", remedy)
    lacking = f", without {', '.join(missing)}" if missing else ""
    return Check("video codecs", OK, f"libavcodec {version}{lacking}")


def _device() -> Check:
    torch: Any = _imported("torch")
    if torch.cuda.is_available():
        return Check("torch device", OK, f"cuda: {torch.cuda.get_device_name(0)}")
    if torch.backends.mps.is_available():
        return Check("torch device", OK, "mps")
    return Check("torch device", OK, f"cpu, {torch.get_num_threads()} threads")


def _segmenters() -> Check:
    from track_anything.build import SEGMENTERS, choose_segmenter, load

    present = [name for name, spec in SEGMENTERS.items() if spec.target]
    stored = load("track_anything.segmenters.sam.catalogue:available")()
    present += [row.name for row in stored if row.path is not None]
    best, reason = choose_segmenter("auto")
    return Check("segmenters", OK, f"{', '.join(present)}; auto is {best.name}, {reason}")


def _cache() -> Check:
    from track_anything.build import load

    folder: Path = load("track_anything.segmenters.sam.catalogue:cache_folder")()
    existing = folder
    while not existing.exists():
        existing = existing.parent
    remedy = "set TRACK_ANYTHING_CACHE to a folder that can be written"
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Check("weights cache", NOTE, f"{folder} cannot be written", remedy)
    try:
        with tempfile.TemporaryFile(dir=existing):
            return Check("weights cache", OK, str(folder))
    except OSError as error:
        return Check("weights cache", NOTE, f"{folder}: {error.strerror}", remedy)

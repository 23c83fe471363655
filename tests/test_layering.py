"""Imports point down only, heavy libraries live in one place each, and nothing heavy is eager."""

import ast
import importlib.util
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY, COMMANDS = "track_anything", "track_anything_cli"

# Bottom to top; a unit is a module or a package of the library. A unit may import from the rows
# below its own, itself, and, in the rows of TOGETHER, its neighbours.
ROWS: Sequence[frozenset[str]] = (
    frozenset({"errors", "_version"}),
    frozenset({"structures"}),
    frozenset(
        {
            "interfaces",
            "config",
            "boxes",
            "masks",
            "rle",
            "small_gray",
            "files",
            "guided_filter",
            "label_png",
            "painting",
            "polygons",
            "superpixels",
            "timing",
            "zones",
        }
    ),
    frozenset(
        {
            "annotate",
            "evaluation",
            "io",
            "prompts",
            "proposers",
            "removal",
            "segmenters",
            "testing",
            "tracking",
        }
    ),
    frozenset(
        {
            "run",
            "run_manifest",
            "build",
            "job",
            "execution",
            "job_record",
            "resume",
            "corrections",
            "retrack",
            "revise",
            "backward",
            "tracked_backwards",
            "self_check",
            "export",
            "api",
            "auto_annotation",
            "segmentation",
            "segmentation_files",
            "everything",
            "everything_files",
            "predictor",
            "remove_objects",
            "ids",
            "review",
            "rewrite",
        }
    ),
    frozenset({"batch", "bench", "ui"}),
    # "" is track_anything/__init__.py: public names of anything.
    frozenset({""}),
    frozenset({COMMANDS}),
)
TOGETHER = frozenset({2, 4, 5})

# Paths below which a library may be imported; a path with ".py" is that file alone.
HOMES = {
    "av": ("track_anything/io/",),
    "click": ("cli/",),
    "keras": ("track_anything/segmenters/sam/keras_model.py",),
    "keras_cv": ("track_anything/segmenters/sam/keras_model.py",),
    "ray": ("track_anything/batch_ray.py",),
    "rich": ("cli/",),
    "supervision": ("track_anything/annotate.py",),
    "tensorflow": ("track_anything/segmenters/sam/keras_model.py",),
    "torch": ("track_anything/segmenters/", "track_anything/tracking/appearance.py"),
    "transformers": ("track_anything/proposers/", "track_anything/tracking/sam2_tracker.py"),
}

HEAVY = frozenset(
    {
        "av",
        "cv2",
        "keras",
        "keras_cv",
        "scipy",
        "supervision",
        "tensorflow",
        "torch",
        "transformers",
    }
)


def imported_modules(source: str, module: str, *, is_package: bool) -> Iterator[str]:
    """Absolute names of all that a source imports, wherever in it; both parts of from-imports."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            called = node.func.id if isinstance(node.func, ast.Name) else called
            name = node.args[0]
            if called in {"import_module", "__import__"} and isinstance(name, ast.Constant):
                yield str(name.value)


def unit_of(name: str) -> str | None:
    """The unit a dotted name belongs to; None if it is not ours."""
    first, _, rest = name.partition(".")
    if first == COMMANDS:
        return COMMANDS
    if first != LIBRARY:
        return None
    unit = rest.partition(".")[0]
    # "from track_anything import track" names something of __init__, not a module.
    is_module = any(unit in row for row in ROWS) or exists(unit)
    return unit if is_module else ""


def exists(unit: str) -> bool:
    return (ROOT / LIBRARY / unit).is_dir() or (ROOT / LIBRARY / f"{unit}.py").is_file()


def row_of(unit: str) -> int | None:
    return next((row for row, units in enumerate(ROWS) if unit in units), None)


def faults(source: str, path: str) -> list[str]:
    """What is wrong with the imports of a source at a path of the project."""
    parts = path.removesuffix(".py").split("/")
    is_package = parts[-1] == "__init__"
    names = [COMMANDS if parts[0] == "cli" else parts[0], *parts[1:]]
    module = ".".join(names[:-1] if is_package else names)
    unit = COMMANDS if names[0] == COMMANDS else module.partition(".")[2].partition(".")[0]
    row = row_of(unit)
    if row is None:
        return [f"{path}: has no place in ROWS of {Path(__file__).name}"]
    found = []
    for name in imported_modules(source, module, is_package=is_package):
        library = name.partition(".")[0]
        homes = HOMES.get(library)
        if homes and not any(path == home or path.startswith(home) for home in homes):
            found.append(f"{path}: imports {library}, which belongs in {' or '.join(homes)}")
        other = unit_of(name)
        if other is None or other == unit:
            continue
        other_row = row_of(other)
        if other_row is None or not (other_row < row or (other_row == row and row in TOGETHER)):
            found.append(f"{path}: {unit or LIBRARY} may not import {name}")
    return found


def sources() -> list[str]:
    return sorted(
        str(path.relative_to(ROOT))
        for folder in (LIBRARY, "cli")
        for path in (ROOT / folder).rglob("*.py")
    )


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running some code."""
    ending = "\nimport sys\nprint('\\n'.join(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code + ending],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    return {name.partition(".")[0] for name in done.stderr.splitlines()}


@pytest.mark.parametrize("path", sources())
def test_imports_point_down_and_heavy_libraries_stay_home(path: str) -> None:
    assert not faults((ROOT / path).read_text(encoding="utf-8"), path)


@pytest.mark.parametrize(
    ("path", "line", "fault"),
    [
        ("track_anything/structures.py", "from track_anything.masks import x", "may not import"),
        ("track_anything/structures.py", "import track_anything.masks", "may not import"),
        ("track_anything/masks.py", "from track_anything import io", "may not import"),
        ("track_anything/io/a.py", "from track_anything.tracking.b import x", "may not import"),
        ("track_anything/io/a.py", "from ..tracking import x", "may not import"),
        ("track_anything/io/__init__.py", "from ..prompts import x", "may not import"),
        ("track_anything/io/a.py", "def f():\n    import track_anything.run", "may not import"),
        ("track_anything/run.py", "from track_anything import track", "may not import"),
        ("track_anything/run.py", "import track_anything_cli.main", "may not import"),
        (
            "track_anything/tracking/a.py",
            "import importlib\nimportlib.import_module('track_anything.segmenters.grabcut')",
            "may not import",
        ),
        ("track_anything/tracking/a.py", "import torch.nn.functional as F", "imports torch"),
        ("track_anything/segmenters/a.py", "from keras import ops", "imports keras"),
        ("track_anything/io/a.py", "if x:\n    import supervision", "imports supervision"),
        ("cli/track.py", "import av", "imports av"),
        ("track_anything/run.py", "from rich.progress import Progress", "imports rich"),
        ("track_anything/new_thing.py", "", "has no place"),
    ],
)
def test_a_wrong_import_is_a_fault(path: str, line: str, fault: str) -> None:
    (found,) = faults(line, path)
    assert fault in found


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("track_anything/io/a.py", "import av\nfrom track_anything.masks import x"),
        ("track_anything/io/a.py", "from track_anything.io.b import x\nfrom .c import y"),
        ("track_anything/timing.py", "from track_anything.interfaces import Sink"),
        ("track_anything/tracking/appearance.py", "import torch"),
        ("track_anything/build.py", "from track_anything import io, run"),
        ("track_anything/__init__.py", "from track_anything.run import track"),
        ("cli/main.py", "import click\nfrom .track import x\nfrom track_anything import track"),
        ("track_anything/run.py", "import avahi, torchless"),
    ],
)
def test_a_right_import_is_no_fault(path: str, line: str) -> None:
    assert not faults(line, path)


def test_the_package_list_is_the_tree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tree = {
        ".".join([COMMANDS if part == "cli" else part for part in folder.relative_to(ROOT).parts])
        for top in (LIBRARY, "cli")
        for folder in (path.parent for path in (ROOT / top).rglob("*.py"))
    }
    assert sorted(tree) == sorted(project["tool"]["setuptools"]["packages"])


def test_importing_the_library_loads_nothing_heavy() -> None:
    loaded = modules_after("import track_anything")
    assert "track_anything" in loaded
    assert not loaded & HEAVY


def test_the_help_of_the_command_loads_nothing_heavy() -> None:
    if not (ROOT / "cli" / "main.py").is_file():
        pytest.skip("there is no command yet")
    assert importlib.util.find_spec(f"{COMMANDS}.main")
    loaded = modules_after(
        "import sys\n"
        "sys.argv = ['track-anything', '--help']\n"
        f"from {COMMANDS}.main import main\n"
        "try:\n    main()\nexcept SystemExit as error:\n    assert not error.code, error"
    )
    assert COMMANDS in loaded
    assert not loaded & HEAVY


def test_a_heavy_import_would_be_seen() -> None:
    assert "cv2" in modules_after("import track_anything.masks")

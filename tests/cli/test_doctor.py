"""`track-anything doctor`: what is missing or broken, and what to do."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from track_anything_cli import doctor
from track_anything_cli.doctor import library_check

Run = Callable[..., Result]


def put_module(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module found first, not yet imported."""
    (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, name, raising=False)


def test_a_whole_installation_is_fine(run: Run) -> None:
    result = run("doctor")
    assert result.exit_code == 0, result.stdout
    assert result.stdout.splitlines()[-1] == "everything needed is here"
    assert "auto is compact" in result.stdout


def test_the_report_is_there_as_json(run: Run) -> None:
    report = json.loads(run("doctor", "--json").stdout)
    assert report["ok"]
    checks = {check["name"]: check for check in report["checks"]}
    assert checks["numpy"]["status"] == "ok"
    assert checks["video codecs"]["status"] == "ok"


def test_a_library_that_is_not_installed_is_missing_and_pip_is_the_remedy() -> None:
    check = library_check("no_such_module", "no-such-thing")
    assert (check.status, check.remedy) == ("missing", "pip install no-such-thing")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("libGL.so.1: cannot open shared object file", "apt-get install libgl1, or pip install "),
        ("libgthread-2.0.so.0: cannot open", "apt-get install libglib2.0-0"),
        ("something else", "pip install --force-reinstall broken-thing"),
    ],
)
def test_a_library_that_cannot_be_loaded_is_broken_and_what_helps_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, remedy: str
) -> None:
    put_module(tmp_path, "broken_thing", f"raise ImportError({text!r})", monkeypatch)
    check = library_check("broken_thing", "broken-thing")
    assert check.status == "broken"
    assert text in check.detail
    assert check.remedy.startswith(remedy)


def test_a_library_without_one_of_its_own_libraries_names_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_module(tmp_path, "broken_thing", "import no_such_part", monkeypatch)
    assert library_check("broken_thing", "broken-thing").remedy == "pip install no_such_part"


def test_something_needed_and_missing_exits_with_1_and_the_rest_is_still_told(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries = [("no_such_module", "no-such-thing"), ("numpy", "numpy")]
    monkeypatch.setattr(doctor, "LIBRARIES", libraries)
    result = run("doctor")
    assert result.exit_code == 1
    assert "missing no-such-thing" in " ".join(result.stdout.split())
    assert "ok numpy" in " ".join(result.stdout.split())
    assert result.stdout.splitlines()[-1] == "something needed is missing"


def test_a_broken_opencv_does_not_stop_the_report(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_module(tmp_path, "cv2", "raise ImportError('libGL.so.1: cannot open')", monkeypatch)
    result = run("doctor")
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if "opencv-python " in line]
    assert line.startswith("broken")
    assert "apt-get install libgl1" in line
    assert "weights cache" in result.stdout


def test_a_library_that_is_not_needed_is_only_noted(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "SLOW_LIBRARIES", [("no_such_module", "no-such-thing")])
    result = run("doctor")
    assert result.exit_code == 0
    assert "note no-such-thing not installed; not needed" in " ".join(result.stdout.split())

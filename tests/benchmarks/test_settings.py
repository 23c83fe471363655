"""The table of settings that are measured is complete, and its arithmetic is right."""

import argparse
import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from track_anything.config import RunConfig

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "settings.py"


@pytest.fixture(scope="module")
def settings() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("settings", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        # Dataclasses look their module up.
        patch.setitem(sys.modules, "settings", module)
        spec.loader.exec_module(module)
        yield module


def numbers(config: Any, path: str) -> Iterator[tuple[str, float]]:
    """Every numeric setting below a path, with its default."""
    for field in fields(config):
        value, name = getattr(config, field.name), f"{path}.{field.name}"
        if is_dataclass(value):
            yield from numbers(value, name)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield name, value


def test_every_number_is_measured_or_it_is_said_why_not(settings: ModuleType) -> None:
    config = RunConfig()
    parts = [numbers(config.propagator, "propagator"), numbers(config.tracker, "tracker")]
    expected = {name for part in parts for name, _ in part}
    assert expected == settings.TRIALS.keys() | settings.NOT_MEASURED.keys()
    assert not settings.TRIALS.keys() & settings.NOT_MEASURED.keys()


def test_a_default_is_between_the_values_it_is_compared_with(settings: ModuleType) -> None:
    for setting, (data, low, high) in settings.TRIALS.items():
        tried = [settings.config_of(data, setting, value, 0) for value in (low, high)]
        default: Any = settings.config_of(data, settings.DEFAULT, 0, 0)
        for key in setting.split("."):
            default, tried = getattr(default, key), [getattr(one, key) for one in tried]
        assert tried == [low, high]
        assert low < default < high or (default == 0 and 0 < low < high), setting


def result(settings: ModuleType) -> dict[str, Any]:
    def one(score: float, objects: int = 1) -> dict[str, float]:
        return {"objects": objects, "J&F": score, "fps": 10.0, "calls_per_100_frames": 0.0}

    return {
        "runs": {
            "carried": {
                "default": {"a": one(0.5), "b": one(0.7, 3)},
                "propagator.search=15": {"a": one(0.6), "b": one(0.72, 3)},
                "propagator.search=60": {"a": one(0.4)},
                "propagator.search=99": {"a": one(0.4)},
            }
        }
    }


def test_the_table_says_the_change_and_how_sure_it_is(settings: ModuleType) -> None:
    lines = settings.table(result(settings)).splitlines()
    cells = [line.split() for line in lines[1:]]
    assert cells == [
        # (0.5 + 3 * 0.7) / 4
        ["(defaults)", "carried", "0.650", "10.0", "0.0"],
        # (0.6 + 3 * 0.72) / 4 = 0.69; changes of 10 and 2 points deviate by 5.66 / sqrt(2).
        ["propagator.search", "carried", "15", "0.690", "+4.0", "4.0", "10.0", "0.0"],
        # Compared on the sequences that both have.
        ["propagator.search", "carried", "60", "0.400", "-10.0", "10.0", "0.0"],
    ]


def test_a_file_that_was_begun_is_gone_on_with_unless_its_defaults_were_others(
    settings: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    fresh = settings.begun(path, 0)
    assert fresh["runs"] == {}
    fresh["runs"] = {"carried": {"default": {"a": {"J&F": 0.5}}}}
    path.write_text(json.dumps(fresh), encoding="utf-8")
    assert settings.begun(path, 0) == fresh
    with pytest.raises(SystemExit, match="another seed"):
        settings.begun(path, 1)
    fresh["defaults"]["tracker"]["lost_frames"] = 99
    path.write_text(json.dumps(fresh), encoding="utf-8")
    with pytest.raises(SystemExit, match="another defaults"):
        settings.begun(path, 0)


def test_only_what_is_asked_for_is_run_with_its_default_first(
    settings: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "_names", lambda root, wanted: ["a", "b"])
    options = argparse.Namespace(
        davis=tmp_path, composites=tmp_path, only=["propagator.search"], sequence=[], seed=0
    )
    found = [(job.data, job.run, job.sequence) for job in settings.jobs_of(options)]
    runs = ("default", "propagator.search=15", "propagator.search=60")
    assert found == [("carried", run, name) for run in runs for name in ("a", "b")]

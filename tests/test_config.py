"""Settings: ranges, and TOML files that may only say what exists."""

from pathlib import Path

import pytest

from track_anything.config import (
    AppearanceConfig,
    LookBackConfig,
    PropagatorConfig,
    ReadConfig,
    RepromptConfig,
    RunConfig,
    StyleConfig,
    TrackerConfig,
    WriteConfig,
    load_config,
    with_values,
)
from track_anything.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, "")) == RunConfig()


def test_a_file_changes_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    text = (
        'seed = 7\n[write]\ncrf = 30\n[style]\nparts = ["box", "label"]\n'
        '[tracker]\noverlaps = "keep"\n[tracker.reprompt]\nmode = "off"\nbelow = 1\n'
    )
    assert load_config(write(tmp_path, text)) == RunConfig(
        seed=7,
        write=WriteConfig(crf=30),
        style=StyleConfig(parts=("box", "label")),
        tracker=TrackerConfig(overlaps="keep", reprompt=RepromptConfig(mode="off", below=1.0)),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("crf = 3", "unknown setting crf; the top level has segmenter, seed, .*read, write"),
        ("[write]\nqrf = 3", r"unknown setting write.qrf; \[write\] has crf, preset"),
        ("[tracker.reprompt]\nx = 3", r"\[tracker.reprompt\] has mode, below"),
        ("read = 3", "read is a table, got 3"),
        ('seed = "one"', "seed is a whole number, got 'one'"),
        ("seed = true", "seed is a whole number, got True"),
        ("seed = 1.5", "seed is a whole number, got 1.5"),
        ('[style]\nmask_opacity = "dark"', "style.mask_opacity is a number"),
        ("segmenter = 1", "segmenter is a text, got 1"),
        ('[style]\nparts = "box"', "style.parts is a list of texts, got 'box'"),
        ("[style]\nparts = [1]", "style.parts is a list of texts"),
        ("[write]\ncrf = 99", "crf is 0 to 51, got 99"),
        ('[style]\nparts = ["boxes"]', "style is any of mask"),
        ("seed = ", "not TOML"),
    ],
)
def test_what_a_file_may_not_say_is_one_line_with_its_name(
    tmp_path: Path, text: str, said: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=said) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml: cannot be read"):
        load_config(tmp_path / "gone.toml")


def test_values_win_over_the_config_they_are_laid_on() -> None:
    config = RunConfig(seed=3, read=ReadConfig(max_side=640))
    assert with_values(config, {"read": {"max_side": 320}}) == RunConfig(
        seed=3, read=ReadConfig(max_side=320)
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ReadConfig(max_side=8), "max_side is 16 to 65535"),
        (lambda: ReadConfig(prefetch_frames=-1), "prefetch_frames is 0 to 256"),
        (lambda: WriteConfig(queue_frames=0), "queue_frames is 1 to 256"),
        (lambda: StyleConfig(mask_opacity=1.5), "mask_opacity is 0 to 1, got 1.5"),
        (lambda: RepromptConfig(mode="never"), "reprompt is one of auto, on, off"),
        (lambda: RepromptConfig(clock_frames=0), "clock_frames is 1 to 10000, got 0"),
        (lambda: RepromptConfig(longest_interval=-1), "longest_interval is 0 to 1e\\+06, got -1"),
        (lambda: RepromptConfig(box_growth=-0.1), "box_growth is 0 to 2, got -0.1"),
        (lambda: RepromptConfig(evidence_gain=-2.1), "evidence_gain is -2 to 2, got -2.1"),
        (lambda: LookBackConfig(frames=-1), "frames is 0 to 1000, got -1"),
        (lambda: LookBackConfig(frames=1001), "frames is 0 to 1000, got 1001"),
        (lambda: LookBackConfig(sure_above=1.1), "sure_above is 0 to 1, got 1.1"),
        (lambda: LookBackConfig(agree_above=-0.1), "agree_above is 0 to 1, got -0.1"),
        (lambda: LookBackConfig(stop_below=2), "stop_below is 0 to 1, got 2"),
        (lambda: TrackerConfig(overlaps="last"), "overlaps is one of first, keep"),
        (lambda: TrackerConfig(cuts="stop"), "cuts is one of reacquire, end, ignore, got 'stop'"),
        (lambda: TrackerConfig(smallest_area=0), "smallest_area is 1 to .*, got 0"),
        (lambda: AppearanceConfig(first_rate=-1e-3), "first_rate is 0 to 1, got -0.001"),
        (lambda: AppearanceConfig(rate=1.5), "rate is 0 to 1, got 1.5"),
        (lambda: AppearanceConfig(rate=float("nan")), "rate is 0 to 1, got nan"),
        (lambda: PropagatorConfig(stray_gap=-0.1), "stray_gap is 0 to 100, got -0.1"),
        (lambda: PropagatorConfig(stray_distance=101), "stray_distance is 0 to 100, got 101"),
    ],
)
def test_a_setting_out_of_range_is_refused(make: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()  # type: ignore[operator]


def test_zones_and_limits_of_discovery_are_checked() -> None:
    zones = {"discovery": {"is_on": True, "zones": ["0,0 9,0 9,9"]}}
    assert with_values(RunConfig(), zones).discovery.zones == ("0,0 9,0 9,9",)
    for values, said in (
        ({"zones": ["0,0 9,0"]}, "a zone is three corners or more"),
        ({"zones": "0,0 9,0 9,9"}, "discovery.zones is a list of texts"),
        ({"every_frames": 0}, "every_frames is 1 to 10000, got 0"),
        ({"max_area": 1.5}, "max_area is 0 to 1, got 1.5"),
        ({"max_objects": 70000}, "max_objects is 1 to 65535, got 70000"),
    ):
        with pytest.raises(ConfigError, match=said):
            with_values(RunConfig(), {"discovery": values})

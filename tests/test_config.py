"""Settings: ranges, and TOML files that may only say what exists."""

from pathlib import Path

import pytest

from track_anything.config import (
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
        ("crf = 3", "unknown setting crf; the top level has segmenter, seed, read, write"),
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
        (lambda: TrackerConfig(overlaps="last"), "overlaps is one of first, keep"),
    ],
)
def test_a_setting_out_of_range_is_refused(make: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()  # type: ignore[operator]

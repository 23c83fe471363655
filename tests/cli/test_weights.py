"""`track-anything weights`: what is here, what is not, and how to get it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from track_anything_cli import weights

from track_anything.segmenters.sam.catalogue import KNOWN_WEIGHTS, KnownWeights

TINY = Path(__file__).resolve().parents[1] / "data" / "sam_tiny" / "sam_tiny.pth"
Run = Callable[..., Result]


def test_published_weights_are_listed_with_their_size_and_where_to_get_them(run: Run) -> None:
    lines = {line.split()[0]: line for line in run("weights", "list").stdout.splitlines()}
    assert list(lines) == list(KNOWN_WEIGHTS)
    assert "375 MB  not here, from https://" in lines["sam-base"]
    assert "2.6 GB" in lines["sam-huge"]


def test_an_imported_file_is_listed_found_and_verified(run: Run, tmp_path: Path) -> None:
    result = run("weights", "import", TINY, "--name", "mine")
    stored = tmp_path / "cache" / "sam" / "mine.safetensors"
    assert (result.exit_code, result.stdout) == (0, f"{stored}\n"), result.stderr
    assert "--segmenter mine" in result.stderr
    assert run("weights", "path", "mine").stdout == f"{stored}\n"
    assert run("weights", "path").stdout == f"{tmp_path / 'cache'}\n"
    (row,) = [r for r in json.loads(run("weights", "list", "--json").stdout) if r["is_present"]]
    assert row == {
        "name": "mine",
        "is_present": True,
        "path": str(stored),
        "source": str(TINY),
        "byte_count": stored.stat().st_size,
    }
    assert run("weights", "list").stdout.splitlines()[-1].endswith(f" {stored}")
    verified = run("weights", "verify")
    assert verified.exit_code == 0
    assert verified.stdout.startswith("mine: as written, SHA-256 ")


def test_damage_is_one_line_among_those_that_are_fine(run: Run, tmp_path: Path) -> None:
    run("weights", "import", TINY, "--name", "bad")
    run("weights", "import", TINY, "--name", "good")
    stored = tmp_path / "cache" / "sam" / "bad.safetensors"
    data = bytearray(stored.read_bytes())
    data[-1] ^= 1
    stored.write_bytes(data)
    result = run("weights", "verify")
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == ["good"]
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: {stored}: damaged")
    assert run("weights", "verify", "good").exit_code == 0


def test_an_empty_cache_is_said_and_no_failure(run: Run, tmp_path: Path) -> None:
    result = run("weights", "verify")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"nothing is cached in {tmp_path / 'cache'}\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["path", "sam-base"], "sam-base is not cached in"),
        (["verify", "sam-base"], "sam-base is not cached in"),
        (["import", "nowhere.pth"], "nowhere.pth: there is no such checkpoint"),
        (["import", __file__], "not a checkpoint, or damaged"),
        (["import", TINY, "--name", "a/b"], "a plain file name"),
        (["pull", "magic"], "magic is unknown: weights to pull are sam-base"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, words: list[object], text: str) -> None:
    result = run("weights", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert text in line


def test_without_a_network_one_line_says_where_to_get_and_put_the_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://127.0.0.1:9/far.pth"
    known = KnownWeights(name="far", size_name="base", url=url, sha256="0" * 64)
    monkeypatch.setitem(KNOWN_WEIGHTS, "far", known)
    result = run("weights", "pull", "far", "-q")
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert f"get {url} elsewhere and put it at {tmp_path / 'cache' / 'downloads'}" in line
    assert line.endswith("or run `track-anything weights import FILE --name far`")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_pull_says_how_far_it_is_and_prints_the_path(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    from track_anything.segmenters.sam import cache

    def pull(name: str, *, progress: Callable[[int, int | None], None]) -> Path:
        progress(1_000_000, 375_042_383)
        progress(2_000_000, None)
        return tmp_path / f"{name}.safetensors"

    monkeypatch.setattr(cache, "pull", pull)
    monkeypatch.setattr(weights, "is_terminal", lambda: is_terminal)
    monkeypatch.setattr(weights, "LINE_SECONDS", 0.0)
    result = run("weights", "pull", "sam-base")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{tmp_path / 'sam-base.safetensors'}\n"
    assert result.stderr.startswith("Fetching sam-base from https://")
    if not is_terminal:
        assert result.stderr.splitlines()[1:] == ["sam-base: 1 MB of 375 MB", "sam-base: 2 MB"]


@pytest.mark.parametrize("words", [["list"], ["pull"], ["import"], ["verify"], ["path"]])
def test_every_subcommand_has_two_commands_to_paste(run: Run, words: list[str]) -> None:
    text = run("weights", *words, "--help").stdout
    assert sum(line.strip().startswith("track-anything ") for line in text.splitlines()) == 2


def test_a_file_put_among_the_downloads_is_taken_without_a_network(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    digest = hashlib.sha256(TINY.read_bytes()).hexdigest()
    url = "http://127.0.0.1:9/sam_tiny.pth"
    known = KnownWeights(name="far", size_name="base", url=url, sha256=digest)
    monkeypatch.setitem(KNOWN_WEIGHTS, "far", known)
    downloads = tmp_path / "cache" / "downloads"
    downloads.mkdir(parents=True)
    for name in ("sam_tiny.pth", "config.json"):
        shutil.copy(TINY.with_name(name), downloads)
    assert run("weights", "pull", "far").exit_code == 0
    assert run("weights", "verify", "far").exit_code == 0

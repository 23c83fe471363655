"""Which weights there are and where, told without loading anything heavy."""

import subprocess
import sys
from pathlib import Path

import pytest

from track_anything.segmenters.sam import catalogue
from track_anything.segmenters.sam.catalogue import KNOWN_WEIGHTS, available, cache_folder


def test_all_published_weights_are_listed_though_none_is_cached() -> None:
    rows = {row.name: row for row in available()}
    assert rows["sam-huge"].byte_count == 2_564_550_879
    assert rows["sam_large_sa1b"].path is None
    assert set(rows) == set(KNOWN_WEIGHTS)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the XDG rule is for the others")
def test_the_cache_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACK_ANYTHING_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/track-anything")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == Path("/home/someone/.cache/track-anything")


@pytest.mark.parametrize(
    ("platform", "end"),
    [
        ("darwin", ("Library", "Caches", "track-anything")),
        ("win32", ("AppData", "Local", "track-anything")),
    ],
)
def test_other_platforms_have_their_own_folder(
    monkeypatch: pytest.MonkeyPatch, platform: str, end: tuple[str, ...]
) -> None:
    monkeypatch.delenv("TRACK_ANYTHING_CACHE")
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(catalogue.sys, "platform", platform)
    assert cache_folder().parts[-len(end) :] == end


def test_choosing_a_segmenter_where_no_weights_are_does_not_load_torch() -> None:
    code = (
        "import sys\n"
        "from track_anything.build import choose_segmenter\n"
        "assert choose_segmenter('auto')[0].name == 'compact'\n"
        "assert 'track_anything.segmenters.sam.catalogue' in sys.modules\n"
        "assert not {'torch', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_what_is_in_the_cache_is_listed_with_its_source(weights_folder: Path) -> None:
    (weights_folder / "sam").mkdir(parents=True)
    (weights_folder / "sam" / "mine.safetensors").write_bytes(b"12345")
    (weights_folder / "sam" / "mine.json").write_text('{"source": "/from/mine.pth"}')
    *_, row = available()
    assert (row.name, row.byte_count, row.source) == ("mine", 5, "/from/mine.pth")
    assert row.path == weights_folder / "sam" / "mine.safetensors"

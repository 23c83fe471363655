"""Shared by all tests: an empty cache, a clip as pictures; errors in logs are failures."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from track_anything.testing import MovingSquare

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def shared_data() -> Path:
    """The folder of real videos; skips where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the shared data folder is not here")
    return folder


@pytest.fixture(autouse=True)
def _no_logged_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    errors = [r for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
    assert not errors, errors


@pytest.fixture(autouse=True)
def weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of weights: whatever this machine has, the embedded segmenter is taken."""
    monkeypatch.setenv("TRACK_ANYTHING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Six pictures of 128x96, 25 a second, of a square whose first box is 8,12,32,36."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for frame in MovingSquare(frame_count=6):
        Image.fromarray(frame.image).save(folder / f"{frame.index:05d}.png")
    return folder

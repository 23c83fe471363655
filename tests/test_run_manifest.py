"""The hash that a manifest has of its input; what else it says is tested with the execution."""

import hashlib
from pathlib import Path

import pytest

from track_anything.run_manifest import InputHash


def test_the_hash_of_a_file_is_waited_for_and_told(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"frames" * 100_000)
    told: list[str] = []
    found = InputHash(str(tmp_path / "clip.mp4"), told.append)
    assert found.result(waits=True) is None
    found.start()
    expected = hashlib.sha256(b"frames" * 100_000).hexdigest()
    assert found.result(waits=True) == expected
    assert told == [expected]


@pytest.mark.parametrize("path", ["", "-", "nowhere.mp4", "."])
def test_what_is_not_one_file_has_no_hash(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = InputHash(path, pytest.fail)
    found.start()
    assert found.result(waits=True) is None


def test_a_file_that_goes_away_has_no_hash_and_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"frames")
    found = InputHash(str(tmp_path / "clip.mp4"), pytest.fail)
    (tmp_path / "clip.mp4").unlink()
    found.start()
    assert found.result(waits=True) is None
    assert "no hash of the input" in caplog.text

import hashlib
import os
from pathlib import Path

import pytest

from track_anything.errors import VideoError
from track_anything.io.fingerprint import check_unchanged, fingerprint


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"0123456789")
    return path


def touch(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def test_a_file_that_stays_as_it_is_is_unchanged(video: Path) -> None:
    known = fingerprint(str(video))
    assert (known["files"], known["bytes"]) == (1, 10)
    check_unchanged(str(video), known, None)


def test_another_size_is_a_change(video: Path) -> None:
    known = fingerprint(str(video))
    video.write_bytes(b"012345678")
    with pytest.raises(VideoError, match=r"clip\.mp4: was changed since the run began, 9 bytes"):
        check_unchanged(str(video), known, hashlib.sha256(b"0123456789").hexdigest())


def test_a_file_that_only_looks_changed_is_read_where_its_hash_is_known(video: Path) -> None:
    known, digest = fingerprint(str(video)), hashlib.sha256(b"0123456789").hexdigest()
    touch(video)
    check_unchanged(str(video), known, digest)
    with pytest.raises(VideoError, match="was changed since the run began: track it again"):
        check_unchanged(str(video), known, None)
    video.write_bytes(b"012345678X")
    touch(video)
    with pytest.raises(VideoError, match="was changed"):
        check_unchanged(str(video), known, digest)


def test_every_picture_of_a_folder_counts(pictures: Path) -> None:
    known = fingerprint(str(pictures))
    assert known["files"] == 6
    (pictures / "notes.txt").write_text("no picture")
    check_unchanged(str(pictures), known, None)
    check_unchanged(str(pictures / "*.png"), known, None)
    touch(pictures / "00003.png")
    with pytest.raises(VideoError, match="was changed"):
        check_unchanged(str(pictures), known, None)
    (pictures / "00003.png").unlink()
    with pytest.raises(VideoError, match="5 files instead of 6"):
        check_unchanged(str(pictures), known, None)


def test_an_input_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"gone\.mp4: cannot be read"):
        fingerprint(str(tmp_path / "gone.mp4"))

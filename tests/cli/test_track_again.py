"""`track --resume` after a kill, and `track --continue` with corrections."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import av
import pytest
from click.testing import Result

from track_anything.io.run_store import RunStore, stored_edits, undo_last
from track_anything.testing import MovingSquare

FRAMES = 36
Run = Callable[..., Result]


def box(index: int) -> str:
    return ",".join(f"{side:g}" for side in MovingSquare().box(index))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Thirty-six frames of a square that moves 3 right and 2 down a frame, with a tone."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w", container_options={"movflags": "faststart"}) as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.height, stream.width, stream.pix_fmt = 96, 128, "yuv420p"
        sound = output.add_stream("aac", rate=48000)
        for frame in MovingSquare(frame_count=FRAMES):
            picture = av.VideoFrame.from_ndarray(frame.image, "rgb24")
            picture.pts = frame.index
            output.mux(stream.encode(picture))
        for start in range(0, 48000 * FRAMES // 25, 1024):
            silence = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            silence.sample_rate, silence.pts = 48000, start
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            output.mux(sound.encode(silence))
        output.mux(stream.encode(None))
        output.mux(sound.encode(None))
    return path


@pytest.fixture
def words(clip: Path, quick: Path) -> list[str]:
    """A command that tracks the square, corrected on 12 and 24, and a part of the background."""
    boxes = [f"--box=square={box(index)}@{index}f" for index in (0, 12, 24)]
    patch = "--box=patch=90,4,120,24@6f"
    return ["track", str(clip), *boxes, patch, "--object-masks", "--config", str(quick)]


def content(folder: Path) -> Mapping[str, str]:
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".png", ".csv", ".jsonl")
    }
    for table in ("frames", "masks", "events"):
        found[table] = hashlib.sha256(repr(rows(folder, table)).encode()).hexdigest()
    return found


def rows(folder: Path, table: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"{(folder / 'tracks.db').as_uri()}?mode=ro", uri=True)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
    finally:
        connection.close()


def times(folder: Path) -> tuple[list[float], int]:
    """Times of the pictures of the annotated video, and how many packets of sound it has."""
    with av.open(str(folder / "annotated.mp4")) as video:
        pictures = [float(frame.time) for frame in video.decode(video=0)]
    with av.open(str(folder / "annotated.mp4")) as video:
        return pictures, sum(bool(packet.size) for packet in video.demux(audio=0))


def kill_at(words: list[str], folder: Path, frame: int) -> None:
    """Run a command in a process of its own and kill it once it has a frame."""
    program = [sys.executable, "-c", "from track_anything_cli.main import main; main()"]
    process = subprocess.Popen(
        [*program, *words, "-o", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 60
    while not (folder / "masks" / f"{frame:05d}.png").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.communicate(timeout=60)


def test_a_run_killed_anywhere_ends_with_the_same_masks_tables_and_a_whole_video(
    run: Run, words: list[str], tmp_path: Path
) -> None:
    whole = run(*words, "-o", tmp_path / "whole")
    assert whole.exit_code == 0, whole.stderr
    for frame in (0, 15, 31):
        folder = tmp_path / f"killed{frame}"
        kill_at(words, folder, frame)
        left = len(rows(folder, "frames"))
        assert left < FRAMES
        # By the folder alone, and by the same command again.
        resuming = ["track", "--resume", str(folder)]
        if frame == 15:
            resuming = [*words, "-o", str(folder), "--resume"]
        result = run(*resuming)
        assert result.exit_code == 0, result.stderr
        assert "are in the store" in result.stderr
        assert "36 frames" in result.stdout
        assert content(folder) == content(tmp_path / "whole")
        assert times(folder) == times(tmp_path / "whole")
        assert not list(folder.glob("*partial*"))
        assert not list(folder.glob("tracks.db-*"))


def test_what_is_complete_is_not_resumed(run: Run, words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert run(*words, "-o", folder, "--no-video").exit_code == 0
    before = content(folder)
    for resuming in (["track", "--resume", folder], [*words, "-o", folder, "--resume"]):
        result = run(*resuming)
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == f"{folder}: is complete, nothing is left to do.\n"
    assert content(folder) == before


def test_resuming_what_was_never_begun_begins_it(
    run: Run, words: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    assert run(*words, "-o", folder, "--resume", "--no-video", "-to", "4f").exit_code == 1
    # A kill before there was a store leaves a manifest alone.
    folder.mkdir()
    (folder / "run.json").write_text('{"status": "running"}')
    result = run(*words, "-o", folder, "--resume", "--no-video")
    assert result.exit_code == 0, result.stderr
    with RunStore.open(folder) as store:
        assert store.frame_count == FRAMES


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        (["--resume", "RUN", "--seed", "4"], 2, "takes all else from the run: leave out --seed"),
        (["--resume", "RUN", "--box", "1,2,3,4"], 2, "leave out --box"),
        (["--resume", "CLIP", "--box", "1,2,30,40"], 2, "Missing option '-o' / '--output'"),
        (["--resume", "CLIP", "--box", "8,12,32,36", "-o", "RUN"], 1, "made with other prompts"),
        (["--continue", "RUN"], 2, "say what to correct with --box"),
        (["--continue", "RUN", "--box", "8,12,32,36", "-o", "x"], 2, "leave out -o"),
        (["--continue", "RUN", "--resume", "--box", "8,12,32,36"], 2, "--continue is for"),
        (["--continue", "RUN", "--box", "8,12,32,36"], 1, "is not complete: `track-anything"),
        (["--continue", "CLIP", "--box", "8,12,32,36"], 1, "cannot be read as a run store"),
    ],
)
def test_what_does_not_fit_is_one_line_and_the_run_stays(
    run: Run, words: list[str], clip: Path, tmp_path: Path, more: list[str], code: int, text: str
) -> None:
    folder = tmp_path / "run"
    source = MovingSquare(frame_count=FRAMES)
    from track_anything.io.run_store import RunStoreSink
    from track_anything.job import Job, plan
    from track_anything.job_record import job_record
    from track_anything.prompts import Hints, ObjectSpec

    # A run of the clip that was stopped before its first frame.
    folder.mkdir()
    hints = (Hints(box=(9, 12, 32, 36)),)
    with_box = plan(Job(input=str(clip), prompts=(ObjectSpec(hints=hints),)))
    RunStoreSink(folder / "tracks.db", source.info, meta={"job": job_record(with_box)}).abort()
    with_box.close()
    names = {"RUN": str(folder), "CLIP": str(clip)}
    result = run("track", *(names.get(word, word) for word in more))
    assert result.exit_code == code, result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert text in line
    assert [path.name for path in folder.iterdir()] == ["tracks.db"]


def test_a_correction_changes_its_object_between_its_key_frames_and_nothing_else(
    run: Run, words: list[str], tmp_path: Path
) -> None:
    folder, before = tmp_path / "run", tmp_path / "before"
    assert run(*words, "-o", folder).exit_code == 0
    shutil.copytree(folder, before)
    fixes = tmp_path / "fixes.yaml"
    fixes.write_text(
        "objects:\n"
        "  - {name: square, prompts: [{at: 18f, box: [60, 40, 90, 70]}]}\n"
        "  - {name: late, prompts: [{at: 30f, box: [2, 2, 20, 20]}]}\n"
    )
    result = run("track", "--continue", folder, "--prompts", fixes)
    assert result.exit_code == 0, result.stderr
    assert "object 1 'square': frames 18 to 23 tracked again." in result.stderr
    assert "object 3 'late': frames 30 to 35 tracked again." in result.stderr
    old = {row[:2]: row for row in rows(before, "masks")}
    new = {row[:2]: row for row in rows(folder, "masks")}
    changed = {key for key in new if new[key] != old.get(key)}
    assert {frame for frame, track_id in changed if track_id == 3} == set(range(30, 36))
    again = {frame for frame, track_id in changed if track_id == 1}
    assert 18 in again
    assert again <= set(range(13, 24))
    assert {track_id for _, track_id in changed} == {1, 3}
    assert old.keys() - new.keys() == set()
    # The files follow: those of the object that was left alone to the byte.
    assert content(folder)["objects/0002/00018.png"] == content(before)["objects/0002/00018.png"]
    assert content(folder)["objects/0001/00018.png"] != content(before)["objects/0001/00018.png"]
    assert times(folder) == times(before)
    manifest = json.loads((folder / "run.json").read_text())
    assert manifest["status"] == "complete"
    assert manifest["edits"][0]["kind"] == "retrack"
    said = {one["id"]: [p["at"] for p in one["prompts"]] for one in manifest["prompts"]["objects"]}
    assert said == {1: ["0f", "12f", "24f", "18f"], 2: ["6f"], 3: ["30f"]}
    # Undone in the store, it is what it was.
    assert len(stored_edits(folder)) == 1
    undo_last(folder)
    assert rows(folder, "masks") == rows(before, "masks")
    assert rows(folder, "events") == rows(before, "events")


def test_a_correction_that_is_only_planned_changes_nothing(
    run: Run, words: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    assert run(*words, "-o", folder, "--no-video").exit_code == 0
    before = content(folder)
    result = run("track", "--continue", folder, "--box", "square=60,40,90,70@18f", "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert "square: prompts at 0f, 12f, 24f, 18f" in result.stdout
    assert content(folder) == before

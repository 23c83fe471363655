"""`track` without a prompt, and with what it finds by itself."""

import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import Result
from numpy.typing import NDArray

from track_anything import read_mask_png
from track_anything.io.run_store import RunStore
from track_anything.masks import mask_iou

Run = Callable[..., Result]
SIZE, SIDE, FRAMES = (120, 200), 36, 26
QUICK = """
[propagator.appearance]
hidden = 8
first_steps = 40
steps = 2
key_steps = 5
batch = 128
"""


def corner(index: int) -> tuple[int, int]:
    return 10 + 4 * index, 40


def picture(index: int, *, is_plain: bool) -> NDArray[np.uint8]:
    """A bright textured square that runs to the right before a dark wall, textured or plain."""
    random = np.random.default_rng(5)
    coarse = random.integers(20, 90, (SIZE[0] // 4, SIZE[1] // 4, 3), np.uint8)
    image = coarse.repeat(4, axis=0).repeat(4, axis=1)
    if is_plain:
        image[:] = (30, 50, 40)
    tiles = random.integers(160, 250, (SIDE // 4, SIDE // 4, 3), np.uint8)
    x, y = corner(index)
    image[y : y + SIDE, x : x + SIDE] = tiles.repeat(4, axis=0).repeat(4, axis=1)
    return image


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    return draw(tmp_path / "runner.mp4", is_plain=False)


def draw(path: Path, *, is_plain: bool) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "8"})
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(picture(index, is_plain=is_plain), "rgb24")
            frame.pts = index
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    path = tmp_path / "quick.toml"
    path.write_text(QUICK)
    return path


def iou_at(folder: Path, index: int, track_id: int) -> float:
    x, y = corner(index)
    wanted = np.zeros(SIZE, bool)
    wanted[y : y + SIDE, x : x + SIDE] = True
    return mask_iou(read_mask_png(folder / "masks" / f"{index:05d}.png") == track_id, wanted)


def test_what_moves_is_found_without_a_prompt_and_goes_into_every_file(
    run: Run, runner: Path, quick: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    words = ("--discover", "--motion-only", "--discover-every", "5", "--no-video")
    result = run("track", runner, *words, "--config", quick, "-o", folder)
    assert result.exit_code == 0, result.stderr
    with RunStore.open(folder) as store:
        (track,) = store.tracks
        # Looks on 5, 10 and 15, the first that has frames before it.
        assert (track.track_id, track.first_frame) == (1, 15)
        (event,) = (one for one in store.result(15).events)
    assert (event.kind, event.detail) == (
        "discovered",
        "something that moves, seen at 3 looks",
    )
    for index in (15, 20, 25):
        assert iou_at(folder, index, 1) > 0.85
    said = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert said["event_counts"]["discovered"] == 1
    assert said["options"]["discovery"]["motion_only"] is True
    assert said["timings"]["discover"]["count"] == 6
    assert said["prompts"] == {"objects": []}
    # A new object in a corrected run gets an id that none had; what was found can be corrected.
    result = run("track", "--continue", folder, "--box", "150,4,190,30@20f")
    assert result.exit_code == 0, result.stderr
    with RunStore.open(folder) as store:
        assert [(one.track_id, one.first_frame) for one in store.tracks] == [(1, 15), (2, 20)]


def test_everything_is_tracked_from_the_first_frame_on(
    run: Run, quick: Path, tmp_path: Path
) -> None:
    folder, video = tmp_path / "run", draw(tmp_path / "plain.mp4", is_plain=True)
    words = ("--everything", "--max-objects", "3", "-t", "4f", "--no-video")
    result = run("track", video, *words, "--config", quick, "-o", folder)
    assert result.exit_code == 0, result.stderr
    with RunStore.open(folder) as store:
        assert 1 <= len(store.tracks) <= 3
        assert {track.first_frame for track in store.tracks} == {0}
    assert max(iou_at(folder, 3, track_id) for track_id in (1, 2, 3)) > 0.8


def test_nothing_is_looked_for_where_it_was_not_asked_for(
    run: Run, runner: Path, quick: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    box = ("--box", "10,40,46,76")
    result = run("track", runner, *box, "--config", quick, "-t", "8f", "-o", folder, "--no-video")
    assert result.exit_code == 0, result.stderr
    said = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert "discover" not in said["timings"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "or let it be found with --discover or --everything"),
        (("--motion-only",), "--motion-only needs --discover"),
        (("--everything", "--discover-every", "3"), "--discover-every needs --discover"),
        (("--discover", "--zone", "1,2,3"), "--zone: a zone is three corners or more"),
        (("--discover", "--segmenter", "none"), "new objects are found with a segmenter"),
        (("--discover", "--direction", "backward"), "objects are discovered going forward"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    run: Run, runner: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    result = run("track", runner, *words, "-o", tmp_path / "run")
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert not (tmp_path / "run").exists()


def test_zones_come_from_the_command_line_and_from_files(
    run: Run, runner: Path, tmp_path: Path
) -> None:
    file = tmp_path / "zones.txt"
    file.write_text("0,0 50,0 50,50\n9,9 20,9 20,20\n")
    words = ("--discover", "--zone", "0,0,9,0,9,9", "--zone", file, "--dry-run", "--json")
    result = run("track", runner, *words, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.stderr
    options = json.loads(result.stdout)["options"]["discovery"]
    assert options["zones"] == ["0,0,9,0,9,9", "0,0 50,0 50,50", "9,9 20,9 20,20"]

"""A run folder made anew from its store."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from track_anything import read_mask_png, read_tracks_csv, track
from track_anything.config import RunConfig
from track_anything.errors import VideoError
from track_anything.ids import drop_id, rename_id, split_id
from track_anything.io.run_store import RunStore
from track_anything.rewrite import rewrite_run
from track_anything.testing import MovingSquare

BOXES = {"square": (8, 12, 32, 36), "corner": (90, 60, 120, 90)}


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with six pictures and the run made of them, with every file a run can have."""
    folder = tmp_path_factory.mktemp("tracked")
    (folder / "pictures").mkdir()
    for frame in MovingSquare(frame_count=6):
        Image.fromarray(frame.image).save(folder / "pictures" / f"{frame.index:05d}.png")
    config = RunConfig(segmenter="grabcut")
    track(folder / "pictures", BOXES, folder / "run", config=config, object_masks=True)
    return folder


@pytest.fixture
def run(tracked: Path, tmp_path: Path) -> Path:
    """A copy of the run."""
    return Path(shutil.copytree(tracked / "run", tmp_path / "run"))


def files(run: Path) -> dict[str, bytes]:
    names = [path for path in run.rglob("*") if path.is_file()]
    kept = [path for path in names if path.name not in ("tracks.db", "run.json")]
    return {str(path.relative_to(run)): path.read_bytes() for path in kept}


def test_a_run_that_was_not_edited_comes_out_the_same_to_the_byte(run: Path) -> None:
    before, manifest = files(run), json.loads((run / "run.json").read_text())
    done = rewrite_run(run)
    assert done.written == ("masks", "objects", "tracks.csv", "tracks.jsonl", "annotated.mp4")
    assert (done.left, done.reason) == ((), "")
    assert files(run) == before
    assert json.loads((run / "run.json").read_text()) == {**manifest, "edits": []}


def test_files_follow_the_edits(run: Path) -> None:
    before = files(run)
    split_id(run, "square", at="4f")
    drop_id(run, "corner")
    rename_id(run, 3, "late")
    assert files(run) == before
    rewrite_run(run)
    names = {row.track_id: row.name for row in read_tracks_csv(run / "tracks.csv")}
    assert names == {1: "square", 3: "late"}
    assert set(read_mask_png(run / "masks" / "00004.png").ravel()) == {0, 3}
    assert sorted(path.name for path in (run / "objects").iterdir()) == ["0001", "0003"]
    assert files(run)["annotated.mp4"] != before["annotated.mp4"]


def test_the_manifest_follows_and_keeps_the_journal(run: Path) -> None:
    drop_id(run, "corner")
    rewrite_run(run)
    manifest = json.loads((run / "run.json").read_text())
    assert list(manifest["objects"]) == ["1"]
    assert [edit["kind"] for edit in manifest["edits"]] == ["drop"]
    assert manifest["status"] == "complete"
    with RunStore.open(run) as store:
        assert store.meta["manifest"] == manifest


def test_what_was_not_written_is_not_added(run: Path) -> None:
    for name in ("masks", "objects"):
        shutil.rmtree(run / name)
    (run / "annotated.mp4").unlink()
    assert rewrite_run(run).written == ("tracks.csv", "tracks.jsonl")
    for name in ("tracks.csv", "tracks.jsonl"):
        (run / name).unlink()
    assert rewrite_run(run).written == ()
    assert sorted(path.name for path in run.iterdir()) == ["run.json", "tracks.db"]


def test_without_its_source_the_video_stays_and_the_rest_is_made(run: Path, tracked: Path) -> None:
    moved = (tracked / "pictures").rename(tracked / "elsewhere")
    drop_id(run, "corner")
    try:
        done, again = rewrite_run(run), rewrite_run(run, video=moved)
    finally:
        moved.rename(tracked / "pictures")
    assert done.left == ("annotated.mp4",)
    assert "pictures" in done.reason
    assert {row.track_id for row in read_tracks_csv(run / "tracks.csv")} == {1}
    assert again.left == ()


def test_a_video_that_was_named_must_be_there(run: Path, tmp_path: Path) -> None:
    with pytest.raises(VideoError):
        rewrite_run(run, video=tmp_path / "nowhere.mp4")

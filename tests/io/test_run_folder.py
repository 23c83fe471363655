"""Where a run may write, what it may remove, and its manifest."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from track_anything.errors import OutputError, VideoError
from track_anything.io.run_folder import RunFolder, hash_file, versions, write_manifest
from track_anything.structures import State

OWN = (
    "annotated.mp4",
    "annotated.partial.mp4",
    "masks/00000.png",
    "masks/123456.png",
    "masks/.00001.png.partial",
    "objects/0001/00000.png",
    "objects/10000/00000.png",
    "tracks.csv",
    "tracks.partial.csv",
    "tracks.jsonl",
    "tracks.partial.jsonl",
    "tracks.db",
    "tracks.db-wal",
    "tracks.db-shm",
    "tracks.db-journal",
    "run.json",
)
FOREIGN = (
    "notes.txt",
    "tracks.xlsx",
    "annotated.mov",
    "masks/00000.jpg",
    "masks/best.png",
    "masks/00000-best.png",
    "masks/.00000-best.png.partial",
    "masks/0001.png",
    "masks/deep/00000.png",
    "objects/0001/readme.md",
    "objects/dog/00000.png",
    "other/00000.png",
)


def fill(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_nothing_is_created_before_begin(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "a" / "b", overwrite=False, inputs=[])
    assert not (tmp_path / "a").exists()
    run.begin()
    assert (tmp_path / "a" / "b").is_dir()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    RunFolder(tmp_path, overwrite=False, inputs=[]).begin()


def test_a_folder_with_anything_in_it_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, ("notes.txt",))
    with pytest.raises(OutputError, match="is not empty; name another folder"):
        RunFolder(tmp_path, overwrite=False, inputs=[])


def test_a_file_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, ("run",))
    for path in (tmp_path / "run", tmp_path / "run" / "deeper"):
        with pytest.raises(OutputError, match="is a file"):
            RunFolder(path, overwrite=True, inputs=[])


def test_a_folder_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(os, "access", lambda path, mode: bool(asked.append(path)))
    with pytest.raises(OutputError, match=f"no permission for {tmp_path}"):
        RunFolder(tmp_path / "a" / "b", overwrite=True, inputs=[])
    assert asked == [tmp_path]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("source", ["clip.mp4", "frames/*.png", "."])
def test_an_input_inside_the_output_is_refused(
    tmp_path: Path, source: str, overwrite: bool
) -> None:
    run = tmp_path / "run"
    fill(run, ("clip.mp4",))
    with pytest.raises(OutputError, match="lies in the output folder"):
        RunFolder(run, overwrite=overwrite, inputs=[run / source])
    assert files(run) == {"clip.mp4"}


def test_an_input_reached_through_a_link_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "run", ("clip.mp4",))
    (tmp_path / "link").symlink_to(tmp_path / "run")
    for folder, source in (("link", "run"), ("run", "link")):
        with pytest.raises(OutputError, match="lies in the output folder"):
            RunFolder(tmp_path / folder, overwrite=True, inputs=[tmp_path / source / "clip.mp4"])


def test_inputs_elsewhere_and_standard_input_are_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    RunFolder(Path("."), overwrite=False, inputs=[Path("-")])
    RunFolder(Path("frames/run"), overwrite=False, inputs=[Path("frames"), Path("frames/1.png")])


def test_overwriting_removes_what_runs_write_and_nothing_else(tmp_path: Path) -> None:
    fill(tmp_path, OWN + FOREIGN)
    run = RunFolder(tmp_path, overwrite=True, inputs=[])
    assert files(tmp_path) == {*OWN, *FOREIGN}
    run.begin()
    assert files(tmp_path) == set(FOREIGN)
    # Folders of ours that are empty now would look like objects of this run.
    assert not (tmp_path / "objects" / "10000").exists()


def test_a_run_that_goes_on_keeps_its_store_and_nothing_else(tmp_path: Path) -> None:
    fill(tmp_path, OWN + FOREIGN)
    RunFolder(tmp_path, overwrite=True, inputs=[]).begin(keeps_store=True)
    kept = {"tracks.db", "tracks.db-wal", "tracks.db-shm", "tracks.db-journal"}
    assert files(tmp_path) == {*FOREIGN, *kept}


def test_what_was_made_of_a_run_goes_with_it_and_stays_with_one_that_goes_on(
    tmp_path: Path,
) -> None:
    made = ("review.html", "review.csv", ".review.csv.partial", "exports/davis/00000.png")
    exports = [tmp_path / "exports" / "davis" / "00000.png"]
    fill(tmp_path, (*OWN, *made, "exports/davis/notes.txt"))
    run = RunFolder(tmp_path, overwrite=True, inputs=[], exports=exports)
    run.begin(keeps_store=True)
    assert files(tmp_path) >= {*made, "tracks.db"}
    run.begin()
    assert files(tmp_path) == {"exports/davis/notes.txt"}


def test_strangers_are_what_begin_leaves(tmp_path: Path) -> None:
    fill(tmp_path, (*OWN, *FOREIGN, "review.html", "exports/coco.json", "exports/mine.json"))
    (tmp_path / "empty").mkdir()
    run = RunFolder(
        tmp_path, overwrite=True, inputs=[], exports=[tmp_path / "exports" / "coco.json"]
    )
    strangers = {str(one.relative_to(tmp_path)) for one in run.strangers()}
    # A folder that runs do not make is one stranger, whatever is in it.
    within = {*FOREIGN, "exports/mine.json"} - {"other/00000.png"}
    assert strangers == {*within, "other", "empty"}
    run.begin()
    assert {str(one.relative_to(tmp_path)) for one in run.strangers()} == strangers


def test_a_folder_that_is_not_there_has_no_strangers(tmp_path: Path) -> None:
    assert RunFolder(tmp_path / "run", overwrite=True, inputs=[]).strangers() == []


def test_overwriting_does_not_follow_links_out_of_the_folder(tmp_path: Path) -> None:
    fill(tmp_path / "precious", ("00000.png", "0001/00000.png"))
    (tmp_path / "run").mkdir()
    for name in ("masks", "objects"):
        (tmp_path / "run" / name).symlink_to(tmp_path / "precious")
    (tmp_path / "run" / "tracks.csv").symlink_to(tmp_path / "precious" / "00000.png")
    RunFolder(tmp_path / "run", overwrite=True, inputs=[]).begin()
    assert files(tmp_path / "precious") == {"00000.png", "0001/00000.png"}
    assert not (tmp_path / "run" / "tracks.csv").is_symlink()


def test_a_manifest_holds_what_json_does_not_know(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Setting:
        crf: int
        path: Path

    manifest: Mapping[str, object] = {
        "version": 1,
        "setting": Setting(20, Path("a/b")),
        "rate": Fraction(30000, 1001),
        "states": {State.LOST: np.int64(3)},
        "box": np.array([1.5, 2.0], np.float32),
        "names": {"b", "a"},
        "title": "ü",
    }
    write_manifest(tmp_path, manifest)
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8")) == {
        "version": 1,
        "setting": {"crf": 20, "path": "a/b"},
        "rate": "30000/1001",
        "states": {"lost": 3},
        "box": [1.5, 2.0],
        "names": ["a", "b"],
        "title": "ü",
    }
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_a_manifest_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(tmp_path, {"run": 1})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match=r"run.json: cannot be written \(No space left"):
        write_manifest(tmp_path, {"run": 2})
    assert json.loads((tmp_path / "run.json").read_text()) == {"run": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_a_file_is_hashed_as_sha256(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    (tmp_path / "clip.mp4").write_bytes(data)
    assert hash_file(tmp_path / "clip.mp4") == hashlib.sha256(data).hexdigest()
    with pytest.raises(VideoError, match=r"gone.mp4: cannot be read"):
        hash_file(tmp_path / "gone.mp4")


def test_versions_name_the_package_and_libraries_that_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("track_anything.io.run_folder._LIBRARIES", ("numpy", "no-such-library"))
    told = versions()
    assert list(told) == ["track-anything", "python", "platform", "numpy", "no-such-library"]
    assert told["numpy"] == np.__version__
    assert told["no-such-library"] is None
    assert told["python"] == ".".join(map(str, sys.version_info[:3]))

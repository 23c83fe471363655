"""Where an export may be written."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from track_anything.errors import OutputError
from track_anything.export.formats import find_format
from track_anything.export.paths import check_place, clear_place, earlier_exports
from track_anything.structures import VideoInfo

INFO = VideoInfo(width=4, height=4, path="clips/dog park.mp4")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "tracks.db").write_text("")
    return folder


def check(
    path: Path,
    name: str,
    run: Path,
    *,
    inputs: Sequence[Path] = (),
    others: Sequence[Path] = (),
    overwrite: bool = True,
) -> None:
    check_place(path, find_format(name), run=run, inputs=inputs, others=others, overwrite=overwrite)


def test_what_the_run_is_kept_in_is_never_replaced(run: Path, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(run / "tracks.db")
    with pytest.raises(OutputError, match="is what the run is kept in"):
        check(tmp_path / "link.csv", "csv", run)
    with pytest.raises(OutputError, match="holds the run itself"):
        check(run, "davis", run)
    with pytest.raises(OutputError, match="holds the run itself"):
        check(tmp_path, "davis", run)
    check(run / "tracks.csv", "csv", run)
    check(run / "masks", "davis", run)


def test_the_source_video_is_never_replaced(run: Path, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for source in (pictures, pictures / "%05d.png", pictures / "clip.mp4"):
        with pytest.raises(OutputError, match="holds the video"):
            check(pictures, "davis", run, inputs=[source])
    with pytest.raises(OutputError, match="holds the video"):
        check(tmp_path / "clip.mp4", "video", run, inputs=[tmp_path / "clip.mp4"])
    check(tmp_path / "davis", "davis", run, inputs=[pictures])


def test_two_formats_cannot_share_a_place(run: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="two formats would write there"):
        check(tmp_path / "a.txt", "mot", run, others=[run / ".." / "a.txt"])


def test_a_file_where_a_folder_goes_is_refused_and_the_other_way(run: Path, tmp_path: Path) -> None:
    (tmp_path / "davis").write_text("")
    (tmp_path / "mot.txt").mkdir()
    with pytest.raises(OutputError, match="expected a folder, this is a file"):
        check(tmp_path / "davis", "davis", run)
    with pytest.raises(OutputError, match="expected a file, this is a folder"):
        check(tmp_path / "mot.txt", "mot", run)
    with pytest.raises(OutputError, match=r"cannot be created, .*davis is a file"):
        check(tmp_path / "davis" / "mot.txt", "mot", run)


def test_what_is_there_is_kept_unless_it_may_be_overwritten(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mot.txt").write_text("")
    (tmp_path / "empty").mkdir()
    check(tmp_path / "empty", "davis", run, overwrite=False)
    check(tmp_path / "new" / "deep" / "mot.txt", "mot", run, overwrite=False)
    (tmp_path / "empty" / "a").write_text("")
    for name, file, state in (
        ("mot", "mot.txt", "exists already"),
        ("davis", "empty", "not empty"),
    ):
        with pytest.raises(OutputError, match=f"{state}.*--overwrite"):
            check(tmp_path / file, name, run, overwrite=False)
        check(tmp_path / file, name, run)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="no permission"):
        check(tmp_path / "closed" / "mot.txt", "mot", run)


def test_clearing_removes_the_formats_own_files_and_follows_no_link(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "objects", tmp_path / "elsewhere"
    for path in (folder / "0001", folder / "0002", elsewhere):
        path.mkdir(parents=True)
    for path in (
        folder / "0001" / "00000.png",
        folder / "0001" / ".00001.png.partial",
        folder / "0002" / "00000.png",
        folder / "0002" / "00000.txt",
        folder / "00000.png",
        elsewhere / "00000.png",
    ):
        path.write_text("")
    (folder / "0003").symlink_to(elsewhere)
    clear_place(folder, find_format("objects"), INFO)
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    assert left == ["00000.png", "0002", "0002/00000.txt", "0003"]
    assert list(elsewhere.iterdir())


def test_files_named_after_the_video_are_cleared_by_that_name(tmp_path: Path) -> None:
    for name in ("dog_park_00001.json", "dog_park_00001.jpg", "cat_00001.json", "00001.json"):
        (tmp_path / name).write_text("")
    clear_place(tmp_path, find_format("labelme"), INFO)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00001.json", "cat_00001.json"]


def test_clearing_a_file_makes_its_folder_and_leaves_the_file(tmp_path: Path) -> None:
    clear_place(tmp_path / "a" / "mot.txt", find_format("mot"), INFO)
    (tmp_path / "a" / "mot.txt").write_text("old")
    clear_place(tmp_path / "a" / "mot.txt", find_format("mot"), INFO)
    assert (tmp_path / "a" / "mot.txt").read_text() == "old"


def test_earlier_exports_are_the_files_of_every_format_by_its_own_name(run: Path) -> None:
    exports = run / "exports"
    own = {
        "coco.json",
        ".coco.json.partial",
        ".cvat.xml.spill",
        "video.mp4",
        "video.partial.mp4",
        "davis/00000.png",
        "objects/0001/00012.png",
        "labelme/dog_park_00001.json",
        "labelme/00001.jpg",
        "yolo/data.yaml",
        "yolo/images/train/dog_park_00001.jpg",
        "yolo.partial/labels/train/00001.txt",
    }
    strange = {"mine.json", "davis/best.png", "labelme/classes.json", "davis2/00000.png"}
    for name in own | strange:
        (exports / name).parent.mkdir(parents=True, exist_ok=True)
        (exports / name).write_text("")
    (exports / "yolo" / "data.yaml").write_text(
        "# Written by track-anything; masks are polygons of the classes below.\n"
    )
    found = {str(path.relative_to(exports)) for path in earlier_exports(run)}
    assert found == own
    (exports / "yolo" / "data.yaml").write_text("# Written by somebody else.\n")
    found = {str(path.relative_to(exports)) for path in earlier_exports(run)}
    assert found == {name for name in own if not name.startswith("yolo/")}


def test_exports_behind_a_link_are_none_of_the_run(run: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "davis").mkdir(parents=True)
    (tmp_path / "elsewhere" / "davis" / "00000.png").write_text("")
    assert earlier_exports(run) == []
    (run / "exports").mkdir()
    (run / "exports" / "davis").symlink_to(tmp_path / "elsewhere" / "davis")
    assert earlier_exports(run) == []
    (run / "exports" / "davis").unlink()
    (run / "exports").rmdir()
    (run / "exports").symlink_to(tmp_path / "elsewhere")
    assert earlier_exports(run) == []

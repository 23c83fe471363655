"""Prompts from MOT, tables, COCO, YOLO and DAVIS: boxes and masks with their ids and frames."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from track_anything.errors import PromptError
from track_anything.prompts import (
    Hints,
    ObjectSpec,
    build_schedule,
    read_boxes,
    read_prompt_file,
    read_prompts,
    write_prompt_file,
)
from track_anything.prompts.spec import TimeCode
from track_anything.structures import VideoInfo

Png = Callable[..., Path]


def said(objects: list[ObjectSpec]) -> list[tuple[str, int | None, list[tuple[int | None, Any]]]]:
    """(name, id, [(frame, box)]) of every object."""
    return [
        (
            item.name,
            item.track_id,
            [(hints.at.frame_index, hints.box and tuple(hints.box)) for hints in item.hints],
        )
        for item in objects
    ]


def written(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


MOT = (
    "3,7,11,21,10,20,1,-1,-1,-1",
    "1,9,1,1,5.5,5,0.4,-1,-1,-1",
    "",
    "4,7,13,21,10,20,1,-1,-1,-1",
)


def test_an_object_of_mot_text_is_prompted_where_it_first_appears(tmp_path: Path) -> None:
    # Frames and pixels of MOTChallenge count from 1.
    assert said(read_prompts(written(tmp_path, "seq.txt", *MOT))) == [
        ("", 7, [(2, (10, 20, 20, 40))]),
        ("", 9, [(0, (0, 0, 5.5, 5))]),
    ]


def test_every_box_is_a_prompt_where_that_is_asked_for(tmp_path: Path) -> None:
    objects = read_prompts(written(tmp_path, "seq.txt", *MOT), every=True)
    assert said(objects)[0] == ("", 7, [(2, (10, 20, 20, 40)), (3, (12, 20, 22, 40))])


def test_ground_truth_that_does_not_count_is_left_out(tmp_path: Path) -> None:
    truth = written(tmp_path / "MOT17-02", "gt/gt.txt", "1,1,1,1,5,5,1,1,1", "1,2,1,1,5,5,0,8,0.5")
    assert [item.track_id for item in read_prompts(truth.parent.parent)] == [1]


def test_boxes_without_ids_are_objects_of_the_first_frame(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ("2,-1,1,1,5,5,0.9", "2,-1,11,1,5,5,0.9", "3,-1,1,1,5,5,0.9")
    with caplog.at_level(logging.WARNING):
        objects = read_prompts(written(tmp_path, "det.txt", *lines))
    assert said(objects) == [
        ("", None, [(1, (0, 0, 5, 5))]),
        ("", None, [(1, (10, 0, 15, 5))]),
    ]
    assert "has no ids, so 1 boxes after frame 1 are left out" in caplog.text


def test_the_table_of_a_run_is_read_with_its_names(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "tracks.csv",
        "frame,time,id,name,x_min,y_min,x_max,y_max,area",
        "4,0.16,2,ball,,,,,0",
        "5,0.2,2,ball,1,2,30,40,500",
    )
    assert said(read_prompts(path)) == [("ball", 2, [(5, (1, 2, 30, 40))])]


def test_a_table_of_left_top_width_height_by_picture(tmp_path: Path) -> None:
    path = written(tmp_path, "b.csv", "Image,Class,Left,Top,Width,Height", "a/b_7.png,cat,1,2,3,4")
    (box,) = read_boxes(path).boxes
    assert (box.picture, box.frame, box.label, box.box) == ("b_7", 6, "cat", (1, 2, 4, 6))


def yolo(folder: Path) -> Path:
    written(folder, "data.yaml", "names: {0: cat, 1: dog}")
    written(folder, "labels/train/clip_00003.txt", "1 0.5 0.5 0.2 0.4", "1 0.25 0.5 0.1 0.1")
    written(folder, "labels/val/clip_00000.txt")
    # A polygon: its box counts.
    written(folder, "labels/val/clip_00002.txt", "0 0.1 0.2 0.3 0.2 0.3 0.6")
    return folder


def test_yolo_labels_are_boxes_in_shares_of_the_frame(tmp_path: Path) -> None:
    (item,) = read_prompts(yolo(tmp_path / "set"))
    (hints,) = item.hints
    assert (item.name, hints.at.frame_index, hints.is_relative) == ("cat", 2, True)
    assert hints.box == pytest.approx((0.1, 0.2, 0.3, 0.6))
    info = VideoInfo(200, 100, source_width=400, source_height=200)
    ((timed,),) = [each.prompts for each in build_schedule([item], info).objects]
    assert timed.prompt.box is not None
    assert timed.prompt.box.tolist() == pytest.approx([20, 20, 60, 60])


def test_points_in_shares_are_in_pixels_of_the_frame() -> None:
    hints = Hints(points=((0.5, 0.25),), background_points=((0.1, 0.9),), is_relative=True)
    (item,) = build_schedule([ObjectSpec(hints=(hints,))], VideoInfo(200, 100)).objects
    assert item.prompts[0].prompt.points == pytest.approx(np.array([[100, 25], [20, 90]]))


def test_objects_of_one_class_are_numbered(tmp_path: Path) -> None:
    labels = written(tmp_path, "frame.txt", "1 0.5 0.5 0.2 0.4", "1 0.2 0.5 0.1 0.1", "0 .5 .5 1 1")
    written(tmp_path, "classes.txt", "cat", "dog")
    # One label file is the first frame, whatever it is called.
    assert [(name, at) for name, _, [(at, _)] in said(read_prompts(labels))] == [
        ("dog 1", 0),
        ("dog 2", 0),
        ("cat", 0),
    ]


@pytest.mark.parametrize(
    ("line", "box", "track_id"),
    [
        ("3 0.5 0.5 0.2 0.4", (0.4, 0.3, 0.6, 0.7), None),
        ("3 0.5 0.5 0.2 0.4 0.87", (0.4, 0.3, 0.6, 0.7), None),
        ("3 0.5 0.5 0.2 0.4 12", (0.4, 0.3, 0.6, 0.7), 12),
        ("3 0.5 0.5 0.2 0.4 0.87 12", (0.4, 0.3, 0.6, 0.7), 12),
        ("3 0.5 0.5 0.2 0.4 0.87 1", (0.4, 0.3, 0.6, 0.7), 1),
        ("3 0.1 0.1 0.3 0.1 0.3 0.2", (0.1, 0.1, 0.3, 0.2), None),
        ("3 0.1 0.2 0.3 0.2 0.3 0", (0.1, 0, 0.3, 0.2), None),
        ("3 0.1 0.1 0.3 0.1 0.3 0.2 12", (0.1, 0.1, 0.3, 0.2), 12),
    ],
)
def test_every_kind_of_yolo_line(
    tmp_path: Path, line: str, box: tuple[float, ...], track_id: int | None
) -> None:
    (found,) = read_boxes(written(tmp_path, "a.txt", line)).boxes
    assert found.box == pytest.approx(box)
    assert (found.track_id, found.label) == (track_id, "class3")


@pytest.mark.parametrize(
    ("names", "frames"),
    [
        (("clip_1", "clip_2", "clip_10"), [0, 1, 9]),
        (("000000", "000001"), [0, 1]),
        (("f12_b",), [11]),
    ],
)
def test_label_files_count_from_0_where_one_is_0_else_from_1(
    tmp_path: Path, names: tuple[str, ...], frames: list[int]
) -> None:
    for name in names:
        written(tmp_path / "labels", f"{name}.txt", "0 0.5 0.5 0.2 0.4")
    assert sorted(box.frame or 0 for box in read_boxes(tmp_path / "labels").boxes) == frames


def coco(**changes: Any) -> dict[str, Any]:
    return {
        "images": [
            {"id": 10, "file_name": "a/clip_00004.jpg"},
            {"id": 11, "file_name": "a/clip_00005.jpg"},
        ],
        "annotations": [
            {"id": 1, "image_id": 11, "bbox": [10, 20, 5, 6], "category_id": 2, "track_id": 8},
            {"id": 2, "image_id": 10, "bbox": [1, 2, 3, 4], "category_id": 2, "track_id": 5},
            {"id": 3, "image_id": 10, "bbox": [0, 0, 9, 9], "category_id": 1, "iscrowd": 1},
        ],
        "categories": [{"id": 2, "name": "dog"}, {"id": 1, "name": "cat"}],
    } | changes


def test_coco_tracks_keep_ids_and_classes(tmp_path: Path) -> None:
    path = written(tmp_path, "a.json", json.dumps(coco()))
    assert said(read_prompts(path)) == [
        ("dog 5", 5, [(3, (1, 2, 4, 6))]),
        ("dog 8", 8, [(4, (10, 20, 15, 26))]),
    ]
    assert read_boxes(path).classes == ("cat", "dog")


def test_coco_says_the_frame_itself_where_it_can(tmp_path: Path) -> None:
    images = [{"id": i, "file_name": "x.jpg", "frame_index": i + 20} for i in (10, 11)]
    path = written(tmp_path, "a.json", json.dumps(coco(images=images)))
    assert [frames[0][0] for *_, frames in said(read_prompts(path))] == [30, 31]


def test_the_id_of_cvat_is_among_the_attributes(tmp_path: Path) -> None:
    one = {"image_id": 10, "bbox": [1, 2, 3, 4], "category_id": 2, "attributes": {"track_id": 77}}
    path = written(tmp_path, "a.json", json.dumps(coco(annotations=[one])))
    assert said(read_prompts(path)) == [("dog", 77, [(3, (1, 2, 4, 6))])]


def test_a_json_prompt_file_is_still_one(tmp_path: Path) -> None:
    text = '{"objects": [{"name": "a", "prompts": [{"box": [1, 2, 3, 4]}]}]}'
    path = written(tmp_path, "a.json", text)
    assert read_prompts(path) == read_prompt_file(path)


def test_masks_of_davis_are_prompts_where_an_id_first_appears(tmp_path: Path, png: Png) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    png("masks/00003.png", {(0, 10): 4}, mode="P")
    png("masks/00005.png", {(0, 10): 4, (10, 30): 9, (40, 50): 255}, mode="P")
    png("masks/00006.png", {(0, 10): 9}, mode="P")
    info = VideoInfo(80, 60, frame_count=100)
    objects = build_schedule(read_prompts(folder), info).objects
    found = [(item.track_id, str(item.prompts[0].at), len(item.prompts)) for item in objects]
    assert found == [(4, "3f", 1), (9, "5f", 1)]
    mask = objects[1].prompts[0].prompt.mask
    assert mask is not None
    assert np.flatnonzero(mask[0]).tolist() == list(range(10, 30))
    every = read_prompts(folder, every=True)
    assert [len(item.hints) for item in every] == [2, 2]


def test_imported_prompts_can_be_written_as_a_prompt_file(tmp_path: Path) -> None:
    mask = Hints(at=TimeCode(frame_index=2), mask=tmp_path / "m.png", mask_label=3)
    share = Hints(box=(0.1, 0.2, 0.5, 0.5), is_relative=True)
    objects = [ObjectSpec(name="a", track_id=3, hints=(share, mask))]
    write_prompt_file(tmp_path / "p.yaml", objects)
    assert read_prompts(tmp_path / "p.yaml") == objects


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("a.txt", ("1,2,3",), "a.txt: line 1: expected FRAME,ID,LEFT,TOP,WIDTH,HEIGHT"),
        ("a.txt", ("1,2,3,4,5,6", "x,2,3,4,5,6"), "a.txt: line 2: expected FRAME,ID"),
        ("a.txt", ("0,2,3,4,5,6",), "line 1: frames of MOTChallenge count from 1, got 0"),
        ("a.txt", ("1,0,3,4,5,6",), "line 1: an id is 1 to 65535, got 0"),
        ("a.txt", ("1,3,3,4,0,6",), "line 1: a box has width and height, got 0x6"),
        ("a.txt", ("1,3,1,1,9,6", "1,3,4,4,9,6"), "line 2: a second box of id 3"),
        ("a.txt", ("1,3,1,1,9,6", "2,-1,4,4,9,6"), "line 2: has no id, and other boxes"),
        ("a.txt", ("# nothing",), "a.txt: has no boxes"),
        ("a.txt", ("0 0.5 0.5 0.1",), r"expected FRAME,ID.* or CLASS X Y"),
        ("a.txt", ("0 0.5 0.5 0.1 0.1", "cat .5 .5 .1 .1"), "line 2: expected CLASS X Y"),
        ("a.txt", ("0 0.5 0.5 0.1 0.1 0.2 x",), r"line 1: .* or CLASS X Y"),
        ("a.txt", ("0 .1 .1 .3 .1 .3 .2 .3",), "line 1: expected x and y of every point, got 7"),
        ("a.csv", ("frame,x_min", "1,2"), "line 1: expected columns x_min,y_min,x_max,y_max"),
        ("a.csv", ("frame,x1,y1,x2,y2", "1,2,3,a,4"), "a.csv: line 2: not a row of numbers"),
        ("a.csv", ("image,x1,y1,x2,y2", "a.png,1,1,3,4"), "no number in the name 'a'"),
        ("a.json", ('{"annotations": [], "images": 3}',), "a list of images"),
        ("a.json", ('{"annotations": [{}], "images": []}',), "annotation 1: there is no image"),
        ("a.json", ('{"videos": [], "annotations": []}',), "is a YouTube-VIS file"),
        ("a.json", ("{",), "a.json: line 2: not JSON"),
        ("f/1.txt", ("0 0.5 0.5 0.1 0.1", "0 1.5 0.5 0.1 0.1"), "1.txt: line 2: expected CLASS"),
        ("f/x.json", ("",), r"expected YOLO labels \(.txt\) or label maps"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_its_place(
    tmp_path: Path, name: str, lines: tuple[str, ...], message: str
) -> None:
    path = written(tmp_path, name, *lines)
    with pytest.raises(PromptError, match=message) as caught:
        read_prompts(path.parent if "/" in name else path)
    assert "\n" not in str(caught.value)
    assert name.rpartition("/")[0] in str(caught.value)


@pytest.mark.parametrize("box", ["null", "[1, 2, 3]", '[1, 2, 3, "4"]'])
def test_a_coco_annotation_needs_a_box(tmp_path: Path, box: str) -> None:
    text = f'{{"images": [{{"id": 1}}], "annotations": [{{"image_id": 1, "bbox": {box}}}]}}'
    with pytest.raises(PromptError, match=r"annotation 1: expected bbox \[LEFT"):
        read_prompts(written(tmp_path, "a.json", text))


def test_label_files_of_two_videos_are_refused(tmp_path: Path) -> None:
    for name in ("a_1", "b_1"):
        written(tmp_path / "labels", f"{name}.txt", "0 0.5 0.5 0.2 0.4")
    with pytest.raises(PromptError, match="a_1 and b_1 are both frame 1"):
        read_prompts(tmp_path / "labels")


def test_a_value_that_is_not_in_the_mask_is_told(tmp_path: Path, png: Png) -> None:
    path = png("m.png", {(0, 10): 4}, mode="P")
    item = ObjectSpec(hints=(Hints(mask=path, mask_label=5),))
    with pytest.raises(PromptError, match=r"m\.png: no pixel has the value 5"):
        build_schedule([item], VideoInfo(80, 60))


def test_a_prompt_file_is_no_file_of_boxes(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="expected MOT text, a table, COCO JSON, YOLO labels"):
        read_boxes(written(tmp_path, "a.yaml", "objects: []"))

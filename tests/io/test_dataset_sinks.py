"""COCO, YouTube-VIS, YOLO, CVAT and labelme: what is written is read back by other means."""

import base64
import io
import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from track_anything.errors import ConfigError, OutputError
from track_anything.interfaces import Sink
from track_anything.io.coco import CocoSink
from track_anything.io.cvat import CvatSink
from track_anything.io.labelme import LabelmeSink
from track_anything.io.yolo import YoloSink, blocks_of_validation
from track_anything.io.ytvis import YtvisSink
from track_anything.masks import mask_box, mask_iou
from track_anything.structures import Frame, FrameResult, Mask, ObjectMask, State, VideoInfo

# pycocotools was built before NumPy 2 asked for `copy`.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

HEIGHT, WIDTH = 48, 64
COUNT = 10
INFO = VideoInfo(WIDTH, HEIGHT, frame_rate=Fraction(2), path="/clips/a dog (1).mp4")
Masks = dict[tuple[int, int], Mask]


def masks() -> Masks:
    """(frame, id) -> mask. 3: a disc with a hole, gone on frames 4 and 5. 300: two pieces and a
    speck, from frame 2 on. 65535: three pixels in the corner, on the last frame."""
    found = {}
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for index in range(COUNT):
        center = 15 + 2 * index
        distance = np.hypot(x - center, y - 20)
        if index not in (4, 5):
            found[index, 3] = (distance < 12) & (distance > 3.3)
        if index >= 2:
            pieces = np.zeros((HEIGHT, WIDTH), bool)
            pieces[36:46, 2 + index : 22 + index] = pieces[36:46, 25 + index : 40 + index] = True
            pieces[1, 1] = True
            found[index, 300] = pieces
    corner = np.zeros((HEIGHT, WIDTH), bool)
    corner[-1, -2:] = corner[-2, -1] = True
    found[COUNT - 1, 65535] = corner
    return found


MASKS = masks()
LABELS = {3: "dog 1", 300: "dog 2", 65535: ""}
INDICES = [3 * index for index in range(COUNT)]
"""Every third frame of a video."""


def results(*, count: int = COUNT) -> list[FrameResult]:
    empty = np.zeros((HEIGHT, WIDTH), bool)
    found = []
    for index in range(count):
        image = np.full((HEIGHT, WIDTH, 3), (200, 20 * index, 30), np.uint8)
        objects = [
            ObjectMask(
                track_id,
                mask := MASKS.get((index, track_id), empty),
                mask_box(mask),
                0.75,
                State.OCCLUDED if (index, track_id) == (6, 3) else State.CONFIRMED,
                label=label,
            )
            for track_id, label in LABELS.items()
        ]
        found.append(FrameResult(Frame(INDICES[index], Fraction(index, 2), image), objects))
    return found


def write(sink: Sink, given: Sequence[FrameResult] | None = None) -> None:
    for result in results() if given is None else given:
        sink.write(result)
    sink.close()


def test_pycocotools_reads_the_same_masks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(CocoSink(tmp_path / "instances.json", INFO))
    coco = COCO(tmp_path / "instances.json")
    capsys.readouterr()
    images = coco.loadImgs(coco.getImgIds())
    assert [image["frame_index"] for image in images] == INDICES
    assert images[1]["file_name"] == "a_dog_1_00003.jpg"
    assert (images[1]["width"], images[1]["height"], images[1]["time"]) == (WIDTH, HEIGHT, 0.5)
    found: Masks = {}
    for one in coco.loadAnns(coco.getAnnIds()):
        index = coco.loadImgs(one["image_id"])[0]["frame_index"] // 3
        mask = found[index, one["track_id"]] = coco.annToMask(one).astype(bool)
        rows, columns = np.nonzero(mask)
        left, top, width, height = one["bbox"]
        assert (left, top) == (columns.min(), rows.min())
        assert (left + width - 1, top + height - 1) == (columns.max(), rows.max())
        assert (one["area"], one["iscrowd"]) == (np.count_nonzero(mask), 0)
    assert found.keys() == MASKS.keys()
    assert all(np.array_equal(found[key], MASKS[key]) for key in MASKS)
    names = {one["id"]: one["name"] for one in coco.loadCats(coco.getCatIds())}
    assert names == {1: "dog", 2: "object"}
    assert not list(tmp_path.glob("*_images"))


def test_coco_says_whether_a_track_is_occluded(tmp_path: Path) -> None:
    write(CocoSink(tmp_path / "a.json", INFO))
    document = json.loads((tmp_path / "a.json").read_text())
    occluded = [
        (one["image_id"] - 1, one["track_id"])
        for one in document["annotations"]
        if one["attributes"]["occluded"]
    ]
    assert occluded == [(18, 3)]


@pytest.mark.parametrize("sink", [CocoSink, YtvisSink])
def test_pictures_lie_beside_the_file_where_its_names_say(
    tmp_path: Path, sink: type[CocoSink | YtvisSink]
) -> None:
    write(sink(tmp_path / "a.json", INFO, images=True))
    document = json.loads((tmp_path / "a.json").read_text())
    names = (
        [image["file_name"] for image in document["images"]]
        if sink is CocoSink
        else document["videos"][0]["file_names"]
    )
    assert len(names) == COUNT
    for index, name in enumerate(names):
        with Image.open(tmp_path / "a_images" / name) as picture:
            assert picture.format == "JPEG"
            # Red, not blue: the channels are in order.
            close = np.abs(np.asarray(picture)[5, 5] - np.array([200, 20 * index, 30])) < 6
            assert close.all()


def test_every_youtube_vis_list_has_an_entry_a_frame(tmp_path: Path) -> None:
    write(YtvisSink(tmp_path / "a.json", INFO))
    document = json.loads((tmp_path / "a.json").read_text())
    (video,) = document["videos"]
    assert (video["length"], video["frame_indices"]) == (COUNT, INDICES)
    assert [one["id"] for one in document["annotations"]] == [3, 300, 65535]
    assert {one["video_id"] for one in document["annotations"]} == {video["id"]}
    for one in document["annotations"]:
        for index in range(COUNT):
            values = [one[key][index] for key in ("segmentations", "bboxes", "areas")]
            truth = MASKS.get((index, one["id"]))
            if truth is None:
                assert values == [None, None, None]
                continue
            segmentation, box, area = values
            mask = coco_mask.decode(segmentation).astype(bool)
            assert np.array_equal(mask, truth)
            assert area == np.count_nonzero(truth)
            assert box == coco_mask.toBbox(segmentation).tolist()
        assert all(len(one[key]) == COUNT for key in ("segmentations", "bboxes", "areas"))


def test_a_track_that_is_gone_at_the_end_has_its_nulls_there(tmp_path: Path) -> None:
    write(YtvisSink(tmp_path / "a.json", INFO), results(count=6))
    disc = json.loads((tmp_path / "a.json").read_text())["annotations"][0]
    assert [area is None for area in disc["areas"]] == [False] * 4 + [True] * 2


def yolo_lines(folder: Path) -> dict[int, list[tuple[int, np.ndarray]]]:
    """By frame: (class, polygon in pixels as Ultralytics makes it) of every line."""
    found = {}
    for file in sorted(folder.glob("labels/*/*.txt")):
        frame = int(file.stem.rpartition("_")[2]) // 3
        lines = [line.split() for line in file.read_text().splitlines()]
        assert all(len(line) >= 7 and len(line) % 2 for line in lines)
        shares = [(int(line[0]), np.array(line[1:], float).reshape(-1, 2)) for line in lines]
        found[frame] = [(n, (xy * [WIDTH, HEIGHT]).astype(np.int32)) for n, xy in shares]
    return found


def filled(polygon: np.ndarray) -> Mask:
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(canvas, [polygon], 1)
    return canvas > 0


def test_yolo_polygons_rasterise_to_the_masks(tmp_path: Path) -> None:
    write(YoloSink(tmp_path / "set", INFO))
    lines = yolo_lines(tmp_path / "set")
    assert sorted(lines) == list(range(COUNT))
    for frame, found in lines.items():
        truth = [(key[1], mask) for key, mask in sorted(MASKS.items()) if key[0] == frame]
        assert len(found) == len(truth)
        for (number, polygon), (track_id, mask) in zip(found, truth, strict=True):
            assert number == (1 if track_id == 65535 else 0)
            if track_id != 300:
                assert np.array_equal(filled(polygon), mask)
            else:
                assert 0.97 <= mask_iou(filled(polygon), mask) < 1


def test_yolo_pieces_apart_are_exact_in_lines_of_their_own(tmp_path: Path) -> None:
    write(YoloSink(tmp_path / "set", INFO, parts="separate"))
    last = yolo_lines(tmp_path / "set")[COUNT - 1]
    assert [number for number, _ in last] == [0, 0, 0, 0, 1]
    union = np.logical_or.reduce([filled(polygon) for _, polygon in last[1:4]])
    assert np.array_equal(union, MASKS[COUNT - 1, 300])


def test_a_reader_that_rounds_finds_the_same_pixels(tmp_path: Path) -> None:
    write(YoloSink(tmp_path / "set", INFO))
    text = (tmp_path / "set/labels/train/a_dog_1_00000.txt").read_text().split()[1:]
    points = np.array(text, float).reshape(-1, 2) * [WIDTH, HEIGHT]
    assert np.array_equal(np.rint(points), np.floor(points))


def test_yolo_list_names_the_folders_and_classes(tmp_path: Path) -> None:
    write(YoloSink(tmp_path / "set", INFO, classes={"dog *": "pet"}))
    document = yaml.safe_load((tmp_path / "set" / "data.yaml").read_text())
    assert document == {
        "train": "images/train",
        "val": "images/val",
        "names": {0: "pet", 1: "object"},
    }


def test_validation_is_a_stretch_and_no_frame_is_in_both(tmp_path: Path) -> None:
    write(YoloSink(tmp_path / "set", INFO, val_share=0.3))
    halves = {
        half: [int(file.stem[-5:]) for file in sorted((tmp_path / "set/images" / half).iterdir())]
        for half in ("train", "val")
    }
    assert halves == {"train": INDICES[:7], "val": INDICES[7:]}
    for half in halves:
        pictures = {file.stem for file in (tmp_path / "set/images" / half).iterdir()}
        assert pictures == {file.stem for file in (tmp_path / "set/labels" / half).iterdir()}


def test_spread_validation_is_single_frames(tmp_path: Path) -> None:
    write(YoloSink(tmp_path / "set", INFO, val_share=0.2, split="spread"))
    found = [int(file.stem[-5:]) for file in sorted((tmp_path / "set/images/val").iterdir())]
    assert found == [INDICES[4], INDICES[9]]


@pytest.mark.parametrize(
    ("count", "share", "rate", "blocks"),
    [
        (1000, 0.2, 25, [(160, 200), (360, 400), (560, 600), (760, 800), (960, 1000)]),
        (100, 0.2, 25, [(80, 100)]),
        (10, 0.01, 25, [(9, 10)]),
        (2, 0.9, 25, [(1, 2)]),
        (1, 0.5, 25, []),
        (100, 0.0, 25, []),
    ],
)
def test_blocks_of_validation(
    count: int, share: float, rate: int, blocks: list[tuple[int, int]]
) -> None:
    found = blocks_of_validation(count, share, rate)
    assert [(one.start, one.stop) for one in found] == blocks


def test_without_validation_training_stands_in(tmp_path: Path) -> None:
    write(YoloSink(tmp_path / "set", INFO, val_share=0))
    document = yaml.safe_load((tmp_path / "set" / "data.yaml").read_text())
    assert document["val"] == "images/train"
    assert len(list((tmp_path / "set/images/train").iterdir())) == COUNT


def test_polygons_far_from_their_masks_are_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[2:5, 2:10] = mask[2:5, 50:58] = True
    frame = results(count=1)[0].frame
    one = ObjectMask(1, mask, mask_box(mask), 1.0)
    with caplog.at_level(logging.WARNING):
        write(YoloSink(tmp_path / "set", INFO), [FrameResult(frame, [one])])
    assert "1 of 1 polygons miss their masks" in caplog.text
    assert "parts=separate" in caplog.text


def test_an_own_data_set_is_replaced_and_another_refused(tmp_path: Path) -> None:
    write(YoloSink(tmp_path / "set", INFO))
    write(YoloSink(tmp_path / "set", INFO), results(count=2))
    assert len(list((tmp_path / "set/images").glob("*/*"))) == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "data.yaml").write_text("names: [cat]\n")
    with pytest.raises(OutputError, match="is not a data set that track-anything wrote"):
        YoloSink(tmp_path / "mine", INFO)
    assert (tmp_path / "mine" / "data.yaml").read_text() == "names: [cat]\n"


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ({"val_share": 1.0}, "val_share is 0 up to, but not, 1, got 1"),
        ({"split": "random"}, "split is blocks or spread"),
        ({"parts": "all"}, "parts is join or separate"),
    ],
)
def test_yolo_options_out_of_range_are_refused(
    tmp_path: Path, option: dict[str, Any], text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        YoloSink(tmp_path / "set", INFO, **option)
    assert not list(tmp_path.iterdir())


def cvat_mask(element: ElementTree.Element) -> Mask:
    """A mask by CVAT's own rules: runs along the rows of the box, background first."""
    left, top, width, height = (int(element.attrib[k]) for k in ("left", "top", "width", "height"))
    counts = [int(count) for count in element.attrib["rle"].split(",")]
    pixels: list[bool] = []
    for number, count in enumerate(counts):
        pixels += [number % 2 == 1] * count
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + height, left : left + width] = np.array(pixels).reshape(height, width)
    return mask


def test_cvat_takes_every_mask_and_groups_them_by_track(tmp_path: Path) -> None:
    write(CvatSink(tmp_path / "a.xml", INFO))
    root = ElementTree.parse(tmp_path / "a.xml").getroot()
    found: Masks = {}
    for track in root.iter("track"):
        first, *others = track.findall("mask")
        # CVAT keeps the first mask of a track and no other.
        assert (first.attrib["outside"], first.attrib["keyframe"]) == ("0", "1")
        assert [one.attrib["outside"] for one in others] in ([], ["1"])
        assert all(int(o.attrib["frame"]) == int(first.attrib["frame"]) + 1 for o in others)
        track_id = int(track.attrib["group_id"])
        assert track.attrib["label"] == ("object" if track_id == 65535 else "dog")
        found[int(first.attrib["frame"]) // 3, track_id] = cvat_mask(first)
    assert found.keys() == MASKS.keys()
    assert all(np.array_equal(found[key], MASKS[key]) for key in MASKS)
    ids = [track.attrib["id"] for track in root.iter("track")]
    assert ids == [str(number) for number in range(len(MASKS))]
    assert [one.text for one in root.findall("meta/task/labels/label/name")] == ["dog", "object"]
    assert root.findtext("meta/task/size") == "28"
    assert root.findtext("version") == "1.1"


def test_cvat_tracks_end_where_the_object_is_not_visible(tmp_path: Path) -> None:
    write(CvatSink(tmp_path / "a.xml", INFO, layout="tracks", first_frame=100))
    root = ElementTree.parse(tmp_path / "a.xml").getroot()
    shown = defaultdict(list)
    for track in root.iter("track"):
        for one in track.iter("mask"):
            frame, outside = int(one.attrib["frame"]), one.attrib["outside"]
            shown[int(track.attrib["id"])].append((frame, outside, one.attrib["occluded"]))
            if outside == "0":
                truth = MASKS[(frame - 100) // 3, int(track.attrib["id"])]
                assert np.array_equal(cvat_mask(one), truth)
            else:
                assert not cvat_mask(one).any()
    # Seen on 0 to 3, gone on 4 and 5; frames are every third.
    assert shown[3][:6] == [
        (100, "0", "0"),
        (103, "0", "0"),
        (106, "0", "0"),
        (109, "0", "0"),
        (110, "1", "0"),
        (118, "0", "1"),
    ]
    assert [frame for frame, *_ in shown[65535]] == [127]


def test_cvat_escapes_what_xml_does_not_allow(tmp_path: Path) -> None:
    name = 'a "b" <c> & d'
    write(CvatSink(tmp_path / "a.xml", INFO, classes={"*": name}))
    root = ElementTree.parse(tmp_path / "a.xml").getroot()
    assert {track.attrib["label"] for track in root.iter("track")} == {name}
    assert root.findtext("meta/task/labels/label/name") == name


def labelme_files(folder: Path) -> dict[int, dict[str, Any]]:
    files = sorted(folder.glob("*.json"))
    return {int(file.stem[-5:]) // 3: json.loads(file.read_text()) for file in files}


def test_labelme_masks_are_read_back_by_pillow(tmp_path: Path) -> None:
    write(LabelmeSink(tmp_path / "set", INFO))
    found: Masks = {}
    for frame, document in labelme_files(tmp_path / "set").items():
        assert (document["imageHeight"], document["imageWidth"]) == (HEIGHT, WIDTH)
        assert document["imageData"] is None
        assert (tmp_path / "set" / document["imagePath"]).is_file()
        for shape in document["shapes"]:
            assert shape["shape_type"] == "mask"
            assert shape["label"] == ("object" if shape["group_id"] == 65535 else "dog")
            (x0, y0), (x1, y1) = shape["points"]
            with Image.open(io.BytesIO(base64.b64decode(shape["mask"]))) as picture:
                part = np.asarray(picture).astype(bool)
            mask = np.zeros((HEIGHT, WIDTH), bool)
            mask[y0 : y1 + 1, x0 : x1 + 1] = part
            found[frame, shape["group_id"]] = mask
    assert found.keys() == MASKS.keys()
    assert all(np.array_equal(found[key], MASKS[key]) for key in MASKS)


def test_labelme_polygons_of_one_object_share_its_group(tmp_path: Path) -> None:
    write(LabelmeSink(tmp_path / "set", INFO, shapes="polygons", images=False))
    assert not list((tmp_path / "set").glob("*.jpg"))
    found: Masks = defaultdict(lambda: np.zeros((HEIGHT, WIDTH), bool))
    for frame, document in labelme_files(tmp_path / "set").items():
        for shape in document["shapes"]:
            assert len(shape["points"]) >= 3
            # As labelme fills them.
            picture = Image.new("1", (WIDTH, HEIGHT))
            points = [tuple(point) for point in shape["points"]]
            ImageDraw.Draw(picture).polygon(points, outline=1, fill=1)
            found[frame, shape["group_id"]] |= np.asarray(picture)
    assert found.keys() == MASKS.keys()
    assert min(mask_iou(found[key], MASKS[key]) for key in MASKS) > 0.97


@pytest.mark.parametrize(
    "sink",
    [
        lambda folder, info: CocoSink(folder / "a.json", info),
        lambda folder, info: YtvisSink(folder / "a.json", info),
        lambda folder, info: CvatSink(folder / "a.xml", info),
    ],
)
def test_what_an_aborted_run_left_is_a_whole_file(tmp_path: Path, sink: Any) -> None:
    writer = sink(tmp_path, INFO)
    for result in results()[:3]:
        writer.write(result)
    writer.abort()
    (file,) = tmp_path.iterdir()
    if file.suffix == ".json":
        assert file.name == "a.partial.json"
        assert json.loads(file.read_text())["annotations"]
    else:
        assert file.name == "a.partial.xml"
        # The disc on three frames, the pieces on the third.
        assert len(ElementTree.parse(file).getroot().findall("track")) == 4


@pytest.mark.parametrize("sink", [CocoSink, YtvisSink, CvatSink, LabelmeSink, YoloSink])
def test_nothing_can_be_added_after_the_end(tmp_path: Path, sink: Any) -> None:
    writer = sink(tmp_path / "a.out", INFO)
    writer.close()
    with pytest.raises(OutputError, match="is closed"):
        writer.write(results(count=3)[2])


@pytest.mark.parametrize("sink", [CocoSink, YtvisSink, CvatSink, LabelmeSink, YoloSink])
def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path, sink: Any) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be created"):
        sink(tmp_path / "file" / "out", INFO)

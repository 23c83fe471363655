"""A folder of pictures and boxes to a data set of masks: each picture by itself."""

import glob
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image as PillowImage

from track_anything.boxes import box_area, clip_box
from track_anything.build import build_segmenter, choose_segmenter
from track_anything.errors import ConfigError, OutputError, PromptError
from track_anything.interfaces import Proposer, Segmenter, Sink
from track_anything.io.coco import CocoSink
from track_anything.io.frame_pictures import FramePictures
from track_anything.io.images import image_paths, read_image
from track_anything.io.yolo import YoloSink
from track_anything.masks import mask_box
from track_anything.prompts import BoxFile, ImportedBox, read_boxes
from track_anything.structures import Frame, FrameResult, ObjectMask, Origin, Prompt, VideoInfo

_log = logging.getLogger(__name__)

Target = Literal["yolo", "coco"]

_ORIENTATION_TAG, _UPRIGHT = 0x0112, 1
# What Ultralytics opens; any other picture is written as JPEG.
_COPIED = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True, kw_only=True)
class AnnotationSummary:
    """What came of a folder.

    Attributes:
        output: What was written.
        segmenter: Its name.
        reason: Why that one, in one line.
        pictures: In the data set.
        objects: Masks in the data set.
        without_boxes: Pictures left out, because no box is for them.
        without_mask: Boxes in which nothing was found.
        without_picture: Boxes for pictures that are not in the folder.
    """

    output: Path
    segmenter: str
    reason: str
    pictures: int = 0
    objects: int = 0
    without_boxes: int = 0
    without_mask: int = 0
    without_picture: int = 0


def auto_annotate(
    pictures: str | Path,
    output: str | Path,
    *,
    boxes: str | Path | None = None,
    proposer: Proposer | None = None,
    to: Target = "yolo",
    segmenter: str | Segmenter = "auto",
    device: str = "auto",
    val_share: float = 0.2,
    keep_empty: bool = False,
    overwrite: bool = False,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> AnnotationSummary:
    """Write a YOLO or COCO data set of the masks inside boxes on pictures.

    Boxes are found by the name of their picture, without folder and suffix; where they have frames
    alone (MOT), by its place in natural order. Classes keep their numbers. Pictures of different
    sizes are fine. YOLO gets copies of the pictures, COCO the names they have in their folder.

    Args:
        pictures: A folder, a pattern or one picture.
        output: A folder for YOLO, a JSON file for COCO.
        boxes: What `read_boxes` takes.
        proposer: Finds objects on every picture, instead of boxes.
        to: yolo or coco.
        segmenter: A name as on the command line, the path of a checkpoint, or a segmenter.
        device: Where a segmenter with weights runs: auto, cpu, cuda, mps.
        val_share: Share of the pictures for validation, in YOLO.
        keep_empty: Also take pictures that no box is for, as pictures of nothing.
        overwrite: Replace what is there.
        seed: Fixes every random choice.
        progress: Told after every picture how many are done and how many there are.

    Raises:
        VideoError: If a picture cannot be read.
        PromptError: If the boxes cannot be read, or none is for these pictures.
        ConfigError: If a setting does not fit.
        OutputError: If the data set cannot or must not be written.
        WeightsError: If the segmenter's weights are not here.
    """
    if (boxes is None) is (proposer is None):
        raise ConfigError("give boxes, or a proposer that finds objects, and not both")
    paths = image_paths(pictures)
    _check_names(paths)
    output = Path(output)
    _check_output(output, paths, overwrite=overwrite)
    file = BoxFile(()) if boxes is None else read_boxes(Path(boxes))
    by_picture, without_picture = _by_picture(file.boxes, paths)
    if boxes is not None and not by_picture:
        raise PromptError(f"{boxes}: has no box for a picture of {pictures}")
    chosen = [
        (path, by_picture.get(path, ()))
        for path in paths
        if proposer is not None or keep_empty or path in by_picture
    ]
    asked, reason = _segmenter(segmenter, seed=seed, device=device)
    sink = _sink(to, output, [path for path, _ in chosen], file, val_share)
    masks, empty = 0, 0
    try:
        for index, (path, given) in enumerate(chosen):
            frame = Frame(index, Fraction(index), read_image(path))
            prompts = _prompts(given, frame) if proposer is None else _proposed(proposer, frame)
            objects = _objects(asked, frame, prompts)
            sink.write(FrameResult(frame, objects))
            masks, empty = masks + len(objects), empty + len(given or prompts) - len(objects)
            if progress is not None:
                progress(index + 1, len(chosen))
        sink.close()
    except BaseException:
        sink.abort()
        raise
    return AnnotationSummary(
        output=output,
        segmenter=asked.name,
        reason=reason,
        pictures=len(chosen),
        objects=masks,
        without_boxes=len(paths) - len(chosen),
        without_mask=empty,
        without_picture=without_picture,
    )


def _check_names(paths: Sequence[Path]) -> None:
    owners: dict[str, Path] = {}
    for path in paths:
        if (other := owners.setdefault(path.stem, path)) is not path:
            raise PromptError(f"{other.name} and {path.name} have one name: rename one of them")


def _check_output(output: Path, paths: Sequence[Path], *, overwrite: bool) -> None:
    if any(path.resolve().is_relative_to(output.resolve()) for path in paths):
        raise OutputError(f"{output}: the pictures are in it; name another place")
    is_taken = any(output.iterdir()) if output.is_dir() else output.exists()
    if is_taken and not overwrite:
        raise OutputError(f"{output}: exists; name another, or allow overwriting")


def _by_picture(
    boxes: Sequence[ImportedBox], paths: Sequence[Path]
) -> tuple[Mapping[Path, Sequence[ImportedBox]], int]:
    """Boxes by picture, and how many have none."""
    by_name = {path.stem: path for path in paths}
    found: dict[Path, list[ImportedBox]] = {}
    without = 0
    for box in boxes:
        path = by_name.get(box.picture)
        if not box.picture and box.frame is not None and box.frame < len(paths):
            path = paths[box.frame]
        if path is None:
            without += 1
        else:
            found.setdefault(path, []).append(box)
    return found, without


def _segmenter(given: str | Segmenter, *, seed: int, device: str) -> tuple[Segmenter, str]:
    if not isinstance(given, str):
        return given, "given"
    spec, reason = choose_segmenter(given)
    built = build_segmenter(spec, seed=seed, device=device)
    if built is None:
        raise ConfigError("masks of boxes need a segmenter: choose one")
    return built, reason


def _sink(to: Target, output: Path, paths: Sequence[Path], file: BoxFile, val_share: float) -> Sink:
    info = VideoInfo(0, 0)
    labels = dict.fromkeys([*file.classes, *(box.label for box in file.boxes if box.label)])
    # A class is called what it is called, whatever number is in its name.
    classes = {glob.escape(label): label for label in labels}
    if to == "coco":
        names = {index: path.name for index, path in enumerate(paths)}
        return CocoSink(
            output,
            info,
            classes=classes,
            class_order=tuple(labels),
            has_track_ids=False,
            pictures=FramePictures(info, names=names),
        )
    if to != "yolo":
        raise ConfigError(f"a data set is yolo or coco, got {to!r}")
    files = {index: path for index, path in enumerate(paths) if _can_be_copied(path)}
    names = {
        index: path.name if index in files else f"{path.stem}.jpg"
        for index, path in enumerate(paths)
    }
    return YoloSink(
        output,
        info,
        val_share=val_share,
        split="spread",
        classes=classes,
        class_order=tuple(labels),
        pictures=FramePictures(info, names=names, files=files),
    )


def _can_be_copied(path: Path) -> bool:
    """Whether every reader sees the pixels that were segmented: no turn is left to the reader."""
    if path.suffix.lower() not in _COPIED:
        return False
    try:
        with PillowImage.open(path) as picture:
            return bool(picture.getexif().get(_ORIENTATION_TAG, _UPRIGHT) == _UPRIGHT)
    except (OSError, SyntaxError, ValueError, PillowImage.DecompressionBombError):
        # What is wrong with it is said when it is read.
        return False


def _prompts(boxes: Sequence[ImportedBox], frame: Frame) -> list[Prompt]:
    """Boxes as prompts in pixels; ids count from 1."""
    height, width = frame.image.shape[:2]
    found: list[Prompt] = []
    for box in boxes:
        scale = [width, height] * 2 if box.is_relative else [1, 1, 1, 1]
        given = np.array(box.box, np.float32) * np.array(scale, np.float32)
        clipped = clip_box(given, (height, width))
        if not box_area(clipped):
            _log.warning("%s: the box is outside the picture, %dx%d", box.place, width, height)
            continue
        found.append(Prompt(box=clipped, track_id=len(found) + 1, label=box.label))
    return found


def _proposed(proposer: Proposer, frame: Frame) -> list[Prompt]:
    return [
        Prompt(box=each.box, mask=each.mask, track_id=number, label=each.label)
        for number, each in enumerate(proposer.propose(frame), start=1)
    ]


def _objects(segmenter: Segmenter, frame: Frame, prompts: Sequence[Prompt]) -> list[ObjectMask]:
    """The best mask of every prompt that has one."""
    hints = [each for each in prompts if each.mask is None]
    answers = iter(segmenter.decode(segmenter.embed(frame), hints) if hints else ())
    found = []
    for each in prompts:
        mask, confidence = each.mask, 1.0
        if mask is None:
            best = next(answers)[0]
            mask, confidence = best.mask, best.predicted_iou
        if mask.any():
            found.append(
                ObjectMask(
                    each.track_id or 0,
                    mask,
                    mask_box(mask),
                    confidence,
                    origin=Origin.PROMPTED,
                    label=each.label,
                )
            )
    return found

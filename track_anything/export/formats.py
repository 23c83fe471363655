"""The formats a run can be exported to, as data; their classes are imported when chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from track_anything.errors import ConfigError

FOLDER = ""
"""Among the suffixes of a format: a name with none of the others is a folder."""

_PICTURES = ("[0-9]*.png", ".[0-9]*.png.partial")
_OBJECT_PICTURES = tuple(f"[0-9]*/{pattern}" for pattern in _PICTURES)


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """One format.

    Attributes:
        name: As on the command line.
        target: "module:Class" of its sink, whose `needs_images` says whether the source video is
            decoded again for it.
        path: Default, inside the folder of exports.
        text: What it is, in one line.
        suffixes: Of the names it can have; FOLDER among them for a folder. A format that is always
            a folder takes every name.
        own: In a folder, what it can write, as patterns: all that an overwriting export removes.
            {name} is what pictures of the video are called, up to their number. Empty where the
            class sees to it.
        hidden: Parameters of the class that are not for users.
    """

    name: str
    target: str
    path: str
    text: str
    suffixes: tuple[str, ...] = (FOLDER,)
    own: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def is_folder(self, path: Path) -> bool:
        """Whether it writes a folder of that name.

        Raises:
            ConfigError: If its names have other suffixes.
        """
        if self.suffixes == (FOLDER,):
            return True
        if path.suffix.lower() in self.suffixes:
            return not path.suffix
        endings = ", ".join(suffix for suffix in self.suffixes if suffix)
        folder = ", or without an ending for a folder" if FOLDER in self.suffixes else ""
        raise ConfigError(f"{self.name}: expected a name ending in {endings}{folder}; got {path}")


FORMATS: Mapping[str, ExportFormat] = {
    one.name: one
    for one in (
        ExportFormat(
            name="davis",
            target="track_anything.io.png_masks:PaletteMaskSink",
            path="davis",
            text="label maps in the DAVIS palette, pixel = object id (16 bit above 254)",
            own=_PICTURES,
        ),
        ExportFormat(
            name="png16",
            target="track_anything.io.png_masks:WideMaskSink",
            path="png16",
            text="label maps as 16-bit gray PNG, pixel = object id",
            own=_PICTURES,
        ),
        ExportFormat(
            name="objects",
            target="track_anything.io.png_masks:ObjectMaskSink",
            path="objects",
            text="a 0/255 PNG per object and frame; overlaps kept",
            own=_OBJECT_PICTURES,
        ),
        ExportFormat(
            name="coco",
            target="track_anything.io.coco:CocoSink",
            path="coco.json",
            text="COCO instances with compressed run lengths and track ids",
            suffixes=(".json",),
            hidden=("has_track_ids",),
        ),
        ExportFormat(
            name="ytvis",
            target="track_anything.io.ytvis:YtvisSink",
            path="ytvis.json",
            text="YouTube-VIS: one annotation per object over all frames",
            suffixes=(".json",),
        ),
        ExportFormat(
            name="yolo",
            target="track_anything.io.yolo:YoloSink",
            path="yolo",
            text="YOLO segmentation data set: pictures, polygons, split, data.yaml",
        ),
        ExportFormat(
            name="mot",
            target="track_anything.io.mot:MotSink",
            path="mot.txt",
            text="MOTChallenge text: boxes; frames and pixels count from 1",
            suffixes=(".txt", ".csv"),
        ),
        ExportFormat(
            name="mots",
            target="track_anything.io.mots:MotsSink",
            path="mots.txt",
            text="MOTS text: masks without overlaps; frames count from 1",
            suffixes=(".txt",),
        ),
        ExportFormat(
            name="cvat",
            target="track_anything.io.cvat:CvatSink",
            path="cvat.xml",
            text="CVAT for video 1.1: tracks with masks",
            suffixes=(".xml",),
        ),
        ExportFormat(
            name="labelme",
            target="track_anything.io.labelme:LabelmeSink",
            path="labelme",
            text="LabelMe: a JSON file per frame, and its picture",
            own=("{name}[0-9]*.json", "{name}[0-9]*.jpg", ".{name}[0-9]*.partial"),
        ),
        ExportFormat(
            name="npz",
            target="track_anything.io.npz:NpzSink",
            path="npz",
            text="NumPy: a .npz per frame with masks, ids, names, boxes, confidences",
            own=("[0-9]*.npz", ".[0-9]*.npz.partial"),
        ),
        ExportFormat(
            name="csv",
            target="track_anything.io.tables:CsvSink",
            path="tracks.csv",
            text="a table of one row per object and frame",
            suffixes=(".csv",),
        ),
        ExportFormat(
            name="jsonl",
            target="track_anything.io.tables:JsonLinesSink",
            path="tracks.jsonl",
            text="the same as JSON lines, with events and exact times",
            suffixes=(".jsonl", ".ndjson"),
        ),
        ExportFormat(
            name="video",
            target="track_anything.export.video:AnnotatedVideoSink",
            path="video.mp4",
            text="the annotated video in another style, with the source's sound",
            suffixes=(".mp4", ".m4v", ".mov", ".mkv"),
        ),
        ExportFormat(
            name="matte",
            target="track_anything.io.matte_sink:MatteSink",
            path="matte",
            text="gray mattes for compositing",
            suffixes=(FOLDER, ".mkv", ".mp4"),
            own=(*_PICTURES, *_OBJECT_PICTURES),
        ),
        ExportFormat(
            name="alpha",
            target="track_anything.io.alpha_sink:AlphaSink",
            path="alpha.mov",
            text="the objects on a transparent ground: ProRes 4444, VP9 or PNG",
            suffixes=(".mov", ".webm", FOLDER),
            own=_PICTURES,
        ),
        ExportFormat(
            name="cutout",
            target="track_anything.io.cutout_sink:CutoutSink",
            path="cutout",
            text="RGBA pictures of every object, cropped to it",
            own=_OBJECT_PICTURES,
        ),
        ExportFormat(
            name="crop",
            target="track_anything.io.crop_sink:CropSink",
            path="crop.mp4",
            text="a video that follows one object smoothly",
            suffixes=(".mp4", ".m4v", ".mov", ".mkv"),
        ),
        ExportFormat(
            name="gif",
            target="track_anything.io.gif_sink:GifSink",
            path="run.gif",
            text="an animated picture",
            suffixes=(".gif",),
        ),
    )
}


def find_format(name: str) -> ExportFormat:
    """The format of a name.

    Raises:
        ConfigError: If there is none.
    """
    if name not in FORMATS:
        raise ConfigError(f"a format is one of {', '.join(FORMATS)}; got {name!r}")
    return FORMATS[name]

"""Boxes from text: MOTChallenge, tables with a header, labels of YOLO."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from track_anything.errors import PromptError
from track_anything.prompts.imported import BoxFile, ImportedBox, frames_of_names

_MOT_FORM = "FRAME,ID,LEFT,TOP,WIDTH,HEIGHT,..."
_YOLO_FORM = "CLASS X Y WIDTH HEIGHT [CONFIDENCE] [ID] or CLASS X Y X Y X Y ... [ID]"
# MOTChallenge counts pixels from 1.
_MOT_ORIGIN = 1

# What columns of tables are called, by what they are here.
_COLUMNS = {
    "picture": ("image", "file", "filename", "file_name", "image_name", "path"),
    "frame": ("frame", "frame_index"),
    "id": ("id", "track_id"),
    "label": ("name", "label", "class", "class_name"),
    "x_min": ("x_min", "xmin", "x1", "left"),
    "y_min": ("y_min", "ymin", "y1", "top"),
    "x_max": ("x_max", "xmax", "x2", "right"),
    "y_max": ("y_max", "ymax", "y2", "bottom"),
    "width": ("width", "w"),
    "height": ("height", "h"),
}
_TABLE_FORM = "x_min,y_min,x_max,y_max (or left,top,width,height) and frame or image"


def read_text_boxes(path: Path) -> BoxFile:
    """The boxes of a text file: of MOTChallenge, a table with a header, or one YOLO label file.

    Raises:
        PromptError: If it cannot be read or has none of the three forms.
    """
    lines = _lines(path)
    first = next(iter(lines), (1, ""))[1]
    if "," in first and re.search("[A-Za-z]{2}", first):
        return BoxFile(_table_boxes(path))
    if "," not in first and is_yolo_line(first):
        names = class_names(path.parent)
        return BoxFile(
            list(_yolo_file(path, names=names, picture=path.stem, frame=0)), _classes(names)
        )
    return BoxFile([box for number, line in lines if (box := _mot_box(path, number, line))])


def read_yolo_folder(path: Path) -> BoxFile:
    """The boxes of a folder of YOLO label files, or of a data set with a folder of that name.

    Raises:
        PromptError: If a file cannot be read or is not one.
    """
    folder = path / "labels" if (path / "labels").is_dir() else path
    names = class_names(path)
    files = label_files(folder)
    frames = frames_of_names([file.stem for file in files], path)
    boxes = [
        box
        for file in files
        for box in _yolo_file(file, names=names, picture=file.stem, frame=frames[file.stem])
    ]
    return BoxFile(boxes, _classes(names))


def label_files(folder: Path) -> list[Path]:
    """The label files in a folder, and in those below it where it is called "labels".

    Lists of classes and notes are none.
    """
    found = folder.rglob("*.txt") if folder.name == "labels" else folder.glob("*.txt")
    files = (file for file in found if file.is_file())
    return sorted(f for f in files if f.stem.lower() not in ("classes", "readme", "notes"))


def is_yolo_line(line: str) -> bool:
    """Whether a line can be one of a label file: a class, then shares between 0 and 1."""
    parts = line.split()
    try:
        values = [float(part) for part in parts]
    except ValueError:
        return False
    return len(parts) >= 5 and parts[0].isdecimal() and all(0 <= v <= 1 for v in values[1:5])


def class_names(folder: Path) -> Mapping[int, str]:
    """Classes by number from classes.txt or data.yaml in a folder or up to two above it.

    Raises:
        PromptError: If such a file cannot be read.
    """
    for place in (folder, *folder.absolute().parents[:2]):
        for file in (place / "classes.txt", place / "data.yaml"):
            if file.is_file():
                return _class_file(file)
    return {}


def _classes(names: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(
        names.get(number, _unnamed(number)) for number in range(max(names, default=-1) + 1)
    )


def _unnamed(number: int) -> str:
    """What a class is called whose name nobody says."""
    return f"class{number}"


def _class_file(file: Path) -> Mapping[int, str]:
    text = _text(file)
    if file.suffix == ".txt":
        return dict(enumerate(line.strip() for line in text.splitlines() if line.strip()))
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PromptError(f"{file}: not YAML ({getattr(error, 'problem', error)})") from error
    names: Any = document.get("names") if isinstance(document, dict) else None
    if isinstance(names, list):
        return {number: str(name) for number, name in enumerate(names)}
    if isinstance(names, dict):
        return {int(number): str(name) for number, name in names.items()}
    return {}


def _mot_box(path: Path, number: int, line: str) -> ImportedBox | None:
    """The box of a line; None where the line says it is not to be looked at."""
    place = f"{path}: line {number}"
    parts = [part for part in re.split(r"[,\s]+", line.strip()) if part]
    try:
        values = [float(part) for part in parts]
        frame, track_id = int(parts[0]), int(float(parts[1]))
        left, top, width, height = values[2:6]
    except (ValueError, IndexError) as error:
        form = _MOT_FORM if "," in line else f"{_MOT_FORM} or {_YOLO_FORM}"
        raise PromptError(f"{place}: expected {form}, got {line[:60]!r}") from error
    if frame < 1:
        raise PromptError(f"{place}: frames of MOTChallenge count from 1, got {frame}")
    # Ground truth has nine columns, the seventh of them 0 where a box does not count.
    if len(values) == 9 and values[6] == 0:
        return None
    left, top = left - _MOT_ORIGIN, top - _MOT_ORIGIN
    return ImportedBox(
        place=place,
        frame=frame - 1,
        box=(left, top, left + width, top + height),
        track_id=None if track_id == -1 else track_id,
    )


def _yolo_file(
    path: Path, *, names: Mapping[int, str], picture: str, frame: int | None
) -> Iterator[ImportedBox]:
    for number, line in _lines(path):
        place = f"{path}: line {number}"
        parts = line.split()
        if not is_yolo_line(line):
            raise PromptError(f"{place}: expected {_YOLO_FORM}, got {line[:60]!r}")
        box, track_id = _yolo_box(parts, place)
        label = names.get(int(parts[0]), _unnamed(int(parts[0])))
        yield ImportedBox(
            place=place,
            picture=picture,
            frame=frame,
            box=box,
            is_relative=True,
            track_id=track_id,
            label=label,
        )


def _yolo_box(
    parts: Sequence[str], place: str
) -> tuple[tuple[float, float, float, float], int | None]:
    """(box, id): of a box the last value may be an id, of a polygon it makes their number odd."""
    values = [float(part) for part in parts[1:]]
    is_whole = parts[-1].isdecimal() and int(parts[-1]) > 0
    has_id = is_whole and (len(values) in (5, 6) or len(values) % 2 == 1)
    track_id = int(parts[-1]) if has_id else None
    shares = values[:-1] if has_id else values
    if len(shares) >= 6 and len(shares) % 2 == 0:
        x, y = shares[::2], shares[1::2]
        return (min(x), min(y), max(x), max(y)), track_id
    if len(shares) > 5:
        raise PromptError(f"{place}: expected x and y of every point, got {len(shares)} numbers")
    x_center, y_center, width, height = shares[:4]
    return (
        x_center - width / 2,
        y_center - height / 2,
        x_center + width / 2,
        y_center + height / 2,
    ), track_id


def _table_boxes(path: Path) -> list[ImportedBox]:
    reader = csv.reader(_text(path).splitlines())
    header = [name.strip().lower() for name in next(reader, [])]
    columns = {
        key: next((header.index(name) for name in names if name in header), None)
        for key, names in _COLUMNS.items()
    }
    corners = [columns[key] for key in ("x_min", "y_min", "x_max", "y_max")]
    sizes = [columns[key] for key in ("x_min", "y_min", "width", "height")]
    is_corners = None not in corners
    if (not is_corners and None in sizes) or (
        columns["frame"] is None and columns["picture"] is None
    ):
        raise PromptError(
            f"{path}: line 1: expected columns {_TABLE_FORM}, got {','.join(header)[:80]}"
        )
    used = [column for column in (corners if is_corners else sizes) if column is not None]
    rows = [
        (reader.line_num, {key: _cell(row, column) for key, column in columns.items()}, row)
        for row in reader
        if any(row)
    ]
    stems = dict.fromkeys(Path(cells["picture"]).stem for _, cells, _ in rows if cells["picture"])
    frames = frames_of_names(stems, path) if columns["frame"] is None else {}
    found = []
    for number, cells, row in rows:
        place = f"{path}: line {number}"
        # In the tables of a run an object that is not visible has no box.
        if not any(_cell(row, column) for column in used):
            continue
        try:
            x0, y0, x1, y1 = (float(_cell(row, column)) for column in used)
            track_id = int(cells["id"]) if cells["id"] else None
            frame = int(cells["frame"]) if cells["frame"] else None
        except ValueError as error:
            raise PromptError(f"{place}: not a row of numbers ({error})") from error
        stem = Path(cells["picture"]).stem
        found.append(
            ImportedBox(
                place=place,
                picture=stem,
                frame=frames.get(stem) if frame is None else frame,
                box=(x0, y0, x1, y1) if is_corners else (x0, y0, x0 + x1, y0 + y1),
                track_id=track_id,
                label=cells["label"],
            )
        )
    return found


def _cell(row: Sequence[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""


def _lines(path: Path) -> list[tuple[int, str]]:
    """(number, text) of the lines that say something."""
    numbered = enumerate(_text(path).splitlines(), start=1)
    return [(n, line) for n, line in numbered if line.strip() and not line.startswith("#")]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PromptError(f"{path}: expected UTF-8 text") from error
    except OSError as error:
        raise PromptError(f"{path}: cannot be read ({error.strerror})") from error

"""One suite that every sink passes: add a new sink to SINKS."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from track_anything.interfaces import Sink
from track_anything.io.alpha_sink import AlphaSink
from track_anything.io.coco import CocoSink
from track_anything.io.cutout_sink import CutoutSink
from track_anything.io.cvat import CvatSink
from track_anything.io.labelme import LabelmeSink
from track_anything.io.matte_sink import MatteSink
from track_anything.io.mot import MotSink
from track_anything.io.mots import MotsSink
from track_anything.io.npz import NpzSink
from track_anything.io.png_masks import ObjectMaskSink, PaletteMaskSink, WideMaskSink
from track_anything.io.run_store import RunStoreSink
from track_anything.io.summary import SummarySink
from track_anything.io.tables import CsvSink, JsonLinesSink
from track_anything.io.yolo import YoloSink
from track_anything.io.ytvis import YtvisSink
from track_anything.masks import mask_box
from track_anything.structures import Event, EventKind, FrameResult, ObjectMask, State
from track_anything.testing import MovingSquare, RecordingSink
from track_anything.timing import StageClock, TimedSink


@dataclass(frozen=True)
class Case:
    """A sink, and the files it makes in its folder.

    Attributes:
        make: The sink, writing into a folder.
        final: After three frames and close.
        partial: After three frames and abort.
        during: After three frames, before either.
    """

    make: Callable[[Path], Sink]
    final: Sequence[str] = ()
    partial: Sequence[str] = ()
    during: Sequence[str] = ()


INFO = MovingSquare().info
LABEL_MAPS = [f"masks/{index:05d}.png" for index in range(3)]
OBJECT_MASKS = [f"objects/{i:04d}/{index:05d}.png" for i in (1, 300) for index in range(3)]
LABELME = [f"labelme/{index:05d}.{end}" for index in range(3) for end in ("jpg", "json")]
YOLO = [
    "data.yaml",
    *(
        f"{part}/{half}/{index:05d}.{end}"
        for part, end in (("images", "jpg"), ("labels", "txt"))
        for index, half in enumerate(("train", "train", "val"))
    ),
]
MATTES = [f"matte/{index:05d}.png" for index in range(3)]
OBJECT_MATTES = [f"matte/{i:04d}/{index:05d}.png" for i in (1, 300) for index in range(3)]
ALPHAS = [f"alpha/{index:05d}.png" for index in range(3)]
CUTOUTS = [f"cutout/0001/{index:05d}.png" for index in range(3)]
ARRAYS = [f"npz/{index:05d}.npz" for index in range(3)]

SINKS = {
    "palette masks": Case(
        lambda folder: PaletteMaskSink(folder / "masks"), LABEL_MAPS, LABEL_MAPS, LABEL_MAPS
    ),
    "object masks": Case(
        lambda folder: ObjectMaskSink(folder / "objects"), OBJECT_MASKS, OBJECT_MASKS, OBJECT_MASKS
    ),
    "csv": Case(
        lambda folder: CsvSink(folder / "tracks.csv"),
        ["tracks.csv"],
        ["tracks.partial.csv"],
        ["tracks.partial.csv"],
    ),
    "json lines": Case(
        lambda folder: JsonLinesSink(folder / "tracks.jsonl"),
        ["tracks.jsonl"],
        ["tracks.partial.jsonl"],
        ["tracks.partial.jsonl"],
    ),
    "wide masks": Case(
        lambda folder: WideMaskSink(folder / "masks"), LABEL_MAPS, LABEL_MAPS, LABEL_MAPS
    ),
    "matte": Case(lambda folder: MatteSink(folder / "matte", INFO), MATTES, MATTES, MATTES),
    "object mattes": Case(
        lambda folder: MatteSink(folder / "matte", INFO, per_object=True),
        OBJECT_MATTES,
        OBJECT_MATTES,
        OBJECT_MATTES,
    ),
    "alpha": Case(lambda folder: AlphaSink(folder / "alpha", INFO), ALPHAS, ALPHAS, ALPHAS),
    "cutout": Case(lambda folder: CutoutSink(folder / "cutout", INFO), CUTOUTS, CUTOUTS, CUTOUTS),
    "npz": Case(lambda folder: NpzSink(folder / "npz", INFO), ARRAYS, ARRAYS, ARRAYS),
    "mot": Case(
        lambda folder: MotSink(folder / "mot.txt", INFO),
        ["mot.txt"],
        ["mot.partial.txt"],
        ["mot.partial.txt"],
    ),
    "mots": Case(
        lambda folder: MotsSink(folder / "mots.txt", INFO),
        ["mots.txt"],
        ["mots.partial.txt"],
        ["mots.partial.txt"],
    ),
    "coco": Case(
        lambda folder: CocoSink(folder / "coco.json", INFO),
        ["coco.json"],
        ["coco.partial.json"],
        [".coco.json.spill"],
    ),
    "youtube vis": Case(
        lambda folder: YtvisSink(folder / "ytvis.json", INFO),
        ["ytvis.json"],
        ["ytvis.partial.json"],
        [".ytvis.json.spill"],
    ),
    "cvat": Case(
        lambda folder: CvatSink(folder / "cvat.xml", INFO),
        ["cvat.xml"],
        ["cvat.partial.xml"],
        [".cvat.xml.spill"],
    ),
    "labelme": Case(
        lambda folder: LabelmeSink(folder / "labelme", INFO), LABELME, LABELME, LABELME
    ),
    "yolo": Case(
        lambda folder: YoloSink(folder / "yolo", INFO),
        [f"yolo/{name}" for name in YOLO],
        [f"yolo.partial/{name}" for name in YOLO],
        [
            "yolo.partial/.names.spill",
            *(f"yolo.partial/{name.replace('/val', '/train')}" for name in YOLO[1:]),
        ],
    ),
    # A database is whole at every moment; it says in itself whether it is complete.
    "run store": Case(
        lambda folder: RunStoreSink(folder / "tracks.db", INFO),
        ["tracks.db"],
        ["tracks.db"],
        ["tracks.db", "tracks.db-shm", "tracks.db-wal"],
    ),
    "summary": Case(lambda _: SummarySink()),
    "recording": Case(lambda _: RecordingSink()),
    "timed": Case(
        lambda folder: TimedSink(CsvSink(folder / "tracks.csv"), StageClock(), "csv"),
        ["tracks.csv"],
        ["tracks.partial.csv"],
        ["tracks.partial.csv"],
    ),
}


@pytest.fixture(params=SINKS.values(), ids=SINKS.keys())
def case(request: pytest.FixtureRequest) -> Case:
    """Every sink in turn."""
    assert isinstance(request.param, Case)
    return request.param


@pytest.fixture
def results() -> list[FrameResult]:
    """Three frames of a square (1) and an object that is never visible (300), with events."""
    square = MovingSquare(frame_count=3)
    return [
        FrameResult(
            frame,
            [
                ObjectMask(1, square.truth(frame.index), square.box(frame.index), 0.9),
                ObjectMask(
                    300,
                    np.zeros(square.info.size, np.bool_),
                    np.zeros(4, np.float32),
                    0.0,
                    State.LOST,
                ),
            ],
            [Event(EventKind.LOST, 300)],
        )
        for frame in square
    ]


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def write(sink: Sink, results: Sequence[FrameResult]) -> None:
    for result in results:
        sink.write(result)


def test_closing_completes_the_output_under_its_final_name(
    case: Case, tmp_path: Path, results: list[FrameResult]
) -> None:
    sink = case.make(tmp_path)
    write(sink, results)
    assert files(tmp_path) == sorted(case.during)
    sink.close()
    assert files(tmp_path) == sorted(case.final)


def test_closing_again_changes_nothing(
    case: Case, tmp_path: Path, results: list[FrameResult]
) -> None:
    sink = case.make(tmp_path)
    write(sink, results)
    sink.close()
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    sink.close()
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == before


def test_aborting_keeps_what_is_readable_and_no_final_name(
    case: Case, tmp_path: Path, results: list[FrameResult]
) -> None:
    sink = case.make(tmp_path)
    write(sink, results)
    sink.abort()
    assert files(tmp_path) == sorted(case.partial)
    assert all((tmp_path / name).stat().st_size for name in case.partial)


def test_closing_after_aborting_does_not_make_it_final(
    case: Case, tmp_path: Path, results: list[FrameResult]
) -> None:
    sink = case.make(tmp_path)
    write(sink, results)
    sink.abort()
    sink.abort()
    sink.close()
    assert files(tmp_path) == sorted(case.partial)


def test_aborting_after_closing_keeps_the_final_output(
    case: Case, tmp_path: Path, results: list[FrameResult]
) -> None:
    sink = case.make(tmp_path)
    write(sink, results)
    sink.close()
    sink.abort()
    assert files(tmp_path) == sorted(case.final)


def test_a_run_without_frames_closes_and_aborts(case: Case, tmp_path: Path) -> None:
    case.make(tmp_path).close()
    case.make(tmp_path).abort()


def test_frames_without_objects_and_objects_without_pixels_are_fine(
    case: Case, tmp_path: Path, results: list[FrameResult]
) -> None:
    sink = case.make(tmp_path)
    first, second, third = results
    sink.write(FrameResult(first.frame))
    sink.write(FrameResult(second.frame, second.objects[1:]))
    sink.write(FrameResult(third.frame, (), third.events))
    sink.close()


def test_results_are_not_written_to(case: Case, tmp_path: Path, results: list[FrameResult]) -> None:
    sink = case.make(tmp_path)
    for result in results:
        result.frame.image.flags.writeable = False
        for one in result.objects:
            one.mask.flags.writeable = False
            one.box.flags.writeable = False
            assert np.array_equal(one.box, mask_box(one.mask))
        sink.write(result)
    sink.close()

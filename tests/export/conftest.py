"""A run of twelve frames, kept in a store, and its video as pictures."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from track_anything.io.run_folder import write_manifest
from track_anything.io.run_store import RunStoreSink
from track_anything.io.sources import probe
from track_anything.masks import mask_box
from track_anything.structures import (
    Event,
    EventKind,
    FrameResult,
    Mask,
    ObjectMask,
    Origin,
    State,
)
from track_anything.testing import MovingSquare

FRAMES = 12
MakeRun = Callable[..., Path]


def block(left: int, top: int, right: int, bottom: int) -> Mask:
    mask = np.zeros((96, 128), bool)
    mask[top:bottom, left:right] = True
    return mask


def results(square: MovingSquare, *, label: str = "square") -> Iterator[FrameResult]:
    """The square (1), a block it meets (2, "red 7"), and from frame 6 on one without a name (300).

    300 is lost on frame 9 and found on frame 10.
    """
    for frame in square:
        found = [
            _object(1, square.truth(frame.index), 0.9, label=label),
            _object(2, block(20, 20, 44, 40), 0.5, state=State.WEAK, label="red 7"),
        ]
        events = [Event(EventKind.STARTED, 1), Event(EventKind.CUT, 0)] if not frame.index else []
        if frame.index >= 6:
            is_lost = frame.index == 9
            mask = block(100, 80, 100 if is_lost else 120, 90)
            state = State.LOST if is_lost else State.CONFIRMED
            found.append(_object(300, mask, 0.8 - 0.8 * is_lost, state=state))
            events += [Event(EventKind.LOST, 300)] * is_lost
        yield FrameResult(frame, found, events)


def _object(track_id: int, mask: Mask, confidence: float, **rest: object) -> ObjectMask:
    box = mask_box(mask)
    return ObjectMask(track_id, mask, box, confidence, origin=Origin.PROPAGATED, **rest)  # type: ignore[arg-type]


@pytest.fixture
def square() -> MovingSquare:
    """What the run saw."""
    return MovingSquare(frame_count=FRAMES)


@pytest.fixture
def video(tmp_path: Path, square: MovingSquare) -> Path:
    """The frames as pictures."""
    folder = tmp_path / "video"
    folder.mkdir()
    for frame in square:
        Image.fromarray(frame.image).save(folder / f"{frame.index:05d}.png")
    return folder


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Makes a run folder."""

    def make(
        source: MovingSquare,
        *,
        path: Path | str = "",
        name: str = "run",
        is_complete: bool = True,
        label: str = "square",
        options: Mapping[str, object] | None = None,
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        is_clip = Path(path).is_file()
        info = probe(path) if is_clip else replace(source.info, path=str(path))
        sink = RunStoreSink(folder / "tracks.db", info)
        for result in results(source, label=label):
            sink.write(result)
        sink.close() if is_complete else sink.abort()
        manifest = {
            "status": "complete" if is_complete else "interrupted",
            "input": {"path": str(path)},
            "options": {"style": {"parts": ["contour"], "mask_opacity": 0.25}, **(options or {})},
        }
        write_manifest(folder, manifest)
        return folder

    return make


@pytest.fixture
def run(make_run: MakeRun, square: MovingSquare, video: Path) -> Path:
    """The run folder."""
    return make_run(square, path=video)

"""Runs drawn by hand: rectangles whose every measure is known."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from track_anything.io.run_folder import write_manifest
from track_anything.io.run_store import RunStoreSink
from track_anything.masks import mask_box
from track_anything.structures import (
    Event,
    Frame,
    FrameResult,
    ObjectMask,
    Origin,
    State,
    VideoInfo,
)

SIZE = (96, 128)
RATE = Fraction(25)
Rectangle = tuple[int, int, int, int] | None

Seen = Callable[..., ObjectMask]
Film = Callable[..., list[FrameResult]]


@pytest.fixture
def seen() -> Seen:
    """Makes an object of a rectangle x0, y0, x1, y1, or of several; None is not visible."""

    def make(
        track_id: int,
        *rectangles: Rectangle,
        confidence: float = 0.9,
        state: State = State.CONFIRMED,
        origin: Origin = Origin.PROPAGATED,
        label: str = "",
    ) -> ObjectMask:
        mask = np.zeros(SIZE, np.bool_)
        for one in rectangles:
            if one is not None:
                mask[one[1] : one[3], one[0] : one[2]] = True
        return ObjectMask(track_id, mask, mask_box(mask), confidence, state, origin, label)

    return make


@pytest.fixture
def film() -> Film:
    """Makes results, 25 a second, of the objects of every frame and events by frame."""

    def make(
        frames: Sequence[Sequence[ObjectMask]],
        events: Mapping[int, Sequence[Event]] | None = None,
    ) -> list[FrameResult]:
        black = np.broadcast_to(np.uint8(0), (*SIZE, 3))
        return [
            FrameResult(Frame(index, index / RATE, black), objects, (events or {}).get(index, ()))
            for index, objects in enumerate(frames)
        ]

    return make


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., Path]:
    """Writes results as a run folder with a store and a manifest."""

    def write(
        results: Sequence[FrameResult],
        *,
        manifest: Mapping[str, object] | None = None,
        path: str = "gone.mp4",
    ) -> Path:
        folder = tmp_path / "run"
        folder.mkdir()
        info = VideoInfo(
            width=SIZE[1], height=SIZE[0], frame_rate=RATE, time_base=1 / RATE, path=path
        )
        sink = RunStoreSink(folder / "tracks.db", info)
        for result in results:
            sink.write(result)
        sink.close()
        write_manifest(folder, {"status": "complete", "input": {"path": path}, **(manifest or {})})
        return folder

    return write

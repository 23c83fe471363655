"""Objects of a run taken out of its video: checked first, then written with audio and times."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from track_anything.config import ReadConfig, RunConfig
from track_anything.errors import ConfigError, VideoError
from track_anything.export.plan import range_of
from track_anything.export.selection import chosen_ids, with_images
from track_anything.interfaces import FrameSource, Sink
from track_anything.io.container import STDIN
from track_anything.io.rgba import union_mask
from track_anything.io.run_store import RunStore
from track_anything.io.sources import open_source
from track_anything.io.video_sink import VideoSink
from track_anything.io.write_behind import WriteBehindSink
from track_anything.removal.flow_inpainter import FillCounts, FlowInpainter
from track_anything.removal.window import Inpainter, MaskedFrame, dilated, sliding_windows
from track_anything.run import SinkGroup
from track_anything.structures import Frame, FrameResult, Mask, VideoInfo

_log = logging.getLogger(__name__)

DILATE = 15
"""Pixels: masks end inside the object's edge, and its colours reach beyond it."""
MAX_DILATE = 500
LOOK = 120
MAX_LOOK = 5000

_DEFAULTS = RunConfig()


@dataclass(frozen=True, kw_only=True)
class RemovalSummary:
    """What came of a removal.

    Attributes:
        run: As given.
        output: The video written.
        track_ids: Of the objects removed.
        frames: Frames written.
        changed_frames: Of them, those on which something was to remove.
        counts: Where the filled pixels came from; None if another inpainter does not say.
        seconds: Wall clock.
    """

    run: Path
    output: Path
    track_ids: tuple[int, ...]
    frames: int
    changed_frames: int
    counts: FillCounts | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "run": str(self.run),
            "output": str(self.output),
            "objects": list(self.track_ids),
            "frames": self.frames,
            "changed_frames": self.changed_frames,
            "pixels": None if self.counts is None else asdict(self.counts),
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, kw_only=True)
class RemovalPlan:
    """A removal that was checked, with its run open. It is executed once.

    Attributes:
        run: As given.
        store: Open.
        track_ids: What is removed.
        output: The video that is written.
        path: Where the source video is.
        info: Of the frames that will be written: those of the source, unscaled.
        dilate: Pixels by which masks are grown.
        look: Frames on either side in which the background is looked for.
        overwrite: Whether the output may be replaced.
        settings: Quality is in its `write`.
    """

    run: Path
    store: RunStore
    track_ids: frozenset[int]
    output: Path
    path: str
    info: VideoInfo
    dilate: int
    look: int
    overwrite: bool
    settings: RunConfig

    def close(self) -> None:
        """Let go of the run. May be called again."""
        self.store.close()


def remove_objects(
    run: str | Path,
    output: str | Path,
    *,
    objects: Sequence[int | str],
    video: str | Path | None = None,
    dilate: int = DILATE,
    look: int = LOOK,
    overwrite: bool = False,
    settings: RunConfig = _DEFAULTS,
    inpainter: Inpainter | None = None,
    sinks: Sequence[Sink] = (),
) -> RemovalSummary:
    """Write the video of a run without some of its objects.

    Args:
        run: A run folder.
        output: A name ending in .mp4, .m4v, .mov or .mkv.
        objects: Ids or names.
        video: Where the source video is, if it is no longer where the run found it.
        dilate: Pixels of the source by which masks are grown, 0 to 500: shadows and soft edges
            need more.
        look: Frames on either side in which the background is looked for, 0 to 5000. Of more than
            16 only every second, third ... is kept in memory.
        overwrite: Whether an existing output may be replaced.
        settings: Quality is in its `write`.
        inpainter: Who fills; None is FlowInpainter.
        sinks: Get every result besides, with the filled pictures.

    Raises:
        ConfigError: If an object is not in the run, or a setting is out of range.
        VideoError: If the source video cannot be read, or is another one.
        OutputError: If the output cannot or may not be written there.
        DatasetError: If there is no such run.
    """
    plan = plan_removal(
        run,
        output,
        objects=objects,
        video=video,
        dilate=dilate,
        look=look,
        overwrite=overwrite,
        settings=settings,
    )
    with closing(plan):
        return execute_removal(plan, inpainter=inpainter, sinks=sinks)


def plan_removal(
    run: str | Path,
    output: str | Path,
    *,
    objects: Sequence[int | str],
    video: str | Path | None = None,
    dilate: int = DILATE,
    look: int = LOOK,
    overwrite: bool = False,
    settings: RunConfig = _DEFAULTS,
) -> RemovalPlan:
    """Check a removal; nothing is written. `execute_removal` or close the plan.

    Arguments and errors are those of `remove_objects`.
    """
    for name, value, high in (("dilate", dilate, MAX_DILATE), ("look", look, MAX_LOOK)):
        if not 0 <= value <= high:
            raise ConfigError(f"{name} is 0 to {high}, got {value}")
    if not objects:
        raise ConfigError("say which objects are to be removed")
    store = RunStore.open(run)
    try:
        track_ids = chosen_ids(store.tracks, objects)
        path = _video_path(store, video)
        with closing(_opened(store, path)) as source:
            info = replace(
                store.info,
                width=source.info.width,
                height=source.info.height,
                frame_count=store.frame_count,
            )
        if not store.is_complete:
            _log.warning(
                "%s: the run did not come to its end; it has %d frames", run, store.frame_count
            )
    except BaseException:
        store.close()
        raise
    return RemovalPlan(
        run=Path(run),
        store=store,
        track_ids=track_ids,
        output=Path(output),
        path=path,
        info=info,
        dilate=dilate,
        look=look,
        overwrite=overwrite,
        settings=settings,
    )


def execute_removal(
    plan: RemovalPlan, *, inpainter: Inpainter | None = None, sinks: Sequence[Sink] = ()
) -> RemovalSummary:
    """Write what was planned; the plan stays open.

    Args:
        plan: Is executed once.
        inpainter: Who fills; None is FlowInpainter.
        sinks: Get every result besides, with the filled pictures.

    Raises:
        TrackAnythingError: If anything fails; what was written so far has a partial name.
    """
    started = time.perf_counter()
    # What was added to the mask is background: the seam may be as wide as half of it.
    filler = FlowInpainter(feather=min(6, plan.dilate // 2)) if inpainter is None else inpainter
    outputs = SinkGroup([*sinks, WriteBehindSink(_output(plan))])
    frames = changed_frames = 0
    try:
        for window in sliding_windows(lambda: _masked_frames(plan), look=plan.look):
            target = window.target
            frame = Frame(target.index, target.time, filler.fill(window))
            outputs.write(FrameResult(frame))
            frames += 1
            changed_frames += bool(target.mask.any())
    except BaseException:
        outputs.abort_quietly()
        raise
    outputs.close()
    return RemovalSummary(
        run=plan.run,
        output=plan.output,
        track_ids=tuple(sorted(plan.track_ids)),
        frames=frames,
        changed_frames=changed_frames,
        counts=getattr(filler, "counts", None),
        seconds=time.perf_counter() - started,
    )


def _masked_frames(plan: RemovalPlan) -> Iterator[MaskedFrame]:
    """One reading of the video with what is to be removed, closed when it is no longer wanted."""
    size = plan.info.size
    # Two readings go on at once, and SQLite's connections are for one at a time.
    with (
        RunStore.open(plan.run) as store,
        closing(_opened(store, plan.path)) as source,
    ):
        results = store.results(track_ids=plan.track_ids)
        for result in with_images(results, source):
            mask = union_mask(result.objects, store.info.size)
            mask = dilated(_scaled(mask, size), plan.dilate)
            frame = result.frame
            yield MaskedFrame(frame.index, frame.time, frame.image, mask)


def _scaled(mask: Mask, size: tuple[int, int]) -> Mask:
    """A mask of the frames tracked, which may be smaller than the source's, on the source's."""
    if mask.shape == size:
        return mask
    soft = cv2.resize(
        mask.view(np.uint8) * np.uint8(255), size[::-1], interpolation=cv2.INTER_LINEAR
    )
    return np.asarray(soft > 127)


def _output(plan: RemovalPlan) -> VideoSink:
    span = range_of(plan.store)
    ends_early = not plan.store.is_complete
    return VideoSink(
        plan.output,
        plan.info,
        lambda result: result.frame.image,
        source=plan.path,
        start=None if span.get("start") is None else plan.info.start_time,
        stops_with_video=ends_early or any(span.get(key) for key in ("end", "duration")),
        config=plan.settings.write,
        overwrite=plan.overwrite,
    )


def _video_path(store: RunStore, video: str | Path | None) -> str:
    given: Mapping[str, Any] = store.manifest.get("input", {})
    path = str(video or given.get("path") or store.info.path)
    if not path or path == STDIN:
        raise VideoError(
            "the run read its video from standard input or memory: say where the video is (--input)"
        )
    return path


def _opened(store: RunStore, path: str) -> FrameSource:
    """The source video from where the run began, in full size."""
    begins = range_of(store).get("start") is not None
    start = store.result(0).frame.time if begins else None
    source = open_source(
        path,
        config=ReadConfig(prefetch_frames=2),
        start=start,
        frame_rate=store.info.frame_rate,
    )
    info, known = source.info, store.info
    if (info.width, info.height) != (known.source_width, known.source_height):
        source.close()
        raise VideoError(
            f"{path}: its frames are {info.width}x{info.height}, those of the run's video "
            f"{known.source_width}x{known.source_height}: name the video that was tracked"
        )
    return source

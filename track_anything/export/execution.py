"""An export carried out: every format in one pass over the run."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from track_anything.export.paths import clear_place
from track_anything.export.plan import (
    ExportPlan,
    ExportTarget,
    PlannedOutput,
    plan_export,
    range_of,
)
from track_anything.export.selection import with_images
from track_anything.interfaces import Sink
from track_anything.io.write_behind import WriteBehindSink
from track_anything.prompts import Moment
from track_anything.run import SinkGroup


@dataclass(frozen=True, kw_only=True)
class ExportSummary:
    """What came of an export.

    Attributes:
        run: As given.
        outputs: (format, path), in the order of the targets.
        frames: Frames written.
        track_ids: Of the objects written.
        seconds: Wall clock.
    """

    run: Path
    outputs: tuple[tuple[str, Path], ...]
    frames: int
    track_ids: tuple[int, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "run": str(self.run),
            "outputs": [{"format": name, "path": str(path)} for name, path in self.outputs],
            "frames": self.frames,
            "objects": list(self.track_ids),
            "seconds": round(self.seconds, 3),
        }


def export(
    run: str | Path,
    targets: Sequence[ExportTarget],
    *,
    objects: Sequence[int | str] = (),
    start: Moment | None = None,
    end: Moment | None = None,
    stride: int = 1,
    video: str | Path | None = None,
    overwrite: bool = False,
    settings: Mapping[str, Any] | None = None,
    sinks: Sequence[Sink] = (),
) -> ExportSummary:
    """Write a run in other formats.

    Args:
        run: A run folder.
        targets: What to write.
        objects: Ids or names; none for all.
        start: First moment: seconds of the source's clock, or a frame of the run as "250f".
        end: First moment left out.
        stride: Every how manieth frame is written.
        video: Where the source video is, if it is no longer where the run found it. It is read
            only for formats that show its pictures.
        overwrite: Whether earlier exports may be replaced.
        settings: Of RunConfig, nested: "style" and "write" stand above those of the run.
        sinks: Get every result besides.

    Raises:
        ConfigError: If a format, an option or the selection is wrong; nothing is written then.
        OutputError: If something cannot or must not be written.
        VideoError: If the source video is needed and cannot be read, or is another one.
        TrackAnythingError: Whatever else is wrong; what was written so far has partial names.
    """
    planned = plan_export(
        run,
        targets,
        objects=objects,
        start=start,
        end=end,
        stride=stride,
        video=video,
        overwrite=overwrite,
        settings=settings,
    )
    with closing(planned):
        return execute_export(planned, sinks=sinks)


def execute_export(plan: ExportPlan, *, sinks: Sequence[Sink] = ()) -> ExportSummary:
    """Write what was planned; the plan stays open.

    Args:
        plan: Is executed once.
        sinks: Get every result besides.

    Raises:
        TrackAnythingError: If anything fails; what was written so far has partial names.
    """
    started, chosen = time.perf_counter(), plan.selection
    results = plan.store.results(
        start=chosen.start, stop=chosen.stop, stride=chosen.stride, track_ids=chosen.track_ids
    )
    if plan.source is not None:
        results = with_images(results, plan.source)
    outputs = SinkGroup([*sinks, *_sinks(plan)])
    frames = 0
    try:
        for result in results:
            outputs.write(result)
            frames += 1
    except BaseException:
        outputs.abort_quietly()
        raise
    outputs.close()
    ids = [track.track_id for track in plan.store.tracks]
    return ExportSummary(
        run=plan.run,
        outputs=tuple((one.loaded.format.name, one.path) for one in plan.outputs),
        frames=frames,
        track_ids=tuple(i for i in ids if chosen.track_ids is None or i in chosen.track_ids),
        seconds=time.perf_counter() - started,
    )


def _sinks(plan: ExportPlan) -> list[Sink]:
    """The sinks, each that writes pictures on a thread of its own; the texts share one.

    Raises:
        OutputError: If one cannot be opened; those opened before it are aborted.
    """
    texts: list[Sink] = []
    groups = [texts]
    with ExitStack() as opened:
        for output in plan.outputs:
            sink = _sink(plan, output)
            opened.callback(sink.abort)
            if output.is_folder or output.needs_images:
                groups.append([sink])
            else:
                texts.append(sink)
        opened.pop_all()
    queue = plan.settings.write.queue_frames
    return [WriteBehindSink(SinkGroup(group), queue_frames=queue) for group in groups if group]


def _sink(plan: ExportPlan, output: PlannedOutput) -> Sink:
    clear_place(output.path, output.loaded.format, plan.info)
    given = _given(plan)
    taken = {name: given[name] for name in output.loaded.takes if name in given}
    make: Callable[..., Sink] = output.loaded.sink
    return make(output.path, **taken, **output.values)


def _given(plan: ExportPlan) -> dict[str, Any]:
    """What an export tells its sinks, by the names of GIVEN."""
    chosen, span = plan.selection, range_of(plan.store)
    is_cut = bool(chosen.start) or span.get("start") is not None
    ends_early = chosen.stop < plan.store.frame_count or not plan.store.is_complete
    return {
        "info": plan.info,
        "overwrite": plan.overwrite,
        "source": None if plan.source is None else plan.source.info.path,
        "start": plan.info.start_time if is_cut else None,
        "end": None,
        "stops_with_video": ends_early or any(span.get(key) for key in ("end", "duration")),
        "settings": plan.settings,
    }

"""A plan carried out: tracked, written, and described in the run folder's manifest."""

import datetime
import logging
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from track_anything.build import SoundRange, build_sinks, build_source
from track_anything.errors import OutputError, VideoError
from track_anything.interfaces import Sink
from track_anything.io.container import STDIN
from track_anything.io.run_folder import hash_file, versions, write_manifest
from track_anything.io.summary import SummarySink
from track_anything.job import Plan
from track_anything.run import UnreachedPromptError, run
from track_anything.timing import StageClock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What came of a run.

    Attributes:
        input: As given.
        output: The run folder; None if nothing was written.
        segmenter: Its name.
        frames: Frames tracked.
        seconds: Wall clock, without loading the parts.
        objects: By track_id: name, visible_frames, frames by state, mean and minimum confidence.
        event_counts: Events by kind.
        problems: What makes the frames read incomplete, one line each.
    """

    input: str
    output: Path | None
    segmenter: str
    frames: int
    seconds: float
    objects: Mapping[int, Mapping[str, Any]]
    event_counts: Mapping[str, int]
    problems: tuple[str, ...] = ()

    @property
    def frames_per_second(self) -> float:
        """Of the whole run."""
        return self.frames / max(self.seconds, 1e-9)

    @property
    def mean_confidence(self) -> float:
        """Mean over the objects; 0 for one that was never seen."""
        means = [one["mean_confidence"] or 0.0 for one in self.objects.values()]
        return sum(means) / len(means) if means else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            **asdict(self),
            "output": None if self.output is None else str(self.output),
            "seconds": round(self.seconds, 3),
            "frames_per_second": round(self.frames_per_second, 2),
            "mean_confidence": round(self.mean_confidence, 4),
            "problems": list(self.problems),
        }


def execute(plan: Plan, *, sinks: Sequence[Sink] = ()) -> RunSummary:
    """Track, write the run folder and return what came of it. A plan is executed once.

    Args:
        plan: Its input is closed in the end.
        sinks: Get every result besides.

    Raises:
        UnreachedPromptError: If the video ended before a prompt's time; everything is written.
        TrackAnythingError: If anything fails; what was written so far has partial names.
    """
    with closing(plan):
        return _Execution(plan).run(sinks)


class _Execution:
    """One execution of a plan and what its manifest says."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._clock = StageClock()
        self._summary = SummarySink()
        self._started = _now()
        self._hash = _Hash(plan.job.input if plan.folder is not None else "")

    def run(self, sinks: Sequence[Sink]) -> RunSummary:
        plan, clock = self._plan, self._clock
        with clock.stage("load"):
            tracker = plan.tracker(clock)
        outputs = self._begin()
        source = build_source(plan.source, plan.job.config, clock)
        try:
            run(source, tracker, plan.schedule, [self._summary, *sinks, *outputs])
        except UnreachedPromptError as error:
            self._write("complete", problems=[str(error)])
            raise
        except BaseException as error:
            is_interrupt = isinstance(error, KeyboardInterrupt)
            self._write_last_words("interrupted" if is_interrupt else "failed", error)
            raise
        self._write("complete")
        return self._result()

    def _begin(self) -> list[Sink]:
        plan = self._plan
        if plan.folder is None:
            return []
        plan.folder.begin()
        self._write("running")
        self._hash.start()
        limits = plan.limits
        start_frame = limits.get("start_frame")
        sound = SoundRange(
            start=limits.get("start") if start_frame is None else plan.info.start_time,
            end=limits.get("end"),
            stops_with_video="end_frame" in limits,
        )
        try:
            return build_sinks(
                plan.folder,
                plan.info,
                plan.job.config,
                self._clock,
                parts=plan.job.parts,
                sound=sound,
            )
        except BaseException as error:
            self._write_last_words("failed", error)
            raise

    def _result(self) -> RunSummary:
        counted, timings = self._summary.to_dict(), self._clock.to_dict()
        objects: Any = counted["objects"]
        event_counts: Any = counted["event_counts"]
        frames: Any = counted["frames"]
        return RunSummary(
            input=self._plan.job.input,
            output=self._plan.job.output,
            segmenter=self._plan.segmenter.name,
            frames=frames,
            seconds=_tracking_seconds(timings),
            objects={int(track_id): one for track_id, one in objects.items()},
            event_counts=event_counts,
            problems=tuple(self._problems()),
        )

    def _problems(self) -> list[str]:
        return list(getattr(self._plan.source, "problems", ()))

    def _write_last_words(self, status: str, error: BaseException) -> None:
        """Write the manifest where an error is on its way already."""
        text = str(error) or type(error).__name__
        try:
            self._write(status, problems=[] if status == "interrupted" else [text])
        except OutputError as second:
            _log.warning("%s", second)

    def _write(self, status: str, *, problems: Sequence[str] = ()) -> None:
        if self._plan.folder is None:
            return
        manifest: dict[str, Any] = {
            "status": status,
            "started": self._started,
            "finished": None if status == "running" else _now(),
            "versions": versions(),
            **self._plan.to_dict(),
        }
        manifest["input"]["sha256"] = self._hash.result(waits=status == "complete")
        if status != "running":
            timings = self._clock.to_dict()
            counted = self._summary.to_dict()
            frames: Any = counted["frames"]
            rate = frames / max(_tracking_seconds(timings), 1e-9)
            manifest |= {
                "problems": [*self._problems(), *problems],
                "frames_per_second": round(rate, 2),
                "timings": _rounded(timings),
                **counted,
            }
        write_manifest(self._plan.folder.path, manifest)


class _Hash:
    """The hash of the input, taken on a thread beside the tracking."""

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path and path != STDIN and Path(path).is_file() else None
        self._digest: str | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._path is not None:
            self._thread = threading.Thread(target=self._compute, name="hash", daemon=True)
            self._thread.start()

    def result(self, *, waits: bool) -> str | None:
        """None for what is not one file, or not read to its end yet."""
        if self._thread is not None:
            self._thread.join(None if waits else 0)
        return self._digest

    def _compute(self) -> None:
        try:
            self._digest = hash_file(self._path) if self._path is not None else None
        except VideoError as error:
            _log.warning("no hash of the input: %s", error)


def _tracking_seconds(timings: Mapping[str, Any]) -> float:
    return float(timings["wall"] - timings.get("load", {"seconds": 0.0})["seconds"])


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _rounded(timings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {**stage, "seconds": round(stage["seconds"], 4)}
        if isinstance(stage, Mapping)
        else round(stage, 4)
        for name, stage in timings.items()
    }

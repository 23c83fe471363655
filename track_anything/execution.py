"""A plan carried out: tracked, written, and described in the run folder's manifest."""

import datetime
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from track_anything.backward import PromptedFramesTracker, carry_back, is_carried_back
from track_anything.build import SoundRange, build_sinks, build_source
from track_anything.errors import DatasetError, OutputError, TrackingError, VideoError
from track_anything.interfaces import Sink, Tracker
from track_anything.io.container import STDIN
from track_anything.io.run_folder import hash_file, versions, write_manifest
from track_anything.io.run_store import RunStore, RunStoreSink, keep_note, stored_edits
from track_anything.io.summary import SummarySink
from track_anything.io.write_behind import WriteBehindSink
from track_anything.job import Plan, Resumption
from track_anything.job_record import job_record
from track_anything.resume import ResumedTracker, SnapshottingTracker
from track_anything.run import UnreachedPromptError, run
from track_anything.structures import FrameResult
from track_anything.timing import StageClock, TimedSink

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


def execute(plan: Plan, *, sinks: Sequence[Sink] = (), watch: Sequence[Sink] = ()) -> RunSummary:
    """Track, write the run folder and return what came of it. A plan is executed once.

    Where objects are followed backward too, the passes only fill the store; all else is written
    from it at the end.

    Args:
        plan: Its input is closed in the end.
        sinks: Get every result besides, as it is in the end.
        watch: Get every result of every pass, to tell how far it is.

    Raises:
        UnreachedPromptError: If the video ended before a prompt's time; everything is written.
        TrackAnythingError: If anything fails; what was written so far has partial names.
    """
    with closing(plan):
        if plan.job.config.direction == "forward" or plan.folder is None:
            return _Execution(plan).run([*watch, *sinks])
        return _execute_passes(plan, plan.folder.store, sinks, watch)


def _execute_passes(
    plan: Plan, store: Path, sinks: Sequence[Sink], watch: Sequence[Sink]
) -> RunSummary:
    """Forward, backward, and everything written from the store; what is done is not done again."""
    clock, is_tracked = StageClock(), _is_tracked(plan)
    passes = _Execution(plan, clock, is_last=False)
    if not is_tracked:
        with suppress(UnreachedPromptError):
            # Raised again when everything is written.
            passes.run(watch)
    if not (is_tracked and is_carried_back(store)):
        passes.carry_back(watch)
    with RunStore.open(store) as found:
        count = found.frame_count
    last = plan.again()
    with closing(last):
        last = replace(last, resumption=Resumption.of_tracked(count))
        return _Execution(last, clock, started=passes.started).run([*watch, *sinks])


def _is_tracked(plan: Plan) -> bool:
    return plan.resumption is not None and plan.resumption.is_tracked


class _Execution:
    """One execution of a plan and what its manifest says."""

    def __init__(
        self,
        plan: Plan,
        clock: StageClock | None = None,
        *,
        started: str | None = None,
        is_last: bool = True,
    ) -> None:
        self._plan = plan
        self._clock = clock or StageClock()
        self._summary = SummarySink()
        self.started = started or _now()
        self._is_last = is_last
        self._tracker: Tracker | None = None
        self._store: RunStoreSink | None = None
        self._hash = _Hash(plan.job.input if plan.folder is not None else "", self._hashed)

    def run(self, sinks: Sequence[Sink]) -> RunSummary:
        plan = self._plan
        loaded = None if _is_tracked(plan) else self._loaded()
        outputs = self._begin()
        tracker = self._kept(loaded)
        source = build_source(plan.source, plan.job.config, self._clock)
        try:
            run(source, tracker, plan.schedule, [self._summary, *sinks, *outputs])
        except UnreachedPromptError as error:
            self._write("complete" if self._is_last else "running", problems=[str(error)])
            raise
        except BaseException as error:
            self._write_last_words(_status(error), error)
            raise
        self._write("complete" if self._is_last else "running")
        return self._result()

    def carry_back(self, watch: Sequence[Sink]) -> None:
        """Follow the objects of the store back to where they came from."""
        if self._plan.job.config.discovery.is_needed:
            # What is new was found on the way forward; the parts of that tracker can go.
            self._tracker = None
        try:
            carry_back(self._plan, self._loaded(discovers=False), watch=watch)
        except BaseException as error:
            self._write_last_words(_status(error), error)
            raise

    def _loaded(self, *, discovers: bool = True) -> Tracker:
        if self._tracker is None:
            with self._clock.stage("load"):
                self._tracker = self._plan.tracker(self._clock, discovers=discovers)
        return self._tracker

    def _begin(self) -> list[Sink]:
        plan = self._plan
        if plan.folder is None:
            return []
        plan.folder.begin(keeps_store=plan.resumption is not None)
        manifest = self._write("running")
        limits = plan.limits
        start_frame = limits.get("start_frame")
        sound = SoundRange(
            start=limits.get("start") if start_frame is None else plan.info.start_time,
            end=limits.get("end"),
            stops_with_video="end_frame" in limits,
        )
        try:
            self._store = self._open_store(plan.folder.store, manifest)
            if not self._is_last:
                queue = plan.job.config.write.queue_frames
                store = TimedSink(self._store, self._clock, "store")
                return [WriteBehindSink(store, queue_frames=queue)]
            self._hash.start()
            return build_sinks(
                plan.folder,
                plan.info,
                plan.job.config,
                self._clock,
                store=self._store,
                parts=plan.job.parts,
                sound=sound,
            )
        except BaseException as error:
            self._write_last_words("failed", error)
            raise

    def _open_store(self, path: Path, manifest: Any) -> RunStoreSink:
        resumption = self._plan.resumption
        if resumption is not None:
            return RunStoreSink.resume(path, next_frame=resumption.next_result)
        meta = {"job": job_record(self._plan), "versions": versions(), "manifest": manifest}
        return RunStoreSink(path, self._plan.info, meta=meta)

    def _kept(self, tracker: Tracker | None) -> Tracker:
        """A tracker whose state goes to the store, and which is spared what the store knows."""
        resumption = self._plan.resumption
        if tracker is not None and self._plan.job.config.direction == "backward":
            tracker = PromptedFramesTracker(tracker)
        if self._store is not None and tracker is not None:
            tracker = SnapshottingTracker(tracker, self._store.offer_snapshot)
        if self._plan.folder is not None and resumption is not None:
            known = _known_results(self._plan.folder.store, resumption.next_result)
            return ResumedTracker(tracker, known, resumption)
        if tracker is None:
            raise TrackingError("a plan without a folder has nothing to go on with")
        return tracker

    def _hashed(self, digest: str) -> None:
        if self._store is not None:
            self._store.offer_note("input_sha256", digest)

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

    def _write(self, status: str, *, problems: Sequence[str] = ()) -> Any:
        folder, resumption = self._plan.folder, self._plan.resumption
        if folder is None:
            return None
        manifest: dict[str, Any] = {
            "status": status,
            "started": self.started,
            "finished": None if status == "running" else _now(),
            "versions": versions(),
            **_history(folder.store, resumption),
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
        plain = write_manifest(folder.path, manifest)
        if status != "running" and folder.store.exists():
            try:
                keep_note(folder.store, "manifest", plain)
            except (DatasetError, OutputError) as error:
                _log.warning("no copy of the manifest in the store: %s", error)
        return plain


def _status(error: BaseException) -> str:
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


def _history(path: Path, resumption: Resumption | None) -> dict[str, Any]:
    """What a manifest says of a run that was not made in one go."""
    if resumption is None:
        return {}
    if not resumption.is_tracked:
        return {"resumed_at_frame": resumption.next_result}
    return {"edits": [asdict(edit) for edit in stored_edits(path)]}


def _known_results(path: Path, stop: int) -> Iterator[FrameResult]:
    with closing(RunStore.open(path)) as store:
        yield from store.results(stop=stop)


class _Hash:
    """The hash of the input, taken on a thread beside the tracking."""

    def __init__(self, path: str, tell: Callable[[str], None]) -> None:
        self._path = Path(path) if path and path != STDIN and Path(path).is_file() else None
        self._tell = tell
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
        if self._path is None:
            return
        try:
            self._digest = hash_file(self._path)
        except VideoError as error:
            _log.warning("no hash of the input: %s", error)
        else:
            self._tell(self._digest)


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

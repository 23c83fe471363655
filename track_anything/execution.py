"""A plan carried out: tracked, written, and described in the run folder's manifest."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from track_anything.backward import PromptedFramesTracker, carry_back, is_carried_back
from track_anything.build import SoundRange, build_sinks, build_source
from track_anything.errors import TrackingError
from track_anything.interfaces import Sink, Tracker
from track_anything.io.run_folder import versions
from track_anything.io.run_store import RunStore, RunStoreSink
from track_anything.io.summary import SummarySink
from track_anything.io.write_behind import WriteBehindSink
from track_anything.job import Plan, Resumption
from track_anything.job_record import job_record
from track_anything.resume import ResumedTracker, SnapshottingTracker
from track_anything.run import UnreachedPromptError, run
from track_anything.run_manifest import InputHash, RunManifest
from track_anything.structures import FrameResult
from track_anything.timing import StageClock, TimedSink


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
        return _Execution(last, clock, started=passes.manifest.started).run([*watch, *sinks])


def _is_tracked(plan: Plan) -> bool:
    return plan.resumption is not None and plan.resumption.is_tracked


class _Execution:
    """One execution of a plan."""

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
        self._is_last = is_last
        self._tracker: Tracker | None = None
        self._store: RunStoreSink | None = None
        self._hash = InputHash(plan.job.input if plan.folder is not None else "", self._hashed)
        self.manifest = RunManifest(
            plan,
            clock=self._clock,
            counted=self._summary,
            input_hash=self._hash,
            started=started,
        )

    def run(self, sinks: Sequence[Sink]) -> RunSummary:
        plan = self._plan
        loaded = None if _is_tracked(plan) else self._loaded()
        outputs = self._begin()
        tracker = self._kept(loaded)
        source = build_source(plan.source, plan.job.config, self._clock)
        try:
            run(source, tracker, plan.schedule, [self._summary, *sinks, *outputs])
        except UnreachedPromptError as error:
            self.manifest.write("complete" if self._is_last else "running", problems=[str(error)])
            raise
        except BaseException as error:
            self.manifest.write_last_words(_status(error), error)
            raise
        self.manifest.write("complete" if self._is_last else "running")
        return self._result()

    def carry_back(self, watch: Sequence[Sink]) -> None:
        """Follow the objects of the store back to where they came from."""
        if self._plan.job.config.discovery.is_needed:
            # What is new was found on the way forward; the parts of that tracker can go.
            self._tracker = None
        try:
            carry_back(self._plan, self._loaded(discovers=False), watch=watch)
        except BaseException as error:
            self.manifest.write_last_words(_status(error), error)
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
        manifest = self.manifest.write("running")
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
            self.manifest.write_last_words("failed", error)
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
        counted = self._summary.to_dict()
        objects: Any = counted["objects"]
        event_counts: Any = counted["event_counts"]
        frames: Any = counted["frames"]
        return RunSummary(
            input=self._plan.job.input,
            output=self._plan.job.output,
            segmenter=self._plan.segmenter.name,
            frames=frames,
            seconds=self.manifest.seconds,
            objects={int(track_id): one for track_id, one in objects.items()},
            event_counts=event_counts,
            problems=tuple(self.manifest.problems),
        )


def _status(error: BaseException) -> str:
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


def _known_results(path: Path, stop: int) -> Iterator[FrameResult]:
    with closing(RunStore.open(path)) as store:
        yield from store.results(stop=stop)

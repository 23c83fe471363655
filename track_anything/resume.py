"""Going on with a run that was left incomplete: after a kill, a crash or an interrupt."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from track_anything.errors import DatasetError, OutputError, VideoError
from track_anything.interfaces import Tracker
from track_anything.io.run_folder import MANIFEST_NAME, STORE_NAME, versions
from track_anything.io.run_store import RunStore, Snapshot, is_store
from track_anything.job import Job, Plan, Resumption, plan
from track_anything.job_record import check_input, difference, job_of, job_record
from track_anything.structures import Frame, FrameResult, Prompt, VideoInfo

_log = logging.getLogger(__name__)

SNAPSHOT_SECONDS = 10.0
"""Time between two snapshots of the tracker: most that is tracked again after a kill."""
_LEAST_RATIO = 20.0
"""Snapshots are at least this many times as far apart as taking one lasts."""

# Of these, another version may give other masks to the last bit.
_EXACT = ("track-anything", "numpy", "opencv-python", "torch")


def is_run(path: str | Path) -> bool:
    """Whether a path is a folder with a run store in it."""
    return is_store(Path(path) / STORE_NAME)


def was_stopped_at_birth(folder: Path) -> bool:
    """Whether a run was begun in a folder, but stopped before there was a store."""
    try:
        manifest = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return not is_run(folder) and manifest.get("status") == "running"


def plan_to_resume(folder: Path, *, job: Job | None = None) -> Plan | None:
    """The plan that goes on with the run in a folder; None if that is complete.

    Frames before the latest snapshot come from the store and only go to the sinks again; all after
    it is tracked. Masks are the same, byte for byte, as those of a run that was never stopped.

    Args:
        folder: The run's.
        job: What is asked for now, which must make the same masks; None takes the stored one.

    Raises:
        DatasetError: If there is no run that can be gone on with.
        VideoError: If the input cannot be read or was changed.
        OutputError: If the job is another one.
        TrackAnythingError: As plan.
    """
    with closing(RunStore.open(folder)) as store:
        if _is_done(store):
            return None
        asked, record = stored_job(store, job)
        _compare_versions(folder, store.meta.get("versions", {}))
        resumption = _resumption(store)
    planned = plan(replace(asked, output=folder, overwrite=True), resumption=resumption)
    if job is not None and (other := difference(job_record(planned), record)):
        planned.close()
        raise OutputError(
            f"{folder}: was made with {other}: repeat its command to resume it, or --overwrite "
            "to begin anew"
        )
    return planned


def plan_to_rewrite(folder: Path) -> Plan:
    """The plan that writes all files of a complete run again from its store: after an edit.

    Raises:
        DatasetError: If there is no complete run.
        VideoError: If the input cannot be read or was changed.
    """
    with closing(RunStore.open(folder)) as store:
        job, _ = complete_job(store)
        resumption = _resumption(store)
    return plan(replace(job, overwrite=True), resumption=resumption)


def complete_job(store: RunStore) -> tuple[Job, Mapping[str, Any]]:
    """As stored_job, of a run that came to its end.

    Raises:
        DatasetError: If it did not, or does not say how it was made.
        VideoError: If the input was changed.
    """
    if not store.is_complete:
        folder = store.path.parent
        raise DatasetError(
            f"{folder}: is not complete: `track-anything track --resume {folder}` goes on with it"
        )
    return stored_job(store)


def stored_job(store: RunStore, asked: Job | None = None) -> tuple[Job, Mapping[str, Any]]:
    """The job a run was made by, its input checked, and its record.

    Args:
        store: The run's.
        asked: Taken instead of the stored job, where that is known.

    Raises:
        DatasetError: If the store does not say how it was made.
        VideoError: If the input was changed.
    """
    folder = store.path.parent
    record: Any = store.meta.get("job")
    if record is None:
        raise DatasetError(f"{folder}: its store does not say how it was made: track again")
    job = asked or job_of(record, folder)
    check_input(record, job.input, store.meta.get("input_sha256"))
    return job, record


def _is_done(store: RunStore) -> bool:
    return store.is_complete and store.manifest.get("status") == "complete"


def _resumption(store: RunStore) -> Resumption:
    if store.is_complete:
        # Ended while the other files were completed: nothing is left to track.
        return Resumption.of_tracked(store.frame_count)
    found = store.snapshot()
    if found is None:
        return Resumption(0, 0)
    return Resumption(found.next_result, found.next_frame, found.state)


def _compare_versions(folder: Path, before: Any) -> None:
    now = versions()
    changed = [
        f"{name} {before.get(name)}, now {now[name]}"
        for name in _EXACT
        if before.get(name) != now[name]
    ]
    if before and changed:
        _log.warning(
            "%s: was begun with %s: its masks may differ from those of one run",
            folder,
            "; ".join(changed),
        )


class ResumedTracker:
    """A tracker that is spared the frames whose results are known."""

    def __init__(
        self, tracker: Tracker | None, known: Iterator[FrameResult], resumption: Resumption
    ) -> None:
        """Wrap a tracker.

        Args:
            tracker: Gets the frames from resumption.next_frame on; None where there are none.
            known: Results of all frames before resumption.next_result, in order.
            resumption: Where and from which state it goes on.
        """
        self._tracker = tracker
        self._known = known
        self._resumption = resumption
        self._info: VideoInfo | None = None
        self._held: list[Frame] = []
        self._is_started = False

    def start(self, info: VideoInfo) -> None:
        """Begin the video; the tracker inside begins with its first frame."""
        self._info = info

    def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
        """The known result of this frame, or those of the tracker inside.

        Raises:
            VideoError: If the frame is not the one that the known result is of.
        """
        if frame.index < self._resumption.next_result:
            return [self._known_result(frame)]
        if frame.index < self._resumption.next_frame:
            # The tracker inside had seen it, and had not let go of its result yet.
            self._held.append(frame)
            return ()
        return self._begun().step(frame, prompts)

    def finish(self) -> Sequence[FrameResult]:
        """As the tracker inside, if it was needed.

        Raises:
            VideoError: If there are known results of frames that never came.
        """
        if self._is_started or self._held:
            return self._begun().finish()
        if (missing := next(self._known, None)) is not None:
            raise VideoError(
                f"the input ends before frame {missing.frame.index}, which the run was made from: "
                "it was changed, or cannot be read any more"
            )
        return ()

    def save(self) -> bytes | None:
        """As the tracker inside; None before it is needed."""
        return self._begun().save() if self._is_started else None

    def restore(self, state: bytes, *, frames: Sequence[Frame] = ()) -> None:
        """As the tracker inside."""
        self._begun().restore(state, frames=frames)

    def _begun(self) -> Tracker:
        """The tracker inside, started when it is needed first."""
        if self._tracker is None:
            raise VideoError(
                f"the input goes on after the {self._resumption.next_frame} frames that the run "
                "was made from: track it again, with --overwrite"
            )
        if not self._is_started:
            # Asked once more, what gives them ends, and lets go of the store.
            next(self._known, None)
            if self._info is not None:
                self._tracker.start(self._info)
            if self._resumption.state is not None:
                self._tracker.restore(self._resumption.state, frames=self._held)
            self._held = []
            self._is_started = True
        return self._tracker

    def _known_result(self, frame: Frame) -> FrameResult:
        known = next(self._known, None)
        if known is None or (known.frame.index, known.frame.time) != (frame.index, frame.time):
            raise VideoError(
                f"frame {frame.index} of the input is at {float(frame.time):.3f} s, which is not "
                "what the run was made from: track it again, with --overwrite"
            )
        return FrameResult(frame, known.objects, known.events)


class SnapshottingTracker:
    """A tracker whose state is offered now and then, and after the user's prompts.

    Before a frame is fed the loop has handed on all results that came, so that a state saved there
    goes on after the last of them.
    """

    def __init__(
        self,
        tracker: Tracker,
        offer: Callable[[Snapshot], None],
        *,
        seconds: float | None = None,
    ) -> None:
        """Wrap a tracker.

        Args:
            tracker: Saved from time to time.
            offer: Takes a snapshot.
            seconds: Time between two snapshots; None is SNAPSHOT_SECONDS.
        """
        self._tracker = tracker
        self._offer = offer
        self._seconds = SNAPSHOT_SECONDS if seconds is None else seconds
        self._last = time.monotonic()
        self._cost = 0.0
        self._was_prompted = False
        self._next_result: int | None = None

    def start(self, info: VideoInfo) -> None:
        """As the tracker inside."""
        self._tracker.start(info)
        self._last = time.monotonic()

    def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
        """As the tracker inside; its state is saved before where that is due."""
        if self._next_result is None:
            self._next_result = frame.index
        self._snapshot(self._next_result, frame.index)
        results = self._tracker.step(frame, prompts)
        if results:
            self._next_result = results[-1].frame.index + 1
        # Answering a prompt can take a large segmenter half a minute.
        self._was_prompted |= any(not prompt.is_absent for prompt in prompts)
        return results

    def finish(self) -> Sequence[FrameResult]:
        """As the tracker inside."""
        return self._tracker.finish()

    def save(self) -> bytes | None:
        """As the tracker inside."""
        return self._tracker.save()

    def restore(self, state: bytes, *, frames: Sequence[Frame] = ()) -> None:
        """As the tracker inside."""
        self._tracker.restore(state, frames=frames)
        self._last = time.monotonic()
        self._next_result = frames[0].index if frames else None

    def _snapshot(self, next_result: int, next_frame: int) -> None:
        now = time.monotonic()
        since, least = now - self._last, _LEAST_RATIO * self._cost
        if since < least or (since < self._seconds and not self._was_prompted):
            return
        state = self._tracker.save()
        if state is None:
            return
        self._offer(Snapshot(next_result, next_frame, state))
        self._last, self._was_prompted = time.monotonic(), False
        self._cost = self._last - now

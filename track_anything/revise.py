"""A complete run corrected: only what was corrected is tracked again, and all files follow."""

import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from track_anything.corrections import Correction, corrections_of
from track_anything.errors import DatasetError
from track_anything.execution import RunSummary, execute
from track_anything.interfaces import Sink
from track_anything.io.frame_access import FrameAccess
from track_anything.io.run_store import Edit, RunStore, editing
from track_anything.job import Plan, Resumption, plan
from track_anything.job_record import job_record
from track_anything.prompts import ObjectSpec
from track_anything.prompts.stored import schedule_of
from track_anything.resume import complete_job
from track_anything.retrack import Retracker
from track_anything.structures import SEARCHED_STATES, Event, EventKind
from track_anything.timing import StageClock

_log = logging.getLogger(__name__)

EDIT_KIND = "retrack"
"""Of corrections in the journal of the store."""

Told = Callable[[str], None]
"""Takes a line about what was tracked again."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A correction that was checked, with the input open. It is carried out once.

    Attributes:
        plan: Writes the files again.
        corrections: By track_id.
    """

    plan: Plan
    corrections: Sequence[Correction]

    def close(self) -> None:
        """Let go of the input. May be called again."""
        self.plan.close()


def plan_revision(folder: Path, objects: Sequence[ObjectSpec]) -> Revision:
    """Check corrections of a run; nothing is written.

    Args:
        folder: The run's.
        objects: What is said anew, of objects of the run, by id or by name, or of new ones.

    Raises:
        DatasetError: If there is no complete run.
        PromptError: If the prompts do not fit the run.
        VideoError: If the input cannot be read or was changed.
        TrackAnythingError: As job.plan.
    """
    with closing(RunStore.open(folder)) as store:
        job, record = complete_job(store)
        corrections, schedule = corrections_of(store, objects, schedule_of(record["prompts"]))
        resumption = Resumption.of_tracked(store.frame_count)
    job = replace(job, prompts=schedule, overwrite=True)
    return Revision(plan(job, resumption=resumption), corrections)


def revise(
    revision: Revision, *, sinks: Sequence[Sink] = (), tell: Told | None = None
) -> RunSummary:
    """Track again what is corrected, put it into the store as one edit, write all files again.

    Each corrected object is tracked forwards from every corrected frame to its next key frame (one
    on which the user said something of it) or the end, and backwards to its last one. All else
    stays as it is, byte for byte. If it is stopped while tracking, the run is what it was before;
    if it is stopped while the files are written, resuming the run writes them.

    Args:
        revision: Its input is closed in the end.
        sinks: Get every result of the corrected run.
        tell: Told what was tracked again.

    Raises:
        TrackAnythingError: As execution.execute.
    """
    with closing(revision):
        track_again(revision, tell or _log.info)
        return execute(revision.plan, sinks=sinks)


def track_again(revision: Revision, tell: Told) -> None:
    """The first half of revise: the store is corrected, the files are still to be written.

    Raises:
        TrackAnythingError: If anything fails; nothing is changed then.
    """
    planned = revision.plan
    folder = planned.job.output
    if folder is None:
        raise DatasetError("a run that was not written cannot be corrected")
    tracker = planned.tracker(StageClock(), discovers=False)
    said: dict[str, Any] = {
        "objects": [
            {"id": one.track_id, "name": one.name, "frames": list(one.prompts)}
            for one in revision.corrections
        ]
    }
    with editing(folder, EDIT_KIND, said) as edit:
        store = RunStore(folder, edit.connection)
        access = FrameAccess(
            planned.job.input, store.times(), config=planned.job.config.read, **planned.limits
        )
        may_overlap = planned.job.config.tracker.overlaps == "keep"
        again = Retracker(store, access, tracker, may_overlap=may_overlap)
        for correction in revision.corrections:
            _correct(edit, store, again, correction, tell)
        edit.note("job", job_record(planned))


def _correct(
    edit: Edit, store: RunStore, again: Retracker, correction: Correction, tell: Told
) -> None:
    track_id = correction.track_id
    title = f"object {track_id}" + f" {correction.name!r}" * bool(correction.name)
    before = {frame: store.one(frame, track_id) for frame in correction.prompts}
    for frame in correction.prompts:
        stop = correction.next_key(frame)
        edit.keep(track_id, frame, stop)
        for found in again.forwards(correction, frame):
            edit.put(found.frame, found.one, found.events)
        tell(f"{title}: frames {frame} to {stop - 1} tracked again.")
    for frame in correction.prompts:
        first = last = frame
        previous = correction.previous_key(frame)
        if previous is None:
            continue
        edit.keep(track_id, previous + 1, frame)
        for found in again.backwards(correction, frame, before[frame]):
            first = found.frame
            edit.put(first, found.one)
        if first < last:
            _join(edit, store, first, track_id)
            tell(f"{title}: frames {first} to {last - 1} tracked again, backwards.")


def _join(edit: Edit, store: RunStore, frame: int, track_id: int) -> None:
    """Say that an object is found where masks tracked backwards meet one that was lost."""
    before, now = (store.one(index, track_id) for index in (frame - 1, frame))
    if now is not None and before is not None and before.state in SEARCHED_STATES:
        event = Event(EventKind.FOUND, track_id, "by a correction after it")
        edit.put(frame, now, [event])

"""What the manifest of a run says while it is executed and at its end, and how it is written."""

import datetime
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from track_anything.errors import DatasetError, OutputError, VideoError
from track_anything.io.container import STDIN
from track_anything.io.run_folder import hash_file, versions, write_manifest
from track_anything.io.run_store import keep_note, stored_edits
from track_anything.io.summary import SummarySink
from track_anything.job import Plan, Resumption
from track_anything.timing import StageClock

_log = logging.getLogger(__name__)


class InputHash:
    """The hash of the input, taken on a thread beside the tracking."""

    def __init__(self, path: str, tell: Callable[[str], None]) -> None:
        """Get ready; nothing is read before start.

        Args:
            path: Of the input; what is not one file has no hash.
            tell: Told the hash, on its thread.
        """
        self._path = Path(path) if path and path != STDIN and Path(path).is_file() else None
        self._tell = tell
        self._digest: str | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to read."""
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


class RunManifest:
    """The manifest of one execution of a plan; one without a folder is never written."""

    def __init__(
        self,
        plan: Plan,
        *,
        clock: StageClock,
        counted: SummarySink,
        input_hash: InputHash,
        started: str | None = None,
    ) -> None:
        """Take what it tells of.

        Args:
            plan: What is executed.
            clock: Where the time went.
            counted: Objects and events.
            input_hash: Of the input.
            started: When an earlier pass of the same run began; None is now.
        """
        self._plan = plan
        self._clock = clock
        self._counted = counted
        self._input_hash = input_hash
        self.started = started or _now()

    @property
    def seconds(self) -> float:
        """Wall clock so far, without loading the parts."""
        return _tracking_seconds(self._clock.to_dict())

    @property
    def problems(self) -> list[str]:
        """What makes the frames read incomplete, one line each."""
        return list(getattr(self._plan.source, "problems", ()))

    def write(self, status: str, *, problems: Sequence[str] = ()) -> Any:
        """Write run.json, and at the end a copy into the store; what it says.

        Args:
            status: "running", "complete", "interrupted" or "failed".
            problems: Besides those of the input.

        Raises:
            OutputError: If it cannot be written.
        """
        folder = self._plan.folder
        if folder is None:
            return None
        manifest: dict[str, Any] = {
            "status": status,
            "started": self.started,
            "finished": None if status == "running" else _now(),
            "versions": versions(),
            **_history(folder.store, self._plan.resumption),
            **self._plan.to_dict(),
        }
        manifest["input"]["sha256"] = self._input_hash.result(waits=status == "complete")
        if status != "running":
            manifest |= self._outcome(problems)
        plain = write_manifest(folder.path, manifest)
        if status != "running" and folder.store.exists():
            try:
                keep_note(folder.store, "manifest", plain)
            except (DatasetError, OutputError) as error:
                _log.warning("no copy of the manifest in the store: %s", error)
        return plain

    def write_last_words(self, status: str, error: BaseException) -> None:
        """Write it where an error is on its way already."""
        text = str(error) or type(error).__name__
        try:
            self.write(status, problems=[] if status == "interrupted" else [text])
        except OutputError as second:
            _log.warning("%s", second)

    def _outcome(self, problems: Sequence[str]) -> dict[str, Any]:
        counted, timings = self._counted.to_dict(), self._clock.to_dict()
        frames: Any = counted["frames"]
        return {
            "problems": [*self.problems, *problems],
            "frames_per_second": round(frames / max(_tracking_seconds(timings), 1e-9), 2),
            "timings": _rounded(timings),
            **counted,
        }


def _history(path: Path, resumption: Resumption | None) -> dict[str, Any]:
    """What a manifest says of a run that was not made in one go."""
    if resumption is None:
        return {}
    if not resumption.is_tracked:
        return {"resumed_at_frame": resumption.next_result}
    return {"edits": [asdict(edit) for edit in stored_edits(path)]}


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

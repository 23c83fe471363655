"""Processes that carry groups of objects: started, asked and ended from here."""

import json
import os
import subprocess
import sys
import threading
from io import FileIO
from typing import Any, cast

from track_anything.config import PropagatorConfig
from track_anything.errors import TrackingError
from track_anything.structures import Frame
from track_anything.tracking import kept_memory
from track_anything.tracking.pipes import MessagePipes
from track_anything.tracking.shared_arrays import SharedFrame, SharedMemory

START_SECONDS = 120.0
"""A process that has not loaded its libraries by then never will; 2 are usual."""
STOP_SECONDS = 5.0
ALONE = "propagator.processes = 1 carries all objects in one process"

_CODE = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from track_anything.tracking.worker import serve
serve(*map(int, sys.argv[2:]))
"""
_ENVIRONMENT = {
    # Groups share out the cores; within one a second thread gains nothing.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    **kept_memory.ENVIRONMENT,
}


def can_start() -> bool:
    """Whether this program knows the interpreter that runs it; frozen programs do not."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


class GroupProcess:
    """An ObjectGroup in a process of its own.

    A fresh interpreter, not a fork of this process: that has threads, whose locks a fork would
    copy as they are. It reads from a pipe, so it ends as soon as this process does, however.
    """

    def __init__(
        self, config: PropagatorConfig, seed: int, memory: SharedMemory | None = None
    ) -> None:
        """Start it; it loads its libraries while this process goes on.

        Args:
            config: As ObjectGroup.
            seed: As ObjectGroup.
            memory: Where it reads what it is told is there.

        Raises:
            TrackingError: If it cannot be started.
        """
        self._settings = config, seed
        self._frame: Frame | None = None
        self._pending = 0
        shared = () if memory is None else (memory.descriptor,)
        command = [sys.executable, "-c", _CODE, json.dumps(sys.path), *map(str, shared)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                pass_fds=shared,
                env={**os.environ, **_ENVIRONMENT},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise TrackingError(
                f"a process for more objects cannot be started ({error}); {ALONE}"
            ) from error
        incoming = cast(FileIO, self._process.stdout)
        self._pipes = MessagePipes(incoming, cast(FileIO, self._process.stdin))
        self._loaded = threading.Event()
        self._waiter = threading.Thread(target=self._load, daemon=True, name="group process")
        self._waiter.start()

    @property
    def process_id(self) -> int:
        """As the system calls it."""
        return self._process.pid

    @property
    def is_waited_for(self) -> bool:
        """Whether an answer is missing: a call was interrupted."""
        return self._pending > 0

    @property
    def has_answered(self) -> bool:
        """Whether an answer that is missing has come, at least in part."""
        return self._pending > 0 and self._pipes.is_waiting()

    def is_ready(self, *, wait: bool = False) -> bool:
        """Whether it can be asked; with wait, once it can.

        Raises:
            TrackingError: If it has ended instead.
        """
        if not self._loaded.wait(START_SECONDS if wait else 0):
            if wait:
                raise TrackingError(f"a process for more objects does not start; {ALONE}")
            return False
        if self._waiter.is_alive():
            self._waiter.join()
        if self._process.poll() is not None:
            raise self._ended()
        return True

    def show(self, frame: Frame, told: SharedFrame | None = None) -> None:
        """As ObjectGroup; a frame that is known is not shown again.

        Args:
            frame: The frame.
            told: What is told of it instead.
        """
        if frame is not self._frame:
            self.ask("show", told or frame)
            self._pending -= 1
            self._frame = frame

    def ask(self, name: str, *arguments: object) -> None:
        """Call a method of the group; `answer` returns what it returned.

        Raises:
            TrackingError: If the process has ended.
        """
        self._pending += 1
        try:
            self._pipes.send((name, arguments))
        except OSError as error:
            raise self._ended() from error

    def answer(self) -> Any:
        """What the call asked for last returned.

        Raises:
            TrackingError: If it failed, or the process has ended.
        """
        try:
            failure, found = self._pipes.receive()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        self._pending -= 1
        if failure is None:
            return found
        is_ours, text = failure
        raise TrackingError(text if is_ours else f"a process that carries objects failed: {text}")

    def call(self, name: str, *arguments: object) -> Any:
        """Ask, and wait for the answer.

        Raises:
            TrackingError: As `ask` and `answer`.
        """
        self.ask(name, *arguments)
        return self.answer()

    def close(self) -> None:
        """End it and wait until it has ended."""
        process = self._process
        if not self._loaded.is_set():
            # It has no objects yet, and would go on loading first.
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._waiter.join()
        if process.stdout is not None:
            process.stdout.close()

    def _load(self) -> None:
        try:
            self._pipes.receive()
            self._pipes.send(self._settings)
        except (EOFError, OSError, ValueError):
            # It has ended, or was closed while it started: whoever asks next is told.
            self._process.wait()
        self._loaded.set()

    def _ended(self) -> TrackingError:
        try:
            code: int | str = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            code = "unknown"
        return TrackingError(
            f"a process that carries objects has ended by itself (exit status {code}): "
            f"track again; {ALONE}"
        )


def close_all(processes: list[GroupProcess]) -> None:
    """End processes and forget them."""
    while processes:
        processes.pop().close()

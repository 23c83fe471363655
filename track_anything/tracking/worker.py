"""The process that carries a group of objects for another one, which starts and asks it."""

import gc
import io
import os
import signal
from collections.abc import Sequence
from typing import Any

import cv2

from track_anything.errors import TrackAnythingError
from track_anything.tracking.group import ObjectGroup, core_count
from track_anything.tracking.pipes import MessagePipes
from track_anything.tracking.shared_arrays import SharedMemoryReader

READY = "ready"
"""The first message, once everything is loaded."""
SILENT = frozenset({"show"})
"""Calls without an answer: the next one's tells what went wrong."""
MEANWHILE = {"show": "prepare", "place": "prepare_placed", "look": "work_ahead"}
"""What is done after a call, without being asked, while the asking process is busy."""
ELSE_MEANWHILE = "learn_on"
"""The same after any other call: what was put off to answer it."""


def serve(descriptor: int | None = None) -> None:
    """Answer until nobody asks any more: then the process that asked has ended, however it did.

    Args:
        descriptor: Of the SharedMemory with what is told of in calls; None if there is none.
    """
    # Ctrl-C goes to every process of a terminal: the asking one says when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipes = _pipes()
    cv2.setNumThreads(1)
    pipes.send(READY)
    try:
        group = ObjectGroup(*pipes.receive(), thread_count=core_count(), is_asked=pipes.is_waiting)
        # What was loaded stays: the garbage collector need not look at it again and again.
        gc.freeze()
        _answer(pipes, group, descriptor)
    except (EOFError, OSError):
        return


def _answer(pipes: MessagePipes, group: ObjectGroup, descriptor: int | None) -> None:
    memory = None if descriptor is None else SharedMemoryReader(descriptor)
    failure: tuple[bool, str] | None = None
    while True:
        name, arguments = pipes.receive()
        if memory is not None:
            arguments = [memory.read(one) for one in arguments]
        answer: Any = None
        if failure is None:
            answer, failure = _tried(group, name, arguments)
        if name not in SILENT:
            pipes.send((failure, answer))
            failure = None
        if failure is None:
            _, failure = _tried(group, MEANWHILE.get(name, ELSE_MEANWHILE), ())


def _tried(
    group: ObjectGroup, name: str, arguments: Sequence[Any]
) -> tuple[Any, tuple[bool, str] | None]:
    """What a call returns, and what went wrong: whether it is our error, and its text."""
    try:
        return getattr(group, name)(*arguments), None
    except TrackAnythingError as error:
        return None, (True, str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who asks is told
        return None, (False, f"{type(error).__name__}: {error}")


def _pipes() -> MessagePipes:
    """The standard streams, kept from everything else that may print."""
    incoming, outgoing = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return MessagePipes(io.FileIO(incoming, "rb"), io.FileIO(outgoing, "wb"))

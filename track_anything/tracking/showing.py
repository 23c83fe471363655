"""Frames shown to the processes that carry objects: through memory that they share, or pipes."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np

from track_anything.structures import Floats, Frame
from track_anything.tracking.processes import GroupProcess
from track_anything.tracking.shared_arrays import SharedArray, SharedFrame, SharedMemory
from track_anything.tracking.shares import MOST_PROCESSES, Pauses

SHARED_BYTES = 4
"""Bytes shared for each of a picture: it and its flow, whose numbers are larger, have room."""


@dataclass(slots=True, eq=False)
class _Shown:
    """The frame that was shown.

    Attributes:
        frame: The frame; None before the first.
        told: What is told of it where its picture is shared.
        to: The processes that know it.
        sent: What is on its way to them still.
        at: When it was shown.
    """

    frame: Frame | None = None
    told: SharedFrame | None = None
    to: list[GroupProcess] = field(default_factory=list)
    sent: list[Future[None]] = field(default_factory=list)
    at: float = field(default_factory=time.perf_counter)


class Showing:
    """Shows a frame to every process once, as soon as it is known, and tells the flow to it."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._senders = ThreadPoolExecutor(MOST_PROCESSES, "show")
        self._memory: SharedMemory | None = None
        self._shown = _Shown()

    def memory_for(self, frame: Frame) -> SharedMemory | None:
        """What processes that are to be shown such frames are started with; None if there is none.

        Got once: larger frames go through pipes.
        """
        if self._memory is None:
            self._memory = SharedMemory.of_size(SHARED_BYTES * frame.image.nbytes)
        return self._memory

    def show(self, frame: Frame, processes: Sequence[GroupProcess]) -> None:
        """Show a frame to processes, of which those who know it take no notice.

        All of them must have answered what they were asked about the frame before.
        """
        if self._shown.frame is not frame:
            self._shown = _Shown(frame)
            if self._memory and processes:
                # Nobody reads any more what is there.
                self._memory.clear()
                self._shown.told = self._memory.put_frame(frame)
        told = self._shown.told
        for process in processes:
            if process in self._shown.to:
                continue
            self._shown.to.append(process)
            if told is None:
                # A picture takes as long to send as the flow to compute: all at once.
                self._shown.sent.append(self._senders.submit(process.show, frame))
            else:
                process.show(frame, told)

    def wait(self) -> None:
        """Return when the frame has been sent to all.

        Raises:
            TrackingError: If one of the processes has ended.
        """
        wait(self._shown.sent)
        for one in self._shown.sent:
            one.result()

    def flow(self, flow: Floats | None) -> Floats | SharedArray | None:
        """What is told of the flow to the frame."""
        if self._memory is None or not self._shown.to or not isinstance(flow, np.ndarray):
            return flow
        return self._memory.put(flow) or flow

    def pauses(self, ended: float) -> Pauses:
        """How long other things were done until now, from the end of the frame before."""
        return Pauses(self._shown.at - ended, time.perf_counter() - self._shown.at)

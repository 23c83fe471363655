"""Batches made by other processes while the network learns."""

import multiprocessing as mp
import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from training.pool import load_pool
from training.sampler import MODE_WEIGHTS, Sample, Sampler

_NO_BOX = np.full(4, np.nan, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Samples side by side.

    Attributes:
        channels: (N, 9, 128, 128) float16.
        target: (N, 128, 128) uint8.
        mode: (N,) indices into sampler.MODES.
        box: (N, 4), NaN where there is none.
        area: (N,) of the whole objects in pixels of the crop.
    """

    channels: np.ndarray
    target: np.ndarray
    mode: np.ndarray
    box: np.ndarray
    area: np.ndarray


class BatchLoader:
    """Batches in an order that depends on the seed and the number of processes alone."""

    def __init__(
        self,
        data: Path,
        *,
        batch: int,
        seed: int,
        workers: int,
        first_batch: int = 0,
        modes: Sequence[float] = MODE_WEIGHTS,
    ) -> None:
        """Start the processes.

        Args:
            data: Folder of the pictures.
            batch: Samples a batch.
            seed: Of everything random.
            workers: How many processes take turns.
            first_batch: Where a resumed training goes on: another stretch of chance, not the same.
            modes: As for the sampler.
        """
        # OpenCV's threads do not come along into another process, which would wait for them.
        cv2.setNumThreads(1)
        context = mp.get_context("fork")
        self._queues: list[Any] = [context.Queue(4) for _ in range(workers)]
        self._workers: list[BaseProcess] = [
            context.Process(
                target=_work,
                args=(data, batch, (seed, number, first_batch), modes, made),
                daemon=True,
            )
            for number, made in enumerate(self._queues)
        ]
        for worker in self._workers:
            worker.start()

    def __iter__(self) -> Iterator[Batch]:
        """Batch after batch, without end."""
        while True:
            for worker, made in zip(self._workers, self._queues, strict=True):
                yield self._next(worker, made)

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.terminate()
            worker.join()

    def _next(self, worker: BaseProcess, made: Any) -> Batch:
        while True:
            try:
                return Batch(*made.get(timeout=10))
            except queue.Empty:
                if not worker.is_alive():
                    raise RuntimeError(
                        f"a loader process ended (exit code {worker.exitcode})"
                    ) from None


def stack(samples: list[Sample]) -> Batch:
    """Samples as one batch."""
    return Batch(
        np.stack([one.channels for one in samples]).astype(np.float16),
        np.stack([one.target for one in samples]),
        np.array([one.mode for one in samples], np.int64),
        np.stack([_NO_BOX if one.box is None else one.box for one in samples]),
        np.array([one.area for one in samples], np.float32),
    )


def _work(data: Path, batch: int, seed: tuple[int, ...], modes: Sequence[float], made: Any) -> None:
    pool = load_pool(data)
    sampler = Sampler(pool.training, pool.backgrounds, seed, modes=modes)
    while True:
        one = stack([sampler.draw() for _ in range(batch)])
        made.put((one.channels, one.target, one.mode, one.box, one.area))

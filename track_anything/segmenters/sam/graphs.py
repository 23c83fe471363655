"""CUDA graphs: many small kernels recorded once and launched as one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

Arguments = list[torch.Tensor | None]
Key = tuple[tuple[tuple[int, ...], torch.dtype] | None, ...]
Recorder = Callable[[Callable[..., Any], Arguments], tuple[Callable[[], None], Any]]
"""Runs a function on arguments; gives what runs it again, and the outcome it then writes to."""

WARM_UP_CALLS = 3
"""Calls before recording, so that libraries choose their kernels outside of the graph."""
MOST_RECORDINGS = 48
"""Combinations of shapes that are recorded; what comes after them runs unrecorded."""


@dataclass(frozen=True)
class _Recording:
    """One combination of shapes."""

    run: Callable[[], None]
    inputs: Arguments
    outcome: Any


class Replay:
    """A function of tensors that is recorded once for every combination of shapes.

    Without a recorder it is the function itself. A recorded outcome is overwritten by the next
    call: copy what must stay.
    """

    def __init__(self, function: Callable[..., Any], recorder: Recorder | None = None) -> None:
        """Wrap a function that neither reads values back nor changes its shapes by them."""
        self._function, self._recorder = function, recorder
        self._recordings: dict[Key, _Recording] = {}

    def __call__(self, *arguments: torch.Tensor | None) -> Any:
        """The function's outcome; None arguments stay None."""
        if self._recorder is None:
            return self._function(*arguments)
        key: Key = tuple(
            None if value is None else (tuple(value.shape), value.dtype) for value in arguments
        )
        if key not in self._recordings:
            if len(self._recordings) >= MOST_RECORDINGS:
                return self._function(*arguments)
            inputs = [None if value is None else value.clone() for value in arguments]
            run, outcome = self._recorder(self._function, inputs)
            self._recordings[key] = _Recording(run, inputs, outcome)
        recording = self._recordings[key]
        for kept, value in zip(recording.inputs, arguments, strict=True):
            if kept is not None and value is not None:
                kept.copy_(value)
        recording.run()
        return recording.outcome


class CudaRecorder:
    """Records CUDA graphs. All of them share one pool of memory: they never run side by side."""

    def __init__(self) -> None:
        """Start with an empty pool."""
        self._pool: Any = None

    def __call__(
        self, function: Callable[..., Any], inputs: Arguments
    ) -> tuple[Callable[[], None], Any]:
        """Record the function on these inputs, which later calls copy theirs into."""
        stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_CALLS):
                function(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            outcome = function(*inputs)
        self._pool = self._pool or graph.pool()
        return graph.replay, outcome

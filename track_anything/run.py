"""The frame loop: a source, a tracker and prompts make results, and sinks take them."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from track_anything.errors import PromptError
from track_anything.interfaces import FrameSource, Sink, Tracker
from track_anything.prompts.schedule import PromptSchedule
from track_anything.structures import FrameResult

_log = logging.getLogger(__name__)


class UnreachedPromptError(PromptError):
    """The video ended before a prompt's time; every output is complete."""

    @classmethod
    def of(cls, unused: Sequence[str]) -> "UnreachedPromptError":
        """The error about what PromptSchedule.unused told."""
        return cls(f"the video ended before {'; '.join(unused)}")


def follow(source: FrameSource, tracker: Tracker, prompts: PromptSchedule) -> Iterator[FrameResult]:
    """Every result once, in frame order, as soon as the tracker lets go of it.

    The source stays open; `prompts.unused()` tells afterwards what was never reached.
    """
    tracker.start(source.info)
    for frame in source:
        yield from tracker.step(frame, prompts.at(frame))
    yield from tracker.finish()


def run(
    source: FrameSource, tracker: Tracker, prompts: PromptSchedule, sinks: Sequence[Sink]
) -> None:
    """Send every result to every sink; then close all of them.

    On any exception, an interrupt included, every sink is aborted instead. The source is closed in
    the end. The first error is the one raised.

    Raises:
        UnreachedPromptError: If the video ended before a prompt's time; the outputs are complete.
        TrackAnythingError: Whatever else goes wrong in the source, the tracker or a sink.
    """
    outputs = SinkGroup(sinks)
    with closing(source):
        try:
            for result in follow(source, tracker, prompts):
                outputs.write(result)
        except BaseException:
            outputs.abort_quietly()
            raise
        outputs.close()
    if unused := prompts.unused():
        raise UnreachedPromptError.of(unused)


class SinkGroup:
    """Several sinks as one: each of them is ended, whatever happens to the others."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        """Group sinks, which belong to the group from now on."""
        self._sinks = tuple(sinks)

    def write(self, result: FrameResult) -> None:
        """Give the result to each in turn."""
        for sink in self._sinks:
            sink.write(result)

    def close(self) -> None:
        """Close all; one that fails is aborted, and the first error is raised at the end."""
        _call_all([_closer(sink) for sink in self._sinks])

    def abort(self) -> None:
        """Abort all; the first error is raised at the end."""
        _call_all([sink.abort for sink in self._sinks])

    def abort_quietly(self) -> None:
        """Abort all where an error is on its way already: another one is only logged."""
        try:
            self.abort()
        except Exception as error:  # noqa: BLE001  the first error is the one that tells why
            _log.warning("an output could not be aborted: %s", error)


def _closer(sink: Sink) -> Callable[[], None]:
    def close() -> None:
        try:
            sink.close()
        except BaseException:
            SinkGroup([sink]).abort_quietly()
            raise

    return close


def _call_all(calls: Sequence[Callable[[], None]]) -> None:
    first: BaseException | None = None
    for call in calls:
        try:
            call()
        except BaseException as error:  # noqa: BLE001  raised below, when all were called
            if first is None:
                first = error
            else:
                _log.warning("a second output failed: %s", error)
    if first is not None:
        raise first

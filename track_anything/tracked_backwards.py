"""A tracker fed with frames of a run from a later one to the first, in bounded memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from track_anything.interfaces import Tracker
from track_anything.io.frame_access import FrameAccess
from track_anything.io.frame_index import FrameIndex
from track_anything.io.reversed import MEMORY_BYTES, ReversedSource
from track_anything.io.run_store import RunStore
from track_anything.job import Plan
from track_anything.structures import Frame, FrameResult, Prompt, VideoInfo


def reversed_frames(
    plan: Plan, store: RunStore, last: int, *, memory_bytes: int = MEMORY_BYTES
) -> ReversedSource:
    """Frames of a run's video from one of them to the first; a piece is in memory at a time.

    Args:
        plan: Says what was read, and how.
        store: Says when its frames were.
        last: Index of the first frame delivered.
        memory_bytes: Most that the pictures of a piece take.
    """
    times = store.times()
    access = FrameAccess(plan.job.input, times, config=plan.job.config.read, **plan.limits)
    return ReversedSource(
        access.frames, FrameIndex(times[: last + 1]), store.info, memory_bytes=memory_bytes
    )


def tracked_backwards(
    tracker: Tracker,
    frames: Iterable[Frame],
    info: VideoInfo,
    last: int,
    prompts: Mapping[int, Sequence[Prompt]],
    *,
    rivals: Sequence[Prompt] = (),
) -> Iterator[tuple[int, FrameResult]]:
    """(index in the run, result), the last frame first.

    Args:
        tracker: Begun anew; what it was given before is forgotten.
        frames: Those of the run from `last` to an earlier one.
        info: Of the frames.
        last: Index in the run of the first of them.
        prompts: By index in the run.
        rivals: Of objects that the others give way to: prompted on the last frame, which is fed
            once more before the others begin. There is no result of that.
    """
    tracker.start(info)
    offset = 1 if rivals else 0

    def steps() -> Iterator[tuple[Frame, Sequence[Prompt]]]:
        for place, frame in enumerate(frames):
            if rivals and not place:
                # A track takes notice only of those that began no later.
                yield frame, rivals
            yield frame, prompts.get(last - place, ())

    def placed(results: Sequence[FrameResult]) -> Iterator[tuple[int, FrameResult]]:
        for result in results:
            if (place := result.frame.index - offset) >= 0:
                yield last - place, result

    for number, (frame, given) in enumerate(steps()):
        # Times rise as they do in any video, whichever way this one is read.
        fed = replace(frame, index=number, time=number / info.frame_rate)
        ordered = sorted(given, key=lambda prompt: prompt.track_id or 0)
        yield from placed(tracker.step(fed, ordered))
    yield from placed(tracker.finish())

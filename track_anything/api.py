"""The calls most programs need: `track` a video into a run folder, or `follow` its results.

A run that was stopped is resumed, and a complete one corrected, by its folder.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from track_anything.backward import expected_frames
from track_anything.build import OutputParts, build_source
from track_anything.config import RunConfig
from track_anything.errors import PromptError
from track_anything.execution import RunSummary, execute
from track_anything.interfaces import Sink
from track_anything.job import Job, Prompts, plan
from track_anything.prompts import Hints, Moment, ObjectSpec, as_moment, read_prompts
from track_anything.resume import plan_to_resume
from track_anything.revise import plan_revision, revise
from track_anything.run import UnreachedPromptError
from track_anything.run import follow as follow_frames
from track_anything.structures import FrameResult, Prompt
from track_anything.timing import StageClock

PromptsGiven = (
    str
    | Path
    | Mapping[str, Sequence[float]]
    | Mapping[int, Sequence[Prompt]]
    | Sequence[Prompt]
    | Sequence[ObjectSpec]
)
"""What `track` takes as prompts.

A path: a prompt file, or a file or folder that `read_prompts` takes.
{"dog": (120, 80, 260, 310)}: a box by name, on the first frame, in pixels of the source.
[Prompt(...), ...]: prompts on the first frame, in pixels of the frames delivered.
{0: [Prompt(...)], 40: [...]}: the same, by index of the frame; corrections have a track_id.
[ObjectSpec(...), ...]: all that a prompt file can say.
Nothing at all, or None, is enough where objects are discovered.
"""

_DEFAULTS = RunConfig()


def track(
    video: str | Path,
    prompts: PromptsGiven | None = None,
    output: str | Path | None = None,
    *,
    config: RunConfig = _DEFAULTS,
    discover: bool = False,
    everything: bool = False,
    device: str = "auto",
    start: Moment | None = None,
    end: Moment | None = None,
    overwrite: bool = False,
    video_out: bool = True,
    masks: bool = True,
    object_masks: bool = False,
    sinks: Sequence[Sink] = (),
    progress: Callable[[int, int | None], None] | None = None,
) -> RunSummary:
    """Track objects through a video; write the run folder; return what came of it.

    Args:
        video: A file, a folder or pattern of pictures, one picture, or "-".
        prompts: As PromptsGiven says; None where objects are discovered.
        output: The run folder; None writes nothing, for `sinks` that do something else.
        config: Settings.
        discover: Look for new objects all along; how is in config.discovery.
        everything: Track all that is seen on the first frame.
        device: Where a segmenter with weights runs: auto, cpu, cuda, mps.
        start: First moment read.
        end: First moment left out.
        overwrite: Replace an earlier run in the output; what was made of it, its review page and
            what is in exports/, is removed, all else stays.
        video_out: Write annotated.mp4.
        masks: Write one label map a frame.
        object_masks: Write one mask an object and frame.
        sinks: Get every result besides.
        progress: Told after every frame how many are done, and how many to expect or None; a frame
            counts once for each pass, where objects are followed backward too.

    Raises:
        UnreachedPromptError: If the video ended before a prompt's time; everything is written.
        TrackAnythingError: If the input, the prompts, the output or a setting is wrong; its
            subclasses say which. Nothing is written then.
    """
    path = Path(prompts) if isinstance(prompts, str | Path) else None
    planned = plan(
        Job(
            input=str(video),
            prompts=as_prompts(prompts),
            output=None if output is None else Path(output),
            config=_discovering(config, discover=discover, everything=everything),
            device=device,
            start=as_moment(start),
            end=as_moment(end),
            overwrite=overwrite,
            parts=OutputParts(video=video_out, masks=masks, object_masks=object_masks),
            used_files=() if path is None else (path,),
        )
    )
    told = [] if progress is None else [_ProgressSink(progress, expected_frames(planned))]
    return execute(planned, sinks=sinks, watch=told)


def follow(
    video: str | Path,
    prompts: PromptsGiven | None = None,
    *,
    config: RunConfig = _DEFAULTS,
    discover: bool = False,
    everything: bool = False,
    device: str = "auto",
    start: Moment | None = None,
    end: Moment | None = None,
) -> Iterator[FrameResult]:
    """The result of every frame, as soon as it is final; nothing is written.

    Everything is as for `track`, but that objects are followed forward only: config.direction
    "backward" and "both" need the run folder of `track`. Stopping early closes the video.

    Raises:
        UnreachedPromptError: After the last result, if the video ended before a prompt's time.
        TrackAnythingError: As track.
    """
    planned = plan(
        Job(
            input=str(video),
            prompts=as_prompts(prompts),
            config=_discovering(config, discover=discover, everything=everything),
            device=device,
            start=as_moment(start),
            end=as_moment(end),
        )
    )
    with closing(planned):
        clock = StageClock()
        tracker = planned.tracker(clock)
        source = build_source(planned.source, planned.job.config, clock)
        with closing(source):
            yield from follow_frames(source, tracker, planned.schedule)
    if unused := planned.schedule.unused():
        raise UnreachedPromptError.of(unused)


def resume_run(
    folder: str | Path,
    *,
    sinks: Sequence[Sink] = (),
    progress: Callable[[int, int | None], None] | None = None,
) -> RunSummary | None:
    """Go on with a run that was stopped; the masks are those of a run that never was.

    Args:
        folder: The run's.
        sinks: Get every result, those before the stop included.
        progress: As for track.

    Returns:
        What came of it; None if the run is complete already.

    Raises:
        TrackAnythingError: If there is no run, its input was changed, or as track.
    """
    planned = plan_to_resume(Path(folder))
    if planned is None:
        return None
    told = [] if progress is None else [_ProgressSink(progress, expected_frames(planned))]
    return execute(planned, sinks=sinks, watch=told)


def correct_run(
    folder: str | Path,
    corrections: str | Path | Sequence[ObjectSpec],
    *,
    sinks: Sequence[Sink] = (),
    tell: Callable[[str], None] | None = None,
) -> RunSummary:
    """Correct a complete run: only what the corrections concern is tracked again.

    Args:
        folder: The run's.
        corrections: A prompt file, or what it says: of objects by name or id, or of new ones.
        sinks: Get every result of the corrected run.
        tell: Told what was tracked again, one line each.

    Raises:
        TrackAnythingError: If the run is not complete, the corrections do not fit it, or as track.
    """
    if isinstance(corrections, str | Path):
        corrections = read_prompts(Path(corrections), corrects=True)
    return revise(plan_revision(Path(folder), corrections), sinks=sinks, tell=tell)


def _discovering(config: RunConfig, *, discover: bool, everything: bool) -> RunConfig:
    said = config.discovery
    said = replace(said, is_on=said.is_on or discover, everything=said.everything or everything)
    return replace(config, discovery=said)


def as_prompts(prompts: PromptsGiven | None) -> Prompts:
    """Any of the forms of PromptsGiven in one that a job keeps.

    Raises:
        PromptError: If it has none of the forms, or a file or box is wrong.
    """
    if prompts is None:
        return ()
    if isinstance(prompts, str | Path):
        return tuple(read_prompts(Path(prompts)))
    given: Any = prompts
    if isinstance(given, Mapping):
        if given and all(isinstance(key, str) for key in given):
            return tuple(_boxed(name, box) for name, box in given.items())
        if all(isinstance(key, int) for key in given):
            return {index: tuple(items) for index, items in given.items()}
    elif isinstance(given, Sequence):
        if given and all(isinstance(item, ObjectSpec) for item in given):
            return tuple(given)
        if all(isinstance(item, Prompt) for item in given):
            return {0: tuple(given)}
    raise PromptError(
        "prompts are a file, {name: box}, {frame index: [Prompt]}, [Prompt] or [ObjectSpec], got "
        f"{type(prompts).__name__}"
    )


def _boxed(name: str, box: Any) -> ObjectSpec:
    try:
        x_min, y_min, x_max, y_max = (float(number) for number in box)
    except (TypeError, ValueError) as error:
        raise PromptError(
            f"{name!r}: a box has 4 numbers, x_min y_min x_max y_max, got {box!r}"
        ) from error
    return ObjectSpec(name=name, hints=(Hints(box=(x_min, y_min, x_max, y_max)),))


class _ProgressSink:
    """Tells how many frames are done."""

    def __init__(self, told: Callable[[int, int | None], None], expected: int | None) -> None:
        self._told = told
        self._expected = expected
        self._count = 0

    def write(self, result: FrameResult) -> None:
        self._count += 1
        self._told(self._count, self._expected)

    def close(self) -> None:
        """Nothing is left to do."""

    def abort(self) -> None:
        """Nothing is left to do."""

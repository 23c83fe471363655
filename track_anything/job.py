"""One run as plain data, and the plan that is made of it once everything has been checked."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from track_anything.build import (
    NO_DISCOVERY,
    OutputParts,
    SegmenterSpec,
    build_segmenter,
    build_tracker,
    choose_segmenter,
    resolved_config,
)
from track_anything.config import DiscoveryConfig, RunConfig
from track_anything.errors import ConfigError, PromptError
from track_anything.export.paths import earlier_exports
from track_anything.interfaces import FrameSource, Tracker
from track_anything.io.container import STDIN
from track_anything.io.run_folder import RunFolder
from track_anything.io.sources import open_source, probe
from track_anything.prompts import ObjectSpec, PromptSchedule, TimeCode, build_schedule
from track_anything.structures import Prompt, VideoInfo
from track_anything.timing import StageClock

_log = logging.getLogger(__name__)

_NAMED = 3
"""Most strange files that are told by name."""

Prompts = Sequence[ObjectSpec] | Mapping[int, Sequence[Prompt]]
"""What the user said of objects, or prompts by index of the frame, in pixels of that frame."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where a run goes on that was left incomplete.

    Attributes:
        next_result: The first frame whose result is missing; those of all before are in the store.
        next_frame: The first frame that is fed to the tracker; it was given those before already,
            and holds back their results from next_result on.
        state: The tracker's before next_frame; None where it begins anew.
        is_tracked: Nothing is left to track: the results only go to the sinks again.
    """

    next_result: int
    next_frame: int
    state: bytes | None = None
    is_tracked: bool = False

    @classmethod
    def of_tracked(cls, frame_count: int) -> "Resumption":
        """Of a run whose results, of so many frames, are all in the store."""
        return cls(frame_count, frame_count, is_tracked=True)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run, as plain data.

    Attributes:
        input: A video, a folder or pattern of pictures, one picture, or "-".
        prompts: At least one, but where objects are discovered; or a schedule that nothing was
            asked of yet.
        output: The run folder; None writes nothing.
        config: Settings.
        device: Where a segmenter with weights runs: auto, cpu, cuda, mps.
        start: First moment read; None from the beginning.
        end: First moment left out.
        duration: From the start; instead of end.
        overwrite: Whether files of an earlier run in the output may be replaced.
        parts: What is written.
        used_files: Other files this run is made from, which must not be overwritten.
    """

    input: str
    prompts: Prompts | PromptSchedule
    output: Path | None = None
    config: RunConfig = field(default_factory=RunConfig)
    device: str = "auto"
    start: TimeCode | None = None
    end: TimeCode | None = None
    duration: TimeCode | None = None
    overwrite: bool = False
    parts: OutputParts = field(default_factory=OutputParts)
    used_files: tuple[Path, ...] = ()


def plan(job: Job, *, resumption: Resumption | None = None) -> "Plan":
    """Check everything about a job that can be checked before tracking; nothing is written.

    The input is open afterwards: `execute` or close the plan.

    Args:
        job: What to do.
        resumption: Where to go on with the run that is in the job's output; None begins anew.

    Raises:
        VideoError: If the input cannot be read, or nothing of it is in the range.
        PromptError: If the prompts do not fit the video.
        OutputError: If the output cannot or must not be written.
        ConfigError: If a setting does not fit.
        WeightsError: If the segmenter's weights are not here.
    """
    spec, reason = choose_segmenter(job.config.segmenter)
    if not spec.target:
        _check_masks_given(job.prompts)
        if job.config.discovery.is_needed:
            raise ConfigError(NO_DISCOVERY)
    _check_direction(job)
    folder = _folder(job)
    if folder is not None and resumption is None:
        _tell_strangers(folder)
    limits = _limits(job)
    source = open_source(job.input, config=replace(job.config.read, prefetch_frames=0), **limits)
    try:
        schedule = _schedule(job, source.info)
    except BaseException:
        source.close()
        raise
    return Plan(
        job=replace(job, config=resolved_config(job.config, spec)),
        source=source,
        schedule=schedule,
        folder=folder,
        segmenter=spec,
        reason=reason,
        limits=limits,
        resumption=resumption,
    )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A job that was checked, with its input open. It is executed once.

    Attributes:
        job: With everything automatic decided.
        source: Open, nothing read but the first frame.
        schedule: The prompts.
        folder: Where the output goes; None writes nothing.
        segmenter: The one chosen.
        reason: Why, in one line.
        limits: The range as open_source takes it.
        resumption: Where the run in the folder goes on; None begins anew.
    """

    job: Job
    source: FrameSource
    schedule: PromptSchedule
    folder: RunFolder | None
    segmenter: SegmenterSpec
    reason: str
    limits: Mapping[str, Any]
    resumption: Resumption | None = None

    @property
    def info(self) -> VideoInfo:
        """Of the input."""
        return self.source.info

    def close(self) -> None:
        """Let go of the input. May be called again."""
        self.source.close()

    def to_dict(self) -> dict[str, object]:
        """What will be done, with every option; `write_manifest` makes it JSON."""
        job = self.job
        return {
            "input": {"path": job.input, "info": self.info},
            "range": {
                name: None if value is None else str(value)
                for name, value in (
                    ("start", job.start),
                    ("end", job.end),
                    ("duration", job.duration),
                )
            },
            "output": {"path": job.output, **asdict(job.parts)},
            "segmenter": {"name": self.segmenter.name, "reason": self.reason},
            "options": {**asdict(job.config), "device": job.device, "overwrite": job.overwrite},
            "prompts": self.schedule.to_dict(),
        }

    def again(self) -> "Plan":
        """This plan with the input opened and the prompts asked for from the beginning.

        Raises:
            VideoError: If the input cannot be read any more.
        """
        config = replace(self.job.config.read, prefetch_frames=0)
        schedule = PromptSchedule(
            self.schedule.objects, frame_rate=1 / (2 * self.schedule.half_frame)
        )
        source = open_source(self.job.input, config=config, **self.limits)
        return replace(self, source=source, schedule=schedule)

    def tracker(self, clock: StageClock, *, discovers: bool = True) -> Tracker:
        """The tracker of this run, its weights loaded.

        Args:
            clock: Told where the time goes.
            discovers: Whether it looks for new objects, where the job says so; not where known
                ones are tracked once more.
        """
        config = self.job.config
        if not discovers:
            config = replace(config, discovery=DiscoveryConfig())
        segmenter = build_segmenter(self.segmenter, seed=config.seed, device=self.job.device)
        prompted = [item.track_id for item in self.schedule.objects]
        return build_tracker(
            config, segmenter, clock=clock, first_free_id=max(prompted, default=0) + 1
        )


def _folder(job: Job) -> RunFolder | None:
    if job.output is None:
        return None
    said: Any = () if isinstance(job.prompts, PromptSchedule) else job.prompts
    masks = [
        hints.mask
        for item in said
        if isinstance(item, ObjectSpec)
        for hints in item.hints
        if hints.mask is not None
    ]
    inputs = [Path(job.input), *masks, *job.used_files]
    exports = earlier_exports(job.output) if job.overwrite else ()
    return RunFolder(job.output, overwrite=job.overwrite, inputs=inputs, exports=exports)


def _tell_strangers(folder: RunFolder) -> None:
    """Say what stays in a folder that is written anew."""
    names = [f"{one.relative_to(folder.path)}{'/' * one.is_dir()}" for one in folder.strangers()]
    if names:
        more = f" and {len(names) - _NAMED} more" * (len(names) > _NAMED)
        _log.warning(
            "%s: what no run wrote stays: %s%s", folder.path, ", ".join(names[:_NAMED]), more
        )


def _check_direction(job: Job) -> None:
    """Refuse to go backwards where there is nothing to go back in."""
    direction = job.config.direction
    if direction == "forward":
        return
    if direction == "backward" and job.config.discovery.is_needed:
        raise ConfigError(
            "direction backward ends at the prompts: objects are discovered going forward; both "
            "follows what is discovered back as well"
        )
    if job.output is None:
        raise ConfigError(
            f"direction {direction} needs an output folder, whose store keeps the masks between "
            "the passes; without one objects are followed forward only"
        )
    if job.input == STDIN:
        raise ConfigError(
            f"direction {direction}: standard input cannot be read backwards; write it to a file "
            "first"
        )


def _limits(job: Job) -> dict[str, Any]:
    """The range of a job in the words of open_source."""
    if job.end is not None and job.duration is not None:
        raise ConfigError("the range has an end and a duration: give one of the two")
    end = job.end
    if job.duration is not None:
        end = _end_after(job.start, job.duration, job.input)
    limits: dict[str, Any] = {}
    for name, moment in (("start", job.start), ("end", end)):
        if moment is not None and moment.frame_index is not None:
            limits[f"{name}_frame"] = moment.frame_index
        elif moment is not None:
            limits[name] = moment.seconds
    return limits


def _end_after(start: TimeCode | None, duration: TimeCode, path: str) -> TimeCode:
    if duration.frame_index is not None:
        if start is not None and start.frame_index is None:
            raise ConfigError(
                f"a duration in frames ({duration}) needs a start in frames, got {start} s"
            )
        first = 0 if start is None else start.frame_index or 0
        return TimeCode(frame_index=first + duration.frame_index)
    if start is not None and start.frame_index is not None:
        raise ConfigError(
            f"a duration in seconds ({duration}) needs a start in seconds, got {start}"
        )
    if start is not None:
        return TimeCode(seconds=start.value + duration.value)
    # Recordings of broadcasts begin at any time; a pipe cannot be looked into twice.
    first_time = Fraction(0) if path == STDIN else max(probe(path).start_time, Fraction(0))
    return TimeCode(seconds=first_time + duration.value)


def _schedule(job: Job, info: VideoInfo) -> PromptSchedule:
    prompts = job.prompts
    if isinstance(prompts, PromptSchedule):
        return prompts
    if not prompts and job.config.discovery.is_needed:
        return PromptSchedule([], frame_rate=info.frame_rate)
    if not isinstance(prompts, Mapping):
        return build_schedule(prompts, info)
    for index, given in prompts.items():
        for prompt in given:
            if prompt.mask is not None and prompt.mask.shape != info.size:
                raise PromptError(
                    f"the mask on frame {index} is {prompt.mask.shape[1]}x{prompt.mask.shape[0]}, "
                    f"the frames are {info.width}x{info.height}"
                )
        if info.frame_count is not None and index > info.frame_count:
            raise PromptError(
                f"frame {index} is past the end: the video has {info.frame_count} frames"
            )
    return PromptSchedule.from_frames(prompts)


def _check_masks_given(prompts: Prompts | PromptSchedule) -> None:
    """Without a segmenter nobody makes a mask of a box."""
    if isinstance(prompts, PromptSchedule):
        answers = [timed.prompt.is_answer for item in prompts.objects for timed in item.prompts]
    elif isinstance(prompts, Mapping):
        answers = [prompt.is_answer for given in prompts.values() for prompt in given]
    else:
        answers = [hints.mask is not None for item in prompts for hints in item.hints]
    if not all(answers):
        raise PromptError("without a segmenter every prompt is a mask: choose one, or give masks")

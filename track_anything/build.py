"""From settings to objects. Classes are named as strings and imported when they are chosen."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from track_anything.config import CLOCK_MODE, DiscoveryConfig, RunConfig
from track_anything.errors import ConfigError, WeightsError
from track_anything.interfaces import (
    ClickSegmenter,
    FrameSource,
    MotionProposer,
    Proposer,
    Segmenter,
    Sink,
    Tracker,
)
from track_anything.io.run_folder import RunFolder
from track_anything.run import SinkGroup
from track_anything.structures import FrameResult, Image, VideoInfo
from track_anything.timing import (
    StageClock,
    TimedMotionProposer,
    TimedProposer,
    TimedSink,
    TimedSource,
    TimedTracker,
    timed_segmenter,
)

TRACKER = "track_anything.tracking.flow_tracker:FlowTracker"
PROPAGATOR = "track_anything.tracking.propagator:FlowAppearancePropagator"
DISCOVERY = "track_anything.tracking.discovery:Discovery"
GRID = "track_anything.proposers.grid:GridProposer"
REGIONS = "track_anything.proposers.regions:RegionProposer"
MOTION = "track_anything.proposers.motion:MotionProposer"
SAM = "track_anything.segmenters.sam.segmenter:SamSegmenter"
WEIGHTS = "track_anything.segmenters.sam.catalogue:available"

NO_DISCOVERY = "new objects are found with a segmenter: choose another than none, or prompt masks"

CHECKPOINT_SUFFIXES = (".pth", ".pt", ".safetensors", ".h5")


@dataclass(frozen=True, kw_only=True)
class Trust:
    """How far the answers of a segmenter are believed when re-prompting is automatic.

    Attributes:
        evidence_gain: As in RepromptConfig.
        accept_predicted_iou: As in RepromptConfig.
        answer_share: As in RepromptConfig.
    """

    evidence_gain: float
    accept_predicted_iou: float
    answer_share: float = 1.0


SAM_TRUST = Trust(evidence_gain=-0.4, accept_predicted_iou=0.8)
"""SAM is right more often than the appearance model that judges it: that has followed the carried
mask astray. A gain of -0.1 refused most right answers where they were needed."""
COMPACT_TRUST = Trust(evidence_gain=-0.25, accept_predicted_iou=0.5, answer_share=0.5)
"""Half an answer and half the carried mask are better than either: alone, its answers mended masks
that began poor and spoiled good ones."""
GRABCUT_TRUST = Trust(evidence_gain=0.05, accept_predicted_iou=0.7)
"""Makes tracking worse unless its answers must prove themselves."""


@dataclass(frozen=True, kw_only=True)
class SegmenterSpec:
    """How to make a segmenter.

    Attributes:
        name: As on the command line.
        target: "module:Class"; "" for no segmenter.
        arguments: For the class.
        takes: Which of "seed" and "device" it wants besides.
        trust: How far its answers are believed.
    """

    name: str
    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    takes: tuple[str, ...] = ()
    trust: Trust = SAM_TRUST


SEGMENTERS: Mapping[str, SegmenterSpec] = {
    spec.name: spec
    for spec in (
        SegmenterSpec(
            name="compact",
            target="track_anything.segmenters.compact.segmenter:CompactSegmenter",
            takes=("device",),
            trust=COMPACT_TRUST,
        ),
        SegmenterSpec(
            name="grabcut",
            target="track_anything.segmenters.grabcut:GrabCutSegmenter",
            takes=("seed",),
            trust=GRABCUT_TRUST,
        ),
        SegmenterSpec(name="none", target=""),
    )
}
"""Those that need no weights. The others are "auto" and SAM, by name or by path."""


def load(target: str) -> Any:
    """What a string "module:Name" stands for, imported now."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def choose_segmenter(name: str) -> tuple[SegmenterSpec, str]:
    """The segmenter a name stands for, and in one line why; nothing is downloaded.

    Args:
        name: "auto", one of SEGMENTERS, weights that are cached, or the path of a checkpoint.

    Raises:
        ConfigError: If there is none of that name.
        WeightsError: If its weights are not here.
    """
    if name in SEGMENTERS:
        return SEGMENTERS[name], "asked for"
    if name == "auto":
        return _best_present()
    if Path(name).suffix.lower() in CHECKPOINT_SUFFIXES or Path(name).is_dir():
        if not Path(name).expanduser().exists():
            raise WeightsError(f"{name}: no such checkpoint")
        return _sam(name), "the checkpoint asked for"
    return _stored(name)


def build_segmenter(
    spec: SegmenterSpec, *, seed: int = 0, device: str = "auto"
) -> Segmenter | None:
    """The segmenter, with its weights loaded; None for "none".

    Raises:
        WeightsError: If its weights cannot be used.
        ConfigError: If there is no such device.
    """
    if not spec.target:
        return None
    given = {"seed": seed, "device": device}
    arguments = {**spec.arguments, **{name: given[name] for name in spec.takes}}
    segmenter: Segmenter = load(spec.target)(**arguments)
    return segmenter


def resolved_config(config: RunConfig, spec: SegmenterSpec) -> RunConfig:
    """A config without anything automatic: the segmenter named, re-prompts on or off."""
    reprompt = config.tracker.reprompt
    if not spec.target:
        reprompt = replace(reprompt, mode="off")
    elif reprompt.mode in ("auto", CLOCK_MODE):
        # A clock is there to be compared with: it judges answers as "auto" does.
        mode = "on" if reprompt.mode == "auto" else CLOCK_MODE
        reprompt = replace(reprompt, mode=mode, **asdict(spec.trust))
    tracker = replace(config.tracker, reprompt=reprompt)
    return replace(config, segmenter=spec.name, tracker=tracker)


def build_tracker(
    config: RunConfig,
    segmenter: Segmenter | None,
    *,
    clock: StageClock | None = None,
    first_free_id: int = 1,
) -> Tracker:
    """A tracker for one video.

    Args:
        config: As resolved_config returns it.
        segmenter: For prompts and re-prompts; None takes masks as prompts only.
        clock: Told where the time goes; None times nothing.
        first_free_id: The lowest id for objects that nobody prompted: above those of prompts.

    Raises:
        ConfigError: If objects are to be discovered without a segmenter.
    """
    copy = partial(load(PROPAGATOR), config=config.propagator, seed=config.seed)
    if segmenter is not None and clock is not None:
        segmenter = timed_segmenter(segmenter, clock)
    discovery = None
    if config.discovery.is_needed:
        discovery = _discovery(config.discovery, segmenter, clock)
    tracker: Tracker = load(TRACKER)(
        copy(),
        segmenter,
        config=config.tracker,
        copy=copy,
        discovery=discovery,
        first_free_id=first_free_id,
    )
    return tracker if clock is None else TimedTracker(tracker, clock)


def _discovery(
    config: DiscoveryConfig, segmenter: Segmenter | None, clock: StageClock | None
) -> Any:
    if segmenter is None:
        raise ConfigError(NO_DISCOVERY)
    limits: dict[str, Any] = {"min_area": config.min_area, "max_area": config.max_area}
    regions = replace(config.regions, **limits)
    still: Proposer
    # Clicks everywhere are for segmenters made for them, as SAM is.
    if isinstance(segmenter, ClickSegmenter):
        still = load(GRID)(segmenter, config=replace(config.grid, **limits))
    else:
        still = load(REGIONS)(segmenter, config=regions)
        config = replace(config, motion_only=config.motion_only or not config.still_regions)
    moving: MotionProposer = load(MOTION)(segmenter, config=regions)
    if clock is not None:
        still, moving = TimedProposer(still, clock), TimedMotionProposer(moving, clock)
    return load(DISCOVERY)(config, segmenter, moving=moving, still=still)


def build_source(source: FrameSource, config: RunConfig, clock: StageClock) -> FrameSource:
    """An open source, timed, and read ahead on a thread of its own."""
    from track_anything.io.prefetch import PrefetchSource

    timed = TimedSource(source, clock)
    if not config.read.prefetch_frames:
        return timed
    return PrefetchSource(timed, frame_count=config.read.prefetch_frames)


@dataclass(frozen=True, kw_only=True)
class OutputParts:
    """Which files a run writes beside its tables.

    Attributes:
        video: annotated.mp4.
        masks: One label map a frame.
        object_masks: One mask an object and frame.
    """

    video: bool = True
    masks: bool = True
    object_masks: bool = False


@dataclass(frozen=True, kw_only=True)
class SoundRange:
    """Which part of the source's sound goes into the annotated video.

    Attributes:
        start: Its time becomes 0; None keeps the source's times.
        end: Sound from there on is left out.
        stops_with_video: Sound after the last frame is left out.
    """

    start: Fraction | None = None
    end: Fraction | None = None
    stops_with_video: bool = False


def build_sinks(
    folder: RunFolder,
    info: VideoInfo,
    config: RunConfig,
    clock: StageClock,
    *,
    store: Sink | None = None,
    parts: OutputParts = OutputParts(),
    sound: SoundRange = SoundRange(),
) -> list[Sink]:
    """The sinks of a run folder, timed, each group on a thread of its own.

    Painting and encoding share one thread: together they cost about as much as tracking does.
    The store, masks and tables share the other, so that they never wait for the encoder.

    Args:
        folder: Where they write.
        info: Of the frames that will come.
        config: Settings.
        clock: Told where the time goes.
        store: The run store, the first to get a result; None makes one.
        parts: Which files are written.
        sound: Which part of the source's sound.

    Raises:
        OutputError: If one cannot be opened; those opened before it are aborted.
    """
    from track_anything.io.run_store import RunStoreSink
    from track_anything.io.write_behind import WriteBehindSink

    with ExitStack() as opened:

        def timed(sink: Sink, name: str) -> Sink:
            opened.callback(sink.abort)
            return TimedSink(sink, clock, name)

        store = RunStoreSink(folder.store, info) if store is None else store
        groups = [_file_sinks(folder, store, parts, timed)]
        if parts.video:
            groups.append([timed(_video_sink(folder, info, config, clock, sound), "encode")])
        opened.pop_all()
    queue = config.write.queue_frames
    return [WriteBehindSink(SinkGroup(group), queue_frames=queue) for group in groups]


def _file_sinks(
    folder: RunFolder, store: Sink, parts: OutputParts, timed: Callable[[Sink, str], Sink]
) -> list[Sink]:
    from track_anything.io.png_masks import ObjectMaskSink, PaletteMaskSink
    from track_anything.io.tables import CsvSink, JsonLinesSink

    sinks = [
        timed(store, "store"),
        timed(CsvSink(folder.csv), "tables"),
        timed(JsonLinesSink(folder.json_lines), "tables"),
    ]
    if parts.masks:
        sinks.append(timed(PaletteMaskSink(folder.masks), "masks"))
    if parts.object_masks:
        sinks.append(timed(ObjectMaskSink(folder.objects), "object masks"))
    return sinks


def _video_sink(
    folder: RunFolder, info: VideoInfo, config: RunConfig, clock: StageClock, sound: SoundRange
) -> Sink:
    from track_anything.annotate import Annotator
    from track_anything.io.video_sink import VideoSink

    annotator = Annotator(config.style, info.size)

    def paint(result: FrameResult) -> Image:
        with clock.stage("paint"):
            return annotator.paint(result)

    return VideoSink(
        folder.video,
        info,
        paint,
        source=info.path or None,
        start=sound.start,
        end=sound.end,
        stops_with_video=sound.stops_with_video,
        config=config.write,
    )


def _sam(weights: str) -> SegmenterSpec:
    return SegmenterSpec(
        name=weights, target=SAM, arguments={"weights": weights}, takes=("device",)
    )


def _best_present() -> tuple[SegmenterSpec, str]:
    """SAM if its weights are cached, else the embedded segmenter."""
    present = [row for row in load(WEIGHTS)() if row.path]
    if not present:
        return SEGMENTERS["compact"], "the embedded one: no weights of SAM are here"
    device = load("track_anything.segmenters.device:choose_device")("auto").type
    # On a CPU the large networks take half a minute a frame.
    best = sorted(present, key=lambda row: row.byte_count, reverse=device != "cpu")[0]
    which = "quickest" if device == "cpu" else "best"
    return _sam(best.name), f"the {which} on {device} of those whose weights are cached"


def _stored(name: str) -> tuple[SegmenterSpec, str]:
    rows = {row.name: row for row in load(WEIGHTS)()}
    if name not in rows:
        known = ", ".join(["auto", *SEGMENTERS, *rows])
        raise ConfigError(
            f"a segmenter is {known} or the path of a checkpoint "
            f"({' '.join(CHECKPOINT_SUFFIXES)}), got {name!r}"
        )
    if rows[name].path is None:
        raise WeightsError(
            f"{name}: its weights are not here and are not downloaded unasked; `track-anything "
            f"weights pull {name}` fetches them, or get {rows[name].source} elsewhere and "
            "`track-anything weights import FILE`"
        )
    return _sam(name), "asked for, and its weights are cached"

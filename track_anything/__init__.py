"""Video segmentation and tracking from points, boxes, masks and prompt files.

Names are loaded from where they live when they are first used: importing this loads nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from track_anything._version import __version__

if TYPE_CHECKING:
    from track_anything.annotate import Annotator
    from track_anything.api import as_prompts, correct_run, follow, resume_run, track
    from track_anything.auto_annotation import AnnotationSummary, auto_annotate
    from track_anything.build import (
        OutputParts,
        build_segmenter,
        build_sinks,
        build_source,
        build_tracker,
        choose_segmenter,
        resolved_config,
    )
    from track_anything.config import (
        AppearanceConfig,
        GridConfig,
        PropagatorConfig,
        ReadConfig,
        RegionConfig,
        RepromptConfig,
        RunConfig,
        StyleConfig,
        TrackerConfig,
        WriteConfig,
        load_config,
    )
    from track_anything.errors import (
        ConfigError,
        DatasetError,
        DependencyError,
        OutputError,
        PromptError,
        SegmenterError,
        TrackAnythingError,
        TrackingError,
        VideoError,
        WeightsError,
    )
    from track_anything.evaluation.davis import evaluate_davis
    from track_anything.everything import Everything, segment_everything
    from track_anything.everything_files import EverythingFolder
    from track_anything.execution import RunSummary, execute
    from track_anything.ids import (
        IdsSummary,
        drop_id,
        merge_ids,
        rename_id,
        split_id,
        swap_ids,
        undo_edit,
    )
    from track_anything.interfaces import (
        FrameSource,
        Propagator,
        Proposer,
        Segmenter,
        Sink,
        Tracker,
    )
    from track_anything.io.describe import describe
    from track_anything.io.png_masks import ObjectMaskSink, PaletteMaskSink, read_mask_png
    from track_anything.io.prefetch import PrefetchSource
    from track_anything.io.run_store import RunStore, RunStoreSink, StoredTrack
    from track_anything.io.sources import open_source, probe
    from track_anything.io.tables import (
        CsvSink,
        JsonLinesSink,
        TrackRow,
        read_events_jsonl,
        read_tracks_csv,
        read_tracks_jsonl,
    )
    from track_anything.io.video_sink import VideoSink
    from track_anything.io.write_behind import WriteBehindSink
    from track_anything.job import Job, Plan, plan
    from track_anything.painting import overlay, track_color
    from track_anything.predictor import Predictor
    from track_anything.prompts import (
        Hints,
        ObjectSpec,
        PromptSchedule,
        TimeCode,
        parse_time,
        read_boxes,
        read_prompt_file,
        read_prompts,
        write_prompt_file,
    )
    from track_anything.proposers.grid import GridProposer
    from track_anything.proposers.motion import MotionProposer
    from track_anything.proposers.region import Region
    from track_anything.proposers.regions import RegionProposer
    from track_anything.review import ReviewSummary, review_run
    from track_anything.rewrite import RewriteSummary, rewrite_run
    from track_anything.rle import mask_to_rle, rle_to_mask
    from track_anything.run import SinkGroup, UnreachedPromptError
    from track_anything.segmentation import Segmentation, SegmentedObject, segment
    from track_anything.segmentation_files import (
        SegmentationFiles,
        candidate_sheet,
        cutout_of,
        overlay_of,
    )
    from track_anything.segmenters.grabcut import GrabCutSegmenter
    from track_anything.segmenters.sam.segmenter import SamSegmenter
    from track_anything.self_check import SelfCheck, check_run
    from track_anything.structures import (
        ColorTags,
        Event,
        EventKind,
        Frame,
        FrameResult,
        ImageEmbedding,
        LogitsPart,
        MaskPrediction,
        ObjectMask,
        Origin,
        Prompt,
        Propagation,
        Proposal,
        State,
        VideoInfo,
    )
    from track_anything.tracking.flow_tracker import FlowTracker
    from track_anything.tracking.propagator import FlowAppearancePropagator

_NAMES_OF = {
    "annotate": "Annotator",
    "api": "as_prompts correct_run follow resume_run track",
    "auto_annotation": "AnnotationSummary auto_annotate",
    "build": (
        "OutputParts build_segmenter build_sinks build_source build_tracker choose_segmenter "
        "resolved_config"
    ),
    "config": (
        "AppearanceConfig GridConfig PropagatorConfig ReadConfig RegionConfig RepromptConfig "
        "RunConfig StyleConfig TrackerConfig WriteConfig load_config"
    ),
    "errors": (
        "ConfigError DatasetError DependencyError OutputError PromptError SegmenterError "
        "TrackAnythingError TrackingError VideoError WeightsError"
    ),
    "evaluation.davis": "evaluate_davis",
    "everything": "Everything segment_everything",
    "everything_files": "EverythingFolder",
    "execution": "RunSummary execute",
    "ids": "IdsSummary drop_id merge_ids rename_id split_id swap_ids undo_edit",
    "interfaces": "FrameSource Propagator Proposer Segmenter Sink Tracker",
    "io.describe": "describe",
    "io.png_masks": "ObjectMaskSink PaletteMaskSink read_mask_png",
    "io.prefetch": "PrefetchSource",
    "io.run_store": "RunStore RunStoreSink StoredTrack",
    "io.sources": "open_source probe",
    "io.tables": (
        "CsvSink JsonLinesSink TrackRow read_events_jsonl read_tracks_csv read_tracks_jsonl"
    ),
    "io.video_sink": "VideoSink",
    "io.write_behind": "WriteBehindSink",
    "job": "Job Plan plan",
    "painting": "overlay track_color",
    "predictor": "Predictor",
    "prompts": (
        "Hints ObjectSpec PromptSchedule TimeCode parse_time read_boxes read_prompt_file "
        "read_prompts write_prompt_file"
    ),
    "proposers.grid": "GridProposer",
    "proposers.motion": "MotionProposer",
    "proposers.region": "Region",
    "proposers.regions": "RegionProposer",
    "review": "ReviewSummary review_run",
    "rewrite": "RewriteSummary rewrite_run",
    "rle": "mask_to_rle rle_to_mask",
    "run": "SinkGroup UnreachedPromptError",
    "segmentation": "SegmentedObject Segmentation segment",
    "segmentation_files": "SegmentationFiles candidate_sheet cutout_of overlay_of",
    "segmenters.grabcut": "GrabCutSegmenter",
    "segmenters.sam.segmenter": "SamSegmenter",
    "self_check": "SelfCheck check_run",
    "structures": (
        "ColorTags Event EventKind Frame FrameResult ImageEmbedding LogitsPart MaskPrediction "
        "ObjectMask Origin Prompt Propagation Proposal State VideoInfo"
    ),
    "tracking.flow_tracker": "FlowTracker",
    "tracking.propagator": "FlowAppearancePropagator",
}
_HOMES = {name: module for module, names in _NAMES_OF.items() for name in names.split()}

__all__ = [
    "AnnotationSummary",
    "Annotator",
    "AppearanceConfig",
    "ColorTags",
    "ConfigError",
    "CsvSink",
    "DatasetError",
    "DependencyError",
    "Event",
    "EventKind",
    "Everything",
    "EverythingFolder",
    "FlowAppearancePropagator",
    "FlowTracker",
    "Frame",
    "FrameResult",
    "FrameSource",
    "GrabCutSegmenter",
    "GridConfig",
    "GridProposer",
    "Hints",
    "IdsSummary",
    "ImageEmbedding",
    "Job",
    "JsonLinesSink",
    "LogitsPart",
    "MaskPrediction",
    "MotionProposer",
    "ObjectMask",
    "ObjectMaskSink",
    "ObjectSpec",
    "Origin",
    "OutputError",
    "OutputParts",
    "PaletteMaskSink",
    "Plan",
    "Predictor",
    "PrefetchSource",
    "Prompt",
    "PromptError",
    "PromptSchedule",
    "Propagation",
    "Propagator",
    "PropagatorConfig",
    "Proposal",
    "Proposer",
    "ReadConfig",
    "Region",
    "RegionConfig",
    "RegionProposer",
    "RepromptConfig",
    "ReviewSummary",
    "RewriteSummary",
    "RunConfig",
    "RunStore",
    "RunStoreSink",
    "RunSummary",
    "SamSegmenter",
    "Segmentation",
    "SegmentationFiles",
    "SegmentedObject",
    "Segmenter",
    "SegmenterError",
    "SelfCheck",
    "Sink",
    "SinkGroup",
    "State",
    "StoredTrack",
    "StyleConfig",
    "TimeCode",
    "TrackAnythingError",
    "TrackRow",
    "Tracker",
    "TrackerConfig",
    "TrackingError",
    "UnreachedPromptError",
    "VideoError",
    "VideoInfo",
    "VideoSink",
    "WeightsError",
    "WriteBehindSink",
    "WriteConfig",
    "__version__",
    "as_prompts",
    "auto_annotate",
    "build_segmenter",
    "build_sinks",
    "build_source",
    "build_tracker",
    "candidate_sheet",
    "check_run",
    "choose_segmenter",
    "correct_run",
    "cutout_of",
    "describe",
    "drop_id",
    "evaluate_davis",
    "execute",
    "follow",
    "load_config",
    "mask_to_rle",
    "merge_ids",
    "open_source",
    "overlay",
    "overlay_of",
    "parse_time",
    "plan",
    "probe",
    "read_boxes",
    "read_events_jsonl",
    "read_mask_png",
    "read_prompt_file",
    "read_prompts",
    "read_tracks_csv",
    "read_tracks_jsonl",
    "rename_id",
    "resolved_config",
    "resume_run",
    "review_run",
    "rewrite_run",
    "rle_to_mask",
    "segment",
    "segment_everything",
    "split_id",
    "swap_ids",
    "track",
    "track_color",
    "undo_edit",
    "write_prompt_file",
]


def __getattr__(name: str) -> Any:
    """A public name, imported from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)

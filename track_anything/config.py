"""Every setting with its default, range and reason. Frozen dataclasses."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from track_anything.errors import ConfigError
from track_anything.zones import parse_zone

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

C = TypeVar("C", bound="DataclassInstance")


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {low:g} to {high:g}, got {value:g}")


@dataclass(frozen=True, kw_only=True)
class ReadConfig:
    """How a video is read.

    Attributes:
        max_side: Longest side of the frames delivered, in pixels; 0 keeps the source's size.
        prefetch_frames: Frames decoded ahead on a thread; 0 decodes in line. Eight 4K frames are
            200 MB, and more than a few never helped.
    """

    max_side: int = 0
    prefetch_frames: int = 8

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.max_side:
            _check("max_side", self.max_side, 16, 65535)
        _check("prefetch_frames", self.prefetch_frames, 0, 256)


@dataclass(frozen=True, kw_only=True)
class WriteConfig:
    """How results are written.

    Attributes:
        crf: Constant rate factor of H.264, 0 (lossless) to 51; 20 hides its artefacts.
        preset: x264 preset; veryfast keeps encoding below the cost of tracking on two cores.
        queue_frames: Results waiting for the writers; bounds memory when writing is slower.
    """

    crf: int = 20
    preset: str = "veryfast"
    queue_frames: int = 8

    def __post_init__(self) -> None:
        """Check ranges."""
        _check("crf", self.crf, 0, 51)
        _check("queue_frames", self.queue_frames, 1, 256)


STYLE_PARTS = ("mask", "contour", "box", "label", "trace")


@dataclass(frozen=True, kw_only=True)
class StyleConfig:
    """How results are drawn.

    Attributes:
        parts: Any of mask, contour, box, label, trace.
        mask_opacity: 0 to 1; .5 is supervision's.
        box_width: Line width in pixels at 720p, scaled with the frame.
        trace_frames: Length of the trace; 30 is supervision's.
    """

    parts: tuple[str, ...] = ("mask", "contour", "label")
    mask_opacity: float = 0.5
    box_width: int = 2
    trace_frames: int = 30

    def __post_init__(self) -> None:
        """Check names and ranges."""
        for part in self.parts:
            if part not in STYLE_PARTS:
                raise ConfigError(f"style is any of {', '.join(STYLE_PARTS)}, got {part!r}")
        _check("mask_opacity", self.mask_opacity, 0, 1)
        _check("box_width", self.box_width, 1, 50)
        _check("trace_frames", self.trace_frames, 2, 10000)


@dataclass(frozen=True, kw_only=True)
class AppearanceConfig:
    """The online appearance model of one object.

    `benchmarks/settings.py` measures each against a lower and a higher value
    (benchmarks/results/settings.json).

    Attributes:
        hidden: Width of its hidden layer. 128 gives 1.9, .1 and .1 points of J&F with three seeds,
            at four fifths of the speed.
        first_steps: Adam steps on the first mask.
        first_rate: Their learning rate.
        steps: Adam steps on every further frame; 0 never learns again.
        rate: Their learning rate.
        learned: Mean error of the first three of them, 0 to 1, under which the others are left out:
            the object is told from what is around it. 0 never leaves any out.
        key_steps: Steps after a correction or an accepted re-prompt.
        batch: Pixels a step.
        key_masks: Masks remembered as certain; the first is kept for ever.
        recent_frames: Frames remembered besides.
    """

    hidden: int = 64
    first_steps: int = 300
    first_rate: float = 3e-3
    steps: int = 12
    rate: float = 1e-3
    learned: float = 0.028
    key_steps: int = 60
    batch: int = 1024
    key_masks: int = 6
    recent_frames: int = 6

    def __post_init__(self) -> None:
        """Check ranges."""
        _check("hidden", self.hidden, 1, 4096)
        for name in ("first_rate", "rate"):
            _check(name, getattr(self, name), 0, 1)
        _check("learned", self.learned, 0, 1)
        _check("batch", self.batch, 8, 1_000_000)
        for name in ("first_steps", "steps", "key_steps"):
            _check(name, getattr(self, name), 0, 100_000)
        for name in ("key_masks", "recent_frames"):
            _check(name, getattr(self, name), 1, 1000)


@dataclass(frozen=True, kw_only=True)
class PropagatorConfig:
    """How masks are carried from frame to frame. Lengths in pixels of an object's level.

    `benchmarks/settings.py` measures each against a lower and a higher value
    (benchmarks/results/settings.json).

    Attributes:
        appearance: The appearance model.
        object_side: A level is chosen so that the square root of the object's area is about this.
            On DAVIS 80 is faster by a third and .3 points of J&F worse, give or take a point.
        search: How far outside the carried mask the object is looked for.
        prior_slope: Signed distance to the carried mask that adds 1 to the logit. 3 and less
            loses limbs (2 points), 4 to 6 are alike.
        prior_inside: Most that the prior adds inside the carried mask.
        prior_outside: Most that it takes away outside.
        touched_weight: Factor on the prior while objects touch; 2 gives the drawn clip 4 points
            over 1, 4 gives 2.
        coarsest: Highest level.
        stray_support: Share of a part of the mask that the carried mask must cover.
        stray_gap: Distance to what is covered, in sides of the object, up to which parts that are
            not are believed.
        stray_distance: Distance to the largest covered part beyond which no part is believed.
        relevel: Factor by which an object outgrows its level.
        collapse: Share of its usual area under which an object is taken to be covered.
        found_score: Least score of a search that is believed.
        found_looks: Searches in a row that must agree.
        processes: That share the objects, this one included; the masks are the same. 0 takes as
            many as there are cores and pairs of objects, and goes on without them while they start,
            2 seconds; 1 is this one alone. benchmarks/many_objects.py measures what they gain.
    """

    appearance: AppearanceConfig = AppearanceConfig()
    object_side: float = 110.0
    search: int = 30
    prior_slope: float = 6.0
    prior_inside: float = 2.0
    prior_outside: float = 6.0
    touched_weight: float = 2.0
    coarsest: int = 4
    stray_support: float = 0.3
    stray_gap: float = 0.3
    stray_distance: float = 0.5
    relevel: float = 1.5
    collapse: float = 0.2
    found_score: float = 0.5
    found_looks: int = 2
    processes: int = 0

    def __post_init__(self) -> None:
        """Check ranges."""
        _check("object_side", self.object_side, 8, 1000)
        _check("search", self.search, 1, 1000)
        _check("prior_slope", self.prior_slope, 0.1, 1000)
        _check("prior_inside", self.prior_inside, 0, 100)
        _check("prior_outside", self.prior_outside, 0, 100)
        _check("touched_weight", self.touched_weight, 0, 100)
        _check("coarsest", self.coarsest, 0, 8)
        _check("relevel", self.relevel, 1.1, 10)
        for name in ("stray_gap", "stray_distance"):
            _check(name, getattr(self, name), 0, 100)
        for name in ("stray_support", "collapse", "found_score"):
            _check(name, getattr(self, name), 0, 1)
        _check("found_looks", self.found_looks, 1, 1000)
        _check("processes", self.processes, 0, 64)


REPROMPT_MODES = ("auto", "on", "off")
CLOCK_MODE = "clock"
"""A mode of re-prompting for comparisons alone: it asks whether a track is doubted or not."""
OVERLAP_RULES = ("first", "keep")
CUT_RULES = ("reacquire", "end", "ignore")
DIRECTIONS = ("forward", "backward", "both")


@dataclass(frozen=True, kw_only=True)
class RepromptConfig:
    """When the segmenter is asked again about a track, and when its answer is believed.

    `benchmarks/settings.py` measures each against a lower and a higher value
    (benchmarks/results/settings.json).
    `clock_frames` is not: it makes a baseline, at a number of calls to be compared with.

    Attributes:
        mode: "off" never asks; "on" judges answers by `accept_predicted_iou` and `evidence_gain`
            as they are here; "auto" lets the build choose these two and
            `answer_share` by the segmenter; "clock" asks about every track every `clock_frames`
            frames and at no other time, to compare with at equal numbers of calls.
        below: About what an answer is worth: what a track's confidence lacks of it is its doubt on
            a frame.
        patience: Doubt, added up over the frames since a track's mask was last known, at which it
            is asked about. If errors grow evenly from a known mask on, asking at the same sum each
            time is the best use of a number of questions.
        cooldown_frames: Least number of frames from an accepted answer to the next question about
            a track: where it is bad throughout, a sooner one gives little.
        retry_frames: The same from a rejected one, which has mended nothing; doubled after each
            further one, at most sixteenfold.
        longest_interval: Frames after which a track is asked about even if it is sure; 0 never.
        budget: Questions per track per 100 frames, in the long run.
        saved_frames: Frames whose budget may be saved up while a track is sure. It begins with that
            much, and never less than one question.
        box_growth: Share of its side by which the carried mask's box is grown on each side.
        accept_iou: Least IoU of an answer with the carried mask, where that is sure; where it is
            not, less in proportion to its confidence, down to half.
        accept_predicted_iou: Least predicted IoU of an answer.
        evidence_gain: How much better than the carried mask an answer must fit what the object has
            looked like (difference of mean appearance probability inside minus around).
        answer_share: Of an accepted answer in the mask that is kept; the rest is the carried one.
        clock_frames: Frames from one question to the next in mode "clock", counted from a track's
            first; budget and cooldown do not count there.
    """

    mode: str = "auto"
    below: float = 0.9
    patience: float = 0.7
    cooldown_frames: int = 5
    retry_frames: int = 2
    longest_interval: int = 0
    budget: float = 15.0
    saved_frames: int = 60
    box_growth: float = 0.1
    accept_iou: float = 0.35
    accept_predicted_iou: float = 0.8
    evidence_gain: float = 0.0
    answer_share: float = 1.0
    clock_frames: int = 10

    def __post_init__(self) -> None:
        """Check names and ranges."""
        if self.mode not in (*REPROMPT_MODES, CLOCK_MODE):
            raise ConfigError(f"reprompt is one of {', '.join(REPROMPT_MODES)}, got {self.mode!r}")
        _check("below", self.below, 0, 1)
        _check("patience", self.patience, 0, 1000)
        _check("budget", self.budget, 0, 100)
        _check("saved_frames", self.saved_frames, 0, 1_000_000)
        for name in ("cooldown_frames", "retry_frames"):
            _check(name, getattr(self, name), 1, 10000)
        _check("longest_interval", self.longest_interval, 0, 1_000_000)
        _check("clock_frames", self.clock_frames, 1, 10000)
        _check("box_growth", self.box_growth, 0, 2)
        _check("evidence_gain", self.evidence_gain, -2, 2)
        _check("answer_share", self.answer_share, 0, 1)
        _check("accept_iou", self.accept_iou, 0, 1)
        _check("accept_predicted_iou", self.accept_predicted_iou, 0, 1)


@dataclass(frozen=True, kw_only=True)
class LookBackConfig:
    """Mending the frames before a correction.

    `benchmarks/settings.py` measures each against a lower and a higher value
    (benchmarks/results/settings.json).

    Attributes:
        frames: Most frames held back and mended; 0 never looks back. Each costs the memory of a
            frame.
        sure_above: A track's doubtful stretch begins after the last frame of this confidence, or
            after the last on which it was corrected.
        agree_above: A correction that has this IoU with what was carried mends nothing.
        stop_below: Carried backwards, an object is followed down to this confidence.
    """

    frames: int = 24
    sure_above: float = 0.9
    agree_above: float = 0.9
    stop_below: float = 0.4

    def __post_init__(self) -> None:
        """Check ranges."""
        _check("frames", self.frames, 0, 1000)
        for name in ("sure_above", "agree_above", "stop_below"):
            _check(name, getattr(self, name), 0, 1)


@dataclass(frozen=True, kw_only=True)
class TrackerConfig:
    """The tracker's own rules.

    `benchmarks/settings.py` measures each against a lower and a higher value
    (benchmarks/results/settings.json).
    `weak_below` is not: it gives a state its name, and no mask depends on it.

    Attributes:
        reprompt: Asking the segmenter again.
        look_back: Mending what came before a correction.
        overlaps: "first": a contested pixel belongs to the object that was prompted on the
            earlier frame, and among those of one frame to the surer one; "keep": masks may overlap.
        cuts: What a scene cut does: "reacquire" looks for every object in the new shot, "end" ends
            every track, "ignore" does not look for cuts.
        weak_below: A track is weak under this confidence, and confirmed again 0.05 above it.
        lost_below: A track is lost after lost_frames frames under this confidence.
        lost_frames: See lost_below.
        strange_below: The same becomes of a track that is weak by itself while its mask is less
            like the object than this in colours, size and shape, 0 to 1: something else has got
            its name. Of 14 such frames on five DAVIS sequences (`--segmenter none`) none had an IoU
            over 0.2; of those more like it most are right. 0 never asks.
        smallest_area: A mask of fewer pixels counts as not visible.
    """

    reprompt: RepromptConfig = RepromptConfig()
    look_back: LookBackConfig = LookBackConfig()
    overlaps: str = "first"
    cuts: str = "reacquire"
    weak_below: float = 0.55
    lost_below: float = 0.2
    lost_frames: int = 5
    strange_below: float = 0.3
    smallest_area: int = 12

    def __post_init__(self) -> None:
        """Check names and ranges."""
        if self.overlaps not in OVERLAP_RULES:
            raise ConfigError(
                f"overlaps is one of {', '.join(OVERLAP_RULES)}, got {self.overlaps!r}"
            )
        if self.cuts not in CUT_RULES:
            raise ConfigError(f"cuts is one of {', '.join(CUT_RULES)}, got {self.cuts!r}")
        _check("weak_below", self.weak_below, 0, 1)
        _check("lost_below", self.lost_below, 0, 1)
        _check("strange_below", self.strange_below, 0, 1)
        _check("lost_frames", self.lost_frames, 1, 10000)
        _check("smallest_area", self.smallest_area, 1, 2**31)


GRANULARITIES = ("all", "whole", "part", "subpart")


@dataclass(frozen=True, kw_only=True)
class GridConfig:
    """Masks of everything from a grid of clicks. The defaults are segment-anything's.

    Attributes:
        points_per_side: Clicks along each side of the picture.
        points_per_batch: Clicks decoded together; bounds memory.
        predicted_iou: Least predicted IoU of a mask.
        stability: Least stability score of a mask: the IoU of what it is at stricter and laxer
            thresholds.
        stability_offset: How far those thresholds are from 0, in logits.
        box_nms: Of two masks of one crop whose boxes have a higher IoU, the one predicted worse
            is dropped.
        crop_layers: Layers of crops looked at besides the picture; layer n has (2^n)^2 crops.
        crop_nms: As box_nms, for masks of different crops: the one of the larger crop is dropped.
        crop_overlap: How far the crops of the first layer overlap, as a share of the short side.
        crop_points_divisor: Layer n has points_per_side / this^n clicks along each side of a crop.
        min_region_area: Holes and islands of masks smaller than this are removed; 0 keeps them.
        min_area: Smaller masks are dropped, in pixels.
        max_area: Larger masks are dropped, as a share of the picture.
        granularity: "all" keeps every mask; "whole" the largest of each click and of those not
            inside another; "part" the middle one, one level inside what is whole; "subpart" the
            smallest, of those that hold no other.
    """

    points_per_side: int = 32
    points_per_batch: int = 64
    predicted_iou: float = 0.88
    stability: float = 0.95
    stability_offset: float = 1.0
    box_nms: float = 0.7
    crop_layers: int = 0
    crop_nms: float = 0.7
    crop_overlap: float = 512 / 1500
    crop_points_divisor: int = 1
    min_region_area: int = 0
    min_area: int = 0
    max_area: float = 1.0
    granularity: str = "all"

    def __post_init__(self) -> None:
        """Check names and ranges."""
        if self.granularity not in GRANULARITIES:
            raise ConfigError(
                f"granularity is one of {', '.join(GRANULARITIES)}, got {self.granularity!r}"
            )
        _check("points_per_side", self.points_per_side, 1, 1024)
        _check("points_per_batch", self.points_per_batch, 1, 4096)
        _check("crop_layers", self.crop_layers, 0, 5)
        _check("crop_points_divisor", self.crop_points_divisor, 1, 1024)
        _check("stability_offset", self.stability_offset, 0, 100)
        for name in ("min_region_area", "min_area"):
            _check(name, getattr(self, name), 0, 2**31)
        for name in (
            "predicted_iou",
            "stability",
            "box_nms",
            "crop_nms",
            "crop_overlap",
            "max_area",
        ):
            _check(name, getattr(self, name), 0, 1)


@dataclass(frozen=True, kw_only=True)
class RegionConfig:
    """Objects proposed without a trained network.

    Attributes:
        candidates: Regions of a picture whose boxes the segmenter is asked about, likeliest first.
        clicks: How many of them it is asked about with a click in their middle as well; 0 for none.
            GrabCut, which a click tells little, is asked about none.
        max_regions: Most that are kept.
        least_score: Least estimated chance, 0 to 1, that a region is an object.
        least_moving_score: Least predicted IoU of what is proposed because it moves. The embedded
            segmenters give marks on the road, poles and shadows .25 to .5, players and cars .5
            to .9.
        mask_nms: Of two masks with a higher IoU the worse is dropped.
        fragment_share: A mask of which a better one covers this share is dropped ...
        part_share: ... unless its area is less than this share of that one's: then it is a part.
        min_area: Smaller masks are dropped, in pixels.
        max_area: Larger masks are dropped, as a share of the picture.
        least_motion: Of what moves by itself, in thousandths of the long side a frame.
    """

    candidates: int = 60
    clicks: int = 60
    max_regions: int = 40
    least_score: float = 0.2
    least_moving_score: float = 0.5
    mask_nms: float = 0.5
    fragment_share: float = 0.7
    part_share: float = 0.3
    min_area: int = 100
    max_area: float = 0.5
    least_motion: float = 1.5

    def __post_init__(self) -> None:
        """Check ranges."""
        _check("candidates", self.candidates, 1, 10_000)
        _check("clicks", self.clicks, 0, 10_000)
        _check("max_regions", self.max_regions, 1, 10_000)
        _check("min_area", self.min_area, 0, 2**31)
        _check("least_motion", self.least_motion, 0.1, 1000)
        for name in (
            "least_score",
            "least_moving_score",
            "mask_nms",
            "fragment_share",
            "part_share",
            "max_area",
        ):
            _check(name, getattr(self, name), 0, 1)


@dataclass(frozen=True, kw_only=True)
class DiscoveryConfig:
    """Objects that nobody prompted: when they are looked for, and which become tracks.

    Attributes:
        is_on: Whether new objects are looked for.
        everything: Whether all that is seen on the first frame is tracked.
        motion_only: Whether only what moves by itself is looked for.
        still_regions: Whether what does not move is looked for with segmenters that are not made
            for it, as SAM is. In the drawn hall most of that was pieces of the floor, and shirts
            without their players.
        every_frames: Frames from one look to the next; a cut, or more that moves and is not
            tracked, brings one sooner.
        still_looks: At every so many looks the whole picture is searched, for what does not move
            as well, which takes twenty times as long. The segmenter is asked about what it found
            at the looks between.
        looks: Looks at which something must be seen to become a track.
        link_iou: Least IoU of what is seen with what was seen at the look before, carried here. Of
            who sprints it is .4 with the legs once apart and once together.
        max_covered: Share of something new that tracks may cover.
        min_area: Smaller things are not taken, in pixels.
        max_area: Larger ones neither, as a share of the picture.
        max_objects: Most objects followed at a time, prompted ones included.
        zones: Polygons in pixels of the source, as "X,Y X,Y X,Y ..."; what has less than half of
            itself in them is not taken. None is everywhere.
        growth: A look comes sooner where what moves and is not tracked grew by this share of the
            picture.
        return_support: How well something must fit the looks of a lost object, in [-1, 1], to be
            that object.
        forget_frames: A discovered object that was not seen for so many frames ends.
        grid: Settings of the grid of clicks, which SAM is asked with.
        regions: Settings of the proposers for other segmenters.
    """

    is_on: bool = False
    everything: bool = False
    motion_only: bool = False
    still_regions: bool = False
    every_frames: int = 6
    still_looks: int = 8
    looks: int = 3
    link_iou: float = 0.35
    max_covered: float = 0.2
    min_area: int = 200
    max_area: float = 0.25
    max_objects: int = 50
    zones: tuple[str, ...] = ()
    growth: float = 0.003
    return_support: float = 0.4
    forget_frames: int = 250
    grid: GridConfig = GridConfig(granularity="whole")
    regions: RegionConfig = RegionConfig()

    def __post_init__(self) -> None:
        """Check ranges and polygons."""
        _check("every_frames", self.every_frames, 1, 10_000)
        _check("still_looks", self.still_looks, 1, 10_000)
        _check("looks", self.looks, 1, 100)
        _check("min_area", self.min_area, 1, 2**31)
        _check("max_objects", self.max_objects, 1, 65_535)
        _check("forget_frames", self.forget_frames, 1, 1_000_000)
        _check("return_support", self.return_support, -1, 1)
        for name in ("link_iou", "max_covered", "max_area", "growth"):
            _check(name, getattr(self, name), 0, 1)
        for zone in self.zones:
            parse_zone(zone)

    @property
    def is_needed(self) -> bool:
        """Whether anything is looked for at all."""
        return self.is_on or self.everything


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything a run can be told, as it is written into its manifest.

    Attributes:
        segmenter: A name, or "auto" for the best whose weights are present.
        seed: Fixes every random choice.
        direction: Where objects are followed from their first prompts on: forward to the end of
            the video; backward to its beginning, and no further than the prompt; both. Backwards
            needs a run folder, and reads and tracks again what lies before the prompts.
    """

    segmenter: str = "auto"
    seed: int = 0
    direction: str = "forward"
    read: ReadConfig = ReadConfig()
    write: WriteConfig = WriteConfig()
    style: StyleConfig = StyleConfig()
    tracker: TrackerConfig = TrackerConfig()
    propagator: PropagatorConfig = PropagatorConfig()
    discovery: DiscoveryConfig = DiscoveryConfig()

    def __post_init__(self) -> None:
        """Check the direction."""
        if self.direction not in DIRECTIONS:
            raise ConfigError(
                f"direction is one of {', '.join(DIRECTIONS)}, got {self.direction!r}"
            )


# --- Settings from a file ---------------------------------------------------------------------


def load_config(path: Path) -> RunConfig:
    """The settings of a TOML file; what it does not say keeps its default.

    Top-level keys are those of RunConfig, its parts are tables: [read], [tracker.reprompt].

    Raises:
        ConfigError: If the file cannot be read, or a setting is unknown, of the wrong type or out
            of range.
    """
    values = read_settings(path)
    try:
        return with_values(RunConfig(), values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def read_settings(path: Path) -> dict[str, Any]:
    """What a TOML file says, unchecked, for `with_values`.

    Raises:
        ConfigError: If the file cannot be read or is not TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not TOML ({error})") from error


def with_values(config: C, values: Mapping[str, Any], *, table: str = "") -> C:
    """A copy of a config with other values, nested as in a TOML file.

    Args:
        config: Any of the dataclasses here.
        values: By attribute; those of a part are a mapping.
        table: What messages call it; "" is the top level.

    Raises:
        ConfigError: If a setting is unknown, of the wrong type or out of range.
    """
    allowed = [one.name for one in fields(config)]
    changed: dict[str, Any] = {}
    for key, value in values.items():
        place = f"{table}.{key}" if table else key
        if key not in allowed:
            where = f"[{table}]" if table else "the top level"
            raise ConfigError(f"unknown setting {place}; {where} has {', '.join(allowed)}")
        changed[key] = _fitted(getattr(config, key), value, place)
    return replace(config, **changed)


def _fitted(default: Any, value: Any, place: str) -> Any:
    """A value as the type of a default."""
    if is_dataclass(default) and not isinstance(default, type):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{place} is a table, got {value!r}")
        return with_values(default, value, table=place)
    if isinstance(default, tuple):
        if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            return tuple(value)
        raise ConfigError(f"{place} is a list of texts, got {value!r}")
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    if type(default) is float and type(value) is int:
        return float(value)
    if type(default) in kinds and type(value) is not type(default):
        raise ConfigError(f"{place} is {kinds[type(default)]}, got {value!r}")
    return value

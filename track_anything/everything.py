"""Everything on one picture: `segment_everything` reads it and returns all that may be objects."""

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from track_anything.build import build_segmenter, choose_segmenter
from track_anything.config import GRANULARITIES, GridConfig, ReadConfig, RegionConfig
from track_anything.errors import ConfigError, VideoError
from track_anything.interfaces import ClickSegmenter, Segmenter
from track_anything.io.sources import open_source
from track_anything.prompts import Moment, TimeCode, as_moment
from track_anything.proposers.grid import GridProposer
from track_anything.proposers.motion import MotionProposer
from track_anything.proposers.region import Region
from track_anything.proposers.regions import RegionProposer
from track_anything.proposers.suppression import of_level
from track_anything.segmentation import array_frame
from track_anything.structures import Frame, Image, Mask

PROPOSERS = ("auto", "grid", "regions", "motion")
_BEFORE = Fraction(1, 2)
"""Seconds before a moment from which the frame before it is looked for."""
_GRID = GridConfig()
_REGIONS = RegionConfig()

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Everything:
    """What was found on one picture.

    Attributes:
        input: As given; "" for an array.
        segmenter: Its name.
        reason: Why that one, in one line.
        proposer: grid, regions or motion.
        frame: The picture.
        regions: Largest first: those on top of others have the higher ids, which count from 1.
    """

    input: str
    segmenter: str
    reason: str
    proposer: str
    frame: Frame
    regions: Sequence[Region]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON; boxes and masks are in pixels of the picture as it was segmented."""
        height, width = self.frame.image.shape[:2]
        return {
            "input": self.input,
            "time": float(self.frame.time),
            "width": width,
            "height": height,
            "segmenter": self.segmenter,
            "proposer": self.proposer,
            "objects": [
                {"id": number, **region.to_dict()}
                for number, region in enumerate(self.regions, start=1)
            ],
        }


def segment_everything(
    picture: str | Path | Image,
    *,
    at: Moment | None = None,
    segmenter: str | Segmenter = "auto",
    proposer: str = "auto",
    grid: GridConfig = _GRID,
    regions: RegionConfig = _REGIONS,
    granularity: str = "all",
    area: Mask | None = None,
    device: str = "auto",
    max_side: int = 0,
    seed: int = 0,
) -> Everything:
    """Segment everything on one picture, or on one frame of a video.

    Args:
        picture: A file that `track` would take, or an image in the standard form.
        at: Which frame of a video; None is the first, with "motion" the second.
        segmenter: A name as on the command line, the path of a checkpoint, or a segmenter.
        proposer: "grid" clicks everywhere; "regions" asks about what edges close; "motion" about
            what moved since the frame before. "auto" is the grid where the segmenter is made for
            it, as SAM is, else regions.
        grid: Settings of "grid".
        regions: Settings of the others.
        granularity: Which masks of those that lie in one another are kept: all, whole, part or
            subpart.
        area: Only what is there is looked for; None is everywhere.
        device: Where a segmenter with weights runs: auto, cpu, cuda, mps.
        max_side: Scale the picture down to this longest side; 0 keeps the size.
        seed: Fixes every random choice.

    Raises:
        VideoError: If the picture cannot be read.
        ConfigError: If a setting does not fit.
        WeightsError: If the segmenter's weights are not here.
    """
    if proposer not in PROPOSERS:
        raise ConfigError(f"proposer is one of {', '.join(PROPOSERS)}, got {proposer!r}")
    if granularity not in GRANULARITIES:
        raise ConfigError(f"granularity is one of {', '.join(GRANULARITIES)}, got {granularity!r}")
    chosen, reason = choose_segmenter(segmenter) if isinstance(segmenter, str) else (None, "given")
    path, frames = _frames(picture, as_moment(at), max_side, with_previous=proposer == "motion")
    if area is not None and area.shape != frames[-1].image.shape[:2]:
        (height, width), size = area.shape, frames[-1].image.shape
        raise ConfigError(f"the area is {width}x{height}, the picture {size[1]}x{size[0]}")
    asked = build_segmenter(chosen, seed=seed, device=device) if chosen is not None else segmenter
    if asked is None or isinstance(asked, str):
        raise ConfigError("everything needs a segmenter: choose another than none")
    if proposer == "auto":
        proposer = "grid" if isinstance(asked, ClickSegmenter) else "regions"
    found: Sequence[Region]
    if proposer == "grid":
        settings = replace(grid, granularity=granularity)
        found = GridProposer(asked, config=settings).regions(frames[-1], area=area)
    elif proposer == "regions":
        found = RegionProposer(asked, config=regions).regions(frames[-1], area=area)
    else:
        found = _moving(MotionProposer(asked, config=regions), frames, area)
    if proposer != "grid":
        found = of_level(found, granularity)
    return Everything(
        input=path,
        segmenter=asked.name,
        reason=reason,
        proposer=proposer,
        frame=replace(frames[-1], index=0),
        regions=sorted(found, key=lambda region: -region.area),
    )


def _moving(proposer: MotionProposer, frames: Sequence[Frame], area: Mask | None) -> list[Region]:
    for frame in frames[:-1]:
        proposer.look(frame)
    return proposer.regions(frames[-1], area=area)


def _frames(
    picture: str | Path | Image, at: TimeCode | None, max_side: int, *, with_previous: bool
) -> tuple[str, list[Frame]]:
    """The path, and the frame asked for, after the one before it if that is wanted."""
    if isinstance(picture, np.ndarray):
        alone = array_frame(picture, max_side=max_side)
        if with_previous:
            raise ConfigError("motion is seen between two frames: give a video, or other proposers")
        return "", [alone]
    at = at or TimeCode(frame_index=int(with_previous))
    start: dict[str, Any] = {}
    if at.seconds is not None:
        start["start"] = max(at.seconds - _BEFORE, Fraction(0)) if with_previous else at.seconds
    elif at.frame_index:
        start["start_frame"] = at.frame_index - int(with_previous)
    config = ReadConfig(max_side=max_side, prefetch_frames=0)
    with closing(open_source(picture, config=config, **start)) as source:
        before: Frame | None = None
        for frame in source:
            if not with_previous:
                return source.info.path, [frame]
            is_reached = frame.time >= at.seconds if at.seconds is not None else bool(before)
            if is_reached or not (at.seconds or at.frame_index):
                break
            before = frame
        else:
            if with_previous:
                raise _no_motion(picture, at)
            raise VideoError(f"{picture}: no picture at {at}")
    if before is None:
        raise _no_motion(picture, at)
    return source.info.path, [before, frame]


def _no_motion(picture: str | Path, at: TimeCode) -> VideoError:
    return VideoError(
        f"{picture}: motion is seen against the frame before, and there is no frame before {at}; "
        "name a later one of a video, or another proposer"
    )

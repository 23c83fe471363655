"""Discovery on the drawn sample clip, where it is known who is at every pixel."""

import runpy
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from track_anything.build import (
    SEGMENTERS,
    build_segmenter,
    build_tracker,
    resolved_config,
)
from track_anything.config import (
    AppearanceConfig,
    DiscoveryConfig,
    PropagatorConfig,
    RunConfig,
    TrackerConfig,
)
from track_anything.masks import mask_iou
from track_anything.structures import EventKind, Frame, FrameResult, Prompt, VideoInfo
from track_anything.tracking.flow_tracker import FlowTracker

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
SIZE, RATE = (360, 640), 25
FIRST, WHOLE, COUNT = 54, 72, 40
"""The first frame drawn; the first on which the late player is seen whole; how many are drawn."""
RED_10, LATE = 3, 7
"""Ids of the drawing."""
APPEARANCE = AppearanceConfig(hidden=16, first_steps=60, steps=3, key_steps=15, batch=256)
CONFIG = RunConfig(
    propagator=PropagatorConfig(appearance=APPEARANCE),
    tracker=replace(TrackerConfig(), look_back=replace(TrackerConfig().look_back, frames=0)),
    discovery=DiscoveryConfig(is_on=True),
)

Labels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def frames() -> list[tuple[Frame, Labels]]:
    """Every frame with its label map, numbered from 0."""
    module: dict[str, Any] = runpy.run_path(str(SAMPLES / "make_clip.py"))
    scene = module["Scene"](SIZE, 0)
    drawn = []
    for index in range(COUNT):
        image, labels = scene.draw((FIRST + index) / RATE, FIRST + index)
        drawn.append((Frame(index, Fraction(index, RATE), image), labels))
    return drawn


@pytest.fixture(scope="module")
def found(frames: list[tuple[Frame, Labels]]) -> list[FrameResult]:
    """The clip with one player prompted, everybody else to be discovered."""
    spec = SEGMENTERS["compact"]
    config = resolved_config(CONFIG, spec)
    tracker = build_tracker(config, build_segmenter(spec), first_free_id=2)
    tracker.start(VideoInfo(width=SIZE[1], height=SIZE[0]))
    prompt = Prompt(mask=np.asarray(frames[0][1] == RED_10), track_id=1)
    out: list[FrameResult] = []
    for frame, _ in frames:
        out += tracker.step(frame, [prompt] if frame.index == 0 else ())
    return out


def born(found: list[FrameResult]) -> Iterator[tuple[int, int, NDArray[np.bool_]]]:
    """(frame, track_id, mask) of everything that was discovered."""
    for result in found:
        masks = {one.track_id: one.mask for one in result.objects}
        for event in result.events:
            if event.kind is EventKind.DISCOVERED:
                yield result.frame.index, event.track_id, masks[event.track_id]


def test_the_late_player_is_found_within_a_second_under_a_new_id(
    frames: list[tuple[Frame, Labels]], found: list[FrameResult]
) -> None:
    late = [
        (frame, track_id)
        for frame, track_id, mask in born(found)
        if mask_iou(mask, frames[frame][1] == LATE) > 0.7
    ]
    ((frame, track_id),) = late
    assert FIRST + frame <= WHOLE + RATE
    assert track_id not in {one.track_id for one in found[frame - 1].objects}
    last = {one.track_id: one.mask for one in found[-1].objects}[track_id]
    assert mask_iou(last, frames[-1][1] == LATE) > 0.7


def test_what_is_discovered_is_one_whole_player_each_and_never_the_prompted_one(
    frames: list[tuple[Frame, Labels]], found: list[FrameResult]
) -> None:
    whose: list[int] = []
    for frame, _, mask in born(found):
        labels = frames[frame][1]
        shares = np.bincount(labels[mask], minlength=10) / mask.sum()
        who = int(np.argmax(shares[1:])) + 1
        # Not fused with another one, and not a fragment.
        assert shares[who] > 0.75, (frame, shares)
        assert sorted(shares[1:])[-2] < 0.1
        assert (mask & (labels == who)).sum() > 0.75 * (labels == who).sum()
        whose.append(who)
    assert RED_10 not in whose
    assert len(whose) == len(set(whose)) >= 2


def test_ids_are_given_once_and_the_prompted_player_is_as_without_discovery(
    frames: list[tuple[Frame, Labels]], found: list[FrameResult]
) -> None:
    ids = [track_id for _, track_id, _ in born(found)]
    assert ids == list(range(2, 2 + len(ids)))
    spec = SEGMENTERS["compact"]
    config = resolved_config(replace(CONFIG, discovery=DiscoveryConfig()), spec)
    alone = build_tracker(config, build_segmenter(spec))
    assert isinstance(alone, FlowTracker)
    alone.start(VideoInfo(width=SIZE[1], height=SIZE[0]))
    prompt = Prompt(mask=np.asarray(frames[0][1] == RED_10), track_id=1)
    for frame, _ in frames:
        (result,) = alone.step(frame, [prompt] if frame.index == 0 else ())
        np.testing.assert_array_equal(result.objects[0].mask, found[frame.index].objects[0].mask)

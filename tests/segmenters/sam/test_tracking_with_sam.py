from pathlib import Path

from track_anything.config import RepromptConfig, TrackerConfig
from track_anything.masks import mask_iou
from track_anything.segmenters.sam.segmenter import SamSegmenter
from track_anything.structures import EventKind, Prompt
from track_anything.testing import MovingSquare
from track_anything.tracking.flow_tracker import FlowTracker
from track_anything.tracking.propagator import FlowAppearancePropagator


def test_a_track_survives_a_network_that_answers_at_random(tiny_path: Path) -> None:
    """The checkpoint is untrained: every answer of it must be judged and turned down."""
    video = MovingSquare(frame_count=12, side=32)
    asked_often = RepromptConfig(mode="on", longest_interval=2, cooldown_frames=1, budget=100)
    tracker = FlowTracker(
        FlowAppearancePropagator(),
        SamSegmenter(tiny_path, device="cpu"),
        config=TrackerConfig(reprompt=asked_often),
    )
    tracker.start(video.info)
    events = []
    for frame in video:
        prompts = [Prompt(mask=video.truth(0), track_id=1)] if frame.index == 0 else []
        for result in tracker.step(frame, prompts):
            events += [event.kind for event in result.events]
            (found,) = result.objects
            assert mask_iou(found.mask, video.truth(frame.index)) > 0.8
    assert EventKind.REJECTED in events
    assert EventKind.REPROMPTED not in events

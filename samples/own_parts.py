"""Put the parts together by hand: a source, a tracker, prompts and a sink of one's own.

    python samples/own_parts.py

Every part here stands in a socket of `track_anything.interfaces`: put your own camera, network or
database in its place.
"""

from track_anything import FlowAppearancePropagator, FlowTracker, FrameResult, Prompt
from track_anything.prompts import PromptSchedule
from track_anything.run import run
from track_anything.testing import MovingSquare, ThresholdSegmenter


class PathSink:
    """A sink that keeps where the first object went: the middle of its box on every frame."""

    def __init__(self) -> None:
        """Begin with an empty path."""
        self.path: list[tuple[float, float]] = []

    def write(self, result: FrameResult) -> None:
        """Add a frame."""
        for each in result.objects[:1]:
            x_min, y_min, x_max, y_max = each.box
            self.path.append((float(x_min + x_max) / 2, float(y_min + y_max) / 2))

    def close(self) -> None:
        """Tell the whole path."""
        print(" ".join(f"({x:.0f}, {y:.0f})" for x, y in self.path))

    def abort(self) -> None:
        """Tell how far it got."""
        print(f"stopped after {len(self.path)} frames")


def main() -> None:
    """Follow a drawn square with a segmenter that takes bright pixels."""
    source = MovingSquare(frame_count=10)
    tracker = FlowTracker(FlowAppearancePropagator(seed=0), ThresholdSegmenter())
    prompts = PromptSchedule.from_frames({0: [Prompt(box=source.box(0), label="square")]})
    run(source, tracker, prompts, [PathSink()])


if __name__ == "__main__":
    main()

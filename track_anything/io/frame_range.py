"""Which part of a video is read."""

from dataclasses import dataclass
from fractions import Fraction

from track_anything.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRange:
    """A part of a video by time or by number of frames: start in, end out.

    Attributes:
        start: Seconds in the source's own time; None from the first frame.
        end: As start, exclusive; None to the last frame.
        start_frame: Frames to skip, instead of start.
        end_frame: Number of the first frame left out, instead of end.

    Raises:
        ConfigError: If it is empty, negative or given twice.
    """

    start: Fraction | None = None
    end: Fraction | None = None
    start_frame: int | None = None
    end_frame: int | None = None

    def __post_init__(self) -> None:
        """Check the order."""
        if self.start is not None and self.start_frame is not None:
            raise ConfigError("the start of a range is a time or a frame, not both")
        if self.end is not None and self.end_frame is not None:
            raise ConfigError("the end of a range is a time or a frame, not both")
        first = self.start_frame or 0
        if first < 0:
            raise ConfigError(f"a range starts at frame 0 or later, got {first}")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ConfigError(
                f"the range ends at {float(self.end):g} s, not after its start at "
                f"{float(self.start):g} s"
            )
        if self.end_frame is not None and self.end_frame <= first:
            raise ConfigError(
                f"the range ends at frame {self.end_frame}, not after its start at frame {first}"
            )

    def is_before(self, number: int, time: Fraction, rate: Fraction) -> bool:
        """Whether the frame of that number and time, of so many a second, is before the range."""
        if self.start is not None:
            return time < self.start - _tolerance(rate)
        return number < (self.start_frame or 0)

    def is_past(self, number: int, time: Fraction, rate: Fraction) -> bool:
        """Whether the frame of that number and time, of so many a second, is after the range."""
        if self.end is not None:
            return time >= self.end - _tolerance(rate)
        return self.end_frame is not None and number >= self.end_frame

    def why_empty(self, frame_count: int, last_time: Fraction) -> str:
        """Why none of frame_count frames, the last at last_time, is in the range."""
        if self.start_frame is not None and self.start_frame >= frame_count:
            return f"the range starts at frame {self.start_frame} of {frame_count} frames"
        if self.start is not None and self.start > last_time:
            return (
                f"the range starts at {float(self.start):g} s, but the last frame is at "
                f"{float(last_time):.3f} s"
            )
        return f"no frame is in the range; the next one after it is at {float(last_time):.3f} s"

    def expected(
        self, first: Fraction, end: Fraction | None, count: int | None, rate: Fraction
    ) -> tuple[Fraction | None, int | None]:
        """Duration and frame count to expect of the range; None where unknown.

        Args:
            first: Time of its first frame.
            end: End of the whole video.
            count: Frames of the whole video.
            rate: Frames per second.
        """
        if self.end is not None:
            end = self.end if end is None else min(self.end, end)
        duration = None if end is None or end <= first else end - first
        if self.start is not None or self.end is not None or count is None:
            count = None if duration is None else max(1, round(duration * rate))
        elif self.start_frame:
            count = max(1, count - self.start_frame)
        if self.end_frame is not None:
            # With a start in seconds the number of its first frame is not known without decoding.
            most = self.end_frame - (self.start_frame or 0)
            count = most if count is None else min(count, most)
            duration = count / rate
        return duration, count


def _tolerance(rate: Fraction) -> Fraction:
    """Users type 8.342 for 8.341666...: the frame they mean is in."""
    return min(Fraction(1, 1000), 1 / (10 * rate))

"""Which objects and frames of a run are exported, and the pictures that belong to them."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from track_anything.errors import ConfigError, VideoError
from track_anything.interfaces import FrameSource
from track_anything.io.frame_range import FrameRange
from track_anything.io.run_store import RunStore, StoredTrack
from track_anything.prompts import TimeCode
from track_anything.structures import Frame, FrameResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A part of a run.

    Attributes:
        track_ids: None for all.
        start: Index of the first frame.
        stop: Past the last one.
        stride: Every how manieth frame, from the first.
    """

    track_ids: frozenset[int] | None
    start: int
    stop: int
    stride: int

    @property
    def frame_count(self) -> int:
        """Frames in it."""
        return len(range(self.start, self.stop, self.stride))

    @property
    def last(self) -> int:
        """Index of the last frame."""
        return range(self.start, self.stop, self.stride)[-1]


def select(
    store: RunStore,
    *,
    objects: Sequence[int | str] = (),
    start: TimeCode | None = None,
    end: TimeCode | None = None,
    stride: int = 1,
) -> Selection:
    """The part of a run that is asked for.

    Args:
        store: The run.
        objects: Ids or names, as `chosen_ids` takes them; none for all.
        start: First moment: seconds of the source's clock, or the index of a frame of the run.
        end: First moment left out.
        stride: Every how manieth frame.

    Raises:
        ConfigError: If there is no such object, or no frame in the range.
    """
    if stride < 1:
        raise ConfigError(f"stride is 1 or more, got {stride}")
    chosen = _frame_range(start, end)
    count, rate = store.frame_count, store.info.frame_rate
    if not count:
        raise ConfigError("the run has no frames yet")

    def first(is_reached: Callable[[int, Fraction], bool]) -> int:
        def key(index: int) -> bool:
            return is_reached(index, _time(store, index))

        return bisect_left(range(count), True, key=key)

    low = first(lambda index, time: not chosen.is_before(index, time, rate))
    high = first(lambda index, time: chosen.is_past(index, time, rate))
    if low >= high:
        raise ConfigError(
            f"no frame of the run is in the range: it has frames 0 to {count - 1}, from "
            f"{float(_time(store, 0)):.3f} to {float(_time(store, count - 1)):.3f} s"
        )
    ids = None if not objects else chosen_ids(store.tracks, objects)
    return Selection(track_ids=ids, start=low, stop=high, stride=stride)


def chosen_ids(tracks: Sequence[StoredTrack], objects: Sequence[int | str]) -> frozenset[int]:
    """The ids of the objects asked for.

    Args:
        tracks: All there are.
        objects: An id; or a text: an id, "#" and an id, or a name, which may have several objects.

    Raises:
        ConfigError: If one is not there, or a text is the id of one object and the name of another.
    """
    chosen: set[int] = set()
    for one in objects:
        text = str(one)
        by_id = {track.track_id for track in tracks if text.lstrip("#") == str(track.track_id)}
        by_name = {track.track_id for track in tracks if track.label == text}
        if isinstance(one, int) or text.startswith("#"):
            by_name = set() if by_id else by_name
        if by_id and by_name - by_id:
            other = ", ".join(f"#{each}" for each in sorted(by_name))
            raise ConfigError(f"{text} is an id, and the name of {other}: write #{text} or {other}")
        if not by_id | by_name:
            known = ", ".join(f"{each.track_id} {each.label}".strip() for each in tracks)
            raise ConfigError(f"the run has no object {text!r}; it has {known or 'none'}")
        chosen |= by_id | by_name
    return frozenset(chosen)


def with_images(results: Iterable[FrameResult], source: FrameSource) -> Iterator[FrameResult]:
    """The results of a run with the pictures of its video, matched by time.

    Frames of the video between them are skipped.

    Raises:
        VideoError: If the video has no frame at a result's time.
    """
    path, rate = source.info.path, source.info.frame_rate
    # A copy in another container may round times, to a millisecond in Matroska.
    tolerance = min(Fraction(1, 1000), 1 / (10 * rate))
    frames = iter(source)
    for result in results:
        index, time = result.frame.index, result.frame.time
        found = next((one for one in frames if one.time >= time - tolerance), None)
        if found is None or found.time > time + tolerance:
            came = "it has ended" if found is None else f"the next is at {float(found.time):.4f} s"
            raise VideoError(
                f"{path}: frame {index} of the run is at {float(time):.4f} s, where this video has "
                f"none ({came}); name the video that was tracked"
            )
        yield replace(result, frame=Frame(index, time, found.image, found.is_corrupt))


def _frame_range(start: TimeCode | None, end: TimeCode | None) -> FrameRange:
    return FrameRange(
        start=None if start is None else start.seconds,
        end=None if end is None else end.seconds,
        start_frame=None if start is None else start.frame_index,
        end_frame=None if end is None else end.frame_index,
    )


def _time(store: RunStore, index: int) -> Fraction:
    return store.result(index).frame.time

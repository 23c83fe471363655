"""How far a run agrees with itself, without ground truth: tracked back from where it ended."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from track_anything.interfaces import Sink
from track_anything.io.run_folder import write_manifest
from track_anything.io.run_store import RunStore, StoredTrack, keep_note
from track_anything.io.tables import decimal_seconds
from track_anything.job import Plan
from track_anything.masks import mask_iou
from track_anything.resume import plan_to_rewrite
from track_anything.structures import ObjectMask, Origin, Prompt, State
from track_anything.timing import StageClock
from track_anything.tracked_backwards import reversed_frames, tracked_backwards

AGREEING = 0.5
"""IoU above which two masks are of the same thing: no other object reaches it without covering
most of this one. A drift of the outline alone stays above it."""

MANIFEST_KEY = "check"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames in a row on which the two masks of an object do not agree.

    Attributes:
        first_frame: Index of the first.
        last_frame: Of the last, which is one of them.
        start: Time of the first, in seconds.
        end: Time of the last.
    """

    first_frame: int
    last_frame: int
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCheck:
    """One object tracked back to its first prompt.

    Attributes:
        track_id: Of the object.
        name: "" for none.
        prompted_on: Frame of its first prompt; where none is known, of its first mask.
        checked_from: Frame of its last confirmed visible mask, or where none after the prompt is,
            of its last visible one; None if it has none, and then nothing is compared.
        compared_frames: Those between on which it is visible in either direction.
        mean_iou: Of its two masks over those frames.
        agreeing_share: Of those frames, the share on which the IoU is above AGREEING.
        return_iou: Of the mask that came back and the one it was prompted with.
        disagreements: Where the IoU is not above AGREEING.
    """

    track_id: int
    name: str
    prompted_on: int
    checked_from: int | None
    compared_frames: int = 0
    mean_iou: float | None = None
    agreeing_share: float | None = None
    return_iou: float | None = None
    disagreements: Sequence[Stretch] = field(default=())


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """What came of a check.

    Attributes:
        run: The run folder.
        objects: By ascending track_id.
    """

    run: Path
    objects: Sequence[ObjectCheck]

    @property
    def lowest_iou(self) -> float | None:
        """The mean IoU of the object that agrees least; None if nothing was compared."""
        found = [one.mean_iou for one in self.objects if one.mean_iou is not None]
        return min(found, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, as the manifest has it."""
        objects = {}
        for one in self.objects:
            said = {key: _rounded(value) for key, value in asdict(one).items()}
            objects[str(said.pop("track_id"))] = said
        return {"lowest_iou": _rounded(self.lowest_iou), "objects": objects}


def check_run(folder: Path, *, watch: Sequence[Sink] = ()) -> SelfCheck:
    """Track every object of a complete run from its end back to its first prompt, and compare.

    The last mask that the run is sure of is the prompt, or the last of all where it is sure of
    none. A track that went over to something else
    does not come back to where it began; one that was right all along does. Objects that look
    alike and swapped in a way that is as likely backwards are not told. The masks stay as they
    are; what was found is in the manifest, until the masks change.

    Args:
        folder: The run's.
        watch: Get every result of the tracker, its frames numbered as it saw them.

    Raises:
        DatasetError: If there is no complete run.
        VideoError: If the input cannot be read or was changed.
        OutputError: If the manifest cannot be written.
    """
    planned = plan_to_rewrite(folder)
    with closing(planned), RunStore.open(folder) as store:
        found = SelfCheck(folder, _checked(planned, store, watch))
        manifest, database = store.manifest, store.path
    plain = write_manifest(folder, {**manifest, MANIFEST_KEY: found.to_dict()})
    keep_note(database, "manifest", plain)
    return found


def planned_frames(folder: Path) -> int:
    """How many frames check_run tracks.

    Raises:
        DatasetError: If there is no store.
    """
    with RunStore.open(folder) as store:
        comparisons = [_Comparison(store, track) for track in store.tracks]
        open_ones = [one for one in comparisons if one.checked_from is not None]
        last = max((one.checked_from or 0 for one in open_ones), default=-1)
        first = min((one.prompted_on for one in open_ones), default=0)
    return last + 1 - first


def _checked(plan: Plan, store: RunStore, watch: Sequence[Sink]) -> list[ObjectCheck]:
    times = store.times()
    comparisons = {track.track_id: _Comparison(store, track) for track in store.tracks}
    prompts: dict[int, list[Prompt]] = {}
    for one in comparisons.values():
        if one.prompt is not None and one.checked_from is not None:
            prompts.setdefault(one.checked_from, []).append(one.prompt)
    if prompts:
        _compare(plan, store, comparisons, prompts, watch)
    return [comparisons[track_id].result(times) for track_id in sorted(comparisons)]


def _compare(
    plan: Plan,
    store: RunStore,
    comparisons: "Mapping[int, _Comparison]",
    prompts: Mapping[int, Sequence[Prompt]],
    watch: Sequence[Sink],
) -> None:
    last = max(prompts)
    first = min(one.prompted_on for one in comparisons.values() if one.checked_from is not None)
    tracker = plan.tracker(StageClock(), discovers=False)
    with closing(reversed_frames(plan, store, last)) as source:
        frames = islice(source, last + 1 - first)
        for index, result in tracked_backwards(tracker, frames, source.info, last, prompts):
            for sink in watch:
                sink.write(result)
            for one in result.objects:
                comparisons[one.track_id].take(index, one)


class _Comparison:
    """The masks of one object in both directions, as the backward ones come."""

    def __init__(self, store: RunStore, track: StoredTrack) -> None:
        self._store = store
        self._track = track
        keys = store.frames_of(track.track_id, Origin.PROMPTED)
        self.prompted_on = min(keys, default=track.first_frame)
        self.checked_from: int | None = None
        for state in (State.CONFIRMED, State.WEAK):
            last = store.last_visible(track.track_id, state)
            if last is not None and last > self.prompted_on:
                self.checked_from = last
                break
        self._ious = _Mean()
        self._agreeing = 0
        self._return: float | None = None
        self._stretches: list[list[int]] = []

    @property
    def prompt(self) -> Prompt | None:
        """The mask it is tracked back from."""
        if self.checked_from is None:
            return None
        one = self._store.one(self.checked_from, self._track.track_id)
        return None if one is None else Prompt(mask=one.mask, track_id=one.track_id)

    def take(self, frame: int, back: ObjectMask) -> None:
        """Compare its mask on one frame; frames come from the last to the first."""
        if self.checked_from is None or not self.prompted_on <= frame < self.checked_from:
            return
        forth = self._store.one(frame, back.track_id)
        is_seen = forth is not None and bool(forth.mask.any())
        if not is_seen and not back.mask.any():
            return
        iou = mask_iou(forth.mask, back.mask) if forth is not None else 0.0
        self._ious.add(iou)
        if frame == self.prompted_on:
            self._return = iou
        if iou > AGREEING:
            self._agreeing += 1
        elif self._stretches and self._stretches[-1][0] == frame + 1:
            self._stretches[-1][0] = frame
        else:
            self._stretches.append([frame, frame])

    def result(self, times: Sequence[Fraction]) -> ObjectCheck:
        """What came of it."""
        count = self._ious.count
        return ObjectCheck(
            track_id=self._track.track_id,
            name=self._track.label,
            prompted_on=self.prompted_on,
            checked_from=self.checked_from,
            compared_frames=count,
            mean_iou=self._ious.value,
            agreeing_share=self._agreeing / count if count else None,
            return_iou=self._return,
            disagreements=[
                Stretch(
                    first,
                    last,
                    float(decimal_seconds(times[first])),
                    float(decimal_seconds(times[last])),
                )
                for first, last in reversed(self._stretches)
            ],
        )


class _Mean:
    """A mean of numbers that are not kept."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self._sum += value

    @property
    def value(self) -> float | None:
        return self._sum / self.count if self.count else None


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value

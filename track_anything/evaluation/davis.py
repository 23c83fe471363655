"""How well a tracker does on DAVIS-layout folders from the first mask."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from track_anything.errors import OutputError, TrackingError
from track_anything.evaluation.datasets import BINARY_LABEL, DavisSequence, DavisSequences
from track_anything.evaluation.identity import IdentityCount
from track_anything.evaluation.metrics import (
    boundary_f,
    region_similarity,
    score_decay,
    score_recall,
)
from track_anything.interfaces import Segmenter, Tracker
from track_anything.label_png import write_label_png, write_palette_png
from track_anything.masks import label_map
from track_anything.structures import Frame, FrameResult, ImageEmbedding, MaskPrediction, Prompt

COUNTS = ("frames_on_another", "id_switches")
"""Scores that are numbers of frames."""


@dataclass(frozen=True, slots=True, eq=False)
class ObjectScore:
    """J and F of one object on every scored frame.

    Attributes:
        j: One value a frame.
        f: As j.
        frames_on_another: Scored frames on which its mask lies on another object.
        switches: How often the object that it lies on changed.
    """

    j: NDArray[np.float64]
    f: NDArray[np.float64]
    frames_on_another: int = 0
    switches: int = 0

    def to_dict(self) -> dict[str, float]:
        """Mean, recall and decay of J and F; how often it was another object."""
        j, f = float(self.j.mean()), float(self.f.mean())
        return {
            "J": j,
            "F": f,
            "J&F": (j + f) / 2,
            "J_recall": score_recall(self.j),
            "F_recall": score_recall(self.f),
            "J_decay": score_decay(self.j),
            "F_decay": score_decay(self.f),
            "frames_on_another": self.frames_on_another,
            "id_switches": self.switches,
        }


@dataclass(frozen=True, slots=True, eq=False)
class SequenceScore:
    """How a tracker did on one sequence.

    Attributes:
        name: Of the sequence.
        objects: By track_id.
        frame_count: Frames tracked, the first included.
        seconds: In Tracker.step and finish alone.
        segmenter_calls: How often the segmenter was asked for masks.
    """

    name: str
    objects: Mapping[int, ObjectScore]
    frame_count: int
    seconds: float
    segmenter_calls: int = 0

    def to_dict(self) -> dict[str, object]:
        """Means over the objects, speed, and every object by its id."""
        objects = {str(track_id): score.to_dict() for track_id, score in self.objects.items()}
        return {**score_means(objects.values()), **_rates([self]), "objects": objects}


class CountingSegmenter:
    """A segmenter that counts how often it was asked for masks."""

    def __init__(self, segmenter: Segmenter) -> None:
        """Wrap a segmenter."""
        self._segmenter = segmenter
        self.calls = 0

    @property
    def name(self) -> str:
        """Of the segmenter inside."""
        return self._segmenter.name

    def embed(self, frame: Frame) -> ImageEmbedding:
        """As the segmenter inside; not counted, it may be cached."""
        return self._segmenter.embed(frame)

    def decode(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
    ) -> Sequence[Sequence[MaskPrediction]]:
        """As the segmenter inside; one call however many prompts, none without a prompt."""
        self.calls += bool(prompts)
        return self._segmenter.decode(embedding, prompts)


def evaluate_sequence(
    make_tracker: Callable[[], Tracker],
    sequence: DavisSequence,
    *,
    segmenter: CountingSegmenter | None = None,
    write_to: Path | None = None,
) -> SequenceScore:
    """Track one sequence from its first annotated masks and score it as DAVIS does.

    Args:
        make_tracker: A fresh tracker.
        sequence: What to track.
        segmenter: The one inside the trackers, where calls are to be counted.
        write_to: Folder for the masks tracked, labelled as annotated: SEQUENCE/00000.png.

    Raises:
        DatasetError: If a picture cannot be read.
        OutputError: If a mask cannot be written.
        TrackingError: If the tracker does not return every frame once, in order.
    """
    calls_before = segmenter.calls if segmenter else 0
    scorer = _Scorer(sequence, write_to)
    tracker = make_tracker()
    tracker.start(sequence.info)
    prompts = sequence.prompts()
    seconds = 0.0
    for frame in sequence.frames():
        started = time.perf_counter()
        results = tracker.step(frame, prompts if frame.index == 0 else ())
        seconds += time.perf_counter() - started
        scorer.add(results)
    started = time.perf_counter()
    results = tracker.finish()
    seconds += time.perf_counter() - started
    scorer.add(results)
    return SequenceScore(
        name=sequence.name,
        objects=scorer.scores(),
        frame_count=len(sequence.images),
        seconds=seconds,
        segmenter_calls=segmenter.calls - calls_before if segmenter else 0,
    )


def evaluate_davis(
    make_tracker: Callable[[], Tracker],
    root: Path,
    *,
    sequences: Sequence[str] | None = None,
    segmenter: CountingSegmenter | None = None,
    write_to: Path | None = None,
    on_sequence: Callable[[DavisSequence], None] | None = None,
    on_score: Callable[[SequenceScore], None] | None = None,
) -> dict[str, dict[str, object]]:
    """Scores of a tracker on a DAVIS-layout folder, ready for JSON.

    Args:
        make_tracker: A fresh tracker for every sequence.
        root: As DavisSequences.
        sequences: As DavisSequences.
        segmenter: As evaluate_sequence.
        write_to: As evaluate_sequence; vos-benchmark can score the folder.
        on_sequence: Told of every sequence before it is tracked.
        on_score: Told of every sequence when it is done.

    Returns:
        {"mean": {...}, "sequences": {name: {..., "objects": {id: {...}}}}}. As in DAVIS-2017 the
        mean is over objects, not sequences; fps and calls_per_100_frames are over all frames;
        frames_on_another and id_switches are sums.

    Raises:
        DatasetError: If the folder is not as expected; everything else as evaluate_sequence.
    """
    scores = []
    for sequence in DavisSequences(root, sequences=sequences):
        if on_sequence:
            on_sequence(sequence)
        score = evaluate_sequence(make_tracker, sequence, segmenter=segmenter, write_to=write_to)
        scores.append(score)
        if on_score:
            on_score(score)
    objects = [one.to_dict() for score in scores for one in score.objects.values()]
    return {
        "mean": {**score_means(objects), **_rates(scores)},
        "sequences": {score.name: score.to_dict() for score in scores},
    }


class _Scorer:
    """Takes results as they come, so that no mask is kept."""

    def __init__(self, sequence: DavisSequence, write_to: Path | None) -> None:
        self._sequence = sequence
        self._scored = frozenset(sequence.scored_frames)
        self._next_index = 0
        self._values: dict[int, list[tuple[float, float]]] = {i: [] for i in sequence.object_ids}
        self._identity = IdentityCount(sequence.object_ids)
        self._folder = write_to / sequence.name if write_to else None
        if self._folder:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(
                    f"{self._folder}: cannot be created ({error.strerror})"
                ) from error

    def add(self, results: Iterable[FrameResult]) -> None:
        for result in results:
            if result.frame.index != self._next_index:
                raise TrackingError(
                    f"{self._sequence.name}: expected the result of frame {self._next_index}, "
                    f"got frame {result.frame.index}"
                )
            self._next_index += 1
            self._take(result)

    def scores(self) -> dict[int, ObjectScore]:
        if self._next_index != len(self._sequence.images):
            raise TrackingError(
                f"{self._sequence.name}: the tracker gave {self._next_index} results "
                f"for {len(self._sequence.images)} frames"
            )
        scores = {}
        for track_id, values in self._values.items():
            j, f = np.array(values, np.float64).T
            scores[track_id] = ObjectScore(
                j,
                f,
                frames_on_another=self._identity.frames_on_another[track_id],
                switches=self._identity.switches[track_id],
            )
        return scores

    def _take(self, result: FrameResult) -> None:
        index, size = result.frame.index, self._sequence.size
        masks = {o.track_id: o.mask for o in result.objects if o.track_id in self._values}
        for track_id, mask in masks.items():
            if mask.shape != size:
                raise TrackingError(
                    f"{self._sequence.name}: mask of object {track_id} on frame {index} is "
                    f"{mask.shape}, the frame is {size}"
                )
        # One label a pixel, as in the files that are scored officially.
        labels = label_map(masks, size)
        if self._folder:
            self._write(self._folder / f"{self._sequence.images[index].stem}.png", labels)
        if index not in self._scored:
            return
        truth = self._sequence.truth(index)
        self._identity.add(labels, truth)
        for track_id, values in self._values.items():
            found, wanted = labels == track_id, truth == track_id
            values.append((region_similarity(found, wanted), boundary_f(found, wanted)))

    def _write(self, path: Path, labels: NDArray[np.uint16]) -> None:
        if self._sequence.is_binary:
            write_palette_png(path, labels.astype(np.uint8) * np.uint8(BINARY_LABEL))
        else:
            write_label_png(path, labels, max(self._sequence.object_ids))


def score_means(scores: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Means of everything but the counts, which are added up."""
    stack = list(scores)
    return {
        name: sum(score[name] for score in stack)
        if name in COUNTS
        else float(np.mean([score[name] for score in stack]))
        for name in stack[0]
    }


def _rates(scores: Sequence[SequenceScore]) -> dict[str, float]:
    frames = sum(score.frame_count for score in scores)
    seconds = sum(score.seconds for score in scores)
    calls = sum(score.segmenter_calls for score in scores)
    return {"fps": frames / max(seconds, 1e-9), "calls_per_100_frames": 100 * calls / frames}

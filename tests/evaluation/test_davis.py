"""Scores of made-up trackers, worked out by hand and by vos-benchmark."""

import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from vos_benchmark.benchmark import VideoEvaluator

from track_anything.errors import TrackingError
from track_anything.evaluation.datasets import DavisSequence, DavisSequences
from track_anything.evaluation.davis import CountingSegmenter, evaluate_davis, evaluate_sequence
from track_anything.masks import mask_box
from track_anything.structures import (
    Frame,
    FrameResult,
    ImageEmbedding,
    MaskPrediction,
    ObjectMask,
    Prompt,
    VideoInfo,
)


class ReplayTracker:
    """Replays the truth, moved by a number of pixels; optionally holds everything back."""

    def __init__(
        self, sequence: DavisSequence, *, shift: int = 0, is_late: bool = False, delay: float = 0
    ) -> None:
        self._sequence = sequence
        self._shift = shift
        self._is_late = is_late
        self._held: list[FrameResult] = []
        self.prompts: list[Sequence[Prompt]] = []

    def start(self, info: VideoInfo) -> None:
        assert (info.height, info.width) == self._sequence.size

    def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
        self.prompts.append(prompts)
        truth = np.roll(self._sequence.truth(frame.index), self._shift, axis=1)
        masks = {int(i): truth == i for i in np.unique(truth) if i}
        objects = [ObjectMask(i, mask, mask_box(mask), 1.0) for i, mask in masks.items()]
        result = FrameResult(frame, objects)
        if not self._is_late:
            return [result]
        self._held.append(result)
        return []

    def finish(self) -> Sequence[FrameResult]:
        return self._held


class SilentTracker:
    """Results without objects."""

    def start(self, info: VideoInfo) -> None: ...

    def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
        return [FrameResult(frame)]

    def finish(self) -> Sequence[FrameResult]:
        return []


@pytest.fixture
def bear(add_sequence, square) -> DavisSequence:
    """One 10x10 square on six 100x100 frames."""
    return next(iter(DavisSequences(add_sequence("bear", [square(x) for x in range(10, 70, 10)]))))


@pytest.mark.parametrize("is_late", [False, True])
def test_a_perfect_tracker_scores_1(bear: DavisSequence, is_late: bool) -> None:
    score = evaluate_sequence(lambda: ReplayTracker(bear, is_late=is_late), bear).to_dict()
    assert score["J"] == score["F"] == score["J&F"] == 1
    assert score["J_recall"] == score["F_recall"] == 1
    assert score["J_decay"] == score["F_decay"] == 0


def test_the_tracker_is_given_the_first_truth_and_nothing_else(bear: DavisSequence) -> None:
    tracker = ReplayTracker(bear)
    evaluate_sequence(lambda: tracker, bear)
    (prompt,), *others = tracker.prompts
    assert prompt.track_id == 1
    assert prompt.mask is not None
    assert np.array_equal(prompt.mask, bear.truth(0) == 1)
    assert others == [()] * 5


def test_a_shifted_tracker_scores_by_hand(bear: DavisSequence) -> None:
    # 4 columns off: 60 of 140 pixels shared. The diagonal is 141.4, so boundaries match within 2.
    score = evaluate_sequence(lambda: ReplayTracker(bear, shift=4), bear)
    assert score.objects[1].j.tolist() == [60 / 140] * 4
    # A boundary is a ring of 40 pixels, 11 wide and high. The near side is 4 off, too far, but its
    # top and bottom 0-row and 10-row ends meet the other ring's rows: of the 11 columns the 7
    # shared and the 2 within reach of the other's end match, in both rows: 18. Of the far side
    # (inside the other object, 9 pixels without the corners) what is within 2 of the other's rows
    # matches: 2 above and 2 below: 22. Precision = recall = 22 / 40.
    assert score.objects[1].f.tolist() == pytest.approx([22 / 40] * 4, abs=1e-12)
    assert score.to_dict()["J_recall"] == 0
    assert score.to_dict()["F_recall"] == 1


def test_a_tracker_that_finds_nothing_scores_0(bear: DavisSequence) -> None:
    score = evaluate_sequence(SilentTracker, bear).to_dict()
    assert (score["J"], score["F"], score["J_recall"]) == (0, 0, 0)


def test_first_and_last_frame_do_not_count(add_sequence, square) -> None:
    truths = [square(10), square(10), square(10), square(10)]
    (sequence,) = DavisSequences(add_sequence("bear", truths))
    wrong_at_the_ends = {0: 60, 3: 60}

    class Tracker(SilentTracker):
        def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
            mask = square(wrong_at_the_ends.get(frame.index, 10)) > 0
            return [FrameResult(frame, [ObjectMask(1, mask, mask_box(mask), 1.0)])]

    score = evaluate_sequence(Tracker, sequence)
    assert score.objects[1].j.tolist() == [1, 1]


def test_the_mean_is_over_objects_not_sequences(add_sequence, square) -> None:
    pair = square(10, 1) + square(50, 2)
    add_sequence("pair", [pair] * 3, palette=True)
    root = add_sequence("bear", [square(10)] * 3)

    class OnlyFirst(SilentTracker):
        """Finds object 1 where it was prompted, nothing else."""

        def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
            mask = square(10) > 0
            return [FrameResult(frame, [ObjectMask(1, mask, mask_box(mask), 1.0)])]

    scores = evaluate_davis(OnlyFirst, root)
    assert scores["mean"]["J"] == pytest.approx(2 / 3)
    assert list(scores["sequences"]) == ["bear", "pair"]
    assert scores["sequences"]["pair"]["J"] == 0.5
    assert scores["sequences"]["pair"]["objects"]["2"]["J"] == 0


def test_scores_have_exactly_the_documented_keys(add_sequence, square) -> None:
    root = add_sequence("bear", [square(10)] * 3)
    told = []
    scores = evaluate_davis(SilentTracker, root, on_score=lambda score: told.append(score.name))
    measures = {"J", "F", "J&F", "J_recall", "F_recall", "J_decay", "F_decay"}
    measures |= {"frames_on_another", "id_switches"}
    rates = {"fps", "calls_per_100_frames"}
    assert set(scores) == {"mean", "sequences"}
    assert set(scores["mean"]) == measures | rates
    assert set(scores["sequences"]["bear"]) == measures | rates | {"objects"}
    assert set(scores["sequences"]["bear"]["objects"]["1"]) == measures
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    assert told == ["bear"]


def test_exchanged_objects_are_counted_on_scored_frames_and_added_up(add_sequence, square) -> None:
    pair = square(10, 1) + square(50, 2)
    exchanged = square(10, 2) + square(50, 1)
    root = add_sequence("pair", [pair] * 6, palette=True)
    (sequence,) = DavisSequences(root)

    class Exchanges(ReplayTracker):
        """The other's mask on frames 2, 3 and 5, of which the last is not scored."""

        def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
            labels = exchanged if frame.index in (2, 3, 5) else pair
            masks = {i: labels == i for i in (1, 2)}
            return [
                FrameResult(frame, [ObjectMask(i, m, mask_box(m), 1.0) for i, m in masks.items()])
            ]

    scores = evaluate_davis(lambda: Exchanges(sequence), root)
    objects = scores["sequences"]["pair"]["objects"]
    assert [objects[i]["id_switches"] for i in ("1", "2")] == [2, 2]
    assert [objects[i]["frames_on_another"] for i in ("1", "2")] == [2, 2]
    for summed in (scores["sequences"]["pair"], scores["mean"]):
        assert (summed["id_switches"], summed["frames_on_another"]) == (4, 4)
    assert scores["mean"]["J"] == 0.5


def test_every_sequence_is_told_before_it_is_tracked(add_sequence, square) -> None:
    add_sequence("a", [square(10)] * 3)
    root = add_sequence("b", [square(10)] * 3)
    told: list[str] = []
    evaluate_davis(
        SilentTracker,
        root,
        on_sequence=lambda sequence: told.append(f"before {sequence.name}"),
        on_score=lambda score: told.append(f"after {score.name}"),
    )
    assert told == ["before a", "after a", "before b", "after b"]


def test_objects_nobody_asked_for_are_left_out(bear: DavisSequence) -> None:
    class Discoverer(ReplayTracker):
        def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
            (result,) = super().step(frame, prompts)
            everywhere = np.ones(bear.size, bool)
            extra = ObjectMask(9, everywhere, mask_box(everywhere), 1.0)
            return [FrameResult(frame, [*result.objects, extra])]

    assert evaluate_sequence(lambda: Discoverer(bear), bear).to_dict()["J"] == 1


def test_calls_are_counted_per_100_frames(bear: DavisSequence) -> None:
    class Nothing:
        name = "nothing"

        def embed(self, frame: Frame) -> ImageEmbedding:
            return ImageEmbedding((1, 1), None)

        def decode(
            self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
        ) -> Sequence[Sequence[MaskPrediction]]:
            return []

    segmenter = CountingSegmenter(Nothing())
    before = segmenter.embed(Frame(0, Fraction(0), np.zeros((1, 1, 3), np.uint8)))
    segmenter.decode(before, [Prompt(box=np.array([0, 0, 1, 1], np.float32))])

    class Asker(ReplayTracker):
        def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
            embedding = segmenter.embed(frame)
            segmenter.decode(embedding, [])
            if frame.index % 2:
                box = np.array([0, 0, 5, 5], np.float32)
                segmenter.decode(embedding, [Prompt(box=box), Prompt(box=box)])
            return super().step(frame, prompts)

    score = evaluate_sequence(lambda: Asker(bear), bear, segmenter=segmenter)
    # Frames 1, 3 and 5 of six; the call before the sequence and calls without prompts are not.
    assert score.to_dict()["calls_per_100_frames"] == 50


def test_only_the_tracker_is_on_the_clock(
    bear: DavisSequence, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    class Slow(ReplayTracker):
        def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
            nonlocal now
            now += 0.5
            return super().step(frame, prompts)

        def finish(self) -> Sequence[FrameResult]:
            nonlocal now
            now += 1.0
            return super().finish()

    real = DavisSequence.frames

    def slow_frames(self: DavisSequence):  # type: ignore[no-untyped-def]
        nonlocal now
        for frame in real(self):
            now += 100
            yield frame

    monkeypatch.setattr(DavisSequence, "frames", slow_frames)
    monkeypatch.setattr("track_anything.evaluation.davis.time.perf_counter", lambda: now)
    score = evaluate_sequence(lambda: Slow(bear), bear)
    assert score.seconds == 4.0
    assert score.to_dict()["fps"] == 1.5


def test_a_lost_or_repeated_frame_is_an_error(bear: DavisSequence) -> None:
    class Forgetful(ReplayTracker):
        def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
            return [] if frame.index == 2 else super().step(frame, prompts)

    with pytest.raises(TrackingError, match="expected the result of frame 2, got frame 3"):
        evaluate_sequence(lambda: Forgetful(bear), bear)

    class Stops(ReplayTracker):
        def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
            return [] if frame.index == 5 else super().step(frame, prompts)

    with pytest.raises(TrackingError, match="5 results for 6 frames"):
        evaluate_sequence(lambda: Stops(bear), bear)


def test_a_mask_of_another_size_is_an_error(bear: DavisSequence) -> None:
    class Small(SilentTracker):
        def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
            mask = np.ones((50, 50), bool)
            return [FrameResult(frame, [ObjectMask(1, mask, mask_box(mask), 1.0)])]

    with pytest.raises(TrackingError, match=r"\(50, 50\), the frame is \(100, 100\)"):
        evaluate_sequence(Small, bear)


def moving(square: Callable[..., NDArray[np.uint8]], label: int) -> list[NDArray[np.uint8]]:
    return [square(x, label) for x in range(10, 34, 4)]


# vos-benchmark leaves its files open.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("is_binary", [True, False])
def test_written_masks_score_the_same_with_vos_benchmark(
    add_sequence, square, tmp_path: Path, is_binary: bool
) -> None:
    if is_binary:
        root = add_sequence("seq", moving(square, 255))
    else:
        pairs = zip(moving(square, 3), moving(lambda x, i: square(x + 50, i), 8), strict=True)
        root = add_sequence("seq", [a + b for a, b in pairs], palette=True)
    written = tmp_path / "written"
    (sequence,) = DavisSequences(root)
    scores = evaluate_davis(lambda: ReplayTracker(sequence, shift=3), root, write_to=written)
    evaluator = VideoEvaluator(str(root / "Annotations" / "480p"), str(written))
    _, j, f = evaluator("seq")
    objects = scores["sequences"]["seq"]["objects"]
    for ours, label in [("1", 255)] if is_binary else [("3", 3), ("8", 8)]:
        assert objects[ours]["J"] * 100 == pytest.approx(j[label], abs=1e-9)
        assert objects[ours]["F"] * 100 == pytest.approx(f[label], abs=1e-9)
    assert [p.name for p in sorted((written / "seq").iterdir())] == [
        f"{i:05d}.png" for i in range(6)
    ]
    assert Image.open(written / "seq" / "00000.png").mode == "P"

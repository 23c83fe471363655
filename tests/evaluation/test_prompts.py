"""Scores on simulated prompts, of segmenters whose answers are known."""

import json
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from track_anything.errors import DatasetError, PromptError
from track_anything.evaluation import prompts as module
from track_anything.evaluation.annotated_pictures import AnnotatedPicture
from track_anything.evaluation.prompt_report import prompt_table
from track_anything.evaluation.prompt_simulation import CLICKS, PREVIOUS_KINDS, prompt_kinds
from track_anything.evaluation.prompts import evaluate_prompts
from track_anything.masks import mask_logits
from track_anything.structures import Frame, ImageEmbedding, Mask, MaskPrediction, Prompt
from track_anything.testing import MovingSquare, ThresholdSegmenter


def scene(count: int = 3) -> list[AnnotatedPicture]:
    """Frames of a bright square of 24x24."""
    source = MovingSquare(frame_count=count)
    return [AnnotatedPicture(f"square/{f.index}", f, {"1": source.truth(f.index)}) for f in source]


class Boxes:
    """Fills the box; without one answers the points with the whole frame, then with a corner."""

    name = "boxes"

    def __init__(self) -> None:
        self.asked: list[Prompt] = []
        self.embedded: list[Frame] = []

    def embed(self, frame: Frame) -> ImageEmbedding:
        self.embedded.append(frame)
        return ImageEmbedding((frame.image.shape[0], frame.image.shape[1]), None)

    def decode(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
    ) -> Sequence[Sequence[MaskPrediction]]:
        (prompt,) = prompts
        self.asked.append(prompt)
        mask = np.zeros(embedding.size, bool)
        if prompt.box is not None:
            x0, y0, x1, y1 = prompt.box.astype(int)
            mask[y0:y1, x0:x1] = True
        elif len(prompt.points) == 1:
            mask[:] = True
        else:
            mask[:4, :4] = True
        worse = MaskPrediction(np.zeros_like(mask), mask_logits(mask, (8, 8)), 0.1)
        return [[MaskPrediction(mask, mask_logits(mask, (24, 32)), 0.75), worse]]


def test_an_exact_segmenter_scores_1_on_every_kind() -> None:
    scores = evaluate_prompts({"threshold": ThresholdSegmenter()}, scene())
    one = scores["segmenters"]["threshold"]
    assert tuple(one["kinds"]) == prompt_kinds()
    for name, kind in one["kinds"].items():
        # It takes what is bright in the box: all of it, unless the box is a wrong mask's.
        if name not in PREVIOUS_KINDS:
            assert (kind["IoU"], kind["F"], kind["failures"]) == (1, 1, 0)
            assert kind["correlation"] is None
        assert kind["objects"] == 3
        assert kind["predicted_iou"] == pytest.approx(0.95)
    assert one["reliability"]["bins"][9]["count"] == 3 * len(prompt_kinds())
    assert (scores["pictures"], scores["objects"], scores["left_out"]) == (3, 3, 0)


def test_the_best_candidate_is_scored_by_hand() -> None:
    kinds = ["tight box", "box + 10 %", "one point", "two clicks"]
    scores = evaluate_prompts({"boxes": Boxes()}, scene(1), kinds=kinds)
    found = scores["segmenters"]["boxes"]["kinds"]
    assert list(found) == kinds
    # The square is 24x24 at (8, 12) on 128x96; its box grown by 10 % is cut to whole pixels:
    # (5, 9) to (34, 38).
    assert found["tight box"]["IoU"] == 1
    assert found["box + 10 %"]["IoU"] == pytest.approx(576 / 29**2)
    assert found["one point"]["IoU"] == pytest.approx(576 / (128 * 96))
    assert found["one point"]["failures"] == 1
    assert found["two clicks"]["IoU"] == 0


def test_the_baselines_stand_beside() -> None:
    scores = evaluate_prompts({"boxes": Boxes()}, scene(1))
    ellipse = scores["baselines"]["ellipse"]["kinds"]
    assert ellipse["tight box"]["IoU"] == pytest.approx(math.pi / 4, abs=0.01)
    assert "one point" not in ellipse
    assert not set(CLICKS) & set(ellipse)
    given = scores["baselines"]["given mask"]["kinds"]
    assert list(given) == ["previous mask shifted", "previous mask degraded"]
    assert 0.3 < given["previous mask degraded"]["IoU"] < 1
    # A square that is moved stays one: the segmenter that fills its box answers with it.
    filled = scores["segmenters"]["boxes"]["kinds"]["previous mask shifted"]["IoU"]
    assert filled == pytest.approx(given["previous mask shifted"]["IoU"], abs=0.03)


def test_corrections_go_where_the_last_answer_was_wrong_with_its_logits() -> None:
    segmenter = Boxes()
    evaluate_prompts({"boxes": segmenter}, scene(1), kinds=["three clicks"])
    one, two, three = segmenter.asked[-3:]
    assert one.labels.tolist() == [1]
    # Everything was the answer: the largest error is the background.
    assert two.labels.tolist() == [1, 0]
    assert two.logits is not None
    assert (two.logits > 0).all()
    # Then only a corner: the square is missing.
    assert three.labels.tolist() == [1, 0, 1]
    assert three.logits is not None
    assert (three.logits > 0).sum() == 1
    assert three.points[2] == pytest.approx((20, 24), abs=0.6)


def test_an_exact_answer_needs_no_more_calls() -> None:
    calls = 0

    class Counting(ThresholdSegmenter):
        def decode(
            self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
        ) -> Sequence[Sequence[MaskPrediction]]:
            nonlocal calls
            calls += 1
            return super().decode(embedding, prompts)

    scores = evaluate_prompts({"threshold": Counting()}, scene(1), kinds=["five clicks"])
    # Three to warm up, and the first click.
    assert calls == 4
    five = scores["segmenters"]["threshold"]["kinds"]["five clicks"]
    assert (five["IoU"], five["decode_ms"]) == (1, None)


def test_prompts_do_not_depend_on_what_else_is_evaluated() -> None:
    def prompts_of(pictures: Sequence[AnnotatedPicture], **extra: object) -> list[str]:
        segmenter = Boxes()
        evaluate_prompts({"boxes": segmenter}, pictures, **extra)  # type: ignore[arg-type]
        return [str(p.points.tolist()) for p in segmenter.asked[3:]]

    pictures = scene()
    alone = prompts_of(pictures[2:], kinds=["box + 3 + 3"])
    assert prompts_of(pictures[::-1], kinds=["box + 3 + 3"])[:1] == alone
    assert prompts_of(pictures[2:], kinds=["box + 3 + 3"], seeds=[5]) != alone
    assert alone[0] in prompts_of(pictures[2:], seeds=[5, 0])
    # The same frame under another name, and the same object, gets other clicks.
    frame, masks = pictures[2].frame, pictures[2].masks
    renamed = [AnnotatedPicture("square/9", frame, masks)]
    assert prompts_of(renamed, kinds=["box + 3 + 3"]) != alone
    other_object = [AnnotatedPicture("square/2", frame, {"2": masks["1"]})]
    assert prompts_of(other_object, kinds=["box + 3 + 3"]) != alone


def test_several_seeds_are_pooled_and_told_apart() -> None:
    scores = evaluate_prompts(
        {"boxes": Boxes()}, scene(2), seeds=[1, 2], kinds=["previous mask shifted"]
    )
    one = scores["segmenters"]["boxes"]
    kind = one["kinds"]["previous mask shifted"]
    by_seed = [one["seeds"][seed]["previous mask shifted"] for seed in ("1", "2")]
    assert kind["objects"] == 4
    assert by_seed[0] != by_seed[1]
    assert kind["IoU"] == pytest.approx(np.mean(by_seed))


def test_embedding_and_decoding_are_timed_apart_and_warming_up_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    first_calls = {"embed": 100.0, "decode": 1000.0}

    class Slow(Boxes):
        def embed(self, frame: Frame) -> ImageEmbedding:
            nonlocal now
            now += 0.5 + first_calls.pop("embed", 0)
            return super().embed(frame)

        def decode(
            self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
        ) -> Sequence[Sequence[MaskPrediction]]:
            nonlocal now
            now += 0.02 + first_calls.pop("decode", 0)
            return super().decode(embedding, prompts)

    monkeypatch.setattr(module.time, "perf_counter", lambda: now)
    segmenter = Slow()
    scores = evaluate_prompts({"boxes": segmenter}, scene(2), kinds=["tight box"])["segmenters"][
        "boxes"
    ]
    assert scores["embed_ms"] == pytest.approx(500)
    assert scores["decode_ms"] == pytest.approx(20)
    assert scores["kinds"]["tight box"]["decode_ms"] == pytest.approx(20)
    # The frame of the warm-up is another, or the embedding would be there already.
    assert segmenter.embedded[0] is not segmenter.embedded[1]


def test_small_and_empty_objects_are_left_out_and_counted() -> None:
    def block(side: int) -> Mask:
        mask = np.zeros((40, 40), bool)
        mask[:side, :side] = True
        return mask

    frame = Frame(0, Fraction(0), np.zeros((40, 40, 3), np.uint8))
    objects = {"a": block(8), "b": block(7), "c": block(0)}
    picture = AnnotatedPicture("a", frame, objects)
    scores = evaluate_prompts({"boxes": Boxes()}, [picture], kinds=["tight box"])
    assert (scores["objects"], scores["left_out"]) == (1, 2)
    assert scores["segmenters"]["boxes"]["kinds"]["tight box"]["objects"] == 1
    with pytest.raises(DatasetError, match="no object of 65 pixels or more"):
        evaluate_prompts({"boxes": Boxes()}, [picture], min_area=65)


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(PromptError, match="got 'scribble'"):
        evaluate_prompts({"boxes": Boxes()}, scene(1), kinds=["scribble"])


def test_the_table_has_a_line_a_kind_and_a_reliability_table_a_segmenter() -> None:
    scores = evaluate_prompts({"boxes": Boxes(), "threshold": ThresholdSegmenter()}, scene(1))
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    lines = prompt_table(scores).splitlines()
    starts = [line.split("  ")[0] for line in lines]
    assert starts[2 : 2 + len(prompt_kinds())] == list(prompt_kinds())
    assert "boxes IoU" in lines[0]
    assert "given mask IoU" in lines[0]
    assert lines[2].split()[2:6] == ["1", "1.000", "1.000", "0.000"]
    assert "boxes: predicted IoU" in starts
    assert lines[-1].endswith("over all kinds")

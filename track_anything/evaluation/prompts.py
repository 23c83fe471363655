"""How good the masks of a segmenter are, by what it is asked with."""

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from track_anything.errors import DatasetError, PromptError
from track_anything.evaluation.annotated_pictures import AnnotatedPicture
from track_anything.evaluation.metrics import boundary_f, region_similarity
from track_anything.evaluation.prompt_simulation import (
    CLICKS,
    ONE_POINT,
    PREVIOUS_KINDS,
    corrected,
    prompt_kinds,
    simulate,
)
from track_anything.evaluation.reliability import correlation, reliability_table
from track_anything.interfaces import Segmenter
from track_anything.masks import logits_mask
from track_anything.structures import Floats, ImageEmbedding, Mask, MaskPrediction, Prompt

FAILURE = 0.3
"""An answer of less IoU than this is no answer."""

MIN_AREA = 64
"""Objects of fewer pixels are left out: nobody draws a box around 8 x 8 pixels."""

ELLIPSE, GIVEN = "ellipse", "given mask"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to one prompt.

    Attributes:
        kind: Of the prompt.
        seed: Of the prompt.
        j: IoU with the truth.
        f: Boundary F.
        predicted_iou: What the segmenter said; None for a baseline.
        seconds: In decode alone; None where no call was needed.
    """

    kind: str
    seed: int
    j: float
    f: float
    predicted_iou: float | None = None
    seconds: float | None = None


@dataclass(slots=True)
class Column:
    """All answers of one segmenter or baseline.

    Attributes:
        answers: In the order of pictures, seeds, objects and kinds.
        embed_seconds: One number a picture.
    """

    answers: list[Answer] = field(default_factory=list)
    embed_seconds: list[float] = field(default_factory=list)

    def to_dict(self, *, is_segmenter: bool) -> dict[str, Any]:
        """Means by kind; for a segmenter also its time and how true its predicted IoU is."""
        kinds = {
            kind: _means([a for a in self.answers if a.kind == kind], is_segmenter)
            for kind in dict.fromkeys(a.kind for a in self.answers)
        }
        seeds = sorted({a.seed for a in self.answers})
        by_seed = {str(s): _by_kind([a for a in self.answers if a.seed == s]) for s in seeds}
        scores: dict[str, Any] = {"kinds": kinds, "seeds": by_seed}
        if is_segmenter:
            scores["embed_ms"] = 1000 * float(np.mean(self.embed_seconds))
            scores["decode_ms"] = _milliseconds(self.answers)
            scores["reliability"] = reliability_table(*_predicted_and_true(self.answers))
        return scores


def evaluate_prompts(
    segmenters: Mapping[str, Segmenter],
    pictures: Iterable[AnnotatedPicture],
    *,
    seeds: Sequence[int] = (0,),
    kinds: Sequence[str] | None = None,
    min_area: int = MIN_AREA,
    on_picture: Callable[[AnnotatedPicture], None] | None = None,
) -> dict[str, Any]:
    """Scores of segmenters on simulated prompts, with an ellipse in the box beside them.

    A prompt depends on the seed, the picture's and the object's name and the kind alone. Each goes
    into a decode of its own, and the best candidate counts. Each segmenter embeds and decodes once
    before anything is timed.

    Args:
        segmenters: By the names that they have in the scores.
        pictures: Read once.
        seeds: Of the prompts; every number is over all of them.
        kinds: Of prompt_kinds(); None takes all.
        min_area: Objects of fewer pixels are left out.
        on_picture: Told of every picture when it is done.

    Returns:
        {"segmenters": {name: {"kinds": {kind: {"IoU", "F", "failures", "decode_ms",
        "correlation", "ECE", "objects"}}, "seeds": {seed: {kind: IoU}}, "embed_ms" (a picture),
        "decode_ms" (an object), "reliability"}}, "baselines": {"ellipse", "given mask": ...},
        "pictures", "objects", "left_out"}. "failures" is the share of answers below IoU .3.
        "ellipse" fills the box of the prompt, "given mask" is the previous mask itself. Numbers
        that do not exist, such as a correlation of equal values, are None.

    Raises:
        PromptError: If a kind is unknown.
        DatasetError: If there is no object.
    """
    wanted = _checked_kinds(kinds)
    columns = {name: Column() for name in segmenters}
    baselines = {ELLIPSE: Column(), GIVEN: Column()}
    picture_count = object_count = left_out = 0
    for picture in pictures:
        objects = {n: m for n, m in picture.masks.items() if np.count_nonzero(m) >= min_area}
        left_out += len(picture.masks) - len(objects)
        if not objects:
            continue
        if not picture_count:
            for segmenter in segmenters.values():
                _warm_up(segmenter, picture, next(iter(objects.values())))
        picture_count, object_count = picture_count + 1, object_count + len(objects)
        prompts = list(_prompts(picture.name, objects, seeds, wanted))
        for prompt in prompts:
            _score_baselines(prompt, baselines)
        for name, segmenter in segmenters.items():
            _ask(segmenter, picture, prompts, wanted, columns[name])
        if on_picture:
            on_picture(picture)
    if not object_count:
        raise DatasetError(f"there is no object of {min_area} pixels or more to prompt for")
    return {
        "segmenters": {name: one.to_dict(is_segmenter=True) for name, one in columns.items()},
        "baselines": {name: one.to_dict(is_segmenter=False) for name, one in baselines.items()},
        "pictures": picture_count,
        "objects": object_count,
        "left_out": left_out,
    }


def ellipse_in_box(box: Floats, size: tuple[int, int]) -> Mask:
    """The pixels of a frame of (height, width) whose centres lie in the ellipse that fills a box.

    >>> ellipse_in_box(np.array([0, 0, 4, 4], np.float32), (4, 5)).astype(int).tolist()
    [[0, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 0], [0, 1, 1, 0, 0]]
    """
    y, x = np.ogrid[0.5 : size[0], 0.5 : size[1]]
    u = (2 * x - box[0] - box[2]) / (box[2] - box[0])
    v = (2 * y - box[1] - box[3]) / (box[3] - box[1])
    return np.asarray(u * u + v * v <= 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Simulated:
    """A prompt and what it is for; a chain of clicks is one, under the name of its first."""

    kind: str
    seed: int
    prompt: Prompt
    truth: Mask


def _checked_kinds(kinds: Sequence[str] | None) -> tuple[str, ...]:
    if kinds is None:
        return prompt_kinds()
    for kind in kinds:
        if kind not in prompt_kinds():
            known = ", ".join(prompt_kinds())
            raise PromptError(f"a kind of prompt is {known}; got {kind!r}")
    return tuple(kind for kind in prompt_kinds() if kind in kinds)


def _prompts(
    name: str, objects: Mapping[str, Mask], seeds: Sequence[int], kinds: Sequence[str]
) -> Iterator[_Simulated]:
    simulated = [kind for kind in kinds if kind not in CLICKS]
    if len(simulated) < len(kinds) and ONE_POINT not in simulated:
        simulated.append(ONE_POINT)
    for seed in seeds:
        for object_name, truth in objects.items():
            entropy = [seed, zlib.crc32(name.encode()), zlib.crc32(object_name.encode())]
            for kind in simulated:
                yield _Simulated(kind, seed, simulate(kind, truth, entropy), truth)


def _warm_up(segmenter: Segmenter, picture: AnnotatedPicture, truth: Mask) -> None:
    """Let it load and compile what it loads at the first calls, on a frame of its own."""
    embedding = segmenter.embed(replace(picture.frame))
    for kind in ("box + 3 + 3", "previous mask shifted", ONE_POINT):
        segmenter.decode(embedding, [simulate(kind, truth, 0)])


def _score_baselines(simulated: _Simulated, baselines: Mapping[str, Column]) -> None:
    prompt, truth = simulated.prompt, simulated.truth
    size = truth.shape[0], truth.shape[1]
    if prompt.box is not None:
        ellipse = ellipse_in_box(prompt.box, size)
        baselines[ELLIPSE].answers.append(_scored(simulated.kind, simulated, ellipse))
    if simulated.kind in PREVIOUS_KINDS and prompt.logits is not None:
        given = logits_mask(prompt.logits, size)
        baselines[GIVEN].answers.append(_scored(simulated.kind, simulated, given))


def _ask(
    segmenter: Segmenter,
    picture: AnnotatedPicture,
    prompts: Sequence[_Simulated],
    kinds: Sequence[str],
    column: Column,
) -> None:
    started = time.perf_counter()
    embedding = segmenter.embed(picture.frame)
    column.embed_seconds.append(time.perf_counter() - started)
    for simulated in prompts:
        best, seconds = _decode(segmenter, embedding, simulated.prompt)
        if simulated.kind in kinds:
            column.answers.append(_scored(simulated.kind, simulated, best, seconds))
        if simulated.kind == ONE_POINT:
            column.answers.extend(_clicks(segmenter, embedding, simulated, best, kinds))


def _clicks(
    segmenter: Segmenter,
    embedding: ImageEmbedding,
    simulated: _Simulated,
    best: MaskPrediction,
    kinds: Sequence[str],
) -> Iterator[Answer]:
    """Answers to corrections of an answer; one without an error stays for the clicks to come."""
    prompt: Prompt | None = simulated.prompt
    for kind in list(CLICKS)[: max((CLICKS[k] - 1 for k in kinds if k in CLICKS), default=0)]:
        seconds = None
        if prompt is not None:
            prompt = corrected(prompt, best, simulated.truth)
        if prompt is not None:
            best, seconds = _decode(segmenter, embedding, prompt)
        if kind in kinds:
            yield _scored(kind, simulated, best, seconds)


def _decode(
    segmenter: Segmenter, embedding: ImageEmbedding, prompt: Prompt
) -> tuple[MaskPrediction, float]:
    started = time.perf_counter()
    candidates = segmenter.decode(embedding, [prompt])
    seconds = time.perf_counter() - started
    return candidates[0][0], seconds


def _scored(
    kind: str, simulated: _Simulated, found: MaskPrediction | Mask, seconds: float | None = None
) -> Answer:
    mask = found.mask if isinstance(found, MaskPrediction) else found
    return Answer(
        kind=kind,
        seed=simulated.seed,
        j=region_similarity(mask, simulated.truth),
        f=boundary_f(mask, simulated.truth),
        predicted_iou=found.predicted_iou if isinstance(found, MaskPrediction) else None,
        seconds=seconds,
    )


def _means(answers: Sequence[Answer], is_segmenter: bool) -> dict[str, Any]:
    true = np.array([a.j for a in answers])
    means: dict[str, Any] = {
        "IoU": float(true.mean()),
        "F": float(np.mean([a.f for a in answers])),
        "failures": float(np.mean(true < FAILURE)),
        "objects": len(answers),
    }
    if is_segmenter:
        predicted, true = _predicted_and_true(answers)
        means["predicted_iou"] = float(predicted.mean())
        means["correlation"] = correlation(predicted, true)
        means["ECE"] = reliability_table(predicted, true)["ECE"]
        means["decode_ms"] = _milliseconds(answers)
    return means


def _by_kind(answers: Sequence[Answer]) -> dict[str, float]:
    kinds = dict.fromkeys(a.kind for a in answers)
    return {kind: float(np.mean([a.j for a in answers if a.kind == kind])) for kind in kinds}


def _milliseconds(answers: Sequence[Answer]) -> float | None:
    seconds = [a.seconds for a in answers if a.seconds is not None]
    return 1000 * float(np.mean(seconds)) if seconds else None


def _predicted_and_true(
    answers: Sequence[Answer],
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.float64]]]:
    pairs = [(a.predicted_iou, a.j) for a in answers if a.predicted_iou is not None]
    predicted, true = np.array(pairs, np.float64).reshape(-1, 2).T
    return predicted, true

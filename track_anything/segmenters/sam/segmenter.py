"""Segment Anything behind the Segmenter socket."""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from track_anything.errors import ConfigError, PromptError, SegmenterError
from track_anything.segmenters.device import choose_device
from track_anything.segmenters.sam.architecture import SamConfig, published_config
from track_anything.segmenters.sam.cache import load_weights
from track_anything.segmenters.sam.catalogue import KNOWN_WEIGHTS
from track_anything.segmenters.sam.execution import SamAnswer, SamExecution
from track_anything.segmenters.sam.geometry import Crop, Fit, stability_score
from track_anything.segmenters.sam.lean import LeanSam, choose_dtype
from track_anything.segmenters.sam.memory import check_file, check_memory
from track_anything.segmenters.sam.weights import SamWeights
from track_anything.segmenters.sam.zoom import ZoomPlan, plan_zoom
from track_anything.structures import (
    ClickMask,
    Floats,
    Frame,
    Image,
    ImageEmbedding,
    MaskPrediction,
    Prompt,
)

EXECUTIONS = ("lean", "reference")
ZOOMS = ("auto", "off")
KEPT_EMBEDDINGS = 2
"""Frames remembered: the current one and the one before, for a second look."""
ENCODE_BUDGET = {"cpu": 2, "cuda": 8, "mps": 4}
"""Encodings of one frame per call that zooming may ask for: on a CPU each takes seconds."""
_ON_OBJECT = np.ones(1, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class SamPrediction(MaskPrediction):
    """One candidate mask of SAM.

    Attributes:
        index: Which of the network's masks: 0 for prompts without ambiguity, 1 to 3 for whole,
            part and sub-part.
    """

    index: int = 0

    @property
    def stability_score(self) -> float:
        """How little the mask depends on the threshold, 0 to 1."""
        return stability_score(self.logits)


@dataclass(eq=False)
class SamFeatures:
    """What is known of one frame: encoded parts, filled in as prompts ask for them."""

    owner: object
    image: Image
    parts: dict[Crop, Any] = field(default_factory=dict)


class SamSegmenter:
    """Masks from points, boxes and previous masks with SAM."""

    def __init__(
        self,
        weights: SamWeights | str | Path,
        *,
        device: str = "auto",
        dtype: str = "auto",
        input_size: int | None = None,
        execution: str = "lean",
        int8: bool = False,
        zoom: str = "auto",
        candidate_count: int = 4,
    ) -> None:
        """Load a network and get it ready.

        Args:
            weights: A network, a checkpoint file or directory, or a name as sam-base.
            device: auto, cpu, cuda or mps.
            dtype: auto, float32, float16 or bfloat16; auto is float16 on CUDA, else float32.
            input_size: Side of the square the frame is fitted into; None is the network's own,
                1024. 512 is about five times faster and coarser.
            execution: lean, or reference: KerasCV's model as it is.
            int8: Round the image encoder's projections to 8 bits. CPU only.
            zoom: auto encodes a crop around objects that are small against the frame; off never.
            candidate_count: Masks returned for a prompt, best first; 1 saves time.

        Raises:
            ConfigError: If an option is unknown or does not fit the others.
            WeightsError: If there is no such checkpoint, or it cannot be used.
            SegmenterError: If there is not enough memory.
        """
        _check_options(execution, zoom, candidate_count)
        self._device = choose_device(device)
        chosen = choose_dtype(dtype, self._device)
        check = partial(
            check_memory,
            device=self._device,
            execution=execution,
            bytes_per_number=chosen.itemsize,
        )
        loaded = weights if isinstance(weights, SamWeights) else _load(weights, input_size, check)
        loaded = loaded.resized(input_size or loaded.config.image_size)
        self.config = loaded.config
        check(self.config)
        self._sam: SamExecution
        if execution == "reference":
            if int8 or dtype not in ("auto", "float32"):
                raise ConfigError("the reference runs in float32 only: use dtype float32, no int8")
            from track_anything.segmenters.sam.keras_model import KerasSamModel

            self._sam = KerasSamModel(loaded)
        else:
            self._sam = LeanSam(loaded, device=self._device, dtype=chosen, int8=int8)
        self._zooms = zoom == "auto"
        self._candidate_count = candidate_count
        self._owner = object()
        self._kept: OrderedDict[int, tuple[Frame, ImageEmbedding]] = OrderedDict()

    @property
    def name(self) -> str:
        """sam-base, sam-large, sam-huge, or sam for a network of other sizes."""
        size = self.config.size_name
        return "sam" if size == "custom" else f"sam-{size}"

    def embed(self, frame: Frame) -> ImageEmbedding:
        """What all prompts on this frame share. Asking again for the same Frame costs nothing.

        With zoom, the frame is encoded when the first prompt that needs the whole of it comes.
        """
        kept = self._kept.get(id(frame))
        if kept is not None:
            self._kept.move_to_end(id(frame))
            return kept[1]
        features = SamFeatures(self._owner, frame.image)
        embedding = ImageEmbedding((frame.image.shape[0], frame.image.shape[1]), features)
        if not self._zooms:
            self._part(features, Fit.whole(embedding.size, self.config))
        # The frame is kept too, or another could get its id.
        self._kept[id(frame)] = (frame, embedding)
        if len(self._kept) > KEPT_EMBEDDINGS:
            self._kept.popitem(last=False)
        return embedding

    def decode(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
    ) -> Sequence[Sequence[SamPrediction]]:
        """Candidates for every prompt, best first.

        For a lone click: the network's whole, part and sub-part by predicted IoU, then the mask
        meant for clear prompts. For all else: that one, then the three by predicted IoU.

        Raises:
            SegmenterError: If the embedding is not this segmenter's.
            PromptError: If a prompt is an answer already: a mask, or absent.
        """
        features = self._features(embedding)
        if any(prompt.is_answer for prompt in prompts):
            raise PromptError("a prompt with a mask or is_absent is an answer: nothing to segment")
        predictions: dict[int, list[SamPrediction]] = {}
        whole = Fit.whole(embedding.size, self.config)
        plan = self._plan(embedding, features, prompts, whole)
        parts = [(Fit(embedding.size, crop, whole.input_size), at) for crop, at in plan.crops]
        if plan.whole:
            parts.append((whole, plan.whole))
        for fit, indices in parts:
            inputs = [fit.prompt(prompts[index]) for index in indices]
            answers = self._sam.decode(self._part(features, fit), inputs)
            for index, answer in zip(indices, answers, strict=True):
                predictions[index] = self._candidates(answer, prompts[index], fit)
        return [predictions[index] for index in range(len(prompts))]

    def decode_clicks(
        self, embedding: ImageEmbedding, points: Floats, *, least_predicted_iou: float = -math.inf
    ) -> Iterator[ClickMask]:
        """The whole, part and sub-part of many lone clicks that are predicted above a limit.

        The whole frame is looked at: no zoom.

        Args:
            embedding: Of the frame.
            points: (N, 2) in pixels of the frame; their logits are in memory together.
            least_predicted_iou: Masks not predicted above it are not made.

        Raises:
            SegmenterError: If the embedding is not this segmenter's.
        """
        features = self._features(embedding)
        fit = Fit.whole(embedding.size, self.config)
        clicks = [fit.prompt(Prompt(points=point[None], labels=_ON_OBJECT)) for point in points]
        answers = self._sam.decode(
            self._part(features, fit), clicks, least_predicted_iou=least_predicted_iou
        )
        for click, answer in enumerate(answers):
            for index in range(1, len(answer.logits)):
                predicted_iou = float(answer.predicted_iou[index])
                if predicted_iou > least_predicted_iou:
                    logits = fit.enlarged(answer.logits[index])
                    yield ClickMask(click, index - 1, predicted_iou, logits)

    def _features(self, embedding: ImageEmbedding) -> SamFeatures:
        features = embedding.features
        if not isinstance(features, SamFeatures) or features.owner is not self._owner:
            raise SegmenterError(
                f"{self.name} did not make this embedding: embed the frame with it first"
            )
        return features

    def _plan(
        self,
        embedding: ImageEmbedding,
        features: SamFeatures,
        prompts: Sequence[Prompt],
        whole: Fit,
    ) -> ZoomPlan:
        if not self._zooms:
            return ZoomPlan(whole=tuple(range(len(prompts))))
        return plan_zoom(
            prompts,
            embedding.size,
            input_size=self.config.image_size,
            encode_budget=ENCODE_BUDGET[self._device.type],
            is_whole_ready=whole.crop in features.parts,
        )

    def _part(self, features: SamFeatures, fit: Fit) -> Any:
        """The embedding of a part of the frame, made when it is first asked for."""
        if fit.crop not in features.parts:
            features.parts[fit.crop] = self._sam.encode(fit.image(features.image))
        return features.parts[fit.crop]

    def _candidates(self, answer: SamAnswer, prompt: Prompt, fit: Fit) -> list[SamPrediction]:
        order = candidate_order(answer.predicted_iou, is_lone_click=_is_lone_click(prompt))
        return [
            SamPrediction(
                mask=fit.mask_out(answer.logits[index]),
                logits=fit.logits_out(answer.logits[index]),
                predicted_iou=float(np.clip(answer.predicted_iou[index], 0, 1)),
                index=index,
            )
            for index in order[: self._candidate_count]
        ]


def _load(
    weights: str | Path, input_size: int | None, check: Callable[[SamConfig], None]
) -> SamWeights:
    """Read a network, unless what is known of it says that it will not fit."""
    known = KNOWN_WEIGHTS.get(str(weights))
    path = Path(weights).expanduser()
    if path.exists():
        check_file(path)
    elif known is not None:
        config = published_config(known.size_name)
        check(config.resized(input_size or config.image_size))
    return load_weights(weights)


def candidate_order(predicted_iou: np.ndarray, *, is_lone_click: bool) -> list[int]:
    """Indices of SAM's masks, best first."""
    ambiguous = sorted(range(1, len(predicted_iou)), key=lambda index: -predicted_iou[index])
    return [*ambiguous, 0] if is_lone_click else [0, *ambiguous]


def _is_lone_click(prompt: Prompt) -> bool:
    return len(prompt.points) == 1 and prompt.box is None and prompt.logits is None


def _check_options(execution: str, zoom: str, candidate_count: int) -> None:
    if execution not in EXECUTIONS:
        raise ConfigError(f"execution is one of {', '.join(EXECUTIONS)}, got {execution!r}")
    if zoom not in ZOOMS:
        raise ConfigError(f"zoom is one of {', '.join(ZOOMS)}, got {zoom!r}")
    if candidate_count < 1:
        raise ConfigError(f"candidate_count is 1 or more, got {candidate_count}")

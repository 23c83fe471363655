"""The project's own network as a Segmenter: any prompt, nothing to download."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from track_anything.errors import SegmenterError
from track_anything.guided_filter import guided_upsampling
from track_anything.masks import mask_box, mask_iou, mask_logits, probability
from track_anything.segmenters.compact.calibration import calibrated, prompt_kind
from track_anything.segmenters.compact.channels import CropPrompt, stack_channels
from track_anything.segmenters.compact.network import CROP_SIDE
from track_anything.segmenters.compact.weights import WEIGHTS, keep_in_bfloat16, load_network
from track_anything.segmenters.compact.window import Window, window_around
from track_anything.segmenters.device import choose_device, has_bfloat16
from track_anything.segmenters.hints import Hints, inside_frame
from track_anything.structures import (
    Floats,
    Frame,
    Image,
    ImageEmbedding,
    MaskPrediction,
    Prompt,
)

_GROWTH = 1.4
"""The crop around a box: the middle of what the network was trained on."""
_POINT_SHARES = (0.4, 1.2)
"""Sides of the squares looked at around a lone click, as shares of the frame's short side: three
squares find nothing better, and one takes the wrong size for .05 of IoU."""
_SURE = 0.75
"""Answers predicted to be this good are not looked at again: half the looks for .003 of IoU."""
_SAME = 0.8
"""Candidates of more IoU with a better one are left out."""
_LOGIT_STRIDE = 2
_LIMIT = 12.0
_PROMPTS_AT_ONCE = 32
"""More go one batch after another: memory stays the same however many there are."""
_EDGE_REACH = 1
"""Radius of the filter that follows the picture's edges, in pixels of the crop."""


@dataclass(frozen=True, eq=False)
class _Features:
    """What all prompts on a frame share: the picture itself."""

    image: Image


@dataclass(frozen=True, eq=False)
class _Look:
    """One crop to show to the network.

    Attributes:
        hints: Of the prompt.
        window: The crop.
        found: (128, 128) probability in the crop, by an earlier look; None in the first.
        is_mirrored: Whether the network is shown its mirror image too, and the mean is taken: .004
            of IoU for a prompt with an earlier mask, which has no second look.
    """

    hints: Hints
    window: Window
    found: Floats | None = None
    is_mirrored: bool = False


@dataclass(frozen=True, eq=False)
class _Answer:
    """What the network said to a look.

    Attributes:
        look: The look.
        logits: (128, 128).
        score: Predicted IoU.
    """

    look: _Look
    logits: Floats
    score: float


class CompactSegmenter:
    """Looks at a crop around every prompt, twice, all prompts of a call together.

    Args:
        device: auto, cpu, cuda, mps.
        path: Other weights than those in the package.
        is_exact: Whether a CPU computes in float32 throughout. Otherwise one that has instructions
            for bfloat16 multiplies in it: a look takes two thirds of the time, at the same IoU.

    Raises:
        WeightsError: If the weights cannot be used.
        ConfigError: If there is no such device.
    """

    def __init__(
        self, *, device: str = "auto", path: Path = WEIGHTS, is_exact: bool = False
    ) -> None:
        self._device = choose_device(device)
        self._is_mixed = self._device.type == "cpu" and not is_exact and has_bfloat16()
        self._network = load_network(self._device, path=path)
        if self._is_mixed:
            keep_in_bfloat16(self._network)
        self._last: tuple[Frame, ImageEmbedding] | None = None

    @property
    def name(self) -> str:
        """As on the command line."""
        return "compact"

    def embed(self, frame: Frame) -> ImageEmbedding:
        """What all prompts on this frame share. Asking again for the same Frame costs nothing."""
        if self._last is None or self._last[0] is not frame:
            height, width = frame.image.shape[:2]
            self._last = frame, ImageEmbedding((height, width), _Features(frame.image))
        return self._last[1]

    def decode(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
    ) -> Sequence[Sequence[MaskPrediction]]:
        """One candidate a prompt; up to two, best first, where there are only points.

        A prompt of background points alone, or wholly outside the frame, gets an empty mask.

        Raises:
            SegmenterError: If the embedding is another segmenter's.
        """
        features = embedding.features
        if not isinstance(features, _Features):
            raise SegmenterError(
                "compact decodes what CompactSegmenter.embed returned, got an embedding with "
                f"{type(features).__name__} features"
            )
        found: list[list[MaskPrediction]] = []
        for start in range(0, len(prompts), _PROMPTS_AT_ONCE):
            part = prompts[start : start + _PROMPTS_AT_ONCE]
            found += self._decode(features.image, embedding.size, part)
        return found

    def _decode(
        self, image: Image, size: tuple[int, int], prompts: Sequence[Prompt]
    ) -> list[list[MaskPrediction]]:
        hints = [inside_frame(prompt, size) for prompt in prompts]
        looks = [
            [] if prompt.is_answer or one.is_empty else _first_looks(one, size)
            for prompt, one in zip(prompts, hints, strict=True)
        ]
        answers = self._ask(image, looks)
        again = [_second_looks(found, size) for found in answers]
        better = self._ask(image, again)
        return [
            _candidates(image, prompt, one, _merged(first, second))
            for prompt, one, first, second in zip(prompts, hints, answers, better, strict=True)
        ]

    def _ask(self, image: Image, looks: Sequence[Sequence[_Look]]) -> list[list[_Answer]]:
        """For every prompt the network's answers to its looks, all in one batch."""
        flat = [look for of_prompt in looks for look in of_prompt]
        if not flat:
            return [[] for _ in looks]
        stacked = np.stack([_channels(image, look) for look in flat])
        twice = [at for at, look in enumerate(flat) if look.is_mirrored]
        stacked = np.concatenate([stacked, stacked[twice, ..., ::-1]])
        shown = torch.from_numpy(stacked).to(self._device, self._network.head.weight.dtype)
        mixed = torch.autocast("cpu", torch.bfloat16, enabled=self._is_mixed)
        with torch.inference_mode(), mixed:
            logits, quality = self._network(shown.contiguous(memory_format=torch.channels_last))
            logits, quality = logits.float().squeeze(1), quality.float()
            if twice:
                logits[twice] = (logits[twice] + logits[len(flat) :].flip(-1)) / 2
                quality[twice] = (quality[twice] + quality[len(flat) :]) / 2
        masks = logits[: len(flat)].clamp(-_LIMIT, _LIMIT).cpu().numpy()
        scores = torch.sigmoid(quality[: len(flat)]).tolist()
        told = iter(
            _Answer(look, mask, score)
            for look, mask, score in zip(flat, masks, scores, strict=True)
        )
        return [[next(told) for _ in of_prompt] for of_prompt in looks]


def _first_looks(hints: Hints, size: tuple[int, int]) -> list[_Look]:
    """One crop around a box or an earlier mask; crops of several sizes around lone points."""
    anchor = hints.anchor
    if hints.box is not None or hints.previous is not None:
        window = window_around(anchor, growth=_GROWTH)
        return [_Look(hints, window, is_mirrored=hints.previous is not None)]
    middle, reach = (anchor[:2] + anchor[2:]) / 2, float((anchor[2:] - anchor[:2]).max())
    looks = []
    for share in _POINT_SHARES:
        half = max(share * min(size), 1.5 * reach, 24) / 2
        low, high = np.floor(middle - half).astype(int), np.ceil(middle + half).astype(int)
        looks.append(_Look(hints, Window(int(low[0]), int(low[1]), int(high[0]), int(high[1]))))
    return looks


def _second_looks(answers: Sequence[_Answer], size: tuple[int, int]) -> list[_Look]:
    """Another look around what was found, with it as the earlier mask.

    Not where an earlier mask was given: there a second look made masks worse by a hundredth.
    Of several answers only the best is looked at again. Beside clicks the box has said what it can.
    """
    if not answers or answers[0].look.hints.previous is not None:
        return []
    best = max(answers, key=lambda answer: answer.score)
    if best.score >= _SURE:
        return []
    hints, window = best.look.hints, best.look.window
    if len(hints.points):
        hints = replace(hints, box=None)
    found = window.frame_box(mask_box(best.logits > 0), size)
    if (found[2:] <= found[:2]).any():
        return []
    if hints.box is not None:
        corners = np.concatenate([found.reshape(2, 2), hints.box.reshape(2, 2)])
        found = np.concatenate([corners.min(0), corners.max(0)]).astype(np.float32)
    again = window_around(found, growth=_GROWTH)
    return [_Look(hints, again, found=window.seen_by(again, probability(best.logits)))]


def _merged(first: Sequence[_Answer], second: Sequence[_Answer]) -> list[_Answer]:
    """Best first; the second look's mask with the first look's score, which is the truer one."""
    ranked = sorted(first, key=lambda answer: -answer.score)
    return [replace(again, score=ranked[0].score) for again in second] + ranked[len(second) :]


def _channels(image: Image, look: _Look) -> Floats:
    crop, valid = look.window.crop(image)
    hints, window = look.hints, look.window
    previous = None if look.found is None else look.found * valid
    if previous is None and hints.previous is not None:
        previous = window.crop_logits(hints.previous)
    prompt = CropPrompt(
        None if hints.box is None else window.box(hints.box),
        window.points(hints.points),
        window.points(hints.background_points),
        previous,
    )
    return stack_channels(crop, valid, prompt)


def _candidates(
    image: Image, prompt: Prompt, hints: Hints, answers: Sequence[_Answer]
) -> list[MaskPrediction]:
    size = image.shape[0], image.shape[1]
    if not answers:
        mask = np.zeros(size, bool) if prompt.mask is None else prompt.mask
        score = 1.0 if prompt.is_answer else 0.0
        return [MaskPrediction(mask, mask_logits(mask, _logit_size(size)), score)]
    found: list[MaskPrediction] = []
    for answer in answers:
        one = _whole_frame(image, answer)
        if all(mask_iou(one.mask, other.mask) < _SAME for other in found):
            found.append(one)
    kind = prompt_kind(hints)
    return [replace(one, predicted_iou=calibrated(one.predicted_iou, kind)) for one in found]


def _whole_frame(image: Image, answer: _Answer) -> MaskPrediction:
    size, window = (image.shape[0], image.shape[1]), answer.look.window
    p = probability(answer.logits)
    if max(window.size) > CROP_SIDE:
        p = guided_upsampling(window.gray(image), p, radius=_EDGE_REACH)
    whole = window.paste(p, size, outside=0.0)
    small = cv2.resize(whole, _logit_size(size)[::-1], interpolation=cv2.INTER_AREA)
    logits = cv2.log(np.clip(small, 1e-4, 1)) - cv2.log(np.clip(1 - small, 1e-4, 1))
    return MaskPrediction(whole > 0.5, logits, answer.score)


def _logit_size(size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // _LOGIT_STRIDE), -(-size[1] // _LOGIT_STRIDE)

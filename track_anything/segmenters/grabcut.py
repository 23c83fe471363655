"""The embedded segmenter: nothing to download, any prompt, a mask in tens of milliseconds."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from track_anything.boxes import box_area
from track_anything.errors import SegmenterError
from track_anything.masks import mask_logits
from track_anything.segmenters.box_evidence import (
    Guess,
    hard_cut,
    object_probability,
    paraboloid,
    pixel_centres,
)
from track_anything.segmenters.crop_view import CropView, crop_around
from track_anything.segmenters.hints import Hints, inside_frame
from track_anything.segmenters.mask_quality import predicted_iou
from track_anything.segmenters.point_regions import regions_around
from track_anything.structures import (
    Floats,
    Frame,
    Image,
    ImageEmbedding,
    Mask,
    MaskPrediction,
    Prompt,
)

# Logits are kept at a quarter of the frame: 230 kB for 1280 x 720, not 3.7 MB.
_LOGIT_STRIDE = 4
_SURENESS = 6.0
# How much GrabCut's cut counts against the probabilities it started from. From a box alone it
# gives up limbs (box: .617 at .3, .607 at .5); from a previous mask it is the better one.
_CUT_SHARE = 0.3
_CUT_SHARE_WITH_PREVIOUS = 0.55
# Below this share of the box the answer is taken to be a failure: an ellipse is better.
_MIN_FILL = 0.08
# Parts smaller than this share of the largest are dropped unless a point asks for them.
_MIN_PART = 0.15
# Holes up to this share of the mask are filled.
_MAX_HOLE = 0.03
_CANDIDATES = 3
# Mean IoU of the ellipse where the rest fails.
_FALLBACK_IOU = 0.3


@dataclass(frozen=True, eq=False)
class _Features:
    """What all prompts on a frame share."""

    lab: Image


class GrabCutSegmenter:
    """Colour, edges and place in the box, then GrabCut: a Segmenter without weights.

    Args:
        seed: Of GrabCut's colour clustering; the same seed gives the same masks.
        iterations: Of GrabCut; more than one cost time and changed next to nothing.
        max_crop_side: Long side in pixels at which an object is looked at.
    """

    def __init__(self, *, seed: int = 0, iterations: int = 1, max_crop_side: int = 160) -> None:
        self._seed = seed
        self._iterations = iterations
        self._max_crop_side = max_crop_side
        self._last: tuple[Frame, ImageEmbedding] | None = None

    @property
    def name(self) -> str:
        """As on the command line."""
        return "grabcut"

    def embed(self, frame: Frame) -> ImageEmbedding:
        """What all prompts on this frame share. Asking again for the same Frame costs nothing."""
        if self._last is None or self._last[0] is not frame:
            lab = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2LAB), np.uint8)
            height, width = lab.shape[:2]
            self._last = frame, ImageEmbedding((height, width), _Features(lab))
        return self._last[1]

    def decode(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
    ) -> Sequence[Sequence[MaskPrediction]]:
        """One candidate a prompt; up to three, best first, where there are only points.

        A prompt of background points alone, or wholly outside the frame, gets an empty mask.

        Raises:
            SegmenterError: If the embedding is another segmenter's.
        """
        features = embedding.features
        if not isinstance(features, _Features):
            raise SegmenterError(
                "grabcut decodes what GrabCutSegmenter.embed returned, got an embedding with "
                f"{type(features).__name__} features"
            )
        return [self._answer(features.lab, prompt) for prompt in prompts]

    def _answer(self, lab: Image, prompt: Prompt) -> list[MaskPrediction]:
        size = lab.shape[0], lab.shape[1]
        if prompt.is_answer:
            mask = np.zeros(size, bool) if prompt.mask is None else prompt.mask
            return [MaskPrediction(mask, mask_logits(mask, _logit_size(size)), 1.0)]
        hints = inside_frame(prompt, size)
        if hints.box is None and hints.previous is None:
            if hints.is_empty:
                empty = np.zeros(size, bool)
                return [MaskPrediction(empty, mask_logits(empty, _logit_size(size)), 0.0)]
            return self._around_points(lab, hints)
        return [self._segment(lab, hints)]

    def _around_points(self, lab: Image, hints: Hints) -> list[MaskPrediction]:
        regions = regions_around(lab, hints.points, hints.background_points)
        answers = []
        for region in regions[:_CANDIDATES]:
            logits = np.where(region.mask, np.float32(1), np.float32(-1))
            grown = Hints(hints.points, hints.background_points, None, logits)
            found = self._segment(lab, grown)
            answers.append(MaskPrediction(found.mask, found.logits, region.predicted_iou))
        return answers

    def _segment(self, lab: Image, hints: Hints) -> MaskPrediction:
        anchor = hints.anchor
        view = crop_around(lab, anchor, max_side=self._max_crop_side)
        guess = _guess(view, anchor, hints)
        p = object_probability(view.lab, guess)
        cut = hard_cut(view.lab, p, guess, seed=self._seed, iterations=self._iterations)
        if cut is not None:
            share = _CUT_SHARE if hints.previous is None else _CUT_SHARE_WITH_PREVIOUS
            p = (1 - share) * p + share * cut.astype(np.float32)
        score = predicted_iou(p, guess.possible)
        p = _within(view.sharpen(p), view, hints)
        mask = _tidy(p > 0.5, view, hints)
        if np.count_nonzero(mask) < _least_area(anchor, hints):
            mask, score = _fallback(view, anchor, hints), _FALLBACK_IOU
        p = np.where(mask, np.maximum(p, 0.55), np.minimum(p, 0.45)).astype(np.float32)
        return _whole_frame(view, mask, p, (lab.shape[0], lab.shape[1]), score)


def _logit_size(size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // _LOGIT_STRIDE), -(-size[1] // _LOGIT_STRIDE)


def _guess(view: CropView, anchor: Floats, hints: Hints) -> Guess:
    box = view.box(anchor)
    y, x = pixel_centres(view.size)
    possible = (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])
    place = paraboloid(box, view.size)
    reach = max(2.0, 0.22 * float(np.sqrt(box_area(box))))
    logit = np.where(possible, np.clip(3.2 * (np.sqrt(place) - 0.42), -2.5, 2), -6)
    if hints.previous is not None:
        distance, side = _signed_distance(view.shrink(hints.previous) > 0)
        # A previous mask is off by some 8 % of its size; beyond a third it is not the object.
        logit = np.clip(distance / (0.08 * side), -4, 4)
        place = 1 / (1 + np.exp(-logit))
        near = distance > -0.35 * side
        possible = near & possible if hints.box is not None else near
    return Guess(
        prior=place.astype(np.float32),
        possible=possible,
        prior_logit=logit.astype(np.float32),
        keeps_prior=hints.previous is not None,
        points=view.points(hints.points),
        background_points=view.points(hints.background_points),
        reach=reach,
    )


def _signed_distance(mask: Mask) -> tuple[Floats, float]:
    """Pixels to the border, above 0 inside; and the root of the area."""
    inside = mask.view(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(
        1 - inside, cv2.DIST_L2, 5
    )
    return np.asarray(distance, np.float32), max(2.0, float(np.sqrt(np.count_nonzero(mask))))


def _within(p: Floats, view: CropView, hints: Hints) -> Floats:
    """Probabilities of the view at full size, 0 outside the box and where a point says so."""
    x0, y0 = view.corners[:2]
    p = np.clip(p, 0, 1)
    if hints.box is not None:
        allowed = np.zeros(p.shape, bool)
        left, top, right, bottom = (hints.anchor - (x0, y0, x0, y0)).astype(int)
        allowed[top:bottom, left:right] = True
        p = np.where(allowed, p, np.float32(0))
    for points, value in ((hints.background_points, 0.0), (hints.points, 1.0)):
        for x, y in (points - np.array((x0, y0))).astype(int):
            if 0 <= x < p.shape[1] and 0 <= y < p.shape[0]:
                p[y, x] = value
    return np.asarray(p, np.float32)


def _tidy(mask: Mask, view: CropView, hints: Hints) -> Mask:
    """Without small parts nobody pointed at and without small holes."""
    corner = np.array(view.corners[:2])
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    if count > 2:
        areas = stats[:, cv2.CC_STAT_AREA].copy()
        areas[0] = 0
        kept = areas >= _MIN_PART * areas.max()
        for x, y in (hints.points - corner).astype(int):
            kept[labels[y, x]] = True
        kept[0] = False
        mask = np.asarray(kept[labels])
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (~mask).view(np.uint8), connectivity=4
    )
    areas = stats[:, cv2.CC_STAT_AREA]
    filled = areas <= _MAX_HOLE * np.count_nonzero(mask)
    filled[0] = False
    for x, y in (hints.background_points - corner).astype(int):
        if 0 <= x < mask.shape[1] and 0 <= y < mask.shape[0]:
            filled[labels[y, x]] = False
    return np.asarray(mask | filled[labels])


def _least_area(anchor: Floats, hints: Hints) -> float:
    return 1.0 if hints.previous is not None else max(1.0, _MIN_FILL * box_area(anchor))


def _fallback(view: CropView, anchor: Floats, hints: Hints) -> Mask:
    """The previous mask, else the ellipse in the box without the background points."""
    x0, y0, x1, y1 = view.corners
    if hints.previous is not None:
        return np.asarray(hints.previous[y0:y1, x0:x1] > 0)
    y, x = pixel_centres((y1 - y0, x1 - x0))
    box = anchor - np.array((x0, y0, x0, y0), np.float32)
    u = (2 * x - box[0] - box[2]) / (box[2] - box[0])
    v = (2 * y - box[1] - box[3]) / (box[3] - box[1])
    mask = u * u + v * v <= 1
    for point_x, point_y in (hints.background_points - (x0, y0)).astype(int):
        if 0 <= point_x < mask.shape[1] and 0 <= point_y < mask.shape[0]:
            mask[point_y, point_x] = False
    return np.asarray(mask)


def _whole_frame(
    view: CropView, mask: Mask, p: Floats, size: tuple[int, int], score: float
) -> MaskPrediction:
    x0, y0, x1, y1 = view.corners
    whole = np.zeros(size, bool)
    whole[y0:y1, x0:x1] = mask
    soft = np.zeros(size, np.float32)
    soft[y0:y1, x0:x1] = p
    height, width = _logit_size(size)
    small = cv2.resize(soft, (width, height), interpolation=cv2.INTER_AREA)
    logits = np.asarray((small - 0.5) * (2 * _SURENESS), np.float32)
    return MaskPrediction(whole, logits, score)

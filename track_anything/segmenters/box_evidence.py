"""Which pixels of a crop look like the object: colour, ways to the background, place in the box."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.guided_filter import guided_filter
from track_anything.masks import probability
from track_anything.segmenters.color_model import color_bins, log_likelihood_ratio
from track_anything.structures import Floats, Image, Mask
from track_anything.superpixels import Superpixels, find_superpixels

# A logistic line through nine measurements, fitted on boxes of 483 objects in permissively
# licensed COCO photos (held-out pixel accuracy .79; a small network on the same did no better).
# The geodesic terms are worth .025 IoU over colour and place alone.
_WEIGHTS = np.array([0.33, 0.26, 0.19, 0.53, 0.39, -0.33, 1.30, -1.03, 0.88], np.float32)
_BIAS = -1.35

_REGIONS = 350
_ROUNDS = 3
_GUIDE_RADIUS = 3
# Colour contrast (Lab, 8 bit) at which two regions begin to look different.
_CONTRAST = 12.0


@dataclass(frozen=True, eq=False)
class Guess:
    """Where the object may be in a crop before its colours are looked at.

    Attributes:
        prior: (H, W) 0 to 1: how likely each pixel is by place alone.
        possible: (H, W): outside is certainly background.
        prior_logit: (H, W) the same as logits.
        keeps_prior: prior_logit also counts beside the evidence, not only for its first colours.
        points: (P, 2) on the object, in pixels of the crop.
        background_points: (Q, 2) not on it.
        reach: Radius in pixels within which a point speaks for its surroundings.
    """

    prior: Floats
    possible: Mask
    prior_logit: Floats
    keeps_prior: bool
    points: Floats
    background_points: Floats
    reach: float


def paraboloid(box: Floats, size: tuple[int, int]) -> Floats:
    """(H, W): 1 in the middle of a box, falling to 0 at its sides and outside."""
    y, x = pixel_centres(size)
    u = (2 * x - box[0] - box[2]) / (box[2] - box[0])
    v = (2 * y - box[1] - box[3]) / (box[3] - box[1])
    return np.asarray(np.maximum(1 - u * u, 0) * np.maximum(1 - v * v, 0), np.float32)


def pixel_centres(size: tuple[int, int]) -> tuple[Floats, Floats]:
    """y as (H, 1) and x as (1, W), in pixels."""
    y = np.arange(size[0], dtype=np.float32)[:, None] + np.float32(0.5)
    x = np.arange(size[1], dtype=np.float32)[None, :] + np.float32(0.5)
    return y, x


def bumps(points: Floats, reach: float, size: tuple[int, int]) -> Floats:
    """(H, W): 1 at each point, falling off as a Gaussian with sigma reach / 2."""
    y, x = pixel_centres(size)
    total = np.zeros(size, np.float32)
    for point_x, point_y in points:
        squared = (x - point_x) ** 2 + (y - point_y) ** 2
        np.maximum(total, np.exp(-2 * squared / reach**2), out=total)
    return total


def object_probability(lab: Image, guess: Guess) -> Floats:
    """(H, W) 0 to 1: how likely each pixel of a crop belongs to the object.

    Args:
        lab: (H, W, 3) uint8, CIE Lab.
        guess: Where to look.
    """
    size = lab.shape[:2]
    near = bumps(guess.points, guess.reach, size)
    far = bumps(guess.background_points, guess.reach, size)
    prior = (np.clip(guess.prior + near, 0, 1) * (1 - far)).astype(np.float32)
    terms = _color_terms(lab, guess, prior, near, far)
    terms += _region_terms(find_superpixels(lab, count=_REGIONS), guess, prior)
    terms.append(np.sqrt(np.clip(guess.prior, 0, 1)))
    evidence = sum(w * term for w, term in zip(_WEIGHTS, terms, strict=True)) + _BIAS
    total = evidence + 1.5 * (near - far)
    if guess.keeps_prior:
        total = total + guess.prior_logit
    return _possible_probability(total, lab, guess.possible)


def _color_terms(
    lab: Image, guess: Guess, prior: Floats, near: Floats, far: Floats
) -> list[Floats]:
    """Three (H, W) colour ratios: middle to surroundings, middle to all else, after adapting."""
    bins = color_bins(lab)
    inner = prior
    outer = np.where(guess.possible, (1 - prior) * 0.5, 1).astype(np.float32) + 2 * far
    surroundings = (~guess.possible).astype(np.float32) + 2 * far
    to_surroundings = log_likelihood_ratio(bins, prior + near, surroundings)
    to_all = log_likelihood_ratio(bins, prior**2 + near, outer)
    prior_logit = guess.prior_logit + 2 * (near - far)
    adapted = to_all
    for _ in range(_ROUNDS):
        adapted = log_likelihood_ratio(bins, inner, outer)
        p = _possible_probability(0.6 * adapted + prior_logit, lab, guess.possible)
        inner, outer = p * (0.3 + 0.7 * prior), 1 - p
    return [to_surroundings, to_all, adapted]


def _region_terms(regions: Superpixels, guess: Guess, prior: Floats) -> list[Floats]:
    """Five (H, W) measurements: ways to background (2) and to the core, novelty, rarity."""
    background = regions.average(guess.possible) < 0.5
    core = regions.average(prior)
    for points, is_object in ((guess.points, True), (guess.background_points, False)):
        for x, y in points.astype(int):
            label = regions.labels[y, x]
            background[label] = not is_object
            core[label] = 1.0 if is_object else 0.0
    inside = ~background
    way = regions.distance_from(background)
    way_to_core = regions.distance_from(core > 0.8 * core.max())
    novelty, rarity = _unlike(regions, background)
    detour = _relative(way, inside)
    values = (detour, np.log1p(way), _relative(way_to_core, inside), novelty, rarity)
    return [value[regions.labels].astype(np.float32) for value in values]


def _relative(way: NDArray[np.float64], inside: Mask) -> NDArray[np.float64]:
    return way / (np.percentile(way[inside], 90) + 5) if inside.any() else way


def _unlike(
    regions: Superpixels, background: Mask
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(K,) twice: difference from the most similar, and from the average, background nearby."""
    if not background.any():
        return np.zeros(regions.count), np.zeros(regions.count)
    size = regions.labels.shape
    y, x = pixel_centres((size[0], size[1]))
    places = np.stack(
        [
            regions.average(np.broadcast_to(x, size).copy()) / size[1],
            regions.average(np.broadcast_to(y, size).copy()) / size[0],
        ],
        axis=1,
    )
    colors = regions.means[:, None] - regions.means[background][None]
    unlike = 1 - np.exp(-np.linalg.norm(colors, axis=2) / _CONTRAST)
    # In units of half a box, which is about a third of the crop.
    apart = 3.2 * np.linalg.norm(places[:, None] - places[background][None], axis=2)
    weights = np.exp(-apart) * regions.areas[background]
    rarity = (unlike * weights).sum(axis=1) / weights.sum(axis=1)
    return np.asarray((unlike + 0.25 * apart).min(axis=1)), np.asarray(rarity)


def _possible_probability(logits: NDArray[Any], lab: Image, possible: Mask) -> Floats:
    """(H, W): what logits say, along the edges of the picture; 0 where it is not possible."""
    p = np.where(possible, probability(logits, limit=20), np.float32(0))
    p = guided_filter(lab[..., 0], p, radius=_GUIDE_RADIUS)
    return np.where(possible, np.clip(p, 0, 1), np.float32(0)).astype(np.float32)


def hard_cut(lab: Image, p: Floats, guess: Guess, *, seed: int, iterations: int) -> Mask | None:
    """GrabCut started from probabilities: what is sure stays; None if there is nothing to cut.

    Args:
        lab: (H, W, 3) uint8.
        p: From `object_probability`.
        guess: Its points are obeyed.
        seed: Of OpenCV's global generator, set anew for the same answer every time.
        iterations: Of GrabCut.
    """
    # Sure beyond .85 keeps GrabCut from giving the whole box to the background.
    trimap = np.where(p > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    trimap[p > 0.85] = cv2.GC_FGD
    trimap[(p < 0.15) | ~guess.possible] = cv2.GC_BGD
    radius = max(1, round(guess.reach / 12))
    for points, value in ((guess.background_points, cv2.GC_BGD), (guess.points, cv2.GC_FGD)):
        for x, y in points.astype(int):
            cv2.circle(trimap, (int(x), int(y)), radius, int(value), -1)
    is_object = (trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)
    # Its five-component colour models need more than a handful of pixels on both sides.
    if min(np.count_nonzero(is_object), np.count_nonzero(~is_object)) < 20:
        return None
    cv2.setRNGSeed(seed)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(lab, trimap, None, *models, iterations, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    return np.asarray((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD))

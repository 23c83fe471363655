"""One object carried onto one frame: where it is expected, what looks like it, what is its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from track_anything.config import PropagatorConfig
from track_anything.masks import probability
from track_anything.structures import Floats, Mask, Propagation
from track_anything.tracking.carried import Carried, change_level, likeness, remember_recent
from track_anything.tracking.compactness import (
    COMPACT,
    cut_outgrowths,
    has_known_thickness,
    is_partly_seen,
)
from track_anything.tracking.confidence import estimated_iou, measure_signals
from track_anything.tracking.features import Each, Features, FramePyramid, Rect, level_size
from track_anything.tracking.hidden import (
    expected_place,
    hidden_part,
    hidden_share,
    widened_prior,
)
from track_anything.tracking.looks import looks_on, sharp_looks
from track_anything.tracking.motion import (
    FORBIDDEN,
    carry_soft_mask,
    object_rect,
    prior_logits,
    stray_parts,
)
from track_anything.tracking.plausibility import resemblance_on
from track_anything.tracking.refinement import NOWHERE, refined_logits
from track_anything.tracking.rivals import Logits, Rivals
from track_anything.tracking.search import UNLIKE, find_object, search_area

TOUCH = 4
"""Objects whose carried masks come this close touch, in pixels of a level."""
MOSTLY = 0.5
"""What is left of an object that is hidden by more than this must be of its colours."""
LITTLE = 8
"""An object that moves no further from one frame to the next moves little, in pixels of its level:
on DAVIS in 85 of 100 frames, on seven of ten sequences nearly always."""
COMPARED = 0.6
"""Carried masks of less confidence are compared with what is known of the object: the tracker needs
it of those under its `weak_below`, and would have to ask."""
SMALLEST = 3
"""A carried mask of fewer pixels of its level is lost."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One object on one frame before its rivals are heard.

    Attributes:
        warped: Its carried mask, as logits.
        place: (h, w) where it is expected: that mask, and what is hidden of it.
        features: Of the same part of the frame.
        looks: (h, w) logits by looks alone.
        own: By looks and place.
    """

    warped: Logits
    place: Floats
    features: Features
    looks: Floats
    own: Logits


def carried_mask(
    carried: Carried, flow: Floats | None, frame_size: tuple[int, int], config: PropagatorConfig
) -> Logits | None:
    """An object's mask of the last frame on this one, as logits; None while it is searched for."""
    carried.frames_since_key += 1
    if carried.rect is None:
        carried.lost_frames += 1
        return None
    size = level_size(frame_size, carried.level)
    warped, rect = carry_soft_mask(
        carried.soft, carried.rect, flow, size, config.search, extent=carried.extent
    )
    return Logits(warped - np.float32(0.5), rect, size)


def likely_part(
    carried: Carried, frame_size: tuple[int, int], config: PropagatorConfig
) -> Rect | None:
    """Where `carried_mask` will lie on the next frame if the object moves little; None if lost."""
    if carried.rect is None:
        return None
    size = level_size(frame_size, carried.level)
    still = object_rect(carried.extent, carried.rect, 0, size)
    return still.grown(config.search + LITTLE, size)


def seen_alone(
    carried: Carried,
    warped: Logits,
    rivals: Sequence[Logits],
    features: Features,
    flow: Floats | None,
    config: PropagatorConfig,
) -> View:
    """An object by its place and its looks.

    Args:
        carried: The object.
        warped: What carried_mask returned.
        rivals: The same of its rivals.
        features: Of the part of the frame where warped lies.
        flow: As `carry_soft_mask`.
        config: Settings.
    """
    beside = Rivals(warped, rivals)
    touched = carried.is_touched = beside.touch(TOUCH)
    place, covered = warped.values + np.float32(0.5), None
    if touched or carried.hidden is not None:
        place, covered = expected_place(carried, warped, beside, flow)
    prior = prior_logits(place, config, is_touched=touched)
    if covered is not None:
        widened_prior(prior, carried, covered, least=FORBIDDEN)
    looks = sharp_looks(carried.model, features, prior)
    return View(warped, place, features, looks, Logits(looks + prior, warped.rect, warped.size))


def follow(
    carried: Carried,
    view: View,
    rivals: Sequence[Logits],
    pyramid: FramePyramid,
    config: PropagatorConfig,
) -> tuple[Propagation, bool]:
    """An object beside its rivals, which moves on; and whether it is to learn from that
    (`learn_recent`) before its looks are asked for again.

    Args:
        carried: The object.
        view: What seen_alone returned.
        rivals: `View.own` of its rivals.
        pyramid: Of the frame.
        config: Settings.
    """
    beside = Rivals(view.own, rivals)
    logits, contested = beside.yielded()
    soft, appearance = probability(logits), probability(view.looks)
    hidden = None
    if contested is not None:
        hidden = hidden_part(soft, view.place, beside)
    if has_known_thickness(
        carried.compactness, carried.area, carried.usual_area, is_touched=carried.is_touched
    ):
        cut_outgrowths(soft, view.place, carried.usual_area)
    signals = measure_signals(
        soft=soft,
        appearance=appearance,
        warped=view.warped.values + np.float32(0.5),
        area_before=carried.area,
        key_area=carried.key_area / 4**carried.level,
        frames_since_key=carried.frames_since_key,
    )
    refined = refined_logits(pyramid, carried.level, soft, view.warped.rect)
    if contested is not None and hidden is not None:
        contested |= hidden > 0
        signals["hidden"] = hidden_share(soft, hidden)
    if carried.compactness >= COMPACT:
        area = float(np.count_nonzero(soft > 0.5))
        signals["seen"] = min(area / max(carried.usual_area, 1.0), 1.0)
    confidence = estimated_iou(signals)
    if confidence < COMPARED:
        where = object_rect(soft, view.warped.rect, 0, view.warped.size)
        mask = np.ascontiguousarray(soft[where.inside(view.warped.rect)] > 0.5)
        signals["resemblance"] = resemblance_on(carried, pyramid, mask, where)
    learns = _move_on(carried, view, soft, contested, hidden, pyramid, config)
    if carried.rect is None:
        signals["gone"] = 1.0
    return Propagation(refined, confidence, signals), learns


def _move_on(
    carried: Carried,
    view: View,
    soft: Floats,
    contested: Mask | None,
    hidden: Floats | None,
    pyramid: FramePyramid,
    config: PropagatorConfig,
) -> bool:
    rect = view.warped.rect
    strays = stray_parts(
        soft,
        view.place,
        config,
        likeness=lambda mask: likeness(carried, pyramid, mask, rect, is_to_first=True),
        usual_area=carried.usual_area,
    )
    if strays is not None:
        soft[strays] = 0.5
    area = float(np.count_nonzero(soft > 0.5))
    is_left = area >= max(SMALLEST, config.collapse * carried.usual_area)
    if is_left and hidden is not None and hidden_share(soft, hidden) > MOSTLY:
        is_left = likeness(carried, pyramid, soft > 0.5, rect) > UNLIKE
    if not is_left:
        # What is left of an object that is being covered is mostly what covers it.
        carried.lose()
        return False
    carried.soft, carried.rect, carried.area = soft, rect, area
    carried.hidden = hidden
    neutral = contested if strays is None else strays
    if strays is not None and contested is not None:
        neutral = strays | contested
    is_part = is_partly_seen(carried.compactness, carried.whole_area, carried.usual_area)
    if not is_part:
        remember_recent(carried, pyramid, view.features, soft, neutral)
    change_level(carried, pyramid.size, config)
    return not is_part


def searched_part(carried: Carried, frame_size: tuple[int, int]) -> Rect | None:
    """Where a lost object is looked for on this frame; None if that is left for a later one."""
    size = level_size(frame_size, carried.level)
    area, period = search_area(carried.lost_rect, carried.lost_frames, size)
    return None if carried.lost_frames % period else area


def searched_looks(
    carried: Carried, pyramid: FramePyramid, *, each: Each = map
) -> tuple[Rect, Floats] | None:
    """Where a lost object is looked for on this frame, and what looks like it there.

    Args:
        carried: The object.
        pyramid: Of the frame.
        each: As `looks_on`.

    Returns:
        The part of its grid with (h, w) probabilities; None if that is left for a later frame.
    """
    area = searched_part(carried, pyramid.size)
    if area is None:
        return None
    return area, looks_on(carried.model, pyramid, carried.level, area, each=each)


def look_for(
    carried: Carried,
    searched: tuple[Rect, Floats] | None,
    rivals: Sequence[Logits],
    pyramid: FramePyramid,
    config: PropagatorConfig,
) -> Propagation:
    """An object that is lost.

    Args:
        carried: The object.
        searched: What searched_looks returned; it is changed.
        rivals: `View.own` of its rivals.
        pyramid: Of the frame.
        config: Settings.
    """
    nothing = np.full((8, 8), NOWHERE, np.float32)
    if searched is None:
        return Propagation(nothing, 0.0, {"searching": 1.0})
    area, appearance = searched
    size = level_size(pyramid.size, carried.level)
    # One place, one object: where a rival is seen this one is not.
    appearance[Rivals(Logits(appearance, area, size), rivals).together()] = 0
    found = find_object(
        appearance,
        carried.usual_area,
        carried.key_elongation,
        likeness=lambda mask, where: likeness(carried, pyramid, mask, where.within(area)),
    )
    if found is None or found[1] < config.found_score / 2:
        carried.found_count, carried.found_rect = 0, None
        return Propagation(nothing, 0.0, {"searching": 1.0})
    soft, score = found
    rect = object_rect(soft, area, 0, size)
    _, period = search_area(carried.lost_rect, carried.lost_frames, size)
    reach = rect.grown(config.search * period, size)
    is_same = carried.found_rect is not None and carried.found_rect.overlaps(reach)
    carried.found_count = carried.found_count + 1 if is_same else 1
    carried.found_rect = rect
    if score >= config.found_score and carried.found_count >= config.found_looks:
        _take_up(carried, soft, area, size, config)
    logits = refined_logits(pyramid, carried.level, soft, area)
    signals = {"searching": 1.0, "found": float(carried.rect is not None), "score": score}
    return Propagation(logits, score, signals)


def _take_up(
    carried: Carried, soft: Floats, area: Rect, size: tuple[int, int], config: PropagatorConfig
) -> None:
    """Take up an object again where the search found it."""
    rect = object_rect(soft, area, config.search, size).common(area)
    top, left = rect.y_min - area.y_min, rect.x_min - area.x_min
    carried.rect = rect
    carried.soft = np.ascontiguousarray(soft[top : top + rect.height, left : left + rect.width])
    carried.area = float(np.count_nonzero(carried.soft > 0.5))
    carried.found_count = 0

"""The propagator: optical flow says where an object probably is, its appearance model decides."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from track_anything.config import PropagatorConfig
from track_anything.errors import TrackingError
from track_anything.structures import Floats, Frame, Mask, Propagation, VideoInfo
from track_anything.tracking.appearance import single_thread
from track_anything.tracking.carried import (
    Carried,
    change_level,
    learn_key,
    learn_recent,
    likeness,
    new_object,
    place,
    shrink,
)
from track_anything.tracking.compactness import (
    COMPACT,
    cut_outgrowths,
    has_known_thickness,
    is_partly_seen,
)
from track_anything.tracking.confidence import estimated_iou, measure_signals, ring_margin
from track_anything.tracking.features import (
    Features,
    FramePyramid,
    Rect,
    level_size,
)
from track_anything.tracking.hidden import (
    expected_place,
    hidden_part,
    hidden_share,
    widened_prior,
)
from track_anything.tracking.looks import looks_on, sharp_looks, sigmoid
from track_anything.tracking.motion import (
    FORBIDDEN,
    carry_soft_mask,
    object_rect,
    prior_logits,
    stray_parts,
)
from track_anything.tracking.optical_flow import FlowEstimator
from track_anything.tracking.plausibility import believable_part, cede, resemblance_to
from track_anything.tracking.refinement import NOWHERE, refined_logits
from track_anything.tracking.rivals import Logits, is_touched, rivals_together, yield_to_rivals
from track_anything.tracking.search import UNLIKE, find_object, search_area
from track_anything.tracking.snapshot import pack_objects, unpack_objects

_S = TypeVar("_S")
_T = TypeVar("_T")

TOUCH = 4
"""Objects whose carried masks come this close touch, in pixels of a level."""
MOSTLY = 0.5
"""What is left of an object that is hidden by more than this must be of its colours."""
SMALLEST = 3
"""A carried mask of fewer pixels of its level is lost."""


@dataclass(frozen=True, slots=True, eq=False)
class _View:
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


class FlowAppearancePropagator:
    """Carries every object with its own appearance model on shared flow and features.

    An object's masks do not depend on which younger objects are tracked: to the bit.
    """

    def __init__(self, *, config: PropagatorConfig | None = None, seed: int = 0) -> None:
        """Make a propagator; `seed` fixes every random choice."""
        self._config = config or PropagatorConfig()
        self._seed = seed
        self._flow = FlowEstimator()
        self._objects: dict[int, Carried] = {}
        self._size = (0, 0)
        self._pyramid: FramePyramid | None = None
        self._threads: ThreadPoolExecutor | None = None
        # Masks that are taken but not learned yet: those of one frame are learned side by side.
        self._to_learn: dict[int, Callable[[], None]] = {}

    def start(self, info: VideoInfo) -> None:
        """Forget everything and get ready for frames of this size."""
        self._flow.reset()
        self._objects.clear()
        self._to_learn.clear()
        self._size = info.size
        self._pyramid = None

    def forget(self, track_id: int) -> None:
        """Drop an object."""
        self._objects.pop(track_id, None)
        self._to_learn.pop(track_id, None)

    def learn(self, frame: Frame, track_id: int, mask: Mask) -> None:
        """Take a mask as certain; an empty one says that the object is not visible.

        Raises:
            TrackingError: If the frame is not of the size given to start, or the mask not of the
                frame's.
        """
        pyramid = self._on(frame)
        if mask.shape != self._size:
            raise TrackingError(
                f"the mask of object {track_id} has shape {mask.shape}, expected {self._size}"
            )
        if self._flow.previous is None:
            self._flow.next(frame.image)
        self._learn_now([track_id])
        carried = self._objects.get(track_id)
        if not mask.any():
            if carried is not None:
                carried.lose()
            return
        is_new = carried is None
        if carried is None:
            carried = new_object(self._config, self._seed, track_id, mask)
            carried.first_frame = frame.index
            self._objects[track_id] = carried
        place(carried, mask, self._config.search)
        self._to_learn[track_id] = partial(learn_key, carried, pyramid, mask.copy(), is_new=is_new)

    def propagate(self, frame: Frame) -> Mapping[int, Propagation]:
        """Every object on this frame, by ascending track_id.

        Raises:
            TrackingError: If the frame is not of the size given to start.
        """
        self._learn_now(list(self._to_learn))
        pyramid = self._on(frame)
        flow = self._flow.next(frame.image)
        ids = sorted(self._objects)
        with single_thread():
            placed = self._each(lambda i: self._warp(self._objects[i], flow), ids)
            warped = {i: one for i, one in zip(ids, placed, strict=True) if one is not None}
            seen = self._each(lambda i: self._view(i, pyramid, flow, warped), list(warped))
            views = dict(zip(warped, seen, strict=True))
            own = {i: view.own for i, view in views.items()}
            found = self._each(lambda i: self._step(i, pyramid, views, own), ids)
        return dict(zip(ids, found, strict=True))

    def support(self, frame: Frame, track_id: int, mask: Mask) -> float:
        """How well a mask fits what the object has looked like, in [-1, 1]; 0 for unknown ids."""
        self._learn_now([track_id])
        carried = self._objects.get(track_id)
        if carried is None or not mask.any():
            return 0.0
        size = level_size(self._size, carried.level)
        small = shrink(mask, size)
        inside = np.asarray(small > min(0.5, float(small.max()) * 0.99))
        rect = object_rect(inside.astype(np.float32), Rect(0, 0, size[1], size[0]), 8, size)
        with single_thread():
            appearance = looks_on(carried.model, self._on(frame), carried.level, rect)
        return ring_margin(appearance, inside[rect.slices])

    def resemblance(self, frame: Frame, track_id: int, mask: Mask) -> float:
        """How much a mask is like the object in colours, size and shape, 0 to 1; 0 if unknown."""
        self._learn_now([track_id])
        carried = self._objects.get(track_id)
        if carried is None or not mask.any():
            return 0.0
        return resemblance_to(carried, self._on(frame), mask)

    def believable(self, track_id: int, mask: Mask, *, place: Mask) -> Mask:
        """What of a mask can be the object; all of it for unknown ids."""
        carried = self._objects.get(track_id)
        return mask if carried is None else believable_part(carried, mask, place)

    def cede(self, track_id: int, mask: Mask) -> None:
        """Take from an object's carried mask what turned out to be another's."""
        self._learn_now([track_id])
        if (carried := self._objects.get(track_id)) is not None:
            cede(carried, mask)

    def save(self) -> bytes:
        """State from which restore goes on with the same masks, byte for byte."""
        self._learn_now(list(self._to_learn))
        return pack_objects(self._objects, self._flow.previous, self._size)

    def restore(self, state: bytes) -> None:
        """Go on from what save returned, on a propagator of the same settings.

        Raises:
            TrackingError: If the state is not this propagator's.
        """
        self._objects, self._flow.previous, self._size = unpack_objects(state, self._config)
        self._to_learn.clear()
        self._pyramid = None

    def _learn_now(self, ids: list[int]) -> None:
        waiting = [learn for i in ids if (learn := self._to_learn.pop(i, None)) is not None]
        if waiting:
            with single_thread():
                self._each(lambda learn: learn(), waiting)

    def _each(self, work: Callable[[_S], _T], items: list[_S]) -> list[_T]:
        """Do the same for every object, on all cores; objects share nothing that they change."""
        if len(items) < 2:
            return [work(item) for item in items]
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_core_count(), "propagate")
        return list(self._threads.map(work, items))

    def _on(self, frame: Frame) -> FramePyramid:
        if not any(self._size):
            raise TrackingError("start(info) comes before the first frame")
        if frame.image.shape[:2] != self._size:
            height, width = frame.image.shape[:2]
            raise TrackingError(
                f"frame {frame.index} is {width}x{height}, "
                f"expected {self._size[1]}x{self._size[0]} as the video began"
            )
        if self._pyramid is None or self._pyramid.frame is not frame:
            self._pyramid = FramePyramid(frame, seed=self._seed)
        return self._pyramid

    def _warp(self, carried: Carried, flow: Floats | None) -> Logits | None:
        """An object's carried mask on this frame; None while it is searched for."""
        carried.frames_since_key += 1
        if carried.rect is None:
            return None
        size = level_size(self._size, carried.level)
        search = self._config.search
        warped, rect = carry_soft_mask(
            carried.soft, carried.rect, flow, size, search, extent=carried.extent
        )
        return Logits(warped - np.float32(0.5), rect, size)

    def _view(
        self,
        track_id: int,
        pyramid: FramePyramid,
        flow: Floats | None,
        all_warped: Mapping[int, Logits],
    ) -> _View:
        carried, warped = self._objects[track_id], all_warped[track_id]
        rivals = self._rivals(track_id, all_warped)
        touched = carried.is_touched = is_touched(warped, rivals, TOUCH)
        place, covered = warped.values + np.float32(0.5), None
        if touched or carried.hidden is not None:
            place, covered = expected_place(carried, warped, rivals, flow)
        prior = prior_logits(place, self._config, is_touched=touched)
        if covered is not None:
            widened_prior(prior, carried, covered, least=FORBIDDEN)
        features = pyramid.features(carried.level, warped.rect)
        looks = sharp_looks(carried.model, features, prior)
        return _View(
            warped, place, features, looks, Logits(looks + prior, warped.rect, warped.size)
        )

    def _rivals(self, track_id: int, of: Mapping[int, Logits]) -> list[Logits]:
        first = self._objects[track_id].first_frame
        return [
            logits
            for other, logits in of.items()
            if other != track_id and self._objects[other].first_frame <= first
        ]

    def _step(
        self,
        track_id: int,
        pyramid: FramePyramid,
        views: Mapping[int, _View],
        own: Mapping[int, Logits],
    ) -> Propagation:
        carried = self._objects[track_id]
        if track_id not in views:
            return self._search(carried, pyramid, self._rivals(track_id, own))
        view = views[track_id]
        rivals = self._rivals(track_id, own)
        logits, contested = yield_to_rivals(own[track_id], rivals)
        rect, soft = view.warped.rect, sigmoid(logits)
        hidden = None
        if contested is not None:
            hidden = hidden_part(soft, view.place, own[track_id], rivals)
        if has_known_thickness(
            carried.compactness, carried.area, carried.usual_area, is_touched=carried.is_touched
        ):
            cut_outgrowths(soft, view.place, carried.usual_area)
        appearance, warped = sigmoid(view.looks), view.warped.values + np.float32(0.5)
        signals = measure_signals(
            soft=soft,
            appearance=appearance,
            warped=warped,
            area_before=carried.area,
            key_area=carried.key_area / 4**carried.level,
            frames_since_key=carried.frames_since_key,
        )
        refined = refined_logits(pyramid, carried.level, soft, rect)
        if contested is not None and hidden is not None:
            contested |= hidden > 0
            signals["hidden"] = hidden_share(soft, hidden)
        if carried.compactness >= COMPACT:
            area = float(np.count_nonzero(soft > 0.5))
            signals["seen"] = min(area / max(carried.usual_area, 1.0), 1.0)
        self._follow(carried, pyramid, soft, view, contested, hidden)
        return Propagation(refined, estimated_iou(signals), signals)

    def _follow(
        self,
        carried: Carried,
        pyramid: FramePyramid,
        soft: Floats,
        view: _View,
        contested: Mask | None,
        hidden: Floats | None,
    ) -> None:
        strays = stray_parts(soft, view.place, self._config)
        if strays is not None:
            soft[strays] = 0.5
        area = float(np.count_nonzero(soft > 0.5))
        is_left = area >= max(SMALLEST, self._config.collapse * carried.usual_area)
        if is_left and hidden is not None and hidden_share(soft, hidden) > MOSTLY:
            is_left = likeness(carried, pyramid, soft > 0.5, view.warped.rect) > UNLIKE
        if not is_left:
            # What is left of an object that is being covered is mostly what covers it.
            carried.lose()
            return
        carried.soft, carried.rect, carried.area = soft, view.warped.rect, area
        carried.hidden = hidden
        neutral = contested if strays is None else strays
        if strays is not None and contested is not None:
            neutral = strays | contested
        if not is_partly_seen(carried.compactness, carried.whole_area, carried.usual_area):
            learn_recent(carried, pyramid, view.features, soft, neutral)
        change_level(carried, self._size, self._config)

    def _search(self, carried: Carried, pyramid: FramePyramid, rivals: list[Logits]) -> Propagation:
        size = level_size(self._size, carried.level)
        carried.lost_frames += 1
        area, period = search_area(carried.lost_rect, carried.lost_frames, size)
        nothing = np.full((8, 8), NOWHERE, np.float32)
        if carried.lost_frames % period:
            return Propagation(nothing, 0.0, {"searching": 1.0})
        appearance = looks_on(carried.model, pyramid, carried.level, area)
        # One place, one object: where a rival is seen this one is not.
        appearance[rivals_together(Logits(appearance, area, size), rivals)] = 0
        found = find_object(
            appearance,
            carried.usual_area,
            carried.key_elongation,
            likeness=lambda mask: likeness(carried, pyramid, mask, area),
        )
        if found is None or found[1] < self._config.found_score / 2:
            carried.found_count, carried.found_rect = 0, None
            return Propagation(nothing, 0.0, {"searching": 1.0})
        soft, score = found
        rect = object_rect(soft, area, 0, size)
        reach = rect.grown(self._config.search * period, size)
        is_same = carried.found_rect is not None and carried.found_rect.overlaps(reach)
        carried.found_count = carried.found_count + 1 if is_same else 1
        carried.found_rect = rect
        if score >= self._config.found_score and carried.found_count >= self._config.found_looks:
            self._settle(carried, soft, area, size)
        logits = refined_logits(pyramid, carried.level, soft, area)
        signals = {"searching": 1.0, "found": float(carried.rect is not None), "score": score}
        return Propagation(logits, score, signals)

    def _settle(self, carried: Carried, soft: Floats, area: Rect, size: tuple[int, int]) -> None:
        """Take up an object again where the search found it."""
        rect = object_rect(soft, area, self._config.search, size).common(area)
        top, left = rect.y_min - area.y_min, rect.x_min - area.x_min
        carried.rect = rect
        carried.soft = np.ascontiguousarray(soft[top : top + rect.height, left : left + rect.width])
        carried.area = float(np.count_nonzero(carried.soft > 0.5))
        carried.found_count = 0


def _core_count() -> int:
    """Cores that this process may use: more threads than that only get in each other's way."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

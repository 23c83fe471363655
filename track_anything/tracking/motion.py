"""How the optical flow carries a soft mask, and what that is worth as a prior."""

from collections.abc import Callable

import cv2
import numpy as np

from track_anything.config import PropagatorConfig
from track_anything.masks import box_slices, mask_box
from track_anything.structures import Floats, Mask
from track_anything.tracking.features import Rect

FORBIDDEN = -1e3
"""Logit of a pixel too far from the carried mask to be the object."""
LARGE_SHARE, RIVAL_SUPPORT = 0.1, 0.25
"""A part as large as the first share of the object, and as well supported as the second share of
what the best supported part is, may be the object in that part's place."""
CLEARLY_LIKE, CLEARLY_LIKER = 0.8, 0.07
"""It is if it has as much of the object's colours as the first, and more than that part by the
second: a skateboarder has .87 to .92 where a stand as dark as the trousers has .77. DAVIS is the
same with and without."""
MOTION_STEP = 4
"""An object's mean motion is that of every so many pixels: flow is smooth."""


def object_rect(soft: Floats, rect: Rect, margin: int, size: tuple[int, int]) -> Rect:
    """The part of the grid around a soft mask that lies on `rect`, grown by a margin."""
    # A mask thinner than a pixel of the level never reaches a half: take its surest pixels.
    threshold = min(0.5, float(soft.max()) * 0.99)
    box = mask_box(soft > threshold)
    x_min, y_min, x_max, y_max = (int(value) for value in box)
    x, y = rect.x_min, rect.y_min
    return Rect(x + x_min, y + y_min, x + x_max, y + y_max).grown(margin, size)


def carry_soft_mask(
    soft: Floats,
    rect: Rect,
    flow: Floats | None,
    size: tuple[int, int],
    search: int,
    *,
    extent: Floats | None = None,
) -> tuple[Floats, Rect]:
    """The soft mask on the current frame, and the part of the grid where the object can be.

    Args:
        soft: (rect.height, rect.width), object probability on the previous frame.
        rect: Where soft lies.
        flow: Backward flow, (h, w, 2) in its own pixels; None carries without motion.
        size: (height, width) of the grid.
        search: Margin in pixels of the grid.
        extent: As soft, with what is hidden of the object; the margin is around that.
    """
    area = _moved(soft if extent is None else extent, rect, flow, size, search)
    columns = np.arange(area.x_min - rect.x_min, area.x_max - rect.x_min, dtype=np.float32)
    rows = np.arange(area.y_min - rect.y_min, area.y_max - rect.y_min, dtype=np.float32)[:, None]
    if flow is None:
        from_x, from_y = np.broadcast_arrays(columns, rows)
    else:
        from_x, from_y = flow_on(flow, area, size)
        from_x += columns
        from_y += rows
    warped = cv2.remap(soft, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(warped, np.float32), area


def _moved(
    soft: Floats, rect: Rect, flow: Floats | None, size: tuple[int, int], search: int
) -> Rect:
    still = object_rect(soft, rect, 0, size)
    shift_x = shift_y = 0.0
    if flow is not None:
        some = soft[::MOTION_STEP, ::MOTION_STEP]
        along_x, along_y = flow_on(flow, rect, size, step=MOTION_STEP)
        total = float(some.sum()) or 1.0
        shift_x = -float((along_x * some).sum()) / total
        shift_y = -float((along_y * some).sum()) / total
    return Rect(
        still.x_min + int(np.floor(min(shift_x, 0))),
        still.y_min + int(np.floor(min(shift_y, 0))),
        still.x_max + int(np.ceil(max(shift_x, 0))),
        still.y_max + int(np.ceil(max(shift_y, 0))),
    ).grown(search, size)


def own_motion(
    soft: Floats, rect: Rect, flow: Floats | None, size: tuple[int, int]
) -> tuple[float, float]:
    """How far an object has moved to the right and down since the last frame.

    Args:
        soft: (rect.height, rect.width), what is seen of it now.
        rect: Where soft lies.
        flow: As carry_soft_mask.
        size: As carry_soft_mask.

    Returns:
        The median over its pixels: at its edge the flow is often another object's.
    """
    some = soft[::MOTION_STEP, ::MOTION_STEP]
    if flow is None or not some.any():
        return 0.0, 0.0
    along_x, along_y = flow_on(flow, rect, size, step=MOTION_STEP)
    inside = some >= min(0.5, float(some.max()))
    return -float(np.median(along_x[inside])), -float(np.median(along_y[inside]))


def shift_soft_mask(soft: Floats, rect: Rect, shift: tuple[float, float], onto: Rect) -> Floats:
    """(onto.height, onto.width): a soft mask on `rect`, moved to the right and down."""
    x, y = rect.x_min + shift[0] - onto.x_min, rect.y_min + shift[1] - onto.y_min
    moved = cv2.warpAffine(soft, np.array([[1, 0, x], [0, 1, y]]), (onto.width, onto.height))
    return np.asarray(moved, np.float32)


def flow_on(
    flow: Floats, rect: Rect, size: tuple[int, int], *, step: int = 1
) -> tuple[Floats, Floats]:
    """The flow to the right and down on every step-th pixel of a part of a grid, (h, w) each.

    Args:
        flow: (h, w, 2), in its own pixels.
        rect: The part.
        size: (height, width) of the grid, whose pixels the result is in.
        step: See above.
    """
    scale_x, scale_y = flow.shape[1] / size[1], flow.shape[0] / size[0]
    onto = np.array(
        [
            [step * scale_x, 0, (rect.x_min + 0.5) * scale_x - 0.5],
            [0, step * scale_y, (rect.y_min + 0.5) * scale_y - 0.5],
        ]
    )
    shape = -(-rect.width // step), -(-rect.height // step)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    local = cv2.warpAffine(flow, onto, shape, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    # Plane by plane: over pairs of numbers NumPy takes five times as long.
    along_x, along_y = (np.asarray(plane, np.float32) for plane in cv2.split(local))
    along_x *= np.float32(1 / scale_x)
    along_y *= np.float32(1 / scale_y)
    return along_x, along_y


def prior_logits(warped: Floats, config: PropagatorConfig, *, is_touched: bool = False) -> Floats:
    """Logits the carried mask adds: its clipped signed distance; FORBIDDEN beyond the search.

    Between look-alikes that touch only the place can tell, so there it counts for more.
    """
    inside = warped > 0.5
    if not inside.any():
        inside = warped >= max(float(warped.max()), 1e-6)
    seen = inside.view(np.uint8)
    to_background = cv2.distanceTransform(seen, cv2.DIST_L2, 3)
    to_object = cv2.distanceTransform(1 - seen, cv2.DIST_L2, 3)
    weight = config.touched_weight if is_touched else 1.0
    prior = (to_background - to_object) * (weight / config.prior_slope)
    np.clip(prior, -config.prior_outside * weight, config.prior_inside * weight, out=prior)
    prior[to_object > config.search] = FORBIDDEN
    return np.asarray(prior, np.float32)


def stray_parts(
    soft: Floats,
    warped: Floats,
    config: PropagatorConfig,
    *,
    likeness: Callable[[Mask], float] = lambda _: 1.0,
    usual_area: float = np.inf,
) -> np.ndarray | None:
    """Bool map of the parts of a new mask that are not the object; None if there are none.

    Leaks begin as parts the carried mask does not support, at some distance from it, and then
    follow the scene for ever: such parts are neither carried on nor learned from. Of large parts
    far apart only that is the object which is clearly liker it.

    Args:
        soft: (h, w) probability of the object.
        warped: (h, w) the carried mask.
        config: What is far.
        likeness: How much a part has of the object's colours, 0 to 1.
        usual_area: Pixels of the object.
    """
    mask = soft > 0.5
    part = box_slices(mask_box(mask))

    def whole(found: Mask) -> Mask:
        mask = np.zeros(soft.shape, np.bool_)
        mask[part] = found
        return mask

    if not mask[part].size:
        return None
    found = _strays(
        np.ascontiguousarray(mask[part]),
        warped[part] > 0.5,
        config,
        likeness=lambda one: likeness(whole(one)),
        usual_area=usual_area,
    )
    return None if found is None else whole(found)


def _strays(
    mask: Mask,
    carried: Mask,
    config: PropagatorConfig,
    *,
    likeness: Callable[[Mask], float],
    usual_area: float,
) -> Mask | None:
    """The same on the part of the grid where the new mask lies: all of that alone matters."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=4)
    if count <= 2:
        return None
    areas = stats[:, cv2.CC_STAT_AREA]
    support = np.bincount(labels[carried], minlength=count)
    support[0] = 0
    if not support.any():
        return None
    main = int(np.argmax(support))
    is_supported = support >= config.stray_support * areas
    is_supported[[0, main]] = False, True
    side = np.sqrt(areas[is_supported].sum())
    reach = config.stray_distance * side
    parts = _PartsByPixel(labels)
    from_main = parts.gaps(np.arange(count) == main)
    if (from_main > reach).any():
        # One of two that are far apart is another thing: it may well be the larger.
        likest = _likest_part(labels, areas / usual_area, support, likeness)
        if from_main[likest] > reach:
            from_main = parts.gaps(np.arange(count) == likest)
    is_stray = ~is_supported & (parts.gaps(is_supported) > config.stray_gap * side)
    is_stray |= from_main > reach
    is_stray[0] = False
    return is_stray[labels] if is_stray.any() else None


def _likest_part(
    labels: np.ndarray, shares: np.ndarray, support: np.ndarray, likeness: Callable[[Mask], float]
) -> int:
    """The part with the most support; of large ones that which is clearly liker the object."""
    main = int(np.argmax(support))
    is_rival = (shares >= LARGE_SHARE) & (support >= RIVAL_SUPPORT * support[main])
    is_rival[0] = False
    rivals = [int(label) for label in np.flatnonzero(is_rival)]
    if len(rivals) < 2:
        return main
    fits = {label: likeness(labels == label) for label in {main, *rivals}}
    likest = max(rivals, key=fits.__getitem__)
    return likest if fits[likest] >= max(CLEARLY_LIKE, fits[main] + CLEARLY_LIKER) else main


class _PartsByPixel:
    """The pixels of numbered parts, part by part."""

    def __init__(self, labels: np.ndarray) -> None:
        """Sort the pixels of (h, w) labels; those of label 0 belong to no part."""
        self._labels = labels
        pixels = np.flatnonzero(labels)
        numbers = labels.ravel()[pixels]
        self._pixels = pixels[np.argsort(numbers, kind="stable")]
        self._starts = np.concatenate([[0], np.bincount(numbers)[1:].cumsum()[:-1]])

    def gaps(self, is_reference: np.ndarray) -> np.ndarray:
        """Distance of every part to the nearest reference part, in pixels; 0 for label 0."""
        distance = cv2.distanceTransform(
            (~is_reference).astype(np.uint8)[self._labels], cv2.DIST_L2, 3
        ).ravel()
        nearest = np.minimum.reduceat(distance[self._pixels], self._starts)
        return np.concatenate([[0], nearest])

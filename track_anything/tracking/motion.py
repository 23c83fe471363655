"""How the optical flow carries a soft mask, and what that is worth as a prior."""

import cv2
import numpy as np

from track_anything.config import PropagatorConfig
from track_anything.masks import mask_box
from track_anything.structures import Floats
from track_anything.tracking.features import Rect

FORBIDDEN = -1e3
"""Logit of a pixel too far from the carried mask to be the object."""


def object_rect(soft: Floats, rect: Rect, margin: int, size: tuple[int, int]) -> Rect:
    """The part of the grid around a soft mask that lies on `rect`, grown by a margin."""
    # A mask thinner than a pixel of the level never reaches a half: take its surest pixels.
    threshold = min(0.5, float(soft.max()) * 0.99)
    box = mask_box(soft > threshold)
    x_min, y_min, x_max, y_max = (int(value) for value in box)
    x, y = rect.x_min, rect.y_min
    return Rect(x + x_min, y + y_min, x + x_max, y + y_max).grown(margin, size)


def carry_soft_mask(
    soft: Floats, rect: Rect, flow: Floats | None, size: tuple[int, int], search: int
) -> tuple[Floats, Rect]:
    """The soft mask on the current frame, and the part of the grid where the object can be.

    Args:
        soft: (rect.height, rect.width), object probability on the previous frame.
        rect: Where soft lies.
        flow: Backward flow, (h, w, 2) in its own pixels; None carries without motion.
        size: (height, width) of the grid.
        search: Margin in pixels of the grid.
    """
    area = _moved(soft, rect, flow, size, search)
    columns, rows = np.meshgrid(
        np.arange(area.x_min - rect.x_min, area.x_max - rect.x_min, dtype=np.float32),
        np.arange(area.y_min - rect.y_min, area.y_max - rect.y_min, dtype=np.float32),
    )
    if flow is not None:
        local = flow_on(flow, area, size)
        columns += local[..., 0]
        rows += local[..., 1]
    warped = cv2.remap(soft, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(warped, np.float32), area


def _moved(
    soft: Floats, rect: Rect, flow: Floats | None, size: tuple[int, int], search: int
) -> Rect:
    still = object_rect(soft, rect, 0, size)
    shift_x = shift_y = 0.0
    if flow is not None:
        local = flow_on(flow, rect, size)
        total = float(soft.sum()) or 1.0
        shift_x = -float((local[..., 0] * soft).sum()) / total
        shift_y = -float((local[..., 1] * soft).sum()) / total
    return Rect(
        still.x_min + int(np.floor(min(shift_x, 0))),
        still.y_min + int(np.floor(min(shift_y, 0))),
        still.x_max + int(np.ceil(max(shift_x, 0))),
        still.y_max + int(np.ceil(max(shift_y, 0))),
    ).grown(search, size)


def flow_on(flow: Floats, rect: Rect, size: tuple[int, int]) -> Floats:
    """(rect.height, rect.width, 2): the flow on a part of a grid, in pixels of that grid."""
    scale_x, scale_y = flow.shape[1] / size[1], flow.shape[0] / size[0]
    columns, rows = np.meshgrid(
        (np.arange(rect.x_min, rect.x_max, dtype=np.float32) + 0.5) * scale_x - 0.5,
        (np.arange(rect.y_min, rect.y_max, dtype=np.float32) + 0.5) * scale_y - 0.5,
    )
    local = cv2.remap(flow, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(local / np.array([scale_x, scale_y], np.float32), np.float32)


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


def stray_parts(soft: Floats, warped: Floats, config: PropagatorConfig) -> np.ndarray | None:
    """Bool map of the parts of a new mask that are not the object; None if there are none.

    Leaks begin as parts the carried mask does not support, at some distance from it, and then
    follow the scene for ever: such parts are neither carried on nor learned from.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (soft > 0.5).astype(np.uint8), connectivity=4
    )
    if count <= 2:
        return None
    areas = stats[:, cv2.CC_STAT_AREA]
    support = np.bincount(labels[warped > 0.5], minlength=count)
    support[0] = 0
    main = int(np.argmax(support))
    if not main:
        return None
    is_supported = support >= config.stray_support * areas
    is_supported[0] = False
    is_supported[main] = True
    is_main = np.zeros(count, bool)
    is_main[main] = True
    side = np.sqrt(areas[is_supported].sum())
    is_stray = ~is_supported & (_gaps(labels, is_supported, count) > config.stray_gap * side)
    is_stray |= _gaps(labels, is_main, count) > config.stray_distance * side
    is_stray[0] = False
    return is_stray[labels] if is_stray.any() else None


def _gaps(labels: np.ndarray, is_reference: np.ndarray, count: int) -> np.ndarray:
    """Distance of every part to the nearest reference part, in pixels."""
    distance = cv2.distanceTransform(
        (~is_reference[labels]).astype(np.uint8), cv2.DIST_L2, 3
    ).ravel()
    order = np.argsort(labels.ravel(), kind="stable")
    starts = np.searchsorted(labels.ravel()[order], np.arange(count))
    return np.asarray(np.minimum.reduceat(distance[order], starts))


def guided_filter(guide: np.ndarray, values: Floats, *, radius: int, epsilon: float) -> Floats:
    """Values smoothed along the edges of a gray (h, w) uint8 guide.

    Source: He, Sun and Tang, Guided Image Filtering, ECCV 2010.
    """
    window = (2 * radius + 1, 2 * radius + 1)
    gray = guide.astype(np.float32) / 255
    mean_gray, mean_values = cv2.blur(gray, window), cv2.blur(values, window)
    covariance = cv2.blur(gray * values, window) - mean_gray * mean_values
    variance = cv2.blur(gray * gray, window) - mean_gray * mean_gray
    slope = covariance / (variance + epsilon)
    offset = mean_values - slope * mean_gray
    return np.asarray(cv2.blur(slope, window) * gray + cv2.blur(offset, window), np.float32)

"""Holes filled with what other frames show behind them; what no frame shows is made up."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from track_anything.masks import mask_box
from track_anything.removal.alignment import Aligned, Region, aligned
from track_anything.removal.survey import SmallFrame, Survey
from track_anything.removal.window import MaskedFrame, Reference, Window
from track_anything.structures import Floats, Image, Mask

_MAX_TRIES = 6
# Less of a hole than this is not worth another frame.
_MIN_SHARE = 0.01
_FAR_COST = 0.3
_KEPT_GAIN = 0.35
_MAX_DIFFERENCE = 32.0
_SEAM = 9
_INPAINT_RADIUS = 5
_MIN_MARGIN, _MARGIN_SHARE = 64, 0.25


@dataclass(frozen=True, slots=True)
class FillCounts:
    """Where filled pixels came from, over all frames.

    Attributes:
        seen: From another frame.
        carried: From the frame before, where nothing better was known.
        invented: Made up from their surroundings.
    """

    seen: int = 0
    carried: int = 0
    invented: int = 0


class FlowInpainter:
    """Takes each hidden pixel from a frame in which it can be seen.

    What only went by is told from the background by what most frames show. Frames are laid over
    one another by the camera's motion, then by optical flow around the hole; their light is matched
    and seams are blended. The frames that served the last picture are taken
    first, so that the filling stays still. What no frame shows is carried on from the last filled
    picture, and inpainted (Telea, 2004) where that has nothing.

    Attributes:
        counts: Where pixels came from.
    """

    def __init__(self, *, feather: int = 5) -> None:
        """Make one that has filled nothing.

        Args:
            feather: Pixels inside the edge of a hole over which old and new are blended: they are
                background if the mask was dilated by more.
        """
        self.counts = FillCounts()
        self._feather = feather
        self._used: frozenset[int] = frozenset()
        self._small: dict[int, SmallFrame] = {}
        self._previous: MaskedFrame | None = None

    def fill(self, window: Window) -> Image:
        """The target's picture with its mask filled, and nothing else changed."""
        target = window.target
        image = target.image
        if target.mask.any():
            image = self._filled(window)
        nothing = np.zeros(target.mask.shape, np.bool_)
        self._previous = MaskedFrame(target.index, target.time, image, nothing)
        return image

    def _filled(self, window: Window) -> Image:
        target = window.target
        image = target.image.copy()
        wanted = [target.index, *(one.frame.index for one in window.references)]
        self._small = {index: one for index, one in self._small.items() if index in wanted}
        used: set[int] = set()
        for hole in separate_holes(target.mask, context=_MIN_MARGIN):
            region = _surroundings(hole)
            patch = _Patch(hole[region.slices])
            used |= self._fill(window, region, patch)
            self._carry(window, region, patch)
            here = target.image[region.slices]
            filled = _blended(
                here, patch.completed(here), target.mask[region.slices], self._feather
            )
            cv2.copyTo(filled, patch.hole.view(np.uint8), image[region.slices])
        self._used = frozenset(used)
        return image

    def _small_frame(self, frame: MaskedFrame) -> SmallFrame:
        if frame.index not in self._small:
            self._small[frame.index] = SmallFrame(frame)
        return self._small[frame.index]

    def _fill(self, window: Window, region: Region, patch: "_Patch") -> set[int]:
        """Add pieces of references until nothing more is to be had; the indices of those used."""
        target, references = window.target, window.references
        survey = Survey(
            self._small_frame(target),
            patch.hole,
            region,
            [(self._small_frame(one.frame), one.from_target) for one in references],
            frame_side=max(target.mask.shape),
        )
        left = dict(enumerate(references))
        used: set[int] = set()
        for _ in range(_MAX_TRIES):
            best = self._best(target, left, survey, patch)
            if best is None:
                break
            view = left.pop(best)
            piece = aligned(target, view.frame, view.from_target, region)
            if piece.difference <= _MAX_DIFFERENCE:
                patch.add(piece, survey.shown(best))
                used.add(view.frame.index)
        return used

    def _carry(self, window: Window, region: Region, patch: "_Patch") -> None:
        """Carry the last picture on into what is missing; count what came from where."""
        total, missing = (int(np.count_nonzero(mask)) for mask in (patch.hole, patch.rest))
        if missing and window.to_previous is not None and self._previous is not None:
            # Only one step away: flow would blur what is carried far.
            piece = aligned(
                window.target, self._previous, window.to_previous, region, refines=False
            )
            if piece.difference <= _MAX_DIFFERENCE:
                patch.add(piece, np.ones_like(patch.hole))
        invented = int(np.count_nonzero(patch.rest))
        counts = self.counts
        self.counts = FillCounts(
            counts.seen + total - missing,
            counts.carried + missing - invented,
            counts.invented + invented,
        )

    def _best(
        self, target: MaskedFrame, left: Mapping[int, Reference], survey: Survey, patch: "_Patch"
    ) -> int | None:
        """The view that shows most of what is missing: used before, and near, is better."""
        missing = int(np.count_nonzero(patch.rest))
        least = _MIN_SHARE * int(np.count_nonzero(patch.hole)) / max(missing, 1)
        farthest = max((abs(one.frame.index - target.index) for one in left.values()), default=1)
        scores = {}
        for number, view in left.items():
            share = survey.share(number, patch.rest)
            if share > least:
                away = abs(view.frame.index - target.index) / farthest
                is_kept = view.frame.index in self._used
                scores[number] = share - _FAR_COST * away + _KEPT_GAIN * is_kept
        return max(scores, key=lambda number: scores[number], default=None)


class _Patch:
    """The filling of a hole, in the making."""

    def __init__(self, hole: Mask) -> None:
        self.hole = hole
        self._picture: Floats = np.zeros((*hole.shape, 3), np.float32)
        self.rest = hole.copy()

    def add(self, piece: Aligned, shown: Mask) -> int:
        """Fill what is missing and blend over the seams with what is there; pixels filled."""
        usable = piece.seen & shown & self.hole
        taken = self.rest & usable
        # 1 up to the seam, then falling to 0 over what another piece has filled.
        weight = np.asarray(cv2.blur(taken.astype(np.float32), (_SEAM, _SEAM)), np.float32)
        weight = np.minimum(2 * weight, 1) * (usable & ~self.rest)
        weight[taken] = 1
        self._picture += weight[..., None] * (piece.picture - self._picture)
        self.rest = self.rest & ~taken
        return int(np.count_nonzero(taken))

    def completed(self, here: Image) -> Image:
        """The picture of the region with the hole filled; what is missing is inpainted."""
        picture = np.where(self.hole[..., None], np.clip(np.rint(self._picture), 0, 255), here)
        image = picture.astype(np.uint8)
        if not self.rest.any():
            return image
        missing = self.rest.view(np.uint8)
        done = cv2.inpaint(image, missing, _INPAINT_RADIUS, cv2.INPAINT_TELEA)
        return np.asarray(done, np.uint8)


def separate_holes(mask: Mask, *, context: int) -> list[Mask]:
    """Parts of a mask whose boxes, grown by so many pixels, do not touch one another."""
    near = cv2.dilate(mask.view(np.uint8), np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        np.asarray(near, np.uint8), connectivity=8
    )
    groups: list[tuple[list[int], tuple[int, int, int, int]]] = []
    for label in range(1, count):
        x, y, width, height, _ = (int(value) for value in stats[label])
        box = x - context, y - context, x + width + context, y + height + context
        members = [label]
        # A group that grows may come to touch one that it did not touch before.
        while touching := [one for one in groups if _touch(one[1], box)]:
            for one in touching:
                members += one[0]
                box = (
                    min(box[0], one[1][0]),
                    min(box[1], one[1][1]),
                    max(box[2], one[1][2]),
                    max(box[3], one[1][3]),
                )
                groups.remove(one)
        groups.append((members, box))
    return [mask & np.isin(labels, members) for members, _ in groups]


def _touch(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> bool:
    return (
        first[0] < second[2]
        and second[0] < first[2]
        and first[1] < second[3]
        and second[1] < first[3]
    )


def _surroundings(mask: Mask) -> Region:
    """The box of a mask with enough around it to align by."""
    height, width = mask.shape
    left, top, right, bottom = (int(side) for side in mask_box(mask))
    margin = max(_MIN_MARGIN, round(_MARGIN_SHARE * max(right - left, bottom - top)))
    return Region(
        max(left - margin, 0),
        max(top - margin, 0),
        min(right + margin, width),
        min(bottom + margin, height),
    )


def _blended(here: Image, filled: Image, hole: Mask, feather: int) -> Image:
    """The filling in its hole, fading in over so many pixels from the hole's edge."""
    if not feather:
        return filled
    depth = cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    share = np.minimum(np.asarray(depth, np.float32) / (feather + 1), 1)[..., None]
    return np.asarray(np.rint(here + share * (filled.astype(np.float32) - here)), np.uint8)

"""How the camera moved from one frame to the next, judged by what is not masked."""

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.structures import Image, Mask

SIDE = 960
"""Longest side of the pictures compared: corners are placed to a twentieth of a pixel."""

_CORNERS = 600
_MIN_DISTANCE = 8
_MIN_INLIERS_HOMOGRAPHY = 40
_MIN_INLIERS_SIMILARITY = 8
_REPROJECTION = 1.0
_RETURN_ERROR = 0.7
# Pixels at the corners of the frame: a camera on a stand must not drift.
_STILL = 0.05
# Mean difference in levels, once aligned, above which two frames are not of one scene.
_CUT_DIFFERENCE = 45.0


class CameraMotion:
    """Homographies from each frame to the one before it.

    Corners (Shi and Tomasi, CVPR 1994) are followed by pyramidal Lucas-Kanade there and back; what
    returns is fitted by RANSAC.
    """

    def __init__(self) -> None:
        """Make one that has seen no frame."""
        self._gray: Image | None = None
        self._corners: NDArray[np.float32] | None = None
        self._free: Image | None = None

    def step(self, image: Image, mask: Mask) -> NDArray[np.float64] | None:
        """(3, 3): where pixels of this frame were in the one before.

        Args:
            image: Standard form.
            mask: What moves by itself and is not looked at.

        Returns:
            None on the first frame and after a cut.
        """
        gray, free, scale = _small(image, mask)
        before, corners, before_free = self._gray, self._corners, self._free
        self._gray, self._free = gray, free
        found = cv2.goodFeaturesToTrack(
            gray, _CORNERS, 0.005, _MIN_DISTANCE, mask=free, blockSize=5
        )
        # None where there is nothing to follow.
        self._corners = None if found is None else np.asarray(found, np.float32)
        if before is None or before_free is None or before.shape != gray.shape:
            return None
        matrix = _fitted(before, gray, corners, free)
        if _farthest(matrix, gray.shape) < _STILL:
            matrix = np.eye(3)
        if _difference(before, gray, before_free, free, matrix) > _CUT_DIFFERENCE:
            return None
        # Pixels count from their centres: (x + .5) scale - .5 in the small picture.
        shrink = np.array(
            [
                [scale[0], 0, (scale[0] - 1) / 2],
                [0, scale[1], (scale[1] - 1) / 2],
                [0, 0, 1],
            ]
        )
        whole = np.linalg.inv(shrink) @ matrix @ shrink
        return np.asarray(whole / whole[2, 2], np.float64)


def _small(image: Image, mask: Mask) -> tuple[Image, Image, tuple[float, float]]:
    height, width = image.shape[:2]
    shrink = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if shrink < 1 else image
    gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    taken = cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_AREA)
    free = np.asarray(taken == 0).view(np.uint8)
    # A corner sees its surroundings.
    free = np.asarray(cv2.erode(free, np.ones((7, 7), np.uint8)), np.uint8)
    return gray, free, (size[0] / width, size[1] / height)


def _fitted(
    before: Image, now: Image, corners: NDArray[np.float32] | None, free: Image
) -> NDArray[np.float64]:
    """The homography of what was followed, something simpler of little, the identity of nothing."""
    nothing = np.eye(3)
    if corners is None or len(corners) < _MIN_INLIERS_SIMILARITY:
        return nothing
    settings = {"winSize": (21, 21), "maxLevel": 4}
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, None, **settings)  # type: ignore[call-overload]
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(now, before, there, None, **settings)  # type: ignore[call-overload]
    returned = np.abs(back - corners).reshape(-1, 2).max(axis=1) < _RETURN_ERROR
    there = there.reshape(-1, 2)
    x = np.clip(np.rint(there[:, 0]).astype(int), 0, now.shape[1] - 1)
    y = np.clip(np.rint(there[:, 1]).astype(int), 0, now.shape[0] - 1)
    good = (found.ravel() == 1) & (found_back.ravel() == 1) & returned & (free[y, x] == 1)
    source, goal = there[good], corners.reshape(-1, 2)[good]
    if len(source) >= _MIN_INLIERS_HOMOGRAPHY:
        matrix, inliers = cv2.findHomography(source, goal, cv2.RANSAC, _REPROJECTION)
        if matrix is not None and inliers.sum() >= _MIN_INLIERS_HOMOGRAPHY:
            return np.asarray(matrix, np.float64)
    if len(source) >= _MIN_INLIERS_SIMILARITY:
        part, inliers = cv2.estimateAffinePartial2D(
            source, goal, method=cv2.RANSAC, ransacReprojThreshold=_REPROJECTION
        )
        if part is not None and inliers.sum() >= _MIN_INLIERS_SIMILARITY:
            return np.vstack([part, [0, 0, 1]]).astype(np.float64)
    return nothing


def _difference(
    before: Image, now: Image, before_free: Image, free: Image, matrix: NDArray[np.float64]
) -> float:
    """Mean difference in levels of two frames where neither is masked; 0 if nothing is common."""
    size = now.shape[1], now.shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(before, matrix, size, flags=flags)
    common = cv2.warpPerspective(
        before_free, matrix, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    both = np.asarray(common, np.uint8) & free
    return float(cv2.mean(cv2.absdiff(warped, now), mask=both)[0])


def _farthest(matrix: NDArray[np.float64], size: tuple[int, ...]) -> float:
    """How far a homography moves a corner of a picture of (height, width)."""
    height, width = size
    corners = np.array([[[0, 0]], [[width, 0]], [[0, height]], [[width, height]]], np.float64)
    return float(np.abs(cv2.perspectiveTransform(corners, matrix) - corners).max())

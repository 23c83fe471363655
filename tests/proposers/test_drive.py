"""A camera that drives: what stands still streams, a car ahead does not."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
import pytest

from track_anything.config import RegionConfig
from track_anything.masks import mask_iou
from track_anything.proposers.corners import corners
from track_anything.proposers.drive import find_drive
from track_anything.proposers.motion import MotionProposer
from track_anything.segmenters.grabcut import GrabCutSegmenter
from track_anything.structures import Floats, Frame, Image, Mask

HEIGHT, WIDTH = 180, 320
ORIGIN, SLOPE = (150.0, 60.0), 0.001
EVERYWHERE = np.ones((HEIGHT, WIDTH), bool)
NOWHERE = np.zeros((HEIGHT, WIDTH), bool)


def streaming(x: Floats, y: Floats) -> Floats:
    """(N, 4) corners on a flat ground that a camera drives along."""
    share = SLOPE * np.maximum(y - ORIGIN[1], 0)
    return np.stack([x, y, share * (x - ORIGIN[0]), share * (y - ORIGIN[1])], axis=1)


def ground_corners(count: int = 300) -> Floats:
    random = np.random.default_rng(0)
    return streaming(random.uniform(0, WIDTH, count), random.uniform(75, HEIGHT, count))


def test_a_ground_that_streams_from_one_point_says_how_the_camera_drives() -> None:
    # A few marks on plain asphalt are enough: nothing says that the ground between them moves.
    drive = find_drive(ground_corners(), NOWHERE, 0.5)
    assert drive is not None
    assert drive.origin == pytest.approx(ORIGIN, abs=1)
    assert drive.horizon == pytest.approx(60, abs=1)
    motion = drive.ground((HEIGHT, WIDTH))
    # 60 rows below the horizon and 100 columns beside the origin: .06 of (100, 60).
    assert motion[120, 250] == pytest.approx([6, 3.6], abs=0.3)
    assert not motion[:59].any()


def test_cars_and_masts_among_what_streams_change_little() -> None:
    random = np.random.default_rng(1)
    cars = np.stack(
        [*random.uniform((20, 80), (110, 120), (60, 2)).T, np.full(60, 1.5), np.full(60, -1)],
        axis=1,
    )
    drive = find_drive(np.concatenate([ground_corners(), cars]), NOWHERE, 0.5)
    assert drive is not None
    assert drive.origin == pytest.approx(ORIGIN, abs=6)


def test_players_who_all_run_one_way_before_a_hall_are_no_ground() -> None:
    random = np.random.default_rng(2)
    hall = np.concatenate(
        [random.uniform((0, 0), (WIDTH, HEIGHT), (300, 2)), np.zeros((300, 2))], 1
    )
    players = np.concatenate(
        [random.uniform((20, 70), (300, 170), (100, 2)), np.full((100, 2), (5, 1))], axis=1
    )
    assert find_drive(np.concatenate([hall, players]), NOWHERE, 0.5) is None


def test_what_a_camera_follows_sideways_is_no_ground_unless_ground_fills_the_picture() -> None:
    random = np.random.default_rng(3)
    places = random.uniform((0, 60), (WIDTH, HEIGHT), (300, 2))
    steps = -0.05 * (places[:, 1] - 40), random.normal(0, 0.02, 300)
    sideways = np.stack([*places.T, *steps], axis=1)
    assert find_drive(sideways, NOWHERE, 0.5) is None
    drive = find_drive(sideways, EVERYWHERE, 0.5)
    assert drive is not None
    assert abs(drive.origin[0] - WIDTH / 2) > WIDTH / 2


def test_one_thing_that_moves_is_no_ground() -> None:
    random = np.random.default_rng(4)
    places = random.uniform((80, 70), (130, 170), (200, 2))
    assert find_drive(np.concatenate([places, np.full((200, 2), 4)], 1), NOWHERE, 0.5) is None


def test_corners_are_where_edges_meet_and_not_along_them() -> None:
    image = np.zeros((100, 100), np.uint8)
    image[30:70, 40:] = 200
    found = corners(image)
    # The square ends at the rim: it has two corners, and three edges.
    assert len(found) == 2
    np.testing.assert_allclose(found[np.argsort(found[:, 1])], [(40, 30), (40, 69)], atol=2)


@dataclass(frozen=True)
class Road:
    """A drawn drive at 640 pixels: a road with marks and patches, a sky, and cars on it."""

    horizon: int = 150
    size: tuple[int, int] = (360, 640)
    speed: float = 0.35
    focal: float = 500.0

    def draw(self, index: int, cars: list[tuple[float, float, float]]) -> tuple[Image, list[Mask]]:
        """A frame and the mask of every car: its X, its distance on frame 0 and its speed."""
        height, width = self.size
        rows, columns = np.mgrid[:height, :width].astype(np.float64)
        depth = self.focal / np.maximum(rows - self.horizon, 0.5)
        along, across = depth + self.speed * index, (columns - width / 2) * depth / self.focal
        image = np.full((height, width, 3), (150, 190, 235), np.uint8)
        clouds = np.random.default_rng(6).integers(0, 60, (9, 16), np.uint8)
        clouds = cv2.resize(clouds, (width, height), interpolation=cv2.INTER_CUBIC)
        image[: self.horizon] -= clouds[: self.horizon, :, None]
        is_ground = rows > self.horizon
        image[is_ground] = (70, 72, 75)
        # Patches on the road and beside it: cells of a meter by two thirds.
        random = np.random.default_rng(5)
        patches = np.where(random.random((64, 64)) < 0.15, random.integers(20, 90, (64, 64)), 0)
        cells = np.floor(along).astype(int) % 64, np.floor(across * 1.5).astype(int) % 64
        image[is_ground] += patches[cells][is_ground, None].astype(np.uint8)
        lane = np.abs(np.abs(across) - 2.2) < 0.12
        image[is_ground & lane & (along % 6 < 2.4)] = 235
        masks = []
        for x, distance, speed in cars:
            distance += (speed - self.speed) * index
            masks.append(self._car(image, x, distance))
        return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.7), np.uint8), masks

    def _car(self, image: Image, x: float, distance: float) -> Mask:
        scale = self.focal / distance
        left = round(self.size[1] / 2 + (x - 0.9) * scale)
        bottom = round(self.horizon + scale)
        right, top = left + round(1.8 * scale), bottom - round(1.4 * scale)
        mask = np.zeros(self.size, bool)
        mask[top:bottom, left:right] = True
        image[mask] = (150, 30, 35)
        high, wide = bottom - top, right - left
        image[top + high // 8 : top + high // 2, left + wide // 8 : right - wide // 8] = 25
        image[bottom - high // 5 : bottom, left : left + wide // 5] = 10
        image[bottom - high // 5 : bottom, right - wide // 5 : right] = 10
        image[bottom - high // 3 : bottom - high // 4, left:right] = 200
        return mask


def drive_past(cars: list[tuple[float, float, float]]) -> Iterator[tuple[Frame, list[Mask]]]:
    road = Road()
    for index in range(3):
        # As discovery shows them: every other frame.
        image, masks = road.draw(2 * index, cars)
        yield Frame(index, Fraction(index, 12), image), masks


def test_a_car_ahead_that_hardly_moves_in_the_picture_is_found_and_one_that_stands_is_not() -> None:
    ahead, parked = (-1.0, 11.0, 0.35), (4.0, 16.0, 0.0)
    proposer = MotionProposer(GrabCutSegmenter(), config=RegionConfig(least_moving_score=0.3))
    frames = list(drive_past([ahead, parked]))
    regions = [proposer.regions(frame) for frame, _ in frames][-1]
    masks = frames[-1][1]
    best = max(regions, key=lambda one: mask_iou(one.mask, masks[0]))
    assert mask_iou(best.mask, masks[0]) > 0.7
    assert best.on_drive
    assert all(mask_iou(one.mask, masks[1]) < 0.1 for one in regions)


def test_cars_side_by_side_are_proposed_apart() -> None:
    pair = [(-2.3, 11.0, 0.35), (0.0, 11.0, 0.35)]
    proposer = MotionProposer(GrabCutSegmenter(), config=RegionConfig(least_moving_score=0.3))
    frames = list(drive_past(pair))
    regions = [proposer.regions(frame) for frame, _ in frames][-1]
    for mask in frames[-1][1]:
        assert max(mask_iou(one.mask, mask) for one in regions) > 0.6


def test_an_empty_road_proposes_nothing() -> None:
    proposer = MotionProposer(GrabCutSegmenter())
    for frame, _ in drive_past([]):
        regions = proposer.regions(frame)
    assert regions == []

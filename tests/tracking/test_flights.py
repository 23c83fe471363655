"""Flights: linked where a thing should be by now, though its masks never overlap."""

import numpy as np
import pytest

from track_anything.tracking.flights import MOST_MISSED, Flight, Flights
from track_anything.tracking.novelty import Spot

SIDE = 640


def spot(x: float, y: float, *, area: int = 150, color: float = 230.0) -> Spot:
    return Spot(
        inside=np.ones((2, 2), bool),
        corner=(int(x), int(y)),
        middle=np.array([x, y], np.float32),
        area=area,
        length=14.0,
        color=np.full(3, color, np.float32),
    )


def fly(flights: Flights, places: list[list[Spot]]) -> list[dict[Flight, Spot]]:
    return [flights.follow(spots, index, side=SIDE) for index, spots in enumerate(places)]


def test_what_flies_is_one_flight_with_its_step_and_its_way() -> None:
    flights = Flights()
    fly(flights, [[spot(100 + 30 * index, 200 - 10 * index)] for index in range(4)])
    (one,) = flights.flying
    assert (one.seen, one.first_frame, one.number) == (4, 0, 1)
    assert one.step == pytest.approx((30, -10))
    assert one.way == pytest.approx((90, -30))
    assert one.has_flown(3, SIDE)
    assert not one.has_flown(5, SIDE)


def test_it_is_expected_further_on_after_frames_without_it() -> None:
    flights = Flights()
    fly(flights, [[spot(100, 200)], [spot(130, 200)], [], [], [spot(220, 200)]])
    (one,) = flights.flying
    assert (one.seen, one.step) == (3, pytest.approx((30, 0)))
    assert one.way == pytest.approx((120, 0))


def test_it_is_forgotten_when_it_is_not_seen_for_too_long() -> None:
    flights = Flights()
    fly(flights, [[spot(100, 200)], [spot(130, 200)], *[[]] * (MOST_MISSED + 1)])
    assert flights.flying == []


def test_two_that_cross_keep_their_ways() -> None:
    flights = Flights()
    places = [
        [spot(100 + 40 * index, 200 + 2 * index), spot(300 - 40 * index, 202 - 2 * index)]
        for index in range(6)
    ]
    fly(flights, places)
    steps = sorted(one.step[0] for one in flights.flying if one.seen == 6)
    assert steps == pytest.approx([-40, 40])


@pytest.mark.parametrize(
    "other", [spot(130, 200, color=150), spot(130, 200, area=900), spot(400, 200)]
)
def test_another_colour_size_or_place_is_another_thing(other: Spot) -> None:
    flights = Flights()
    fly(flights, [[spot(100, 200)], [other]])
    assert [one.seen for one in flights.flying] == [1, 1]


def test_what_flutters_about_does_not_fly() -> None:
    for walked, has_flown in ((64.0, True), (90.0, False)):
        one = Flight(1, 0, (100, 200), 150, 14.0, (230.0,) * 3, step=(30, 0))
        one.seen, one.way, one.walked = 3, (60, 0), walked
        assert one.has_flown(3, SIDE) is has_flown


def test_what_hardly_moves_does_not_fly() -> None:
    flights = Flights()
    fly(flights, [[spot(100 + 4 * index, 200)] for index in range(20)])
    (one,) = flights.flying
    assert one.seen == 20
    assert not one.has_flown(3, SIDE)

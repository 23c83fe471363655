import pytest

from track_anything.tracking.shares import (
    MOST_PROCESSES,
    NEWEST,
    Pauses,
    Shares,
    Spent,
    process_count,
)


@pytest.mark.parametrize(
    ("objects", "cores", "processes"),
    [(0, 4, 1), (1, 4, 1), (3, 4, 1), (4, 4, 2), (6, 4, 3), (10, 4, 4), (10, 2, 2), (10, 1, 1)],
)
def test_processes_are_for_pairs_of_objects_and_no_more_than_cores(
    objects: int, cores: int, processes: int
) -> None:
    assert process_count(0, objects, cores) == processes


def test_a_machine_of_many_cores_gets_a_bounded_number_of_processes() -> None:
    assert process_count(0, 100, 64) == MOST_PROCESSES


@pytest.mark.parametrize(
    ("asked", "objects", "processes"), [(1, 10, 1), (4, 10, 4), (4, 3, 3), (4, 0, 1), (4, 1, 1)]
)
def test_as_many_as_asked_for_but_none_without_an_object(
    asked: int, objects: int, processes: int
) -> None:
    assert process_count(asked, objects, 2) == processes


NO_PAUSES = Pauses(0.0, 0.0)


def shares(groups: dict[int, int], costs: dict[int, float]) -> Shares:
    found = Shares()
    for track_id, group in groups.items():
        found.put(track_id, group)
    measure(found, costs)
    return found


def measure(found: Shares, costs: dict[int, float]) -> None:
    found.measure({i: Spent(looking=cost) for i, cost in costs.items()}, NO_PAUSES)


def test_a_new_object_goes_to_the_group_that_has_least_to_do() -> None:
    found = shares({1: 0, 2: 1, 3: 1}, {1: 3.0, 2: 1.0, 3: 1.0})
    assert found.idlest(2) == 1
    assert found.idlest(3) == 2


def taken(found: Shares, moves: dict[int, int]) -> Shares:
    for track_id, group in moves.items():
        found.put(track_id, group)
    return found


def test_objects_are_dealt_so_that_all_groups_have_as_much_to_do() -> None:
    """4 and 1, 3 and 2."""
    found = shares({1: 0, 2: 0, 3: 0, 4: 1}, {1: 4.0, 2: 3.0, 3: 2.0, 4: 1.0})
    taken(found, found.dealt(2))
    assert [found.members(0), found.members(1)] == [[1, 4], [2, 3]]


def test_objects_are_dealt_better_than_largest_first() -> None:
    """Largest first gives 3 + 2 + 2 and 3 + 2."""
    found = shares(dict.fromkeys(range(1, 6), 0), {1: 3.0, 2: 3.0, 3: 2.0, 4: 2.0, 5: 2.0})
    taken(found, found.dealt(2))
    assert sorted(found.members(group) for group in range(2)) == [[1, 2], [3, 4, 5]]


def test_objects_are_shared_out_to_groups_that_have_none() -> None:
    found = shares(dict.fromkeys(range(1, 7), 0), {})
    taken(found, found.dealt(3))
    assert [len(found.members(group)) for group in range(3)] == [2, 2, 2]


@pytest.mark.parametrize("part", ["learning", "features"])
def test_groups_that_work_while_the_first_does_other_things_get_more_objects(part: str) -> None:
    """The first has to do it while the others wait; they do it before they are asked."""
    found = Shares()
    for track_id in range(5):
        found.put(track_id, 0)
    spent = Spent(looking=1.0)._replace(**{part: 0.5})
    pauses = Pauses(unseen=0.0, seen=1.0 / NEWEST)
    found.measure(dict.fromkeys(range(5), spent), pauses)
    taken(found, found.dealt(3))
    assert [len(found.members(group)) for group in range(3)] == [1, 2, 2]


def test_before_they_are_shown_a_frame_the_others_can_only_learn() -> None:
    found = Shares()
    found.put(1, 1)
    found.measure({1: Spent(learning=1.0, features=2.0)}, Pauses(unseen=9.0 / NEWEST, seen=0.0))
    assert found._delay(found._loads({1: 1}, 2)) == pytest.approx(2.0)


def test_what_the_first_group_learns_while_others_finish_delays_nobody() -> None:
    """The first has 4 to do; the other 3, of which 2 while the first learns."""
    found = Shares()
    spent = {1: Spent(learning=3.0, looking=1.0), 2: Spent(looking=1.0, after=2.0)}
    found.measure(spent, NO_PAUSES)
    assert found._delay(found._loads({1: 0, 2: 1}, 2)) == 4.0


def test_an_object_that_has_become_dear_is_adjusted_for() -> None:
    """1 against 3 + 1 + 1: the first two change places, and it is 3 against 3."""
    found = shares({1: 0, 2: 1, 3: 1, 4: 1}, {1: 1.0, 2: 3.0, 3: 1.0, 4: 1.0})
    assert found.adjusted(2) == {2: 0, 1: 1}
    assert taken(found, found.adjusted(2)).adjusted(2) == {}


def test_one_object_goes_where_an_exchange_would_do_less() -> None:
    """1 against 1 + 1 + 1: one moves, and it is 2 against 2."""
    found = shares({1: 0, 2: 1, 3: 1, 4: 1}, dict.fromkeys(range(1, 5), 1.0))
    assert found.adjusted(2) == {2: 0}


def test_nothing_is_moved_for_a_small_gain() -> None:
    """4 against 5 is as good as it gets with one object each; 5 is hardly less than 5.2."""
    assert shares({1: 0, 2: 1}, {1: 4.0, 2: 5.0}).adjusted(2) == {}
    nearly = shares({1: 0, 2: 0, 3: 1}, {1: 5.0, 2: 0.2, 3: 5.0})
    assert nearly.adjusted(2) == {}


def test_what_an_object_costs_is_the_mean_of_its_last_frames() -> None:
    """One slow frame in ten does not make a slow object: 1, and 0.2 of the way to 6, is 2."""
    found = shares({1: 0, 2: 1}, {1: 1.0, 2: 4.0})
    measure(found, {1: 6.0})
    assert found.idlest(2) == 0
    for _ in range(4):
        measure(found, {1: 6.0})
    assert found.idlest(2) == 1


def test_an_object_that_is_gone_costs_nothing() -> None:
    found = shares({1: 0, 2: 1}, {1: 9.0, 2: 1.0})
    found.remove(1)
    found.remove(7)
    assert (len(found), found.group_of(1), found.idlest(2)) == (1, None, 0)
    found.clear()
    assert len(found) == 0
